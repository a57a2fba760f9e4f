// A service that Gatehouse signs people in to.
package main

import (
	"encoding/json"
	"log"
	"net/http"
	"strings"

	"orders/gatehouse"
	"os"
)

func main() {
	issuer := env("GATEHOUSE_ISSUER", "http://localhost:3000")
	guard := gatehouse.New(gatehouse.Options{
		Issuer:         issuer,
		URL:            os.Getenv("GATEHOUSE_URL"),
		Audience:       env("GATEHOUSE_AUDIENCE", issuer),
		ClientID:       os.Getenv("CLIENT_ID"),
		ClientSecret:   os.Getenv("CLIENT_SECRET"),
		AllowedOrigins: strings.Fields(os.Getenv("ALLOWED_ORIGINS")),
	})
	http.HandleFunc("/protected", guard.Require(gatehouse.Needs{}, func(w http.ResponseWriter, r *http.Request) {
		reply(w, map[string]any{"logged_in_as": gatehouse.ClaimsOf(r).Sub})
	}))
	http.HandleFunc("/admin", guard.Require(gatehouse.Needs{Role: "admin"}, func(w http.ResponseWriter, r *http.Request) {
		reply(w, map[string]any{"roles": gatehouse.ClaimsOf(r).Roles})
	}))
	http.HandleFunc("/orders", guard.Require(gatehouse.Needs{Scope: "orders:read"}, func(w http.ResponseWriter, r *http.Request) {
		reply(w, map[string]any{"orders": []string{}})
	}))
	log.Fatal(http.ListenAndServe("127.0.0.1:"+env("PORT", "4000"), nil))
}

func reply(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(body)
}

func env(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}
