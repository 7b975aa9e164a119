package httpapi_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
)

func TestProducts(t *testing.T) {
	rate := func(t *testing.T, s *store) {
		s.pg.Exec(t, "INSERT INTO reviews (product_id, author, rating, comment) VALUES (1, 'old hand', 4.5, 'crisp'), (1, 'another', 4, ''), (2, 'old hand', 2, '')")
	}
	run(t, []scenario{
		{name: "all products with what further filters would leave", method: "GET", path: "/api/v1/products", guest: true, status: 200, before: rate,
			want: []string{`"total":4`, `"corrected":false`, `"next_cursor":null`, `"price_cents":249`, `"rating":{"average":4.3,"count":2}`, `"rating":{"average":null,"count":0}`,
				`{"value":"Fruit","count":1}`, `"price":{"min_cents":5,"max_cents":2000}`, `"alcohol":{"count":1}`, `"stock":500`, `{"value":4,"count":1}`}},
		{name: "a word in another form", method: "GET", path: "/api/v1/products?q=apple", guest: true, status: 200, want: []string{`"name":"Apples"`, `"total":1`, `"corrected":false`}},
		{name: "a misspelt word", method: "GET", path: "/api/v1/products?q=aples", guest: true, status: 200, want: []string{`"name":"Apples"`, `"corrected":true`}},
		{name: "nothing of the kind", method: "GET", path: "/api/v1/products?q=helicopter", guest: true, status: 200, want: []string{`"items":[]`, `"total":0`, `"categories":[]`}},
		{name: "a query is text, not a program", method: "GET", path: "/api/v1/products?q=" + url.QueryEscape("') | 'a':* \\ --"), guest: true, status: 200},
		{name: "categories are alternatives", method: "GET", path: "/api/v1/products?category=Fruit&category=Wine", guest: true, status: 200, want: []string{`"Apples"`, `"Wine"`, `"total":2`, `{"value":"Bakery","count":1}`}, wantNot: []string{`"Bread"`}},
		{name: "a range of prices", method: "GET", path: "/api/v1/products?min_price_cents=100&max_price_cents=1999", guest: true, status: 200, want: []string{`"Apples"`, `"Bread"`, `"total":2`}, wantNot: []string{`"Salt"`}},
		{name: "good ones only", method: "GET", path: "/api/v1/products?min_rating=4", guest: true, status: 200, before: rate, want: []string{`"Apples"`, `"total":1`}, wantNot: []string{`"Bread"`}},
		{name: "without alcohol", method: "GET", path: "/api/v1/products?alcohol=false", guest: true, status: 200, want: []string{`"total":3`}, wantNot: []string{`"name":"Wine"`}},
		{name: "dearest first", method: "GET", path: "/api/v1/products?sort=-price&limit=1", guest: true, status: 200, want: []string{`"name":"Wine"`, `"next_cursor":"`}},
		{name: "an unknown order", method: "GET", path: "/api/v1/products?sort=random", guest: true, status: 400, want: []string{`"code":"invalid"`, `"error":"sort must be`}},
		{name: "no number", method: "GET", path: "/api/v1/products?min_price_cents=cheap", guest: true, status: 400, want: []string{`min_price_cents must be a whole number`}},
		{name: "a number out of bounds", method: "GET", path: "/api/v1/products?limit=101", guest: true, status: 400, want: []string{`limit must be a whole number from 1 to 100`}},
		{name: "neither true nor false", method: "GET", path: "/api/v1/products?in_stock=maybe", guest: true, status: 400, want: []string{`in_stock must be true or false`}},
		{name: "a query that is too long", method: "GET", path: "/api/v1/products?q=" + strings.Repeat("a", 101), guest: true, status: 400, want: []string{`q must be at most 100 characters long`}},
		{name: "a broken cursor", method: "GET", path: "/api/v1/products?cursor=AAAA", guest: true, status: 400, want: []string{`cursor is not of this list`}},

		{name: "one product", method: "GET", path: "/api/v1/products/1", guest: true, status: 200, before: rate, want: []string{`"id":1`, `"average":4.3`, `"description":"Red \u003capples\u003e \u0026 crisp"`}},
		{name: "a product that is not there", method: "GET", path: "/api/v1/products/99", guest: true, status: 404, want: []string{`"error":"Product not found"`, `"code":"not_found"`}},
		{name: "no id of a product", method: "GET", path: "/api/v1/products/one", guest: true, status: 400, want: []string{`"error":"Invalid product ID"`}},
		{name: "the aisles", method: "GET", path: "/api/v1/categories", guest: true, status: 200, want: []string{`{"items":[{"name":"Fruit","count":1,"image_url":"/products/1f34e.webp"},{"name":"Bakery"`}},
	})
}

func TestAPageContinuesWhereTheOneBeforeEnded(t *testing.T) {
	s := newStore(t)
	var got []string
	path := "/api/v1/products?sort=price&limit=1"
	for next := ""; ; {
		resp := s.do("GET", path+"&cursor="+next, "")
		var page struct {
			Items []struct{ Name string }
			Next  *string `json:"next_cursor"`
		}
		if err := json.Unmarshal([]byte(text(t, resp)), &page); err != nil || len(page.Items) != 1 {
			t.Fatalf("%d %v %+v", resp.StatusCode, err, page)
		}
		got = append(got, page.Items[0].Name)
		if page.Next == nil {
			break
		}
		next = *page.Next
		if other := s.do("GET", "/api/v1/products?sort=name&limit=1&cursor="+next, ""); other.StatusCode != 400 {
			t.Errorf("the cursor of another order: %d", other.StatusCode)
		}
	}
	if want := "[Salt Apples Bread Wine]"; fmt.Sprint(got) != want {
		t.Errorf("%v, want %s", got, want)
	}
}

// forged returns a cursor of the list that a cursor is of, with another key in it.
func forged(t *testing.T, cursor, key string) string {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil || len(b) < 6 {
		t.Fatalf("cursor %q: %v", cursor, err)
	}
	return base64.RawURLEncoding.EncodeToString(append(b[:6:6], key...))
}

func TestACursorThatIsForgedIsRefusedOrLeadsToSomePlace(t *testing.T) {
	s := newStore(t)
	s.pg.Exec(t, "INSERT INTO reviews (product_id, author, rating) VALUES (1, 'x', 5), (1, 'y', 4)")
	for path, keys := range map[string]map[string]int{
		"/api/v1/products?sort=name&limit=1": {
			`{"Text":"\u0000","ID":1}`: 400, `{"Text":"a\u0000b","ID":1}`: 400, `{"Text":"\ud800","ID":1}`: 200, `{"Text":"b","ID":-1}`: 200,
			`{"ID":9223372036854775808}`: 400, `{"Other":1}`: 400, `null`: 200, `{`: 400, `{} {}`: 400,
		},
		"/api/v1/products?sort=-price&limit=1": {`{"Number":-9223372036854775808,"ID":1}`: 200, `{"Number":9223372036854775807,"ID":1}`: 200, `{"Number":1.5}`: 400},
		"/api/v1/products?limit=1":             {`{"Number":-9223372036854775808,"ID":9223372036854775807}`: 200},
		"/api/v1/products/1/reviews?limit=1":   {`{"Rating":1e308,"At":"0000-01-01T00:00:00Z"}`: 200, `{"At":"9999-12-31T23:59:59-23:59"}`: 200, `{"Rating":1e309}`: 400, `{"At":"yesterday"}`: 400, `{}`: 200},
	} {
		var page struct {
			Next string `json:"next_cursor"`
		}
		if err := json.Unmarshal([]byte(text(t, s.do("GET", path, ""))), &page); err != nil {
			t.Fatal(err)
		}
		for key, want := range keys {
			if resp := s.do("GET", path+"&cursor="+forged(t, page.Next, key), ""); resp.StatusCode != want {
				t.Errorf("%s, %s: %d %s", path, key, resp.StatusCode, text(t, resp))
			}
		}
	}
}

func TestReviewsOfAProduct(t *testing.T) {
	bought := func(t *testing.T, s *store) { s.bought(t, 1, 1) }
	reviewed := func(t *testing.T, s *store) {
		s.bought(t, 1, 1)
		s.pg.Exec(t, "INSERT INTO reviews (product_id, user_id, author, rating, comment, created_at) VALUES (1, NULL, 'old hand', 4.5, 'crisp', '2020-01-01'), (1, 1, '', 2, 'mine', '2021-01-01'), (1, 2, '', 5, 'of bob', '2019-01-01')")
	}
	scenarios := []scenario{
		{name: "none yet", method: "GET", path: "/api/v1/products/1/reviews", guest: true, status: 200, want: []string{`"items":[]`, `"average":null`, `"mine":null`, `"can_review":false`, `"next_cursor":null`}},
		{name: "newest first, with what a guest may know", method: "GET", path: "/api/v1/products/1/reviews", guest: true, status: 200, before: reviewed,
			want: []string{`"author":"ann"`, `"avatar_url":null`, `"average":3.8`, `"by_rating":{"1":0,"2":1,"3":0,"4":0,"5":2}`, `"created_at":"2020-01-01T00:00:00Z"`, `"verified":true`, `"mine":null`}, wantNot: []string{`"mine":true`}},
		{name: "the caller's own is marked", method: "GET", path: "/api/v1/products/1/reviews?sort=highest", status: 200, before: reviewed, want: []string{`"mine":{"id":`, `"can_review":true`, `"comment":"of bob"`}},
		{name: "of no product", method: "GET", path: "/api/v1/products/99/reviews", guest: true, status: 404},
		{name: "an unknown order", method: "GET", path: "/api/v1/products/1/reviews?sort=best", guest: true, status: 400},
		{name: "a page that is too long", method: "GET", path: "/api/v1/products/1/reviews?limit=0", guest: true, status: 400},
		{name: "the cursor of something else", method: "GET", path: "/api/v1/products/1/reviews?cursor=e30", guest: true, status: 400},
		{name: "a forged token is no guest", method: "GET", path: "/api/v1/products/1/reviews", guest: true, header: []string{"Authorization", "Bearer a.b.c"}, status: 422},

		{name: "a first review", method: "PUT", path: "/api/v1/products/1/review", body: `{"rating":4,"comment":" good "}`, before: bought, status: 201, want: []string{`"comment":"good"`, `"mine":true`, `"verified":true`, `"author":"ann"`},
			after: func(t *testing.T, s *store) {
				if n := s.count(t, "reviews WHERE user_id = 1 AND rating = 4"); n != 1 {
					t.Errorf("%d reviews", n)
				}
			}},
		{name: "another one takes its place", method: "PUT", path: "/api/v1/products/1/review", body: `{"rating":5}`, before: reviewed, status: 200, want: []string{`"rating":5`, `"created_at":"2021-01-01T00:00:00Z"`},
			after: func(t *testing.T, s *store) {
				if n := s.count(t, "reviews"); n != 3 {
					t.Errorf("%d reviews", n)
				}
			}},
		{name: "of what one has not bought", method: "PUT", path: "/api/v1/products/1/review", body: `{"rating":5}`, status: 403, want: []string{`"code":"not_purchased"`}},
		{name: "of no product", method: "PUT", path: "/api/v1/products/99/review", body: `{"rating":5}`, status: 404},
		{name: "without a rating", method: "PUT", path: "/api/v1/products/1/review", body: `{}`, before: bought, status: 400},
		{name: "with a rating out of bounds", method: "PUT", path: "/api/v1/products/1/review", body: `{"rating":6}`, before: bought, status: 400},
		{name: "with half a star", method: "PUT", path: "/api/v1/products/1/review", body: `{"rating":4.5}`, before: bought, status: 400},
		{name: "too long", method: "PUT", path: "/api/v1/products/1/review", body: `{"rating":4,"comment":"` + strings.Repeat("a", 501) + `"}`, before: bought, status: 400},
		{name: "removing none", method: "DELETE", path: "/api/v1/products/2/review", status: 404},
	}
	scenarios = append(scenarios, refusals("PUT", "/api/v1/products/1/review")...)
	scenarios = append(scenarios, refusals("DELETE", "/api/v1/products/1/review")...)
	run(t, scenarios)
}

func TestReviewsArePagedThrough(t *testing.T) {
	s := newStore(t)
	s.pg.Exec(t, "INSERT INTO reviews (product_id, author, rating, created_at) SELECT 1, 'a' || n, 1 + n % 5, '2020-01-01'::timestamptz + (n / 3) * interval '1 day' FROM generate_series(1, 25) n")
	for _, sort := range []string{"newest", "highest", "lowest"} {
		seen, before := map[int64]bool{}, 0.0
		for next, pages := "", 0; ; pages++ {
			var page struct {
				Items []struct {
					ID     int64
					Rating float64
				}
				Next *string `json:"next_cursor"`
			}
			resp := s.do("GET", "/api/v1/products/1/reviews?limit=4&sort="+sort+"&cursor="+next, "")
			if err := json.Unmarshal([]byte(text(t, resp)), &page); err != nil || pages > 10 {
				t.Fatal(err, pages)
			}
			for _, r := range page.Items {
				if seen[r.ID] {
					t.Errorf("%s: review %d comes twice", sort, r.ID)
				}
				seen[r.ID] = true
				if before != 0 && (sort == "highest" && r.Rating > before || sort == "lowest" && r.Rating < before) {
					t.Errorf("%s: %v comes after %v", sort, r.Rating, before)
				}
				before = r.Rating
			}
			if page.Next == nil {
				break
			}
			next = *page.Next
		}
		if len(seen) != 25 {
			t.Errorf("%s: %d reviews of 25", sort, len(seen))
		}
	}
}

func TestFavouritesOfOurOwn(t *testing.T) {
	s := newStore(t)
	token := "Bearer " + s.token(t, s.user(t, "ann"))
	for _, step := range []struct {
		method, path string
		status       int
		want         string
	}{
		{"GET", "/api/v1/me/favourites", 200, `{"items":[]}`},
		{"PUT", "/api/v1/me/favourites/3", 204, ""},
		{"PUT", "/api/v1/me/favourites/1", 204, ""},
		{"PUT", "/api/v1/me/favourites/3", 204, ""},
		{"PUT", "/api/v1/me/favourites/99", 404, `"code":"not_found"`},
		{"PUT", "/api/v1/me/favourites/x", 400, ``},
		{"GET", "/api/v1/me/favourites", 200, `{"items":[{"id":3,"name":"Wine"`},
		{"DELETE", "/api/v1/me/favourites/3", 204, ""},
		{"DELETE", "/api/v1/me/favourites/3", 204, ""},
		{"GET", "/api/v1/me/favourites", 200, `{"items":[{"id":1,"name":"Apples"`},
	} {
		resp := s.do(step.method, step.path, "", "Authorization", token)
		if body := text(t, resp); resp.StatusCode != step.status || !strings.Contains(body, step.want) {
			t.Errorf("%s %s: %d %s", step.method, step.path, resp.StatusCode, body)
		}
	}
}
