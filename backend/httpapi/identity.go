package httpapi

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"grocery/backend/auth"
)

// tokenError is a request without an acceptable token. Old clients read msg.
type tokenError struct {
	status int
	msg    string
}

func (e *tokenError) Error() string { return e.msg }

// identify returns the user whose token the request carries. Guests of the old
// page send the literal "Bearer null", which is nothing out of the ordinary.
func (s *Server) identify(r *http.Request) (int64, error) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	token = strings.TrimSpace(token)
	if !strings.EqualFold(scheme, "Bearer") || token == "" {
		return 0, &tokenError{http.StatusUnauthorized, "Missing Authorization Header"}
	}
	id, issued, err := s.Tokens.Read(token)
	switch {
	case err == nil:
		return id, s.checkRestored(r.Context(), issued)
	case errors.Is(err, auth.ErrExpired):
		return 0, &tokenError{http.StatusUnauthorized, "Token has expired"}
	case errors.Is(err, auth.ErrMalformed):
		return 0, &tokenError{http.StatusUnprocessableEntity, "Not enough segments"}
	default:
		return 0, &tokenError{http.StatusUnauthorized, "Signature verification failed"}
	}
}

// checkRestored refuses a token from before a dump replaced the shop's data: the id in
// it may be that of another account now.
func (s *Server) checkRestored(ctx context.Context, issued time.Time) error {
	at, err := s.Database.RestoredAt(ctx)
	if err == nil && issued.Before(at) {
		err = &tokenError{http.StatusUnauthorized, "Token has expired"}
	}
	return err
}
