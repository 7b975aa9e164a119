package httpapi

import (
	"errors"
	"net/http"
	"strings"

	"grocery/backend/auth"
)

// tokenError is a request without an acceptable token. Old clients read msg.
type tokenError struct {
	status int
	msg    string
	code   string
}

func (e *tokenError) Error() string { return e.msg }

// identify returns the user whose token the request carries. Guests of the old
// page send the literal "Bearer null", which is nothing out of the ordinary.
func (s *Server) identify(r *http.Request) (int64, error) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	token = strings.TrimSpace(token)
	if !strings.EqualFold(scheme, "Bearer") || token == "" {
		return 0, &tokenError{http.StatusUnauthorized, "Missing Authorization Header", "token_missing"}
	}
	id, err := s.Tokens.UserID(token)
	switch {
	case err == nil:
		return id, nil
	case errors.Is(err, auth.ErrExpired):
		return 0, &tokenError{http.StatusUnauthorized, "Token has expired", "token_expired"}
	case errors.Is(err, auth.ErrMalformed):
		return 0, &tokenError{http.StatusUnprocessableEntity, "Not enough segments", "token_malformed"}
	default:
		return 0, &tokenError{http.StatusUnauthorized, "Signature verification failed", "token_rejected"}
	}
}
