package elbv2

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"grocery/localaws/runtime"
	"grocery/localaws/service/elbv2/proxy"
)

// node is one running balancer: its sockets and its proxy.
type node struct {
	s        *Service
	proxy    *proxy.Balancer
	zones    atomic.Pointer[[]zone]
	attached map[string]time.Time // interface -> when it was last made sure of
	servers  map[serverKey]*http.Server
}

// serverKey names a server: a change of any member means another server.
type serverKey struct {
	node     string // interface
	port     int
	protocol string
	policy   string
	idle     time.Duration
}

// attachEvery is how often an interface is made sure of.
const attachEvery = time.Minute

func newNode(s *Service, b balancer) *node {
	x := &node{s: s, attached: map[string]time.Time{}, servers: map[serverKey]*http.Server{}}
	x.proxy = proxy.New(func(ctx context.Context, from, addr string) (net.Conn, error) {
		return s.d.Runtime.Dial(ctx, from, "tcp", addr)
	}, s.d.Clock.Now)
	x.setZones(b.Zones)
	return x
}

func (x *node) setZones(z []zone) { x.zones.Store(&z) }

// listen makes the node listen on every interface for every listener, and
// nowhere else.
func (x *node) listen(ctx context.Context, b balancer, all []listener) error {
	var errs []error
	wanted := map[serverKey]bool{}
	for _, z := range b.Zones {
		if err := x.attach(ctx, b, z); err != nil {
			errs = append(errs, err)
			continue
		}
		for _, l := range all {
			k := serverKey{z.Interface, l.Port, l.Protocol, l.SSLPolicy, seconds(b.Attributes["idle_timeout.timeout_seconds"])}
			wanted[k] = true
			if x.servers[k] != nil {
				continue
			}
			// What held the port before, with other settings, has to let go.
			for o := range x.servers {
				if o.node == k.node && o.port == k.port {
					x.stop(o)
				}
			}
			if err := x.serve(ctx, k, b); err != nil {
				errs = append(errs, err)
			}
		}
	}
	for k := range x.servers {
		if !wanted[k] {
			x.stop(k)
		}
	}
	return errors.Join(errs...)
}

// attach makes sure that an interface is in its network.
func (x *node) attach(ctx context.Context, b balancer, z zone) error {
	if time.Since(x.attached[z.Interface]) < attachEvery {
		return nil
	}
	addr, err := netip.ParseAddr(z.Address)
	if err != nil {
		return fmt.Errorf("interface %s: %w", z.Interface, err)
	}
	subnet, err := netip.ParsePrefix(z.CIDR)
	if err != nil {
		return fmt.Errorf("subnet %s: %w", z.Subnet, err)
	}
	if err := x.s.d.Runtime.Attach(ctx, runtime.Interface{ID: z.Interface, Network: b.VPC, Addr: addr, Subnet: subnet}); err != nil {
		return fmt.Errorf("attach %s: %w", z.Interface, err)
	}
	x.attached[z.Interface] = time.Now()
	return nil
}

// serve starts one server.
func (x *node) serve(ctx context.Context, k serverKey, b balancer) error {
	l, err := x.s.d.Runtime.Listen(ctx, k.node, k.port)
	if err != nil {
		delete(x.attached, k.node) // perhaps it went away
		return fmt.Errorf("listen on port %d of %s: %w", k.port, k.node, err)
	}
	stats := &x.proxy.Stats
	srv := &http.Server{
		Handler:           x.proxy.Handler(k.node, k.port),
		ReadHeaderTimeout: k.idle,
		IdleTimeout:       k.idle,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          log.New(io.Discard, "", 0), // of clients that break off
		ConnState: func(_ net.Conn, state http.ConnState) {
			switch state {
			case http.StateNew:
				stats.NewConnections.Add(1)
				stats.Active.Add(1)
			case http.StateClosed, http.StateHijacked:
				stats.Active.Add(-1)
			}
		},
	}
	x.servers[k] = srv
	if k.protocol == "HTTPS" {
		srv.TLSConfig = &tls.Config{MinVersion: tlsPolicies[k.policy], NextProtos: []string{"h2", "http/1.1"},
			GetCertificate: func(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
				name := strings.ToLower(h.ServerName)
				if name == "" {
					name = b.DNSName
				}
				return x.s.d.Certificate(name)
			}}
		if b.Attributes["routing.http2.enabled"] == "false" {
			srv.TLSConfig.NextProtos = srv.TLSConfig.NextProtos[1:]
			srv.TLSNextProto = map[string]func(*http.Server, *tls.Conn, http.Handler){}
		}
		go srv.ServeTLS(l, "", "")
		return nil
	}
	go srv.Serve(l)
	return nil
}

// stop closes a server: no new connections, and what is under way may finish
// for a moment.
func (x *node) stop(k serverKey) {
	srv := x.servers[k]
	delete(x.servers, k)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	closed := make(chan struct{})
	srv.RegisterOnShutdown(func() { close(closed) })
	go func() {
		defer cancel()
		if srv.Shutdown(ctx) != nil {
			srv.Close()
		}
	}()
	<-closed // the listening socket is shut from here on
}

func (x *node) close() {
	for _, srv := range x.servers {
		srv.Close()
	}
	clear(x.servers)
	x.proxy.Close()
}

// from picks the interface to reach a target from: the one in its zone if
// there is one.
func (x *node) from(zoneName string) string {
	all := *x.zones.Load()
	if i := slices.IndexFunc(all, func(z zone) bool { return z.Name == zoneName && z.Interface != "" }); i >= 0 {
		return all[i].Interface
	}
	for _, z := range all {
		if z.Interface != "" {
			return z.Interface
		}
	}
	return ""
}
