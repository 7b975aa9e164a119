package httpapi_test

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestCatalogue(t *testing.T) {
	run(t, []scenario{
		{
			name: "every product, in the shape old clients know", method: "GET", path: "/api/products/all_products", guest: true, status: 200,
			want: []string{
				`[{"id":1,"name":"Apples","description":"Red \u003capples\u003e \u0026 crisp","pack":"1 kg","price":2.49,"category":"Fruit","image_url":"/products/1f34e.webp","is_alcohol":false,"reviews":[]},{"id":2`,
				`"price":20.00,"category":"Wine","image_url":"/products/1f377.webp","is_alcohol":true`, `"price":0.05`,
			},
			wantNot: []string{"null"},
		},
		{
			name: "reviews show the author's name and nothing else of them", method: "GET", path: "/api/products/all_products", guest: true, status: 200,
			before: func(t *testing.T, s *store) {
				s.pg.Exec(t, "INSERT INTO reviews (product_id, user_id, rating, comment) VALUES (1, 2, 4, 'fine')")
				s.pg.Exec(t, "INSERT INTO reviews (product_id, author, rating, comment) VALUES (1, 'Old Hand', 4.5, '')")
			},
			want:    []string{`"reviews":[{"id":1,"product_id":1,"author":"bob","rating":4,"comment":"fine"},{"id":2,"product_id":1,"author":"Old Hand","rating":4.5,"comment":""}]`},
			wantNot: []string{"user_id"},
		},
		{name: "one product", method: "GET", path: "/api/products/3", guest: true, status: 200, want: []string{`{"id":3,"name":"Wine"`, `"reviews":[]`}, wantNot: []string{"Apples"}},
		{name: "a product that does not exist", method: "GET", path: "/api/products/99", guest: true, status: 404, want: []string{`{"error":"Product not found"}`}},
		{name: "an id that is a word", method: "GET", path: "/api/products/abc", guest: true, status: 400, want: []string{`{"error":"Invalid product ID"}`}},
		{name: "an id that is SQL", method: "GET", path: "/api/products/1%20OR%201=1", guest: true, status: 400, want: []string{`{"error":"Invalid product ID"}`}},
		{name: "an id that is larger than any", method: "GET", path: "/api/products/99999999999999999999", guest: true, status: 400, want: []string{`{"error":"Invalid product ID"}`}},
		{name: "id zero", method: "GET", path: "/api/products/0", guest: true, status: 400, want: []string{`{"error":"Invalid product ID"}`}},
	})
}

const all = "/api/products/all_products"

// reused waits until what a server heard of the database counts no more.
func reused() { time.Sleep(10 * time.Millisecond) }

func TestTheCatalogueIsSentCompressedToWhoWantsThat(t *testing.T) {
	s := newStore(t)
	plain := text(t, s.do("GET", all, ""))
	for header, zipped := range map[string]bool{"gzip": true, "br, gzip;q=0.5": true, "gzip;q=0": false, "br": false, "": false} {
		resp := s.do("GET", all, "", "Accept-Encoding", header)
		if got := resp.Header.Get("Content-Encoding") == "gzip"; got != zipped {
			t.Errorf("Accept-Encoding %q: compressed %v", header, got)
			continue
		}
		if !strings.Contains(strings.Join(resp.Header.Values("Vary"), ","), "Accept-Encoding") {
			t.Errorf("Vary %q", resp.Header.Values("Vary"))
		}
		var body io.Reader = resp.Body
		if zipped {
			var err error
			if body, err = gzip.NewReader(resp.Body); err != nil {
				t.Fatal(err)
			}
		}
		if b, err := io.ReadAll(body); err != nil || string(b) != plain {
			t.Errorf("Accept-Encoding %q: another body (%v)", header, err)
		}
	}
}

func TestAClientThatHasTheCatalogueIsNotSentItAgain(t *testing.T) {
	s := newStore(t)
	etag := s.do("GET", all, "").Header.Get("ETag")
	for header, status := range map[string]int{
		etag: 304, strings.TrimPrefix(etag, "W/"): 304, `"other", ` + etag: 304, "*": 304, `"other"`: 200, "": 200,
	} {
		resp := s.do("GET", all, "", "If-None-Match", header)
		if body := text(t, resp); resp.StatusCode != status || (body == "") != (status == 304) || resp.Header.Get("ETag") != etag {
			t.Errorf("If-None-Match %q: %d with %d bytes, ETag %s", header, resp.StatusCode, len(body), resp.Header.Get("ETag"))
		}
	}
	s.pg.Exec(t, "UPDATE products SET price_cents = 250 WHERE id = 1")
	reused()
	if resp := s.do("GET", all, "", "If-None-Match", etag); resp.StatusCode != http.StatusOK || !strings.Contains(text(t, resp), `"price":2.50`) {
		t.Errorf("after a change: %d", resp.StatusCode)
	}
}

func TestServersSideBySideAgreeOnTheCatalogue(t *testing.T) {
	a := newStore(t)
	b := storeOn(t, a.pg)
	id := a.user(t, "ann")
	a.bought(t, id, 1)
	before := a.do("GET", all, "").Header.Get("ETag")
	if other := b.do("GET", all, "").Header.Get("ETag"); other != before {
		t.Fatalf("two servers, two tags of one catalogue: %s, %s", before, other)
	}
	if resp := a.do("POST", "/api/products/1/add-review", `{"rating":5,"comment":"lovely"}`, "Authorization", "Bearer "+a.token(t, id)); resp.StatusCode != 200 {
		t.Fatal(text(t, resp))
	}
	if body := text(t, a.do("GET", all, "")); !strings.Contains(body, "lovely") {
		t.Error("the one that changed it does not show the review")
	}
	reused()
	if body := text(t, b.do("GET", all, "")); !strings.Contains(body, "lovely") {
		t.Error("the other does not show the review")
	}
}

func TestManyReadersAtOnceAllSeeWhatWasThereWhenTheyAsked(t *testing.T) {
	s := newStore(t)
	for round := range 5 {
		s.pg.Exec(t, "UPDATE products SET price_cents = $1 WHERE id = 1", 1000+round)
		reused()
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				var products []struct{ Price float64 }
				if err := json.Unmarshal([]byte(text(t, s.do("GET", all, ""))), &products); err != nil || products[0].Price != float64(1000+round)/100 {
					t.Errorf("round %d: price %v, %v", round, products, err)
				}
			})
		}
		wg.Wait()
	}
}

func TestAServerShowsItsOwnChangesAtOnceHoweverManyRead(t *testing.T) {
	s := newStore(t)
	id := s.user(t, "ann")
	s.bought(t, id, 1)
	bearer := "Bearer " + s.token(t, id)
	if resp := s.do("POST", "/api/products/1/add-review", `{"rating":5,"comment":"round 0"}`, "Authorization", bearer); resp.StatusCode != 200 {
		t.Fatal(text(t, resp))
	}
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					text(t, s.do("GET", all, ""))
				}
			}
		})
	}
	for round := 1; round < 30; round++ {
		want := fmt.Sprintf("round %d.", round)
		if resp := s.do("PUT", "/api/products/1/update-review", fmt.Sprintf(`{"rating":4,"comment":%q}`, want), "Authorization", bearer); resp.StatusCode != 200 {
			t.Fatal(text(t, resp))
		}
		if body := text(t, s.do("GET", "/api/products/1", "")); !strings.Contains(body, want) {
			t.Errorf("%s is not shown: %s", want, body)
		}
	}
	close(stop)
	readers.Wait()
}
