package proxy_test

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"grocery/localaws/ca"
	"grocery/localaws/proxy"
)

func TestProxy(t *testing.T) {
	c, err := ca.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	aws := func(h string) bool { return strings.HasSuffix(h, ".amazonaws.com") }
	p := proxy.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, "%s %s", r.Host, r.URL.EscapedPath()) }), aws, c.TLS(aws), slog.New(slog.DiscardHandler))
	defer p.Close()
	s := httptest.NewServer(p)
	defer s.Close()
	proxyURL, _ := url.Parse(s.URL)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(c.PEM())
	client := &http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(proxyURL), TLSClientConfig: &tls.Config{RootCAs: pool}}}
	defer client.CloseIdleConnections()

	t.Run("AWS's names are served under their genuine host", func(t *testing.T) {
		resp, err := client.Get("https://bucket.s3.eu-central-1.amazonaws.com/a%2Fb//c")
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if string(body) != "bucket.s3.eu-central-1.amazonaws.com /a%2Fb//c" {
			t.Errorf("got %s", body)
		}
	})
	t.Run("any other host is refused", func(t *testing.T) {
		for _, u := range []string{"https://example.org/", "https://amazonaws.com.example.org/", "https://127.0.0.1/"} {
			if resp, err := client.Get(u); err == nil {
				t.Errorf("%s: status %s", u, resp.Status)
				resp.Body.Close()
			}
		}
		resp, err := client.Get("http://example.org/")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusForbidden {
			t.Errorf("plain HTTP: status %s", resp.Status)
		}
	})
	t.Run("who takes it for a server is told what it is", func(t *testing.T) {
		resp, err := http.Get(s.URL + "/")
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != http.StatusBadRequest || !strings.Contains(string(body), "HTTPS_PROXY") {
			t.Errorf("%s %s", resp.Status, body)
		}
	})
}
