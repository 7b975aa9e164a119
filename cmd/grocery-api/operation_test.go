package main_test

import (
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"grocery/internal/pgtest"
)

func TestMetricsAreServedApartFromTheShop(t *testing.T) {
	db := pgtest.New(t)
	env := environment("localhost", db.Port, db.Name, db.Server.CA)
	env["METRICS_ADDR"] = "127.0.0.1:0"
	m := start(t, env, io.Discard)
	waitFor(t, m.URL()+"/ready", http.StatusOK)
	waitFor(t, m.URL()+"/api/products/1", http.StatusOK)
	get(t, m.URL()+"/no/such/path/17")
	client(t).Post(m.URL()+"/api/auth/login", "application/json", strings.NewReader(`{"email":"a@example.com","password":"guess"}`))
	status, body := get(t, m.MetricsURL())
	for _, want := range []string{
		`grocery_http_requests_total{method="GET",route="/api/products/{id}",status="200"} 1`,
		`route="other",status="404"`, `grocery_events_total{event="sign_in_refused"} 1`, `grocery_db_connections_max{pool="primary"} 10`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("%s is missing", want)
		}
	}
	if status != http.StatusOK || strings.Contains(body, "/17") {
		t.Errorf("%d; or an invented path is a label", status)
	}
	if status, _ := get(t, m.URL()+"/metrics"); status != http.StatusNotFound {
		t.Errorf("the shop's own address serves /metrics: %d", status)
	}
	if plain := start(t, environment("localhost", db.Port, db.Name, db.Server.CA), io.Discard); plain.MetricsURL() != "" {
		t.Errorf("metrics are served at %s though nobody asked for them", plain.MetricsURL())
	}
}

func TestTheServerServesOnWhileItIsTakenOutOfService(t *testing.T) {
	db := pgtest.New(t)
	env := environment("localhost", db.Port, db.Name, db.Server.CA)
	env["GROCERY_DRAIN"] = "2s"
	m := start(t, env, io.Discard)
	waitFor(t, m.URL()+"/ready", http.StatusOK)

	closed := make(chan error, 1)
	began := time.Now()
	go func() { closed <- m.Close() }()
	time.Sleep(300 * time.Millisecond)

	if status, _ := get(t, m.URL()+"/ready"); status != http.StatusServiceUnavailable {
		t.Errorf("/ready answers %d to a server that is about to end", status)
	}
	resp, err := client(t).Get(m.URL() + "/api/products/1")
	if err != nil {
		t.Fatalf("a request of the last moment: %v", err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK || !resp.Close {
		t.Errorf("a request of the last moment: %d, and its connection is kept: %v", resp.StatusCode, !resp.Close)
	}
	if err := <-closed; err != nil {
		t.Errorf("close: %v", err)
	}
	if took := time.Since(began); took < 2*time.Second || took > 15*time.Second {
		t.Errorf("the end took %v", took)
	}
	if _, err := net.Dial("tcp", strings.TrimPrefix(m.URL(), "http://")); err == nil {
		t.Error("the server still listens")
	}
}

func TestASweepEndsPaymentsAndRemovesSessions(t *testing.T) {
	db := pgtest.New(t)
	env := environment("localhost", db.Port, db.Name, db.Server.CA)
	env["PAYMENT_PROVIDER"] = "test"
	var log logBuffer
	m := start(t, env, &log)
	waitFor(t, m.URL()+"/ready", http.StatusOK)
	db.Exec(t, "INSERT INTO users (id, username, email, password_hash) VALUES (1, 'ann', 'ann@example.com', '')")
	db.Exec(t, `INSERT INTO sessions (user_id, created_at, expires_at)
		SELECT 1, now(), now() + days * interval '1 day' FROM generate_series(-2, 1) days`)
	db.Exec(t, `INSERT INTO orders (id, user_id, status, subtotal_cents, delivery_cents, payment_method, payment_status, payment_reference, created_at)
		VALUES (7, 1, 'pending', 100, 500, 'card', 'pending', 'r', now() - interval '1 hour')`)
	m.Sweep(t.Context())
	var sessions int
	db.QueryRow(t, "SELECT count(*) FROM sessions", &sessions)
	if sessions != 1 {
		t.Errorf("%d sessions are left, want the one that has not expired", sessions)
	}
	if want := `"audit":true,"event":"order_cancelled","user":1,"order":7,"total_cents":600,"payment":"card","payment_status":"voiding"`; !strings.Contains(log.String(), want) {
		t.Errorf("the log lacks %s", want)
	}
}
