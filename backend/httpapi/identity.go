package httpapi

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"

	shop "grocery/backend"
	"grocery/backend/auth"
)

// tokenError is a request without an acceptable token. Old clients read msg.
type tokenError struct {
	status int
	msg    string
	code   string
}

func (e *tokenError) Error() string { return e.msg }

// accountKey names an account for throttling.
func accountKey(userID int64) string { return "account " + strconv.FormatInt(userID, 10) }

type identityKey struct{}

// identity returns who makes the request, for handlers behind signedIn, and nil for
// guests of those behind optional.
func identity(r *http.Request) *shop.Identity {
	id, _ := r.Context().Value(identityKey{}).(*shop.Identity)
	return id
}

// identify returns the request with who makes it, by its token and one question to the
// database: the account, and since when its tokens count. Guests of the old page send
// the literal "Bearer null", which is nothing out of the ordinary.
func (s *Server) identify(r *http.Request) (*http.Request, error) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	token = strings.TrimSpace(token)
	if !strings.EqualFold(scheme, "Bearer") || token == "" {
		return nil, &tokenError{http.StatusUnauthorized, "Missing Authorization Header", "token_missing"}
	}
	access, err := s.Tokens.Parse(token)
	switch {
	case err == nil:
	case errors.Is(err, auth.ErrExpired):
		return nil, &tokenError{http.StatusUnauthorized, "Token has expired", "token_expired"}
	case errors.Is(err, auth.ErrMalformed):
		return nil, &tokenError{http.StatusUnprocessableEntity, "Not enough segments", "token_malformed"}
	default:
		return nil, &tokenError{http.StatusUnauthorized, "Signature verification failed", "token_rejected"}
	}
	if wait, ok := s.accounts.take(accountKey(access.UserID)); !ok {
		return nil, tooMany(wait)
	}
	id, err := s.Sessions.Identify(r.Context(), access.UserID, access.Issued)
	if errors.Is(err, shop.ErrSessionEnded) || isV1(r) && shop.ErrorCode(err) == shop.ENOTFOUND {
		return nil, &tokenError{http.StatusUnauthorized, "Token has been revoked", "token_revoked"}
	}
	if err != nil {
		return nil, err
	}
	return withIdentity(r, id), nil
}

// withIdentity returns the request with who makes it.
func withIdentity(r *http.Request, id *shop.Identity) *http.Request {
	ctx := shop.WithReadAfter(r.Context(), id.Seen)
	return r.WithContext(context.WithValue(ctx, identityKey{}, id))
}
