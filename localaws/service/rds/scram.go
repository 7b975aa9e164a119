package rds

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
)

// verifier turns a password into the form PostgreSQL keeps, from which the
// password cannot be read. PostgreSQL takes it in place of a password.
// See https://www.postgresql.org/docs/15/catalog-pg-authid.html.
func verifier(password string) string {
	const iterations = 4096 // PostgreSQL's own
	salt := make([]byte, 16)
	rand.Read(salt)
	salted, err := pbkdf2.Key(sha256.New, password, salt, iterations, sha256.Size)
	if err != nil {
		panic("rds: " + err.Error()) // only for key sizes that FIPS 140 forbids
	}
	mac := func(text string) []byte {
		h := hmac.New(sha256.New, salted)
		h.Write([]byte(text))
		return h.Sum(nil)
	}
	stored := sha256.Sum256(mac("Client Key"))
	b64 := base64.StdEncoding.EncodeToString
	return fmt.Sprintf("SCRAM-SHA-256$%d:%s$%s:%s", iterations, b64(salt), b64(stored[:]), b64(mac("Server Key")))
}
