package httpapi_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// from sends a GET by a peer that forwards for a client, "" for none.
func (s *store) from(peer, forwarded, path string) *http.Response {
	req := httptest.NewRequest("GET", path, nil)
	req.RemoteAddr = peer + ":4000"
	if forwarded != "" {
		req.Header.Set("X-Forwarded-For", forwarded)
	}
	rec := httptest.NewRecorder()
	s.api.ServeHTTP(rec, req)
	return rec.Result()
}

func TestTheRequestsOfAGuestAreBoundedByClientAndBurstsAreNot(t *testing.T) {
	s := newStore(t)
	s.stop()
	const picture = "/api/me/avatar/x.png"
	for i := range 1000 {
		if got := s.from("10.0.1.5", "198.51.100.7", picture).StatusCode; got != 200 {
			t.Fatalf("request %d at once: %d", i+1, got)
		}
	}
	for _, path := range []string{picture, "/ready", "/api/v1/products", "/api/v1/products/1", "/api/v1/categories", "/api/v1/products/1/reviews"} {
		resp := s.from("10.0.1.5", "198.51.100.7", path)
		if body := text(t, resp); resp.StatusCode != 429 || resp.Header.Get("Retry-After") != "1" || strings.Contains(path, "/v1/") != strings.Contains(body, `"code":"too_many"`) {
			t.Errorf("%s: %d %s, Retry-After %q", path, resp.StatusCode, body, resp.Header.Get("Retry-After"))
		}
	}
	for _, path := range []string{"/health", "/api/products/all_products", "/api/products/1", "/api/openapi.yaml", "/api/v1/payment-methods"} {
		if got := s.from("10.0.1.5", "198.51.100.7", path).StatusCode; got != 200 {
			t.Errorf("%s, which costs nothing: %d", path, got)
		}
	}
	if got := s.from("10.0.1.5", "198.51.100.8", picture).StatusCode; got != 200 {
		t.Errorf("another client: %d", got)
	}
	req := httptest.NewRequest("GET", "/api/v1/me", nil)
	req.RemoteAddr = "10.0.1.5:4000"
	req.Header.Set("X-Forwarded-For", "198.51.100.7")
	req.Header.Set("Authorization", "Bearer "+s.token(t, s.user(t, "ann")))
	rec := httptest.NewRecorder()
	if s.api.ServeHTTP(rec, req); rec.Code != 200 {
		t.Errorf("somebody who is signed in behind the same address: %d", rec.Code)
	}
	s.advance(20 * time.Millisecond)
	for i, want := range []int{200, 200, 200, 200, 429} {
		if got := s.from("10.0.1.5", "198.51.100.7", picture).StatusCode; got != want {
			t.Errorf("request %d after 20 ms: %d, want %d", i+1, got, want)
		}
	}
}

func TestWhoCannotBeToldFromANeighbourIsNotBounded(t *testing.T) {
	s := newStore(t)
	s.stop()
	for _, peer := range []string{"10.0.1.5", "127.0.0.1"} {
		for i := range 1100 {
			if got := s.from(peer, "", "/api/me/avatar/x.png").StatusCode; got != 200 {
				t.Fatalf("%s, request %d: %d", peer, i+1, got)
			}
		}
	}
}

func TestChangesOfTheCatalogueAreBoundedByAccount(t *testing.T) {
	s := newStore(t)
	ann, bob := s.user(t, "ann"), s.user(t, "bob")
	s.bought(t, ann, 1)
	s.bought(t, bob, 1)
	bearer := []string{"Authorization", "Bearer " + s.token(t, ann)}
	s.stop()
	for i := range 100 {
		if resp := s.do("PUT", "/api/v1/products/1/review", `{"rating":4}`, bearer...); resp.StatusCode > 201 {
			t.Fatalf("change %d at once: %d", i+1, resp.StatusCode)
		}
	}
	for _, r := range [][3]string{
		{"PUT", "/api/v1/products/1/review", `{"rating":4}`}, {"DELETE", "/api/v1/products/1/review", ""},
		{"POST", "/api/products/1/add-review", `{"rating":4}`}, {"PUT", "/api/products/1/update-review", `{"rating":4}`}, {"DELETE", "/api/products/1/remove-review", ""},
		{"PATCH", "/api/v1/me", `{"username":"anna"}`},
	} {
		if resp := s.do(r[0], r[1], r[2], bearer...); resp.StatusCode != 429 || resp.Header.Get("Retry-After") == "" {
			t.Errorf("%s %s after 100 changes: %d", r[0], r[1], resp.StatusCode)
		}
	}
	if resp := s.do("PATCH", "/api/v1/me", `{"username":"ann"}`, bearer...); resp.StatusCode != 200 {
		t.Errorf("the name that is there: %d", resp.StatusCode)
	}
	if resp := s.do("GET", "/api/v1/products/1/reviews", "", bearer...); resp.StatusCode != 200 {
		t.Errorf("reading: %d", resp.StatusCode)
	}
	if resp := s.do("PUT", "/api/v1/products/1/review", `{"rating":4}`, "Authorization", "Bearer "+s.token(t, bob)); resp.StatusCode != 201 {
		t.Errorf("somebody else: %d", resp.StatusCode)
	}
	s.advance(time.Second)
	if resp := s.do("PATCH", "/api/v1/me", `{"username":"anna"}`, bearer...); resp.StatusCode != 200 {
		t.Errorf("a second later: %d", resp.StatusCode)
	}
}
