package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	shop "grocery/backend"
)

var _ shop.UserService = (*DB)(nil)

// CreateUser stores a new account and sets its ID.
func (db *DB) CreateUser(ctx context.Context, u *shop.User) error {
	err := db.write(ctx, func(conn *pgxpool.Conn) error {
		return conn.QueryRow(ctx, `
			INSERT INTO users (username, email, password_hash, avatar, birth_date)
			VALUES ($1, $2, $3, $4, $5) RETURNING id, created_at`,
			u.Username, u.Email, u.PasswordHash, u.Avatar, nullDate(u.BirthDate)).Scan(&u.ID, &u.CreatedAt)
	})
	return taken(err)
}

// taken turns the refusal of a second account of one name or address into a sentence.
func taken(err error) error {
	switch violated(err) {
	case "users_username_key":
		return shop.Errorf(shop.ECONFLICT, "Username already exists").Because("username_taken").With("field", "username")
	case "users_email_key":
		return shop.Errorf(shop.ECONFLICT, "Email already exists").Because("email_taken").With("field", "email")
	}
	return err
}

const (
	userColumns = `id, username, email, password_hash, avatar, birth_date, age_confirmed_at IS NOT NULL, created_at`
	userSQL     = `SELECT ` + userColumns + ` FROM users `
)

// UserByID returns the account.
func (db *DB) UserByID(ctx context.Context, id int64) (u *shop.User, err error) {
	err = db.write(ctx, func(conn *pgxpool.Conn) error {
		u, err = scanUser(conn.QueryRow(ctx, userSQL+"WHERE id = $1", id))
		return err
	})
	return u, err
}

// UserByEmail returns the account, whatever the case of the address.
func (db *DB) UserByEmail(ctx context.Context, email string) (u *shop.User, err error) {
	err = db.write(ctx, func(conn *pgxpool.Conn) error {
		u, err = scanUser(conn.QueryRow(ctx, userSQL+"WHERE lower(email) = lower($1)", email))
		return err
	})
	return u, err
}

// SetPasswordHash replaces the hash old of an account; a hash that has changed
// meanwhile stays.
func (db *DB) SetPasswordHash(ctx context.Context, id int64, old, hash string) (changed bool, err error) {
	err = db.write(ctx, func(conn *pgxpool.Conn) error {
		tag, err := conn.Exec(ctx, "UPDATE users SET password_hash = $3 WHERE id = $1 AND password_hash = $2", id, old, hash)
		changed = tag.RowsAffected() > 0
		return err
	})
	return changed, err
}

// UpdateProfile changes name and address of an account.
func (db *DB) UpdateProfile(ctx context.Context, u *shop.User, c shop.ProfileChange) (changed *shop.User, err error) {
	err = db.changeCatalogue(ctx, func(tx pgx.Tx) error { // reviews show the name
		have, err := lockUser(ctx, tx, u.ID)
		if err != nil {
			return err
		}
		if c.Email != nil && *c.Email != have.Email && have.PasswordHash != u.PasswordHash {
			return shop.ErrPasswordChanged
		}
		// A name that stays is not written: each change of one makes every server read
		// the catalogue again, for its reviews.
		if c.Username != nil && *c.Username != have.Username {
			if _, err := tx.Exec(ctx, "UPDATE users SET username = $2 WHERE id = $1", u.ID, *c.Username); err != nil {
				return err
			}
		}
		if c.Email != nil && *c.Email != have.Email {
			if _, err := tx.Exec(ctx, "UPDATE users SET email = $2 WHERE id = $1", u.ID, *c.Email); err != nil {
				return err
			}
		}
		changed, err = scanUser(tx.QueryRow(ctx, userSQL+"WHERE id = $1", u.ID))
		return err
	})
	return changed, taken(err)
}

// SetAvatar gives the account a picture.
func (db *DB) SetAvatar(ctx context.Context, id int64, name string, store func() error) (before string, err error) {
	err = db.writeTx(ctx, func(tx pgx.Tx) error {
		u, err := lockUser(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := store(); err != nil {
			return err
		}
		before = u.Avatar
		_, err = tx.Exec(ctx, "UPDATE users SET avatar = $2 WHERE id = $1", id, name)
		return err
	})
	return before, err
}

// DropAvatar removes a picture that is the account's no more.
func (db *DB) DropAvatar(ctx context.Context, id int64, name string, remove func() error) error {
	return db.writeTx(ctx, func(tx pgx.Tx) error {
		u, err := lockUser(ctx, tx, id)
		if err == nil && u.Avatar == name {
			return nil
		}
		if err != nil && shop.ErrorCode(err) != shop.ENOTFOUND {
			return err
		}
		return remove()
	})
}

// DeleteUser removes an account. What refers to it goes with it, or forgets it; its
// orders keep what was sold and for how much.
func (db *DB) DeleteUser(ctx context.Context, u *shop.User) error {
	return db.changeCatalogue(ctx, func(tx pgx.Tx) error { // reviews show the name
		if err := lockPassword(ctx, tx, u); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `
			UPDATE orders SET address = NULL, card_last4 = NULL, idempotency_key = NULL, request_sha256 = NULL
			WHERE user_id = $1`, u.ID); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, "DELETE FROM users WHERE id = $1", u.ID)
		return err
	})
}

// ConfirmAge stores the date of birth (when not zero) or the statement to be of age.
func (db *DB) ConfirmAge(ctx context.Context, id int64, birth time.Time) error {
	return db.writeTx(ctx, func(tx pgx.Tx) error {
		u, err := lockUser(ctx, tx, id)
		switch {
		case err != nil:
			return err
		case birth.IsZero():
			_, err = tx.Exec(ctx, "UPDATE users SET age_confirmed_at = now() WHERE id = $1", id)
		case u.BirthDate.IsZero():
			_, err = tx.Exec(ctx, "UPDATE users SET birth_date = $2 WHERE id = $1", id, birth)
		case !u.BirthDate.Equal(birth):
			return shop.ErrBirthDateStays
		}
		return err
	})
}

var errUserNotFound = shop.Errorf(shop.ENOTFOUND, "User not found")

// scanUser reads userColumns and then the columns that are asked for after them.
func scanUser(row pgx.Row, more ...any) (*shop.User, error) {
	var u shop.User
	var birth *time.Time
	err := row.Scan(append([]any{&u.ID, &u.Username, &u.Email, &u.PasswordHash, &u.Avatar, &birth, &u.AgeConfirmed, &u.CreatedAt}, more...)...)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, errUserNotFound
	}
	if err != nil {
		return nil, err
	}
	if birth != nil {
		u.BirthDate = *birth
	}
	return &u, nil
}

// lockUser holds the user's row until the end of the transaction, so that what one
// user does to a basket happens one after the other. It returns the account.
func lockUser(ctx context.Context, tx pgx.Tx, id int64) (*shop.User, error) {
	return scanUser(tx.QueryRow(ctx, userSQL+"WHERE id = $1 FOR NO KEY UPDATE", id))
}

func (db *DB) exec(ctx context.Context, sql string, args ...any) error {
	return db.write(ctx, func(conn *pgxpool.Conn) error {
		_, err := conn.Exec(ctx, sql, args...)
		return err
	})
}

func nullDate(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// violated returns the name of the constraint that err says was violated, or "".
func violated(err error) string {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok && pg.Code[:2] == "23" {
		return pg.ConstraintName
	}
	return ""
}
