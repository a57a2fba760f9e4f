package gatehouse

import (
	"net/http"
	"strings"
)

func (g *Guard) admit(r *http.Request, needs Needs) (*Claims, *Refusal) {
	tokens, isBearer := g.tokensOf(r)
	if len(tokens) > 0 && !isBearer && !g.comesFromHere(r) {
		return nil, refuse("cross_site_request", "found Origin "+r.Header.Get("Origin"))
	}
	refusal := refuse("unauthorized", "no token")
	for _, token := range tokens {
		claims, problem := g.verify(token)
		if problem == nil {
			return claims, lacks(claims, needs)
		}
		if refusal.Code == "unauthorized" {
			refusal = problem
		}
	}
	return nil, refusal
}

func lacks(claims *Claims, needs Needs) *Refusal {
	for _, scope := range strings.Fields(needs.Scope) {
		if !contains(strings.Fields(claims.Scope), scope) {
			return refuse("forbidden", "no scope "+scope)
		}
	}
	if needs.Role != "" && !contains(claims.Roles, needs.Role) {
		return refuse("forbidden", "no role "+needs.Role)
	}
	return nil
}

// tokensOf returns the bearer token, or else each value of the access cookie: another host may have set one of them.
func (g *Guard) tokensOf(r *http.Request) (tokens []string, isBearer bool) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if strings.EqualFold(scheme, "Bearer") {
		return []string{strings.TrimLeft(token, " ")}, true
	}
	names := []string{"access"}
	if strings.HasPrefix(g.Issuer, "https:") {
		names = []string{"__Host-access", "__Secure-access"}
	}
	for _, name := range names {
		for _, cookie := range r.Cookies() {
			if cookie.Name == name && cookie.Value != "" {
				tokens = append(tokens, cookie.Value)
			}
		}
	}
	return tokens, false
}
