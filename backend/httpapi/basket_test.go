package httpapi_test

import (
	"fmt"
	"strings"
	"testing"

	shop "grocery/backend"
)

func TestBasket(t *testing.T) {
	const path = "/api/me/basket"
	filled := func(t *testing.T, s *store) {
		s.basket(t, 1, shop.BasketLine{ProductID: 1, Quantity: 2}, shop.BasketLine{ProductID: 4, Quantity: 1})
		s.basket(t, 2, shop.BasketLine{ProductID: 3, Quantity: 7})
	}
	holds := func(want string) func(*testing.T, *store) {
		return func(t *testing.T, s *store) {
			t.Helper()
			var got string
			s.pg.QueryRow(t, "SELECT COALESCE(string_agg(product_id || 'x' || quantity, ' ' ORDER BY id), '') FROM basket_items WHERE user_id = 1", &got)
			if got != want {
				t.Errorf("the basket holds %q, want %q", got, want)
			}
			if n := s.count(t, "basket_items WHERE user_id = 2"); n > 1 {
				t.Error("somebody else's basket has changed")
			}
		}
	}
	kept, updated := holds("1x2 4x1"), []string{`{"message":"Basket successfully updated."}`}
	tooMany := "[" + strings.TrimSuffix(strings.Repeat(`{"product_id":1,"quantity":1},`, 40_000), ",") + "]"
	var full strings.Builder // as old clients send it: the product is in every line
	for id := range 500 {
		fmt.Fprintf(&full, `,{"product_id":%d,"quantity":1,"name":"Whatever it is called in the shop","description":%q,"price":1.99,"category":"Something","image_url":"/products/1f34e.webp","is_alcohol":false}`, 1001+id, strings.Repeat("d", 500))
	}
	run(t, []scenario{
		{name: "an empty basket is an empty list", method: "GET", path: path, status: 200, want: []string{"[]"}, wantNot: []string{"null"}},
		{
			name: "the caller's basket with names and prices", method: "GET", path: path, before: filled, status: 200,
			want:    []string{`[{"product_id":1,"quantity":2,"name":"Apples","price":2.49,"image_url":"/products/1f34e.webp"},{"product_id":4,"quantity":1,"name":"Salt","price":0.05,"image_url":"/products/1f9c2.webp"}]`},
			wantNot: []string{"Wine"},
		},
		{name: "what is sent replaces what was there", method: "POST", path: path, before: filled, body: `[{"product_id":2,"quantity":5}]`, status: 200, want: updated, after: holds("2x5")},
		{name: "lines that stay keep their place", method: "POST", path: path, before: filled, body: `[{"product_id":2,"quantity":1},{"product_id":4,"quantity":9}]`, status: 200, want: updated, after: holds("4x9 2x1")},
		{name: "an empty list clears it", method: "POST", path: path, before: filled, body: `[]`, status: 200, want: updated, after: holds("")},
		{name: "more fields than needed are ignored", method: "POST", path: path, body: `[{"product_id":1,"quantity":1,"name":"x","price":0.01,"user_id":2}]`, status: 200, want: updated, after: holds("1x1")},
		{name: "numbers as text are understood", method: "POST", path: path, body: `[{"product_id":"1","quantity":"3"}]`, status: 200, want: updated, after: holds("1x3")},
		{name: "null is refused", method: "POST", path: path, before: filled, body: `null`, status: 400, want: []string{`"error"`}, after: kept},
		{name: "an object is refused", method: "POST", path: path, before: filled, body: `{}`, status: 400, want: []string{`"error"`}, after: kept},
		{name: "a quantity of zero is refused", method: "POST", path: path, before: filled, body: `[{"product_id":2,"quantity":0}]`, status: 400, want: []string{"quantity"}, after: kept},
		{name: "a negative quantity is refused", method: "POST", path: path, before: filled, body: `[{"product_id":2,"quantity":-5}]`, status: 400, want: []string{"quantity"}, after: kept},
		{name: "a huge quantity is refused", method: "POST", path: path, before: filled, body: `[{"product_id":2,"quantity":9000000000000000000}]`, status: 400, want: []string{"quantity"}, after: kept},
		{name: "half a piece is refused", method: "POST", path: path, before: filled, body: `[{"product_id":2,"quantity":0.5}]`, status: 400, want: []string{"whole numbers"}, after: kept},
		{name: "no quantity is refused", method: "POST", path: path, before: filled, body: `[{"product_id":2}]`, status: 400, want: []string{"quantity"}, after: kept},
		{name: "the product null is refused", method: "POST", path: path, before: filled, body: `[{"product_id":null,"quantity":1}]`, status: 400, want: []string{`"error"`}, after: kept},
		{name: "an unknown product among known ones is refused as a whole", method: "POST", path: path, before: filled, body: `[{"product_id":2,"quantity":1},{"product_id":77,"quantity":1}]`, status: 400, want: []string{"no product 77"}, after: kept},
		{
			name: "a full basket with all that old clients send along", method: "POST", path: path, body: "[" + full.String()[1:] + "]", status: 200, want: updated,
			before: func(t *testing.T, s *store) {
				s.pg.Exec(t, "INSERT INTO products (id, name, category, price_cents) SELECT i, 'P', 'C', 1 FROM generate_series(1001, 1500) i")
			},
			after: func(t *testing.T, s *store) {
				if n := s.count(t, "basket_items WHERE user_id = 1"); n != 500 {
					t.Errorf("%d lines are stored", n)
				}
				s.pg.Exec(t, "DELETE FROM products WHERE id > 1000")
			},
		},
		{name: "a list that is too long is refused", method: "POST", path: path, before: filled, body: tooMany, status: 413, want: []string{`"error"`}, after: kept},
		{name: "a product is taken out", method: "POST", path: path + "/remove", before: filled, body: `{"product_id":1}`, status: 200, want: []string{`{"message":"Product removed from basket"}`}, after: holds("4x1")},
		{name: "what is not in cannot be taken out", method: "POST", path: path + "/remove", before: filled, body: `{"product_id":3}`, status: 404, want: []string{`"error"`}, after: kept},
		{name: "taking null out is refused", method: "POST", path: path + "/remove", before: filled, body: `{"product_id":null}`, status: 400, want: []string{`"error"`}, after: kept},
	})
}

func TestPurchase(t *testing.T) {
	const path = "/api/me/purchase"
	basket := func(lines ...shop.BasketLine) func(*testing.T, *store) {
		return func(t *testing.T, s *store) { s.basket(t, 1, lines...) }
	}
	bought := func(order string, owned int) func(*testing.T, *store) {
		return func(t *testing.T, s *store) {
			t.Helper()
			var got string
			s.pg.QueryRow(t, `SELECT COALESCE(string_agg(format('%s+%s=%s', subtotal_cents, delivery_cents, total_cents), ' '), '') FROM orders WHERE user_id = 1`, &got)
			if got != order {
				t.Errorf("orders %q, want %q", got, order)
			}
			if n := s.count(t, "basket_items"); (n == 0) != (order != "") {
				t.Errorf("%d lines are left in the basket", n)
			}
			if n := s.count(t, "purchases WHERE user_id = 1"); n != owned {
				t.Errorf("%d products owned, want %d", n, owned)
			}
		}
	}
	done := []string{`{"message":"Product purchased successfully and basket cleared"}`}
	wine := basket(shop.BasketLine{ProductID: 3, Quantity: 1})
	run(t, []scenario{
		{name: "under 20 euros delivery is charged", method: "POST", path: path, before: basket(shop.BasketLine{ProductID: 2, Quantity: 1}), body: `{"purchased_products":[2]}`, status: 200, want: done, after: bought("1999+500=2499", 1)},
		{name: "from 20 euros on it is free, and quantities count", method: "POST", path: path, before: basket(shop.BasketLine{ProductID: 1, Quantity: 9}), body: `{"purchased_products":[1]}`, status: 200, want: done, after: bought("2241+0=2241", 1)},
		{name: "the order is the server's basket, whatever is sent", method: "POST", path: path, before: basket(shop.BasketLine{ProductID: 1, Quantity: 1}, shop.BasketLine{ProductID: 4, Quantity: 2}), body: `{"purchased_products":[2,2,99],"total":0.01}`, status: 200, want: done, after: bought("259+500=759", 2)},
		{
			name: "buying again is no error", method: "POST", path: path, body: `{"purchased_products":[1]}`, status: 200, want: done, after: bought("249+500=749", 1),
			before: func(t *testing.T, s *store) {
				s.bought(t, 1, 1)
				s.basket(t, 1, shop.BasketLine{ProductID: 1, Quantity: 1})
			},
		},
		{name: "an empty basket buys nothing", method: "POST", path: path, before: func(t *testing.T, s *store) {}, body: `{"purchased_products":[1]}`, status: 400, want: []string{"basket is empty"}, after: func(t *testing.T, s *store) {
			if n := s.count(t, "orders"); n != 0 {
				t.Errorf("%d orders", n)
			}
		}},
		{name: "no list", method: "POST", path: path, before: wine, body: `{}`, status: 400, want: []string{`{"error":"Invalid data format"}`}, after: bought("", 0)},
		{name: "a list of null", method: "POST", path: path, before: wine, body: `{"purchased_products":[null]}`, status: 400, want: []string{`{"error":"Invalid data format"}`}, after: bought("", 0)},
		{name: "a word", method: "POST", path: path, before: wine, body: `{"purchased_products":"all"}`, status: 400, want: []string{`{"error":"Invalid data format"}`}, after: bought("", 0)},
		{name: "no JSON", method: "POST", path: path, before: wine, body: `buy`, status: 400, want: []string{`{"error":"Invalid data format"}`}, after: bought("", 0)},
		{name: "alcohol without a known age is refused and kept", method: "POST", path: path, before: wine, body: `{"purchased_products":[3]}`, status: 403, want: []string{"18", "confirm your age"}, after: bought("", 0)},
		{
			name: "alcohol for an adult", method: "POST", path: path, body: `{"purchased_products":[3]}`, status: 200, want: done, after: bought("2000+0=2000", 1),
			before: func(t *testing.T, s *store) {
				wine(t, s)
				s.pg.Exec(t, "UPDATE users SET birth_date = '1990-01-01' WHERE id = 1")
			},
		},
		{
			name: "alcohol for a child who says to be of age", method: "POST", path: path, body: `{"purchased_products":[3],"is_adult":true}`, status: 403, after: bought("", 0),
			before: func(t *testing.T, s *store) {
				wine(t, s)
				s.pg.Exec(t, "UPDATE users SET birth_date = now() - interval '10 years', age_confirmed_at = now() WHERE id = 1")
			},
		},
		{name: "what was bought is listed", method: "GET", path: "/api/me/purchased-products", before: func(t *testing.T, s *store) { s.bought(t, 1, 4, 2); s.bought(t, 2, 3) }, status: 200, want: []string{"[4,2]"}},
		{name: "nothing bought is an empty list", method: "GET", path: "/api/me/purchased-products", status: 200, want: []string{"[]"}},
	})
}

func TestFavourites(t *testing.T) {
	const path = "/api/me/favorites"
	marked := func(ids ...int64) func(*testing.T, *store) {
		return func(t *testing.T, s *store) {
			for _, id := range ids {
				if err := s.db.AddFavourite(t.Context(), 1, id); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	holds := func(want string) func(*testing.T, *store) {
		return func(t *testing.T, s *store) {
			t.Helper()
			if ids, err := s.db.Favourites(t.Context(), 1); err != nil || fmt.Sprint(ids) != want {
				t.Errorf("marked %v, want %s (%v)", ids, want, err)
			}
		}
	}
	added := []string{`{"message":"Product added to favorites"}`}
	run(t, []scenario{
		{name: "none is an empty list", method: "GET", path: path, status: 200, want: []string{"[]"}},
		{name: "marked products in full, in the order of marking", method: "GET", path: path, before: marked(4, 1), status: 200, want: []string{`[{"id":4,"name":"Salt"`, `},{"id":1,"name":"Apples"`, `"reviews":[]`}, wantNot: []string{"Bread"}},
		{name: "a product is marked", method: "POST", path: path, body: `{"product_id":2}`, status: 201, want: added, after: holds("[2]")},
		{name: "marking twice is no error", method: "POST", path: path, before: marked(2), body: `{"product_id":2}`, status: 201, want: added, after: holds("[2]")},
		{name: "an unknown product", method: "POST", path: path, body: `{"product_id":99}`, status: 404, want: []string{`{"error":"Product not found"}`}, after: holds("[]")},
		{name: "null does not poison the account", method: "POST", path: path, before: marked(2), body: `{"product_id":null}`, status: 400, want: []string{`"error"`}, after: holds("[2]")},
		{name: "no product", method: "POST", path: path, body: `{}`, status: 400, want: []string{"product_id"}, after: holds("[]")},
		{name: "a mark is taken away", method: "POST", path: path + "/remove", before: marked(1, 2), body: `{"product_id":1}`, status: 200, want: []string{`{"message":"Product removed from favorites"}`}, after: holds("[2]")},
		{name: "a mark that is not there", method: "POST", path: path + "/remove", before: marked(2), body: `{"product_id":1}`, status: 400, want: []string{`{"error":"Product not found in favorites"}`}, after: holds("[2]")},
	})
}
