package elbv2

import (
	"context"
	"maps"
	"regexp"
	"slices"
	"strings"

	"grocery/localaws/store"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/elbv2api"
)

var resourceName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]{0,30}[A-Za-z0-9])?$`)

func errBalancer(id string) error {
	return wire.Errorf(400, "LoadBalancerNotFound", "Load balancer '%s' not found", id)
}

func (s *Service) createLoadBalancer(ctx context.Context, in *elbv2api.CreateLoadBalancerInput) (*elbv2api.CreateLoadBalancerOutput, error) {
	c := wire.CallFrom(ctx)
	name := str(in.Name)
	switch {
	case !resourceName.MatchString(name):
		return nil, invalid("The load balancer name '%s' must have 1 to 32 letters, digits or hyphens and cannot begin or end with a hyphen", name)
	case strings.HasPrefix(name, "internal-"):
		return nil, invalid("The load balancer name '%s' cannot begin with 'internal-'", name)
	case str(in.Type) != "" && *in.Type != "application":
		return nil, invalid("Local AWS offers load balancers of the type 'application' only, not '%s'", *in.Type)
	case str(in.IpAddressType) != "" && *in.IpAddressType != "ipv4":
		return nil, invalid("Local AWS offers the IP address type 'ipv4' only, not '%s'", *in.IpAddressType)
	case str(in.CustomerOwnedIpv4Pool) != "":
		return nil, invalid("Local AWS does not offer customer-owned address pools")
	}
	scheme := "internet-facing"
	if str(in.Scheme) != "" {
		if scheme = *in.Scheme; scheme != "internet-facing" && scheme != "internal" {
			return nil, invalid("The scheme '%s' is not valid: use 'internet-facing' or 'internal'", scheme)
		}
	}
	subnets, err := subnetIDs(in.Subnets, in.SubnetMappings)
	if err != nil {
		return nil, err
	}
	tags, err := tagMap(in.Tags)
	if err != nil {
		return nil, err
	}
	vpc, zones, err := s.zones(ctx, subnets)
	if err != nil {
		return nil, err
	}
	if scheme == "internet-facing" {
		if err := s.hasInternetGateway(ctx, vpc); err != nil {
			return nil, err
		}
	}
	sgs, err := s.securityGroups(ctx, vpc, in.SecurityGroups)
	if err != nil {
		return nil, err
	}
	id, host := newID(), name+"-"+newNumber()
	if scheme == "internal" {
		host = "internal-" + host
	}
	b := balancer{
		ARN: c.ARN("elasticloadbalancing", "loadbalancer/app/"+name+"/"+id), Name: name, Region: c.Region,
		Scheme: scheme, IPAddressType: "ipv4", VPC: vpc, DNSName: strings.ToLower(host) + "." + c.Region + ".elb.localhost",
		SecurityGroups: sgs, Zones: zones, Attributes: defaults(balancerAttributes), Tags: tags,
		Created: s.d.Clock.Now(), State: "provisioning",
	}
	err = s.d.Store.Update(func(tx store.Tx) error {
		for _, o := range balancers.List(tx, inRegion(c.Region)) {
			if o.Name != name || o.Deleting {
				continue
			}
			if o.Scheme == scheme && slices.Equal(sorted(o.subnets()), sorted(subnets)) && slices.Equal(sorted(o.SecurityGroups), sorted(sgs)) && maps.Equal(o.Tags, tags) {
				b = o // the same request again
				return nil
			}
			return wire.Errorf(400, "DuplicateLoadBalancerName", "A load balancer with the same name '%s' exists, but with different settings", name)
		}
		balancers.Put(tx, b.ARN, b)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &elbv2api.CreateLoadBalancerOutput{LoadBalancers: []elbv2api.LoadBalancer{b.shape()}}, nil
}

func sorted(l []string) []string { return slices.Sorted(slices.Values(l)) }

func (b balancer) subnets() []string {
	var ids []string
	for _, z := range b.Zones {
		ids = append(ids, z.Subnet)
	}
	return ids
}

// subnetIDs reads the two ways in which subnets are named.
func subnetIDs(plain []string, mappings []elbv2api.SubnetMapping) ([]string, error) {
	if len(plain) > 0 && len(mappings) > 0 {
		return nil, invalid("Specify subnets or subnet mappings, not both")
	}
	for _, m := range mappings {
		if str(m.AllocationId) != "" || str(m.IPv6Address) != "" || str(m.PrivateIPv4Address) != "" {
			return nil, invalid("An application load balancer takes no addresses in its subnet mappings")
		}
		plain = append(plain, str(m.SubnetId))
	}
	return plain, nil
}

// hostedZones are the hosted zones AWS answers for application load balancers; see
// https://docs.aws.amazon.com/general/latest/gr/elb.html.
var hostedZones = map[string]string{
	"us-east-1": "Z35SXDOTRQ7X7K", "us-east-2": "Z3AADJGX6KTTL2", "us-west-1": "Z368ELLRRE2KJ0", "us-west-2": "Z1H1FL5HABSF5",
	"ca-central-1": "ZQSVJUPU6J1EY", "eu-central-1": "Z215JYRZR1TBD5", "eu-west-1": "Z32O12XQLNTSW2", "eu-west-2": "ZHURV8PSTC4K8",
	"eu-west-3": "Z3Q77PNBQS71R4", "eu-north-1": "Z23TAZ6LKFMNIO", "eu-south-1": "Z3ULH7SSC9OV64", "ap-northeast-1": "Z14GRHDCWA56QT",
	"ap-northeast-2": "ZWKZPGTI48KDX", "ap-south-1": "ZP97RAFLXTNZK", "ap-southeast-1": "Z1LMS91P8CMLE5", "ap-southeast-2": "Z1GM3OXH4ZPM65",
	"sa-east-1": "Z2P70J7HTTTPLU",
}

func (b balancer) shape() elbv2api.LoadBalancer {
	lb := elbv2api.LoadBalancer{
		LoadBalancerArn: new(b.ARN), LoadBalancerName: new(b.Name), DNSName: new(b.DNSName), Scheme: new(b.Scheme),
		IpAddressType: new(b.IPAddressType), VpcId: new(b.VPC), Type: new("application"), CreatedTime: new(b.Created),
		CanonicalHostedZoneId: opt(hostedZones[b.Region]), SecurityGroups: b.SecurityGroups,
		State: &elbv2api.LoadBalancerState{Code: new(b.State), Reason: opt(b.Reason)},
	}
	lb.AvailabilityZones = zoneShapes(b.Zones)
	return lb
}

func zoneShapes(zones []zone) []elbv2api.AvailabilityZone {
	var l []elbv2api.AvailabilityZone
	for _, z := range zones {
		l = append(l, elbv2api.AvailabilityZone{SubnetId: new(z.Subnet), ZoneName: new(z.Name), LoadBalancerAddresses: []elbv2api.LoadBalancerAddress{}})
	}
	return l
}

func (s *Service) describeLoadBalancers(ctx context.Context, in *elbv2api.DescribeLoadBalancersInput) (*elbv2api.DescribeLoadBalancersOutput, error) {
	var found []elbv2api.LoadBalancer
	err := s.d.Store.View(func(tx store.Tx) error {
		seen := map[string]bool{}
		for _, b := range balancers.List(tx, inRegion(wire.CallFrom(ctx).Region)) {
			switch {
			case b.Deleting:
			case len(in.LoadBalancerArns) > 0 && !slices.Contains(in.LoadBalancerArns, b.ARN):
			case len(in.Names) > 0 && !slices.Contains(in.Names, b.Name):
			default:
				seen[b.ARN], seen[b.Name] = true, true
				found = append(found, b.shape())
			}
		}
		for _, wanted := range append(slices.Clone(in.LoadBalancerArns), in.Names...) {
			if !seen[wanted] {
				return errBalancer(wanted)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	part, next, err := page(found, in.Marker, in.PageSize)
	return &elbv2api.DescribeLoadBalancersOutput{LoadBalancers: part, NextMarker: next}, err
}

// balancer returns a balancer that is not being deleted.
func findBalancer(tx store.Tx, arn string) (balancer, error) {
	b, ok := balancers.Get(tx, arn)
	if !ok || b.Deleting {
		return b, errBalancer(arn)
	}
	return b, nil
}

// changeBalancer applies f to a balancer's record.
func (s *Service) changeBalancer(arn string, f func(tx store.Tx, b *balancer) error) (b balancer, err error) {
	err = s.d.Store.Update(func(tx store.Tx) error {
		if b, err = findBalancer(tx, arn); err != nil {
			return err
		}
		if err := f(tx, &b); err != nil {
			return err
		}
		balancers.Put(tx, arn, b)
		return nil
	})
	return b, err
}

func (s *Service) deleteLoadBalancer(ctx context.Context, in *elbv2api.DeleteLoadBalancerInput) (*elbv2api.DeleteLoadBalancerOutput, error) {
	arn := str(in.LoadBalancerArn)
	if !strings.Contains(arn, ":loadbalancer/app/") {
		return nil, invalid("'%s' is not a valid load balancer ARN", arn)
	}
	b, err := s.changeBalancer(arn, func(tx store.Tx, b *balancer) error {
		if b.Attributes["deletion_protection.enabled"] == "true" {
			return wire.Errorf(400, "OperationNotPermitted", "Load balancer '%s' cannot be deleted because deletion protection is enabled", arn)
		}
		for _, l := range listenersOf(tx, arn) {
			removeListener(tx, l)
		}
		b.Deleting = true
		return nil
	})
	if wire.Code(err) == "LoadBalancerNotFound" {
		return nil, nil // deleting what is gone succeeds
	}
	if err != nil {
		return nil, err
	}
	// Take the interfaces away now, so that subnets and groups can go next;
	// the loop repeats what fails here.
	if err := s.tearDown(ctx, b); err != nil {
		s.d.Log.Warn("take down the balancer, trying again soon", "balancer", b.Name, "error", err)
	}
	return nil, nil
}

func (s *Service) describeLoadBalancerAttributes(ctx context.Context, in *elbv2api.DescribeLoadBalancerAttributesInput) (*elbv2api.DescribeLoadBalancerAttributesOutput, error) {
	var out elbv2api.DescribeLoadBalancerAttributesOutput
	return &out, s.d.Store.View(func(tx store.Tx) error {
		b, err := findBalancer(tx, str(in.LoadBalancerArn))
		out.Attributes = balancerPairs(b)
		return err
	})
}

func balancerPairs(b balancer) (l []elbv2api.LoadBalancerAttribute) {
	for _, p := range listed(balancerAttributes, b.Attributes) {
		l = append(l, elbv2api.LoadBalancerAttribute{Key: new(p.key), Value: new(p.value)})
	}
	return l
}

func (s *Service) modifyLoadBalancerAttributes(ctx context.Context, in *elbv2api.ModifyLoadBalancerAttributesInput) (*elbv2api.ModifyLoadBalancerAttributesOutput, error) {
	var pairs []pair
	for _, a := range in.Attributes {
		pairs = append(pairs, pair{str(a.Key), str(a.Value)})
	}
	b, err := s.changeBalancer(str(in.LoadBalancerArn), func(_ store.Tx, b *balancer) error {
		return change(balancerAttributes, b.Attributes, pairs)
	})
	if err != nil {
		return nil, err
	}
	return &elbv2api.ModifyLoadBalancerAttributesOutput{Attributes: balancerPairs(b)}, nil
}

func (s *Service) setSecurityGroups(ctx context.Context, in *elbv2api.SetSecurityGroupsInput) (*elbv2api.SetSecurityGroupsOutput, error) {
	var b balancer
	if err := s.d.Store.View(func(tx store.Tx) (err error) {
		b, err = findBalancer(tx, str(in.LoadBalancerArn))
		return err
	}); err != nil {
		return nil, err
	}
	if len(in.SecurityGroups) == 0 {
		return nil, wire.Errorf(400, "InvalidConfigurationRequest", "At least one security group must be specified")
	}
	if str(in.EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic) != "" {
		return nil, wire.Errorf(400, "InvalidConfigurationRequest", "PrivateLink settings do not apply to application load balancers")
	}
	sgs, err := s.securityGroups(ctx, b.VPC, in.SecurityGroups)
	if err != nil {
		return nil, err
	}
	// The interfaces first: a loop that repeats it would otherwise be the
	// only one to know that an old group still admits traffic.
	for _, z := range b.Zones {
		if z.Interface == "" {
			continue
		}
		if err := s.setInterfaceGroups(ctx, b.Region, z.Interface, sgs); err != nil {
			return nil, err
		}
	}
	b, err = s.changeBalancer(b.ARN, func(_ store.Tx, b *balancer) error { b.SecurityGroups = sgs; return nil })
	return &elbv2api.SetSecurityGroupsOutput{SecurityGroupIds: b.SecurityGroups}, err
}

func (s *Service) setSubnets(ctx context.Context, in *elbv2api.SetSubnetsInput) (*elbv2api.SetSubnetsOutput, error) {
	if str(in.IpAddressType) != "" && *in.IpAddressType != "ipv4" {
		return nil, invalid("Local AWS offers the IP address type 'ipv4' only")
	}
	ids, err := subnetIDs(in.Subnets, in.SubnetMappings)
	if err != nil {
		return nil, err
	}
	vpc, zones, err := s.zones(ctx, ids)
	if err != nil {
		return nil, err
	}
	b, err := s.changeBalancer(str(in.LoadBalancerArn), func(_ store.Tx, b *balancer) error {
		if vpc != b.VPC {
			return wire.Errorf(400, "InvalidConfigurationRequest", "The subnets must belong to the VPC '%s' of the load balancer", b.VPC)
		}
		old := b.Zones
		b.Zones = nil
		for _, z := range zones {
			if i := slices.IndexFunc(old, func(o zone) bool { return o.Subnet == z.Subnet }); i >= 0 {
				z, old = old[i], slices.Delete(slices.Clone(old), i, i+1)
			}
			b.Zones = append(b.Zones, z)
		}
		b.Released = append(b.Released, old...)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &elbv2api.SetSubnetsOutput{AvailabilityZones: zoneShapes(b.Zones), IpAddressType: new("ipv4")}, nil
}

func (s *Service) setIPAddressType(ctx context.Context, in *elbv2api.SetIpAddressTypeInput) (*elbv2api.SetIpAddressTypeOutput, error) {
	if str(in.IpAddressType) != "ipv4" {
		return nil, invalid("Local AWS offers the IP address type 'ipv4' only, not '%s'", str(in.IpAddressType))
	}
	err := s.d.Store.View(func(tx store.Tx) error { _, err := findBalancer(tx, str(in.LoadBalancerArn)); return err })
	return &elbv2api.SetIpAddressTypeOutput{IpAddressType: new("ipv4")}, err
}

// describeCapacityReservation answers that nothing is reserved, which is so:
// reserving is not offered.
func (s *Service) describeCapacityReservation(ctx context.Context, in *elbv2api.DescribeCapacityReservationInput) (*elbv2api.DescribeCapacityReservationOutput, error) {
	err := s.d.Store.View(func(tx store.Tx) error { _, err := findBalancer(tx, str(in.LoadBalancerArn)); return err })
	return &elbv2api.DescribeCapacityReservationOutput{}, err
}
