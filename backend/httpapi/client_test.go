package httpapi_test

import (
	"net/http/httptest"
	"strings"
	"testing"
)

func TestWhoTheClientIs(t *testing.T) {
	s := newStore(t)
	for _, tt := range []struct{ name, peer, forwarded, want string }{
		{"without a balancer it is the peer", "203.0.113.9:4000", "", "203.0.113.9"},
		{"a public peer cannot name another", "203.0.113.9:4000", "198.51.100.7", "203.0.113.9"},
		{"behind a balancer it is whom the balancer names", "10.0.1.5:4000", "198.51.100.7", "198.51.100.7"},
		{"what the client invented before that does not count", "10.0.1.5:4000", "1.2.3.4, 198.51.100.7", "198.51.100.7"},
		{"a balancer that names nobody is the client itself", "10.0.1.5:4000", "nonsense", "10.0.1.5"},
		{"an IPv6 client", "10.0.1.5:4000", "2001:db8::1", "2001:db8::1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			req := httptest.NewRequest("GET", "/health", nil)
			req.RemoteAddr = tt.peer
			if tt.forwarded != "" {
				req.Header.Set("X-Forwarded-For", tt.forwarded)
			}
			rec := httptest.NewRecorder()
			s.api.ServeHTTP(rec, req)
			line := ""
			for l := range strings.Lines(s.log.String()) {
				if strings.Contains(l, `"msg":"request"`) {
					line = l
				}
			}
			if !strings.Contains(line, `"client":"`+tt.want+`"`) {
				t.Errorf("logged %s", line)
			}
		})
	}
}

func TestIPv6ClientsAreThrottledByTheirNetwork(t *testing.T) {
	s := newStore(t)
	refused := 0
	for i := range 15 {
		req := httptest.NewRequest("POST", "/api/auth/login", strings.NewReader(`{"email":"zoe@example.com","password":"guess"}`))
		req.RemoteAddr = "10.0.1.5:4000"
		req.Header.Set("X-Forwarded-For", "2001:db8::"+string("0123456789abcdef"[i]))
		rec := httptest.NewRecorder()
		s.api.ServeHTTP(rec, req)
		if rec.Code == 429 {
			refused++
		}
	}
	if refused < 4 {
		t.Errorf("15 guesses from one network, %d refused", refused)
	}
}
