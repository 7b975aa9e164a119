package ops_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"grocery/ops"
)

// shop answers as a shop does; pages override its answers.
func shop(t *testing.T, pages map[string]http.HandlerFunc) string {
	t.Helper()
	text := func(kind, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			fmt.Fprint(w, body)
		}
	}
	good := map[string]http.HandlerFunc{
		"/":                          text("text/html; charset=utf-8", `<html><div id="root"></div></html>`),
		"/health":                    text("application/json", `{"status":"OK"}`),
		"/api/products/all_products": text("application/json", `[{"id":1},{"id":2}]`),
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := good[r.URL.Path]
		if other := pages[r.URL.Path]; other != nil {
			h = other
		}
		h(w, r)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func TestAShopThatServesPasses(t *testing.T) {
	told, err := (&ops.Environment{}).VerifyAt(t.Context(), shop(t, nil))
	if err != nil || !slices.Equal(told, []string{"catalogue: 2 products"}) {
		t.Errorf("%q %v", told, err)
	}
}

func TestNamesBelowLocalhostAreThisMachine(t *testing.T) {
	url := strings.Replace(shop(t, nil), "127.0.0.1", "grocery-dev-1.eu-central-1.elb.localhost", 1)
	if _, err := (&ops.Environment{}).VerifyAt(t.Context(), url); err != nil {
		t.Error(err)
	}
}

func TestAShopThatIsNotReadyYetIsAskedAgain(t *testing.T) {
	asked := 0
	url := shop(t, map[string]http.HandlerFunc{"/health": func(w http.ResponseWriter, _ *http.Request) {
		if asked++; asked < 2 {
			http.Error(w, "no healthy target", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprint(w, `{"status":"OK"}`)
	}})
	if _, err := (&ops.Environment{}).VerifyAt(t.Context(), url); err != nil || asked != 2 {
		t.Errorf("asked %d times, %v", asked, err)
	}
}

func TestAShopThatDoesNotServeFailsWithWhatIsWrong(t *testing.T) {
	say := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status); fmt.Fprint(w, body) }
	}
	for _, test := range []struct {
		name, path string
		answer     http.HandlerFunc
		err        string
	}{
		{"a balancer without targets", "/health", say(503, "busy"), "/health: status 503"},
		{"a backend that is not well", "/health", say(200, `{"status":"DOWN"}`), `status is "DOWN"`},
		{"a page where the API should be", "/api/products/all_products", say(200, "<html>"), "all_products: invalid character"},
		{"an empty catalogue", "/api/products/all_products", say(200, "[]"), "the catalogue is empty"},
		{"another server's page", "/", say(200, "It works!"), "the answer is not the page"},
	} {
		t.Run(test.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			defer cancel()
			_, err := (&ops.Environment{}).VerifyAt(ctx, shop(t, map[string]http.HandlerFunc{test.path: test.answer}))
			if err == nil || !strings.Contains(err.Error(), test.err) || !strings.Contains(err.Error(), "grocery logs") {
				t.Errorf("error %v, want %q", err, test.err)
			}
		})
	}
}
