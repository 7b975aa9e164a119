package elbv2

import (
	"context"
	"slices"

	"grocery/localaws/wire"
	"grocery/localaws/wire/api/ec2api"
)

// asService is the context in which the service calls others.
func asService(ctx context.Context, region string) context.Context {
	return wire.AsService(ctx, principal, region)
}

func filter(name string, values ...string) ec2api.Filter {
	return ec2api.Filter{Name: new(name), Values: values}
}

// zones looks the subnets up: they must lie in one VPC and in at least two
// different availability zones.
func (s *Service) zones(ctx context.Context, ids []string) (vpc string, zones []zone, err error) {
	if len(ids) < 2 {
		return "", nil, invalid("At least two subnets in two different Availability Zones must be specified")
	}
	out, err := wire.Invoke(asService(ctx, wire.CallFrom(ctx).Region), s.d.Calls, ec2api.DescribeSubnets, &ec2api.DescribeSubnetsInput{SubnetIds: ids})
	if wire.Code(err) == "InvalidSubnetID.NotFound" {
		return "", nil, wire.Errorf(400, "SubnetNotFound", "%s", err.(*wire.Error).Message)
	}
	if err != nil {
		return "", nil, err
	}
	seen := map[string]bool{}
	for _, id := range ids {
		i := slices.IndexFunc(out.Subnets, func(n ec2api.Subnet) bool { return str(n.SubnetId) == id })
		if i < 0 {
			return "", nil, wire.Errorf(400, "SubnetNotFound", "The subnet ID '%s' does not exist", id)
		}
		n := out.Subnets[i]
		if vpc != "" && vpc != str(n.VpcId) {
			return "", nil, wire.Errorf(400, "InvalidSubnet", "All subnets must belong to the same VPC: '%s'", vpc)
		}
		if seen[str(n.AvailabilityZone)] {
			return "", nil, wire.Errorf(400, "InvalidConfigurationRequest", "A load balancer cannot be attached to multiple subnets in the same Availability Zone")
		}
		vpc, seen[str(n.AvailabilityZone)] = str(n.VpcId), true
		zones = append(zones, zone{Subnet: id, Name: str(n.AvailabilityZone), CIDR: str(n.CidrBlock)})
	}
	return vpc, zones, nil
}

// hasInternetGateway refuses an internet-facing balancer in a VPC that the
// internet cannot reach.
func (s *Service) hasInternetGateway(ctx context.Context, vpc string) error {
	out, err := wire.Invoke(asService(ctx, wire.CallFrom(ctx).Region), s.d.Calls, ec2api.DescribeInternetGateways,
		&ec2api.DescribeInternetGatewaysInput{Filters: []ec2api.Filter{filter("attachment.vpc-id", vpc)}})
	if err == nil && len(out.InternetGateways) == 0 {
		return wire.Errorf(400, "InvalidSubnet", "VPC %s has no internet gateway", vpc)
	}
	return err
}

// securityGroups checks the groups; none means the VPC's default group.
func (s *Service) securityGroups(ctx context.Context, vpc string, ids []string) ([]string, error) {
	in := &ec2api.DescribeSecurityGroupsInput{GroupIds: ids}
	if len(ids) == 0 {
		in.Filters = []ec2api.Filter{filter("vpc-id", vpc), filter("group-name", "default")}
	}
	out, err := wire.Invoke(asService(ctx, wire.CallFrom(ctx).Region), s.d.Calls, ec2api.DescribeSecurityGroups, in)
	if wire.Code(err) == "InvalidGroup.NotFound" || wire.Code(err) == "InvalidGroupId.Malformed" {
		return nil, wire.Errorf(400, "InvalidSecurityGroup", "%s", err.(*wire.Error).Message)
	}
	if err != nil {
		return nil, err
	}
	var found []string
	for _, g := range out.SecurityGroups {
		if str(g.VpcId) != vpc {
			return nil, wire.Errorf(400, "InvalidConfigurationRequest", "One or more security groups are invalid: '%s' does not belong to VPC '%s'", str(g.GroupId), vpc)
		}
		found = append(found, str(g.GroupId))
	}
	if len(ids) > 0 {
		return ids, nil // in the caller's order
	}
	return found, nil
}

// ensureInterface returns the balancer's interface in a subnet. One that an
// interrupted attempt left behind is taken over: its description names it.
func (s *Service) ensureInterface(ctx context.Context, b balancer, z zone) (zone, error) {
	ctx = asService(ctx, b.Region)
	list, err := wire.Invoke(ctx, s.d.Calls, ec2api.DescribeNetworkInterfaces, &ec2api.DescribeNetworkInterfacesInput{
		Filters: []ec2api.Filter{filter("description", b.description()), filter("subnet-id", z.Subnet)}})
	if err != nil {
		return z, err
	}
	var n ec2api.NetworkInterface
	if len(list.NetworkInterfaces) > 0 {
		n = list.NetworkInterfaces[0]
	} else {
		made, err := wire.Invoke(ctx, s.d.Calls, ec2api.CreateNetworkInterface, &ec2api.CreateNetworkInterfaceInput{
			SubnetId: new(z.Subnet), Groups: b.SecurityGroups, Description: new(b.description())})
		if err != nil {
			return z, err
		}
		n = *made.NetworkInterface
	}
	if b.Scheme == "internet-facing" && n.Association == nil {
		if _, err := wire.Invoke(ctx, s.d.Calls, ec2api.ModifyNetworkInterfaceAttribute, &ec2api.ModifyNetworkInterfaceAttributeInput{
			NetworkInterfaceId: n.NetworkInterfaceId, AssociatePublicIpAddress: new(true)}); err != nil {
			return z, err
		}
	}
	z.Interface, z.Address = str(n.NetworkInterfaceId), str(n.PrivateIpAddress)
	return z, nil
}

// removeInterface takes an interface out of the network and gives it back to
// ec2. One that is gone is no error.
func (s *Service) removeInterface(ctx context.Context, region, id string) error {
	if id == "" {
		return nil
	}
	if err := s.d.Runtime.Detach(ctx, id); err != nil {
		return err
	}
	_, err := wire.Invoke(asService(ctx, region), s.d.Calls, ec2api.DeleteNetworkInterface, &ec2api.DeleteNetworkInterfaceInput{NetworkInterfaceId: new(id)})
	if wire.Code(err) == "InvalidNetworkInterfaceID.NotFound" {
		return nil
	}
	return err
}

func (s *Service) setInterfaceGroups(ctx context.Context, region, id string, sgs []string) error {
	_, err := wire.Invoke(asService(ctx, region), s.d.Calls, ec2api.ModifyNetworkInterfaceAttribute,
		&ec2api.ModifyNetworkInterfaceAttributeInput{NetworkInterfaceId: new(id), Groups: sgs})
	return err
}

// instance is what the service wants to know about an instance.
type instance struct{ State, VPC, Address, Zone string }

// instances looks instances up by id. Ids that ec2 does not know are absent.
func (s *Service) instances(ctx context.Context, region string, ids []string) (map[string]instance, error) {
	found := map[string]instance{}
	if len(ids) == 0 {
		return found, nil
	}
	out, err := wire.Invoke(asService(ctx, region), s.d.Calls, ec2api.DescribeInstances, &ec2api.DescribeInstancesInput{
		Filters: []ec2api.Filter{filter("instance-id", ids...)}})
	if err != nil {
		return nil, err
	}
	for _, r := range out.Reservations {
		for _, i := range r.Instances {
			x := instance{VPC: str(i.VpcId), Address: str(i.PrivateIpAddress)}
			if i.State != nil {
				x.State = str(i.State.Name)
			}
			if i.Placement != nil {
				x.Zone = str(i.Placement.AvailabilityZone)
			}
			found[str(i.InstanceId)] = x
		}
	}
	return found, nil
}

// removeStray removes an interface that was made for a zone and never written
// down, because the process ended in between.
func (s *Service) removeStray(ctx context.Context, b balancer, z zone) error {
	list, err := wire.Invoke(asService(ctx, b.Region), s.d.Calls, ec2api.DescribeNetworkInterfaces, &ec2api.DescribeNetworkInterfacesInput{
		Filters: []ec2api.Filter{filter("description", b.description()), filter("subnet-id", z.Subnet)}})
	if err != nil {
		return err
	}
	for _, n := range list.NetworkInterfaces {
		if err := s.removeInterface(ctx, b.Region, str(n.NetworkInterfaceId)); err != nil {
			return err
		}
	}
	return nil
}
