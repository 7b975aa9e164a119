package dump

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"grocery/backend/postgres"
)

// Options say how to restore.
type Options struct {
	// ID is of the restore; a random one when empty. A restore whose id is on record
	// happened already, and is not done again: Restore returns what is on record.
	ID     string
	Source string // where the dump is, for the record
	// Wait is how long another restore is waited for before the error is a *BusyError;
	// zero means as long as the context lasts.
	Wait time.Duration
	// OnlyEmpty restores only into a shop that nobody has used: no user, no order, and
	// no restore before. The error is a *NotEmptyError otherwise. The first catalogue,
	// which a server loads by itself, does not count.
	OnlyEmpty bool
	Limits    Limits
	Log       *slog.Logger // optional
}

// Restore replaces the shop's data by a dump's. It waits until no other restore runs,
// brings the schema up to date, reads r (not before it is this restore's turn), and
// replaces the data in one transaction. Readers of the database see the old data until
// the end, and then the new.
//
// The error is an *InvalidDumpError when the dump is at fault, a *SourceError when r
// failed, a *BusyError or a *NotEmptyError as Options say, and another when the
// database did; nothing was changed then, with one exception: when the connection broke
// during the commit, only another Restore with the same id can tell. The report is
// never nil and is filled as far as the restore came.
//
// The connection is the caller's and must be to the primary; no transaction may be
// open on it.
func Restore(ctx context.Context, conn *pgx.Conn, r io.Reader, o Options) (*Report, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.ID == "" {
		o.ID = rand.Text()
	}
	report := &Report{ID: o.ID, Source: o.Source, StartedAt: time.Now().UTC(), Restored: Counts{}, Replaced: Counts{}}
	err := restore(ctx, conn, r, o, report)
	report.Durations.Total = time.Since(report.StartedAt).Milliseconds()
	if err != nil && ctx.Err() != nil {
		err = fmt.Errorf("%w (%w)", err, context.Cause(ctx))
	}
	return report, err
}

func restore(ctx context.Context, conn *pgx.Conn, r io.Reader, o Options, report *Report) error {
	if err := takeTurn(ctx, conn, o.Wait); err != nil {
		return err
	}
	defer conn.Exec(context.WithoutCancel(ctx), "SELECT pg_advisory_unlock($1)", int64(restoreLock))
	report.Durations.Wait = time.Since(report.StartedAt).Milliseconds()
	if err := postgres.Migrate(ctx, conn, o.Log); err != nil {
		return fmt.Errorf("bring the schema up to date: %w", err)
	}
	if err := postgres.ReleaseTurn(ctx, conn); err != nil {
		return err
	}
	if err := checkKnown(ctx, conn); err != nil {
		return err
	}
	if done, err := recall(ctx, conn, o, report); err != nil || done {
		return err
	}
	if o.OnlyEmpty {
		if err := checkEmpty(ctx, conn); err != nil {
			return err
		}
	}
	st, err := newStage(ctx, conn)
	if err != nil {
		return err
	}
	defer st.drop(context.WithoutCancel(ctx))

	begin := time.Now()
	lap := func(into *int64) {
		*into = time.Since(begin).Milliseconds()
		begin = time.Now()
	}
	rd, err := read(r, o.Limits, report, st.add)
	if err == nil {
		err = st.finish()
	}
	lap(&report.Durations.Read)
	if err != nil {
		return err
	}
	o.Log.InfoContext(ctx, "dump read", "kind", report.Kind, "shape", report.Shape, "bytes", report.Bytes, "rows", rd.rows, "ms", report.Durations.Read)

	if err := st.checkIDs(); err != nil {
		return err
	}
	if report.Shape == OldShop {
		if err := st.settle(ctx, rd.conv.notes); err != nil {
			return err
		}
		report.Notes = rd.conv.notes.list
	}
	checks, err := st.check()
	lap(&report.Durations.Check)
	if err != nil {
		return err
	}
	report.Checks = append(report.Checks, Check{"every text is UTF-8 and every value fits its column", rd.rows})
	report.Checks = append(report.Checks, checks...)

	err = st.replaceRetrying(ctx, o, report)
	lap(&report.Durations.Replace)
	if err != nil {
		return databaseFault(err)
	}
	o.Log.InfoContext(ctx, "data replaced", "restore", o.ID, "products", report.Restored["products"], "users", report.Restored["users"], "ms", report.Durations.Replace)
	// The planner's figures are of the old rows; without new ones it only plans worse.
	if _, err := conn.Exec(ctx, "ANALYZE "+strings.Join(stageOrder, ", ")); err != nil {
		o.Log.WarnContext(ctx, "the planner's statistics are not up to date", "error", err)
	}
	return nil
}

// replaceRetrying tries again when the database chose us as a deadlock's victim or a
// table stayed locked.
func (s *stage) replaceRetrying(ctx context.Context, o Options, report *Report) error {
	for try := 1; ; try++ {
		err := pgx.BeginFunc(ctx, s.conn, func(tx pgx.Tx) error { return s.replace(ctx, tx, o, report) })
		pg, ok := errors.AsType[*pgconn.PgError](err)
		if !ok || try == 5 || pg.Code != "40P01" && pg.Code != "55P03" && pg.Code != "40001" {
			return err
		}
		o.Log.WarnContext(ctx, "replacing the data is tried again", "error", err)
	}
}

// replace puts the staged rows in the place of the live ones. Writers wait meanwhile,
// readers do not.
func (s *stage) replace(ctx context.Context, tx pgx.Tx, o Options, report *Report) error {
	if _, err := tx.Exec(ctx, "SET LOCAL lock_timeout = '20s'"); err != nil {
		return err
	}
	if err := postgres.TakeTurn(ctx, tx); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, "LOCK TABLE "+strings.Join(stageOrder, ", ")+" IN SHARE ROW EXCLUSIVE MODE"); err != nil {
		return fmt.Errorf("lock the tables: %w", err)
	}
	if o.OnlyEmpty { // nobody can sign up any more
		if err := checkEmpty(ctx, tx); err != nil {
			return err
		}
	}
	for i := len(stageOrder) - 1; i >= 0; i-- { // what refers to others goes first
		tag, err := tx.Exec(ctx, "DELETE FROM "+stageOrder[i])
		if err != nil {
			return fmt.Errorf("remove the old %s: %w", stageOrder[i], err)
		}
		report.Replaced[stageOrder[i]] = tag.RowsAffected()
	}
	var rows int64
	for _, name := range stageOrder {
		columns := strings.Join(stageColumns(name), ", ")
		tag, err := tx.Exec(ctx, "INSERT INTO "+name+" ("+columns+") SELECT "+columns+" FROM pg_temp.stage_"+name+" ORDER BY line")
		if err != nil {
			return fmt.Errorf("store the new %s: %w", name, err)
		}
		want, err := s.count(name)
		if err != nil {
			return err
		}
		var have int64
		if err := tx.QueryRow(ctx, "SELECT count(*) FROM "+name).Scan(&have); err != nil {
			return err
		}
		if have != want || have != tag.RowsAffected() {
			return fmt.Errorf("%s has %d rows after the restore instead of %d", name, have, want)
		}
		report.Restored[name] = have
		rows += have
	}
	checks := append(report.Checks, Check{"every staged row is in its table, and the database's own constraints hold", rows})
	if err := tx.QueryRow(ctx, "INSERT INTO restores (id, source, sha256, format, rows) VALUES ($1, $2, $3, $4, $5) RETURNING restored_at",
		o.ID, o.Source, report.SHA256, string(report.Kind)+"/"+string(report.Shape), report.Restored).Scan(&report.RestoredAt); err != nil {
		return fmt.Errorf("record the restore: %w", err)
	}
	// Sequences know no transaction: they are only ever moved forwards, so that a
	// rollback after this does no harm.
	for _, name := range sequences {
		if _, err := tx.Exec(ctx, "SELECT setval(s, m) FROM pg_get_serial_sequence('"+name+"', 'id') s, (SELECT max(id) AS m FROM "+name+") t WHERE m > coalesce(pg_sequence_last_value(s::regclass), 0)"); err != nil {
			return fmt.Errorf("move the sequence of %s: %w", name, err)
		}
	}
	report.Checks = append(checks, Check{"the next ids are beyond those in use", int64(len(sequences))})
	return nil
}

// sequences are the tables whose ids the database hands out.
var sequences = []string{"users", "products", "reviews", "basket_items", "orders"}

// databaseFault turns a constraint that the rows violate into a fault of the dump:
// trying again would not help.
func databaseFault(err error) error {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	if !ok || !strings.HasPrefix(pg.Code, "23") && !strings.HasPrefix(pg.Code, "22") {
		return err
	}
	return &InvalidDumpError{Code: Value, Table: pg.TableName, Reason: fmt.Sprintf("the database refuses the rows: %s (%s)", pg.Message, pg.ConstraintName)}
}
