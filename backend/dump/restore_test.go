package dump_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"maps"
	"reflect"
	"strings"
	"testing"
	"time"

	grocery "grocery/backend"
	"grocery/backend/dump"
	"grocery/backend/postgres"
	"grocery/internal/pgtest"
)

func zipped(data []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write(data)
	w.Close()
	return b.Bytes()
}

func TestTheOldShopsDumpIsRestoredWhole(t *testing.T) {
	data := oldShop()
	if len(data) < 240_000 || len(data) > 300_000 {
		t.Errorf("the dump has %d bytes, unlike the old shop's 270 KB", len(data))
	}
	for name, db := range map[string]*pgtest.Database{"an empty database": pgtest.New(t), "a database in use": shop(t)} {
		t.Run("into "+name, func(t *testing.T) {
			report := restore(t, db, data)
			want := dump.Counts{"users": oldUsers, "products": oldProducts, "reviews": oldReviews, "basket_items": 3, "favourites": 3, "purchases": 2, "orders": 0, "order_items": 0}
			if !maps.Equal(report.Restored, want) {
				t.Errorf("restored %v, want %v", report.Restored, want)
			}
			if report.Kind != dump.PlainSQL || report.Shape != dump.OldShop || report.Bytes != int64(len(data)) || len(report.Checks) != 5 || len(report.Notes) != 0 {
				t.Errorf("report %+v", report)
			}
			var products, categories, reviews, authors, unlinked, cents, wrong int
			db.QueryRow(t, `SELECT count(*), count(DISTINCT category), sum(price_cents) FROM products`, &products, &categories, &cents)
			db.QueryRow(t, `SELECT count(*), count(DISTINCT author), count(*) FILTER (WHERE user_id IS NULL) FROM reviews`, &reviews, &authors, &unlinked)
			if products != oldProducts || categories != oldCategories || reviews != oldReviews || authors != oldAuthors || unlinked != oldReviews {
				t.Errorf("%d products in %d categories, %d reviews by %d authors, %d of them no users", products, categories, reviews, authors, unlinked)
			}
			wantCents := 0
			for id := 1; id <= oldProducts; id++ {
				wantCents += oldCents(id)
			}
			if cents != wantCents {
				t.Errorf("all prices are %d cents, want %d", cents, wantCents)
			}
			db.QueryRow(t, `SELECT count(*) FROM reviews WHERE id = 100 AND comment = E'It''s fine; really -- "great"! \u00e4\u20ac\U0001f34e (no /* comment */)\nTwo lines.'
				OR id = 333 AND comment = ''`, &wrong)
			if wrong != 2 {
				t.Errorf("quotes, comment signs, line ends and NULL: %d of 2 comments are right", wrong)
			}
			var hash, avatar, favourites, purchases string
			db.QueryRow(t, `SELECT password_hash, avatar,
				(SELECT string_agg(product_id::text, ',' ORDER BY created_at) FROM favourites WHERE user_id = u.id),
				(SELECT string_agg(product_id::text, ',' ORDER BY purchased_at) FROM purchases WHERE user_id = u.id) FROM users u WHERE username = 'olga'`,
				&hash, &avatar, &favourites, &purchases)
			if hash != oldHash+strings.Repeat("0a1b", 32) || avatar != "user_default.png" || favourites != "12,3,7" || purchases != "17,3" {
				t.Errorf("olga has hash %s, avatar %s, favourites %s, purchases %s", hash, avatar, favourites, purchases)
			}
			var next int64
			db.QueryRow(t, "INSERT INTO reviews (product_id, author, rating) VALUES (1, 'x', 3) RETURNING id", &next)
			if next <= oldReviews {
				t.Errorf("the next review gets the id %d, which is in use", next)
			}
		})
	}
}

func TestARestoreTakesLittleTime(t *testing.T) {
	report := restore(t, shop(t), zipped(oldShop()))
	if report.Durations.Total > 5000 {
		t.Errorf("the old shop's dump took %d ms", report.Durations.Total)
	}
	t.Logf("read %d ms, check %d ms, replace %d ms, total %d ms", report.Durations.Read, report.Durations.Check, report.Durations.Replace, report.Durations.Total)
}

// inUse puts something of everything into a shop.
func inUse(t testing.TB) *pgtest.Database {
	return pgtest.NewFrom(t, "in use", func(db *pgtest.Database) error { fill(t, db); return nil })
}

func fill(t testing.TB, db *pgtest.Database) {
	conn, err := postgres.Connect(t.Context(), config(db), "dump-test")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if _, err := dump.Restore(t.Context(), conn, bytes.NewReader(oldShop()), dump.Options{}); err != nil {
		t.Fatal(err)
	}
	db.Exec(t, `
		INSERT INTO users (username, email, password_hash, birth_date, age_confirmed_at) VALUES
			('Zoë "Z" O''Hara', 'zoe@example.com', '$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaA', '1990-02-28', now());
		INSERT INTO reviews (product_id, user_id, rating, comment) SELECT 1, max(id), 4.5, E'tab\there, back\\slash, line\nend, \u20ac, \r' FROM users;
		INSERT INTO favourites (user_id, product_id) SELECT max(id), 9 FROM users;
		INSERT INTO purchases (user_id, product_id) SELECT max(id), 1 FROM users;
		INSERT INTO basket_items (user_id, product_id, quantity) SELECT max(id), 7, 999 FROM users;
		INSERT INTO orders (user_id, subtotal_cents, delivery_cents) SELECT max(id), 1234, 500 FROM users;
		INSERT INTO order_items VALUES (1, 1, 1, 'An apple; DROP ROLE grocery; --', 617, 2), (1, 2, NULL, '', 0, 1);
		UPDATE products SET stock = id;
		INSERT INTO orders (user_id, status, subtotal_cents, delivery_cents, address, payment_method, payment_status, payment_reference, card_last4, idempotency_key, request_sha256)
			SELECT max(id), 'placed', 99, 500, '{"name": "Zoë \"Z\" O''Hara", "street": "Back\\slash 1", "postal_code": "1", "city": "€", "country": "FR", "note": "a\nb"}',
			       'card', 'paid', 'REF-1', '4242', 'key-of-an-order', sha256('x') FROM users;
		INSERT INTO orders (status, subtotal_cents, delivery_cents, payment_method, payment_status, payment_reference) VALUES ('pending', 1, 500, 'card', 'pending', 'REF-2');
		INSERT INTO order_items VALUES (2, 1, 7, 'Pear', 99, 1, '/products/1f350.webp');
		INSERT INTO test_payments VALUES ('REF-1', 599, 'captured', '4242')`)
}

var tables = dump.StageOrder

// contents returns all data of the shop as one text.
func contents(t testing.TB, db *pgtest.Database) string {
	t.Helper()
	var all string
	for _, table := range tables {
		var rows string
		db.QueryRow(t, "SELECT coalesce(string_agg(t::text, E'\\n' ORDER BY t::text), '') FROM "+table+" t", &rows)
		all += table + ":\n" + rows + "\n"
	}
	return all
}

func TestADumpOfOurShopIsRestoredAsItWas(t *testing.T) {
	from := inUse(t)
	want := contents(t, from)
	for _, tt := range []struct {
		name string
		args []string
		kind dump.Kind
	}{
		{"COPY", nil, dump.PgPlain},
		{"COPY with DROP before", []string{"--clean", "--if-exists", "--no-owner"}, dump.PgPlain},
		{"INSERT without columns", []string{"--inserts"}, dump.PgPlain},
		{"INSERT with columns", []string{"--column-inserts", "--rows-per-insert=50"}, dump.PgPlain},
		{"data only", []string{"--data-only"}, ""},
		{"an archive", []string{"-Fc"}, dump.PgCustom},
		{"an archive that is not compressed", []string{"-Fc", "-Z0"}, dump.PgCustom},
		{"an archive of INSERTs", []string{"-Fc", "--inserts"}, dump.PgCustom},
		{"everything quoted", []string{"--quote-all-identifiers"}, dump.PgPlain},
	} {
		data := from.Dump(t, tt.args...)
		for _, compressed := range []bool{false, true} {
			if compressed && tt.name != "COPY" && tt.name != "an archive" {
				continue
			}
			t.Run(fmt.Sprintf("%s, compressed %v", tt.name, compressed), func(t *testing.T) {
				if compressed {
					data = zipped(data)
				}
				into := shop(t)
				report := restore(t, into, data)
				if got := contents(t, into); got != want {
					t.Errorf("%s", firstDifference(got, want))
				}
				if tt.kind != "" && report.Kind != tt.kind || report.Shape != dump.NewShop || report.Compressed != compressed || len(report.Notes) != 0 {
					t.Errorf("report %+v", report)
				}
			})
		}
	}
}

func TestDumpsThatPgDumpMadeOfTheOldShopAreRestored(t *testing.T) {
	want := shop(t)
	restore(t, want, oldShop())
	// PostgreSQL itself refuses the dump as it is: the tables are in the wrong order.
	script := strings.TrimPrefix(string(oldShop()), "\ufeff")
	script = strings.NewReplacer(" REFERENCES products(id)", "", `    user_id INTEGER NOT NULL,
    FOREIGN KEY (user_id) REFERENCES users(id)`, "    user_id INTEGER NOT NULL").Replace(script)
	from := pgtest.New(t)
	from.Exec(t, script)
	for _, args := range [][]string{{}, {"--inserts"}, {"-Fc"}} {
		t.Run(strings.Join(append([]string{"pg_dump"}, args...), " "), func(t *testing.T) {
			into := shop(t)
			report := restore(t, into, from.Dump(t, args...))
			if report.Shape != dump.OldShop {
				t.Errorf("shape %s", report.Shape)
			}
			for _, sql := range []string{"SELECT string_agg(p::text, '|' ORDER BY id) FROM products p",
				"SELECT string_agg((id, product_id, author, rating, comment)::text, '|' ORDER BY id) FROM reviews",
				"SELECT string_agg((username, email, password_hash, avatar)::text, '|' ORDER BY id) FROM users"} {
				var a, b string
				into.QueryRow(t, sql, &a)
				want.QueryRow(t, sql, &b)
				if a != b {
					t.Errorf("%s", firstDifference(a, b))
				}
			}
		})
	}
}

// What orders and products of a shop before this one lack is what was true of all then.
func TestADumpFromBeforeOrdersHadAStateIsRestored(t *testing.T) {
	data := append(small(1), `CREATE TABLE orders (id bigint, user_id bigint, subtotal_cents bigint, delivery_cents bigint, created_at timestamptz);
CREATE TABLE order_items (order_id bigint, position int, product_id bigint, name text, price_cents bigint, quantity int);
INSERT INTO orders VALUES(5,NULL,99,500,'2026-01-31 12:00:00+00');
INSERT INTO order_items VALUES(5,1,1,'Apple 1',99,1);
`...)
	data = bytes.ReplaceAll(data, []byte("price real"), []byte("price_cents int"))
	data = bytes.ReplaceAll(data, []byte("'',0.99,"), []byte("'',99,"))
	data = bytes.ReplaceAll(data, []byte("password text, fav_products text, purchased_products text"), []byte("password_hash text"))
	db := shop(t)
	restore(t, db, data)
	var got string
	db.QueryRow(t, `SELECT concat_ws(' ', o.status, o.payment_method, o.payment_status, coalesce(o.address::text, 'nowhere'), p.stock, length(i.image_url))
		FROM orders o JOIN order_items i ON i.order_id = o.id JOIN products p ON p.id = i.product_id`, &got)
	if want := "placed cash_on_delivery due nowhere 500 0"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestADumpOfTheOldShopHasPlentyOfEverything(t *testing.T) {
	db := shop(t)
	restore(t, db, oldShop())
	var least, most int
	var usual string
	db.QueryRow(t, `SELECT min(stock), max(stock), (SELECT column_default FROM information_schema.columns WHERE table_name = 'products' AND column_name = 'stock') FROM products`, &least, &most, &usual)
	if least != grocery.FirstStock || most != grocery.FirstStock || usual != fmt.Sprint(grocery.FirstStock) {
		t.Errorf("%d to %d, and the database's default is %s", least, most, usual)
	}
}

// What a provider of cards remembers is not undone by a restore.
func TestARestoreLeavesTheProvidersMemoryAlone(t *testing.T) {
	db := inUse(t)
	restore(t, db, oldShop())
	var payments int
	db.QueryRow(t, "SELECT count(*) FROM test_payments WHERE reference = 'REF-1'", &payments)
	if payments != 1 {
		t.Error("the payments are gone")
	}
}

// firstDifference shows where two texts part.
func firstDifference(got, want string) string {
	i := 0
	for i < min(len(got), len(want)) && got[i] == want[i] {
		i++
	}
	cut := func(s string) string { return s[max(0, i-60):min(len(s), i+120)] }
	return fmt.Sprintf("got  ...%s\nwant ...%s", cut(got), cut(want))
}

func TestWhatTheOldShopLetHappenIsPutRight(t *testing.T) {
	hash := "'" + oldHash + "00'"
	data := `CREATE TABLE users (id int, username text, email text, password text, fav_products text, purchased_products text, avatar text);
CREATE TABLE products (id int, name text, description text, price real, category text, image_url text, is_alcohol boolean);
CREATE TABLE reviews (id int, product_id int, author text, rating real, comment text);
CREATE TABLE basket_items (id int, product_id int, quantity int, user_id int);
INSERT INTO products VALUES(1,'Apple',NULL,0.8900000000000000133,'Fruit',NULL,'0'),(2,'Wine','',1e1,'Drinks','',true);
INSERT INTO users VALUES(1,'bob','bob@example.com',` + hash + `,'None,2,2,99','1,,x','../../etc/passwd');
INSERT INTO users VALUES(2,'Bob','bob2@example.com',` + hash + `,'','','a.png');
INSERT INTO users VALUES(3,'bob-2','bob3@example.com',` + hash + `,NULL,NULL,'');
INSERT INTO users VALUES(4,'ann','ann@example.com',` + hash + `,NULL,NULL,NULL);
INSERT INTO reviews VALUES(1,1,'ann',4.300000190734863,'mine'),(2,1,'ann',1,'again'),(3,2,'bob',5,'whose?'),(4,2,'nobody',5,NULL);
INSERT INTO basket_items VALUES(1,1,2,4),(2,1,998,4),(3,2,0,4),(4,2,-3,1);
`
	db := shop(t)
	report := restore(t, db, []byte(data))
	got := map[string]int64{}
	for _, n := range report.Notes {
		got[n.Code] = n.Count
	}
	want := map[string]int64{"fav_products_dropped": 1, "purchased_products_dropped": 1, "favourites_dropped": 1, "avatar_replaced": 1,
		"user_renamed": 1, "reviews_linked": 1, "basket_merged": 1, "basket_dropped": 2}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("notes %v\nwant  %v", got, want)
	}
	for sql, want := range map[string]string{
		"SELECT string_agg(username, ' ' ORDER BY id) FROM users":                                                    "bob Bob-3 bob-2 ann",
		"SELECT string_agg(avatar, ' ' ORDER BY id) FROM users":                                                      "user_default.png a.png user_default.png user_default.png",
		"SELECT string_agg(price_cents::text, ' ' ORDER BY id) FROM products":                                        "89 1000",
		"SELECT string_agg(concat(author, ' ', user_id, ' ', rating), ', ' ORDER BY id) FROM reviews":                "ann 4 4.3, ann  1.0, bob  5.0, nobody  5.0",
		"SELECT string_agg(concat(user_id, ' ', product_id, ' ', quantity), ', ') FROM basket_items":                 "4 1 999",
		"SELECT (SELECT string_agg(concat(user_id, ' ', product_id), ', ') FROM favourites)":                         "1 2",
		"SELECT string_agg(concat(user_id, ' ', product_id), ', ') FROM purchases":                                   "1 1",
		"SELECT is_alcohol::text || (SELECT is_alcohol FROM products WHERE id = 1)::text FROM products WHERE id = 2": "truefalse",
	} {
		var s string
		db.QueryRow(t, sql, &s)
		if s != want {
			t.Errorf("%s: %q, want %q", sql, s, want)
		}
	}
}

func TestReadersSeeTheOldDataOrTheNewAndNothingElse(t *testing.T) {
	db := inUse(t)
	old, dumps := 318, [][]byte{small(1), oldShop()}
	stop, seen := make(chan struct{}), make(chan map[int]int, 1)
	reader := connect(t, db)
	go func() {
		counts := map[int]int{}
		for {
			select {
			case <-stop:
				seen <- counts
				return
			default:
				var n int
				if err := reader.QueryRow(t.Context(), "SELECT count(*) FROM products").Scan(&n); err != nil {
					n = -1
				}
				counts[n]++
			}
		}
	}()
	for i := range 6 {
		restore(t, db, dumps[i%2])
	}
	close(stop)
	counts := <-seen
	for n := range counts {
		if n != old && n != 1 {
			t.Errorf("a reader saw %d products", n)
		}
	}
	if len(counts) != 2 {
		t.Errorf("readers saw %v", counts)
	}
}

func TestTwoRestoresAtOnceHappenOneAfterTheOther(t *testing.T) {
	db := shop(t)
	done := make(chan error, 4)
	for i := range 4 {
		conn := connect(t, db)
		data := [][]byte{oldShop(), small(2)}[i%2]
		go func() {
			_, err := dump.Restore(t.Context(), conn, bytes.NewReader(data), dump.Options{})
			done <- err
		}()
	}
	for range 4 {
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(20 * time.Second):
			t.Fatal("the restores wait for each other")
		}
	}
	var products, reviews int
	db.QueryRow(t, "SELECT (SELECT count(*) FROM products), (SELECT count(*) FROM reviews)", &products, &reviews)
	if !(products == 318 && reviews == 1235 || products == 2 && reviews == 0) {
		t.Errorf("%d products and %d reviews: a mixture", products, reviews)
	}
}

// small is a dump of n products.
func small(n int) []byte {
	var b strings.Builder
	b.WriteString(smallSchema)
	for id := 1; id <= n; id++ {
		fmt.Fprintf(&b, "INSERT INTO products VALUES(%d,'Apple %d','',0.99,'Fruit','',false);\n", id, id)
	}
	return []byte(b.String())
}

const smallSchema = `CREATE TABLE users (id int, username text, email text, password text, fav_products text, purchased_products text, avatar text);
CREATE TABLE products (id int, name text, description text, price real, category text, image_url text, is_alcohol boolean);
CREATE TABLE reviews (id int, product_id int, author text, rating real, comment text);
CREATE TABLE basket_items (id int, product_id int, quantity int, user_id int);
`
