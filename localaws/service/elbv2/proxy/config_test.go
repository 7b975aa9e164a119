package proxy_test

import (
	"net/http/httptest"
	"net/netip"
	"testing"

	"grocery/localaws/service/elbv2/proxy"
)

func TestConditions(t *testing.T) {
	for _, c := range []struct {
		name      string
		condition proxy.Condition
		url, host string
		want      bool
	}{
		{"a path matches with stars", proxy.PathPattern([]string{"/api/*"}), "/api/products/1", "", true},
		{"a star matches nothing too", proxy.PathPattern([]string{"/api/*"}), "/api/", "", true},
		{"a pattern is the whole path", proxy.PathPattern([]string{"/api"}), "/api/x", "", false},
		{"a question mark is one character", proxy.PathPattern([]string{"/img?.png"}), "/img1.png", "", true},
		{"a question mark is never none", proxy.PathPattern([]string{"/img?.png"}), "/img.png", "", false},
		{"stars go back as far as needed", proxy.PathPattern([]string{"*/a*b/c"}), "/a/ab/axb/c", "", true},
		{"a path minds case", proxy.PathPattern([]string{"/API"}), "/api", "", false},
		{"any of several patterns is enough", proxy.PathPattern([]string{"/x", "/api"}), "/api", "", true},
		{"a host does not mind case nor port", proxy.HostHeader([]string{"*.Example.com"}), "/", "shop.example.COM:8080", true},
		{"another host does not match", proxy.HostHeader([]string{"example.com"}), "/", "shop.example.com", false},
		{"a query pair matches by key and value", proxy.Query([][2]string{{"version", "v?"}}), "/?version=V1", "", true},
		{"a query value without key matches any key", proxy.Query([][2]string{{"", "*x*"}}), "/?a=1&b=2x3", "", true},
		{"another value does not match", proxy.Query([][2]string{{"a", "2"}}), "/?a=1", "", false},
		{"a method matches exactly", proxy.Method([]string{"GET"}), "/", "", true},
		{"another method does not match", proxy.Method([]string{"get", "POST"}), "/", "", false},
		{"a header does not mind case of its value", proxy.Header("X-Kind", []string{"A*"}), "/", "", true},
		{"an absent header does not match", proxy.Header("X-None", []string{"*"}), "/", "", false},
		{"a source is in its range", proxy.SourceIP([]netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}), "/", "", true},
		{"a source is not in another range", proxy.SourceIP([]netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}), "/", "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := httptest.NewRequest("GET", c.url, nil) // from 192.0.2.1
			r.Header.Set("X-Kind", "abc")
			if c.host != "" {
				r.Host = c.host
			}
			if got := c.condition(r); got != c.want {
				t.Errorf("got %v", got)
			}
		})
	}
}
