package dump

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// restoreLock is the advisory lock that lets one restore happen at a time.
const restoreLock = 0x67726f64756d70 // "grodump"

// session are the settings under which a restore runs. A client that vanished without
// a word, as a machine does that loses its power, must not keep the lock for the two
// hours that TCP waits by default: PostgreSQL finds out within a minute.
// See https://www.postgresql.org/docs/15/runtime-config-connection.html.
var session = []struct{ name, value string }{
	{"statement_timeout", "0"},
	{"tcp_keepalives_idle", "20"},
	{"tcp_keepalives_interval", "10"},
	{"tcp_keepalives_count", "3"},
	{"tcp_user_timeout", "60000"},
	{"client_connection_check_interval", "10000"},
}

// takeTurn waits until no other restore runs: for that long, or for the context's time
// when wait is zero.
func takeTurn(ctx context.Context, conn *pgx.Conn, wait time.Duration) error {
	for _, s := range append(session, struct{ name, value string }{"lock_timeout", strconv.FormatInt(wait.Milliseconds(), 10)}) {
		if _, err := conn.Exec(ctx, "SELECT set_config($1, $2, false)", s.name, s.value); err != nil {
			return fmt.Errorf("set %s: %w", s.name, err)
		}
	}
	_, err := conn.Exec(ctx, "SELECT pg_advisory_lock($1)", int64(restoreLock))
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok && pg.Code == "55P03" {
		return &BusyError{wait}
	}
	if err == nil {
		_, err = conn.Exec(ctx, "SELECT set_config('lock_timeout', '0', false)")
	}
	if err != nil {
		return fmt.Errorf("wait for another restore to end: %w", err)
	}
	return nil
}

// recall looks for the restore on record: it may have been committed by a process that
// did not live to tell. The report gets what is on record then.
func recall(ctx context.Context, conn *pgx.Conn, o Options, report *Report) (done bool, err error) {
	var source, format string
	err = conn.QueryRow(ctx, "SELECT source, sha256, format, rows, restored_at FROM restores WHERE id = $1", o.ID).
		Scan(&source, &report.SHA256, &format, &report.Restored, &report.RestoredAt)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for the restore: %w", err)
	}
	if source != o.Source {
		return false, fmt.Errorf("the id %s is that of another restore, of %s: choose another", o.ID, source)
	}
	kind, shape, _ := strings.Cut(format, "/")
	report.Repeated, report.Kind, report.Shape, report.Read = true, Kind(kind), Shape(shape), Counts{}
	return true, nil
}

// checkEmpty refuses a shop that somebody has used.
func checkEmpty(ctx context.Context, db querier) error {
	var e NotEmptyError
	err := db.QueryRow(ctx, "SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM orders), (SELECT count(*) FROM restores)").
		Scan(&e.Users, &e.Orders, &e.Restores)
	if err != nil {
		return fmt.Errorf("look whether the shop is in use: %w", err)
	}
	if e != (NotEmptyError{}) {
		return &e
	}
	return nil
}
