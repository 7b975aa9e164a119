package pgtest

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
)

// Database is one fresh database of the shared server, reached over TCP.
type Database struct {
	Server *Server
	Host   string // 127.0.0.1
	Port   string
	Name   string
}

var shared struct {
	once sync.Once
	srv  *Server
	err  error

	mu        sync.Mutex
	templates map[string]string // key -> database name
	counter   atomic.Int64
}

// Main runs the tests of a binary and removes the shared server at the end. Call it
// from TestMain: os.Exit(pgtest.Main(m)).
func Main(m *testing.M) int {
	code := m.Run()
	if shared.srv != nil {
		shared.srv.Stop()
	}
	return code
}

// Shared returns the server of this test binary, started by the first call. The test
// fails with what to do when PostgreSQL is missing.
func Shared(t testing.TB) *Server {
	t.Helper()
	shared.once.Do(func() { shared.srv, shared.err = Start() })
	if shared.err != nil {
		t.Fatalf("pgtest: %v", shared.err)
	}
	return shared.srv
}

// New creates an empty database that is dropped when the test ends.
func New(t testing.TB) *Database {
	t.Helper()
	return create(t, Shared(t), "template1")
}

// NewFrom creates a copy of a prepared database, which prepare fills the first time
// that key is asked for. It is much faster than preparing every database anew.
// prepare must leave no connection open.
func NewFrom(t testing.TB, key string, prepare func(*Database) error) *Database {
	t.Helper()
	srv := Shared(t)
	shared.mu.Lock()
	defer shared.mu.Unlock()
	template, ok := shared.templates[key]
	if !ok {
		db := &Database{srv, "127.0.0.1", strconv.Itoa(srv.Port), nextName("template")}
		if err := srv.Exec("CREATE DATABASE " + db.Name); err != nil {
			t.Fatalf("pgtest: %v", err)
		}
		if err := prepare(db); err != nil {
			t.Fatalf("pgtest: prepare %s: %v", key, err)
		}
		if shared.templates == nil {
			shared.templates = map[string]string{}
		}
		template = db.Name
		shared.templates[key] = template
	}
	return create(t, srv, template)
}

func create(t testing.TB, srv *Server, template string) *Database {
	t.Helper()
	name := nextName("test")
	if err := srv.Exec("CREATE DATABASE " + name + " TEMPLATE " + template); err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	t.Cleanup(func() { srv.Exec("DROP DATABASE IF EXISTS " + name + " WITH (FORCE)") })
	return &Database{srv, "127.0.0.1", strconv.Itoa(srv.Port), name}
}

func nextName(prefix string) string { return fmt.Sprintf("%s_%d", prefix, shared.counter.Add(1)) }

// Exec runs statements as superuser in the server's own database.
func (s *Server) Exec(sql string, args ...any) error {
	return execSQL(s.socketDSN("postgres"), sql, args...)
}

// Exec runs statements as superuser in the database.
func (d *Database) Exec(t testing.TB, sql string, args ...any) {
	t.Helper()
	if err := execSQL(d.Server.socketDSN(d.Name), sql, args...); err != nil {
		t.Fatalf("pgtest: %s: %v", sql, err)
	}
}

// QueryRow reads one row as superuser from the database.
func (d *Database) QueryRow(t testing.TB, sql string, into ...any) {
	t.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, d.Server.socketDSN(d.Name))
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	defer conn.Close(ctx)
	if err := conn.QueryRow(ctx, sql).Scan(into...); err != nil {
		t.Fatalf("pgtest: %s: %v", sql, err)
	}
}

func execSQL(dsn, sql string, args ...any) error {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, sql, args...)
	return err
}
