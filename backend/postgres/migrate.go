package postgres

import (
	"context"
	"embed"
	"fmt"
	"log/slog"
	"path"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// migrationLock is the advisory lock that lets one server migrate at a time.
const migrationLock = 0x67726f63657279 // "grocery"

type migration struct {
	version int
	name    string
	sql     string
}

// migrations returns the embedded migrations, oldest first. Their versions are the
// numbers their file names begin with, 1, 2, 3 without a gap.
func migrations() ([]migration, error) {
	entries, err := migrationFiles.ReadDir("migrations")
	if err != nil {
		return nil, err
	}
	all := make([]migration, 0, len(entries))
	for i, e := range entries { // ReadDir sorts by name
		number, _, _ := strings.Cut(e.Name(), "_")
		version, err := strconv.Atoi(number)
		if err != nil || version != i+1 {
			return nil, fmt.Errorf("migration %s: its number should be %04d", e.Name(), i+1)
		}
		sql, err := migrationFiles.ReadFile(path.Join("migrations", e.Name()))
		if err != nil {
			return nil, err
		}
		all = append(all, migration{version, strings.TrimSuffix(e.Name(), ".sql"), string(sql)})
	}
	return all, nil
}

// migrate brings the primary's schema up to date and loads the catalogue when there
// are no products. Any number of servers may do so at once: the first does the work,
// the others wait and find it done.
func (db *DB) migrate(ctx context.Context) error {
	pooled, err := db.primary.acquire(ctx)
	if err != nil {
		return err
	}
	conn := pooled.Hijack() // leaves the pool: its settings and its lock end with it
	defer conn.Close(context.WithoutCancel(ctx))

	if _, err := conn.Exec(ctx, "SET statement_timeout = 0"); err != nil {
		return err
	}
	if err := Migrate(ctx, conn, db.log); err != nil {
		return err
	}
	loaded, err := loadCatalogue(ctx, conn)
	if err != nil {
		return fmt.Errorf("load the catalogue: %w", err)
	}
	if loaded > 0 {
		db.log.InfoContext(ctx, "catalogue loaded", "products", loaded)
	}
	var version int64
	if err := conn.QueryRow(ctx, "SELECT version FROM catalogue_version").Scan(&version); err != nil {
		return err
	}
	db.minimum.Store(version)
	db.primaryUp.Store(true)
	db.migrated.Store(true)
	return nil
}

// Migrate brings the schema up to date over a connection that is the caller's own. It
// holds the turn to migrate until the connection is closed or ReleaseTurn is called,
// so that nobody loads the first catalogue meanwhile.
func Migrate(ctx context.Context, conn *pgx.Conn, log *slog.Logger) error {
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock($1)", int64(migrationLock)); err != nil {
		return fmt.Errorf("wait for the turn to migrate: %w", err)
	}
	return applyMigrations(ctx, conn, log)
}

// ReleaseTurn gives back the turn that Migrate took.
func ReleaseTurn(ctx context.Context, conn *pgx.Conn) error {
	_, err := conn.Exec(ctx, "SELECT pg_advisory_unlock($1)", int64(migrationLock))
	return err
}

// TakeTurn takes the turn to migrate until the end of a transaction: no server
// changes the schema or loads the first catalogue before that.
func TakeTurn(ctx context.Context, tx pgx.Tx) error {
	if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", int64(migrationLock)); err != nil {
		return fmt.Errorf("wait for the turn to migrate: %w", err)
	}
	return nil
}

// Newer reports whether a newer version of the shop than this one has migrated the
// database.
func Newer(ctx context.Context, db interface {
	QueryRow(context.Context, string, ...any) pgx.Row
}) (bool, error) {
	all, err := migrations()
	if err != nil {
		return false, err
	}
	var have int
	if err := db.QueryRow(ctx, "SELECT COALESCE(max(version), 0) FROM schema_migrations").Scan(&have); err != nil {
		return false, fmt.Errorf("read the schema's version: %w", err)
	}
	return have > len(all), nil
}

func applyMigrations(ctx context.Context, conn *pgx.Conn, log *slog.Logger) error {
	all, err := migrations()
	if err != nil {
		return err
	}
	if _, err := conn.Exec(ctx, `CREATE TABLE IF NOT EXISTS schema_migrations (
		version    integer PRIMARY KEY,
		name       text NOT NULL,
		applied_at timestamptz NOT NULL DEFAULT now())`); err != nil {
		return fmt.Errorf("create schema_migrations: %w", err)
	}
	var have int
	if err := conn.QueryRow(ctx, "SELECT COALESCE(max(version), 0) FROM schema_migrations").Scan(&have); err != nil {
		return err
	}
	if have > len(all) {
		// A newer release was here and this one was rolled back to: migrations
		// only ever add, so that it can work with what it finds.
		log.WarnContext(ctx, "schema is newer than this server", "schema", have, "server", len(all))
		return nil
	}
	for _, m := range all[have:] {
		err := pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, m.sql); err != nil {
				return err
			}
			_, err := tx.Exec(ctx, "INSERT INTO schema_migrations (version, name) VALUES ($1, $2)", m.version, m.name)
			return err
		})
		if err != nil {
			return fmt.Errorf("migration %s: %w", m.name, err)
		}
		log.InfoContext(ctx, "migration applied", "migration", m.name)
	}
	return nil
}
