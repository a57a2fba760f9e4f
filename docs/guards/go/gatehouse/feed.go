package gatehouse

import (
	"encoding/json"
	"log"
	"net/url"
	"time"
)

// follow reads the revocations for ever, by long poll. After a failure it asks from the start, with a new token.
func (g *Guard) follow() {
	cursor, token := "", (*clientToken)(nil)
	for {
		next, current, err := g.read(cursor, token)
		cursor, token = next, current
		if err != nil {
			log.Println("the revocation feed cannot be read:", err)
			time.Sleep(time.Second)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func (g *Guard) read(cursor string, token *clientToken) (string, *clientToken, error) {
	if token == nil || time.Since(token.askedAt).Seconds() > 0.7*token.Seconds {
		renewed, err := g.requestToken()
		if err != nil {
			return "", nil, err
		}
		token = renewed
	}
	query := ""
	if cursor != "" {
		query = "?wait=5&cursor=" + url.QueryEscape(cursor)
	}
	var page struct {
		Entries []json.RawMessage
		Cursor  string
	}
	if err := getJSON(g.URL+"/oauth/revocations"+query, token.Value, &page); err != nil {
		return "", nil, err
	}
	return page.Cursor, token, g.revocations.take(page.Entries)
}
