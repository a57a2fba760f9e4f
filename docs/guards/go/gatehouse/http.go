package gatehouse

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// A redirect would take the bearer token elsewhere.
var client = http.Client{
	Timeout:       8 * time.Second,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

type clientToken struct {
	Value   string  `json:"access_token"`
	Seconds float64 `json:"expires_in"`
	askedAt time.Time
}

// requestToken gets a token for the machine client of this service (RFC 6749 §4.4).
func (g *Guard) requestToken() (*clientToken, error) {
	token := clientToken{askedAt: time.Now()}
	form := url.Values{"grant_type": {"client_credentials"}}.Encode()
	request, err := http.NewRequest("POST", g.URL+"/oauth/token", strings.NewReader(form))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.SetBasicAuth(url.QueryEscape(g.ClientID), url.QueryEscape(g.ClientSecret))
	return &token, send(request, &token)
}

func getJSON(address, bearer string, into any) error {
	request, err := http.NewRequest("GET", address, nil)
	if err != nil {
		return err
	}
	if bearer != "" {
		request.Header.Set("Authorization", "Bearer "+bearer)
	}
	return send(request, into)
}

func send(request *http.Request, into any) error {
	answer, err := client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %d", request.URL.Path, answer.StatusCode)
	}
	return json.NewDecoder(answer.Body).Decode(into)
}
