package fuzz_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"grocery/backend/auth"
	"grocery/backend/httpapi"
	"grocery/backend/postgres"
	"grocery/internal/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

// database is where the process that begins the fuzzing says to its workers which port and
// database are theirs too: they end too abruptly to remove one of their own.
const database = "GROCERY_FUZZ_DATABASE"

// onDatabase returns a shop on a real database, whose products have reviews, and a token
// for somebody who has orders.
func onDatabase(f *testing.F) (*httpapi.Server, string) {
	f.Helper()
	port, name, given := strings.Cut(os.Getenv(database), "/")
	var pg *pgtest.Database
	if !given {
		pg = pgtest.New(f)
		port, name = pg.Port, pg.Name
		f.Setenv(database, port+"/"+name)
	}
	db, err := postgres.Open(postgres.Config{Host: "127.0.0.1", Port: port, Name: name, User: pgtest.User, Password: pgtest.Password, SSLMode: "disable"})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(db.Close)
	for deadline := time.Now().Add(time.Minute); db.Ready(context.Background()) != nil; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			f.Fatal("the database does not get ready")
		}
	}
	if !given {
		pg.Exec(f, "DELETE FROM products WHERE id > 20") // the fewer, the more questions
		pg.Exec(f, "INSERT INTO users (id, username, email, password_hash) VALUES (1, 'ann', 'ann@example.com', 'x')")
		pg.Exec(f, "INSERT INTO reviews (product_id, author, rating) SELECT 1, 'x' || i, 1 + i % 5 FROM generate_series(1, 5) i")
		pg.Exec(f, "INSERT INTO orders (user_id, subtotal_cents, delivery_cents) SELECT 1, 1, 500 FROM generate_series(1, 5)")
	}
	// Time flies, so that nobody is throttled.
	var minutes atomic.Int64
	now := func() time.Time { return time.Now().Add(time.Duration(minutes.Add(1)) * time.Minute) }
	tokens, err := auth.NewTokens(jwtSecret, nil)
	if err != nil {
		f.Fatal(err)
	}
	token, err := tokens.Issue(1)
	if err != nil {
		f.Fatal(err)
	}
	return httpapi.New(httpapi.Config{Database: db, Search: db, Reviews: db, Catalogue: db, Sessions: db, Orders: db, Tokens: tokens, Now: now}), token
}

// look asks for a list. Whatever is asked for, it is there or the question is refused.
func look(t testing.TB, s *httpapi.Server, path, token string, values url.Values) (next string) {
	t.Helper()
	req := httptest.NewRequest(http.MethodGet, path, nil)
	req.URL.RawQuery = values.Encode()
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	rec := httptest.NewRecorder()
	s.ServeHTTP(rec, req)
	var answer struct {
		Next *string `json:"next_cursor"`
		Code string
	}
	if err := json.Unmarshal(rec.Body.Bytes(), &answer); err != nil || rec.Code != 200 && (rec.Code != 400 || answer.Code != "invalid") {
		t.Fatalf("%s: %d %s, %v", values.Encode(), rec.Code, rec.Body, err)
	}
	if answer.Next == nil {
		return ""
	}
	return *answer.Next
}

// forged returns a cursor of the list that a cursor is of, with another key in it.
func forged(t testing.TB, cursor, key string) string {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil || len(b) < 6 {
		t.Fatalf("cursor %q: %v", cursor, err)
	}
	return base64.RawURLEncoding.EncodeToString(append(b[:6:6], key...))
}

func FuzzSearch(f *testing.F) {
	s, _ := onDatabase(f)
	for _, q := range []string{"", "tomatos", "jogurt", "crème caramel", "\u02bc", "\u02b9 \u02bb", "\u0301", "o\u2019tomato'", "') | 'a':* \\ --", "a\x00", "\xff", "ß ﬃ ½ ₤ ㎏ İ", strings.Repeat("a ", 50)} {
		f.Add(q, "", "", "")
	}
	f.Add("a", "Fruit", "name", `{"Text":"\u0000","ID":1}`)
	f.Add("", "Fru\x00it", "-price", `{"Number":-1,"ID":9223372036854775807}`)
	f.Add("", "", "random", "!")
	f.Fuzz(func(t *testing.T, q, category, sort, key string) {
		values := url.Values{"q": {q}, "category": {category}, "sort": {sort}, "limit": {"1"}}
		next := look(t, s, "/api/v1/products", "", values)
		values.Set("cursor", key)
		look(t, s, "/api/v1/products", "", values)
		if next != "" {
			values.Set("cursor", forged(t, next, key))
			look(t, s, "/api/v1/products", "", values)
		}
	})
}

func FuzzCursors(f *testing.F) {
	s, token := onDatabase(f)
	for _, key := range []string{"", "null", "7", "-1", "9223372036854775807", `{"Text":"\u0000","ID":1}`, `{"Number":1e3}`, `{"Rating":-1e308,"At":"0000-01-01T00:00:00Z","ID":1}`, `{"At":"9999-12-31T23:59:59-23:59"}`, "{}"} {
		f.Add(key)
	}
	lists := map[string][]string{
		"/api/v1/products": {"relevance", "shelf", "name", "price", "-price", "rating"}, "/api/v1/products/1/reviews": {"newest", "highest", "lowest"}, "/api/v1/orders": {""},
	}
	cursors := map[string]string{}
	f.Fuzz(func(t *testing.T, key string) {
		for path, sorts := range lists {
			for _, sort := range sorts {
				values := url.Values{"limit": {"1"}, "sort": {sort}}
				list := path + " " + sort
				if cursors[list] == "" {
					cursors[list] = look(t, s, path, token, values)
				}
				values.Set("cursor", forged(t, cursors[list], key))
				look(t, s, path, token, values)
			}
		}
	})
}
