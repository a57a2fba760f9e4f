package gatehouse

import (
	"encoding/json"
	"net/http"
)

// Refusal is an answer of the guard. Reason is for the log alone.
type Refusal struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Code   string `json:"code"`
	Reason string `json:"-"`
}

var refusals = map[string]Refusal{
	"unauthorized":       {Status: 401, Title: "Sign in to do this."},
	"token_stale":        {Status: 401, Title: "The access token is out of date: refresh it."},
	"forbidden":          {Status: 403, Title: "You are not allowed to do this."},
	"cross_site_request": {Status: 403, Title: "The request came from a site that is not allowed."},
	"unavailable":        {Status: 503, Title: "The service is not available: try again soon."},
}

func refuse(code, reason string) *Refusal {
	refusal := refusals[code]
	refusal.Type, refusal.Code, refusal.Reason = "urn:gatehouse:problem:"+code, code, reason
	return &refusal
}

func (r *Refusal) Error() string {
	return r.Code + ": " + r.Reason
}

// answer writes the problem (RFC 9457).
func (r *Refusal) answer(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/problem+json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	switch r.Status {
	case 401:
		w.Header().Set("WWW-Authenticate", "Bearer")
	case 503:
		w.Header().Set("Retry-After", "1")
	}
	w.WriteHeader(r.Status)
	json.NewEncoder(w).Encode(r)
}
