package dump_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"grocery/backend/dump"
	"grocery/internal/pgtest"
)

// at reads data and calls hook once before the byte at that offset is handed out.
type at struct {
	data []byte
	pos  int
	when int
	hook func()
}

func (a *at) Read(p []byte) (int, error) {
	if a.hook != nil && a.pos >= a.when {
		a.hook()
		a.hook = nil
	}
	if a.pos == len(a.data) {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), 4096)], a.data[a.pos:])
	a.pos += n
	return n, nil
}

// TestACrashLeavesTheOldDataOrTheNew ends the restore's process (as the database sees
// it: the connection breaks) or the database itself at each stage of a restore.
func TestACrashLeavesTheOldDataOrTheNew(t *testing.T) {
	data := oldShop()
	crashes := map[string]func(*pgtest.Database, *pgx.Conn){
		"the restore": func(_ *pgtest.Database, conn *pgx.Conn) { conn.PgConn().Conn().Close() },
		"the database": func(db *pgtest.Database, _ *pgx.Conn) {
			db.Server.Pause()
			if err := db.Server.Resume(); err != nil {
				t.Error(err)
			}
		},
	}
	for who, crash := range crashes {
		for _, tt := range []struct {
			name string
			when int    // the byte of the dump
			lock string // the table at which the restore waits when it crashes
		}{
			{"at the beginning", 0, ""},
			{"within the rows", len(data) / 2, ""},
			{"at the end of the dump", len(data), ""},
			{"before the data is replaced", -1, "products"},
			{"when all data is replaced, before the commit", -1, "restores"},
		} {
			t.Run(who+" ends "+tt.name, func(t *testing.T) {
				db := inUse(t)
				before := contents(t, db)
				conn := connect(t, db)
				r := &at{data: data, when: tt.when, hook: func() { crash(db, conn) }}
				crashed := make(chan struct{})
				if tt.lock == "" {
					close(crashed)
				} else {
					blocker := connect(t, db)
					if _, err := blocker.Exec(t.Context(), "BEGIN; LOCK TABLE "+tt.lock+" IN ACCESS EXCLUSIVE MODE"); err != nil {
						t.Fatal(err)
					}
					r.hook = nil
					go func() {
						defer close(crashed)
						waitForLock(t, db)
						crash(db, conn)
						blocker.Close(context.Background())
					}()
				}
				_, err := dump.Restore(t.Context(), conn, r, dump.Options{ID: t.Name()})
				<-crashed
				if err == nil {
					t.Fatal("the restore succeeded")
				}
				if _, ok := errors.AsType[*dump.InvalidDumpError](err); ok {
					t.Errorf("the dump is blamed: %v", err)
				}
				if after := contents(t, db); after != before {
					t.Errorf("the data has changed: %s", firstDifference(after, before))
				}
				again := connect(t, db)
				if onRecord(t, db, t.Name()) {
					t.Error("the restore is on record")
				}
				report, err := dump.Restore(t.Context(), again, bytes.NewReader(data), dump.Options{})
				if err != nil || report.Restored["products"] != oldProducts {
					t.Errorf("the next restore: %v", err)
				}
			})
		}
	}
}

// onRecord tells whether a restore was committed.
func onRecord(t *testing.T, db *pgtest.Database, id string) (found bool) {
	conn := connect(t, db)
	if err := conn.QueryRow(t.Context(), "SELECT EXISTS (SELECT FROM restores WHERE id = $1)", id).Scan(&found); err != nil {
		t.Fatal(err)
	}
	return found
}

// waitForLock waits until some session waits for a lock of a table.
func waitForLock(t *testing.T, db *pgtest.Database) {
	for range 500 {
		var waiting bool
		db.QueryRow(t, "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND locktype = 'relation')", &waiting)
		if waiting {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Error("nobody waits for a lock")
}

func TestARestoreThatIsCancelledChangesNothing(t *testing.T) {
	db := inUse(t)
	before := contents(t, db)
	ctx, cancel := context.WithCancel(t.Context())
	conn := connect(t, db)
	data := oldShop()
	_, err := dump.Restore(ctx, conn, &at{data: data, when: len(data), hook: cancel}, dump.Options{})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if after := contents(t, db); after != before {
		t.Error("the data has changed")
	}
}

func TestARestoreOnceCommittedIsVerified(t *testing.T) {
	db := shop(t)
	conn := connect(t, db)
	first := restore(t, db, oldShop())
	if !onRecord(t, db, first.ID) {
		t.Error("the restore is not on record")
	}
	v, err := dump.Verify(t.Context(), conn, first.ID)
	if err != nil || v.Superseded || v.Rows["products"] != oldProducts || v.Rows["reviews"] != oldReviews {
		t.Errorf("%+v, %v", v, err)
	}
	db.Exec(t, "INSERT INTO users (username, email, password_hash) VALUES ('new', 'new@example.com', '$argon2id$')")
	if _, err := dump.Verify(t.Context(), conn, first.ID); err != nil {
		t.Errorf("a new account is taken for a fault: %v", err)
	}
	db.Exec(t, "DELETE FROM products WHERE id = 5")
	_, err = dump.Verify(t.Context(), conn, first.ID)
	if _, ok := err.(*dump.VerifyError); !ok {
		t.Errorf("a missing product: %v", err)
	}
	restore(t, db, small(3))
	if v, err := dump.Verify(t.Context(), conn, first.ID); err != nil || !v.Superseded {
		t.Errorf("after another restore: %+v, %v", v, err)
	}
	_, err = dump.Verify(t.Context(), conn, "another")
	if _, ok := err.(*dump.VerifyError); !ok {
		t.Errorf("a restore that never was: %v", err)
	}
}
