package ca_test

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"
	"path/filepath"
	"testing"

	"grocery/localaws/ca"
)

func open(t *testing.T, dir string) *ca.CA {
	t.Helper()
	c, err := ca.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestServedNamesVerifyAgainstTheAuthority(t *testing.T) {
	c := open(t, t.TempDir())
	l, err := tls.Listen("tcp", "127.0.0.1:0", c.TLS(func(n string) bool { return n == "sts.eu-central-1.amazonaws.com" }))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func(conn net.Conn) { conn.(*tls.Conn).Handshake(); conn.Close() }(conn)
		}
	}()
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(c.PEM())
	for name, want := range map[string]bool{"sts.eu-central-1.amazonaws.com": true, "example.org": false} {
		conn, err := tls.Dial("tcp", l.Addr().String(), &tls.Config{RootCAs: pool, ServerName: name})
		if (err == nil) != want {
			t.Errorf("%s: error %v, want success %v", name, err, want)
		}
		if err == nil {
			conn.Close()
		}
	}
}

func TestAuthorityStaysTheSame(t *testing.T) {
	dir := t.TempDir()
	a, b := open(t, dir), open(t, dir)
	if string(a.PEM()) != string(b.PEM()) {
		t.Error("a second start made another authority")
	}
	if fi, err := os.Stat(filepath.Join(dir, "ca-key.pem")); err != nil || fi.Mode().Perm() != 0o600 {
		t.Error("the key is not private:", fi.Mode(), err)
	}
}

func TestIssueMakesAPairForAllNames(t *testing.T) {
	c := open(t, t.TempDir())
	long := "grocery-dev-primary-with-a-rather-long-name.abcdefghijkl.eu-central-1.rds.amazonaws.com"
	cert, key, err := c.Issue([]string{long, "10.0.0.5"})
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(c.PEM())
	for _, name := range []string{long, "10.0.0.5"} {
		if _, err := pair.Leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: pool}); err != nil {
			t.Error(name, err)
		}
	}
}
