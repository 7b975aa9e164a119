// Package dns is the resolver of a network: base + 2 of its range and
// 169.254.169.253, as the Amazon-provided DNS server of a VPC
// (https://docs.aws.amazon.com/vpc/latest/userguide/AmazonDNS-concepts.html).
//
// Names of the network's own (databases, balancers, instances) come from a
// lookup the caller gives; names of AWS's services lead to the local AWS
// endpoint; other names do not exist, unless an upstream is set. The package
// knows names and addresses, not what stands behind them.
package dns

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"

	"grocery/localaws/runtime"
)

// Seconds a client may keep an answer. Endpoints of databases and balancers
// move, so theirs is as short as AWS's.
const (
	ttlPrivate = 5
	ttlService = 60
)

// Lookup returns the addresses of a name in a network. The name is in lower
// case without final dot. False means that the network has no such name.
type Lookup func(networkID, name string) ([]netip.Addr, bool)

// Options configure a Resolver.
type Options struct {
	Lookup Lookup
	// Upstream, when set, is the address (host:port) of a resolver that is
	// asked for all other names. Unset, other names do not exist.
	Upstream string
	Log      *slog.Logger
}

// Resolver answers the queries of all networks.
type Resolver struct{ o Options }

// New returns a resolver.
func New(o Options) *Resolver {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Lookup == nil {
		o.Lookup = func(string, string) ([]netip.Addr, bool) { return nil, false }
	}
	return &Resolver{o}
}

// Serve answers at the resolver addresses of a network until the returned stop
// is called or the network is removed.
func (r *Resolver) Serve(ctx context.Context, rt runtime.Networks, n runtime.Network) (stop func(), err error) {
	addrs := []netip.Addr{runtime.ResolverAddr}
	for _, c := range n.CIDRs {
		addrs = append(addrs, runtime.Resolver(c))
	}
	var servers []*dns.Server
	stop = sync.OnceFunc(func() {
		for _, s := range servers {
			if err := s.Shutdown(); err != nil {
				r.o.Log.Debug("resolver shutdown", "network", n.ID, "error", err)
			}
		}
	})
	for _, a := range addrs {
		at := netip.AddrPortFrom(a, 53)
		pc, err := rt.ListenPacketNetwork(ctx, n.ID, at)
		if err != nil {
			stop()
			return nil, fmt.Errorf("resolver of %s: %w", n.ID, err)
		}
		ln, err := rt.ListenNetwork(ctx, n.ID, at)
		if err != nil {
			pc.Close()
			stop()
			return nil, fmt.Errorf("resolver of %s: %w", n.ID, err)
		}
		for _, s := range []*dns.Server{{PacketConn: pc, Handler: r.Handler(n.ID)}, {Listener: ln, Handler: r.Handler(n.ID)}} {
			started := make(chan struct{})
			s.NotifyStartedFunc = func() { close(started) }
			go func() {
				if err := s.ActivateAndServe(); err != nil && !errors.Is(err, net.ErrClosed) {
					r.o.Log.Warn("resolver ended", "network", n.ID, "address", at, "error", err)
				}
			}()
			<-started // Shutdown before that would be lost
			servers = append(servers, s)
		}
	}
	return stop, nil
}

// Handler answers the queries of one network.
func (r *Resolver) Handler(networkID string) dns.Handler {
	return dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		m := r.answer(networkID, q)
		if _, udp := w.RemoteAddr().(*net.UDPAddr); udp {
			size := dns.MinMsgSize
			if o := q.IsEdns0(); o != nil {
				size = int(o.UDPSize())
			}
			m.Truncate(size)
		}
		if err := w.WriteMsg(m); err != nil {
			r.o.Log.Debug("resolver answer", "network", networkID, "error", err)
		}
	})
}

func (r *Resolver) answer(networkID string, q *dns.Msg) *dns.Msg {
	m := new(dns.Msg)
	m.SetReply(q)
	m.RecursionAvailable = true
	if o := q.IsEdns0(); o != nil {
		m.SetEdns0(1232, false)
	}
	if q.Opcode != dns.OpcodeQuery || len(q.Question) != 1 {
		return m.SetRcode(q, dns.RcodeNotImplemented)
	}
	question := q.Question[0]
	name := strings.ToLower(strings.TrimSuffix(question.Name, "."))
	addrs, ttl, known := r.resolve(networkID, name)
	if !known {
		if r.o.Upstream != "" {
			return r.forward(q)
		}
		m.Rcode = dns.RcodeNameError
		return m
	}
	// A name that exists has no addresses of another family: an empty answer,
	// not "no such name", or clients would stop asking.
	if question.Qtype != dns.TypeA && question.Qtype != dns.TypeANY {
		return m
	}
	for _, a := range addrs {
		if a.Is4() {
			m.Answer = append(m.Answer, &dns.A{
				Hdr: dns.RR_Header{Name: question.Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: ttl},
				A:   a.AsSlice(),
			})
		}
	}
	return m
}

// resolve finds a name: private ones first, since databases and balancers have
// names below amazonaws.com too.
func (r *Resolver) resolve(networkID, name string) (addrs []netip.Addr, ttl uint32, known bool) {
	if addrs, ok := r.o.Lookup(networkID, name); ok {
		return addrs, ttlPrivate, true
	}
	if IsServiceName(name) {
		return []netip.Addr{runtime.EndpointAddr}, ttlService, true
	}
	return nil, 0, false
}

// IsServiceName reports whether a name is that of an AWS service (or something
// below it: a bucket, a registry) and not of a customer's resource.
func IsServiceName(name string) bool {
	if !strings.HasSuffix(name, ".amazonaws.com") {
		return false
	}
	labels := strings.Split(strings.TrimSuffix(name, ".amazonaws.com"), ".")
	switch {
	case len(labels) == 1: // a global service: iam.amazonaws.com
		return true
	case labels[len(labels)-1] == "elb", labels[len(labels)-1] == "compute": // <balancer>.<region>.elb, <instance>.<region>.compute
		return false
	case labels[len(labels)-1] == "rds": // <instance>.<hash>.<region>.rds; but truststore.pki.rds is a service
		return strings.HasSuffix(name, "pki.rds.amazonaws.com")
	}
	return true
}

// forward asks the upstream.
func (r *Resolver) forward(q *dns.Msg) *dns.Msg {
	c := dns.Client{Timeout: 3 * time.Second}
	m, _, err := c.Exchange(q, r.o.Upstream)
	if err == nil && m.Truncated {
		c.Net = "tcp"
		m, _, err = c.Exchange(q, r.o.Upstream)
	}
	if err != nil {
		r.o.Log.Debug("upstream resolver", "name", q.Question[0].Name, "error", err)
		return new(dns.Msg).SetRcode(q, dns.RcodeServerFailure)
	}
	return m
}
