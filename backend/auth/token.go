package auth

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// TokenLifetime is how long an access token is good for.
const TokenLifetime = 4 * time.Hour

// MinSecretLength is the least number of bytes of a signing secret.
const MinSecretLength = 32

// Failures of a token.
var (
	ErrExpired   = errors.New("token has expired")
	ErrMalformed = errors.New("token is malformed")
	ErrRejected  = errors.New("token is not acceptable")
)

// Tokens issues and checks access tokens: HS256, with the claims sub (the user's id
// as a string), type "access", iat, nbf, exp and jti.
type Tokens struct {
	secret []byte
	now    func() time.Time
	parser *jwt.Parser
}

// Access is what an access token says.
type Access struct {
	UserID int64
	Issued time.Time
}

// claims are the registered ones, which have whole seconds, and the time of issue in
// microseconds: who signs out everywhere and in again within a second must be able to.
type claims struct {
	Type   string `json:"type"`
	Issued int64  `json:"iat_us,omitempty"`
	jwt.RegisteredClaims
}

// NewTokens returns Tokens that sign with the secret. The clock is for tests; nil
// means the real one.
func NewTokens(secret string, now func() time.Time) (*Tokens, error) {
	if len(secret) < MinSecretLength {
		return nil, fmt.Errorf("JWT secret is %d bytes long: give it at least %d random ones", len(secret), MinSecretLength)
	}
	if now == nil {
		now = time.Now
	}
	return &Tokens{[]byte(secret), now, jwt.NewParser(
		jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}),
		jwt.WithExpirationRequired(), jwt.WithStrictDecoding(), jwt.WithTimeFunc(now), jwt.WithLeeway(5*time.Second))}, nil
}

// Issue returns a token for the user, good from now for TokenLifetime.
func (t *Tokens) Issue(userID int64) (string, error) {
	return t.IssueAt(userID, t.now(), TokenLifetime)
}

// IssueAt returns a token for the user as of a time, good for a lifetime from then.
func (t *Tokens) IssueAt(userID int64, at time.Time, lifetime time.Duration) (string, error) {
	return jwt.NewWithClaims(jwt.SigningMethodHS256, claims{"access", at.UnixMicro(), jwt.RegisteredClaims{
		Subject:   strconv.FormatInt(userID, 10),
		IssuedAt:  jwt.NewNumericDate(at),
		NotBefore: jwt.NewNumericDate(at),
		ExpiresAt: jwt.NewNumericDate(at.Add(lifetime)),
		ID:        rand.Text(),
	}}).SignedString(t.secret)
}

// Parse returns whose token it is and when it was issued. Errors are ErrExpired, ErrMalformed (this was
// never a token) and ErrRejected (wrong signature, method, type or time).
func (t *Tokens) Parse(token string) (Access, error) {
	// The parser's base64 overlooks line ends: a token is written in one way only.
	if strings.ContainsAny(token, "\r\n") {
		return Access{}, ErrMalformed
	}
	var c claims
	_, err := t.parser.ParseWithClaims(token, &c, func(*jwt.Token) (any, error) { return t.secret, nil })
	switch {
	case errors.Is(err, jwt.ErrTokenMalformed):
		return Access{}, ErrMalformed
	case errors.Is(err, jwt.ErrTokenSignatureInvalid):
		return Access{}, ErrRejected
	case errors.Is(err, jwt.ErrTokenExpired):
		return Access{}, ErrExpired
	case err != nil:
		return Access{}, ErrRejected
	}
	id, err := strconv.ParseInt(c.Subject, 10, 64)
	if err != nil || id < 1 || c.Type != "access" || c.IssuedAt == nil {
		return Access{}, ErrRejected
	}
	issued := c.IssuedAt.Time
	if exact := time.UnixMicro(c.Issued); exact.Unix() == issued.Unix() {
		issued = exact
	}
	return Access{id, issued}, nil
}

// Mark returns 16 characters that stand for a text: the same for the same text and secret,
// and of no use for guessing the text without the secret.
func (t *Tokens) Mark(text string) string {
	key := hmac.New(sha256.New, t.secret)
	key.Write([]byte("mark")) // so that no mark is a signature
	mark := hmac.New(sha256.New, key.Sum(nil))
	mark.Write([]byte(text))
	return hex.EncodeToString(mark.Sum(nil)[:8])
}
