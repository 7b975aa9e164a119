package ec2

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"grocery/localaws/reconcile"
	"grocery/localaws/runtime"
	"grocery/localaws/store"
	"grocery/localaws/wire"
)

// networkRecord says that a VPC has, or is to have, a network. It outlives the
// VPC until the network is removed.
type networkRecord struct{ ID string }

var networkRecords = newKind("networks", "vpc-", "", "", "", func(n *networkRecord) string { return n.ID })

// networks keeps the runtime's networks and their packet filters in line with
// the tables.
type networks struct {
	s  *Service
	at map[string]time.Time // when a network was last ensured
}

func newNetworks(s *Service) *networks {
	return &networks{s: s, at: map[string]time.Time{}}
}

// repairEvery is how often networks that nothing changed are looked after.
const repairEvery = 30 * time.Second

func (n *networks) loop() reconcile.Loop {
	return reconcile.Loop{Name: "ec2 networks", Every: repairEvery, Run: n.run, Tables: []string{
		networkRecords.table.Name, vpcs.table.Name, subnets.table.Name, interfaces.table.Name, groups.table.Name, rules.table.Name, routeTables.table.Name,
		internetGateways.table.Name, natGateways.table.Name, addresses.table.Name, endpoints.table.Name,
	}}
}

// service is the principal under which the loops act.
const service = "ec2.amazonaws.com"

func (n *networks) run(ctx context.Context) error {
	var found []string
	if err := n.s.d.Store.View(func(t store.Tx) error { found = networkRecords.regions(t); return nil }); err != nil {
		return err
	}
	var errs []error
	for _, region := range found {
		ctx := wire.AsService(ctx, service, region)
		var all []networkRecord
		if err := n.s.view(ctx, func(t *tx) error { all = networkRecords.all(t); return nil }); err != nil {
			return err
		}
		for _, r := range all {
			if err := n.reconcile(ctx, r.ID); err != nil {
				errs = append(errs, fmt.Errorf("network %s: %w", r.ID, err))
			}
		}
	}
	return errors.Join(errs...)
}

func (n *networks) reconcile(ctx context.Context, id string) error {
	var v vpc
	var policy runtime.Policy
	exists := false
	if err := n.s.view(ctx, func(t *tx) error {
		var err error
		if v, err = vpcs.get(t, id); err == nil {
			exists, policy = true, t.policy(id)
		}
		return nil
	}); err != nil {
		return err
	}
	rt := n.s.d.Runtime
	if !exists {
		delete(n.at, id)
		if err := rt.RemoveNetwork(ctx, id); err != nil {
			return err
		}
		return n.s.update(ctx, func(t *tx) error { networkRecords.remove(t, id); return nil })
	}
	net := runtime.Network{ID: id, CIDRs: []netip.Prefix{netip.MustParsePrefix(*v.CidrBlock)}}
	if now := n.s.d.Clock.Now(); n.at[id].IsZero() || now.Sub(n.at[id]) >= repairEvery {
		if err := rt.EnsureNetwork(ctx, net); err != nil {
			return err
		}
		n.at[id] = now
	}
	return rt.SetPolicy(ctx, id, policy)
}

// policy computes the packet filter of a VPC.
func (t *tx) policy(vpcID string) runtime.Policy {
	var p runtime.Policy
	var private []networkInterface // of interface endpoints
	own := interfaces.where(t, func(i *networkInterface) bool { return i.VPC == vpcID })
	for _, i := range own {
		if i.Type == "vpc_endpoint" {
			private = append(private, i)
		}
	}
	for _, i := range own {
		if i.status() != "in-use" {
			continue
		}
		x := runtime.PolicyInterface{ID: i.ID, Addr: i.Addr, Groups: i.Groups}
		gateway, nat, endpoint := t.wayOut(i)
		x.Inbound = gateway && t.publicAddress(&i) != ""
		x.Endpoint = x.Inbound || nat || endpoint || len(private) > 0
		p.Interfaces = append(p.Interfaces, x)
	}
	for _, g := range groups.where(t, func(g *group) bool { return *g.VpcId == vpcID }) {
		x := runtime.Group{ID: *g.GroupId}
		for _, r := range t.rulesOf(x.ID) {
			if r.Egress {
				x.Egress = append(x.Egress, t.filterRules(r, private)...)
			} else {
				x.Ingress = append(x.Ingress, t.filterRules(r, nil)...)
			}
		}
		p.Groups = append(p.Groups, x)
	}
	return p
}

// wayOut says where an interface's routes lead: to an internet gateway, to a
// NAT gateway, to a gateway endpoint.
func (t *tx) wayOut(i networkInterface) (gateway, nat, endpoint bool) {
	best := -1
	for _, r := range t.shownRoutes(t.tableOf(i.VPC, i.Subnet)).Routes {
		if r.DestinationPrefixListId != nil {
			endpoint = true
			continue
		}
		p := netip.MustParsePrefix(*r.DestinationCidrBlock)
		if p.Contains(runtime.EndpointAddr) && p.Bits() > best && *r.State == "active" {
			best, gateway, nat = p.Bits(), r.NatGatewayId == nil && *r.GatewayId != "local", r.NatGatewayId != nil
		}
	}
	return gateway, nat, endpoint
}

// filterRules turns a security group rule into those of the packet filter.
// There is no IPv6. In local AWS the traffic to an interface endpoint goes to
// the one address of all AWS services, so what admits the endpoint's interface
// admits that address.
func (t *tx) filterRules(r rule, private []networkInterface) (all []runtime.Rule) {
	base := runtime.Rule{Protocol: runtime.Protocol(r.Protocol), FromPort: int(r.From), ToPort: int(r.To)}
	cidr := func(p netip.Prefix) {
		x := base
		x.CIDR = p
		all = append(all, x)
	}
	switch {
	case r.Protocol == "icmpv6" || r.CIDR6 != "":
	case r.CIDR != "":
		p := netip.MustParsePrefix(r.CIDR)
		cidr(p)
		if slices.ContainsFunc(private, func(i networkInterface) bool { return p.Contains(i.Addr) }) && !p.Contains(runtime.EndpointAddr) {
			cidr(netip.PrefixFrom(runtime.EndpointAddr, 32))
		}
	case r.PrefixList != "":
		if l, err := prefixListByID(t.region, r.PrefixList); err == nil {
			for _, p := range l.ranges {
				cidr(p)
			}
		}
	default:
		x := base
		x.Group = r.Peer
		all = append(all, x)
		if slices.ContainsFunc(private, func(i networkInterface) bool { return slices.Contains(i.Groups, r.Peer) }) {
			cidr(netip.PrefixFrom(runtime.EndpointAddr, 32))
		}
	}
	return all
}
