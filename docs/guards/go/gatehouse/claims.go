package gatehouse

import "encoding/json"

// Claims of an access token. Act is the client that acts for its person, with the client before it (RFC 8693).
type Claims struct {
	Iss, Sub, Jti, Sid, Scope string
	Aud                       audiences
	Iat, Nbf, Exp             float64
	Roles                     []string
	Ver                       int
	ClientID                  string `json:"client_id"`
	ClientVer                 int    `json:"client_ver"`
	Act                       *Claims
}

// audiences is a string or a list of strings (RFC 7519 §4.1.3).
type audiences []string

func (a *audiences) UnmarshalJSON(raw []byte) error {
	if raw[0] == '[' {
		return json.Unmarshal(raw, (*[]string)(a))
	}
	*a = audiences{""}
	return json.Unmarshal(raw, &(*a)[0])
}

func unmarshal(part string, into any) bool {
	return json.Unmarshal(decode(part), into) == nil
}
