package httpapi

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"grocery/internal/logging"
)

// withRequest gives each request an id, logs it when it is done and turns a panic into an
// internal error. Queries, headers and bodies are not logged.
func (s *Server) withRequest(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		id := requestID(r)
		ctx, traceID, done := r.Context(), "", func(string, int, time.Duration) {}
		if s.Observer != nil {
			ctx, traceID, done = s.Observer.Begin(w, r)
		}
		r = r.WithContext(logging.WithRequestID(ctx, id))
		w.Header()["X-Request-Id"] = []string{id}
		rec := &recorder{ResponseWriter: w}
		defer func() {
			if v := recover(); v != nil {
				s.Log.ErrorContext(r.Context(), "panic", "value", fmt.Sprint(v), "stack", string(debug.Stack()))
				if rec.status == 0 {
					s.fail(rec, r, fmt.Errorf("panic: %v", v))
				}
			}
			now := time.Now()
			took := now.Sub(start)
			s.logRequest(r, rec, now, took, id, traceID)
			done(routeOf(r), rec.status, took)
		}()
		next.ServeHTTP(rec, r)
	})
}

// logRequest writes the line of a request that is done. It goes to the handler with all it
// says at once, as it is written most of all.
func (s *Server) logRequest(r *http.Request, rec *recorder, now time.Time, took time.Duration, id, traceID string) {
	level := slog.LevelInfo
	if r.URL.Path == "/health" || r.URL.Path == "/ready" {
		level = slog.LevelDebug
	}
	ctx := context.Background() // the id is among the rest
	if !s.Log.Enabled(ctx, level) {
		return
	}
	said := [...]slog.Attr{
		slog.String("method", r.Method), slog.String("path", r.URL.Path), slog.Int("status", rec.status), slog.Int("bytes", rec.bytes),
		slog.Float64("ms", float64(took.Microseconds())/1000), slog.String("client", clientAddr(r).String()), slog.String("request_id", id),
		slog.String("trace_id", traceID),
	}
	attrs := said[:]
	if traceID == "" {
		attrs = attrs[:len(attrs)-1]
	}
	line := slog.NewRecord(now, level, "request", 0)
	line.AddAttrs(attrs...)
	s.Log.Handler().Handle(ctx, line)
}

// routeOf returns the pattern of the route that served a request, without its method;
// "other" when there was none, so that invented paths make no new names.
func routeOf(r *http.Request) string {
	if _, path, ok := strings.Cut(r.Pattern, " "); ok {
		return path
	}
	return "other"
}

var requestIDForm = regexp.MustCompile(`^[A-Za-z0-9._=;-]{8,100}$`)

// requestID takes over the id given by the client or the load balancer (see
// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-request-tracing.html)
// when it has a harmless form.
func requestID(r *http.Request) string {
	for _, name := range []string{"X-Request-Id", "X-Amzn-Trace-Id"} {
		if id := r.Header.Get(name); requestIDForm.MatchString(id) {
			return id
		}
	}
	return rand.Text()
}

// recorder remembers what was answered.
type recorder struct {
	http.ResponseWriter
	status, bytes int
}

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	n, err := r.ResponseWriter.Write(b)
	r.bytes += n
	return n, err
}

// Unwrap lets http.ResponseController reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// protection is what keeps a browser from misusing an answer of an API, which may depend
// on where it is asked from.
var protection = http.Header{
	"Vary":                    {"Origin"},
	"X-Content-Type-Options":  {"nosniff"},
	"X-Frame-Options":         {"DENY"},
	"Referrer-Policy":         {"no-referrer"},
	"Content-Security-Policy": {"default-src 'none'; frame-ancestors 'none'"},
}

// withHeaders protects every answer.
func (s *Server) withHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		maps.Copy(w.Header(), protection)
		if r.Header.Get("X-Forwarded-Proto") == "https" {
			w.Header().Set("Strict-Transport-Security", "max-age=31536000")
		}
		next.ServeHTTP(w, r)
	})
}

// withCORS lets pages of the allowed origins call the API, and no others. Pages of
// the API's own origin need no permission.
func (s *Server) withCORS(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		allowed := slices.Contains(s.CORSOrigins, r.Header.Get("Origin"))
		if allowed {
			h.Set("Access-Control-Allow-Origin", r.Header.Get("Origin"))
			h.Set("Access-Control-Allow-Credentials", "true") // the cookie of a session
			h.Set("Access-Control-Expose-Headers", "ETag, Idempotency-Replayed, Retry-After, X-Request-Id")
		}
		if r.Method != http.MethodOptions {
			next.ServeHTTP(w, r)
			return
		}
		if allowed && r.Header.Get("Access-Control-Request-Method") != "" {
			h.Add("Vary", "Access-Control-Request-Method, Access-Control-Request-Headers")
			h.Set("Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE")
			h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, X-Requested-With")
			h.Set("Access-Control-Max-Age", "600")
		}
		w.WriteHeader(http.StatusNoContent)
	})
}

// clientAddr returns the address of the client.
func clientAddr(r *http.Request) netip.Addr {
	addr, _ := client(r)
	return addr
}

// client returns the address of the client. Behind a load balancer (a peer with a
// private address) that is the last entry of X-Forwarded-For: the balancer wrote that
// one, earlier ones may be invented. told is false for a neighbour that names nobody,
// such as the balancer itself: others may be behind the same address.
func client(r *http.Request) (addr netip.Addr, told bool) {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	peer, _ := netip.ParseAddr(host)
	peer = peer.Unmap()
	if !peer.IsPrivate() && !peer.IsLoopback() {
		return peer, peer.IsValid()
	}
	forwarded := strings.Join(r.Header.Values("X-Forwarded-For"), ",")
	last := strings.TrimSpace(forwarded[strings.LastIndexByte(forwarded, ',')+1:])
	if addr, err := netip.ParseAddr(last); err == nil {
		return addr.Unmap(), true
	}
	return peer, false
}

// clientKey names a client for throttling: its address, or for IPv6 its /64 network,
// since a single host has all of that.
func clientKey(r *http.Request) string { return addrKey(clientAddr(r)) }

func addrKey(addr netip.Addr) string {
	if addr.Is6() {
		if p, err := addr.WithZone("").Prefix(64); err == nil {
			return p.String()
		}
	}
	return addr.String()
}
