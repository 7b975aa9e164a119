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
	MaxPasswordLength = 256 // characters: what we are willing to hash
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
	CreatedAt    time.Time
}

// IsAdult reports whether the account may buy alcohol at the time now: by its date
// of birth when there is one, else by its holder's statement.
func (u *User) IsAdult(now time.Time) bool {
	if !u.BirthDate.IsZero() {
		return ReachedAge(u.BirthDate, AdultAge, now)
	}
	return u.AgeConfirmed
}

// What is known of an account's age.
const (
	AgeUnknown = "unknown"
	AgeAdult   = "adult"
	AgeMinor   = "minor"
)

// Age returns what is known of the holder's age at the time now.
func (u *User) Age(now time.Time) string {
	switch {
	case u.IsAdult(now):
		return AgeAdult
	case u.BirthDate.IsZero():
		return AgeUnknown
	}
	return AgeMinor
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
	if err := validateUsername(r.Username); err != nil {
		return err
	}
	if err := validateEmail(r.Email); err != nil {
		return err
	}
	if err := ValidatePassword("password", r.Password); err != nil {
		return err
	}
	if r.BirthDate != "" {
		if _, err := ParseBirthDate(r.BirthDate, now); err != nil {
			return err
		}
	}
	return nil
}

// ProfileChange is what somebody wants their account to say; nil leaves it as it is.
type ProfileChange struct {
	Username *string
	Email    *string
}

// Validate trims and checks the change of the account u. The message names the field. What
// stays as it is may break rules that are younger than the account.
func (c *ProfileChange) Validate(u *User) error {
	if c.Username == nil && c.Email == nil {
		return Errorf(EINVALID, "username or email is required")
	}
	if c.Username != nil {
		name := strings.TrimSpace(*c.Username)
		if err := validateUsername(name); err != nil && name != u.Username {
			return err
		}
		c.Username = &name
	}
	if c.Email != nil {
		email := strings.TrimSpace(*c.Email)
		if err := validateEmail(email); err != nil {
			return err
		}
		c.Email = &email
	}
	return nil
}

func validateUsername(s string) error {
	switch n := utf8.RuneCountInString(s); {
	case n == 0:
		return invalid("username", "username is required")
	case n > MaxUsernameLength:
		return invalid("username", "username must be at most %d characters long", MaxUsernameLength)
	case !Storable(s) || strings.ContainsFunc(s, unseen):
		return invalid("username", "username holds characters that are not allowed")
	}
	return nil
}

// unseen reports whether a character shows nothing, or changes how others are shown: with
// such, one name looks like another.
func unseen(r rune) bool { return unicode.In(r, unicode.Cc, unicode.Cf) }

func validateEmail(s string) error {
	if s == "" {
		return invalid("email", "email is required")
	}
	if len(s) > MaxEmailLength {
		return invalid("email", "email must be at most %d characters long", MaxEmailLength)
	}
	addr, err := mail.ParseAddress(s)
	_, domain, _ := strings.Cut(s, "@")
	if err != nil || addr.Address != s || !Storable(s) || !strings.Contains(strings.Trim(domain, "."), ".") {
		return invalid("email", "email is not a valid address")
	}
	return nil
}

// PasswordFits reports whether a password is no longer than what is hashed.
func PasswordFits(s string) bool { return utf8.RuneCountInString(s) <= MaxPasswordLength }

// ValidatePassword checks the length of a new password, sent in the named field.
func ValidatePassword(field, s string) error {
	switch {
	case s == "":
		return invalid(field, "%s is required", field)
	case utf8.RuneCountInString(s) < MinPasswordLength:
		return invalid(field, "%s must be at least %d characters long", field, MinPasswordLength)
	case !PasswordFits(s):
		return invalid(field, "%s must be at most %d characters long", field, MaxPasswordLength)
	}
	return nil
}

// invalid is a refusal of one field of what somebody sent.
func invalid(field, format string, args ...any) error {
	return Errorf(EINVALID, format, args...).With("field", field)
}

// Storable reports whether the database can store the text: UTF-8 without NUL. What
// cannot be stored cannot be found either.
func Storable(s string) bool { return utf8.ValidString(s) && !strings.ContainsRune(s, 0) }

// ParseBirthDate reads a date of birth of the form YYYY-MM-DD, which must lie in
// the last 130 years.
func ParseBirthDate(s string, now time.Time) (time.Time, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil || t.After(now) || t.Before(now.AddDate(-130, 0, 0)) {
		return time.Time{}, invalid("birth_date", "birth_date must be a past date of the form YYYY-MM-DD")
	}
	return t, nil
}

// ErrBirthDateStays says that an account has another date of birth: it is given once.
var ErrBirthDateStays = Errorf(ECONFLICT, "Your account has a date of birth already, and it cannot be changed.").Because("birth_date_stays").With("field", "birth_date")

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
	// SetPasswordHash replaces the hash old, so that a change in between wins. It returns
	// whether it did.
	SetPasswordHash(ctx context.Context, id int64, old, hash string) (bool, error)
	// UpdateProfile changes the account u and returns it as it is then. ECONFLICT as
	// CreateUser; ErrPasswordChanged when the address is to change and the password is
	// no longer u's.
	UpdateProfile(ctx context.Context, u *User, c ProfileChange) (*User, error)
	// SetAvatar gives the account a picture, which store stores, and returns the name of
	// the one before. Nothing else happens to the account's picture meanwhile.
	SetAvatar(ctx context.Context, id int64, name string, store func() error) (before string, err error)
	// DropAvatar calls remove to remove a picture that was the account's, unless it is
	// that again. Nothing else happens to the account's picture meanwhile.
	DropAvatar(ctx context.Context, id int64, name string, remove func() error) error
	// DeleteUser removes the account u and what is its alone; ErrPasswordChanged when
	// its password is no longer u's. Orders stay, without the person.
	DeleteUser(ctx context.Context, u *User) error
	// ConfirmAge stores the date of birth (when not zero) or the statement to be
	// of age. A date that is stored stays: ErrBirthDateStays for another one.
	ConfirmAge(ctx context.Context, id int64, birth time.Time) error
}
