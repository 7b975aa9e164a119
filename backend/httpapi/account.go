package httpapi

import (
	"errors"
	"net/http"
	"strings"
	"time"

	shop "grocery/backend"
	"grocery/backend/auth"
)

var errLogin = shop.Errorf(shop.EUNAUTHORIZED, "Invalid username or password")

// register opens an account. A birth_date is optional and new.
func (s *Server) register(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Username  string `json:"username"`
		Email     string `json:"email"`
		Password  string `json:"password"`
		BirthDate string `json:"birth_date"`
	}
	if err := decode(w, r, &in); err != nil {
		return err
	}
	reg := shop.Registration{Username: in.Username, Email: in.Email, Password: in.Password, BirthDate: in.BirthDate}
	if err := reg.Validate(s.Now()); err != nil {
		return err
	}
	if wait, ok := s.signups.take(clientKey(r)); !ok {
		return tooMany(wait)
	}
	hash, err := s.Hasher.Hash(r.Context(), reg.Password)
	if err != nil {
		return err
	}
	user := &shop.User{Username: reg.Username, Email: reg.Email, PasswordHash: hash, Avatar: shop.DefaultAvatar}
	if reg.BirthDate != "" {
		if user.BirthDate, err = shop.ParseBirthDate(reg.BirthDate, s.Now()); err != nil {
			return err
		}
	}
	err = s.Users.CreateUser(r.Context(), user)
	if shop.ErrorCode(err) == shop.ECONFLICT { // old clients know 400 only
		return shop.Errorf(shop.EINVALID, "%s", shop.ErrorMessage(err))
	}
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusCreated, message("User registered successfully"))
	return nil
}

// login exchanges e-mail address and password for a token. Attempts are counted by
// account and client; a successful one does not count.
func (s *Server) login(w http.ResponseWriter, r *http.Request) error {
	var in struct{ Email, Password string }
	if err := decode(w, r, &in); err != nil {
		return err
	}
	in.Email = strings.TrimSpace(in.Email)
	switch {
	case in.Email == "":
		return shop.Errorf(shop.EINVALID, "email is required")
	case in.Password == "":
		return shop.Errorf(shop.EINVALID, "password is required")
	case len(in.Password) > shop.MaxPasswordLength:
		return shop.Errorf(shop.EINVALID, "password must be at most %d characters long", shop.MaxPasswordLength)
	case len(in.Email) > shop.MaxEmailLength || !shop.Storable(in.Email):
		return shop.Errorf(shop.EINVALID, "email is not a valid address")
	}
	client := clientKey(r)
	account := client + " " + strings.ToLower(in.Email)
	if wait, ok := s.logins.take(account); !ok {
		return tooMany(wait)
	}
	if wait, ok := s.clients.take(client); !ok {
		return tooMany(wait)
	}
	start, known := time.Now(), s.Now()
	user, err := s.authenticate(r, in.Email, in.Password)
	if errors.Is(err, errLogin) {
		pause(r, s.LoginFloor-time.Since(start))
		return err
	}
	s.logins.give(account) // no guess: a success, or a failure of ours
	s.clients.give(client)
	if err != nil {
		return err
	}
	token, err := s.Tokens.IssueAt(user.ID, known)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, map[string]string{"access_token": token})
	return nil
}

// authenticate returns the account that the password belongs to, or errLogin. It
// takes as long for an unknown address as for a wrong password.
func (s *Server) authenticate(r *http.Request, email, password string) (*shop.User, error) {
	ctx := r.Context()
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
		// An old hash: replace it while the password is at hand. If that fails
		// the next login tries again.
		hash, err := s.Hasher.Hash(ctx, password)
		if err == nil {
			err = s.Users.SetPasswordHash(ctx, user.ID, user.PasswordHash, hash)
		}
		if err != nil {
			s.Log.WarnContext(ctx, "password hash not renewed", "user", user.ID, "error", err)
		}
	}
	return user, nil
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
		Basket: make([]infoBasketRow, len(basket)), FavProducts: csv(favourites),
		PurchasedProducts: csv(purchased), IsAdult: user.IsAdult(s.Now()),
	}
	for i, b := range basket {
		info.Basket[i] = infoBasketRow{b.ID, b.ProductID, b.Quantity, b.UserID}
	}
	writeJSON(w, http.StatusOK, info)
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
	writeJSON(w, http.StatusOK, map[string]bool{"is_adult": user.IsAdult(s.Now())})
	return nil
}
