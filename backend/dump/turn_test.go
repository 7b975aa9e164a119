package dump_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"grocery/backend/dump"
	"grocery/internal/pgtest"
)

func TestARestoreOnRecordIsNotDoneAgain(t *testing.T) {
	db := inUse(t)
	o := dump.Options{ID: "execution-1", Source: "s3://b/k"}
	first, err := dump.Restore(t.Context(), connect(t, db), bytes.NewReader(oldShop()), o)
	if err != nil || first.Repeated || first.RestoredAt.IsZero() {
		t.Fatalf("%+v, %v", first, err)
	}
	db.Exec(t, "INSERT INTO users (username, email, password_hash) VALUES ('new', 'new@example.com', '$argon2id$')")
	before := contents(t, db)
	again, err := dump.Restore(t.Context(), connect(t, db), io.MultiReader(), o)
	if err != nil || !again.Repeated || !again.RestoredAt.Equal(first.RestoredAt) || again.SHA256 != first.SHA256 ||
		again.Kind != first.Kind || again.Shape != first.Shape || again.Restored["products"] != oldProducts {
		t.Errorf("%+v, %v", again, err)
	}
	if contents(t, db) != before {
		t.Error("the data has changed")
	}
	o.Source = "s3://b/another"
	if _, err := dump.Restore(t.Context(), connect(t, db), bytes.NewReader(small(1)), o); err == nil {
		t.Error("the id of another restore is taken")
	}
}

func TestARestoreWaitsForAnotherAsLongAsItIsTold(t *testing.T) {
	db := shop(t)
	reading, goOn := make(chan struct{}), make(chan struct{})
	data := oldShop()
	done := make(chan error, 1)
	conn := connect(t, db)
	go func() {
		_, err := dump.Restore(t.Context(), conn, &at{data: data, when: len(data) / 2, hook: func() { close(reading); <-goOn }}, dump.Options{})
		done <- err
	}()
	<-reading
	second := connect(t, db)
	_, err := dump.Restore(t.Context(), second, bytes.NewReader(small(2)), dump.Options{Wait: 200 * time.Millisecond})
	if busy, ok := errors.AsType[*dump.BusyError](err); !ok || busy.Waited != 200*time.Millisecond {
		t.Errorf("error %v, want a *BusyError", err)
	}
	close(goOn)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	report, err := dump.Restore(t.Context(), second, bytes.NewReader(small(2)), dump.Options{Wait: 10 * time.Second})
	if err != nil || report.Restored["products"] != 2 {
		t.Errorf("the next try: %v", err)
	}
	var limit string
	if err := second.QueryRow(t.Context(), "SHOW lock_timeout").Scan(&limit); err != nil || limit != "0" {
		t.Errorf("the session is left with lock_timeout %s (%v)", limit, err)
	}
}

func TestADumpForAnEmptyShopReplacesNothingThatIsInUse(t *testing.T) {
	const user = "INSERT INTO users (username, email, password_hash) VALUES ('new', 'new@example.com', '$argon2id$')"
	o := dump.Options{OnlyEmpty: true}
	for name, tt := range map[string]struct {
		db   *pgtest.Database
		use  string
		late bool // used only while the dump is read
		ok   bool
	}{
		"nothing at all":                    {db: pgtest.New(t), ok: true},
		"the first catalogue":               {db: shop(t), ok: true},
		"a user":                            {db: shop(t), use: user},
		"an order of nobody":                {db: shop(t), use: "INSERT INTO orders (subtotal_cents, delivery_cents) VALUES (1, 0)"},
		"an earlier restore":                {db: shop(t), use: "INSERT INTO restores VALUES ('r', 's', 'h', 'f', '{}')"},
		"a user who came while it was read": {db: shop(t), use: user, late: true},
	} {
		t.Run(name, func(t *testing.T) {
			data := oldShop()
			r := &at{data: data, when: len(data) / 2}
			use := func() { tt.db.Exec(t, tt.use) }
			if tt.late {
				r.hook = use
			} else if tt.use != "" {
				use()
			}
			report, err := dump.Restore(t.Context(), connect(t, tt.db), r, o)
			var products int
			tt.db.QueryRow(t, "SELECT count(*) FROM products", &products)
			if tt.ok {
				if err != nil || products != oldProducts || report.Restored["products"] != oldProducts {
					t.Errorf("%d products, %v", products, err)
				}
				return
			}
			if _, ok := errors.AsType[*dump.NotEmptyError](err); !ok || products == oldProducts {
				t.Errorf("%d products, error %v, want a *NotEmptyError", products, err)
			}
			var users, orders, restores int
			tt.db.QueryRow(t, "SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM orders), (SELECT count(*) FROM restores)", &users, &orders, &restores)
			if users+orders+restores != 1 {
				t.Errorf("%d users, %d orders, %d restores are left", users, orders, restores)
			}
		})
	}
}

// TestALostClientDoesNotKeepTheTurn: PostgreSQL asks a silent client's machine whether
// it still lives, and ends the session of one that does not.
func TestALostClientDoesNotKeepTheTurn(t *testing.T) {
	db := shop(t)
	conn := connect(t, db)
	if _, err := dump.Restore(context.Background(), conn, bytes.NewReader(small(1)), dump.Options{}); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"tcp_keepalives_idle": "20", "tcp_keepalives_interval": "10", "tcp_keepalives_count": "3", "client_connection_check_interval": "10s"} {
		var have string
		if err := conn.QueryRow(t.Context(), "SHOW "+name).Scan(&have); err != nil || have != want {
			t.Errorf("%s is %s, want %s (%v)", name, have, want, err)
		}
	}
}
