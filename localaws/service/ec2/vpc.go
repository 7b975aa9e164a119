package ec2

import (
	"context"
	"net/netip"

	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/ec2api"
)

// vpc is a VPC with the attributes that only DescribeVpcAttribute shows.
type vpc struct {
	ec2api.Vpc
	DNSSupport, DNSHostnames, AddressMetrics bool
}

var vpcs = newKind("vpcs", "vpc-", "vpc", "InvalidVpcID.NotFound", "vpc ID", func(v *vpc) string { return *v.VpcId })

var vpcFields = fields[vpc]{
	"vpc-id":                            func(v *vpc) []string { return one(*v.VpcId) },
	"cidr":                              func(v *vpc) []string { return one(*v.CidrBlock) },
	"cidr-block":                        func(v *vpc) []string { return one(*v.CidrBlock) },
	"cidrBlock":                         func(v *vpc) []string { return one(*v.CidrBlock) },
	"cidr-block-association.cidr-block": func(v *vpc) []string { return one(*v.CidrBlock) },
	"cidr-block-association.state":      func(v *vpc) []string { return one("associated") },
	"dhcp-options-id":                   func(v *vpc) []string { return one(*v.DhcpOptionsId) },
	"is-default":                        func(v *vpc) []string { return yesNo(*v.IsDefault) },
	"isDefault":                         func(v *vpc) []string { return yesNo(*v.IsDefault) },
	"owner-id":                          func(v *vpc) []string { return one(*v.OwnerId) },
	"state":                             func(v *vpc) []string { return one(*v.State) },
}

func (s *Service) registerVpcs(r *wire.Registry) {
	serve(r, ec2api.CreateVpc, "CidrBlock InstanceTenancy TagSpecifications", s.createVpc)
	serve(r, ec2api.DeleteVpc, "VpcId", s.deleteVpc)
	serve(r, ec2api.DescribeVpcs, "VpcIds Filters MaxResults NextToken", s.describeVpcs)
	serve(r, ec2api.DescribeVpcAttribute, "VpcId Attribute", s.describeVpcAttribute)
	serve(r, ec2api.ModifyVpcAttribute, "VpcId EnableDnsSupport EnableDnsHostnames EnableNetworkAddressUsageMetrics", s.modifyVpcAttribute)
	serve(r, ec2api.DescribeDhcpOptions, "DhcpOptionsIds Filters MaxResults NextToken", s.describeDhcpOptions)
	serve(r, ec2api.DescribeNetworkAcls, "NetworkAclIds Filters MaxResults NextToken", s.describeNetworkAcls)
}

// block parses an IPv4 range that must be written with its network address,
// as AWS wants it, and be between /16 and /28.
func block(cidr *string, outside string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(ptr.Val(cidr))
	if err != nil || !p.Addr().Is4() {
		return p, wire.Errorf(400, "InvalidParameterValue", "Value (%s) for parameter cidrBlock is invalid. This is not a valid CIDR block.", ptr.Val(cidr))
	}
	if p.Bits() < 16 || p.Bits() > 28 {
		return p, wire.Errorf(400, outside, "The CIDR '%s' is invalid.", p)
	}
	return p.Masked(), nil
}

// dhcpOptions is the id of the region's default set of DHCP options.
func (t *tx) dhcpOptions() string { return stableID("dopt-", t.region) }

// createVpc makes a VPC together with what AWS makes beside it: a main route
// table, a default network ACL and a default security group.
func (s *Service) createVpc(ctx context.Context, in *ec2api.CreateVpcInput) (*ec2api.CreateVpcOutput, error) {
	var v vpc
	err := s.update(ctx, func(t *tx) error {
		p, err := block(in.CidrBlock, "InvalidVpc.Range")
		if err != nil {
			return err
		}
		id := vpcs.newID()
		v = vpc{DNSSupport: true, Vpc: ec2api.Vpc{
			VpcId: &id, CidrBlock: new(p.String()), DhcpOptionsId: new(t.dhcpOptions()), InstanceTenancy: or(in.InstanceTenancy, "default"),
			IsDefault: new(false), OwnerId: new(t.Account), State: new("available"),
			CidrBlockAssociationSet: []ec2api.VpcCidrBlockAssociation{{
				AssociationId: new(newID("vpc-cidr-assoc-")), CidrBlock: new(p.String()), CidrBlockState: &ec2api.VpcCidrBlockState{State: new("associated")},
			}},
		}}
		vpcs.put(t, v)
		networkRecords.put(t, networkRecord{ID: id})
		main := newRouteTable(t, v)
		associate(&main, "", true)
		routeTables.put(t, main)
		networkACLs.put(t, newNetworkACL(t, v))
		newGroup(t, v, "default", "default VPC security group")
		v.Tags = nil
		if err := t.specify(id, vpcs.resource, in.TagSpecifications); err != nil {
			return err
		}
		v.Tags = t.tags(id)
		return nil
	})
	return &ec2api.CreateVpcOutput{Vpc: &v.Vpc}, err
}

// dependent is the refusal to delete what is still in use.
func dependent(noun, id string) error {
	return wire.Errorf(400, "DependencyViolation", "The %s '%s' has dependencies and cannot be deleted.", noun, id)
}

func (s *Service) deleteVpc(ctx context.Context, in *ec2api.DeleteVpcInput) (*ec2api.DeleteVpcOutput, error) {
	return nil, s.update(ctx, func(t *tx) error {
		id := ptr.Val(in.VpcId)
		if _, err := vpcs.get(t, id); err != nil {
			return err
		}
		switch {
		case subnets.any(t, func(x *subnet) bool { return *x.VpcId == id }),
			internetGateways.any(t, func(x *internetGateway) bool { return attachedTo(x) == id }),
			interfaces.any(t, func(x *networkInterface) bool { return x.VPC == id }),
			endpoints.any(t, func(x *endpoint) bool { return *x.VpcId == id }),
			routeTables.any(t, func(x *routeTable) bool { return *x.VpcId == id && !isMain(x) }),
			groups.any(t, func(x *group) bool { return *x.VpcId == id && *x.GroupName != "default" }):
			return dependent("vpc", id)
		}
		for _, x := range routeTables.where(t, func(x *routeTable) bool { return *x.VpcId == id }) {
			routeTables.remove(t, *x.RouteTableId)
		}
		for _, x := range networkACLs.where(t, func(x *networkACL) bool { return *x.VpcId == id }) {
			networkACLs.remove(t, *x.NetworkAclId)
		}
		for _, x := range groups.where(t, func(x *group) bool { return *x.VpcId == id }) {
			removeGroup(t, *x.GroupId)
		}
		vpcs.remove(t, id)
		return nil
	})
}

func (s *Service) describeVpcs(ctx context.Context, in *ec2api.DescribeVpcsInput) (*ec2api.DescribeVpcsOutput, error) {
	out := &ec2api.DescribeVpcsOutput{}
	err := s.view(ctx, func(t *tx) error {
		some, err := vpcs.find(t, in.VpcIds, in.Filters, vpcFields)
		if err != nil {
			return err
		}
		for _, v := range some {
			v.Tags = t.tags(*v.VpcId)
			out.Vpcs = append(out.Vpcs, v.Vpc)
		}
		out.Vpcs, out.NextToken, err = page(out.Vpcs, in.MaxResults, in.NextToken)
		return err
	})
	return out, err
}

func truth(b bool) *ec2api.AttributeBooleanValue { return &ec2api.AttributeBooleanValue{Value: &b} }

func text(s string) *ec2api.AttributeValue { return &ec2api.AttributeValue{Value: &s} }

func (s *Service) describeVpcAttribute(ctx context.Context, in *ec2api.DescribeVpcAttributeInput) (*ec2api.DescribeVpcAttributeOutput, error) {
	out := &ec2api.DescribeVpcAttributeOutput{VpcId: in.VpcId}
	err := s.view(ctx, func(t *tx) error {
		v, err := vpcs.get(t, ptr.Val(in.VpcId))
		if err != nil {
			return err
		}
		switch ptr.Val(in.Attribute) {
		case "enableDnsSupport":
			out.EnableDnsSupport = truth(v.DNSSupport)
		case "enableDnsHostnames":
			out.EnableDnsHostnames = truth(v.DNSHostnames)
		case "enableNetworkAddressUsageMetrics":
			out.EnableNetworkAddressUsageMetrics = truth(v.AddressMetrics)
		default:
			return wire.Errorf(400, "InvalidParameterValue", "Value (%s) for parameter attribute is invalid. Unknown attribute.", ptr.Val(in.Attribute))
		}
		return nil
	})
	return out, err
}

func (s *Service) modifyVpcAttribute(ctx context.Context, in *ec2api.ModifyVpcAttributeInput) (*ec2api.ModifyVpcAttributeOutput, error) {
	return nil, s.update(ctx, func(t *tx) error {
		v, err := vpcs.get(t, ptr.Val(in.VpcId))
		if err != nil {
			return err
		}
		set := func(to *bool, a *ec2api.AttributeBooleanValue) {
			if a != nil {
				*to = ptr.Val(a.Value)
			}
		}
		set(&v.DNSSupport, in.EnableDnsSupport)
		set(&v.DNSHostnames, in.EnableDnsHostnames)
		set(&v.AddressMetrics, in.EnableNetworkAddressUsageMetrics)
		vpcs.put(t, v)
		return nil
	})
}

// describeDhcpOptions knows one set per region, the default one: the resolver
// and the region's domain.
func (s *Service) describeDhcpOptions(ctx context.Context, in *ec2api.DescribeDhcpOptionsInput) (*ec2api.DescribeDhcpOptionsOutput, error) {
	out := &ec2api.DescribeDhcpOptionsOutput{}
	err := s.view(ctx, func(t *tx) error {
		id := t.dhcpOptions()
		for _, x := range in.DhcpOptionsIds {
			if x != id {
				return wire.Errorf(400, "InvalidDhcpOptionID.NotFound", "The dhcpOption ID '%s' does not exist", x)
			}
		}
		for _, f := range in.Filters {
			values := map[string]string{"dhcp-options-id": id, "key": "domain-name-servers", "value": "AmazonProvidedDNS", "owner-id": t.Account}
			v, ok := values[ptr.Val(f.Name)]
			if !ok {
				return wire.Errorf(400, "InvalidParameterValue", "The filter '%s' is invalid", ptr.Val(f.Name))
			}
			if !matchAny(f.Values, []string{v}) {
				return nil
			}
		}
		config := func(key, value string) ec2api.DhcpConfiguration {
			return ec2api.DhcpConfiguration{Key: &key, Values: []ec2api.AttributeValue{{Value: &value}}}
		}
		out.DhcpOptions = []ec2api.DhcpOptions{{DhcpOptionsId: &id, OwnerId: &t.Account, DhcpConfigurations: []ec2api.DhcpConfiguration{
			config("domain-name", internalDomain(t.region)), config("domain-name-servers", "AmazonProvidedDNS"),
		}}}
		return nil
	})
	return out, err
}

// internalDomain is the domain of the private names of a region's addresses.
func internalDomain(region string) string {
	if region == "us-east-1" {
		return "ec2.internal"
	}
	return region + ".compute.internal"
}
