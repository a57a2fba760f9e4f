// Package gatehouse guards the handlers of a service with Gatehouse's access tokens.
package gatehouse

import (
	"context"
	"log"
	"net/http"
)

// Options of a service. URL is Gatehouse's address from here, if it is not Issuer.
type Options struct {
	Issuer, Audience, URL, ClientID, ClientSecret string
	AllowedOrigins                                []string
}

// Guard verifies tokens, and follows what Gatehouse revokes.
type Guard struct {
	Options
	keys        keys
	revocations revocations
}

// Needs are what a handler asks of its callers: all scopes, separated by spaces, and a role.
type Needs struct{ Scope, Role string }

type claimsKey struct{}

// New makes the guard of a service.
func New(options Options) *Guard {
	if options.URL == "" {
		options.URL = options.Issuer
	}
	g := &Guard{Options: options, keys: keys{url: options.URL + "/.well-known/jwks.json"}}
	g.revocations.entries = map[string]entry{}
	go g.follow()
	return g
}

// Require admits callers who meet the needs to a handler. ClaimsOf returns who they are.
func (g *Guard) Require(needs Needs, handler http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		claims, refusal := g.admit(r, needs)
		if refusal != nil {
			log.Println("refused:", refusal)
			refusal.answer(w)
			return
		}
		handler(w, r.WithContext(context.WithValue(r.Context(), claimsKey{}, claims)))
	}
}

// ClaimsOf returns the claims of a caller whom Require admitted.
func ClaimsOf(r *http.Request) *Claims {
	claims, _ := r.Context().Value(claimsKey{}).(*Claims)
	return claims
}
