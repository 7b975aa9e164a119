package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	shop "grocery/backend"
)

var _ shop.DatabaseService = (*DB)(nil)

// DB is the shop's database: a primary and perhaps a read replica. Opening it does
// not need either to be there; it goes on trying in the background.
type DB struct {
	log     *slog.Logger
	now     func() time.Time
	primary *pool
	replica *pool // nil without a replica

	migrated  atomic.Bool // the primary's schema was brought up to date
	primaryUp atomic.Bool // at the last probe
	replicaUp atomic.Bool // at the last probe or read
	minimum   atomic.Int64

	stop context.CancelFunc
	done sync.WaitGroup
}

// Open returns the database. It fails only on settings that can never work; a
// database that is away is waited for in the background, where migrations run too.
func Open(c Config) (*DB, error) {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	ctx, cancel := context.WithCancel(context.Background())
	db := &DB{log: c.Log, now: c.Now, stop: cancel}
	var err error
	if db.primary, err = newPool(ctx, c, c.Host); err != nil {
		cancel()
		return nil, err
	}
	if c.ReplicaHost != "" {
		if db.replica, err = newPool(ctx, c, c.ReplicaHost); err != nil {
			cancel()
			db.primary.Close()
			return nil, err
		}
		db.done.Go(func() { db.probeReplica(ctx) })
	}
	db.done.Go(func() { db.watchPrimary(ctx) })
	return db, nil
}

// Close ends the background work and waits for the connections to come back.
func (db *DB) Close() {
	db.stop()
	db.done.Wait()
	db.primary.Close()
	if db.replica != nil {
		db.replica.Close()
	}
}

// State returns what was last seen of the databases.
func (db *DB) State() shop.DatabaseState {
	s := shop.DatabaseState{Primary: "down", Replica: "none"}
	switch {
	case db.primaryUp.Load() && db.migrated.Load():
		s.Primary = "up"
	case !db.migrated.Load():
		s.Primary = "starting"
	}
	if db.replica != nil {
		s.Replica = "down"
		if db.replicaUp.Load() {
			s.Replica = "up"
		}
	}
	return s
}

// Pools returns what the connection pools, primary and replica, are doing.
func (db *DB) Pools() map[string]*pgxpool.Stat {
	pools := map[string]*pgxpool.Stat{"primary": db.primary.Stat()}
	if db.replica != nil {
		pools["replica"] = db.replica.Stat()
	}
	return pools
}

// Ready asks the primary whether it serves and returns nil when the shop can sell.
func (db *DB) Ready(ctx context.Context) error {
	if !db.migrated.Load() {
		return shop.Unavailable(errors.New("the database schema is not up to date yet"))
	}
	return db.write(ctx, func(conn *pgxpool.Conn) error { return conn.Ping(ctx) })
}

// watchPrimary migrates the primary as soon as it answers and then probes it.
func (db *DB) watchPrimary(ctx context.Context) {
	wait := 100 * time.Millisecond
	for ctx.Err() == nil {
		err := db.migrate(ctx)
		if err == nil {
			break
		}
		if ctx.Err() == nil {
			db.log.WarnContext(ctx, "database is not ready yet", "error", err, "retry_in", wait.String())
		}
		sleep(ctx, wait)
		wait = min(wait*2, probeInterval)
	}
	for ctx.Err() == nil {
		err := db.ping(ctx, db.primary)
		db.note(ctx, "primary", &db.primaryUp, err)
		sleep(ctx, probeInterval)
	}
}

// probeReplica says when the replica may be read from.
func (db *DB) probeReplica(ctx context.Context) {
	for ctx.Err() == nil {
		err := db.ping(ctx, db.replica)
		db.note(ctx, "replica", &db.replicaUp, err)
		sleep(ctx, probeInterval)
	}
}

func (db *DB) ping(ctx context.Context, p *pool) error {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	conn, err := p.acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	return conn.Ping(ctx)
}

// note stores whether a database is up and logs each change.
func (db *DB) note(ctx context.Context, name string, up *atomic.Bool, err error) {
	if ctx.Err() != nil || up.Swap(err == nil) == (err == nil) {
		return
	}
	if err == nil {
		db.log.InfoContext(ctx, "database is up", "database", name)
	} else {
		db.log.WarnContext(ctx, "database is down", "database", name, "error", err)
	}
}

// write runs fn on a connection to the primary.
func (db *DB) write(ctx context.Context, fn func(*pgxpool.Conn) error) error {
	conn, err := db.primary.acquire(ctx)
	if err != nil {
		return unavailable(ctx, err)
	}
	defer conn.Release()
	return unavailable(ctx, fn(conn))
}

// writeTx runs fn in a transaction on the primary: all of it or nothing.
func (db *DB) writeTx(ctx context.Context, fn func(pgx.Tx) error) error {
	return db.write(ctx, func(conn *pgxpool.Conn) error { return pgx.BeginFunc(ctx, conn, fn) })
}

// errStale says that the replica has not caught up with what is asked for.
var errStale = errors.New("the replica is behind")

// read runs fn on the replica, and on the primary when there is no replica or it
// fails in any way: it is down, behind what fn (errStale) or the caller (shop.ReadAfter)
// wants to see, lacks a table, or is too slow. A replica that is down or too slow is not
// asked again until it is probed; one that refuses a question is.
// fn may run twice and must start afresh each time.
func (db *DB) read(ctx context.Context, fn func(ctx context.Context, conn *pgxpool.Conn, replica bool) error) error {
	if db.replica != nil && db.replicaUp.Load() {
		err := db.readReplica(ctx, fn)
		if err == nil || ctx.Err() != nil {
			return unavailable(ctx, err)
		}
		if isAway(err) {
			db.note(ctx, "replica", &db.replicaUp, err)
		}
	}
	return db.write(ctx, func(conn *pgxpool.Conn) error { return fn(ctx, conn, false) })
}

func (db *DB) readReplica(ctx context.Context, fn func(context.Context, *pgxpool.Conn, bool) error) error {
	ctx, cancel := context.WithTimeout(ctx, replicaTimeout)
	defer cancel()
	conn, err := db.replica.acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	if seen, ok := shop.ReadAfter(ctx); ok {
		var reached *bool // null on a replica that has become a primary
		if err := conn.QueryRow(ctx, "SELECT pg_last_wal_replay_lsn() >= NULLIF($1, '')::pg_lsn", seen).Scan(&reached); err != nil {
			return err
		}
		if reached == nil || !*reached {
			return errStale
		}
	}
	return fn(ctx, conn, true)
}

// isAway reports whether a database could not be asked, or did not answer in time: it
// says nothing of the question.
func isAway(err error) bool {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch pg.Code[:2] {
		case "08", "28", "53", "57": // connection, login, resources, operator
			return pg.Code != "57014" // one statement was cancelled
		}
		return pg.Code == "3D000" // no database
	}
	if _, ok := errors.AsType[net.Error](err); ok || pgconn.SafeToRetry(err) {
		return true // among them connections that are refused, and time that is up
	}
	_, unconnected := errors.AsType[*pgconn.ConnectError](err)
	return unconnected || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed)
}

// unavailable marks failures to reach the database as shop.EUNAVAILABLE and leaves
// others as they are.
func unavailable(ctx context.Context, err error) error {
	if err == nil || shop.ErrorCode(err) != shop.EINTERNAL {
		return err
	}
	if ctx.Err() != nil {
		return shop.Unavailable(fmt.Errorf("%w (%w)", err, context.Cause(ctx)))
	}
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch pg.Code[:2] {
		case "08", "28", "40", "53", "57": // connection, login, rollback, resources, operator
			return shop.Unavailable(err)
		}
		switch pg.Code {
		case "42P01", "25006", "3D000": // no table yet, read only (failing over), no database
			return shop.Unavailable(err)
		}
		return err
	}
	if errors.Is(err, pgx.ErrNoRows) || errors.Is(err, pgx.ErrTooManyRows) {
		return err
	}
	return shop.Unavailable(err)
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
