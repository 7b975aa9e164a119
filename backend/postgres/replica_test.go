package postgres_test

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"time"

	shop "grocery/backend"
	"grocery/backend/postgres"
	"grocery/internal/pgtest"
)

// replicated are the settings of a shop on a primary and its replica.
func replicated(primary *pgtest.Server) postgres.Config {
	return postgres.Config{
		Host: "127.0.0.1", ReplicaHost: pgtest.ReplicaHost, Port: strconv.Itoa(primary.Port), Name: "postgres",
		User: pgtest.User, Password: pgtest.Password, SSLMode: "require",
	}
}

func TestReplica(t *testing.T) {
	primary, replica, relay := pgtest.NewPair(t)
	c := replicated(primary)
	on := func(s *pgtest.Server, sql string) {
		t.Helper()
		if err := s.Exec(sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	products := func(db *postgres.DB) int {
		t.Helper()
		got, err := db.Catalogue(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return len(got.Products)
	}
	replicaIs := func(db *postgres.DB, state string) {
		t.Helper()
		eventually(t, "the replica is "+state, func() bool { return db.State().Replica == state })
	}

	// The replica does not know the schema yet: reads come from the primary.
	on(replica, "SELECT pg_wal_replay_pause()")
	db := open(t, c)
	ready(t, db)
	replicaIs(db, "up")
	if n := products(db); n < 300 {
		t.Errorf("%d products while the replica lags behind the migrations", n)
	}
	on(replica, "SELECT pg_wal_replay_resume()")
	if err := replica.CatchUp(primary); err != nil {
		t.Fatal(err)
	}
	replicaIs(db, "up")
	eventually(t, "catalogue reads reach the replica", func() bool {
		before := relay.Bytes.Load()
		products(db)
		return relay.Bytes.Load()-before > 10_000
	})

	// A question that is refused says nothing of the replica.
	if _, err := db.Order(t.Context(), 1, 999); !errors.Is(err, shop.ErrOrderNotFound) {
		t.Error(err)
	}
	refused := shop.ProductQuery{Sort: shop.SortName, Limit: 1, After: &shop.ProductKey{Text: "\x00"}}
	if _, err := db.SearchProducts(t.Context(), refused); shop.ErrorCode(err) != shop.EINTERNAL {
		t.Error(err)
	}
	if state := db.State().Replica; state != "up" {
		t.Errorf("after questions that are refused the replica counts as %s", state)
	}

	// What this server has written is never hidden by a replica that is behind.
	u := newUser(t, db, "ann")
	if err := db.ReplaceBasket(t.Context(), u.ID, []shop.BasketLine{{ProductID: 1, Quantity: 1}}); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Purchase(t.Context(), u.ID); err != nil {
		t.Fatal(err)
	}
	on(replica, "SELECT pg_wal_replay_pause()")
	if err := db.AddReview(t.Context(), u.ID, 1, shop.ReviewInput{Rating: 5, Comment: "good"}); err != nil {
		t.Fatal(err)
	}
	if got, err := db.Catalogue(t.Context()); err != nil || len(got.Products[0].Reviews) != 1 {
		t.Errorf("the review is not seen right after it was written: %v", err)
	}
	if state := db.State().Replica; state != "up" {
		t.Errorf("a replica that is behind counts as %s", state)
	}

	// Nor is what any other server has written for the caller: whoever was identified
	// after the write reads from where the write is.
	beside := open(t, c)
	ready(t, beside)
	replicaIs(beside, "up")
	version := func(ctx context.Context) int64 {
		t.Helper()
		v, err := beside.CatalogueVersion(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	seen := func() context.Context {
		t.Helper()
		id, err := beside.Identify(t.Context(), u.ID, time.Now())
		if err != nil || id.Seen == "" {
			t.Fatalf("%+v, %v", id, err)
		}
		return shop.WithReadAfter(t.Context(), id.Seen)
	}
	before := version(seen())
	if err := db.UpdateReview(t.Context(), u.ID, 1, shop.ReviewInput{Rating: 4, Comment: "better"}); err != nil {
		t.Fatal(err)
	}
	if after := version(seen()); after <= before {
		t.Errorf("a caller that has just written sees version %d, as before", after)
	}
	if v := version(shop.WithReadAfter(t.Context(), "")); v <= before {
		t.Errorf("a caller of whom nothing is known sees version %d, as before", v)
	}
	on(replica, "SELECT pg_wal_replay_resume()")
	eventually(t, "a caller is answered by the replica that has caught up", func() bool {
		ctx, before := seen(), relay.Bytes.Load()
		if _, err := beside.Catalogue(ctx); err != nil {
			t.Fatal(err)
		}
		return relay.Bytes.Load()-before > 10_000
	})

	// The replica goes away and comes back.
	replica.Pause()
	if n := products(db); n < 300 {
		t.Errorf("%d products without the replica", n)
	}
	replicaIs(db, "down")

	// A server that starts meanwhile serves as well.
	second := open(t, c)
	ready(t, second)
	if n := products(second); n < 300 {
		t.Errorf("%d products on a server started without the replica", n)
	}
	if err := replica.Resume(); err != nil {
		t.Fatal(err)
	}
	replicaIs(db, "up")

	// The primary goes away: the catalogue is still there, buying is not.
	eventually(t, "the replica has caught up", func() bool {
		before := relay.Bytes.Load()
		products(db)
		return relay.Bytes.Load()-before > 10_000
	})
	primary.Pause()
	if n := products(db); n < 300 {
		t.Errorf("%d products without the primary", n)
	}
	if _, err := db.Purchase(t.Context(), u.ID); shop.ErrorCode(err) != shop.EUNAVAILABLE {
		t.Errorf("purchase without the primary: %v", err)
	}
	if err := db.Ready(t.Context()); shop.ErrorCode(err) != shop.EUNAVAILABLE {
		t.Errorf("ready without the primary: %v", err)
	}
}

func TestARotatedPasswordIsReadAgainForTheReplicaToo(t *testing.T) {
	primary, replica, relay := pgtest.NewPair(t)
	on := func(s *pgtest.Server, sql string) {
		t.Helper()
		if err := s.Exec(sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	ready(t, open(t, replicated(primary)))
	on(primary, "CREATE ROLE shopper SUPERUSER LOGIN PASSWORD 'old'")
	if err := replica.CatchUp(primary); err != nil {
		t.Fatal(err)
	}
	c := replicated(primary)
	c.User, c.Password, c.Login = "shopper", "old", &rotated{stage: map[string]string{"AWSCURRENT": "new", "AWSPREVIOUS": "old"}}
	db := open(t, c)
	ready(t, db)
	answers := func() bool {
		before := relay.Bytes.Load()
		if _, err := db.Catalogue(t.Context()); err != nil {
			t.Error(err)
		}
		return relay.Bytes.Load()-before > 10_000
	}
	eventually(t, "the replica answers", answers)
	on(primary, "ALTER ROLE shopper PASSWORD 'new'")
	if err := replica.CatchUp(primary); err != nil {
		t.Fatal(err)
	}
	on(replica, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'shopper'")
	eventually(t, "the replica answers with the new password", answers)
}
