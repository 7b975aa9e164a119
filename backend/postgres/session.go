package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	shop "grocery/backend"
)

var _ shop.SessionService = (*DB)(nil)

// endedSQL tells of an account whether its tokens of a time, $2, are refused. A restore of
// a dump replaces the accounts, so tokens from before it are somebody else's.
const endedSQL = `COALESCE(GREATEST(tokens_since, (SELECT max(restored_at) FROM restores)), '-infinity') > $2`

// identifySQL reads, in one row of the primary, all that a request of a bearer needs:
// the account, since when its tokens count, and how far the log of the database is.
const identifySQL = `
SELECT ` + userColumns + `,
       ` + endedSQL + `,
       CASE WHEN pg_is_in_recovery() THEN '' ELSE pg_current_wal_lsn()::text END
FROM users WHERE id = $1`

// Identify returns the account of an access token.
func (db *DB) Identify(ctx context.Context, userID int64, issued time.Time) (*shop.Identity, error) {
	var id shop.Identity
	err := db.write(ctx, func(conn *pgxpool.Conn) (err error) {
		var refused bool
		id.User, err = scanUser(conn.QueryRow(ctx, identifySQL, userID, issued), &refused, &id.Seen)
		if err == nil && refused {
			return shop.ErrSessionEnded
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return &id, nil
}

// OpenSession starts a session. Sessions of the account that have expired are removed.
func (db *DB) OpenSession(ctx context.Context, u *shop.User, token []byte, now time.Time) error {
	return db.writeTx(ctx, func(tx pgx.Tx) error {
		if err := confirmPassword(ctx, tx, u); err != nil {
			return err
		}
		var ended bool
		if err := tx.QueryRow(ctx, "SELECT "+endedSQL+" FROM users WHERE id = $1", u.ID, now).Scan(&ended); err != nil {
			return err
		}
		if ended {
			return shop.ErrSessionEnded
		}
		return openSession(ctx, tx, u.ID, token, now)
	})
}

// ConfirmPassword says whether a password hash is still the account's.
func (db *DB) ConfirmPassword(ctx context.Context, u *shop.User) error {
	return db.writeTx(ctx, func(tx pgx.Tx) error { return confirmPassword(ctx, tx, u) })
}

// confirmPassword waits for changes of the account that are under way and keeps others
// out until the end of the transaction.
func confirmPassword(ctx context.Context, tx pgx.Tx, u *shop.User) error {
	var hash string
	err := tx.QueryRow(ctx, "SELECT password_hash FROM users WHERE id = $1 FOR SHARE", u.ID).Scan(&hash)
	if errors.Is(err, pgx.ErrNoRows) || err == nil && hash != u.PasswordHash {
		return shop.ErrPasswordChanged
	}
	return err
}

func openSession(ctx context.Context, tx pgx.Tx, userID int64, token []byte, now time.Time) error {
	if _, err := tx.Exec(ctx, "DELETE FROM sessions WHERE user_id = $1 AND expires_at <= $2", userID, now); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `
		WITH s AS (INSERT INTO sessions (user_id, created_at, expires_at) VALUES ($1, $2, $3) RETURNING id)
		INSERT INTO refresh_tokens (hash, session_id, issued_at, expires_at) SELECT $4, id, clock_timestamp(), $3 FROM s`,
		userID, now, now.Add(shop.RefreshLifetime), token)
	return err
}

// useSQL marks a token as used, and with it all others of its session that wait to be used
// and are not as young as the answer to another tab may be: a browser keeps one token, so
// whoever comes with such a one later has it from elsewhere.
const useSQL = `
UPDATE refresh_tokens SET used_at = clock_timestamp()
WHERE session_id = $2 AND used_at IS NULL AND (hash = $1 OR issued_at < clock_timestamp() - $3::interval)`

// RenewSession uses one refresh token and adds the next. Renewals of one session happen
// one after the other. What is measured between renewals is by the database's clock: two
// servers' clocks differ.
func (db *DB) RenewSession(ctx context.Context, used, next []byte, now time.Time) (u *shop.User, err error) {
	var refusal error // committed, unlike other errors
	err = db.writeTx(ctx, func(tx pgx.Tx) error {
		refusal = nil
		var session, userID int64
		err := tx.QueryRow(ctx, `
			SELECT id, user_id FROM sessions
			WHERE id = (SELECT session_id FROM refresh_tokens WHERE hash = $1) FOR UPDATE`, used).Scan(&session, &userID)
		if errors.Is(err, pgx.ErrNoRows) {
			return shop.ErrSessionEnded
		}
		if err != nil {
			return err
		}
		var expires time.Time
		var first, again bool
		// Not together with the lock: this must see what the renewal before did.
		if err := tx.QueryRow(ctx, `
			SELECT expires_at, used_at IS NULL, COALESCE(used_at >= clock_timestamp() - $2::interval, false)
			FROM refresh_tokens WHERE hash = $1`, used, shop.RefreshGrace).Scan(&expires, &first, &again); err != nil {
			return err
		}
		if u, err = scanUser(tx.QueryRow(ctx, userSQL+"WHERE id = $1", userID)); err != nil {
			return err
		}
		switch {
		case !expires.After(now):
			return shop.ErrSessionEnded
		case first:
			if _, err = tx.Exec(ctx, useSQL, used, session, shop.RefreshGrace); err != nil {
				return err
			}
		case !again:
			refusal = shop.ErrSessionStolen
			_, err = tx.Exec(ctx, "DELETE FROM sessions WHERE id = $1", session)
			return err
		}
		return addToken(ctx, tx, session, next, now)
	})
	if err == nil {
		err = refusal
	}
	return u, err
}

func addToken(ctx context.Context, tx pgx.Tx, session int64, token []byte, now time.Time) error {
	expires := now.Add(shop.RefreshLifetime)
	for _, step := range []struct {
		sql  string
		args []any
	}{
		{"DELETE FROM refresh_tokens WHERE session_id = $1 AND expires_at <= $2", []any{session, now}},
		{"INSERT INTO refresh_tokens (hash, session_id, issued_at, expires_at) VALUES ($1, $2, clock_timestamp(), $3)", []any{token, session, expires}},
		{"UPDATE sessions SET expires_at = $2 WHERE id = $1", []any{session, expires}},
	} {
		if _, err := tx.Exec(ctx, step.sql, step.args...); err != nil {
			return err
		}
	}
	return nil
}

// CloseSession ends the session of a refresh token.
func (db *DB) CloseSession(ctx context.Context, token []byte) (userID int64, err error) {
	err = db.write(ctx, func(conn *pgxpool.Conn) error {
		err := conn.QueryRow(ctx, `
			DELETE FROM sessions WHERE id = (SELECT session_id FROM refresh_tokens WHERE hash = $1)
			RETURNING user_id`, token).Scan(&userID)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		return err
	})
	return userID, err
}

// CloseSessions ends all sessions of an account and refuses its access tokens.
func (db *DB) CloseSessions(ctx context.Context, userID int64, now func() time.Time) error {
	return db.writeTx(ctx, func(tx pgx.Tx) error {
		if _, err := lockUser(ctx, tx, userID); err != nil {
			return err
		}
		_, err := closeSessions(ctx, tx, userID, now)
		return err
	})
}

// closeSessions is for a transaction that holds the user's row. The clock is asked when
// every renewal has either finished, with an older access token, or lost its session.
func closeSessions(ctx context.Context, tx pgx.Tx, userID int64, now func() time.Time) (time.Time, error) {
	if _, err := tx.Exec(ctx, "DELETE FROM sessions WHERE user_id = $1", userID); err != nil {
		return time.Time{}, err
	}
	since := now().Truncate(time.Microsecond) // as the database keeps it
	_, err := tx.Exec(ctx, "UPDATE users SET tokens_since = GREATEST(tokens_since, $2) WHERE id = $1", userID, since)
	return since, err
}

// ChangePassword replaces the password hash, ends all sessions and starts one.
func (db *DB) ChangePassword(ctx context.Context, u *shop.User, hash string, token []byte, now func() time.Time) (since time.Time, err error) {
	err = db.writeTx(ctx, func(tx pgx.Tx) error {
		if err := lockPassword(ctx, tx, u); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "UPDATE users SET password_hash = $2 WHERE id = $1", u.ID, hash); err != nil {
			return err
		}
		if since, err = closeSessions(ctx, tx, u.ID, now); err != nil {
			return err
		}
		return openSession(ctx, tx, u.ID, token, since)
	})
	return since, err
}

// lockPassword holds the user's row, as lockUser does, for what needs the password.
func lockPassword(ctx context.Context, tx pgx.Tx, u *shop.User) error {
	have, err := lockUser(ctx, tx, u.ID)
	if shop.ErrorCode(err) == shop.ENOTFOUND || err == nil && have.PasswordHash != u.PasswordHash {
		return shop.ErrPasswordChanged
	}
	return err
}

// RemoveSessions removes sessions that expired before now, with their tokens.
func (db *DB) RemoveSessions(ctx context.Context, now time.Time, limit int) (removed int, err error) {
	err = db.write(ctx, func(conn *pgxpool.Conn) error {
		tag, err := conn.Exec(ctx, `
			DELETE FROM sessions WHERE id IN (
			    SELECT id FROM sessions WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED)`, now, limit)
		removed = int(tag.RowsAffected())
		return err
	})
	return removed, err
}
