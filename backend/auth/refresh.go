package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
)

// refreshBytes is how many random bytes a refresh token has.
const refreshBytes = 32

// NewRefreshToken returns a random token of 256 bits in 43 characters that a cookie may
// hold, and the hash it is stored by.
func NewRefreshToken() (token string, hash []byte) {
	b := make([]byte, refreshBytes)
	rand.Read(b)
	return base64.RawURLEncoding.EncodeToString(b), hashRefresh(b)
}

// RefreshHash returns the hash that a refresh token is stored by: its SHA-256. The
// token is random, so nothing slower is needed. The error is ErrMalformed.
func RefreshHash(token string) ([]byte, error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(b) != refreshBytes || len(token) != base64.RawURLEncoding.EncodedLen(refreshBytes) {
		return nil, ErrMalformed
	}
	return hashRefresh(b), nil
}

func hashRefresh(b []byte) []byte {
	sum := sha256.Sum256(b)
	return sum[:]
}
