package httpapi

import (
	"errors"
	"net/http"
	"time"

	shop "grocery/backend"
	"grocery/backend/auth"
)

// The refresh token travels in a cookie that scripts cannot read, other sites' pages
// cannot send, and that only these routes get.
const (
	refreshCookie = "grocery_refresh"
	refreshPath   = "/api/v1/auth"
)

// sessionJSON is what a sign-in answers. The refresh token is in the cookie.
type sessionJSON struct {
	AccessToken string `json:"access_token"`
	TokenType   string `json:"token_type"`
	ExpiresIn   int    `json:"expires_in"` // seconds
	User        meJSON `json:"user"`
}

// meJSON is the account of the caller.
type meJSON struct {
	ID        int64     `json:"id"`
	Username  string    `json:"username"`
	Email     string    `json:"email"`
	AvatarURL string    `json:"avatar_url"`
	IsAdult   bool      `json:"is_adult"`
	Age       string    `json:"age"`
	CreatedAt time.Time `json:"created_at"`
}

func (s *Server) me(u *shop.User) meJSON {
	now := s.Now()
	return meJSON{u.ID, u.Username, u.Email, avatarURL(u.Avatar), u.IsAdult(now), u.Age(now), u.CreatedAt.UTC()}
}

// signUp opens an account and a session.
func (s *Server) signUp(w http.ResponseWriter, r *http.Request) error {
	now := s.Now()
	user, err := s.openAccount(w, r)
	if err != nil {
		return err
	}
	return s.startSession(w, r, http.StatusCreated, user, now)
}

// signIn exchanges e-mail address and password for a session.
func (s *Server) signIn(w http.ResponseWriter, r *http.Request) error {
	now := s.Now()
	user, err := s.checkLogin(w, r)
	if err != nil {
		return err
	}
	return s.startSession(w, r, http.StatusOK, user, now)
}

// startSession stores a session that began at a time before the account was read, and
// sends it.
func (s *Server) startSession(w http.ResponseWriter, r *http.Request, status int, user *shop.User, now time.Time) error {
	refresh, hash := auth.NewRefreshToken()
	if err := s.Sessions.OpenSession(r.Context(), user, hash, now); err != nil {
		return err
	}
	return s.sendSession(w, r, status, user, refresh, now)
}

// sendSession answers with an access token as of a time and sets the cookie.
func (s *Server) sendSession(w http.ResponseWriter, r *http.Request, status int, user *shop.User, refresh string, now time.Time) error {
	access, err := s.Tokens.IssueAt(user.ID, now, shop.AccessLifetime)
	if err != nil {
		return err
	}
	setRefreshCookie(w, r, refresh, int(shop.RefreshLifetime/time.Second))
	writeJSON(w, status, sessionJSON{access, "Bearer", int(shop.AccessLifetime / time.Second), s.me(user)})
	return nil
}

// refreshSession exchanges the cookie for a new one and an access token. The header it
// demands is one that no other site's form or link can send.
func (s *Server) refreshSession(w http.ResponseWriter, r *http.Request) error {
	if r.Header.Get("X-Requested-With") == "" {
		return shop.Errorf(shop.EFORBIDDEN, "The request must come from the shop's page.").Because("requested_with_missing")
	}
	if wait, ok := s.refreshes.take(clientKey(r)); !ok {
		return tooMany(wait)
	}
	now := s.Now()
	used, err := refreshHash(r)
	if err != nil {
		return s.endSession(w, r)
	}
	refresh, next := auth.NewRefreshToken()
	user, err := s.Sessions.RenewSession(r.Context(), used, next, now)
	switch {
	case errors.Is(err, shop.ErrSessionStolen):
		s.audit(r, "refresh_reused", "user", user.ID)
		return s.endSession(w, r)
	case errors.Is(err, shop.ErrSessionEnded):
		return s.endSession(w, r)
	case err != nil:
		return err
	}
	return s.sendSession(w, r, http.StatusOK, user, refresh, now)
}

// endSession refuses a session and makes the browser forget it.
func (s *Server) endSession(w http.ResponseWriter, r *http.Request) error {
	setRefreshCookie(w, r, "", -1)
	return &tokenError{http.StatusUnauthorized, "Session has ended", "session_ended"}
}

// signOut ends the session of the cookie. There need not be one.
func (s *Server) signOut(w http.ResponseWriter, r *http.Request) error {
	if hash, err := refreshHash(r); err == nil {
		userID, err := s.Sessions.CloseSession(r.Context(), hash)
		if err != nil {
			return err
		}
		if userID != 0 {
			s.audit(r, "signed_out", "user", userID)
		}
	}
	setRefreshCookie(w, r, "", -1)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// signOutEverywhere ends every session of the caller and refuses all their tokens.
func (s *Server) signOutEverywhere(w http.ResponseWriter, r *http.Request, userID int64) error {
	if err := s.Sessions.CloseSessions(r.Context(), userID, s.Now); err != nil {
		return err
	}
	s.audit(r, "signed_out_everywhere", "user", userID)
	setRefreshCookie(w, r, "", -1)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func refreshHash(r *http.Request) ([]byte, error) {
	c, err := r.Cookie(refreshCookie)
	if err != nil {
		return nil, err
	}
	return auth.RefreshHash(c.Value)
}

// setRefreshCookie stores the refresh token in the browser for some seconds; a negative
// number removes it.
func setRefreshCookie(w http.ResponseWriter, r *http.Request, token string, seconds int) {
	http.SetCookie(w, &http.Cookie{
		Name: refreshCookie, Value: token, Path: refreshPath, MaxAge: seconds,
		HttpOnly: true, SameSite: http.SameSiteStrictMode,
		Secure: r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https",
	})
}
