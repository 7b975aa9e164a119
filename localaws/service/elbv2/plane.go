package elbv2

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"grocery/localaws/names"
	"grocery/localaws/runtime"
	"grocery/localaws/store"
)

// plane is what runs in this process: the balancers' sockets and what is
// remembered between two looks at the store. All of it can be built anew.
type plane struct {
	s       *Service
	recheck chan struct{} // wakes the health loop
	current atomic.Pointer[snapshot]
	door    frontDoor

	mu        sync.Mutex // held while balancers are built or taken down
	refreshed time.Time

	nodesMu sync.Mutex
	nodes   map[string]*node // by balancer

	checksMu sync.Mutex
	checks   map[string]*checker

	hosts hostCounts
}

func newPlane(s *Service) *plane {
	p := &plane{s: s, recheck: make(chan struct{}, 1), nodes: map[string]*node{}, checks: map[string]*checker{}, hosts: hostCounts{groups: map[string]hostCount{}}}
	p.door = frontDoor{at: s.d.FrontDoor, runtime: s.d.Runtime, log: s.d.Log, open: map[int]net.Listener{}}
	p.current.Store(&snapshot{})
	return p
}

func (p *plane) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.door.keep(nil)
	for arn := range p.all() {
		p.drop(arn)
	}
}

// node returns the running node of a balancer, or nil.
func (p *plane) node(arn string) *node {
	p.nodesMu.Lock()
	defer p.nodesMu.Unlock()
	return p.nodes[arn]
}

// all returns the running nodes.
func (p *plane) all() map[string]*node {
	p.nodesMu.Lock()
	defer p.nodesMu.Unlock()
	return maps.Clone(p.nodes)
}

// drop closes the node of a balancer, if there is one.
func (p *plane) drop(arn string) {
	p.nodesMu.Lock()
	x := p.nodes[arn]
	delete(p.nodes, arn)
	p.nodesMu.Unlock()
	if x != nil {
		x.close()
	}
}

// refreshEvery is how often the instances behind targets are looked at.
const refreshEvery = 5 * time.Second

// reconcile brings the running balancers in line with the tables.
func (s *Service) reconcile(ctx context.Context) error {
	p := s.plane
	p.mu.Lock()
	defer p.mu.Unlock()
	var errs []error
	if now := s.d.Clock.Now(); now.Sub(p.refreshed) >= refreshEvery {
		p.refreshed = now
		errs = append(errs, s.refreshTargets(ctx))
	}
	var n *snapshot
	if err := s.d.Store.View(func(tx store.Tx) error { n = read(tx); return nil }); err != nil {
		return err
	}
	p.current.Store(n)
	known := map[string]bool{}
	for _, b := range n.balancers {
		if b.Deleting {
			errs = append(errs, s.tearDownLocked(ctx, b))
			continue
		}
		known[b.ARN] = true
		if err := s.ensure(ctx, n, b); err != nil {
			errs = append(errs, fmt.Errorf("balancer %s: %w", b.Name, err))
		}
	}
	for arn := range p.all() {
		if !known[arn] {
			p.drop(arn)
		}
	}
	p.door.route(n)
	select {
	case p.recheck <- struct{}{}:
	default:
	}
	return errors.Join(errs...)
}

// ensure makes one balancer run as its record says, and writes down how far
// that went.
func (s *Service) ensure(ctx context.Context, n *snapshot, b balancer) error {
	var failed error
	changed := false
	for i, z := range b.Zones {
		if z.Interface != "" {
			continue
		}
		if z, failed = s.ensureInterface(ctx, b, z); failed != nil {
			failed = fmt.Errorf("network interface in %s: %w", z.Subnet, failed)
			break
		}
		b.Zones[i], changed = z, true
	}
	for _, z := range b.Released {
		if err := s.removeInterface(ctx, b.Region, z.Interface); err != nil {
			return fmt.Errorf("give back the interface in %s: %w", z.Subnet, err)
		}
		changed = true
	}
	b.Released = nil
	if failed == nil {
		failed = s.run(ctx, n, b)
	}
	was := b
	switch {
	case failed == nil:
		b.State, b.Reason = "active", ""
	case b.State != "provisioning":
		b.State, b.Reason = "active_impaired", failed.Error()
	default:
		b.Reason = failed.Error()
	}
	if !changed && was.State == b.State && was.Reason == b.Reason {
		return failed
	}
	return errors.Join(failed, s.d.Store.Update(func(tx store.Tx) error {
		now, ok := balancers.Get(tx, b.ARN)
		if !ok || now.Deleting || !slices.Equal(now.subnets(), b.subnets()) {
			return nil // changed meanwhile: the next run sees to it
		}
		now.Zones, now.Released, now.State, now.Reason = b.Zones, b.Released, b.State, b.Reason
		balancers.Put(tx, b.ARN, now)
		names.Put(tx, names.Record{Name: b.DNSName, Network: b.VPC, Addrs: b.addresses()})
		return nil
	}))
}

func (b balancer) addresses() (l []netip.Addr) {
	for _, z := range b.Zones {
		if a, err := netip.ParseAddr(z.Address); err == nil {
			l = append(l, a)
		}
	}
	return l
}

// run makes the node of a balancer listen and sets what it does.
func (s *Service) run(ctx context.Context, n *snapshot, b balancer) error {
	x := s.plane.node(b.ARN)
	if x == nil {
		x = newNode(s, b)
		s.plane.nodesMu.Lock()
		s.plane.nodes[b.ARN] = x
		s.plane.nodesMu.Unlock()
	}
	x.setZones(b.Zones)
	x.proxy.Set(n.compile(b, s.d.FrontDoor.Base))
	err := x.listen(ctx, b, n.listeners[b.ARN])
	if errors.Is(err, runtime.ErrUnsupported) {
		return nil // a runtime without networks serves the API alone
	}
	if err != nil {
		return err
	}
	for _, l := range n.listeners[b.ARN] {
		if err := s.openFrontDoor(b, l.Port); err != nil {
			return err
		}
	}
	return nil
}

// tearDown removes what a deleted balancer has, then its record.
func (s *Service) tearDown(ctx context.Context, b balancer) error {
	s.plane.mu.Lock()
	defer s.plane.mu.Unlock()
	return s.tearDownLocked(ctx, b)
}

func (s *Service) tearDownLocked(ctx context.Context, b balancer) error {
	s.plane.drop(b.ARN)
	for _, z := range slices.Concat(b.Zones, b.Released) {
		if z.Interface == "" { // perhaps made, and not yet written down
			if err := s.removeStray(ctx, b, z); err != nil {
				return err
			}
			continue
		}
		if err := s.removeInterface(ctx, b.Region, z.Interface); err != nil {
			return fmt.Errorf("remove interface %s: %w", z.Interface, err)
		}
	}
	return s.d.Store.Update(func(tx store.Tx) error {
		names.Delete(tx, b.DNSName)
		balancers.Delete(tx, b.ARN)
		return nil
	})
}
