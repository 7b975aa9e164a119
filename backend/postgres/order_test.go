package postgres_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	shop "grocery/backend"
	"grocery/backend/postgres"
	"grocery/internal/pgtest"
)

func request(key string) *shop.OrderRequest {
	return &shop.OrderRequest{Key: key, Method: shop.CashOnDelivery, Address: &shop.Address{
		Name: "Ann", Street: "Long Lane 1", PostalCode: "10115", City: "Berlin", Country: "DE"}}
}

func fill(t *testing.T, db *postgres.DB, userID int64, lines ...shop.BasketLine) {
	t.Helper()
	if err := db.ReplaceBasket(t.Context(), userID, lines); err != nil {
		t.Fatal(err)
	}
}

func stock(t *testing.T, d *pgtest.Database, productID int64) (n int) {
	t.Helper()
	d.QueryRow(t, fmt.Sprintf("SELECT stock FROM products WHERE id = %d", productID), &n)
	return n
}

func TestTheLastItemIsSoldOnceTo50BuyersOnTwoServers(t *testing.T) {
	d, db := migrated(t)
	other := open(t, config(d))
	ready(t, other)
	d.Exec(t, "UPDATE products SET stock = 1 WHERE id = 7")
	d.Exec(t, "INSERT INTO users (username, email, password_hash) SELECT 'u' || i, i || '@example.com', 'x' FROM generate_series(1, 50) i")
	d.Exec(t, "INSERT INTO basket_items (user_id, product_id, quantity) SELECT id, 7, 1 FROM users")
	var ids []int64
	d.QueryRow(t, "SELECT array_agg(id) FROM users", &ids)
	var wg sync.WaitGroup
	outcomes := make(chan string, len(ids))
	start := make(chan struct{})
	for i, id := range ids {
		wg.Go(func() {
			<-start
			var err error
			switch server := []*postgres.DB{db, other}[i%2]; i % 3 {
			case 0: // a client of the old shop
				_, err = server.Purchase(t.Context(), id)
			default:
				_, _, err = server.OpenOrder(t.Context(), id, request("the-last-one"))
			}
			outcomes <- shop.ErrorReason(err)
		})
	}
	close(start)
	wg.Wait()
	close(outcomes)
	count := map[string]int{}
	for o := range outcomes {
		count[o]++
	}
	if count[""] != 1 || count["out_of_stock"] != 49 {
		t.Errorf("outcomes %v", count)
	}
	var orders, kept, owned int
	d.QueryRow(t, "SELECT (SELECT count(*) FROM orders), (SELECT count(*) FROM basket_items), (SELECT count(*) FROM purchases)", &orders, &kept, &owned)
	if orders != 1 || kept != 49 || owned != 1 || stock(t, d, 7) != 0 {
		t.Errorf("%d orders, %d baskets kept, %d owners, %d in stock", orders, kept, owned, stock(t, d, 7))
	}
}

func TestTwentyIdenticalRequestsMakeOneOrder(t *testing.T) {
	d, db := migrated(t)
	u := newUser(t, db, "ann")
	fill(t, db, u.ID, shop.BasketLine{ProductID: 1, Quantity: 2}, shop.BasketLine{ProductID: 2, Quantity: 1})
	before := stock(t, d, 1)
	var wg sync.WaitGroup
	var mu sync.Mutex
	first, ids := 0, map[int64]bool{}
	for range 20 {
		wg.Go(func() {
			o, replayed, err := db.OpenOrder(t.Context(), u.ID, request("just-once"))
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			if ids[o.ID] = true; !replayed {
				first++
			}
			if len(o.Items) != 2 || o.Total != o.Subtotal+o.Delivery || o.Address == nil || o.Address.City != "Berlin" {
				t.Errorf("order %+v", o)
			}
		})
	}
	wg.Wait()
	if first != 1 || len(ids) != 1 || stock(t, d, 1) != before-2 {
		t.Errorf("%d first orders, ids %v, stock %d of %d", first, ids, stock(t, d, 1), before)
	}
	other := request("just-once")
	other.Address.Street = "Long Lane 2"
	if _, _, err := db.OpenOrder(t.Context(), u.ID, other); shop.ErrorReason(err) != "idempotency_mismatch" {
		t.Errorf("the same key with another address: %v", err)
	}
	bob := newUser(t, db, "bob")
	fill(t, db, bob.ID, shop.BasketLine{ProductID: 1, Quantity: 1})
	if _, replayed, err := db.OpenOrder(t.Context(), bob.ID, request("just-once")); err != nil || replayed {
		t.Errorf("somebody else's key: replayed %v, %v", replayed, err)
	}
}

// Baskets hold the same products in different orders: whoever locked them in the order
// of the basket would wait for somebody who waits for him.
func TestBuyersOfTheSameProductsDoNotBlockEachOther(t *testing.T) {
	d, db := migrated(t)
	d.Exec(t, "UPDATE products SET stock = 40, is_alcohol = false WHERE id <= 8")
	var users []*shop.User
	for i := range 8 {
		users = append(users, newUser(t, db, fmt.Sprintf("user%d", i)))
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	var opened []*shop.Order
	for i, u := range users {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(i), 9))
			for n := range 10 {
				var lines []shop.BasketLine
				for _, p := range r.Perm(8) {
					lines = append(lines, shop.BasketLine{ProductID: int64(p + 1), Quantity: 1})
				}
				if err := db.ReplaceBasket(t.Context(), u.ID, lines); err != nil {
					t.Error(err)
					return
				}
				req := request(fmt.Sprintf("one-key-%d-%d", i, n))
				if n%2 == 0 {
					req.Method, req.CardToken = shop.Card, "x"
				}
				o, _, err := db.OpenOrder(t.Context(), u.ID, req)
				if shop.ErrorReason(err) == "out_of_stock" {
					continue
				}
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				opened = append(opened, o)
				mu.Unlock()
				if n%4 == 0 { // and some give theirs back at the same time
					if ok, err := db.CancelOrder(t.Context(), o.ID, shop.PaymentDeclined); !ok || err != nil {
						t.Errorf("cancel: %v, %v", ok, err)
					}
				}
			}
		})
	}
	wg.Wait()
	var wrong int
	d.QueryRow(t, `SELECT count(*) FROM products p WHERE id <= 8 AND (stock < 0 OR stock + (
		SELECT coalesce(sum(i.quantity), 0) FROM order_items i JOIN orders o ON o.id = i.order_id
		WHERE i.product_id = p.id AND o.status <> 'cancelled') <> 40)`, &wrong)
	if wrong != 0 || len(opened) < 40 {
		t.Errorf("the stock of %d products does not add up after %d orders", wrong, len(opened))
	}
}

func TestWhatTheShopperSawIsWhatIsBought(t *testing.T) {
	d, db := migrated(t)
	u := newUser(t, db, "ann")
	for _, tt := range []struct {
		name   string
		change func(*shop.OrderRequest, *shop.Basket)
		reason string
	}{
		{"the basket and the total that were seen", func(r *shop.OrderRequest, b *shop.Basket) {
			r.BasketVersion, r.ExpectedTotal = &b.Version, new(b.Total())
		}, ""},
		{"a basket that has changed", func(r *shop.OrderRequest, b *shop.Basket) { r.BasketVersion = new(b.Version - 1) }, "basket_changed"},
		{"a price that has changed", func(r *shop.OrderRequest, b *shop.Basket) {
			r.ExpectedTotal = new(b.Total())
			d.Exec(t, "UPDATE products SET price_cents = price_cents + 1 WHERE id = 1")
		}, "total_changed"},
		{"more than there is", func(*shop.OrderRequest, *shop.Basket) { d.Exec(t, "UPDATE products SET stock = 2 WHERE id = 1") }, "out_of_stock"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d.Exec(t, "UPDATE products SET stock = 500 WHERE id = 1")
			fill(t, db, u.ID, shop.BasketLine{ProductID: 1, Quantity: 3})
			b, err := db.Basket(t.Context(), u.ID)
			if err != nil {
				t.Fatal(err)
			}
			r := request("key-of-" + fmt.Sprint(len(tt.name)))
			tt.change(r, b)
			left := stock(t, d, 1)
			o, _, err := db.OpenOrder(t.Context(), u.ID, r)
			if shop.ErrorReason(err) != tt.reason {
				t.Fatalf("%v, want %q", err, tt.reason)
			}
			now, err2 := db.Basket(t.Context(), u.ID)
			if err2 != nil {
				t.Fatal(err2)
			}
			if tt.reason != "" && (len(now.Items) != 1 || now.Version != b.Version || stock(t, d, 1) != left) {
				t.Error("a refusal has changed something")
			}
			if tt.reason == "" && (o.Total != b.Total() || len(now.Items) != 0 || now.Version <= b.Version || stock(t, d, 1) != left-3) {
				t.Errorf("order for %s of a basket for %s, %d lines are left", o.Total, b.Total(), len(now.Items))
			}
		})
	}
}

func TestTheVersionOfABasketGrowsWithEveryChangeOnly(t *testing.T) {
	_, db := migrated(t)
	u := newUser(t, db, "ann")
	set := func(id int64, n int) shop.BasketEdit {
		return shop.BasketEdit{Lines: func(have []shop.BasketLine) ([]shop.BasketLine, error) {
			return shop.SetQuantity(have, shop.BasketLine{ProductID: id, Quantity: n})
		}}
	}
	version := int64(0)
	for _, tt := range []struct {
		name  string
		edit  func(context.Context) error
		grows bool
	}{
		{"a first line", func(ctx context.Context) error { _, err := db.EditBasket(ctx, u.ID, set(1, 2)); return err }, true},
		{"the same again", func(ctx context.Context) error { _, err := db.EditBasket(ctx, u.ID, set(1, 2)); return err }, false},
		{"another quantity", func(ctx context.Context) error { _, err := db.EditBasket(ctx, u.ID, set(1, 3)); return err }, true},
		{"a product that does not exist is left out", func(ctx context.Context) error { _, err := db.EditBasket(ctx, u.ID, set(1<<40, 3)); return err }, false},
		{"an old client replaces it", func(ctx context.Context) error {
			return db.ReplaceBasket(ctx, u.ID, []shop.BasketLine{{ProductID: 2, Quantity: 1}})
		}, true},
		{"an old client takes something out", func(ctx context.Context) error { return db.RemoveFromBasket(ctx, u.ID, 2) }, true},
		{"taking out what is not in", func(ctx context.Context) error {
			if err := db.RemoveFromBasket(ctx, u.ID, 2); shop.ErrorCode(err) != shop.ENOTFOUND {
				return fmt.Errorf("%w", err)
			}
			return nil
		}, false},
		{"buying it", func(ctx context.Context) error {
			if err := db.ReplaceBasket(ctx, u.ID, []shop.BasketLine{{ProductID: 2, Quantity: 1}}); err != nil {
				return err
			}
			_, err := db.Purchase(ctx, u.ID)
			return err
		}, true},
	} {
		if err := tt.edit(t.Context()); err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		b, err := db.Basket(t.Context(), u.ID)
		if err != nil {
			t.Fatal(err)
		}
		if (b.Version > version) != tt.grows || b.Version < version {
			t.Errorf("%s: version %d -> %d", tt.name, version, b.Version)
		}
		version = b.Version
	}
}

// Each device adds one to what it has read, and reads again when it is told that the
// basket has changed: no unit may get lost.
func TestTwoDevicesLoseNoUpdateOfEachOther(t *testing.T) {
	_, db := migrated(t)
	u := newUser(t, db, "ann")
	fill(t, db, u.ID, shop.BasketLine{ProductID: 1, Quantity: 1})
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for added := 0; added < 20; {
				b, err := db.Basket(t.Context(), u.ID)
				if err != nil {
					t.Error(err)
					return
				}
				line := shop.BasketLine{ProductID: 1, Quantity: b.Items[0].Quantity + 1}
				_, err = db.EditBasket(t.Context(), u.ID, shop.BasketEdit{Versions: []int64{b.Version}, Lines: func(have []shop.BasketLine) ([]shop.BasketLine, error) {
					return shop.SetQuantity(have, line)
				}})
				if err == nil {
					added++
				} else if shop.ErrorReason(err) != "basket_changed" {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	if b, err := db.Basket(t.Context(), u.ID); err != nil || b.Items[0].Quantity != 41 {
		t.Errorf("%+v, %v", b, err)
	}
}

func TestABasketShowsItsProductsAndLeavesOutUnknownOnes(t *testing.T) {
	d, db := migrated(t)
	d.Exec(t, "DELETE FROM reviews")
	d.Exec(t, "INSERT INTO reviews (product_id, author, rating) VALUES (2, 'a', 5), (2, 'b', 4), (2, 'c', 4)")
	d.Exec(t, "UPDATE products SET stock = 1 WHERE id = 2")
	b, unknown, err := db.Quote(t.Context(), []shop.BasketLine{{ProductID: 2, Quantity: 2}, {ProductID: 1 << 40, Quantity: 1}, {ProductID: 1, Quantity: 4}, {ProductID: 2, Quantity: 1}})
	if err != nil || !slices.Equal(unknown, []int64{1 << 40}) {
		t.Fatalf("left out %v, %v", unknown, err)
	}
	if fmt.Sprint(b.Lines()) != "[{2 2} {1 4}]" || b.Version != 0 || b.Subtotal() != 2*b.Items[0].Product.Price+4*b.Items[1].Product.Price {
		t.Errorf("%+v", b)
	}
	if p := b.Items[0].Product; p.Rating != (shop.Rating{Average: 4.3, Count: 3}) || p.Stock != 1 || b.Items[0].Available() != 1 || p.Name == "" || p.Category == "" {
		t.Errorf("%+v", p)
	}
	if p := b.Items[1].Product; p.Rating != (shop.Rating{}) {
		t.Errorf("%+v", p)
	}
}

func TestOrdersCanBeReadByTheirBuyerOnly(t *testing.T) {
	_, db := migrated(t)
	ann, bob := newUser(t, db, "ann"), newUser(t, db, "bob")
	var ids []int64
	for range 5 {
		fill(t, db, ann.ID, shop.BasketLine{ProductID: 3, Quantity: 1})
		o, err := db.Purchase(t.Context(), ann.ID)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, o.ID)
	}
	if _, err := db.Order(t.Context(), bob.ID, ids[0]); shop.ErrorCode(err) != shop.ENOTFOUND {
		t.Errorf("somebody else reads it: %v", err)
	}
	o, err := db.Order(t.Context(), ann.ID, ids[0])
	if err != nil || o.Address != nil || o.Status != shop.Placed || o.Payment != (shop.Payment{Method: shop.CashOnDelivery, Status: shop.PaymentDue}) || o.Items[0].ProductID != 3 {
		t.Errorf("%+v, %v", o, err)
	}
	var seen []int64
	for before := int64(0); ; {
		page, err := db.Orders(t.Context(), ann.ID, before, 2)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		for _, o := range page {
			seen = append(seen, o.ID)
		}
		before = seen[len(seen)-1]
	}
	slices.Reverse(ids)
	if !slices.Equal(seen, ids) {
		t.Errorf("pages hold %v, want %v", seen, ids)
	}
	if page, err := db.Orders(t.Context(), bob.ID, 0, 2); err != nil || len(page) != 0 {
		t.Errorf("%v, %v", page, err)
	}
}

func TestAnOrderThatFailsAtAnyStepChangesNothing(t *testing.T) {
	d, db, u := buyer(t)
	d.Exec(t, "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'a fault of the test'; END $$")
	state := func() (s string) {
		d.QueryRow(t, `SELECT concat_ws(' ', (SELECT json_agg(o) FROM orders o), (SELECT json_agg(i) FROM order_items i), (SELECT json_agg(b) FROM basket_items b),
			(SELECT json_agg(p) FROM purchases p), (SELECT json_agg(u) FROM users u), (SELECT sum(stock) FROM products))`, &s)
		return s
	}
	before := state()
	for _, step := range []string{"INSERT ON orders", "INSERT ON order_items", "INSERT ON purchases", "UPDATE ON products", "DELETE ON basket_items", "UPDATE ON users"} {
		d.Exec(t, "CREATE TRIGGER fault AFTER "+step+" FOR EACH STATEMENT EXECUTE FUNCTION fail()")
		if _, _, err := db.OpenOrder(t.Context(), u.ID, request("one-order")); err == nil || !strings.Contains(err.Error(), "a fault of the test") {
			t.Errorf("%s: %v", step, err)
		}
		if _, err := db.Purchase(t.Context(), u.ID); err == nil || !strings.Contains(err.Error(), "a fault of the test") {
			t.Errorf("%s: %v", step, err)
		}
		if after := state(); after != before {
			t.Errorf("%s fails and leaves %s, before %s", step, after, before)
		}
		_, table, _ := strings.Cut(step, " ON ")
		d.Exec(t, "DROP TRIGGER fault ON "+table)
	}
	if _, _, err := db.OpenOrder(t.Context(), u.ID, request("one-order")); err != nil || state() == before {
		t.Errorf("without a fault: %v", err)
	}
}

func TestAnAgeIsToldByTheServersClock(t *testing.T) {
	d, db := migrated(t)
	d.Exec(t, "UPDATE products SET is_alcohol = true WHERE id = 1")
	u := newUser(t, db, "ann")
	if err := db.ConfirmAge(t.Context(), u.ID, time.Now().AddDate(-17, 0, 0)); err != nil {
		t.Fatal(err)
	}
	fill(t, db, u.ID, shop.BasketLine{ProductID: 1, Quantity: 1})
	if _, err := db.Purchase(t.Context(), u.ID); shop.ErrorReason(err) != "age_required" {
		t.Errorf("today: %v", err)
	}
	c := config(d)
	c.Now = func() time.Time { return time.Now().AddDate(1, 0, 1) }
	later := open(t, c)
	ready(t, later)
	if _, err := later.Purchase(t.Context(), u.ID); err != nil {
		t.Errorf("a year later: %v", err)
	}
}
