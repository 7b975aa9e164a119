package main_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"grocery/backend/api/apitest"
	main "grocery/cmd/grocery-api"
	"grocery/internal/logging"
	"grocery/internal/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

const jwtSecret = "a-signing-secret-that-must-not-be-printed"

// logBuffer is a log that a test reads while it is written.
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

func environment(host, port, name, ca string) map[string]string {
	return map[string]string{
		"GROCERY_ADDR": "127.0.0.1:0", "GROCERY_DRAIN": "0s", "GROCERY_VERSION": "test-1", "GROCERY_LOG_LEVEL": "debug",
		"DB_HOST": host, "DB_PORT": port, "DB_NAME": name, "DB_USER": pgtest.User,
		"DB_PASSWORD": pgtest.Password, "DB_SSLROOTCERT": ca, "JWT_SECRET": jwtSecret,
	}
}

func start(t *testing.T, env map[string]string, log io.Writer) *main.Main {
	t.Helper()
	config, err := main.ConfigFromEnv(func(name string) string { return env[name] })
	if err != nil {
		t.Fatal(err)
	}
	m := main.NewMain(config, logging.New(log, slog.LevelDebug))
	if err := m.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// client holds every answer against openapi.yaml.
func client(t *testing.T) *http.Client {
	return &http.Client{Transport: apitest.Transport(t, http.DefaultTransport)}
}

func get(t *testing.T, url string) (status int, body string) {
	t.Helper()
	resp, err := client(t).Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

// waitFor asks url until it answers with the status.
func waitFor(t *testing.T, url string, status int) (body string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for {
		got, body := get(t, url)
		if got == status {
			return body
		}
		select {
		case <-ctx.Done():
			t.Fatalf("GET %s: still %d %s, want %d", url, got, body, status)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func TestTheServerServesTheCatalogueOverVerifiedTLS(t *testing.T) {
	db := pgtest.New(t)
	var log logBuffer
	m := start(t, environment("localhost", db.Port, db.Name, db.Server.CA), &log)
	waitFor(t, m.URL()+"/ready", http.StatusOK)
	body := waitFor(t, m.URL()+"/api/products/all_products", http.StatusOK)
	if strings.Count(body, `"image_url":"/products/`) < 300 {
		t.Errorf("the catalogue has fewer than 300 products: %.200s", body)
	}
	if _, body := get(t, m.URL()+"/health"); !strings.Contains(body, `"version":"test-1"`) || !strings.Contains(body, `"database":"up"`) {
		t.Errorf("/health: %s", body)
	}
	if err := m.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	for _, secret := range []string{pgtest.Password, jwtSecret} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("the log holds a secret:\n%s", log.String())
		}
	}
}

func TestTheServerStartsWithoutADatabaseAndHealsWhenItComes(t *testing.T) {
	srv, err := pgtest.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Stop()
	port := portOf(srv)
	srv.Pause()

	m := start(t, environment("127.0.0.1", port, "postgres", srv.CA), io.Discard)
	if status, body := get(t, m.URL()+"/health"); status != 200 || !strings.Contains(body, `"database":"starting"`) {
		t.Errorf("/health without a database: %d %s", status, body)
	}
	for _, path := range []string{"/ready", "/api/products/all_products"} {
		if status, body := get(t, m.URL()+path); status != 503 || !strings.Contains(body, `"error"`) {
			t.Errorf("%s without a database: %d %s", path, status, body)
		}
	}
	if err := srv.Resume(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, m.URL()+"/ready", http.StatusOK)
	waitFor(t, m.URL()+"/api/products/all_products", http.StatusOK)

	// And once more, while it runs: never an empty list, never a hanging health.
	srv.Pause()
	if status, body := get(t, m.URL()+"/api/products/all_products"); status != 503 || strings.Contains(body, "dial") {
		t.Errorf("catalogue while the database is away: %d %s", status, body)
	}
	if status, _ := get(t, m.URL()+"/health"); status != 200 {
		t.Errorf("/health while the database is away: %d", status)
	}
	if err := srv.Resume(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, m.URL()+"/api/products/all_products", http.StatusOK)
}

func TestAServerNotTrustedIsNotSpokenTo(t *testing.T) {
	db := pgtest.New(t)
	env := environment("127.0.0.1", db.Port, db.Name, "") // the system's authorities only
	m := start(t, env, io.Discard)
	time.Sleep(300 * time.Millisecond)
	if status, _ := get(t, m.URL()+"/ready"); status != http.StatusServiceUnavailable {
		t.Errorf("/ready answers %d though the certificate cannot be verified", status)
	}
	if status, _ := get(t, m.URL()+"/health"); status != http.StatusOK {
		t.Errorf("/health answers %d", status)
	}
}

func TestRequestsThatRunAreFinishedAtTheEnd(t *testing.T) {
	db := pgtest.New(t)
	m := start(t, environment("localhost", db.Port, db.Name, db.Server.CA), io.Discard)
	waitFor(t, m.URL()+"/ready", http.StatusOK)
	answered := make(chan int, 1)
	go func() {
		// A refused login is answered after a quarter of a second at the earliest.
		resp, err := client(t).Post(m.URL()+"/api/auth/login", "application/json", strings.NewReader(`{"email":"a@example.com","password":"guess"}`))
		if err != nil {
			answered <- 0
			return
		}
		resp.Body.Close()
		answered <- resp.StatusCode
	}()
	time.Sleep(100 * time.Millisecond)
	if err := m.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	if status := <-answered; status != http.StatusUnauthorized {
		t.Errorf("the request that ran was answered with %d", status)
	}
}

func TestTheHealthCheckAsksTheServerOnThisHost(t *testing.T) {
	db := pgtest.New(t)
	m := start(t, environment("localhost", db.Port, db.Name, db.Server.CA), io.Discard)
	_, port, _ := strings.Cut(strings.TrimPrefix(m.URL(), "http://"), ":")
	for _, addr := range []string{":" + port, "0.0.0.0:" + port, "127.0.0.1:" + port, "[::]:" + port} {
		var out bytes.Buffer
		if err := main.CheckHealth(&out, addr); err != nil || !strings.Contains(out.String(), `"status":"OK"`) {
			t.Errorf("%s: %v, %s", addr, err, out.String())
		}
	}
	m.Close()
	if err := main.CheckHealth(io.Discard, ":"+port); err == nil {
		t.Error("a server that has ended counts as healthy")
	}
}
