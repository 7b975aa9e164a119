package httpapi_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	shop "grocery/backend"
)

// basketIs checks the lines of ann's basket, as 1x2 for two of product 1, and its version.
func basketIs(want string) func(*testing.T, *store) {
	return func(t *testing.T, s *store) {
		t.Helper()
		var got string
		s.pg.QueryRow(t, `SELECT concat_ws(' ', 'v' || basket_version, (SELECT string_agg(product_id || 'x' || quantity, ' ' ORDER BY b.id) FROM basket_items b WHERE user_id = u.id)) FROM users u WHERE id = 1`, &got)
		if got != want {
			t.Errorf("the basket is %q, want %q", got, want)
		}
		if n := s.count(t, "basket_items WHERE user_id = 2 AND product_id = 3 AND quantity = 7"); n != s.count(t, "users WHERE id = 2 AND basket_version = 1") {
			t.Error("somebody else's basket has changed")
		}
	}
}

// filledBasket has two apples and a salt in ann's basket, which is its version 1.
func filledBasket(t *testing.T, s *store) {
	s.basket(t, 1, shop.BasketLine{ProductID: 1, Quantity: 2}, shop.BasketLine{ProductID: 4, Quantity: 1})
	s.basket(t, 2, shop.BasketLine{ProductID: 3, Quantity: 7})
}

func TestBasketV1(t *testing.T) {
	const path, item = "/api/v1/me/basket", "/api/v1/me/basket/items/"
	kept := basketIs("v1 1x2 4x1")
	match := func(etag string) []string { return []string{"If-Match", etag} }
	full := func(t *testing.T, s *store) {
		s.pg.Exec(t, "INSERT INTO products (id, name, category, price_cents) SELECT i, 'P', 'C', 1 FROM generate_series(1001, 1499) i ON CONFLICT DO NOTHING")
		s.pg.Exec(t, "INSERT INTO basket_items (user_id, product_id, quantity) SELECT 1, i, 1 FROM generate_series(1001, 1499) i")
		s.pg.Exec(t, "INSERT INTO basket_items (user_id, product_id, quantity) VALUES (1, 1, 1)")
	}
	run(t, []scenario{
		{name: "an empty basket costs nothing", method: "GET", path: path, status: 200, want: []string{
			`{"items":[],"subtotal_cents":0,"delivery_cents":0,"total_cents":0,"free_delivery_from_cents":2000,"missing_for_free_delivery_cents":2000,"needs_adult":false,"version":0}`}},
		{
			name: "lines, costs and what is missing for free delivery", method: "GET", path: path, before: filledBasket, status: 200,
			want: []string{`"quantity":2,"line_cents":498,"available":2}`, `"name":"Salt"`, `"price_cents":5`, `"stock":500`, `"rating":{"average":null,"count":0}`,
				`"subtotal_cents":503,"delivery_cents":500,"total_cents":1003,"free_delivery_from_cents":2000,"missing_for_free_delivery_cents":1497,"needs_adult":false,"version":1}`},
			wantNot: []string{"Wine"},
		},
		{
			name: "what there is not enough of says so", method: "GET", path: path, status: 200, want: []string{`"quantity":2,"line_cents":498,"available":1}`},
			before: func(t *testing.T, s *store) {
				filledBasket(t, s)
				s.pg.Exec(t, "UPDATE products SET stock = 1 WHERE id = 1")
			},
		},
		{
			name: "a rating is what the reviews amount to", method: "GET", path: path, status: 200, want: []string{`"rating":{"average":4.5,"count":2}`},
			before: func(t *testing.T, s *store) {
				filledBasket(t, s)
				s.pg.Exec(t, "INSERT INTO reviews (product_id, author, rating) VALUES (1, 'x', 5), (1, 'y', 4)")
			},
		},

		{name: "a product is put in", method: "PUT", path: item + "2", body: `{"quantity":3}`, before: filledBasket, status: 200, want: []string{`"version":2`, `"subtotal_cents":6500,"delivery_cents":0`}, after: basketIs("v2 1x2 4x1 2x3")},
		{name: "a quantity is changed in its place", method: "PUT", path: item + "1", body: `{"quantity":999}`, before: filledBasket, status: 200, want: []string{`"quantity":999`}, after: basketIs("v2 1x999 4x1")},
		{name: "a repeat changes nothing", method: "PUT", path: item + "1", body: `{"quantity":2}`, before: filledBasket, status: 200, want: []string{`"version":1`}, after: kept},
		{name: "alcohol may be put in, and is marked", method: "PUT", path: item + "3", body: `{"quantity":1}`, status: 200, want: []string{`"needs_adult":true`}, after: basketIs("v1 3x1")},
		{name: "on the condition that holds", method: "PUT", path: item + "1", body: `{"quantity":3}`, header: match(`"1"`), before: filledBasket, status: 200, after: basketIs("v2 1x3 4x1")},
		{name: "a proxy made the tag a weak one", method: "PUT", path: item + "1", body: `{"quantity":3}`, header: match(`W/"1"`), before: filledBasket, status: 200, after: basketIs("v2 1x3 4x1")},
		{
			name: "another device was faster", method: "PUT", path: item + "1", body: `{"quantity":3}`, header: match(`"0"`), before: filledBasket, status: 412,
			want: []string{`"code":"basket_changed"`, `"error":"Your basket has changed`, `"basket":{"items":[{"product":{"id":1,`, `"version":1}`}, after: kept,
		},
		{name: "on one of two conditions that hold", method: "PUT", path: item + "1", body: `{"quantity":3}`, header: match(`"0", W/"1"`), before: filledBasket, status: 200, after: basketIs("v2 1x3 4x1")},
		{name: "on one of two conditions that do not", method: "PUT", path: item + "1", body: `{"quantity":3}`, header: match(`"0","7"`), before: filledBasket, status: 412, want: []string{`"code":"basket_changed"`}, after: kept},
		{name: "a list with what is no tag", method: "PUT", path: item + "1", body: `{"quantity":3}`, header: match(`"1", yesterday`), before: filledBasket, status: 400, want: []string{`"field":"If-Match"`}, after: kept},
		{name: "a condition that is no tag", method: "PUT", path: item + "1", body: `{"quantity":3}`, header: match(`yesterday`), before: filledBasket, status: 400, want: []string{`"code":"invalid"`, `"field":"If-Match"`}, after: kept},
		{name: "an unknown product", method: "PUT", path: item + "77", body: `{"quantity":3}`, before: filledBasket, status: 404, want: []string{`{"code":"not_found","error":"Product not found"}`}, after: kept},
		{name: "no number of a product", method: "PUT", path: item + "apple", body: `{"quantity":3}`, status: 400, want: []string{`"code":"invalid"`}},
		{name: "a quantity of zero", method: "PUT", path: item + "1", body: `{"quantity":0}`, before: filledBasket, status: 400, want: []string{`"field":"quantity"`}, after: kept},
		{name: "a quantity of 1000", method: "PUT", path: item + "1", body: `{"quantity":1000}`, before: filledBasket, status: 400, want: []string{`"field":"quantity"`}, after: kept},
		{name: "a quantity beyond numbers", method: "PUT", path: item + "1", body: `{"quantity":9223372036854775808}`, before: filledBasket, status: 400, want: []string{"quantity"}, after: kept},
		{name: "half a piece", method: "PUT", path: item + "1", body: `{"quantity":1.5}`, before: filledBasket, status: 400, want: []string{"quantity"}, after: kept},
		{name: "no quantity", method: "PUT", path: item + "1", body: `{}`, before: filledBasket, status: 400, want: []string{"quantity"}, after: kept},
		{name: "a product more than a basket holds", method: "PUT", path: item + "2", body: `{"quantity":1}`, before: full, status: 400, want: []string{`"code":"basket_full"`}},

		{name: "a product is taken out", method: "DELETE", path: item + "1", before: filledBasket, status: 200, want: []string{`"version":2`}, after: basketIs("v2 4x1")},
		{name: "taking out what is not in is no error", method: "DELETE", path: item + "2", before: filledBasket, status: 200, want: []string{`"version":1`}, after: kept},
		{name: "taking out on a condition that does not hold", method: "DELETE", path: item + "1", header: match(`"7"`), before: filledBasket, status: 412, want: []string{`"basket":{`}, after: kept},
		{name: "everything is taken out", method: "DELETE", path: path, before: filledBasket, status: 200, want: []string{`"items":[]`, `"version":2`}, after: basketIs("v2")},
		{name: "everything, on a condition that does not hold", method: "DELETE", path: path, header: match(`"7"`), before: filledBasket, status: 412, want: []string{`"code":"basket_changed"`}, after: kept},

		{name: "a guest's basket joins: the larger quantity stays", method: "POST", path: path + "/merge", body: `{"items":[{"product_id":1,"quantity":1},{"product_id":4,"quantity":6},{"product_id":2,"quantity":2}]}`, before: filledBasket, status: 200, want: []string{`"left_out":[]`, `"version":2`}, after: basketIs("v2 1x2 4x6 2x2")},
		{name: "joining again doubles nothing", method: "POST", path: path + "/merge", body: `{"items":[{"product_id":1,"quantity":2},{"product_id":4,"quantity":1}]}`, before: filledBasket, status: 200, want: []string{`"version":1`}, after: kept},
		{name: "what is not sold any more is left out", method: "POST", path: path + "/merge", body: `{"items":[{"product_id":77,"quantity":1},{"product_id":2,"quantity":2},{"product_id":78,"quantity":1}]}`, before: filledBasket, status: 200, want: []string{`"left_out":[77,78]`}, after: basketIs("v2 1x2 4x1 2x2")},
		{name: "an empty basket joins", method: "POST", path: path + "/merge", body: `{"items":[]}`, before: filledBasket, status: 200, want: []string{`"version":1`}, after: kept},
		{name: "what a full basket cannot hold is left out", method: "POST", path: path + "/merge", body: `{"items":[{"product_id":2,"quantity":1},{"product_id":1,"quantity":5}]}`, before: full, status: 200, want: []string{`"left_out":[2]`, `"quantity":5`}},
		{name: "joining on a condition that does not hold", method: "POST", path: path + "/merge", body: `{"items":[{"product_id":2,"quantity":1}]}`, header: match(`"0"`), before: filledBasket, status: 412, want: []string{`"basket":{`}, after: kept},
		{name: "a guest's basket of nonsense", method: "POST", path: path + "/merge", body: `{"items":[{"product_id":2,"quantity":-1}]}`, before: filledBasket, status: 400, want: []string{`"field":"quantity"`}, after: kept},
		{name: "no list", method: "POST", path: path + "/merge", body: `{}`, before: filledBasket, status: 400, want: []string{`"field":"items"`}, after: kept},
		{name: "a list of 501", method: "POST", path: path + "/merge", body: `{"items":[` + strings.TrimSuffix(strings.Repeat(`{"product_id":1,"quantity":1},`, 501), ",") + `]}`, before: filledBasket, status: 400, want: []string{"at most 500"}, after: kept},

		{
			name: "a quote for a guest", method: "POST", path: "/api/v1/basket/quote", guest: true, status: 200,
			body: `{"items":[{"product_id":2,"quantity":1},{"product_id":99,"quantity":1},{"product_id":2,"quantity":1}]}`,
			want: []string{`"subtotal_cents":1999,"delivery_cents":500,"total_cents":2499`, `"missing_for_free_delivery_cents":1`, `"version":0,"left_out":[99]`, `"name":"Bread"`},
		},
		{name: "a quote for nothing", method: "POST", path: "/api/v1/basket/quote", guest: true, body: `{"items":[]}`, status: 200, want: []string{`"items":[]`, `"total_cents":0`, `"left_out":[]`}},
		{name: "at 20.00 delivery is free", method: "POST", path: "/api/v1/basket/quote", guest: true, body: `{"items":[{"product_id":3,"quantity":1}]}`, status: 200, want: []string{`"subtotal_cents":2000,"delivery_cents":0,"total_cents":2000`, `"missing_for_free_delivery_cents":0`, `"needs_adult":true`}},
		{name: "a quote for nonsense", method: "POST", path: "/api/v1/basket/quote", guest: true, body: `[]`, status: 400, want: []string{`"code":"invalid"`}},
		{name: "a quote for no product", method: "POST", path: "/api/v1/basket/quote", guest: true, body: `{"items":[{"product_id":0,"quantity":1}]}`, status: 400, want: []string{`"field":"product_id"`}},
		{name: "a quote that is too long", method: "POST", path: "/api/v1/basket/quote", guest: true, body: `{"items":[` + strings.Repeat(" ", 70_000) + `]}`, status: 413, want: []string{`"code":"too_large"`}},
	})
}

func TestTheBasketsETagIsItsVersion(t *testing.T) {
	s := newStore(t)
	s.reset(t)
	bearer := []string{"Authorization", "Bearer " + s.token(t, s.user(t, "ann"))}
	for i, r := range [][3]string{
		{"GET", "/api/v1/me/basket", ""}, {"PUT", "/api/v1/me/basket/items/1", `{"quantity":1}`}, {"POST", "/api/v1/me/basket/merge", `{"items":[{"product_id":1,"quantity":2}]}`},
		{"DELETE", "/api/v1/me/basket/items/1", ""}, {"DELETE", "/api/v1/me/basket", ""},
	} {
		resp := s.do(r[0], r[1], r[2], bearer...)
		var b struct{ Version int }
		if err := json.Unmarshal([]byte(text(t, resp)), &b); err != nil || resp.Header.Get("ETag") != fmt.Sprintf(`"%d"`, b.Version) || b.Version != min(i, 3) {
			t.Errorf("%s %s: ETag %s, version %d, %v", r[0], r[1], resp.Header.Get("ETag"), b.Version, err)
		}
	}
}
