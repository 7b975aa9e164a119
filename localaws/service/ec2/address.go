package ec2

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/ec2api"
)

// address is an elastic IP address.
type address struct{ ec2api.Address }

var addresses = newKind("addresses", "eipalloc-", "elastic-ip", "InvalidAllocationID.NotFound", "allocation ID",
	func(a *address) string { return *a.AllocationId })

var addressFields = fields[address]{
	"allocation-id":              func(a *address) []string { return one(*a.AllocationId) },
	"association-id":             func(a *address) []string { return one(ptr.Val(a.AssociationId)) },
	"domain":                     func(a *address) []string { return one("vpc") },
	"instance-id":                func(a *address) []string { return one(ptr.Val(a.InstanceId)) },
	"network-border-group":       func(a *address) []string { return one(ptr.Val(a.NetworkBorderGroup)) },
	"network-interface-id":       func(a *address) []string { return one(ptr.Val(a.NetworkInterfaceId)) },
	"network-interface-owner-id": func(a *address) []string { return one(ptr.Val(a.NetworkInterfaceOwnerId)) },
	"private-ip-address":         func(a *address) []string { return one(ptr.Val(a.PrivateIpAddress)) },
	"public-ip":                  func(a *address) []string { return one(*a.PublicIp) },
}

func (s *Service) registerAddresses(r *wire.Registry) {
	serve(r, ec2api.AllocateAddress, "Domain PublicIpv4Pool NetworkBorderGroup TagSpecifications", s.allocateAddress)
	serve(r, ec2api.ReleaseAddress, "AllocationId NetworkBorderGroup", s.releaseAddress)
	serve(r, ec2api.AssociateAddress, "AllocationId AllowReassociation InstanceId NetworkInterfaceId PrivateIpAddress", s.associateAddress)
	serve(r, ec2api.DisassociateAddress, "AssociationId", s.disassociateAddress)
	serve(r, ec2api.DescribeAddresses, "AllocationIds Filters PublicIps", s.describeAddresses)
	serve(r, ec2api.DescribeAddressesAttribute, "AllocationIds Attribute MaxResults NextToken", s.describeAddressesAttribute)
}

// publicRanges are where public addresses come from: the ranges that RFC 5737
// sets apart, which belong to nobody.
var publicRanges = []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("192.0.2.0/24")}

// freePublicAddress returns a public address that nothing in the region has.
func (t *tx) freePublicAddress() (string, error) {
	taken := map[string]bool{}
	for _, a := range addresses.all(t) {
		taken[*a.PublicIp] = true
	}
	for _, i := range interfaces.all(t) {
		taken[i.PublicIP] = true
	}
	for _, p := range publicRanges {
		for a := p.Addr().Next(); p.Contains(a.Next()); a = a.Next() {
			if !taken[a.String()] {
				return a.String(), nil
			}
		}
	}
	return "", wire.Errorf(400, "AddressLimitExceeded", "The maximum number of addresses has been reached.")
}

func (s *Service) allocateAddress(ctx context.Context, in *ec2api.AllocateAddressInput) (*ec2api.AllocateAddressOutput, error) {
	var a address
	err := s.update(ctx, func(t *tx) error {
		if ptr.Val(or(in.Domain, "vpc")) != "vpc" {
			return wire.Errorf(400, "InvalidParameterValue", "Value (%s) for parameter domain is invalid. Use vpc.", *in.Domain)
		}
		ip, err := t.freePublicAddress()
		if err != nil {
			return err
		}
		a = address{ec2api.Address{AllocationId: new(addresses.newID()), Domain: new("vpc"), PublicIp: &ip, PublicIpv4Pool: new("amazon"), NetworkBorderGroup: new(t.region)}}
		addresses.put(t, a)
		return t.specify(*a.AllocationId, addresses.resource, in.TagSpecifications)
	})
	return &ec2api.AllocateAddressOutput{AllocationId: a.AllocationId, Domain: a.Domain, PublicIp: a.PublicIp, PublicIpv4Pool: a.PublicIpv4Pool, NetworkBorderGroup: a.NetworkBorderGroup}, err
}

func (s *Service) releaseAddress(ctx context.Context, in *ec2api.ReleaseAddressInput) (*ec2api.ReleaseAddressOutput, error) {
	return nil, s.update(ctx, func(t *tx) error {
		a, err := addresses.get(t, ptr.Val(in.AllocationId))
		if err != nil {
			return err
		}
		if a.AssociationId != nil {
			return wire.Errorf(400, "InvalidIPAddress.InUse", "Address %s is in use.", *a.PublicIp)
		}
		addresses.remove(t, *a.AllocationId)
		return nil
	})
}

// bind gives an elastic address to an interface.
func (t *tx) bind(allocation string, i networkInterface, again bool) (address, error) {
	a, err := addresses.get(t, allocation)
	if err != nil {
		return a, err
	}
	if a.AssociationId != nil {
		if *a.NetworkInterfaceId == i.ID {
			return a, nil
		}
		if !again {
			return a, wire.Errorf(400, "Resource.AlreadyAssociated", "resource %s is already associated with associate-id %s", allocation, *a.AssociationId)
		}
	}
	if !internetGateways.any(t, func(g *internetGateway) bool { return attachedTo(g) == i.VPC }) {
		return a, wire.Errorf(400, "Gateway.NotAttached", "Network %s is not attached to any internet gateway", i.VPC)
	}
	if other, ok := t.elastic(i.ID); ok {
		if !again {
			return a, wire.Errorf(400, "Resource.AlreadyAssociated", "resource %s is already associated with associate-id %s", i.ID, *other.AssociationId)
		}
		t.unbind(other)
	}
	a.AssociationId, a.NetworkInterfaceId, a.NetworkInterfaceOwnerId, a.PrivateIpAddress = new(newID("eipassoc-")), &i.ID, new(t.Account), new(i.Addr.String())
	a.InstanceId = nil
	if i.Instance != "" {
		a.InstanceId = &i.Instance
	}
	addresses.put(t, a)
	return a, nil
}

func (t *tx) unbind(a address) {
	a.AssociationId, a.NetworkInterfaceId, a.NetworkInterfaceOwnerId, a.PrivateIpAddress, a.InstanceId = nil, nil, nil, nil, nil
	addresses.put(t, a)
}

// elastic returns the elastic address of an interface.
func (t *tx) elastic(interfaceID string) (found address, ok bool) {
	ok = addresses.any(t, func(a *address) bool { found = *a; return ptr.Val(a.NetworkInterfaceId) == interfaceID })
	return found, ok
}

func (s *Service) associateAddress(ctx context.Context, in *ec2api.AssociateAddressInput) (*ec2api.AssociateAddressOutput, error) {
	out := &ec2api.AssociateAddressOutput{}
	return out, s.update(ctx, func(t *tx) error {
		id := ptr.Val(in.NetworkInterfaceId)
		if in.InstanceId != nil {
			x, err := instances.get(t, *in.InstanceId)
			if err != nil {
				return err
			}
			primary, ok := t.primaryInterface(x.ID)
			if !ok {
				return wire.Errorf(400, "IncorrectInstanceState", "The instance '%s' is not in a valid state for this operation.", x.ID)
			}
			id = primary.ID
		}
		i, err := interfaces.get(t, id)
		if err != nil {
			return err
		}
		a, err := t.bind(ptr.Val(in.AllocationId), i, ptr.Val(in.AllowReassociation))
		out.AssociationId = a.AssociationId
		return err
	})
}

func (s *Service) disassociateAddress(ctx context.Context, in *ec2api.DisassociateAddressInput) (*ec2api.DisassociateAddressOutput, error) {
	return nil, s.update(ctx, func(t *tx) error {
		for _, a := range addresses.all(t) {
			if a.AssociationId != nil && *a.AssociationId == ptr.Val(in.AssociationId) {
				t.unbind(a)
				return nil
			}
		}
		return wire.Errorf(400, "InvalidAssociationID.NotFound", "The association ID '%s' does not exist", ptr.Val(in.AssociationId))
	})
}

func (s *Service) describeAddresses(ctx context.Context, in *ec2api.DescribeAddressesInput) (*ec2api.DescribeAddressesOutput, error) {
	out := &ec2api.DescribeAddressesOutput{}
	return out, s.view(ctx, func(t *tx) error {
		some, err := addresses.find(t, in.AllocationIds, in.Filters, addressFields)
		if err != nil {
			return err
		}
		for _, ip := range in.PublicIps {
			if !slices.ContainsFunc(some, func(a address) bool { return *a.PublicIp == ip }) {
				return wire.Errorf(400, "InvalidAddress.NotFound", "Address '%s' not found.", ip)
			}
		}
		for _, a := range some {
			if len(in.PublicIps) == 0 || slices.Contains(in.PublicIps, *a.PublicIp) {
				a.Tags = t.tags(*a.AllocationId)
				out.Addresses = append(out.Addresses, a.Address)
			}
		}
		return nil
	})
}

// describeAddressesAttribute answers that addresses have no reverse names: local
// AWS sets none.
func (s *Service) describeAddressesAttribute(ctx context.Context, in *ec2api.DescribeAddressesAttributeInput) (*ec2api.DescribeAddressesAttributeOutput, error) {
	out := &ec2api.DescribeAddressesAttributeOutput{}
	return out, s.view(ctx, func(t *tx) error {
		some, err := addresses.find(t, in.AllocationIds, nil, nil)
		if err != nil {
			return err
		}
		for _, a := range some {
			out.Addresses = append(out.Addresses, ec2api.AddressAttribute{AllocationId: a.AllocationId, PublicIp: a.PublicIp})
		}
		out.Addresses, out.NextToken, err = page(out.Addresses, in.MaxResults, in.NextToken)
		return err
	})
}

// publicName is the DNS name AWS gives a public address.
func publicName(ip, region string) string {
	domain := region + ".compute"
	if region == "us-east-1" {
		domain = "compute-1"
	}
	return fmt.Sprintf("ec2-%s.%s.amazonaws.com", strings.ReplaceAll(ip, ".", "-"), domain)
}

// privateName is the DNS name AWS gives a private address.
func privateName(a netip.Addr, region string) string {
	return "ip-" + strings.ReplaceAll(a.String(), ".", "-") + "." + internalDomain(region)
}
