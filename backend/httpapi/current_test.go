package httpapi_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"grocery/backend/postgres"
	"grocery/internal/pgtest"
)

// TestWhatOneHasJustWrittenIsReadWhicheverServerAnswers: servers with a replica that has
// stopped following.
func TestWhatOneHasJustWrittenIsReadWhicheverServerAnswers(t *testing.T) {
	primary, replica, _ := pgtest.NewPair(t)
	// Where nothing waits for the disk, a commit need not be in what has been written of the log.
	if err := primary.Exec("ALTER ROLE " + pgtest.User + " SET synchronous_commit = on"); err != nil {
		t.Fatal(err)
	}
	c := postgres.Config{Host: "127.0.0.1", ReplicaHost: pgtest.ReplicaHost, Port: strconv.Itoa(primary.Port), Name: "postgres", User: pgtest.User, Password: pgtest.Password, SSLMode: "disable"}
	a := storeWith(t, primary.Own(), c)
	id := a.user(t, "ann")
	a.bought(t, id, 1)
	a.pg.Exec(t, "DELETE FROM reviews")
	if err := replica.CatchUp(primary); err != nil {
		t.Fatal(err)
	}
	b := storeWith(t, primary.Own(), c)
	for deadline := time.Now().Add(time.Minute); b.db.State().Replica != "up" || b.db.State().Primary != "up"; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%+v", b.db.State())
		}
	}
	if err := replica.Exec("SELECT pg_wal_replay_pause()"); err != nil {
		t.Fatal(err)
	}
	bearer := "Bearer " + a.token(t, id)
	status(t, a.do("PUT", "/api/v1/products/1/review", `{"rating":4}`, "Authorization", bearer), 201)
	const reviewed, not = `"rating":{"average":4,"count":1}`, `"rating":{"average":null,"count":0}`
	for _, tt := range []struct{ name, token, want string }{
		{"who has written", bearer, reviewed},
		{"a guest, who may read what is a moment old", "", not},
		{"a token that has expired makes a guest", "Bearer " + issued(t, jwtSecret, -5*time.Hour), not},
		{"a token that is none makes a guest", "Bearer null", not},
	} {
		for _, path := range []string{"/api/v1/products/1", "/api/v1/products?sort=shelf&limit=1"} {
			var header []string
			if tt.token != "" {
				header = []string{"Authorization", tt.token}
			}
			if body := status(t, b.do("GET", path, "", header...), 200); !strings.Contains(body, tt.want) {
				t.Errorf("%s, %s: %s", tt.name, path, body)
			}
		}
	}
	status(t, b.do("GET", "/api/v1/categories", "", "Authorization", bearer), 200)

	// Without the primary nobody is known, and the replica answers everybody.
	primary.Pause()
	for _, path := range []string{"/api/v1/products/1", "/api/v1/products?limit=1", "/api/v1/categories"} {
		status(t, b.do("GET", path, "", "Authorization", bearer), 200)
	}
	status(t, b.do("GET", "/api/v1/me", "", "Authorization", bearer), http.StatusServiceUnavailable)
}
