package gatehouse

import "net/http"

// comesFromHere tells whether a page of this origin, or of an allowed one, may have sent an unsafe request.
func (g *Guard) comesFromHere(r *http.Request) bool {
	switch r.Method {
	case "GET", "HEAD", "OPTIONS":
		return true
	}
	return r.Header.Get("Sec-Fetch-Site") == "same-origin" || contains(g.AllowedOrigins, r.Header.Get("Origin"))
}

func contains[T comparable](list []T, wanted T) bool {
	for _, each := range list {
		if each == wanted {
			return true
		}
	}
	return false
}
