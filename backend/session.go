package shop

import (
	"context"
	"time"
)

// Lifetimes of what proves who somebody is.
const (
	AccessLifetime  = 15 * time.Minute    // of an access token of /api/v1
	RefreshLifetime = 30 * 24 * time.Hour // of a refresh token, from its issue
	// RefreshGrace is how long a refresh token that was used may be used again: by
	// another tab that had it too, or because the answer got lost. Of the tokens that
	// come of that, one is kept by the browser; once it is used, so are the others.
	RefreshGrace = 30 * time.Second
)

// Refusals of a session.
var (
	// ErrSessionEnded says that a refresh token is unknown, too old, or of a session
	// that has ended.
	ErrSessionEnded = Errorf(EUNAUTHORIZED, "Your session has ended. Please sign in again.").Because("session_ended")
	// ErrSessionStolen says that a refresh token was used again long after its use:
	// somebody else has it. The session has been ended.
	ErrSessionStolen = Errorf(EUNAUTHORIZED, "Your session has ended. Please sign in again.").Because("session_ended")
	// ErrPasswordChanged says that the password that was checked is no longer the
	// account's.
	ErrPasswordChanged = Errorf(EUNAUTHORIZED, "Invalid username or password").Because("login_refused")
)

// SessionService keeps the sessions. Refresh tokens are known to it by their SHA-256
// hashes only. A session starts at a time that the caller took before reading the
// account, so that whatever ends all sessions meanwhile ends this one too.
type SessionService interface {
	// Identify returns the account of an access token issued at a time. It returns
	// ErrSessionEnded when the account's tokens of that time are refused by now, and
	// ENOTFOUND when there is no such account.
	Identify(ctx context.Context, userID int64, issued time.Time) (*Identity, error)
	// OpenSession starts a session with its first refresh token for an account whose
	// password hash is still u's; ErrPasswordChanged otherwise, and ErrSessionEnded when
	// all sessions were ended after now.
	OpenSession(ctx context.Context, u *User, token []byte, now time.Time) error
	// ConfirmPassword returns nil when the account's password hash is still u's, and
	// ErrPasswordChanged otherwise.
	ConfirmPassword(ctx context.Context, u *User) error
	// RenewSession uses the refresh token used and adds next to its session. Other tokens
	// of the session that are older than RefreshGrace count as used then. It returns
	// ErrSessionEnded, or ErrSessionStolen with the account whose session it has ended.
	RenewSession(ctx context.Context, used, next []byte, now time.Time) (*User, error)
	// CloseSession ends the session of a refresh token and returns whose it was, 0 if
	// there was none.
	CloseSession(ctx context.Context, token []byte) (userID int64, err error)
	// CloseSessions ends all sessions of an account and refuses its access tokens
	// issued before now, a clock that is asked while no session can be renewed.
	CloseSessions(ctx context.Context, userID int64, now func() time.Time) error
	// RemoveSessions removes up to limit sessions that had expired by now, and returns how
	// many.
	RemoveSessions(ctx context.Context, now time.Time, limit int) (int, error)
	// ChangePassword replaces u's password hash, does what CloseSessions does and
	// starts a session as of the time returned. ErrPasswordChanged when the hash is no
	// longer u's.
	ChangePassword(ctx context.Context, u *User, hash string, token []byte, now func() time.Time) (time.Time, error)
}

// Identity is who makes a request.
type Identity struct {
	User *User
	// Seen is how far the database had come when the caller was identified. What is
	// read for the caller must not be older, or a write of a moment ago would be
	// missing. Empty when that is not known.
	Seen string
}

type readAfterKey struct{}

// WithReadAfter returns a context whose reads must not be older than what the database
// had at the position seen, as Identity has it.
func WithReadAfter(ctx context.Context, seen string) context.Context {
	return context.WithValue(ctx, readAfterKey{}, seen)
}

// ReadAfter returns the position given to WithReadAfter, and whether there is one: a
// position that is empty is not known, and only the primary is new enough.
func ReadAfter(ctx context.Context) (seen string, ok bool) {
	seen, ok = ctx.Value(readAfterKey{}).(string)
	return seen, ok
}
