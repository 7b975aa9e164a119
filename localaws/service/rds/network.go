package rds

import (
	"context"
	"net/netip"
	"slices"

	"grocery/localaws/names"
	"grocery/localaws/runtime"
	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/store"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/ec2api"
)

const interfaceDescription = "RDSNetworkInterface"

// ensureAddresses gives an instance its network interface, its address in the
// service's network and its name, and its security groups.
func (s *Service) ensureAddresses(ctx context.Context, i *instance) error {
	as := asRDS(ctx, i.Region)
	if i.Interface == "" {
		if err := s.ensureInterface(as, i); err != nil {
			return err
		}
	}
	if !slices.Equal(i.GroupsInForce, i.Settings.Groups) {
		want := i.Settings.Groups
		_, err := wire.Invoke(as, s.d.Calls, ec2api.ModifyNetworkInterfaceAttribute, &ec2api.ModifyNetworkInterfaceAttributeInput{NetworkInterfaceId: &i.Interface, Groups: want})
		if err != nil {
			return err
		}
		return s.put(i, func(i *instance) { i.GroupsInForce = want })
	}
	return nil
}

func (s *Service) ensureInterface(ctx context.Context, i *instance) error {
	s.allocate.Lock()
	defer s.allocate.Unlock()
	eni, err := s.orphan(ctx, i)
	if err != nil {
		return err
	}
	if eni == nil {
		out, err := wire.Invoke(ctx, s.d.Calls, ec2api.CreateNetworkInterface, &ec2api.CreateNetworkInterfaceInput{
			SubnetId: &i.Subnet, Groups: i.Settings.Groups, Description: new(interfaceDescription),
		})
		if err != nil {
			return err
		}
		eni = out.NetworkInterface
	}
	addr, err := netip.ParseAddr(ptr.Val(eni.PrivateIpAddress))
	if err != nil {
		return err
	}
	return s.d.Store.Update(func(tx store.Tx) error {
		now, ok := instances.Get(tx, i.key())
		if !ok || now.Resource != i.Resource {
			return errGone
		}
		if now.Internal, err = freeInternal(tx); err != nil {
			return err
		}
		now.Interface, now.Addr = *eni.NetworkInterfaceId, addr
		instances.Put(tx, now.key(), now)
		names.Put(tx, names.Record{Name: now.endpoint(), Network: now.VPC, Addrs: []netip.Addr{addr}})
		*i = now
		return nil
	})
}

// orphan finds an interface that was made for an instance by a process that
// died before it could note it.
func (s *Service) orphan(ctx context.Context, i *instance) (*ec2api.NetworkInterface, error) {
	out, err := wire.Invoke(ctx, s.d.Calls, ec2api.DescribeNetworkInterfaces, &ec2api.DescribeNetworkInterfacesInput{Filters: []ec2api.Filter{
		{Name: new("subnet-id"), Values: []string{i.Subnet}}, {Name: new("description"), Values: []string{interfaceDescription}},
	}})
	if err != nil {
		return nil, err
	}
	used := map[string]bool{}
	err = s.d.Store.View(func(tx store.Tx) error {
		for _, x := range instances.List(tx, i.Region+"/") {
			used[x.Interface] = true
		}
		return nil
	})
	for _, x := range out.NetworkInterfaces {
		if ptr.Val(x.RequesterManaged) && !used[*x.NetworkInterfaceId] {
			return &x, err
		}
	}
	return nil, err
}

// removeAddresses undoes ensureAddresses.
func (s *Service) removeAddresses(ctx context.Context, i *instance) error {
	if err := s.d.Runtime.Detach(ctx, i.container()); err != nil {
		return err
	}
	if i.Interface != "" {
		if err := s.d.Runtime.Detach(ctx, i.Interface); err != nil {
			return err
		}
		_, err := wire.Invoke(asRDS(ctx, i.Region), s.d.Calls, ec2api.DeleteNetworkInterface, &ec2api.DeleteNetworkInterfaceInput{NetworkInterfaceId: &i.Interface})
		if err != nil && wire.Code(err) != "InvalidNetworkInterfaceID.NotFound" {
			return err
		}
	}
	return s.d.Store.Update(func(tx store.Tx) error {
		if now, ok := instances.Get(tx, i.key()); !ok || now.Resource == i.Resource {
			names.Delete(tx, i.endpoint())
		}
		return nil
	})
}

// attachInternal connects a container with the service's own network, which is
// made when it is absent.
func (s *Service) attachInternal(ctx context.Context, container string, addr netip.Addr) error {
	s.allocate.Lock()
	defer s.allocate.Unlock()
	if err := s.d.Runtime.EnsureNetwork(ctx, runtime.Network{ID: internalNetwork, CIDRs: []netip.Prefix{internalRange}}); err != nil {
		return err
	}
	if err := s.d.Runtime.Attach(ctx, runtime.Interface{ID: container, Network: internalNetwork, Addr: addr, Subnet: internalRange, Container: container, Device: "eth1"}); err != nil {
		return err
	}
	return s.setInternalPolicy(ctx)
}

// dropInternal removes the service's network after the last instance. Whoever
// needs it again is in the store before it attaches.
func (s *Service) dropInternal(ctx context.Context) error {
	s.allocate.Lock()
	defer s.allocate.Unlock()
	used := false
	err := s.d.Store.View(func(tx store.Tx) error {
		used = len(instances.List(tx, "")) > 0
		return nil
	})
	if err != nil || used {
		return err
	}
	return s.d.Runtime.RemoveNetwork(ctx, internalNetwork)
}

// setInternalPolicy lets the databases, and nothing else, speak TCP with each
// other in the service's network.
func (s *Service) setInternalPolicy(ctx context.Context) error {
	const group = "rds"
	rule := []runtime.Rule{{Protocol: runtime.TCP, FromPort: 1, ToPort: 65535, Group: group}}
	p := runtime.Policy{Groups: []runtime.Group{{ID: group, Ingress: rule, Egress: rule}}}
	err := s.d.Store.View(func(tx store.Tx) error {
		for _, i := range instances.List(tx, "") {
			if i.Internal.IsValid() {
				p.Interfaces = append(p.Interfaces, runtime.PolicyInterface{ID: i.container(), Addr: i.Internal, Groups: []string{group}})
			}
		}
		for _, x := range snapshots.List(tx, "") {
			if x.Internal.IsValid() {
				p.Interfaces = append(p.Interfaces, runtime.PolicyInterface{ID: x.helper(), Addr: x.Internal, Groups: []string{group}})
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return s.d.Runtime.SetPolicy(ctx, internalNetwork, p)
}
