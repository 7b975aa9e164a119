package httpapi_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"grocery/backend/api"
	"grocery/backend/auth"
)

// described returns the routes of openapi.yaml, as "GET /path". The document is
// indented by two spaces a level, so paths and methods stand at fixed columns.
func described() []string {
	var routes []string
	path, inPaths := "", false
	for line := range strings.Lines(string(api.OpenAPI)) {
		line = strings.TrimRight(line, "\n")
		switch {
		case line != "" && line[0] != ' ':
			inPaths = line == "paths:"
		case inPaths && strings.HasPrefix(line, "  /"):
			path = strings.TrimSuffix(strings.TrimSpace(line), ":")
		case inPaths && strings.HasPrefix(line, "    ") && line[4] != ' ':
			routes = append(routes, strings.ToUpper(strings.TrimSuffix(strings.TrimSpace(line), ":"))+" "+path)
		}
	}
	slices.Sort(routes)
	return routes
}

func TestTheDescriptionNamesExactlyTheServedRoutes(t *testing.T) {
	s := newStore(t)
	var served []string
	for _, r := range s.server.Routes() {
		served = append(served, r.Method+" "+r.Path)
	}
	slices.Sort(served)
	if want := described(); !slices.Equal(served, want) {
		t.Errorf("served:\n%s\ndescribed:\n%s", strings.Join(served, "\n"), strings.Join(want, "\n"))
	}
	for _, route := range described() {
		method, path, _ := strings.Cut(route, " ")
		resp := s.do(method, strings.NewReplacer("{id}", "1", "{filename}", "x.png").Replace(path), "")
		if resp.StatusCode == http.StatusNotFound || resp.StatusCode == http.StatusMethodNotAllowed {
			t.Errorf("%s is described but answers %d", route, resp.StatusCode)
		}
	}
	if body := text(t, s.do("GET", "/api/openapi.yaml", "")); body != string(api.OpenAPI) {
		t.Error("/api/openapi.yaml is another document")
	}
}

// TestEveryRouteRefusesAsDescribed brings each route into what it refuses for whatever it
// is asked; the answers are held against the description.
func TestEveryRouteRefusesAsDescribed(t *testing.T) {
	s := newStore(t)
	ann, gone := "Bearer "+s.token(t, s.user(t, "ann")), "Bearer "+s.token(t, 99)
	large := `{"items":"` + strings.Repeat("x", 2<<20) + `"}`
	ask := func(route, body, token string) *http.Response {
		method, path, _ := strings.Cut(route, " ")
		path = strings.NewReplacer("{id}", "1", "{filename}", "x.png").Replace(path)
		if token == "" {
			return s.do(method, path, body, "Idempotency-Key", "order-key-1", "X-Requested-With", "x", "Cookie", "grocery_refresh="+strings.Repeat("A", 43))
		}
		return s.do(method, path, body, "Authorization", token, "Idempotency-Key", "order-key-1")
	}
	signedIn, reading, counted := map[string]bool{}, 0, 0
	for _, route := range described() {
		signedIn[route] = ask(route, "", "").StatusCode == 401 && !strings.HasSuffix(route, "/auth/refresh")
		if !signedIn[route] {
			continue
		}
		status(t, ask(route, "", "Bearer null"), 422)
		if want := map[bool]int{true: 401, false: 404}[strings.Contains(route, "/v1/")]; ask(route, "", gone).StatusCode != want {
			t.Errorf("%s of an account that is gone: not %d", route, want)
		}
	}
	for _, route := range described() {
		if signedIn[route] && strings.HasSuffix(route, "/logout-everywhere") {
			continue // it would end the session of this test
		}
		switch resp := ask(route, large, ann); resp.StatusCode {
		case 413:
			reading++
		case 500:
			t.Errorf("%s with a large body: %d", route, resp.StatusCode)
		}
	}
	if reading < 20 {
		t.Errorf("%d routes look at the size of a body", reading)
	}
	s.stop()
	for range 1100 {
		s.from("192.0.2.1", "", "/api/me/avatar/x.png")
	}
	for range 700 {
		if s.me(strings.TrimPrefix(ann, "Bearer ")).StatusCode == 429 {
			break
		}
	}
	for _, route := range described() {
		token := ""
		if signedIn[route] {
			token = ann
		}
		if resp := ask(route, "", token); resp.StatusCode == 429 {
			counted++
		} else if signedIn[route] {
			t.Errorf("%s is not bounded by account: %d", route, resp.StatusCode)
		}
	}
	if quick := len(described()) - counted; quick != 5 {
		t.Errorf("%d routes are not bounded, want 5", quick)
	}
	s.advance(time.Hour)
	s.db.Close()
	for _, route := range described() {
		token := ""
		if signedIn[route] {
			token = ann
		}
		if resp := ask(route, "", token); signedIn[route] && resp.StatusCode != 503 {
			t.Errorf("%s without a database: %d", route, resp.StatusCode)
		}
	}
}

func TestRoutes(t *testing.T) {
	scenarios := []scenario{
		{name: "an unknown path of the API is 404 JSON", method: "GET", path: "/api/nope", status: 404, want: []string{`{"error":"Not found"}`}},
		{name: "an unknown path is 404 JSON", method: "GET", path: "/", guest: true, status: 404, want: []string{`{"error":"Not found"}`}},
		{name: "another method is 405 JSON", method: "DELETE", path: "/api/me/basket", status: 405, want: []string{`{"error":"Method not allowed"}`}},
		{name: "health says what runs", method: "GET", path: "/health", guest: true, status: 200, want: []string{`"status":"OK"`, `"message":`, `"version":"test-1"`, `"database":"up"`, `"replica":"none"`}},
		{name: "ready asks the database", method: "GET", path: "/ready", guest: true, status: 200, want: []string{`"status":"OK"`}},
		{
			name: "an expired token", method: "GET", path: "/api/me/info", guest: true, status: 401, want: []string{`{"msg":"Token has expired"}`},
			header: []string{"Authorization", "Bearer " + issued(t, jwtSecret, -5*time.Hour)},
		},
		{
			name: "a forged token", method: "GET", path: "/api/me/info", guest: true, status: 401, want: []string{`{"msg":"Signature verification failed"}`},
			header: []string{"Authorization", "Bearer " + issued(t, strings.Repeat("x", 32), 0)},
		},
		{
			name: "the token of an account that is gone", method: "GET", path: "/api/me/info", status: 404, want: []string{`{"error":"User not found"}`},
			before: func(t *testing.T, s *store) { s.pg.Exec(t, "DELETE FROM users") },
		},
	}
	for _, r := range [][2]string{
		{"GET", "/api/me/info"}, {"GET", "/api/me/all-users"}, {"GET", "/api/me/basket"}, {"POST", "/api/me/basket"}, {"POST", "/api/me/basket/remove"},
		{"POST", "/api/me/purchase"}, {"GET", "/api/me/purchased-products"}, {"GET", "/api/me/favorites"}, {"POST", "/api/me/favorites"}, {"POST", "/api/me/favorites/remove"},
		{"POST", "/api/products/1/add-review"}, {"PUT", "/api/products/1/update-review"}, {"DELETE", "/api/products/1/remove-review"}, {"POST", "/api/v1/me/age"},
		{"POST", "/api/me/avatar"}, {"PUT", "/api/v1/me/avatar"}, {"DELETE", "/api/v1/me/avatar"}, {"GET", "/api/v1/me"}, {"PATCH", "/api/v1/me"}, {"DELETE", "/api/v1/me"},
		{"POST", "/api/v1/me/password"}, {"POST", "/api/v1/auth/logout-everywhere"},
	} {
		scenarios = append(scenarios, refusals(r[0], r[1])...)
	}
	run(t, scenarios)
}

// issued returns a token for user 1, issued at a time from now.
func issued(t *testing.T, secret string, from time.Duration) string {
	t.Helper()
	tokens, err := auth.NewTokens(secret, func() time.Time { return time.Now().Add(from) })
	if err != nil {
		t.Fatal(err)
	}
	token, err := tokens.Issue(1)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestHeaders(t *testing.T) {
	s := newStore(t)
	for _, tt := range []struct {
		name         string
		method, path string
		header       []string
		status       int
		want         map[string]string // "" means that the header is absent
	}{
		{"answers are protected from misuse", "GET", "/health", nil, 200, map[string]string{
			"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer",
			"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'", "Cache-Control": "no-store", "Strict-Transport-Security": ""}},
		{"behind HTTPS browsers are told to stay there", "GET", "/health", []string{"X-Forwarded-Proto", "https"}, 200, map[string]string{"Strict-Transport-Security": "max-age=31536000"}},
		{"an allowed page may call", "GET", "/health", []string{"Origin", origin}, 200, map[string]string{"Access-Control-Allow-Origin": origin, "Vary": "Origin", "Access-Control-Expose-Headers": "ETag, Idempotency-Replayed, Retry-After, X-Request-Id"}},
		{"another page may not", "GET", "/health", []string{"Origin", "https://evil.example"}, 200, map[string]string{"Access-Control-Allow-Origin": "", "Access-Control-Allow-Credentials": ""}},
		{"an allowed page may ask first", "OPTIONS", "/api/me/basket", []string{"Origin", origin, "Access-Control-Request-Method", "POST"}, 204, map[string]string{
			"Access-Control-Allow-Origin": origin, "Access-Control-Allow-Methods": "GET, POST, PUT, PATCH, DELETE", "Access-Control-Allow-Credentials": "true", "Access-Control-Allow-Headers": "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, X-Requested-With"}},
		{"another page asks in vain", "OPTIONS", "/api/me/basket", []string{"Origin", "https://evil.example", "Access-Control-Request-Method", "POST"}, 204, map[string]string{"Access-Control-Allow-Methods": ""}},
		{"a request id is taken over", "GET", "/health", []string{"X-Request-Id", "abc-12345"}, 200, map[string]string{"X-Request-Id": "abc-12345"}},
		{"the methods of a path are told", "PUT", "/api/me/basket", nil, 405, map[string]string{"Allow": "GET, POST, OPTIONS"}},
		{"a missing token asks for one", "GET", "/api/me/info", nil, 401, map[string]string{"WWW-Authenticate": "Bearer"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			resp := s.do(tt.method, tt.path, "", tt.header...)
			if resp.StatusCode != tt.status {
				t.Errorf("status %d", resp.StatusCode)
			}
			for name, want := range tt.want {
				if got := resp.Header.Get(name); got != want {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
		})
	}
	if id := s.do("GET", "/health", "", "X-Request-Id", "a\"b\n<script>").Header.Get("X-Request-Id"); strings.ContainsAny(id, "\"<") || len(id) < 20 {
		t.Errorf("a request id of a harmful form is taken over: %q", id)
	}
}

func TestAServerThatIsClosingIsNotReady(t *testing.T) {
	s := newStore(t)
	s.server.Closing()
	if got := s.do("GET", "/ready", "").StatusCode; got != http.StatusServiceUnavailable {
		t.Errorf("/ready answers %d", got)
	}
	if got := s.do("GET", "/health", "").StatusCode; got != http.StatusOK {
		t.Errorf("/health answers %d", got)
	}
}
