package httpapi

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	shop "grocery/backend"
	"grocery/backend/auth"
)

var errLogin = shop.Errorf(shop.EUNAUTHORIZED, "Invalid username or password").Because("login_refused")

// register opens an account. A birth_date is optional and new.
func (s *Server) register(w http.ResponseWriter, r *http.Request) error {
	_, err := s.openAccount(w, r)
	if shop.ErrorCode(err) == shop.ECONFLICT { // old clients know 400 only
		return shop.Errorf(shop.EINVALID, "%s", shop.ErrorMessage(err))
	}
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusCreated, message("User registered successfully"))
	return nil
}

// openAccount stores the account that the request describes.
func (s *Server) openAccount(w http.ResponseWriter, r *http.Request) (*shop.User, error) {
	var in struct {
		Username  string `json:"username"`
		Email     string `json:"email"`
		Password  string `json:"password"`
		BirthDate string `json:"birth_date"`
	}
	if err := decode(w, r, &in); err != nil {
		return nil, err
	}
	reg := shop.Registration{Username: in.Username, Email: in.Email, Password: in.Password, BirthDate: in.BirthDate}
	if err := reg.Validate(s.Now()); err != nil {
		return nil, err
	}
	if wait, ok := s.signups.take(clientKey(r)); !ok {
		return nil, tooMany(wait)
	}
	hash, err := s.Hasher.Hash(r.Context(), reg.Password)
	if err != nil {
		return nil, err
	}
	user := &shop.User{Username: reg.Username, Email: reg.Email, PasswordHash: hash, Avatar: shop.DefaultAvatar}
	if reg.BirthDate != "" {
		if user.BirthDate, err = shop.ParseBirthDate(reg.BirthDate, s.Now()); err != nil {
			return nil, err
		}
	}
	if err := s.Users.CreateUser(r.Context(), user); err != nil {
		return nil, err
	}
	s.audit(r, "registered", "user", user.ID)
	return user, nil
}

// login exchanges e-mail address and password for a token of four hours.
func (s *Server) login(w http.ResponseWriter, r *http.Request) error {
	now := s.Now()
	user, err := s.checkLogin(w, r)
	if err != nil {
		return err
	}
	token, err := s.Tokens.IssueAt(user.ID, now, auth.TokenLifetime)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, map[string]string{"access_token": token})
	return nil
}

// checkLogin returns the account of the e-mail address and password in the request.
// Attempts are counted by account and client, by client, and by account; a successful one
// does not count, nor does one that the database failed.
func (s *Server) checkLogin(w http.ResponseWriter, r *http.Request) (*shop.User, error) {
	var in struct{ Email, Password string }
	if err := decode(w, r, &in); err != nil {
		return nil, err
	}
	in.Email = strings.TrimSpace(in.Email)
	switch {
	case in.Email == "":
		return nil, invalidField("email", "email is required")
	case in.Password == "":
		return nil, invalidField("password", "password is required")
	case !shop.PasswordFits(in.Password):
		return nil, invalidField("password", "password must be at most %d characters long", shop.MaxPasswordLength)
	case len(in.Email) > shop.MaxEmailLength || !shop.Storable(in.Email):
		return nil, invalidField("email", "email is not a valid address")
	}
	client, account := clientKey(r), strings.ToLower(in.Email)
	both := client + " " + account
	if wait, ok := s.logins.take(both); !ok {
		s.audit(r, "sign_in_throttled", "email_mark", s.emailMark(in.Email))
		return nil, tooMany(wait)
	}
	if wait, ok := s.clients.take(client); !ok {
		return nil, tooMany(wait)
	}
	if wait, ok := s.guesses.take(account); !ok {
		s.audit(r, "sign_in_throttled", "email_mark", s.emailMark(in.Email))
		return nil, tooMany(wait)
	}
	start := time.Now()
	user, err := s.authenticate(r.Context(), in.Email, in.Password)
	if noGuess(err) {
		s.logins.give(both)
		s.clients.give(client)
		s.guesses.give(account)
	}
	if errors.Is(err, errLogin) {
		s.audit(r, "sign_in_refused", "email_mark", s.emailMark(in.Email))
		pause(r, s.LoginFloor-time.Since(start))
	}
	if err != nil {
		return nil, err
	}
	s.audit(r, "signed_in", "user", user.ID)
	return user, nil
}

func invalidField(field, format string, args ...any) error {
	return shop.Errorf(shop.EINVALID, format, args...).With("field", field)
}

// noGuess reports whether an attempt to prove a password need not count: it succeeded, or
// the database was away. Waiting for others' passwords in vain counts, or a crowd of
// guesses would cost nothing.
func noGuess(err error) bool {
	return err == nil || shop.ErrorCode(err) == shop.EUNAVAILABLE && !errors.Is(err, auth.ErrBusy)
}

// authenticate returns the account that the password belongs to, or errLogin. A hash that
// changes meanwhile is looked at once more: another login may have renewed it.
func (s *Server) authenticate(ctx context.Context, email, password string) (*shop.User, error) {
	for range 2 {
		user, err := s.proveLogin(ctx, email, password)
		if !errors.Is(err, shop.ErrPasswordChanged) {
			return user, err
		}
	}
	return nil, errLogin
}

// proveLogin returns the account that the password belongs to, errLogin, or
// ErrPasswordChanged when the account has another hash by now. It takes as long for an
// unknown address as for a wrong password.
func (s *Server) proveLogin(ctx context.Context, email, password string) (*shop.User, error) {
	user, err := s.Users.UserByEmail(ctx, email)
	if shop.ErrorCode(err) == shop.ENOTFOUND {
		if err := s.Hasher.VerifyNobody(ctx, password); !errors.Is(err, auth.ErrMismatch) {
			return nil, err
		}
		return nil, errLogin
	}
	if err != nil {
		return nil, err
	}
	rehash, err := s.Hasher.Verify(ctx, user.PasswordHash, password)
	if errors.Is(err, auth.ErrMismatch) {
		return nil, errLogin
	}
	if err != nil {
		return nil, err
	}
	if rehash {
		if err := s.renewHash(ctx, user, password); err != nil {
			return nil, err
		}
	}
	// The password may have been changed, or the account replaced, meanwhile.
	return user, s.Sessions.ConfirmPassword(ctx, user)
}

// renewHash replaces an old hash while the password is at hand. If that fails the next
// login tries again. The error is ErrPasswordChanged when the hash has changed meanwhile.
func (s *Server) renewHash(ctx context.Context, user *shop.User, password string) error {
	hash, err := s.Hasher.Hash(ctx, password)
	renewed := false
	if err == nil {
		renewed, err = s.Users.SetPasswordHash(ctx, user.ID, user.PasswordHash, hash)
	}
	switch {
	case err != nil:
		s.Log.WarnContext(ctx, "password hash not renewed", "user", user.ID, "error", err)
	case !renewed:
		return shop.ErrPasswordChanged
	default:
		user.PasswordHash = hash
	}
	return nil
}

// pause waits, but not for a client that has gone.
func pause(r *http.Request, d time.Duration) {
	select {
	case <-time.After(d):
	case <-r.Context().Done():
	}
}

// getInfo sends the account of the caller.
func (s *Server) getInfo(w http.ResponseWriter, r *http.Request, userID int64) error {
	ctx := r.Context()
	user, err := s.Users.UserByID(ctx, userID)
	if err != nil {
		return err
	}
	basket, err := s.Baskets.Basket(ctx, userID)
	if err != nil {
		return err
	}
	favourites, err := s.Favourites.Favourites(ctx, userID)
	if err != nil {
		return err
	}
	purchased, err := s.Orders.PurchasedProducts(ctx, userID)
	if err != nil {
		return err
	}
	info := infoJSON{
		Username: user.Username, Email: user.Email, Avatar: avatarURL(user.Avatar),
		Basket: make([]infoBasketRow, len(basket.Items)), FavProducts: csv(favourites),
		PurchasedProducts: csv(purchased), IsAdult: user.IsAdult(s.Now()),
	}
	for i, b := range basket.Items {
		info.Basket[i] = infoBasketRow{b.ID, b.Product.ID, b.Quantity, userID}
	}
	writeJSON(w, http.StatusOK, info)
	return nil
}

// getMe sends the account of the caller.
func (s *Server) getMe(w http.ResponseWriter, r *http.Request, _ int64) error {
	writeJSON(w, http.StatusOK, s.me(identity(r).User))
	return nil
}

// confirmAge stores the caller's date of birth, or their statement to be of age.
func (s *Server) confirmAge(w http.ResponseWriter, r *http.Request, userID int64) error {
	var in struct {
		BirthDate string `json:"birth_date"`
		Confirmed bool   `json:"confirmed"`
	}
	if err := decode(w, r, &in); err != nil {
		return err
	}
	var birth time.Time
	switch {
	case in.BirthDate != "":
		var err error
		if birth, err = shop.ParseBirthDate(in.BirthDate, s.Now()); err != nil {
			return err
		}
	case !in.Confirmed:
		return shop.Errorf(shop.EINVALID, "birth_date (YYYY-MM-DD) or confirmed (true) is required")
	}
	if err := s.Users.ConfirmAge(r.Context(), userID, birth); err != nil {
		return err
	}
	user, err := s.Users.UserByID(r.Context(), userID)
	if err != nil {
		return err
	}
	s.audit(r, "age_stated", "user", userID, "age", user.Age(s.Now()))
	writeJSON(w, http.StatusOK, map[string]any{"is_adult": user.IsAdult(s.Now()), "age": user.Age(s.Now())})
	return nil
}

// updateMe changes the caller's name or e-mail address. Who changes the address, which
// is what one signs in with, has to know the password.
func (s *Server) updateMe(w http.ResponseWriter, r *http.Request, userID int64) error {
	var in struct {
		Username *string `json:"username"`
		Email    *string `json:"email"`
		Password string  `json:"current_password"`
	}
	if err := decode(w, r, &in); err != nil {
		return err
	}
	user := *identity(r).User
	change := shop.ProfileChange{Username: in.Username, Email: in.Email}
	if err := change.Validate(&user); err != nil {
		return err
	}
	if change.Email != nil && *change.Email != user.Email {
		if err := s.checkPassword(r, &user, in.Password); err != nil {
			return err
		}
	}
	if change.Username != nil && *change.Username != user.Username {
		if wait, ok := s.changes.take(accountKey(userID)); !ok {
			return tooMany(wait)
		}
	}
	changed, err := s.Users.UpdateProfile(r.Context(), &user, change)
	if errors.Is(err, shop.ErrPasswordChanged) {
		return errPassword
	}
	if err != nil {
		return err
	}
	if changed.Email != user.Email {
		s.audit(r, "email_changed", "user", userID)
	}
	if changed.Username != user.Username {
		s.audit(r, "username_changed", "user", userID)
	}
	writeJSON(w, http.StatusOK, s.me(changed))
	return nil
}

// changePassword replaces the caller's password, ends every session and answers with a
// new one.
func (s *Server) changePassword(w http.ResponseWriter, r *http.Request, userID int64) error {
	var in struct {
		Current string `json:"current_password"`
		New     string `json:"new_password"`
	}
	if err := decode(w, r, &in); err != nil {
		return err
	}
	if err := shop.ValidatePassword("new_password", in.New); err != nil {
		return err
	}
	user := *identity(r).User
	if err := s.checkPassword(r, &user, in.Current); err != nil {
		return err
	}
	hash, err := s.Hasher.Hash(r.Context(), in.New)
	if err != nil {
		return err
	}
	refresh, token := auth.NewRefreshToken()
	now, err := s.Sessions.ChangePassword(r.Context(), &user, hash, token, s.Now)
	if errors.Is(err, shop.ErrPasswordChanged) {
		return errPassword
	}
	if err != nil {
		return err
	}
	s.audit(r, "password_changed", "user", userID)
	return s.sendSession(w, r, http.StatusOK, &user, refresh, now)
}

// deleteMe removes the caller's account. Orders stay, without the person.
func (s *Server) deleteMe(w http.ResponseWriter, r *http.Request, userID int64) error {
	var in struct {
		Password string `json:"current_password"`
	}
	if err := decode(w, r, &in); err != nil {
		return err
	}
	user := *identity(r).User
	if err := s.checkPassword(r, &user, in.Password); err != nil {
		return err
	}
	err := s.Users.DeleteUser(r.Context(), &user)
	if errors.Is(err, shop.ErrPasswordChanged) {
		return errPassword
	}
	if err != nil {
		return err
	}
	s.removePicture(r.Context(), userID, user.Avatar)
	s.audit(r, "account_deleted", "user", userID)
	setRefreshCookie(w, r, "", -1)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

var errPassword = shop.Errorf(shop.EFORBIDDEN, "The current password is wrong").Because("password_wrong").With("field", "current_password")

// checkPassword makes sure that the bearer of a token is the account's holder. Guesses
// count by account, whoever makes them.
func (s *Server) checkPassword(r *http.Request, user *shop.User, password string) error {
	switch {
	case password == "":
		return invalidField("current_password", "current_password is required")
	case !shop.PasswordFits(password):
		return errPassword
	}
	account := accountKey(user.ID)
	if wait, ok := s.logins.take(account); !ok {
		return tooMany(wait)
	}
	_, err := s.Hasher.Verify(r.Context(), user.PasswordHash, password)
	if errors.Is(err, auth.ErrMismatch) {
		s.audit(r, "password_refused", "user", user.ID)
		return errPassword
	}
	if noGuess(err) {
		s.logins.give(account)
	}
	return err
}
