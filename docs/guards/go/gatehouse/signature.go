package gatehouse

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"math/big"
)

// verifies checks a signature by the algorithm of the key: ES256, EdDSA or RS256. The token does not choose it.
func (key jwk) verifies(input, signature []byte) bool {
	digest := sha256.Sum256(input)
	switch key.Alg {
	case "ES256":
		if key.Crv != "P-256" || len(signature) != 64 {
			return false
		}
		r, s := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
		public := ecdsa.PublicKey{Curve: elliptic.P256(), X: number(key.X), Y: number(key.Y)}
		return public.IsOnCurve(public.X, public.Y) && ecdsa.Verify(&public, digest[:], r, s)
	case "EdDSA":
		public := decode(key.X)
		return key.Crv == "Ed25519" && len(public) == ed25519.PublicKeySize && ed25519.Verify(public, input, signature)
	case "RS256":
		public := rsa.PublicKey{N: number(key.N), E: int(number(key.E).Int64())}
		return rsa.VerifyPKCS1v15(&public, crypto.SHA256, digest[:], signature) == nil
	}
	return false
}

func decode(text string) []byte {
	bytes, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return nil
	}
	return bytes
}

func number(text string) *big.Int {
	return new(big.Int).SetBytes(decode(text))
}
