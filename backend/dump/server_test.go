package dump_test

import (
	"bytes"
	"testing"
	"time"

	"grocery/backend/auth"
	"grocery/backend/dump"
	"grocery/backend/postgres"
	"grocery/internal/pgtest"
)

// TestServersThatStartDuringARestoreAddNothing: a server that finds no product loads
// the first catalogue, which must not end up beside the products of a dump.
func TestServersThatStartDuringARestoreAddNothing(t *testing.T) {
	for range 3 {
		db := pgtest.New(t)
		conn := connect(t, db)
		done := make(chan error, 1)
		go func() {
			_, err := dump.Restore(t.Context(), conn, bytes.NewReader(oldShop()), dump.Options{})
			done <- err
		}()
		var servers []*postgres.DB
		for range 3 {
			server, err := postgres.Open(config(db))
			if err != nil {
				t.Fatal(err)
			}
			defer server.Close()
			servers = append(servers, server)
			time.Sleep(15 * time.Millisecond)
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		for _, server := range servers {
			waitReady(t, server)
		}
		var products int
		db.QueryRow(t, "SELECT count(*) FROM products", &products)
		if products != oldProducts {
			t.Errorf("%d products, want %d", products, oldProducts)
		}
	}
}

func waitReady(t *testing.T, server *postgres.DB) {
	for range 400 {
		if server.Ready(t.Context()) == nil {
			return
		}
		time.Sleep(25 * time.Millisecond)
	}
	t.Error("the server does not get ready")
}

func TestARunningServerShowsTheNewCatalogueAtOnce(t *testing.T) {
	db := shop(t)
	server, err := postgres.Open(config(db))
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	waitReady(t, server)
	before, err := server.CatalogueVersion(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	restore(t, db, oldShop())
	c, err := server.Catalogue(t.Context())
	if err != nil || len(c.Products) != oldProducts || c.Version <= before {
		t.Fatalf("%d products of version %d, before %d, %v", len(c.Products), c.Version, before, err)
	}
	reviews := 0
	for _, p := range c.Products {
		for _, r := range p.Reviews {
			if reviews++; r.Author == "" {
				t.Errorf("review %d has lost its author", r.ID)
			}
		}
	}
	if reviews != oldReviews {
		t.Errorf("%d reviews", reviews)
	}
	user, err := server.UserByEmail(t.Context(), "olga@example.com")
	if err != nil || user.Username != "olga" {
		t.Errorf("%+v, %v", user, err)
	}
}

func TestAPasswordOfTheOldShopStillOpensTheAccount(t *testing.T) {
	// scrypt of "correct horse" with the salt saltSALTsaltSALT, made by Werkzeug's rule.
	const hash = "scrypt:32768:8:1$saltSALTsaltSALT$" + werkzeugDigest
	data := append(small(1), "INSERT INTO users VALUES(7,'ann','ann@example.com','"+hash+"',NULL,NULL,NULL);\n"...)
	db := shop(t)
	restore(t, db, data)
	var stored string
	db.QueryRow(t, "SELECT password_hash FROM users WHERE id = 7", &stored)
	hasher := auth.NewHasher(1, 1)
	if rehash, err := hasher.Verify(t.Context(), stored, "correct horse"); err != nil || !rehash {
		t.Errorf("the right password: rehash %v, %v", rehash, err)
	}
	if _, err := hasher.Verify(t.Context(), stored, "wrong horse"); err == nil {
		t.Error("a wrong password opens the account")
	}
}

const werkzeugDigest = "325b5b06fc3fbe3cd7eb7eb730dac1b7ea032c7577eb9dc9dd90574b6d10d206" +
	"90fa588a368a67e7c8bf1ac4c9481798932c60ae32f825c24c0abc200ea8bf44"
