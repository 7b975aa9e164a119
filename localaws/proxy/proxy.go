// Package proxy is the way in by AWS's genuine host names: an HTTPS proxy that
// ends TLS for them and refuses every other host, so that nothing meant for
// the local AWS can reach a real account, and nothing else can use it.
package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"
)

// Proxy is an http.Handler for the proxy's port.
type Proxy struct {
	allowed func(host string) bool
	inner   *http.Server
	conns   *handover
	log     *slog.Logger
	direct  http.Handler
}

// New makes a proxy that serves h for the hosts allowed admits (lower case,
// without port), with certificates from cfg. Close ends it.
func New(h http.Handler, allowed func(host string) bool, cfg *tls.Config, log *slog.Logger) *Proxy {
	p := &Proxy{allowed: allowed, conns: newHandover(), log: log, direct: h}
	p.inner = &http.Server{Handler: h, ReadHeaderTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug)}
	go p.inner.Serve(tls.NewListener(p.conns, cfg)) // ends with Close
	return p
}

// Close ends the connections that were handed over.
func (p *Proxy) Close() error { return errors.Join(p.inner.Close(), p.conns.Close()) }

// Shutdown waits for running requests until ctx ends.
func (p *Proxy) Shutdown(ctx context.Context) error { return p.inner.Shutdown(ctx) }

// ServeHTTP serves CONNECT, and requests for a plain http:// address.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	host := strings.ToLower(r.Host)
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	if !r.URL.IsAbs() && r.Method != http.MethodConnect {
		http.Error(w, "This is the proxy of a local AWS: set HTTPS_PROXY to this address (grocery env does).", http.StatusBadRequest)
		return
	}
	if !p.allowed(host) {
		p.log.Info("proxy refused", "host", host)
		http.Error(w, fmt.Sprintf("The local AWS answers for AWS's hosts only, not for %s. Programs that need other hosts must go round this proxy (NO_PROXY).", host), http.StatusForbidden)
		return
	}
	if r.Method != http.MethodConnect {
		p.direct.ServeHTTP(w, r)
		return
	}
	hj, ok := w.(http.Hijacker)
	if !ok {
		http.Error(w, "CONNECT needs HTTP/1.1", http.StatusHTTPVersionNotSupported)
		return
	}
	conn, buf, err := hj.Hijack()
	if err != nil {
		p.log.Warn("proxy", "error", err)
		return
	}
	if _, err := io.WriteString(conn, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
		conn.Close()
		return
	}
	if n := buf.Reader.Buffered(); n > 0 { // the client spoke before our answer
		early, _ := buf.Reader.Peek(n) // n bytes are there
		conn = &buffered{Conn: conn, r: io.MultiReader(strings.NewReader(string(early)), conn)}
	}
	if err := p.conns.give(conn); err != nil {
		conn.Close()
	}
}

// buffered is a connection some of whose bytes were read already.
type buffered struct {
	net.Conn
	r io.Reader
}

func (b *buffered) Read(p []byte) (int, error) { return b.r.Read(p) }

// handover is a listener whose connections come from hijacked requests.
type handover struct {
	conns chan net.Conn
	done  chan struct{}
}

func newHandover() *handover {
	return &handover{conns: make(chan net.Conn), done: make(chan struct{})}
}

func (h *handover) give(c net.Conn) error {
	select {
	case h.conns <- c:
		return nil
	case <-h.done:
		return net.ErrClosed
	}
}

// Accept returns the next connection.
func (h *handover) Accept() (net.Conn, error) {
	select {
	case c := <-h.conns:
		return c, nil
	case <-h.done:
		return nil, net.ErrClosed
	}
}

// Close ends Accept.
func (h *handover) Close() error {
	select {
	case <-h.done:
	default:
		close(h.done)
	}
	return nil
}

// Addr is a name: the listener has no address of its own.
func (h *handover) Addr() net.Addr { return addr{} }

type addr struct{}

func (addr) Network() string { return "proxy" }
func (addr) String() string  { return "proxy" }
