package httpapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	shop "grocery/backend"
	"grocery/backend/api/apitest"
	"grocery/backend/httpapi"
)

const (
	address   = `"address":{"name":"Ann","street":"Long Lane 1","postal_code":"10115","city":"Berlin","country":"DE"}`
	cashOrder = `{` + address + `,"payment":{"method":"cash_on_delivery"}}`
)

func cardOrder(token string) string {
	return `{` + address + `,"payment":{"method":"card","card_token":"` + token + `"}}`
}

var key = []string{"Idempotency-Key", "order-key-1"}

// orderIs checks ann's one order, "" for none: status, payment, costs, what is left in
// her basket and how many apples in stock.
func orderIs(want string) func(*testing.T, *store) {
	return func(t *testing.T, s *store) {
		t.Helper()
		var got string
		s.pg.QueryRow(t, `SELECT coalesce(string_agg(format('%s %s %s+%s', status, payment_status, subtotal_cents, delivery_cents), '; '), '')
			|| ', basket ' || (SELECT count(*) FROM basket_items WHERE user_id = 1) || ', apples ' || (SELECT stock FROM products WHERE id = 1) FROM orders WHERE user_id = 1`, &got)
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestPlaceOrder(t *testing.T) {
	const path = "/api/v1/orders"
	untouched := orderIs(", basket 2, apples 500")
	wine := func(sql string) func(*testing.T, *store) {
		return func(t *testing.T, s *store) {
			s.basket(t, 1, shop.BasketLine{ProductID: 3, Quantity: 1})
			if sql != "" {
				s.pg.Exec(t, sql)
			}
		}
	}
	with := func(more string) string { return strings.TrimSuffix(cashOrder, "}") + "," + more + "}" }
	scenarios := []scenario{
		{
			name: "cash on delivery", method: "POST", path: path, header: key, body: cashOrder, before: filledBasket, status: 201,
			want: []string{`{"id":1,"number":"G-20`, `-000001","status":"placed"`, `"items":[{"product_id":1,"name":"Apples","image_url":"/products/1f34e.webp","price_cents":249,"quantity":2,"line_cents":498}`,
				`"subtotal_cents":503,"delivery_cents":500,"total_cents":1003`, address, `"payment":{"method":"cash_on_delivery","status":"due"}}`},
			wantNot: []string{"Wine", "idempotency", "last4"}, after: orderIs("placed due 503+500, basket 0, apples 498"),
		},
		{name: "a card that is good", method: "POST", path: path, header: key, body: cardOrder("test_ok"), before: filledBasket, status: 201, want: []string{`"status":"placed"`, `"payment":{"method":"card","status":"paid","last4":"4242"}`}, wantNot: []string{"test_ok"}, after: orderIs("placed paid 503+500, basket 0, apples 498")},
		{
			name: "a card that is declined", method: "POST", path: path, header: key, body: cardOrder("test_declined"), before: filledBasket, status: 402,
			want: []string{`"code":"card_declined"`, `"error":"Your card was declined`, `"basket":{"items":[{"product":{"id":1,`, `"version":3}`}, after: orderIs("cancelled declined 503+500, basket 2, apples 500"),
		},
		{name: "what the shopper saw is true", method: "POST", path: path, header: key, body: with(`"basket_version":1,"expected_total_cents":1003`), before: filledBasket, status: 201, after: orderIs("placed due 503+500, basket 0, apples 498")},
		{name: "another basket than the shopper saw", method: "POST", path: path, header: key, body: with(`"basket_version":0`), before: filledBasket, status: 409, want: []string{`"code":"basket_changed"`, `"basket":{"items":[{`, `"version":1}`}, after: untouched},
		{name: "another total than the shopper saw", method: "POST", path: path, header: key, body: with(`"expected_total_cents":1002`), before: filledBasket, status: 409, want: []string{`"code":"total_changed"`, `"total_cents":1003,`, `"error":"The total is 10.03 EUR now.`, `"basket":{`}, after: untouched},
		{name: "an empty basket", method: "POST", path: path, header: key, body: cashOrder, status: 409, want: []string{`"code":"basket_empty"`, `"error":"Your basket is empty"`}, after: orderIs(", basket 0, apples 500")},
		{
			name: "not enough in stock", method: "POST", path: path, header: key, body: cashOrder, status: 409, after: orderIs(", basket 2, apples 1"),
			before: func(t *testing.T, s *store) {
				filledBasket(t, s)
				s.pg.Exec(t, "UPDATE products SET stock = 1 WHERE id = 1")
			},
			want: []string{`"code":"out_of_stock"`, `"error":"Of Apples only 1 are left"`, `"items":[{"product_id":1,"name":"Apples","available":1}]`},
		},
		{name: "alcohol without a known age", method: "POST", path: path, header: key, body: cashOrder, before: wine(""), status: 403, want: []string{`"code":"age_required"`, "18"}, after: orderIs(", basket 1, apples 500")},
		{name: "alcohol for a child who says to be of age", method: "POST", path: path, header: key, body: cashOrder, before: wine("UPDATE users SET birth_date = now() - interval '10 years', age_confirmed_at = now()"), status: 403, want: []string{`"code":"age_required"`}, after: orderIs(", basket 1, apples 500")},
		{name: "alcohol for an adult", method: "POST", path: path, header: key, body: cashOrder, before: wine("UPDATE users SET birth_date = '1990-01-01'"), status: 201, after: orderIs("placed due 2000+0, basket 0, apples 500")},
		{name: "prices that the client sends count for nothing", method: "POST", path: path, header: key, body: with(`"total_cents":1,"items":[{"product_id":1,"price_cents":1}]`), before: filledBasket, status: 201, want: []string{`"total_cents":1003`}},
		{name: "no key", method: "POST", path: path, body: cashOrder, before: filledBasket, status: 400, want: []string{`"field":"Idempotency-Key"`}, after: untouched},
		{name: "a key of spaces", method: "POST", path: path, header: []string{"Idempotency-Key", "a b c d e f"}, body: cashOrder, before: filledBasket, status: 400, want: []string{`"field":"Idempotency-Key"`}, after: untouched},
		{name: "no address", method: "POST", path: path, header: key, body: `{"payment":{"method":"cash_on_delivery"}}`, before: filledBasket, status: 400, want: []string{`"field":"address"`}, after: untouched},
		{name: "a country that is none", method: "POST", path: path, header: key, body: strings.Replace(cashOrder, `"DE"`, `"XX"`, 1), before: filledBasket, status: 400, want: []string{`"field":"address.country"`, `"code":"invalid"`}, after: untouched},
		{name: "no payment", method: "POST", path: path, header: key, body: `{` + address + `}`, before: filledBasket, status: 400, want: []string{`"field":"payment.method"`}, after: untouched},
		{name: "a card without a token", method: "POST", path: path, header: key, body: cardOrder(""), before: filledBasket, status: 400, want: []string{`"field":"payment.card_token"`}, after: untouched},
		{name: "no JSON", method: "POST", path: path, header: key, body: `buy`, before: filledBasket, status: 400, want: []string{`"code":"invalid"`}, after: untouched},
	}
	for _, r := range [][2]string{
		{"GET", path}, {"POST", path}, {"GET", path + "/1"}, {"GET", path + "/1/receipt"}, {"POST", path + "/1/reorder"}, {"GET", "/api/v1/me/basket"}, {"DELETE", "/api/v1/me/basket"},
		{"PUT", "/api/v1/me/basket/items/1"}, {"DELETE", "/api/v1/me/basket/items/1"}, {"POST", "/api/v1/me/basket/merge"},
	} {
		scenarios = append(scenarios, refusals(r[0], r[1])...)
	}
	run(t, scenarios)
}

func TestARepeatedOrderIsAnsweredWithTheFirst(t *testing.T) {
	for _, tt := range []struct {
		name, body     string
		status, repeat int
	}{
		{"cash", cashOrder, 201, 200},
		{"a card", cardOrder("test_ok"), 201, 200},
		{"a card that is declined", cardOrder("test_declined"), 402, 402},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newStore(t)
			s.reset(t)
			header := append([]string{"Authorization", "Bearer " + s.token(t, s.user(t, "ann"))}, key...)
			s.user(t, "bob")
			filledBasket(t, s)
			first := s.do("POST", "/api/v1/orders", tt.body, header...)
			was := text(t, first)
			if first.StatusCode != tt.status || first.Header.Get("Idempotency-Replayed") != "" {
				t.Fatalf("%d %s", first.StatusCode, was)
			}
			left := s.count(t, "basket_items WHERE user_id = 1")
			s.basket(t, 1, shop.BasketLine{ProductID: 2, Quantity: 1}) // the next basket is not ordered by the repeat
			again := s.do("POST", "/api/v1/orders", tt.body, header...)
			if got := text(t, again); again.StatusCode != tt.repeat || again.Header.Get("Idempotency-Replayed") != "true" || tt.status == 201 && got != was {
				t.Errorf("%d %s; first %s", again.StatusCode, got, was)
			}
			other := s.do("POST", "/api/v1/orders", strings.Replace(tt.body, "Lane 1", "Lane 2", 1), header...)
			if got := text(t, other); other.StatusCode != 422 || !strings.Contains(got, `"code":"idempotency_mismatch"`) {
				t.Errorf("another body: %d %s", other.StatusCode, got)
			}
			if n := s.count(t, "orders"); n != 1 || s.count(t, "basket_items WHERE user_id = 1") != 1 || tt.status == 402 && left != 2 {
				t.Errorf("%d orders", n)
			}
		})
	}
}

// A refusal that is none of a card's leaves no trace: the same key works afterwards.
func TestAKeyOfARefusedOrderMayBeUsedAgain(t *testing.T) {
	s := newStore(t)
	s.reset(t)
	header := append([]string{"Authorization", "Bearer " + s.token(t, s.user(t, "ann"))}, key...)
	if resp := s.do("POST", "/api/v1/orders", cashOrder, header...); resp.StatusCode != 409 {
		t.Fatalf("an empty basket: %d", resp.StatusCode)
	}
	s.basket(t, 1, shop.BasketLine{ProductID: 1, Quantity: 1})
	if resp := s.do("POST", "/api/v1/orders", cardOrder("test_ok"), header...); resp.StatusCode != 201 {
		t.Errorf("%d %s", resp.StatusCode, text(t, resp))
	}
}

// silent is a provider that does not answer at first.
type silent struct {
	shop.PaymentProvider
	answers int // that are missing
}

func (p *silent) Authorize(ctx context.Context, reference string, amount shop.Cents, token string) (*shop.Authorization, error) {
	if p.answers--; p.answers >= 0 {
		return nil, errors.New("no answer")
	}
	return p.PaymentProvider.Authorize(ctx, reference, amount, token)
}

func TestOrdersAreInTheAuditLog(t *testing.T) {
	s := newStore(t)
	s.reset(t)
	bearer := []string{"Authorization", "Bearer " + s.token(t, s.user(t, "ann"))}
	s.basket(t, 1, shop.BasketLine{ProductID: 1, Quantity: 1})
	s.do("POST", "/api/v1/orders", cardOrder("test_ok"), append(bearer, key...)...)
	s.basket(t, 1, shop.BasketLine{ProductID: 1, Quantity: 1})
	s.do("POST", "/api/me/purchase", `{"purchased_products":[1]}`, bearer...)
	s.basket(t, 1, shop.BasketLine{ProductID: 1, Quantity: 1})
	s.do("POST", "/api/v1/orders", cardOrder("test_declined"), append(bearer, "Idempotency-Key", "order-key-2")...)
	s.basket(t, 1, shop.BasketLine{ProductID: 1, Quantity: 1})
	config := s.server.Config
	config.Payments = &silent{PaymentProvider: config.Payments, answers: 1}
	s.api = apitest.Handler(t, httpapi.New(config))
	for range 3 { // a provider that does not answer, a repeat that goes on, and one that finds it done
		s.do("POST", "/api/v1/orders", cardOrder("test_ok"), append(bearer, "Idempotency-Key", "order-key-3")...)
	}
	log := s.log.String()
	for _, want := range []string{
		`"event":"order_placed","client":"192.0.2.1","user":1,"order":1,"total_cents":749,"payment":"card","payment_status":"authorized"`,
		`"event":"order_placed","client":"192.0.2.1","user":1,"order":2,"total_cents":749,"payment":"cash_on_delivery","payment_status":"due"`,
		`"event":"order_cancelled","client":"192.0.2.1","user":1,"order":3,"total_cents":749,"payment":"card","payment_status":"declined"`,
		`"event":"order_pending","client":"192.0.2.1","user":1,"order":4,"total_cents":749,"payment":"card","payment_status":"pending"`,
		`"event":"order_placed","client":"192.0.2.1","user":1,"order":4,"total_cents":749,"payment":"card","payment_status":"authorized"`,
	} {
		if n := strings.Count(log, want); n != 1 {
			t.Errorf("the log has %d times %s", n, want)
		}
	}
	if n := strings.Count(log, `"event":"order_`); n != 5 {
		t.Errorf("the log has %d lines of orders, want 5", n)
	}
	for _, secret := range []string{"test_ok", "Long Lane", "4242"} {
		if strings.Contains(log, secret) {
			t.Errorf("the log holds %s", secret)
		}
	}
}

// An order of ann's with apples and bread, one of which is gone.
func bought(t *testing.T, s *store) {
	s.basket(t, 1, shop.BasketLine{ProductID: 1, Quantity: 2}, shop.BasketLine{ProductID: 4, Quantity: 3})
	if _, err := s.db.Purchase(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	s.pg.Exec(t, "UPDATE orders SET created_at = '2026-01-31 23:30:00+00'")
	s.pg.Exec(t, `INSERT INTO order_items (order_id, position, product_id, name, price_cents, quantity) VALUES (1, 3, NULL, 'Quince', 100, 1)`)
}

func TestOrders(t *testing.T) {
	const path = "/api/v1/orders"
	left := func(change string) func(*testing.T, *store) {
		return func(t *testing.T, s *store) {
			bought(t, s)
			s.pg.Exec(t, change)
		}
	}
	run(t, []scenario{
		{name: "no order is an empty list", method: "GET", path: path, status: 200, want: []string{`{"items":[],"next_cursor":null}`}},
		{name: "the order of an old client has no address", method: "GET", path: path + "/1", before: bought, status: 200, want: []string{
			`"number":"G-2026-000001","status":"placed","created_at":"2026-01-31T23:30:00Z"`, `"address":null`, `{"product_id":null,"name":"Quince"`, `"payment":{"method":"cash_on_delivery","status":"due"}`}},
		{name: "the list holds the same", method: "GET", path: path, before: bought, status: 200, want: []string{`"number":"G-2026-000001"`, `"next_cursor":null`}},
		{name: "somebody else's order is none", method: "GET", path: path + "/1", before: left("UPDATE orders SET user_id = 2"), status: 404, want: []string{`{"code":"not_found","error":"Order not found"}`}},
		{name: "somebody else's receipt is none", method: "GET", path: path + "/1/receipt", before: left("UPDATE orders SET user_id = 2"), status: 404, want: []string{`"code":"not_found"`}},
		{name: "somebody else's order is not ordered again", method: "POST", path: path + "/1/reorder", before: left("UPDATE orders SET user_id = 2"), status: 404, after: basketIs("v2")},
		{name: "no number of an order", method: "GET", path: path + "/G-2026-000001", status: 400, want: []string{`"error":"Invalid order ID"`}},
		{name: "a page of none", method: "GET", path: path + "?limit=0", status: 400, want: []string{`"field":"limit"`}},
		{name: "a page of 101", method: "GET", path: path + "?limit=101", status: 400, want: []string{`"field":"limit"`}},
		{name: "a cursor that is broken", method: "GET", path: path + "?cursor=AAAA", status: 400, want: []string{"cursor"}},

		{name: "an order is put into the basket again", method: "POST", path: path + "/1/reorder", before: bought, status: 200, want: []string{`"left_out":[{"product_id":null,"name":"Quince","reason":"not_sold"}]`, `"basket":{"items":[{`}, after: basketIs("v3 1x2 4x3")},
		{name: "what is in the basket already is not doubled", method: "POST", path: path + "/1/reorder", status: 200, after: basketIs("v3 4x7 1x2"),
			before: left("INSERT INTO basket_items (user_id, product_id, quantity) VALUES (1, 4, 7)")},
		{name: "what is out of stock is left out", method: "POST", path: path + "/1/reorder", before: left("UPDATE products SET stock = 0 WHERE id = 4"), status: 200, want: []string{`{"product_id":4,"name":"Salt","reason":"out_of_stock"}`}, after: basketIs("v3 1x2")},
		{name: "no more than is in stock is put in", method: "POST", path: path + "/1/reorder", before: left("UPDATE products SET stock = 1 WHERE id = 4"), status: 200, want: []string{`{"product_id":4,"name":"Salt","reason":"too_few"}`}, after: basketIs("v3 1x2 4x1")},
		{
			name: "who has enough in the basket misses nothing", method: "POST", path: path + "/1/reorder", status: 200, want: []string{`"left_out":[{"product_id":null,"name":"Quince","reason":"not_sold"}]`}, after: basketIs("v3 4x7 1x2"),
			before: func(t *testing.T, s *store) {
				left("UPDATE products SET stock = 1 WHERE id = 4")(t, s)
				s.pg.Exec(t, "INSERT INTO basket_items (user_id, product_id, quantity) VALUES (1, 4, 7)")
			},
		},
		{
			name: "what a full basket cannot hold is left out", method: "POST", path: path + "/1/reorder", status: 200, want: []string{`{"product_id":4,"name":"Salt","reason":"basket_full"}`}, wantNot: []string{"too_few"},
			before: func(t *testing.T, s *store) {
				left("UPDATE products SET stock = 1 WHERE id = 4")(t, s)
				s.pg.Exec(t, "INSERT INTO products (id, name, category, price_cents) SELECT i, 'P', 'C', 1 FROM generate_series(1001, 1499) i")
				s.pg.Exec(t, "INSERT INTO basket_items (user_id, product_id, quantity) SELECT 1, i, 1 FROM generate_series(1001, 1499) i")
			},
			after: func(t *testing.T, s *store) {
				if n := s.count(t, "basket_items WHERE user_id = 1"); n != 500 {
					t.Errorf("%d lines", n)
				}
				s.pg.Exec(t, "DELETE FROM products WHERE id > 1000")
			},
		},
		{name: "on a condition that holds", method: "POST", path: path + "/1/reorder", header: []string{"If-Match", `"2"`}, before: bought, status: 200, after: basketIs("v3 1x2 4x3")},
		{name: "on a condition that does not hold", method: "POST", path: path + "/1/reorder", header: []string{"If-Match", `"7"`}, before: bought, status: 412, want: []string{`"code":"basket_changed"`, `"basket":{`}, after: basketIs("v2")},
		{name: "a payment on its way to be voided is voided", method: "GET", path: path + "/1", before: left("UPDATE orders SET status = 'cancelled', payment_method = 'card', payment_status = 'voiding'"), status: 200, want: []string{`"status":"cancelled"`, `"payment":{"method":"card","status":"voided"}`}},
	})
}

func TestOrdersArePagedThrough(t *testing.T) {
	s := newStore(t)
	s.reset(t)
	ann, bob := s.token(t, s.user(t, "ann")), s.token(t, s.user(t, "bob"))
	s.pg.Exec(t, "INSERT INTO orders (user_id, subtotal_cents, delivery_cents) SELECT 1, i, 0 FROM generate_series(1, 7) i")
	s.pg.Exec(t, "INSERT INTO orders (user_id, subtotal_cents, delivery_cents) VALUES (2, 1, 0)")
	var seen []int
	cursor := ""
	for {
		var page struct {
			Items []struct{ ID int }
			Next  *string `json:"next_cursor"`
		}
		if err := json.Unmarshal([]byte(text(t, s.do("GET", "/api/v1/orders?limit=3&cursor="+cursor, "", "Authorization", "Bearer "+ann))), &page); err != nil {
			t.Fatal(err)
		}
		for _, o := range page.Items {
			seen = append(seen, o.ID)
		}
		if page.Next == nil {
			break
		}
		cursor = *page.Next
	}
	if fmt.Sprint(seen) != "[7 6 5 4 3 2 1]" {
		t.Errorf("pages hold %v", seen)
	}
	if resp := s.do("GET", "/api/v1/orders?cursor="+cursor, "", "Authorization", "Bearer "+bob); resp.StatusCode != 400 {
		t.Errorf("somebody else's cursor: %d", resp.StatusCode)
	}
}

func TestReceipt(t *testing.T) {
	s := newStore(t)
	s.reset(t)
	bearer := []string{"Authorization", "Bearer " + s.token(t, s.user(t, "ann"))}
	bought(t, s)
	s.pg.Exec(t, `UPDATE orders SET payment_method = 'card', payment_status = 'paid', card_last4 = '4242',
		address = '{"name": "Ann Ä.", "street": "Long Lane 1", "postal_code": "10115", "city": "Berlin", "country": "DE", "note": "Ring\ntwice"}'`)
	resp := s.do("GET", "/api/v1/orders/1/receipt", "", bearer...)
	if ct := resp.Header.Get("Content-Type"); resp.StatusCode != 200 || ct != "text/plain; charset=utf-8" {
		t.Fatalf("%d %s", resp.StatusCode, ct)
	}
	want := `Grocery Shop                                 Order G-2026-000001
31 January 2026 23:30 UTC                                Receipt
----------------------------------------------------------------
Apples                                                  4.98 EUR
  2 x 2.49 EUR
Salt                                                    0.15 EUR
  3 x 0.05 EUR
Quince                                                  1.00 EUR
----------------------------------------------------------------
Goods                                                   5.13 EUR
Delivery                                                5.00 EUR
TOTAL                                                  10.13 EUR
----------------------------------------------------------------
Payment: Card ending in 4242                                paid
Delivered to:
  Ann Ä.
  Long Lane 1
  10115 Berlin
  DE
  Ring twice
`
	if got := text(t, resp); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestPaymentMethods(t *testing.T) {
	run(t, []scenario{{
		name: "a test says that it is one", method: "GET", path: "/api/v1/payment-methods", guest: true, status: 200,
		want: []string{`{"items":[{"id":"cash_on_delivery","name":"Cash on delivery","test":false,"hint":"`, `{"id":"card","name":"Card (test: no money is taken)","test":true,"hint":"`, "test_declined"},
	}})
}

func TestAPurchaseOfAnOldClientTakesFromTheSameStock(t *testing.T) {
	run(t, []scenario{
		{name: "what is bought is out of stock", method: "POST", path: "/api/me/purchase", body: `{"purchased_products":[1]}`, before: filledBasket, status: 200, after: orderIs("placed due 503+500, basket 0, apples 498")},
		{
			name: "what is out of stock cannot be bought", method: "POST", path: "/api/me/purchase", body: `{"purchased_products":[1]}`, status: 409, after: orderIs(", basket 2, apples 0"),
			before: func(t *testing.T, s *store) {
				filledBasket(t, s)
				s.pg.Exec(t, "UPDATE products SET stock = 0 WHERE id = 1")
			},
			want:    []string{`{"error":"Apples is out of stock"}`},
			wantNot: []string{"code"},
		},
	})
}
