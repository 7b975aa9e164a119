package shop

import (
	"context"
	"net/mail"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Bounds of an account.
const (
	MaxUsernameLength = 50  // characters
	MaxEmailLength    = 254 // bytes, RFC 5321
	MinPasswordLength = 6   // characters
	MaxPasswordLength = 256 // bytes: what we are willing to hash
	AdultAge          = 18  // years
	DefaultAvatar     = "user_default.png"
)

// User is an account.
type User struct {
	ID           int64
	Username     string
	Email        string
	PasswordHash string
	Avatar       string    // file name
	BirthDate    time.Time // zero when not given
	AgeConfirmed bool      // the holder stated to be of age
}

// IsAdult reports whether the account may buy alcohol at the time now: by its date
// of birth when there is one, else by its holder's statement.
func (u *User) IsAdult(now time.Time) bool {
	if !u.BirthDate.IsZero() {
		return ReachedAge(u.BirthDate, AdultAge, now)
	}
	return u.AgeConfirmed
}

// ReachedAge reports whether somebody born on the day birth has had the birthday
// that completes the given years. Who is born on 29 February waits for 1 March.
func ReachedAge(birth time.Time, years int, now time.Time) bool {
	day := time.Date(birth.Year()+years, birth.Month(), birth.Day(), 0, 0, 0, 0, time.UTC)
	return !now.UTC().Before(day)
}

// Registration is what somebody gives to open an account.
type Registration struct {
	Username  string
	Email     string
	Password  string
	BirthDate string // optional, YYYY-MM-DD
}

// Validate trims and checks the registration. The message names the field.
func (r *Registration) Validate(now time.Time) error {
	r.Username = strings.TrimSpace(r.Username)
	r.Email = strings.TrimSpace(r.Email)
	switch n := utf8.RuneCountInString(r.Username); {
	case n == 0:
		return Errorf(EINVALID, "username is required")
	case n > MaxUsernameLength:
		return Errorf(EINVALID, "username must be at most %d characters long", MaxUsernameLength)
	case !Storable(r.Username) || strings.ContainsFunc(r.Username, unicode.IsControl):
		return Errorf(EINVALID, "username holds characters that are not allowed")
	}
	if err := validateEmail(r.Email); err != nil {
		return err
	}
	if err := ValidatePassword(r.Password); err != nil {
		return err
	}
	if r.BirthDate != "" {
		if _, err := ParseBirthDate(r.BirthDate, now); err != nil {
			return err
		}
	}
	return nil
}

func validateEmail(s string) error {
	if s == "" {
		return Errorf(EINVALID, "email is required")
	}
	if len(s) > MaxEmailLength {
		return Errorf(EINVALID, "email must be at most %d characters long", MaxEmailLength)
	}
	addr, err := mail.ParseAddress(s)
	_, domain, _ := strings.Cut(s, "@")
	if err != nil || addr.Address != s || !Storable(s) || !strings.Contains(strings.Trim(domain, "."), ".") {
		return Errorf(EINVALID, "email is not a valid address")
	}
	return nil
}

// ValidatePassword checks the length of a new password.
func ValidatePassword(s string) error {
	switch {
	case s == "":
		return Errorf(EINVALID, "password is required")
	case utf8.RuneCountInString(s) < MinPasswordLength:
		return Errorf(EINVALID, "password must be at least %d characters long", MinPasswordLength)
	case len(s) > MaxPasswordLength:
		return Errorf(EINVALID, "password must be at most %d characters long", MaxPasswordLength)
	}
	return nil
}

// Storable reports whether the database can store the text: UTF-8 without NUL. What
// cannot be stored cannot be found either.
func Storable(s string) bool { return utf8.ValidString(s) && !strings.ContainsRune(s, 0) }

// ParseBirthDate reads a date of birth of the form YYYY-MM-DD, which must lie in
// the last 130 years.
func ParseBirthDate(s string, now time.Time) (time.Time, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil || t.After(now) || t.Before(now.AddDate(-130, 0, 0)) {
		return time.Time{}, Errorf(EINVALID, "birth_date must be a past date of the form YYYY-MM-DD")
	}
	return t, nil
}

// UserService keeps the accounts.
type UserService interface {
	// CreateUser stores a new account and sets its ID. ECONFLICT with a message
	// for the shopper when the name or the e-mail address is taken; upper and
	// lower case count as the same.
	CreateUser(ctx context.Context, u *User) error
	// UserByID returns the account; ENOTFOUND "User not found".
	UserByID(ctx context.Context, id int64) (*User, error)
	// UserByEmail returns the account, whatever the case; ENOTFOUND.
	UserByEmail(ctx context.Context, email string) (*User, error)
	// SetPasswordHash replaces the hash old, so that a change in between wins.
	SetPasswordHash(ctx context.Context, id int64, old, hash string) error
	// ConfirmAge stores the date of birth (when not zero) or the statement to be
	// of age.
	ConfirmAge(ctx context.Context, id int64, birth time.Time) error
}
