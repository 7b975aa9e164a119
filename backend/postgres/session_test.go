package postgres_test

import (
	"testing"
	"time"

	"grocery/backend/auth"
)

func TestExpiredSessionsAreRemovedAFewAtATime(t *testing.T) {
	d, db := migrated(t)
	u := newUser(t, db, "ann")
	now := time.Now()
	for range 4 {
		_, hash := auth.NewRefreshToken()
		if err := db.OpenSession(t.Context(), u, hash, now); err != nil {
			t.Fatal(err)
		}
	}
	d.Exec(t, "UPDATE sessions SET expires_at = $1 WHERE id < (SELECT max(id) FROM sessions)", now.Add(-time.Hour))
	for i, want := range []int{2, 1, 0} {
		if n, err := db.RemoveSessions(t.Context(), now, 2); n != want || err != nil {
			t.Errorf("time %d: %d, %v, want %d", i+1, n, err, want)
		}
	}
	var sessions, tokens int
	d.QueryRow(t, "SELECT (SELECT count(*) FROM sessions), (SELECT count(*) FROM refresh_tokens)", &sessions, &tokens)
	if sessions != 1 || tokens != 1 {
		t.Errorf("%d sessions and %d tokens are left, want what has not expired", sessions, tokens)
	}
}
