package gatehouse

import (
	"encoding/json"
	"time"
)

func (r *revocations) take(page []json.RawMessage) error {
	r.Lock()
	defer r.Unlock()
	for _, raw := range page {
		if err := r.add(raw); err != nil {
			return err
		}
	}
	for key, known := range r.entries {
		if time.Now().After(known.ExpiresAt) {
			delete(r.entries, key)
		}
	}
	r.readAt = time.Now()
	return nil
}

func (r *revocations) add(raw json.RawMessage) error {
	var added entry
	if err := json.Unmarshal(raw, &added); err != nil {
		return err
	}
	key := added.Kind + " " + added.ID
	switch added.Kind {
	case "sid", "jti", "kid", "user", "client":
		if r.entries[key].MinVersion > added.MinVersion {
			return nil
		}
	default: // it may concern every token issued until now
		key = "unknown " + string(raw)
		if _, isKnown := r.entries[key]; !isKnown {
			r.doubtedUntil = float64(time.Now().UnixMilli()) / 1000
		}
	}
	r.entries[key] = added
	return nil
}
