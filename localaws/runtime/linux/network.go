//go:build linux

package linux

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"grocery/localaws/runtime"
)

// Kinds of namespaces.
const (
	kindNet  = "net"  // routes and filters
	kindEdge = "edge" // what is outside a network: the internet, AWS's endpoint
	kindNode = "node" // an interface without container
)

const (
	edgeLink = "inet0" // a network's side of the way out
	edgePeer = "vpc0"  // the other side
)

// Link-local addresses of the two ends of the way out.
var (
	edgeNetAddr  = netip.MustParseAddr("169.254.1.1")
	edgePeerAddr = netip.MustParseAddr("169.254.1.2")
	edgeRange    = netip.MustParsePrefix("198.18.0.0/30")
)

// EnsureNetwork creates or updates a network.
func (r *Runtime) EnsureNetwork(ctx context.Context, n runtime.Network) error {
	if n.ID == "" || len(n.CIDRs) == 0 {
		return errors.New("a network needs an id and an address range")
	}
	for _, c := range n.CIDRs {
		if !c.IsValid() || !c.Addr().Is4() {
			return fmt.Errorf("network %s: %s is no IPv4 range", n.ID, c)
		}
	}
	defer r.locks.lock(n.ID)()
	if err := r.ensureNetwork(n); err != nil {
		return fmt.Errorf("network %s: %w", n.ID, err)
	}
	return nil
}

func (r *Runtime) ensureNetwork(n runtime.Network) error {
	name, edge := r.nsName(kindNet, n.ID), r.nsName(kindEdge, n.ID)
	for _, ns := range []string{name, edge} {
		if err := ensureNamespace(ns); err != nil {
			return err
		}
	}
	net, closeNet, err := openNamespace(name)
	if err != nil {
		return err
	}
	defer closeNet()
	if _, err := net.LinkByName(edgeLink); isGone(err) {
		// The way out is made last, so without it this network is new.
		r.forgetPolicy(n.ID)
		if err := prepareRouter(name); err != nil {
			return err
		}
	}
	out, closeOut, err := openNamespace(edge)
	if err != nil {
		return err
	}
	defer closeOut()

	services := []netip.Addr{runtime.MetadataAddr, runtime.ResolverAddr}
	for _, c := range n.CIDRs {
		services = append(services, runtime.Resolver(c))
	}
	if err := loopback(net.Handle, services); err != nil {
		return err
	}
	if err := loopback(out.Handle, []netip.Addr{runtime.InternetAddr, runtime.EndpointAddr}); err != nil {
		return err
	}
	// Absent addresses of the network swallow packets, as on AWS; the rest of
	// the internet does not exist here, and saying so beats a timeout.
	dead := []netlink.Route{{Dst: prefixNet(netip.MustParsePrefix("0.0.0.0/0")), Type: unix.RTN_UNREACHABLE}}
	for _, c := range n.CIDRs {
		dead = append(dead, netlink.Route{Dst: prefixNet(c), Type: unix.RTN_BLACKHOLE})
	}
	for i := range dead {
		if err := net.RouteReplace(&dead[i]); err != nil {
			return fmt.Errorf("route %s: %w", dead[i].Dst, err)
		}
	}
	if err := ensureEdge(net, out, n.CIDRs); err != nil {
		return fmt.Errorf("the way out: %w", err)
	}
	return nil
}

// prepareRouter makes a new namespace route, with a filter in place that lets
// nothing pass.
func prepareRouter(name string) error {
	if err := nft(name, policyScript(runtime.Policy{})); err != nil {
		return err
	}
	return inNamed(name, func() error {
		for _, s := range [][2]string{
			{"net/ipv4/conf/all/rp_filter", "0"},
			{"net/ipv4/conf/default/rp_filter", "0"},
			{"net/ipv4/conf/all/send_redirects", "0"},
			{"net/ipv4/conf/default/send_redirects", "0"},
			{"net/ipv4/ip_forward", "1"},
		} {
			if err := sysctl(s[0], s[1]); err != nil {
				return err
			}
		}
		return nil
	})
}

// space is an open namespace with a netlink socket in it.
type space struct {
	*netlink.Handle
	ns netns.NsHandle
}

func openNamespace(name string) (space, func(), error) {
	h, err := netns.GetFromName(name)
	if err != nil {
		if errors.Is(err, os.ErrNotExist) {
			err = runtime.ErrNotFound
		}
		return space{}, nil, fmt.Errorf("network namespace %s: %w", name, err)
	}
	return openHandle(h)
}

func openHandle(h netns.NsHandle) (space, func(), error) {
	nl, err := netlink.NewHandleAt(h, unix.NETLINK_ROUTE, unix.NETLINK_NETFILTER)
	if err != nil {
		h.Close()
		return space{}, nil, fmt.Errorf("netlink: %w", err)
	}
	return space{nl, h}, func() { nl.Close(); h.Close() }, nil
}

// loopback brings lo up with exactly these addresses beside 127.0.0.1.
func loopback(h *netlink.Handle, want []netip.Addr) error {
	lo, err := h.LinkByName("lo")
	if err != nil {
		return err
	}
	if err := h.LinkSetUp(lo); err != nil {
		return err
	}
	have, err := h.AddrList(lo, unix.AF_INET)
	if err != nil {
		return err
	}
	for _, a := range have {
		addr, _ := netip.AddrFromSlice(a.IP.To4())
		if !addr.IsLoopback() && !slices.Contains(want, addr) {
			if err := h.AddrDel(lo, &a); err != nil {
				return err
			}
		}
	}
	for _, a := range want {
		if err := h.AddrReplace(lo, &netlink.Addr{IPNet: hostNet(a)}); err != nil {
			return fmt.Errorf("address %s: %w", a, err)
		}
	}
	return nil
}

// ensureEdge connects a network with its outside.
func ensureEdge(net, out space, cidrs []netip.Prefix) error {
	if !paired(net, edgeLink, out, edgePeer) {
		for _, s := range []struct {
			space
			link string
		}{{net, edgeLink}, {out, edgePeer}} {
			if l, err := s.LinkByName(s.link); err == nil {
				if err := s.LinkDel(l); err != nil {
					return err
				}
			}
		}
		veth := &netlink.Veth{
			LinkAttrs:     netlink.LinkAttrs{Name: edgeLink, MTU: mtu},
			PeerName:      edgePeer,
			PeerMTU:       mtu,
			PeerNamespace: netlink.NsFd(out.ns),
		}
		if err := net.LinkAdd(veth); err != nil {
			return err
		}
	}
	inner, err := bringUp(net.Handle, edgeLink, hostNet(edgeNetAddr))
	if err != nil {
		return err
	}
	outer, err := bringUp(out.Handle, edgePeer, hostNet(edgePeerAddr))
	if err != nil {
		return err
	}
	err = net.RouteReplace(&netlink.Route{
		LinkIndex: inner.Attrs().Index, Dst: prefixNet(edgeRange), Gw: edgePeerAddr.AsSlice(), Flags: unix.RTNH_F_ONLINK,
	})
	if err != nil {
		return err
	}
	for _, c := range cidrs {
		err = out.RouteReplace(&netlink.Route{
			LinkIndex: outer.Attrs().Index, Dst: prefixNet(c), Gw: edgeNetAddr.AsSlice(),
			Src: runtime.InternetAddr.AsSlice(), Flags: unix.RTNH_F_ONLINK,
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// bringUp gives a link an address and sets it up.
func bringUp(h *netlink.Handle, link string, addr *net.IPNet) (netlink.Link, error) {
	l, err := h.LinkByName(link)
	if err != nil {
		return nil, err
	}
	if err := h.AddrReplace(l, &netlink.Addr{IPNet: addr}); err != nil {
		return nil, err
	}
	return l, h.LinkSetUp(l)
}

// paired reports whether two links are the two ends of one veth.
func paired(a space, aLink string, b space, bLink string) bool {
	la, err := a.LinkByName(aLink)
	if err != nil || la.Type() != "veth" {
		return false
	}
	lb, err := b.LinkByName(bLink)
	if err != nil || lb.Type() != "veth" {
		return false
	}
	if la.Attrs().ParentIndex != lb.Attrs().Index || lb.Attrs().ParentIndex != la.Attrs().Index {
		return false
	}
	// Index numbers repeat between namespaces; the id that a has for its
	// peer's namespace tells whether that is b.
	id, err := a.GetNetNsIdByFd(int(b.ns))
	return err == nil && id == la.Attrs().NetNsID
}

// RemoveNetwork removes a network and everything in it.
func (r *Runtime) RemoveNetwork(ctx context.Context, id string) error {
	defer r.locks.lock(id)()
	r.forgetPolicy(id)
	return r.removeNetwork(r.nsName(kindNet, id), r.nsName(kindEdge, id))
}

func (r *Runtime) removeNetwork(name, edge string) error {
	net, closeNet, err := openNamespace(name)
	if err == nil {
		defer closeNet()
		links, err := net.LinkList()
		if err != nil {
			return err
		}
		for _, l := range links {
			if l.Type() != "veth" {
				continue
			}
			if id := l.Attrs().Alias; id != "" {
				if err := r.removeNode(id); err != nil {
					return err
				}
			}
			if err := net.LinkDel(l); err != nil && !isGone(err) {
				return err
			}
		}
	} else if !errors.Is(err, runtime.ErrNotFound) {
		return err
	}
	for _, ns := range []string{name, edge} {
		r.closeSockets(ns)
		if err := removeNamespace(ns); err != nil {
			return err
		}
	}
	return nil
}

// removeNode removes the namespace of an interface without container.
func (r *Runtime) removeNode(interfaceID string) error {
	ns := r.nsName(kindNode, interfaceID)
	r.closeSockets(ns)
	return removeNamespace(ns)
}

// purgeNetworks removes all namespaces of this cloud.
func (r *Runtime) purgeNetworks() error {
	var errs []error
	prefix := r.nsPrefix(kindNet)
	nets, err := namespaces(prefix)
	errs = append(errs, err)
	for _, name := range nets {
		id := strings.TrimPrefix(name, prefix)
		errs = append(errs, func() error {
			defer r.locks.lock(id)()
			r.forgetPolicy(id)
			return r.removeNetwork(name, r.nsName(kindEdge, id))
		}())
	}
	for _, kind := range []string{kindNode, kindEdge, "probe"} {
		rest, err := namespaces(r.nsPrefix(kind))
		errs = append(errs, err)
		for _, ns := range rest {
			r.closeSockets(ns)
			errs = append(errs, removeNamespace(ns))
		}
	}
	return errors.Join(errs...)
}

func hostNet(a netip.Addr) *net.IPNet { return prefixNet(netip.PrefixFrom(a, 32)) }

func prefixNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Masked().Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), 32)}
}

func isGone(err error) bool {
	var absent netlink.LinkNotFoundError
	return errors.As(err, &absent) || errors.Is(err, unix.ENODEV) || errors.Is(err, unix.ENOENT)
}
