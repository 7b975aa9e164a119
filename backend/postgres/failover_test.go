package postgres_test

import (
	"strconv"
	"testing"
	"time"

	"grocery/backend/postgres"
	"grocery/internal/pgtest"
)

// The name of a database leads to another server after a failover, as RDS's does. Here a
// relay is the name.
func TestAFailoverIsFollowedWithoutARestart(t *testing.T) {
	old, err := pgtest.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer old.Stop()
	standby, err := old.Replica()
	if err != nil {
		t.Fatal(err)
	}
	defer standby.Stop()
	name := pgtest.NewRelay(t, "127.0.0.3:"+strconv.Itoa(old.Port), "127.0.0.1:"+strconv.Itoa(old.Port))
	db := open(t, postgres.Config{Host: "127.0.0.3", Port: strconv.Itoa(old.Port), Name: "postgres", User: pgtest.User, Password: pgtest.Password, SSLMode: "require"})
	ready(t, db)
	ann := newUser(t, db, "ann")
	if err := standby.CatchUp(old); err != nil {
		t.Fatal(err)
	}

	old.Pause()
	if _, err := db.UserByID(t.Context(), ann.ID); err == nil {
		t.Error("an account is read from a server that is gone")
	}
	if err := standby.Exec("SELECT pg_promote(true, 30)"); err != nil {
		t.Fatal(err)
	}
	name.Lead("127.0.0.1:" + strconv.Itoa(standby.Port))
	eventually(t, "the new primary takes orders", func() bool { return db.Ready(t.Context()) == nil })
	newUser(t, db, "bob")
	if u, err := db.UserByID(t.Context(), ann.ID); err != nil || u.Username != "ann" {
		t.Errorf("%+v, %v", u, err)
	}
	if id, err := db.Identify(t.Context(), ann.ID, time.Now()); err != nil || id.Seen == "" {
		t.Errorf("%+v, %v", id, err)
	}
}
