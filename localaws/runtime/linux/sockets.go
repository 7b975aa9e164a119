//go:build linux

package linux

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strconv"
	"sync"

	"grocery/localaws/runtime"
)

// Listen opens a listener in the namespace of a container-less interface.
func (r *Runtime) Listen(ctx context.Context, interfaceID string, port int) (net.Listener, error) {
	return r.listenIn(ctx, r.nsName(kindNode, interfaceID), net.JoinHostPort("", strconv.Itoa(port)))
}

// Dial connects from the namespace of a container-less interface.
func (r *Runtime) Dial(ctx context.Context, interfaceID, network, address string) (net.Conn, error) {
	return dialIn(ctx, r.nsName(kindNode, interfaceID), network, address)
}

// ListenNetwork opens a listener at an address of the network itself.
func (r *Runtime) ListenNetwork(ctx context.Context, networkID string, addr netip.AddrPort) (net.Listener, error) {
	return r.listenIn(ctx, r.homeOf(networkID, addr), addr.String())
}

// ListenPacketNetwork is ListenNetwork for UDP.
func (r *Runtime) ListenPacketNetwork(ctx context.Context, networkID string, addr netip.AddrPort) (net.PacketConn, error) {
	ns := r.homeOf(networkID, addr)
	var pc net.PacketConn
	err := enter(ns, func() (err error) {
		var lc net.ListenConfig
		pc, err = lc.ListenPacket(ctx, "udp4", addr.String())
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("listening at udp %s in %s: %w", addr, networkID, err)
	}
	t := &trackedPacketConn{PacketConn: pc}
	t.forget = r.track(ns, pc)
	return t, nil
}

// DialNetwork connects from outside the network.
func (r *Runtime) DialNetwork(ctx context.Context, networkID, network, address string) (net.Conn, error) {
	return dialIn(ctx, r.nsName(kindEdge, networkID), network, address)
}

// HostProbe connects from the router, which no policy filters.
func (r *Runtime) HostProbe(ctx context.Context, networkID, network, address string) (net.Conn, error) {
	return dialIn(ctx, r.nsName(kindNet, networkID), network, address)
}

// homeOf is the namespace that has an address of the network itself.
func (r *Runtime) homeOf(networkID string, addr netip.AddrPort) string {
	if edgeRange.Contains(addr.Addr()) {
		return r.nsName(kindEdge, networkID)
	}
	return r.nsName(kindNet, networkID)
}

func (r *Runtime) listenIn(ctx context.Context, ns, address string) (net.Listener, error) {
	var ln net.Listener
	err := enter(ns, func() (err error) {
		var lc net.ListenConfig
		ln, err = lc.Listen(ctx, "tcp4", address)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("listening at %s in %s: %w", address, ns, err)
	}
	t := &trackedListener{Listener: ln}
	t.forget = r.track(ns, ln)
	return t, nil
}

func dialIn(ctx context.Context, ns, network, address string) (net.Conn, error) {
	// A name would be resolved by other threads, outside the namespace.
	if _, err := netip.ParseAddrPort(address); err != nil {
		return nil, fmt.Errorf("dialling %q: the address must be numeric", address)
	}
	var c net.Conn
	err := enter(ns, func() (err error) {
		var d net.Dialer
		c, err = d.DialContext(ctx, network, address)
		return err
	})
	return c, err
}

// enter runs f inside a namespace of ours; an absent one is ErrNotFound.
func enter(ns string, f func() error) error {
	err := inNamed(ns, f)
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("network namespace %s: %w", ns, runtime.ErrNotFound)
	}
	return err
}

// track remembers an open socket, since a namespace lives as long as its last.
func (r *Runtime) track(ns string, c io.Closer) (forget func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.socks[ns] == nil {
		r.socks[ns] = map[io.Closer]struct{}{}
	}
	r.socks[ns][c] = struct{}{}
	return sync.OnceFunc(func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.socks[ns], c)
	})
}

// closeSockets closes what listens in a namespace.
func (r *Runtime) closeSockets(ns string) {
	r.mu.Lock()
	socks := r.socks[ns]
	delete(r.socks, ns)
	r.mu.Unlock()
	for c := range socks {
		_ = c.Close() // whoever accepts there sees net.ErrClosed
	}
}

type trackedListener struct {
	net.Listener
	forget func()
}

// Close closes the listener.
func (t *trackedListener) Close() error { t.forget(); return t.Listener.Close() }

type trackedPacketConn struct {
	net.PacketConn
	forget func()
}

// Close closes the socket.
func (t *trackedPacketConn) Close() error { t.forget(); return t.PacketConn.Close() }
