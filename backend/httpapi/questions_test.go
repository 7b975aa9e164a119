package httpapi_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
)

// counter counts the statements of a server, but for those that only see whether the
// database is there.
type counter struct{ n atomic.Int64 }

func (c *counter) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	if !strings.HasPrefix(data.SQL, "-- ping") {
		c.n.Add(1)
	}
	return ctx
}

func (c *counter) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

func TestTheNumberOfQuestionsDoesNotGrowWithWhatIsRead(t *testing.T) {
	statements := &counter{}
	pg := newStore(t).pg
	c := config(pg)
	c.Tracer = statements
	s := storeWith(t, pg, c)
	id := s.user(t, "ann")
	bearer := "Bearer " + s.token(t, id)
	pg.Exec(t, "INSERT INTO products (id, name, category, price_cents) SELECT i, 'P' || i, 'C' || i, 1 FROM generate_series(1001, 1100) i")
	grow := func(from, to int) { // what ann has: lines, marks, purchases, orders, reviews
		rows := fmt.Sprintf(" FROM generate_series(%d, %d) i", from, to)
		pg.Exec(t, "INSERT INTO basket_items (user_id, product_id, quantity) SELECT 1, i, 1"+rows)
		pg.Exec(t, "INSERT INTO favourites (user_id, product_id) SELECT 1, i"+rows)
		pg.Exec(t, "INSERT INTO purchases (user_id, product_id) SELECT 1, i"+rows)
		pg.Exec(t, "INSERT INTO orders (id, user_id, subtotal_cents, delivery_cents) SELECT i, 1, 1, 500"+rows)
		pg.Exec(t, "INSERT INTO order_items (order_id, position, product_id, name, price_cents, quantity) SELECT i, n, i, 'P', 1, 1"+rows+", generate_series(1, 5) n")
		pg.Exec(t, "INSERT INTO reviews (product_id, author, rating) SELECT i, 'x', 5"+rows)
		pg.Exec(t, "INSERT INTO reviews (product_id, author, rating) SELECT 1, 'x' || i, 5"+rows)
	}
	const identify, version = 1, 1
	grow(1001, 1002)
	for _, size := range []string{"with little", "with much"} {
		for _, tt := range []struct {
			path string
			most int64
		}{
			{"/api/products/all_products", version + 1}, {"/api/products/1", version},
			{"/api/me/basket", identify + 1}, {"/api/v1/me/basket", identify + 1},
			{"/api/me/info", identify + 4}, {"/api/me/all-users", identify + 1}, {"/api/me/favorites", identify + 1 + version}, {"/api/me/purchased-products", identify + 1},
			{"/api/v1/me/favourites", identify + 2}, {"/api/v1/me", identify},
			{"/api/v1/products?limit=100", identify + 1}, {"/api/v1/products/1", identify + 1}, {"/api/v1/categories", identify + 1}, {"/api/v1/products/1/reviews?limit=100", identify + 3},
			{"/api/v1/orders?limit=100", identify + 1}, {"/api/v1/orders/1001", identify + 1},
		} {
			reused() // what is known of the catalogue is asked anew
			before := statements.n.Load()
			resp := s.do("GET", tt.path, "", "Authorization", bearer)
			if n := statements.n.Load() - before; resp.StatusCode != 200 || n > tt.most || n == 0 {
				t.Errorf("%s, %s: %d, %d statements, want at most %d", tt.path, size, resp.StatusCode, n, tt.most)
			}
		}
		if size == "with little" {
			grow(1003, 1100)
		}
	}
}
