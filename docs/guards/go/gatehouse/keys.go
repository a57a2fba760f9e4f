package gatehouse

import (
	"sync"
	"time"
)

// jwk is a public key of Gatehouse (RFC 7517).
type jwk struct{ Kid, Alg, Crv, X, Y, N, E string }

type keys struct {
	sync.Mutex
	url     string
	known   map[string]jwk
	triedAt time.Time
	failure error
}

// find fetches the keys every minute, and for an unknown one at most once in five seconds.
func (k *keys) find(kid string) (jwk, *Refusal) {
	k.Lock()
	defer k.Unlock()
	age := time.Since(k.triedAt)
	if _, isKnown := k.known[kid]; age > time.Minute || (!isKnown && age > 5*time.Second) {
		k.triedAt = time.Now()
		k.failure = k.fetch()
	}
	key, isKnown := k.known[kid]
	if isKnown {
		return key, nil
	}
	if k.failure != nil {
		return key, refuse("unavailable", k.failure.Error())
	}
	return key, refuse("unauthorized", "the key that signed it is not published")
}

func (k *keys) fetch() error {
	var jwks struct{ Keys []jwk }
	if err := getJSON(k.url, "", &jwks); err != nil {
		return err
	}
	k.known = map[string]jwk{}
	for _, key := range jwks.Keys {
		k.known[key.Kid] = key
	}
	return nil
}
