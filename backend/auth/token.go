package auth

import (
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
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

type claims struct {
	Type string `json:"type"`
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
		jwt.WithExpirationRequired(), jwt.WithTimeFunc(now), jwt.WithLeeway(5*time.Second))}, nil
}

// Issue returns a token for the user, good from now for TokenLifetime.
func (t *Tokens) Issue(userID int64) (string, error) { return t.IssueAt(userID, t.now()) }

// IssueAt returns a token for what the shop knew of the user at a moment: when its data
// is replaced after that, the token may name another person and is not good any more.
func (t *Tokens) IssueAt(userID int64, now time.Time) (string, error) {
	return jwt.NewWithClaims(jwt.SigningMethodHS256, claims{"access", jwt.RegisteredClaims{
		Subject:   strconv.FormatInt(userID, 10),
		IssuedAt:  jwt.NewNumericDate(now),
		NotBefore: jwt.NewNumericDate(now),
		ExpiresAt: jwt.NewNumericDate(now.Add(TokenLifetime)),
		ID:        rand.Text(),
	}}).SignedString(t.secret)
}

// UserID returns whose token it is. Errors are ErrExpired, ErrMalformed (this was
// never a token) and ErrRejected (wrong signature, method, type or time).
func (t *Tokens) UserID(token string) (int64, error) {
	id, _, err := t.Read(token)
	return id, err
}

// Read returns whose token it is and when it was issued, to the second. The errors are
// those of UserID.
func (t *Tokens) Read(token string) (userID int64, issued time.Time, err error) {
	var c claims
	_, err = t.parser.ParseWithClaims(token, &c, func(*jwt.Token) (any, error) { return t.secret, nil })
	switch {
	case errors.Is(err, jwt.ErrTokenMalformed):
		return 0, issued, ErrMalformed
	case errors.Is(err, jwt.ErrTokenSignatureInvalid):
		return 0, issued, ErrRejected
	case errors.Is(err, jwt.ErrTokenExpired):
		return 0, issued, ErrExpired
	case err != nil:
		return 0, issued, ErrRejected
	}
	userID, err = strconv.ParseInt(c.Subject, 10, 64)
	if err != nil || userID < 1 || c.Type != "access" || c.IssuedAt == nil {
		return 0, issued, ErrRejected
	}
	return userID, c.IssuedAt.Time, nil
}
