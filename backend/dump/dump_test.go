package dump_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"grocery/backend/dump"
	"grocery/backend/postgres"
	"grocery/internal/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

func config(db *pgtest.Database) postgres.Config {
	return postgres.Config{Host: db.Host, Port: db.Port, Name: db.Name, User: pgtest.User, Password: pgtest.Password, SSLRootCert: db.Server.CA}
}

func connect(t testing.TB, db *pgtest.Database) *pgx.Conn {
	t.Helper()
	conn, err := postgres.Connect(t.Context(), config(db), "dump-test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

// shop returns a database with the shop's schema and first catalogue.
func shop(t testing.TB) *pgtest.Database {
	t.Helper()
	return pgtest.NewFrom(t, "shop", func(d *pgtest.Database) error {
		db, err := postgres.Open(config(d))
		if err != nil {
			return err
		}
		defer db.Close()
		for range 400 {
			if err = db.Ready(t.Context()); err == nil {
				return nil
			}
			time.Sleep(25 * time.Millisecond)
		}
		return err
	})
}

// restore restores a dump and fails the test when that fails.
func restore(t testing.TB, db *pgtest.Database, data []byte) *dump.Report {
	t.Helper()
	report, err := dump.Restore(t.Context(), connect(t, db), bytes.NewReader(data), dump.Options{Source: t.Name()})
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// invalidDump returns the fault that err says the dump has.
func invalidDump(t testing.TB, err error) *dump.InvalidDumpError {
	t.Helper()
	fault, ok := errors.AsType[*dump.InvalidDumpError](err)
	if !ok {
		t.Fatalf("error %v (%T), want an *InvalidDumpError", err, err)
	}
	return fault
}
