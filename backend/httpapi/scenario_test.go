package httpapi_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	shop "grocery/backend"
	"grocery/backend/api/apitest"
	"grocery/backend/auth"
	"grocery/backend/avatar"
	"grocery/backend/httpapi"
	"grocery/backend/payment"
	"grocery/backend/postgres"
	"grocery/internal/logging"
	"grocery/internal/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

const (
	jwtSecret = "0123456789abcdef0123456789abcdef"
	origin    = "https://page.example"
)

// store is a shop on a real database, for the scenarios of one test.
type store struct {
	db     *postgres.DB
	pg     *pgtest.Database
	server *httpapi.Server
	api    http.Handler // the server, its answers held against openapi.yaml
	tok    *auth.Tokens
	hash   *auth.Hasher
	log    *logBuffer

	mu      sync.Mutex
	clock   time.Duration // ahead of the real time
	stopped time.Time     // what the clock shows while it stands still
}

type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func config(pg *pgtest.Database) postgres.Config {
	return postgres.Config{Host: pg.Host, Port: pg.Port, Name: pg.Name, User: pgtest.User, Password: pgtest.Password, SSLMode: "disable"}
}

func openDB(c postgres.Config) (*postgres.DB, error) {
	db, err := postgres.Open(c)
	if err != nil {
		return nil, err
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if err = db.Ready(context.Background()); err == nil {
			return db, nil
		} else if time.Now().After(deadline) {
			db.Close()
			return nil, err
		}
	}
}

func newStore(t *testing.T) *store {
	t.Helper()
	pg := pgtest.NewFrom(t, "shop", func(pg *pgtest.Database) error {
		db, err := openDB(config(pg))
		if err == nil {
			db.Close()
			// A small world that tests can rely on: four products.
			pg.Exec(t, `TRUNCATE products CASCADE`)
			pg.Exec(t, `INSERT INTO products (id, name, category, description, pack, price_cents, image_url, is_alcohol) VALUES
				(1, 'Apples', 'Fruit', 'Red <apples> & crisp', '1 kg', 249, '/products/1f34e.webp', false),
				(2, 'Bread', 'Bakery', 'Of rye', '500 g', 1999, '/products/1f35e.webp', false),
				(3, 'Wine', 'Wine', 'Of grapes', '750 ml', 2000, '/products/1f377.webp', true),
				(4, 'Salt', 'Pantry', '', '', 5, '/products/1f9c2.webp', false)`)
		}
		return err
	})
	return storeOn(t, pg)
}

// storeOn returns one more server of the shop on a database.
func storeOn(t *testing.T, pg *pgtest.Database) *store { return storeWith(t, pg, config(pg)) }

// storeWith is storeOn with other settings of the database.
func storeWith(t *testing.T, pg *pgtest.Database, c postgres.Config) *store {
	t.Helper()
	s := &store{pg: pg, log: &logBuffer{}, hash: auth.NewHasher(2, 200)}
	c.Now = s.now
	db, err := openDB(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	s.db = db
	if s.tok, err = auth.NewTokens(jwtSecret, s.now); err != nil {
		t.Fatal(err)
	}
	pictures, err := avatar.OpenFolder(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s.server = httpapi.New(httpapi.Config{
		Version: "test-1", CORSOrigins: []string{origin}, Log: logging.New(s.log, slog.LevelDebug),
		Database: db, Users: db, Sessions: db, Catalogue: db, Baskets: db, Favourites: db, Orders: db, Payments: &payment.Test{Store: db}, Reviews: db, Search: db,
		Tokens: s.tok, Hasher: s.hash, LoginFloor: time.Millisecond, Now: s.now,
		Avatars: pictures,
	})
	s.api = apitest.Handler(t, s.server)
	return s
}

func (s *store) now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.stopped.IsZero() {
		return s.stopped
	}
	return time.Now().Add(s.clock)
}

// stop makes the clock stand still, so that what is used up stays so.
func (s *store) stop() {
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped = now
}

func (s *store) advance(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clock += d
	if !s.stopped.IsZero() {
		s.stopped = s.stopped.Add(d)
	}
}

// reset empties everything but the products, and begins ids at 1 again.
func (s *store) reset(t *testing.T) {
	t.Helper()
	s.pg.Exec(t, "TRUNCATE users, reviews, basket_items, favourites, purchases, orders, order_items RESTART IDENTITY CASCADE")
	s.pg.Exec(t, "UPDATE products SET stock = 500 WHERE stock <> 500")
}

// user opens an account without a usable password and returns its id.
func (s *store) user(t *testing.T, name string) int64 {
	t.Helper()
	u := &shop.User{Username: name, Email: name + "@example.com", PasswordHash: "$argon2id$none", Avatar: shop.DefaultAvatar}
	if err := s.db.CreateUser(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	return u.ID
}

func (s *store) token(t *testing.T, userID int64) string {
	t.Helper()
	token, err := s.tok.Issue(userID)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func (s *store) basket(t *testing.T, userID int64, lines ...shop.BasketLine) {
	t.Helper()
	if err := s.db.ReplaceBasket(t.Context(), userID, lines); err != nil {
		t.Fatal(err)
	}
}

// bought makes the user the owner of products.
func (s *store) bought(t *testing.T, userID int64, products ...int64) {
	t.Helper()
	for _, id := range products {
		s.pg.Exec(t, "INSERT INTO purchases (user_id, product_id) VALUES ($1, $2)", userID, id)
	}
}

func (s *store) count(t *testing.T, sql string) (n int) {
	t.Helper()
	s.pg.QueryRow(t, "SELECT count(*) FROM "+sql, &n)
	return n
}

// do sends one request; header holds pairs of name and value.
func (s *store) do(method, path, body string, header ...string) *http.Response {
	req := httptest.NewRequest(method, path, strings.NewReader(body))
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	rec := httptest.NewRecorder()
	s.api.ServeHTTP(rec, req)
	return rec.Result()
}

func text(t *testing.T, resp *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// scenario is one request and what must, and must not, come of it. The caller is
// ann, whose id is 1, unless guest is set.
type scenario struct {
	name         string
	method, path string
	body         string
	guest        bool
	header       []string
	before       func(t *testing.T, s *store)
	status       int
	want         []string // parts of the answer
	wantNot      []string // parts that must not be in it
	after        func(t *testing.T, s *store)
}

// leaks must never be in any answer.
var leaks = []string{"SQLSTATE", "pgconn", "goroutine", "argon2id", "duplicate key", "127.0.0.1", jwtSecret, "bob@example.com"}

func run(t *testing.T, scenarios []scenario) {
	s := newStore(t)
	for _, sc := range scenarios {
		t.Run(sc.name, func(t *testing.T) {
			s.reset(t)
			header := sc.header
			ann := s.user(t, "ann")
			s.user(t, "bob")
			if !sc.guest {
				header = append([]string{"Authorization", "Bearer " + s.token(t, ann)}, header...)
			}
			if sc.before != nil {
				sc.before(t, s)
			}
			resp := s.do(sc.method, sc.path, sc.body, header...)
			body := text(t, resp)
			if resp.StatusCode != sc.status {
				t.Errorf("status %d, want %d; %s", resp.StatusCode, sc.status, body)
			}
			for _, part := range sc.want {
				if !strings.Contains(body, part) {
					t.Errorf("the answer lacks %s: %s", part, body)
				}
			}
			for _, part := range append(leaks, sc.wantNot...) {
				if strings.Contains(body, part) {
					t.Errorf("the answer holds %s: %s", part, body)
				}
			}
			if ct := resp.Header.Get("Content-Type"); !strings.HasPrefix(ct, "application/json") {
				t.Errorf("Content-Type %q", ct)
			}
			if sc.after != nil {
				sc.after(t, s)
			}
		})
	}
}

// refusals are what every route for signed-in users does with bad tokens.
func refusals(method, path string) []scenario {
	return []scenario{
		{name: method + " " + path + " without a token", method: method, path: path, guest: true, status: 401, want: []string{`"msg":"Missing Authorization Header"`}},
		{name: method + " " + path + " with the literal null of old guests", method: method, path: path, guest: true, header: []string{"Authorization", "Bearer null"}, status: 422, want: []string{`"msg":"Not enough segments"`}},
		{name: method + " " + path + " with another kind of login", method: method, path: path, guest: true, header: []string{"Authorization", "Basic YTpi"}, status: 401, want: []string{`"msg"`}},
	}
}
