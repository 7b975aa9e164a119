package ec2

import (
	"context"
	"encoding/binary"
	"net/netip"

	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/ec2api"
)

// subnet is a subnet with the host number after the last address it gave out:
// addresses go round before one is used again.
type subnet struct {
	ec2api.Subnet
	NextHost uint32
}

var subnets = newKind("subnets", "subnet-", "subnet", "InvalidSubnetID.NotFound", "subnet ID", func(s *subnet) string { return *s.SubnetId })

var subnetFields = fields[subnet]{
	"subnet-id":               func(s *subnet) []string { return one(*s.SubnetId) },
	"subnet-arn":              func(s *subnet) []string { return one(*s.SubnetArn) },
	"vpc-id":                  func(s *subnet) []string { return one(*s.VpcId) },
	"availability-zone":       func(s *subnet) []string { return one(*s.AvailabilityZone) },
	"availabilityZone":        func(s *subnet) []string { return one(*s.AvailabilityZone) },
	"availability-zone-id":    func(s *subnet) []string { return one(*s.AvailabilityZoneId) },
	"cidr":                    func(s *subnet) []string { return one(*s.CidrBlock) },
	"cidr-block":              func(s *subnet) []string { return one(*s.CidrBlock) },
	"cidrBlock":               func(s *subnet) []string { return one(*s.CidrBlock) },
	"default-for-az":          func(s *subnet) []string { return yesNo(*s.DefaultForAz) },
	"defaultForAz":            func(s *subnet) []string { return yesNo(*s.DefaultForAz) },
	"map-public-ip-on-launch": func(s *subnet) []string { return yesNo(*s.MapPublicIpOnLaunch) },
	"owner-id":                func(s *subnet) []string { return one(*s.OwnerId) },
	"state":                   func(s *subnet) []string { return one(*s.State) },
}

func (s *Service) registerSubnets(r *wire.Registry) {
	serve(r, ec2api.CreateSubnet, "VpcId CidrBlock AvailabilityZone AvailabilityZoneId TagSpecifications", s.createSubnet)
	serve(r, ec2api.DeleteSubnet, "SubnetId", s.deleteSubnet)
	serve(r, ec2api.DescribeSubnets, "SubnetIds Filters MaxResults NextToken", s.describeSubnets)
	serve(r, ec2api.ModifySubnetAttribute, "SubnetId MapPublicIpOnLaunch EnableResourceNameDnsARecordOnLaunch PrivateDnsHostnameTypeOnLaunch", s.modifySubnetAttribute)
}

func (s *Service) createSubnet(ctx context.Context, in *ec2api.CreateSubnetInput) (*ec2api.CreateSubnetOutput, error) {
	var x subnet
	err := s.update(ctx, func(t *tx) error {
		v, err := vpcs.get(t, ptr.Val(in.VpcId))
		if err != nil {
			return err
		}
		p, err := block(in.CidrBlock, "InvalidSubnet.Range")
		if err != nil {
			return err
		}
		whole := netip.MustParsePrefix(*v.CidrBlock)
		if p.Bits() < whole.Bits() || !whole.Contains(p.Addr()) {
			return wire.Errorf(400, "InvalidSubnet.Range", "The CIDR '%s' is invalid.", p)
		}
		if subnets.any(t, func(x *subnet) bool {
			return *x.VpcId == *v.VpcId && netip.MustParsePrefix(*x.CidrBlock).Overlaps(p)
		}) {
			return wire.Errorf(400, "InvalidSubnet.Conflict", "The CIDR '%s' conflicts with another subnet", p)
		}
		zone, err := pickZone(t.region, ptr.Val(in.AvailabilityZone), ptr.Val(in.AvailabilityZoneId))
		if err != nil {
			return err
		}
		id := subnets.newID()
		x = subnet{Subnet: ec2api.Subnet{
			SubnetId: &id, SubnetArn: new(t.ARN("ec2", "subnet/"+id)), VpcId: v.VpcId, CidrBlock: new(p.String()), OwnerId: new(t.Account),
			AvailabilityZone: &zone.name, AvailabilityZoneId: &zone.id, State: new("available"),
			AssignIpv6AddressOnCreation: new(false), DefaultForAz: new(false), EnableDns64: new(false), Ipv6Native: new(false),
			MapCustomerOwnedIpOnLaunch: new(false), MapPublicIpOnLaunch: new(false),
			PrivateDnsNameOptionsOnLaunch: &ec2api.PrivateDnsNameOptionsOnLaunch{
				HostnameType: new("ip-name"), EnableResourceNameDnsARecord: new(false), EnableResourceNameDnsAAAARecord: new(false),
			},
		}}
		subnets.put(t, x)
		coverSubnet(t, *v.VpcId, id)
		if err := t.specify(id, subnets.resource, in.TagSpecifications); err != nil {
			return err
		}
		x = t.shownSubnet(x)
		return nil
	})
	return &ec2api.CreateSubnetOutput{Subnet: &x.Subnet}, err
}

func (s *Service) deleteSubnet(ctx context.Context, in *ec2api.DeleteSubnetInput) (*ec2api.DeleteSubnetOutput, error) {
	return nil, s.update(ctx, func(t *tx) error {
		id := ptr.Val(in.SubnetId)
		if _, err := subnets.get(t, id); err != nil {
			return err
		}
		if interfaces.any(t, func(x *networkInterface) bool { return x.Subnet == id }) {
			return dependent("subnet", id)
		}
		for _, x := range routeTables.all(t) {
			if dropSubnetAssociation(&x, id) {
				routeTables.put(t, x)
			}
		}
		uncoverSubnet(t, id)
		subnets.remove(t, id)
		return nil
	})
}

// shownSubnet completes a subnet with what is computed: tags and free addresses.
func (t *tx) shownSubnet(x subnet) subnet {
	x.Tags = t.tags(*x.SubnetId)
	free := int64(1)<<(32-netip.MustParsePrefix(*x.CidrBlock).Bits()) - 5
	interfaces.any(t, func(i *networkInterface) bool {
		if i.Subnet == *x.SubnetId {
			free--
		}
		return false
	})
	x.AvailableIpAddressCount = &free
	return x
}

func (s *Service) describeSubnets(ctx context.Context, in *ec2api.DescribeSubnetsInput) (*ec2api.DescribeSubnetsOutput, error) {
	out := &ec2api.DescribeSubnetsOutput{}
	err := s.view(ctx, func(t *tx) error {
		some, err := subnets.find(t, in.SubnetIds, in.Filters, subnetFields)
		if err != nil {
			return err
		}
		for _, x := range some {
			out.Subnets = append(out.Subnets, t.shownSubnet(x).Subnet)
		}
		out.Subnets, out.NextToken, err = page(out.Subnets, in.MaxResults, in.NextToken)
		return err
	})
	return out, err
}

func (s *Service) modifySubnetAttribute(ctx context.Context, in *ec2api.ModifySubnetAttributeInput) (*ec2api.ModifySubnetAttributeOutput, error) {
	return nil, s.update(ctx, func(t *tx) error {
		x, err := subnets.get(t, ptr.Val(in.SubnetId))
		if err != nil {
			return err
		}
		if a := in.MapPublicIpOnLaunch; a != nil {
			x.MapPublicIpOnLaunch = new(ptr.Val(a.Value))
		}
		if a := in.EnableResourceNameDnsARecordOnLaunch; a != nil {
			x.PrivateDnsNameOptionsOnLaunch.EnableResourceNameDnsARecord = new(ptr.Val(a.Value))
		}
		if h := in.PrivateDnsHostnameTypeOnLaunch; h != nil {
			x.PrivateDnsNameOptionsOnLaunch.HostnameType = h
		}
		subnets.put(t, x)
		return nil
	})
}

// takeAddress gives out an address of a subnet: the wanted one, or the next
// free one. The first four and the last are AWS's own.
// https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html
func (t *tx) takeAddress(x subnet, wanted string) (netip.Addr, error) {
	p := netip.MustParsePrefix(*x.CidrBlock)
	size := uint32(1) << (32 - p.Bits())
	taken := map[string]bool{}
	interfaces.any(t, func(i *networkInterface) bool {
		if i.Subnet == *x.SubnetId {
			taken[i.Addr.String()] = true
		}
		return false
	})
	base := binary.BigEndian.Uint32(p.Addr().AsSlice())
	at := func(n uint32) netip.Addr {
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], base+n)
		return netip.AddrFrom4(b)
	}
	if wanted != "" {
		a, err := netip.ParseAddr(wanted)
		switch {
		case err != nil || !p.Contains(a):
			return a, wire.Errorf(400, "InvalidParameterValue", "Address %s does not fall within the subnet's address range", wanted)
		case a.Less(at(4)) || a == at(size-1):
			return a, wire.Errorf(400, "InvalidParameterValue", "Address %s is in subnet's reserved address range", wanted)
		case taken[a.String()]:
			return a, wire.Errorf(400, "InvalidIPAddress.InUse", "Address %s is in use.", wanted)
		}
		return a, nil
	}
	usable := size - 5
	for i := range usable {
		n := 4 + (max(x.NextHost, 4)-4+i)%usable
		if a := at(n); !taken[a.String()] {
			x.NextHost = n + 1
			subnets.put(t, x)
			return a, nil
		}
	}
	return netip.Addr{}, wire.Errorf(400, "InsufficientFreeAddressesInSubnet", "The specified subnet does not have enough free addresses to satisfy the request.")
}
