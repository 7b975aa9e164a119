//go:build linux

package linux

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"grocery/localaws/runtime"
)

// mtu is that of AWS's networks within a region.
const mtu = 9001

// Attach connects an interface, or repairs it.
func (r *Runtime) Attach(ctx context.Context, i runtime.Interface) error {
	if i.ID == "" || !i.Addr.Is4() || !i.Subnet.Contains(i.Addr) {
		return fmt.Errorf("interface %q: it needs an id and an IPv4 address (%s) inside its subnet (%s)", i.ID, i.Addr, i.Subnet)
	}
	if i.Device == "" {
		i.Device = "eth0"
	}
	if i.MAC == nil {
		i.MAC = macOf(i.Addr)
	}
	defer r.locks.lock(i.Network)()
	if err := r.attach(ctx, i); err != nil {
		return fmt.Errorf("attaching interface %s to %s: %w", i.ID, i.Network, err)
	}
	return nil
}

func (r *Runtime) attach(ctx context.Context, i runtime.Interface) error {
	router, closeRouter, err := openNamespace(r.nsName(kindNet, i.Network))
	if err != nil {
		return err
	}
	defer closeRouter()
	guest, closeGuest, err := r.openGuest(ctx, i)
	if err != nil {
		return err
	}
	defer closeGuest()

	link := linkName(i.ID)
	if !paired(router, link, guest, i.Device) {
		if err := connect(router, guest, link, i); err != nil {
			return err
		}
		// Connections of whoever had this address before are not ours.
		forgetConnections(router.Handle, i.Addr)
		r.log.Debug("interface attached", "interface", i.ID, "network", i.Network, "address", i.Addr, "container", i.Container)
	}
	if err := routerSide(router.Handle, link, i); err != nil {
		return fmt.Errorf("router side: %w", err)
	}
	if err := guestSide(guest.Handle, i); err != nil {
		return fmt.Errorf("guest side: %w", err)
	}
	return nil
}

// openGuest opens the namespace at the other end of an interface.
func (r *Runtime) openGuest(ctx context.Context, i runtime.Interface) (space, func(), error) {
	if i.Container == "" {
		name := r.nsName(kindNode, i.ID)
		if err := ensureNamespace(name); err != nil {
			return space{}, nil, err
		}
		return openNamespace(name)
	}
	st, err := r.InspectContainer(ctx, i.Container)
	if err != nil {
		return space{}, nil, err
	}
	if st.PID == 0 {
		return space{}, nil, fmt.Errorf("container %s: %w", i.Container, runtime.ErrNotRunning)
	}
	h, err := netns.GetFromPid(st.PID)
	if err != nil {
		return space{}, nil, fmt.Errorf("container %s: %w", i.Container, err)
	}
	return openHandle(h)
}

// connect makes the pair of links anew.
func connect(router, guest space, link string, i runtime.Interface) error {
	for _, s := range []struct {
		space
		link string
	}{{router, link}, {guest, i.Device}} {
		if l, err := s.LinkByName(s.link); err == nil {
			if err := s.LinkDel(l); err != nil && !isGone(err) {
				return err
			}
		}
	}
	veth := &netlink.Veth{
		LinkAttrs:        netlink.LinkAttrs{Name: link, MTU: mtu},
		PeerName:         i.Device,
		PeerHardwareAddr: i.MAC,
		PeerMTU:          mtu,
		PeerNamespace:    netlink.NsFd(guest.ns),
	}
	if err := router.LinkAdd(veth); err != nil {
		return fmt.Errorf("creating the link: %w", err)
	}
	return inNamespace(router.ns, func() error {
		for _, s := range [][2]string{
			{"net/ipv4/conf/" + link + "/proxy_arp", "1"},
			{"net/ipv4/neigh/" + link + "/proxy_delay", "0"},
			{"net/ipv4/conf/" + link + "/rp_filter", "0"},
		} {
			if err := sysctl(s[0], s[1]); err != nil {
				return err
			}
		}
		return nil
	})
}

// routerSide makes the router the gateway of the guest, and the link the only
// way to the guest's address.
func routerSide(h *netlink.Handle, link string, i runtime.Interface) error {
	l, err := h.LinkByName(link)
	if err != nil {
		return err
	}
	if l.Attrs().Alias != i.ID {
		if err := h.LinkSetAlias(l, i.ID); err != nil {
			return err
		}
	}
	if err := onlyAddress(h, l, hostNet(runtime.Gateway(i.Subnet))); err != nil {
		return err
	}
	if err := h.LinkSetUp(l); err != nil {
		return err
	}
	err = h.NeighSet(&netlink.Neigh{
		LinkIndex: l.Attrs().Index, State: netlink.NUD_PERMANENT, IP: i.Addr.AsSlice(), HardwareAddr: i.MAC,
	})
	if err != nil {
		return err
	}
	return h.RouteReplace(&netlink.Route{
		LinkIndex: l.Attrs().Index, Dst: hostNet(i.Addr), Scope: netlink.SCOPE_LINK,
	})
}

// guestSide gives the guest its address and its default route.
func guestSide(h *netlink.Handle, i runtime.Interface) error {
	if lo, err := h.LinkByName("lo"); err == nil {
		if err := h.LinkSetUp(lo); err != nil {
			return err
		}
	}
	l, err := h.LinkByName(i.Device)
	if err != nil {
		return err
	}
	addr := &net.IPNet{IP: i.Addr.AsSlice(), Mask: net.CIDRMask(i.Subnet.Bits(), 32)}
	if err := onlyAddress(h, l, addr); err != nil {
		return err
	}
	if err := h.LinkSetUp(l); err != nil {
		return err
	}
	if i.Device != "eth0" {
		return nil // the first interface has the default route
	}
	return h.RouteReplace(&netlink.Route{
		LinkIndex: l.Attrs().Index, Dst: prefixNet(netip.MustParsePrefix("0.0.0.0/0")),
		Gw: runtime.Gateway(i.Subnet).AsSlice(), Src: i.Addr.AsSlice(),
	})
}

// onlyAddress leaves a link with one IPv4 address.
func onlyAddress(h *netlink.Handle, l netlink.Link, want *net.IPNet) error {
	have, err := h.AddrList(l, unix.AF_INET)
	if err != nil {
		return err
	}
	found := false
	for _, a := range have {
		if a.IPNet.String() == want.String() {
			found = true
			continue
		}
		if err := h.AddrDel(l, &a); err != nil {
			return err
		}
	}
	if found {
		return nil
	}
	return h.AddrAdd(l, &netlink.Addr{IPNet: want})
}

// Detach removes an interface, whatever network it is in.
func (r *Runtime) Detach(ctx context.Context, interfaceID string) error {
	prefix := r.nsPrefix(kindNet)
	nets, err := namespaces(prefix)
	if err != nil {
		return err
	}
	for _, name := range nets {
		id := strings.TrimPrefix(name, prefix)
		if err := r.detachFrom(id, name, interfaceID); err != nil {
			return fmt.Errorf("detaching interface %s: %w", interfaceID, err)
		}
	}
	return r.removeNode(interfaceID)
}

func (r *Runtime) detachFrom(network, name, interfaceID string) error {
	defer r.locks.lock(network)()
	router, closeRouter, err := openNamespace(name)
	if errors.Is(err, runtime.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	defer closeRouter()
	l, err := router.LinkByName(linkName(interfaceID))
	if isGone(err) {
		return nil
	}
	if err != nil {
		return err
	}
	routes, err := router.RouteList(l, unix.AF_INET)
	if err != nil {
		return err
	}
	if err := router.LinkDel(l); err != nil && !isGone(err) {
		return err
	}
	for _, rt := range routes {
		if rt.Dst == nil {
			continue
		}
		if a, ok := netip.AddrFromSlice(rt.Dst.IP.To4()); ok {
			forgetConnections(router.Handle, a)
		}
	}
	return nil
}

// forgetConnections removes what connection tracking knows of an address.
func forgetConnections(h *netlink.Handle, a netip.Addr) {
	// A filter that finds nothing to delete reports an error on some kernels;
	// there is nothing to be done about either.
	_, _ = h.ConntrackDeleteFilters(netlink.ConntrackTable, unix.AF_INET, ofAddress(a.AsSlice()))
}

type ofAddress net.IP

// MatchConntrackFlow matches connections from or to the address.
func (a ofAddress) MatchConntrackFlow(f *netlink.ConntrackFlow) bool {
	ip := net.IP(a)
	return ip.Equal(f.Forward.SrcIP) || ip.Equal(f.Forward.DstIP)
}
