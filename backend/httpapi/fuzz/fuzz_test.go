package fuzz_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	shop "grocery/backend"
	"grocery/backend/auth"
	"grocery/backend/httpapi"
)

const (
	jwtSecret = "0123456789abcdef0123456789abcdef"
	cashOrder = `{"address":{"name":"Ann","street":"Long Lane 1","postal_code":"10115","city":"Berlin","country":"DE"},"payment":{"method":"cash_on_delivery"}}`
	cardOrder = `{"address":{"name":"Ann","street":"Long Lane 1","postal_code":"10115","city":"Berlin","country":"DE"},"payment":{"method":"card","card_token":"test_ok"}}`
)

// memory is a shop of one user and three products that keeps nothing, for finding out
// what requests do to the decoding of them.
type memory struct {
	shop.SessionService
	shop.BasketService
	shop.OrderService
	asked  *shop.OrderRequest // the last one that was let through
	before int64              // of the last page that was asked for
	pages  int
	more   bool // there are many orders
}

func (m *memory) Identify(context.Context, int64, time.Time) (*shop.Identity, error) {
	return &shop.Identity{User: &shop.User{ID: 1}}, nil
}

func (m *memory) Basket(context.Context, int64) (*shop.Basket, error) { return &shop.Basket{}, nil }

func (m *memory) Quote(_ context.Context, lines []shop.BasketLine) (*shop.Basket, []int64, error) {
	lines, err := shop.Union(nil, lines)
	b, unknown := &shop.Basket{}, []int64(nil)
	for _, l := range lines {
		if l.ProductID > 3 {
			unknown = append(unknown, l.ProductID)
			continue
		}
		b.Items = append(b.Items, shop.BasketItem{Quantity: l.Quantity, Product: shop.Product{ID: l.ProductID, Name: "P", Price: 1<<31 - 1, Stock: 10}})
	}
	return b, unknown, err
}

func (m *memory) EditBasket(ctx context.Context, _ int64, edit shop.BasketEdit) (*shop.Basket, error) {
	lines, err := edit.Lines([]shop.BasketLine{{ProductID: 1, Quantity: 2}})
	if err != nil {
		return nil, err
	}
	b, _, err := m.Quote(ctx, lines)
	return b, err
}

func (m *memory) OpenOrder(_ context.Context, _ int64, r *shop.OrderRequest) (*shop.Order, bool, error) {
	m.asked = r
	return &shop.Order{ID: 1, Status: shop.Placed, Address: r.Address, Payment: shop.Payment{Method: shop.CashOnDelivery, Status: shop.PaymentDue}}, false, nil
}

func (m *memory) Orders(_ context.Context, _, before int64, limit int) ([]*shop.Order, error) {
	m.before = before
	m.pages++
	if !m.more {
		return nil, nil
	}
	return slices.Repeat([]*shop.Order{{ID: 77, Status: shop.Placed, Payment: shop.Payment{Method: shop.CashOnDelivery, Status: shop.PaymentDue}}}, limit), nil
}

// inMemory returns a shop without a database, and a token for it.
func inMemory(t testing.TB) (*memory, *httpapi.Server, string) {
	tokens, err := auth.NewTokens(jwtSecret, nil)
	if err != nil {
		t.Fatal(err)
	}
	token, err := tokens.Issue(1)
	if err != nil {
		t.Fatal(err)
	}
	// Time flies, so that nobody is throttled: by minutes, since a Duration ends after 292 years.
	var minutes atomic.Int64
	now := func() time.Time { return time.Now().Add(time.Duration(minutes.Add(1)) * time.Minute) }
	m := &memory{}
	return m, httpapi.New(httpapi.Config{Sessions: m, Baskets: m, Orders: m, Tokens: tokens, Now: now}), token
}

// ask sends one request. Whatever it is, the answer is JSON, and no fault of the server.
func ask(t testing.TB, s *httpapi.Server, token, method, path, body string, header ...string) (status int, answer map[string]any) {
	req := httptest.NewRequest(method, "/", strings.NewReader(body))
	u := *req.URL
	u.Path, u.RawQuery, _ = strings.Cut(path, "?")
	req.URL = &u
	req.Header.Set("Authorization", "Bearer "+token)
	for i := 0; i < len(header); i += 2 {
		req.Header[header[i]] = []string{header[i+1]}
	}
	rec := httptest.NewRecorder()
	s.ServeHTTP(rec, req)
	if err := json.Unmarshal(rec.Body.Bytes(), &answer); err != nil || rec.Code >= 500 {
		t.Fatalf("%d %s, %v", rec.Code, rec.Body.String(), err)
	}
	if rec.Code == http.StatusTooManyRequests || (rec.Code >= 400) != (answer["error"] != nil && answer["code"] != nil) {
		t.Fatalf("%d %s", rec.Code, rec.Body.String())
	}
	return rec.Code, answer
}

func FuzzBasketLines(f *testing.F) {
	for _, s := range []string{`{"items":[{"product_id":1,"quantity":2},{"product_id":9,"quantity":999}]}`, `{"items":null}`, `{"items":[{}]}`, `[]`, `{"items":[{"product_id":1e3,"quantity":-0}]}`} {
		f.Add(s)
	}
	_, s, token := inMemory(f)
	f.Fuzz(func(t *testing.T, body string) {
		for _, path := range []string{"/api/v1/basket/quote", "/api/v1/me/basket/merge"} {
			status, b := ask(t, s, token, http.MethodPost, path, body)
			if status != http.StatusOK {
				continue
			}
			sum := 0.0
			for _, it := range b["items"].([]any) {
				line := it.(map[string]any)
				q := line["quantity"].(float64)
				if q < 1 || q > shop.MaxQuantity || line["line_cents"].(float64) != q*(1<<31-1) {
					t.Fatalf("%v", line)
				}
				sum += line["line_cents"].(float64)
			}
			if b["subtotal_cents"].(float64) != sum || b["total_cents"].(float64) != sum+b["delivery_cents"].(float64) {
				t.Fatalf("%v", b)
			}
		}
	})
}

func FuzzPlaceOrder(f *testing.F) {
	f.Add("order-key-1", cashOrder)
	f.Add("order-key-1", cardOrder)
	f.Add("k", `{"address":null,"payment":null}`)
	f.Add("order-key-1", strings.TrimSuffix(cashOrder, "}")+`,"basket_version":-1,"expected_total_cents":1e2}`)
	m, s, token := inMemory(f)
	f.Fuzz(func(t *testing.T, key, body string) {
		m.asked = nil
		status, o := ask(t, s, token, http.MethodPost, "/api/v1/orders", body, "Idempotency-Key", key)
		if (status == http.StatusCreated) != (m.asked != nil) {
			t.Fatalf("%d %v", status, o)
		}
		if m.asked == nil {
			return
		}
		if err := m.asked.Validate(); err != nil || m.asked.Method != shop.CashOnDelivery || o["address"] == nil {
			t.Fatalf("let through: %+v, %v", m.asked, err)
		}
	})
}

func FuzzOrdersCursor(f *testing.F) {
	m, s, token := inMemory(f)
	m.more = true
	_, page := ask(f, s, token, http.MethodGet, "/api/v1/orders?limit=1", "")
	good := page["next_cursor"].(string)
	for _, c := range []string{"", good, good[:1] + "\n" + good[1:], good[:10], good + "AA", "AAAA", "!"} {
		f.Add(c)
	}
	f.Fuzz(func(t *testing.T, cursor string) {
		m.pages, m.before = 0, 0
		status, _ := ask(t, s, token, http.MethodGet, "/api/v1/orders?cursor="+url.QueryEscape(cursor), "")
		if status != http.StatusOK && status != http.StatusBadRequest || (status == http.StatusOK) != (m.pages == 1) {
			t.Fatalf("%d, %d pages", status, m.pages)
		}
		if m.before != 0 && !strings.HasPrefix(cursor, good[:8]) { // the digest of the list
			t.Fatalf("%q is taken for the place %d", cursor, m.before)
		}
	})
}
