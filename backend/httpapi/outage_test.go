package httpapi_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	shop "grocery/backend"
	"grocery/backend/httpapi"
	"grocery/internal/logging"
)

// anybody knows the bearer of every token.
type anybody struct{ shop.SessionService }

func (anybody) Identify(_ context.Context, userID int64, _ time.Time) (*shop.Identity, error) {
	return &shop.Identity{User: &shop.User{ID: userID}}, nil
}

// TestAnOutageIsSaid: never an empty list, never a fault. The caller is known, so that
// what the routes themselves ask is what fails.
func TestAnOutageIsSaid(t *testing.T) {
	s := newStore(t)
	s.server.Sessions = anybody{}
	s.db.Close()
	bearer := "Bearer " + s.token(t, 1)
	for _, path := range []string{
		"/api/products/all_products", "/api/products/1", "/api/me/info", "/api/me/all-users", "/api/me/favorites", "/api/me/basket", "/api/me/purchased-products", "/ready",
		"/api/v1/products", "/api/v1/products/1", "/api/v1/categories", "/api/v1/products/1/reviews", "/api/v1/me/favourites", "/api/v1/me/basket",
		"/api/v1/orders", "/api/v1/orders/1", "/api/v1/orders/1/receipt",
	} {
		resp := s.do("GET", path, "", "Authorization", bearer)
		body := text(t, resp)
		if resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" || !strings.Contains(body, `"error":"The shop is not available at the moment. Please try again."`) {
			t.Errorf("%s: %d %s, Retry-After %q", path, resp.StatusCode, body, resp.Header.Get("Retry-After"))
		}
		if strings.Contains(body, "closed") || strings.Contains(path, "/v1/") != strings.Contains(body, `"code":"unavailable"`) {
			t.Errorf("%s: %s", path, body)
		}
	}
}

// broken is a catalogue and a search with a fault of our own.
type broken struct {
	shop.CatalogueService
	shop.SearchService
	panics bool
}

const fault = `ERROR: column "secret_column" does not exist (SQLSTATE 42703)`

func (b broken) fail() error {
	if b.panics {
		panic(fault)
	}
	return errors.New(fault)
}

func (b broken) CatalogueVersion(context.Context) (int64, error)             { return 0, b.fail() }
func (b broken) CatalogueKnown() int64                                       { return 0 }
func (b broken) Categories(context.Context) (out []shop.Category, err error) { return nil, b.fail() }

// Not through apitest: a fault is not described for each route, so that tests notice one.
func TestAFaultOfOurOwnIsLoggedAndNotShown(t *testing.T) {
	for path, want := range map[string]string{
		"/api/products/all_products": `{"error":"Internal error."}` + "\n",
		"/api/v1/categories":         `{"code":"internal","error":"Internal error."}` + "\n",
	} {
		for _, panics := range []bool{false, true} {
			var log logBuffer
			b := broken{panics: panics}
			server := httpapi.New(httpapi.Config{Catalogue: b, Search: b, Log: logging.New(&log, slog.LevelInfo)})
			for range 2 { // a panic leaves nothing locked
				rec := httptest.NewRecorder()
				server.ServeHTTP(rec, httptest.NewRequest("GET", path, nil))
				if rec.Code != 500 || rec.Body.String() != want || rec.Header().Get("Content-Type") != "application/json" || rec.Header().Get("X-Content-Type-Options") != "nosniff" {
					t.Errorf("%s, panic %v: %d %s %v", path, panics, rec.Code, rec.Body, rec.Header())
				}
			}
			if lines := log.String(); !strings.Contains(lines, "secret_column") || strings.Contains(lines, `"msg":"panic"`) != panics || !strings.Contains(lines, `"status":500`) {
				t.Errorf("%s, panic %v: logged %s", path, panics, lines)
			}
		}
	}
}
