package telemetry_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"grocery/backend/telemetry"
)

func TestMetrics(t *testing.T) {
	m := telemetry.NewMetrics(func() []telemetry.Pool {
		return []telemetry.Pool{{Name: "primary", Acquired: 3, Idle: 2, Max: 10, Waits: 7, Waited: 1500 * time.Millisecond}}
	})
	o := &telemetry.Observer{Metrics: m}
	for range 3 {
		_, traceID, done := o.Begin(httptest.NewRecorder(), httptest.NewRequest("GET", "/api/products/17", nil))
		done("/api/products/{id}", 200, time.Millisecond)
		if traceID != "" {
			t.Errorf("trace %q without traces", traceID)
		}
	}
	for _, method := range []string{"FRY", "fry", "GET\""} {
		_, _, done := o.Begin(httptest.NewRecorder(), &http.Request{Method: method, Header: http.Header{}})
		done("other", 405, time.Millisecond)
	}
	o.Event("signed_in")
	rec := httptest.NewRecorder()
	m.Handler().ServeHTTP(rec, httptest.NewRequest("GET", "/metrics", nil))
	for _, want := range []string{
		`grocery_http_requests_total{method="GET",route="/api/products/{id}",status="200"} 3`,
		`grocery_http_request_duration_seconds_count{method="GET",route="/api/products/{id}"} 3`,
		`grocery_http_requests_total{method="other",route="other",status="405"} 3`,
		`grocery_events_total{event="signed_in"} 1`,
		`grocery_db_connections{pool="primary",state="in use"} 3`, `grocery_db_connections{pool="primary",state="idle"} 2`,
		`grocery_db_connections_max{pool="primary"} 10`, `grocery_db_waits_total{pool="primary"} 7`, `grocery_db_wait_seconds_total{pool="primary"} 1.5`,
		`go_goroutines`, `process_resident_memory_bytes`,
	} {
		if !strings.Contains(rec.Body.String(), want) {
			t.Errorf("%s is missing", want)
		}
	}
	for _, invented := range []string{"/17", "FRY", "fry"} {
		if strings.Contains(rec.Body.String(), invented) {
			t.Errorf("%s is a label: there is no end of them", invented)
		}
	}
}

// collector keeps what it is sent.
type collector struct {
	*httptest.Server
	mu  sync.Mutex
	got bytes.Buffer
}

func newCollector(t *testing.T) *collector {
	c := &collector{}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := io.Reader(r.Body)
		if r.Header.Get("Content-Encoding") == "gzip" {
			z, err := gzip.NewReader(body)
			if err != nil {
				t.Error(err)
				return
			}
			body = z
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.got.WriteString(r.URL.Path + "\n")
		io.Copy(&c.got, body)
	}))
	t.Cleanup(c.Close)
	return c
}

func TestTraces(t *testing.T) {
	c := newCollector(t)
	traces, err := telemetry.NewTraces(t.Context(), c.URL, "test-1", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	o := &telemetry.Observer{Traces: traces}
	const parent = "4bf92f3577b34da6a3ce929d0e0e4736"
	req := httptest.NewRequest("POST", "/api/v1/orders", nil)
	req.Header.Set("Traceparent", "00-"+parent+"-00f067aa0ba902b7-01")
	rec := httptest.NewRecorder()
	ctx, traceID, done := o.Begin(rec, req)
	if traceID != parent || !strings.HasPrefix(rec.Header().Get("Traceparent"), "00-"+parent+"-") {
		t.Errorf("trace %s, answered with %q", traceID, rec.Header().Get("Traceparent"))
	}
	invented := httptest.NewRequest("FRY", "/api/v1/orders", nil)
	_, _, fried := o.Begin(httptest.NewRecorder(), invented)
	fried("other", 405, time.Millisecond)
	query := traces.TraceQueryStart(ctx, nil, pgx.TraceQueryStartData{SQL: "\n\tSELECT id\n\tFROM users WHERE email = $1", Args: []any{"ann@example.com"}})
	traces.TraceQueryEnd(query, nil, pgx.TraceQueryEndData{Err: errors.New("value ann@example.com is wrong")})
	long := traces.TraceQueryStart(ctx, nil, pgx.TraceQueryStartData{SQL: "INSERT " + strings.Repeat("ä", 1000) + " the end"})
	traces.TraceQueryEnd(long, nil, pgx.TraceQueryEndData{})

	// What the request asks of others belongs to its trace.
	var passed string
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { passed = r.Header.Get("Traceparent") }))
	defer other.Close()
	out, err := http.NewRequestWithContext(ctx, "PUT", other.URL+"/bucket/secret-name", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := traces.Transport(http.DefaultTransport).RoundTrip(out)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if !strings.HasPrefix(passed, "00-"+parent+"-") || out.Header.Get("Traceparent") != "" {
		t.Errorf("passed on %q; the caller's request has %q", passed, out.Header.Get("Traceparent"))
	}
	done("/api/v1/orders", 503, time.Millisecond)
	if err := traces.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := c.got.String()
	for _, want := range []string{"/v1/traces\n", "POST /api/v1/orders", "other other", "SELECT id FROM users WHERE email = $1", "grocery-api", "test-1", "postgresql"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q was not sent", want)
		}
	}
	for _, secret := range []string{"ann@example.com", "the end", "secret-name", "FRY"} {
		if strings.Contains(got, secret) {
			t.Errorf("%q was sent", secret)
		}
	}
}

func TestQueriesOfNobodyAreNotTraced(t *testing.T) {
	c := newCollector(t)
	traces, err := telemetry.NewTraces(t.Context(), c.URL+"/", "test-1", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx := traces.TraceQueryStart(context.Background(), nil, pgx.TraceQueryStartData{SQL: "SELECT 1"})
	traces.TraceQueryEnd(ctx, nil, pgx.TraceQueryEndData{})
	// Nor are those of a request that its caller does not trace.
	req := httptest.NewRequest("GET", "/", nil)
	req.Header.Set("Traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00")
	_, traceID, done := (&telemetry.Observer{Traces: traces}).Begin(httptest.NewRecorder(), req)
	done("/", 200, time.Millisecond)
	if err := traces.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if traceID != "" || c.got.Len() > 0 {
		t.Errorf("trace %q, sent %q", traceID, c.got.String())
	}
}
