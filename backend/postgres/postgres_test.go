package postgres_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	shop "grocery/backend"
	"grocery/backend/postgres"
	"grocery/internal/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

func config(db *pgtest.Database) postgres.Config {
	return postgres.Config{
		Host: db.Host, Port: db.Port, Name: db.Name, User: pgtest.User, Password: pgtest.Password,
		SSLRootCert: db.Server.CA, Log: slog.New(slog.DiscardHandler),
	}
}

func open(t testing.TB, c postgres.Config) *postgres.DB {
	t.Helper()
	db, err := postgres.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return db
}

// eventually waits until ok holds.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

func ready(t testing.TB, db *postgres.DB) {
	t.Helper()
	eventually(t, "the database is ready", func() bool { return db.Ready(t.Context()) == nil })
}

// migrated returns a database with schema and catalogue, and a DB upon it.
func migrated(t testing.TB) (*pgtest.Database, *postgres.DB) {
	t.Helper()
	d := pgtest.NewFrom(t, "migrated", func(d *pgtest.Database) error {
		db, err := postgres.Open(config(d))
		if err != nil {
			return err
		}
		defer db.Close()
		ready(t, db)
		return nil
	})
	db := open(t, config(d))
	ready(t, db)
	return d, db
}

func newUser(t *testing.T, db *postgres.DB, name string) *shop.User {
	t.Helper()
	u := &shop.User{Username: name, Email: name + "@example.com", PasswordHash: "x", Avatar: shop.DefaultAvatar}
	if err := db.CreateUser(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	return u
}

func TestFiveServersMigrateAtOnceAndTheWorkIsDoneOnce(t *testing.T) {
	d := pgtest.New(t)
	var dbs []*postgres.DB
	for range 5 {
		dbs = append(dbs, open(t, config(d)))
	}
	for _, db := range dbs {
		ready(t, db)
	}
	seed, err := postgres.SeedProducts()
	if err != nil {
		t.Fatal(err)
	}
	var products, migrations, versions int
	d.QueryRow(t, "SELECT (SELECT count(*) FROM products), (SELECT count(*) FROM schema_migrations), (SELECT count(*) FROM catalogue_version)",
		&products, &migrations, &versions)
	if products != len(seed) || migrations < 1 || versions != 1 {
		t.Errorf("%d products (want %d), %d migrations, %d version rows", products, len(seed), migrations, versions)
	}
}

func TestAChangedCatalogueIsNotLoadedAgain(t *testing.T) {
	d, db := migrated(t)
	d.Exec(t, "DELETE FROM products WHERE id > 3")
	db.Close()
	again := open(t, config(d))
	ready(t, again)
	if c, err := again.Catalogue(t.Context()); err != nil || len(c.Products) != 3 {
		t.Errorf("%v products, %v", c, err)
	}
}

func TestTheSeedCatalogue(t *testing.T) {
	products, err := postgres.SeedProducts()
	if err != nil {
		t.Fatal(err)
	}
	if len(products) < 300 {
		t.Errorf("%d products, want at least 300", len(products))
	}
	categories, names, alcohol := map[string]int{}, map[string]bool{}, 0
	for _, p := range products {
		categories[p.Category]++
		if names[p.Name] {
			t.Errorf("two products are called %s", p.Name)
		}
		names[p.Name] = true
		if p.Description == "" || p.Pack == "" || p.Price < 50 || p.Price > 10000 ||
			!strings.HasPrefix(p.ImageURL, "/products/") || !strings.HasSuffix(p.ImageURL, ".webp") {
			t.Errorf("incomplete product: %+v", p)
		}
		if p.IsAlcohol {
			alcohol++
		}
	}
	if len(categories) != 11 || alcohol == 0 {
		t.Errorf("%d categories (%v), %d with alcohol", len(categories), categories, alcohol)
	}
}

func TestNamesAndAddressesAreTakenWhateverTheCase(t *testing.T) {
	_, db := migrated(t)
	newUser(t, db, "ann")
	for _, tt := range []struct{ name, email, want string }{
		{"Ann", "other@example.com", "Username already exists"},
		{"bea", "ANN@example.com", "Email already exists"},
	} {
		err := db.CreateUser(t.Context(), &shop.User{Username: tt.name, Email: tt.email, PasswordHash: "x"})
		if shop.ErrorCode(err) != shop.ECONFLICT || shop.ErrorMessage(err) != tt.want {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	if u, err := db.UserByEmail(t.Context(), "ANN@EXAMPLE.COM"); err != nil || u.Username != "ann" {
		t.Errorf("%v, %v", u, err)
	}
}

func TestManyPurchasesAtOnceMakeOneOrder(t *testing.T) {
	d, db := migrated(t)
	u := newUser(t, db, "ann")
	if err := db.ReplaceBasket(t.Context(), u.ID, []shop.BasketLine{{ProductID: 1, Quantity: 3}, {ProductID: 2, Quantity: 1}}); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	codes := make(chan string, 20)
	for range 20 {
		wg.Go(func() {
			_, err := db.Purchase(t.Context(), u.ID)
			codes <- shop.ErrorCode(err)
		})
	}
	wg.Wait()
	close(codes)
	count := map[string]int{}
	for c := range codes {
		count[c]++
	}
	if count[""] != 1 || count[shop.ECONFLICT] != 19 {
		t.Errorf("outcomes %v", count)
	}
	var orders, quantity, basket int
	var total, delivery, prices int64
	d.QueryRow(t, `SELECT (SELECT count(*) FROM orders), (SELECT sum(quantity) FROM order_items), (SELECT count(*) FROM basket_items),
		(SELECT sum(total_cents)::bigint FROM orders), (SELECT sum(delivery_cents)::bigint FROM orders),
		(SELECT (3 * (SELECT price_cents FROM products WHERE id = 1) + (SELECT price_cents FROM products WHERE id = 2))::bigint)`,
		&orders, &quantity, &basket, &total, &delivery, &prices)
	if orders != 1 || quantity != 4 || basket != 0 || total != prices+delivery {
		t.Errorf("%d orders, %d units, %d lines left, total %d of %d + %d", orders, quantity, basket, total, prices, delivery)
	}
}

func TestPurchaseAndReplaceAtOnceLoseNothing(t *testing.T) {
	d, db := migrated(t)
	u := newUser(t, db, "ann")
	var wg sync.WaitGroup
	var mu sync.Mutex
	bought := 0
	for i := range 40 {
		wg.Go(func() {
			if i%2 == 0 {
				if err := db.ReplaceBasket(t.Context(), u.ID, []shop.BasketLine{{ProductID: int64(i + 1), Quantity: 1}}); err != nil {
					t.Error(err)
				}
			} else if _, err := db.Purchase(t.Context(), u.ID); err == nil {
				mu.Lock()
				bought++
				mu.Unlock()
			} else if shop.ErrorReason(err) != "basket_empty" {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	var orders, items, basket int
	d.QueryRow(t, "SELECT (SELECT count(*) FROM orders), (SELECT count(*) FROM order_items), (SELECT count(*) FROM basket_items)", &orders, &items, &basket)
	if orders != bought || items != bought || basket > 1 {
		t.Errorf("%d purchases succeeded; %d orders with %d items, %d lines in the basket", bought, orders, items, basket)
	}
}

func TestAnOrderOutlivesItsProductAndItsBuyer(t *testing.T) {
	d, db := migrated(t)
	u := newUser(t, db, "ann")
	if err := db.ReplaceBasket(t.Context(), u.ID, []shop.BasketLine{{ProductID: 5, Quantity: 2}}); err != nil {
		t.Fatal(err)
	}
	o, err := db.Purchase(t.Context(), u.ID)
	if err != nil {
		t.Fatal(err)
	}
	d.Exec(t, "DELETE FROM products WHERE id = 5")
	d.Exec(t, "DELETE FROM users")
	var name string
	var total int64
	d.QueryRow(t, "SELECT i.name, o.total_cents FROM orders o JOIN order_items i ON i.order_id = o.id", &name, &total)
	if name != o.Items[0].Name || shop.Cents(total) != o.Total {
		t.Errorf("%s for %d, want %s for %d", name, total, o.Items[0].Name, o.Total)
	}
}

func TestTheCatalogueVersionGrowsWithEveryChangeOfTheCatalogueOnly(t *testing.T) {
	d, db := migrated(t)
	u := newUser(t, db, "ann")
	version := func() int64 {
		v, err := db.CatalogueVersion(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, tt := range []struct {
		sql   string
		grows bool
	}{
		{"UPDATE products SET price_cents = price_cents + 1 WHERE id = 1", true},
		{fmt.Sprintf("INSERT INTO reviews (product_id, user_id, rating) VALUES (1, %d, 5)", u.ID), true},
		{"UPDATE users SET username = 'anna'", true},
		{"DELETE FROM reviews", true},
		{"UPDATE users SET avatar = 'x.png'", false},
		{fmt.Sprintf("INSERT INTO basket_items (user_id, product_id, quantity) VALUES (%d, 1, 1)", u.ID), false},
	} {
		before := version()
		d.Exec(t, tt.sql)
		if after := version(); (after > before) != tt.grows {
			t.Errorf("%s: version %d -> %d", tt.sql, before, after)
		}
	}
}

// rotated is a source of logins whose passwords the test sets.
type rotated struct {
	mu    sync.Mutex
	stage map[string]string
	reads int
}

func (r *rotated) Read(_ context.Context, stage string) (string, string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reads++
	if r.stage[stage] == "" {
		return "", "", fmt.Errorf("no %s", stage)
	}
	return "shopper", r.stage[stage], nil
}

func TestARotatedPasswordIsReadAgain(t *testing.T) {
	for _, tt := range []struct {
		name   string
		stages map[string]string
		works  bool
	}{
		{"the current one works", map[string]string{"AWSCURRENT": "new", "AWSPREVIOUS": "old"}, true},
		{"the secret is ahead of the database: the previous one works", map[string]string{"AWSCURRENT": "newer", "AWSPREVIOUS": "new"}, true},
		{"none works", map[string]string{"AWSCURRENT": "newer", "AWSPREVIOUS": "old"}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d, _ := migrated(t)
			d.Exec(t, "DO $$ BEGIN CREATE ROLE shopper LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
			d.Exec(t, "ALTER ROLE shopper PASSWORD 'old'")
			d.Exec(t, "GRANT ALL ON ALL TABLES IN SCHEMA public TO shopper")
			d.Exec(t, "GRANT ALL ON SCHEMA public TO shopper")
			c := config(d)
			source := &rotated{stage: tt.stages}
			c.User, c.Password, c.Login = "shopper", "old", source
			db := open(t, c)
			ready(t, db)
			if source.reads != 0 {
				t.Errorf("the secret was read %d times though the login worked", source.reads)
			}
			d.Exec(t, "ALTER ROLE shopper PASSWORD 'new'")
			d.Exec(t, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'shopper'")
			var wg sync.WaitGroup
			for range 10 {
				wg.Go(func() {
					var err error
					for range 3 { // a terminated connection may be handed out once
						if err = db.Ready(t.Context()); err == nil {
							break
						}
					}
					if (err == nil) != tt.works {
						t.Errorf("error %v", err)
					}
					if err != nil && (strings.Contains(err.Error(), "newer") || strings.Contains(err.Error(), "'old'")) {
						t.Errorf("the error shows a password: %v", err)
					}
				})
			}
			wg.Wait()
			if tt.works && source.reads > 2 {
				t.Errorf("the secret was read %d times for one rotation", source.reads)
			}
		})
	}
}

func TestAPasswordThatIsOnlyInTheSecretIsFetched(t *testing.T) {
	d, _ := migrated(t)
	c := config(d)
	c.Password, c.Login = "", loginFunc(func() (string, string, error) { return pgtest.User, pgtest.Password, nil })
	ready(t, open(t, c))
}

type loginFunc func() (string, string, error)

func (f loginFunc) Read(context.Context, string) (string, string, error) { return f() }

func TestVerifiedTLS(t *testing.T) {
	d, _ := migrated(t)
	for _, tt := range []struct {
		name   string
		change func(*postgres.Config)
		works  bool
	}{
		{"the right authority and name are accepted", func(*postgres.Config) {}, true},
		{"another authority is refused", func(c *postgres.Config) { c.SSLRootCert = "" }, false},
		{"another name is refused", func(c *postgres.Config) { c.Host = "127.0.0.2" }, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := config(d)
			tt.change(&c)
			db := open(t, c)
			if !tt.works {
				time.Sleep(200 * time.Millisecond)
				if err := db.Ready(t.Context()); err == nil {
					t.Error("the database was spoken to")
				}
				return
			}
			ready(t, db)
		})
	}
	if _, err := postgres.Open(postgres.Config{Host: "x", Name: "x", User: "x", SSLRootCert: "/nowhere.pem"}); err == nil || !strings.Contains(err.Error(), "DB_SSLROOTCERT") {
		t.Errorf("a missing file of authorities: %v", err)
	}
}

func TestAServerKnowsOfTheRenamesAndRemovalsItHasMade(t *testing.T) {
	d, db := migrated(t)
	u := newUser(t, db, "ann")
	d.Exec(t, "INSERT INTO reviews (product_id, user_id, rating) VALUES (1, $1, 5)", u.ID)
	for _, step := range []struct {
		name string
		do   func() error
	}{
		{"another name", func() error {
			_, err := db.UpdateProfile(t.Context(), u, shop.ProfileChange{Username: new("anna")})
			return err
		}},
		{"no account any more", func() error { return db.DeleteUser(t.Context(), u) }},
	} {
		before := db.CatalogueKnown()
		if err := step.do(); err != nil {
			t.Fatal(err)
		}
		var version int64
		d.QueryRow(t, "SELECT version FROM catalogue_version", &version)
		if known := db.CatalogueKnown(); known != version || known <= before {
			t.Errorf("%s: version %d is known, before %d; it is %d", step.name, known, before, version)
		}
	}
}
