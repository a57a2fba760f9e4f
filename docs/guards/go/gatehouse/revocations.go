package gatehouse

import (
	"sync"
	"time"
)

type entry struct {
	Kind, ID   string
	MinVersion int
	ExpiresAt  time.Time
}

// revocations holds what Gatehouse revokes, by kind and id.
type revocations struct {
	sync.Mutex
	entries      map[string]entry
	doubtedUntil float64
	readAt       time.Time
}

// check returns a refusal if a token was revoked, or if that cannot be known.
func (r *revocations) check(kid string, claims *Claims) *Refusal {
	r.Lock()
	defer r.Unlock()
	if time.Since(r.readAt) > 10*time.Second {
		return refuse("unavailable", "the revocation feed is lost")
	}
	if r.ends("kid", kid, 0) {
		return refuse("token_stale", "its key was revoked")
	}
	isEnded := r.ends("sid", claims.Sid, 0) || r.ends("jti", claims.Jti, 0) || r.ends("client", claims.ClientID, claims.ClientVer)
	if claims.Act != nil { // an exchanged token ends with every client that acted before
		for actor := claims.Act.Act; actor != nil; actor = actor.Act {
			isEnded = isEnded || r.ends("client", actor.Sub, actor.ClientVer) || r.ends("jti", actor.Jti, 0)
		}
	}
	if isEnded {
		return refuse("unauthorized", "revoked")
	}
	if claims.Iat <= r.doubtedUntil || (claims.Sid != "" && r.ends("user", claims.Sub, claims.Ver)) {
		return refuse("token_stale", "roles or profile changed")
	}
	return nil
}

func (r *revocations) ends(kind, id string, version int) bool {
	known, isKnown := r.entries[kind+" "+id]
	return isKnown && (version < known.MinVersion || kind == "sid" || kind == "jti" || kind == "kid")
}
