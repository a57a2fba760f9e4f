package gatehouse

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// Seconds: before a token's time, after its end, of its life.
const early, late, longestLife = 60, 5, 3600

// verify returns the claims of a token, or a refusal.
func (g *Guard) verify(token string) (*Claims, *Refusal) {
	var header struct {
		Alg, Typ, Kid string
		Crit, Zip     any
	}
	var claims Claims
	parts := strings.Split(token, ".")
	if len(parts) != 3 || !unmarshal(parts[0], &header) || !unmarshal(parts[1], &claims) {
		return nil, refuse("unauthorized", "the token is malformed")
	}
	if header.Typ != "at+jwt" || header.Crit != nil || header.Zip != nil {
		return nil, refuse("unauthorized", "not the header of an access token")
	}
	key, refusal := g.keys.find(header.Kid)
	if refusal != nil {
		return nil, refusal
	}
	if header.Alg != key.Alg || !key.verifies([]byte(parts[0]+"."+parts[1]), decode(parts[2])) {
		return nil, refuse("unauthorized", "the signature is invalid")
	}
	if claims.Iss != g.Issuer || !contains(claims.Aud, g.Audience) {
		found := fmt.Sprintf("found %s for %v", claims.Iss, claims.Aud)
		return nil, refuse("unauthorized", "expected "+g.Issuer+" for "+g.Audience+", "+found)
	}
	now := float64(time.Now().UnixMilli()) / 1000
	begins := math.Max(claims.Iat, claims.Nbf)
	if now >= claims.Exp+late || begins > now+early || claims.Exp-claims.Iat > longestLife+late {
		return nil, refuse("unauthorized", fmt.Sprintf("valid from %.0f to %.0f, now it is %.0f", begins, claims.Exp, now))
	}
	return &claims, g.revocations.check(header.Kid, &claims)
}
