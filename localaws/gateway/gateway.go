// Package gateway puts into every network what a VPC offers its guests: the
// resolver, the metadata service and, at one address, all of AWS's services
// over TLS. It wraps a runtime: whoever ensures a network gets them too, after
// a restart as well.
package gateway

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"time"

	"grocery/localaws/runtime"
	"grocery/localaws/runtime/dns"
	"grocery/localaws/runtime/imds"
)

// Options are what the gateway answers with.
type Options struct {
	Lookup dns.Lookup   // private names
	API    http.Handler // AWS's services
	TLS    *tls.Config  // certificates for their names
	Log    *slog.Logger
}

// Gateway is a runtime whose networks have the services.
type Gateway struct {
	runtime.Runtime
	o        Options
	resolver *dns.Resolver

	mu       sync.Mutex
	metadata *imds.Service
	serving  map[string]*served // by network
}

type served struct {
	cidrs []netip.Prefix
	stop  func()
}

// Wrap makes a Gateway over rt.
func Wrap(rt runtime.Runtime, o Options) *Gateway {
	return &Gateway{Runtime: rt, o: o, resolver: dns.New(dns.Options{Lookup: o.Lookup, Log: o.Log}), serving: map[string]*served{}}
}

// Metadata sets where instance metadata comes from. It must be called before
// the first network is ensured.
func (g *Gateway) Metadata(src imds.Source) {
	g.metadata = imds.New(imds.Options{Source: src, Log: g.o.Log})
}

// EnsureNetwork ensures the network and serves in it.
func (g *Gateway) EnsureNetwork(ctx context.Context, n runtime.Network) error {
	if err := g.Runtime.EnsureNetwork(ctx, n); err != nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if s := g.serving[n.ID]; s != nil {
		if slices.Equal(s.cidrs, n.CIDRs) {
			return nil
		}
		s.stop()
		delete(g.serving, n.ID)
	}
	stop, err := g.serve(ctx, n)
	if err != nil {
		return fmt.Errorf("serve in network %s: %w", n.ID, err)
	}
	g.serving[n.ID] = &served{slices.Clone(n.CIDRs), stop}
	return nil
}

// RemoveNetwork ends the services and removes the network.
func (g *Gateway) RemoveNetwork(ctx context.Context, id string) error {
	g.mu.Lock()
	if s := g.serving[id]; s != nil {
		s.stop()
		delete(g.serving, id)
	}
	g.mu.Unlock()
	return g.Runtime.RemoveNetwork(ctx, id)
}

// Close ends all services.
func (g *Gateway) Close() error {
	g.mu.Lock()
	for id, s := range g.serving {
		s.stop()
		delete(g.serving, id)
	}
	g.mu.Unlock()
	return g.Runtime.Close()
}

func (g *Gateway) serve(ctx context.Context, n runtime.Network) (stop func(), err error) {
	ctx = context.WithoutCancel(ctx) // the services outlive the call that asked for them
	stopDNS, err := g.resolver.Serve(ctx, g.Runtime, n)
	if err != nil {
		return nil, err
	}
	stopMetadata := func() {}
	if g.metadata != nil {
		if stopMetadata, err = g.metadata.Serve(ctx, g.Runtime, n.ID); err != nil {
			stopDNS()
			return nil, err
		}
	}
	l, err := g.ListenNetwork(ctx, n.ID, netip.AddrPortFrom(runtime.EndpointAddr, 443))
	if err != nil {
		stopDNS()
		stopMetadata()
		return nil, err
	}
	api := &http.Server{Handler: g.o.API, ReadHeaderTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute, ErrorLog: slog.NewLogLogger(g.o.Log.Handler(), slog.LevelDebug)}
	go func() {
		if err := api.Serve(tls.NewListener(l, g.o.TLS)); !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
			g.o.Log.Warn("endpoint ended", "network", n.ID, "error", err)
		}
	}()
	return func() { stopDNS(); stopMetadata(); api.Close() }, nil
}
