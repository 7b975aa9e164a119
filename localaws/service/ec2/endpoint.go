package ec2

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"

	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/ec2api"
)

// endpoint is a VPC endpoint: a gateway endpoint adds routes to route tables,
// an interface endpoint has network interfaces in subnets.
type endpoint struct{ ec2api.VpcEndpoint }

var endpoints = newKind("vpc-endpoints", "vpce-", "vpc-endpoint", "InvalidVpcEndpointId.NotFound", "Vpc Endpoint Id",
	func(e *endpoint) string { return *e.VpcEndpointId })

var endpointFields = fields[endpoint]{
	"vpc-endpoint-id":    func(e *endpoint) []string { return one(*e.VpcEndpointId) },
	"vpc-endpoint-state": func(e *endpoint) []string { return one(*e.State) },
	"vpc-endpoint-type":  func(e *endpoint) []string { return one(*e.VpcEndpointType) },
	"vpc-id":             func(e *endpoint) []string { return one(*e.VpcId) },
	"service-name":       func(e *endpoint) []string { return one(*e.ServiceName) },
	"ip-address-type":    func(e *endpoint) []string { return one(*e.IpAddressType) },
}

// openPolicy is the policy of an endpoint that was given none.
const openPolicy = `{"Version":"2008-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}`

// The services that can be reached through endpoints, by the last part of
// their endpoint service's name.
var (
	gatewayServices   = []string{"dynamodb", "s3"}
	interfaceServices = []string{
		"autoscaling", "dynamodb", "ec2", "ec2messages", "ecr.api", "ecr.dkr", "elasticloadbalancing", "events", "lambda", "logs", "monitoring",
		"rds", "s3", "secretsmanager", "sns", "ssm", "ssmmessages", "states", "sts",
	}
)

func (s *Service) registerEndpoints(r *wire.Registry) {
	serve(r, ec2api.CreateVpcEndpoint, "ClientToken DnsOptions IpAddressType PolicyDocument PrivateDnsEnabled RouteTableIds SecurityGroupIds ServiceName SubnetIds TagSpecifications VpcEndpointType VpcId", s.createVpcEndpoint)
	serve(r, ec2api.ModifyVpcEndpoint, "VpcEndpointId AddRouteTableIds RemoveRouteTableIds AddSubnetIds RemoveSubnetIds AddSecurityGroupIds RemoveSecurityGroupIds DnsOptions IpAddressType PolicyDocument ResetPolicy PrivateDnsEnabled", s.modifyVpcEndpoint)
	serve(r, ec2api.DeleteVpcEndpoints, "VpcEndpointIds", s.deleteVpcEndpoints)
	serve(r, ec2api.DescribeVpcEndpoints, "VpcEndpointIds Filters MaxResults NextToken", s.describeVpcEndpoints)
	serve(r, ec2api.DescribeVpcEndpointServices, "ServiceNames Filters MaxResults NextToken", s.describeVpcEndpointServices)
	serve(r, ec2api.DescribePrefixLists, "PrefixListIds Filters MaxResults NextToken", s.describePrefixLists)
	serve(r, ec2api.DescribeManagedPrefixLists, "PrefixListIds Filters MaxResults NextToken", s.describeManagedPrefixLists)
	serve(r, ec2api.GetManagedPrefixListEntries, "PrefixListId TargetVersion MaxResults NextToken", s.getManagedPrefixListEntries)
}

func (s *Service) createVpcEndpoint(ctx context.Context, in *ec2api.CreateVpcEndpointInput) (*ec2api.CreateVpcEndpointOutput, error) {
	var e endpoint
	err := s.update(ctx, func(t *tx) error {
		v, err := vpcs.get(t, ptr.Val(in.VpcId))
		if err != nil {
			return err
		}
		kind := ptr.Val(or(in.VpcEndpointType, "Gateway"))
		offered := map[string][]string{"Gateway": gatewayServices, "Interface": interfaceServices}[kind]
		name, ok := strings.CutPrefix(ptr.Val(in.ServiceName), "com.amazonaws."+t.region+".")
		if !ok || !slices.Contains(offered, name) {
			return wire.Errorf(400, "InvalidServiceName", "The Vpc Endpoint Service '%s' does not exist", ptr.Val(in.ServiceName))
		}
		id := endpoints.newID()
		e = endpoint{ec2api.VpcEndpoint{
			VpcEndpointId: &id, VpcEndpointType: &kind, VpcId: v.VpcId, ServiceName: in.ServiceName, OwnerId: new(t.Account), State: new("available"),
			CreationTimestamp: new(t.now), IpAddressType: or(in.IpAddressType, "ipv4"), PolicyDocument: new(openPolicy), RequesterManaged: new(false),
			PrivateDnsEnabled: new(ptr.Val(in.PrivateDnsEnabled)), DnsOptions: &ec2api.DnsOptions{DnsRecordIpType: new("service-defined")},
		}}
		if kind == "Interface" {
			e.PrivateDnsEnabled = or(in.PrivateDnsEnabled, true)
			e.DnsOptions.DnsRecordIpType = new("ipv4")
			ids := in.SecurityGroupIds
			if len(ids) == 0 {
				ids = []string{*t.defaultGroup(*v.VpcId).GroupId}
			}
			if err := e.setGroups(t, ids); err != nil {
				return err
			}
			e.DnsEntries = []ec2api.DnsEntry{{DnsName: new(id + "-" + id[len(id)-8:] + "." + name + "." + t.region + ".vpce.amazonaws.com"), HostedZoneId: new("Z273ZU8SZ5RJPC")}}
		}
		if err := e.change(t, &ec2api.ModifyVpcEndpointInput{
			AddRouteTableIds: in.RouteTableIds, AddSubnetIds: in.SubnetIds, DnsOptions: in.DnsOptions, PolicyDocument: in.PolicyDocument,
		}); err != nil {
			return err
		}
		endpoints.put(t, e)
		if err := t.specify(id, endpoints.resource, in.TagSpecifications); err != nil {
			return err
		}
		e.Tags = t.tags(id)
		return nil
	})
	return &ec2api.CreateVpcEndpointOutput{ClientToken: in.ClientToken, VpcEndpoint: &e.VpcEndpoint}, err
}

// setGroups sets the security groups of an interface endpoint and its interfaces.
func (e *endpoint) setGroups(t *tx, ids []string) error {
	if err := t.checkGroups(*e.VpcId, ids); err != nil {
		return err
	}
	e.Groups = nil
	for _, g := range t.groupIdentifiers(ids) {
		e.Groups = append(e.Groups, ec2api.SecurityGroupIdentifier(g))
	}
	for _, id := range e.NetworkInterfaceIds {
		i, err := interfaces.get(t, id)
		if err != nil {
			return err
		}
		i.Groups = ids
		interfaces.put(t, i)
	}
	return nil
}

// change applies a modification. Each kind of endpoint refuses what belongs to
// the other.
func (e *endpoint) change(t *tx, in *ec2api.ModifyVpcEndpointInput) error {
	gateway := *e.VpcEndpointType == "Gateway"
	if gateway && len(in.AddSubnetIds)+len(in.AddSecurityGroupIds)+len(in.RemoveSubnetIds)+len(in.RemoveSecurityGroupIds) > 0 ||
		!gateway && len(in.AddRouteTableIds)+len(in.RemoveRouteTableIds) > 0 {
		return wire.Errorf(400, "InvalidParameter", "Route tables belong to gateway endpoints, subnets and security groups to interface endpoints.")
	}
	for _, id := range in.AddRouteTableIds {
		r, err := routeTables.get(t, id)
		if err != nil {
			return err
		}
		if *r.VpcId != *e.VpcId {
			return wire.Errorf(400, "InvalidParameter", "Route table %s is not in VPC %s", id, *e.VpcId)
		}
		for _, x := range endpoints.all(t) {
			if *x.VpcEndpointId != *e.VpcEndpointId && *x.ServiceName == *e.ServiceName && slices.Contains(x.RouteTableIds, id) {
				return wire.Errorf(400, "RouteAlreadyExists", "route table %s already has a route with destination-prefix-list of %s", id, *e.ServiceName)
			}
		}
		if !slices.Contains(e.RouteTableIds, id) {
			e.RouteTableIds = append(e.RouteTableIds, id)
		}
	}
	e.RouteTableIds = slices.DeleteFunc(e.RouteTableIds, func(id string) bool { return slices.Contains(in.RemoveRouteTableIds, id) })
	var ids []string
	for _, g := range e.Groups {
		if !slices.Contains(in.RemoveSecurityGroupIds, *g.GroupId) {
			ids = append(ids, *g.GroupId)
		}
	}
	for _, id := range in.AddSecurityGroupIds {
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	if !gateway {
		if err := e.setGroups(t, ids); err != nil {
			return err
		}
	}
	for _, id := range in.AddSubnetIds {
		sub, err := subnets.get(t, id)
		if err != nil {
			return err
		}
		if *sub.VpcId != *e.VpcId {
			return wire.Errorf(400, "InvalidParameter", "Subnet %s is not in VPC %s", id, *e.VpcId)
		}
		i, err := t.newInterface(sub, newInterface{Description: "VPC Endpoint Interface " + *e.VpcEndpointId, Type: "vpc_endpoint", Groups: ids, Requester: t.Account, InUse: true})
		if err != nil {
			return err
		}
		e.SubnetIds, e.NetworkInterfaceIds = append(e.SubnetIds, id), append(e.NetworkInterfaceIds, i.ID)
	}
	for i := len(e.SubnetIds) - 1; i >= 0; i-- {
		if slices.Contains(in.RemoveSubnetIds, e.SubnetIds[i]) {
			t.dropInterface(e.NetworkInterfaceIds[i])
			e.SubnetIds, e.NetworkInterfaceIds = slices.Delete(e.SubnetIds, i, i+1), slices.Delete(e.NetworkInterfaceIds, i, i+1)
		}
	}
	if ptr.Val(in.PolicyDocument) != "" {
		if !json.Valid([]byte(*in.PolicyDocument)) {
			return wire.Errorf(400, "InvalidParameter", "The policy document is not valid JSON.")
		}
		e.PolicyDocument = in.PolicyDocument
	} else if ptr.Val(in.ResetPolicy) {
		e.PolicyDocument = new(openPolicy)
	}
	if d := in.DnsOptions; d != nil {
		e.DnsOptions = &ec2api.DnsOptions{
			DnsRecordIpType: or(d.DnsRecordIpType, *e.DnsOptions.DnsRecordIpType), PrivateDnsOnlyForInboundResolverEndpoint: d.PrivateDnsOnlyForInboundResolverEndpoint,
		}
	}
	if in.PrivateDnsEnabled != nil {
		e.PrivateDnsEnabled = in.PrivateDnsEnabled
	}
	if in.IpAddressType != nil {
		e.IpAddressType = in.IpAddressType
	}
	return nil
}

func (s *Service) modifyVpcEndpoint(ctx context.Context, in *ec2api.ModifyVpcEndpointInput) (*ec2api.ModifyVpcEndpointOutput, error) {
	return &ec2api.ModifyVpcEndpointOutput{Return: new(true)}, s.update(ctx, func(t *tx) error {
		e, err := endpoints.get(t, ptr.Val(in.VpcEndpointId))
		if err != nil {
			return err
		}
		if err := e.change(t, in); err != nil {
			return err
		}
		endpoints.put(t, e)
		return nil
	})
}

func (s *Service) deleteVpcEndpoints(ctx context.Context, in *ec2api.DeleteVpcEndpointsInput) (*ec2api.DeleteVpcEndpointsOutput, error) {
	out := &ec2api.DeleteVpcEndpointsOutput{}
	return out, s.update(ctx, func(t *tx) error {
		for _, id := range in.VpcEndpointIds {
			e, err := endpoints.get(t, id)
			if err != nil {
				out.Unsuccessful = append(out.Unsuccessful, ec2api.UnsuccessfulItem{
					ResourceId: new(id), Error: &ec2api.UnsuccessfulItemError{Code: new(wire.Code(err)), Message: new("The Vpc Endpoint Id '" + id + "' does not exist")},
				})
				continue
			}
			for _, i := range e.NetworkInterfaceIds {
				t.dropInterface(i)
			}
			endpoints.remove(t, id)
		}
		return nil
	})
}

func (s *Service) describeVpcEndpoints(ctx context.Context, in *ec2api.DescribeVpcEndpointsInput) (*ec2api.DescribeVpcEndpointsOutput, error) {
	out := &ec2api.DescribeVpcEndpointsOutput{}
	return out, s.view(ctx, func(t *tx) error {
		some, err := endpoints.find(t, in.VpcEndpointIds, in.Filters, endpointFields)
		if err != nil {
			return err
		}
		for _, e := range some {
			e.Tags = t.tags(*e.VpcEndpointId)
			out.VpcEndpoints = append(out.VpcEndpoints, e.VpcEndpoint)
		}
		out.VpcEndpoints, out.NextToken, err = page(out.VpcEndpoints, in.MaxResults, in.NextToken)
		return err
	})
}

func (s *Service) describeVpcEndpointServices(ctx context.Context, in *ec2api.DescribeVpcEndpointServicesInput) (out *ec2api.DescribeVpcEndpointServicesOutput, err error) {
	region := wire.CallFrom(ctx).Region
	var all []ec2api.ServiceDetail
	for kind, names := range map[string][]string{"Gateway": gatewayServices, "Interface": interfaceServices} {
		for _, n := range names {
			d := ec2api.ServiceDetail{
				ServiceName: new("com.amazonaws." + region + "." + n), ServiceId: new(stableID("vpce-svc-", region, kind, n)), Owner: new("amazon"),
				ServiceType: []ec2api.ServiceTypeDetail{{ServiceType: new(kind)}}, AcceptanceRequired: new(false), ManagesVpcEndpoints: new(false),
				VpcEndpointPolicySupported: new(true), SupportedIpAddressTypes: []string{"ipv4"},
				BaseEndpointDnsNames: []string{n + "." + region + ".amazonaws.com"},
			}
			for _, z := range zones(region) {
				d.AvailabilityZones = append(d.AvailabilityZones, z.name)
			}
			if kind == "Interface" {
				d.PrivateDnsName = new(n + "." + region + ".amazonaws.com")
				d.BaseEndpointDnsNames = []string{n + "." + region + ".vpce.amazonaws.com"}
			}
			all = append(all, d)
		}
	}
	slices.SortFunc(all, func(a, b ec2api.ServiceDetail) int {
		return strings.Compare(*a.ServiceName+*a.ServiceType[0].ServiceType, *b.ServiceName+*b.ServiceType[0].ServiceType)
	})
	for _, name := range in.ServiceNames {
		if !slices.ContainsFunc(all, func(d ec2api.ServiceDetail) bool { return *d.ServiceName == name }) {
			return nil, wire.Errorf(400, "InvalidServiceName", "The Vpc Endpoint Service '%s' does not exist", name)
		}
	}
	for _, f := range in.Filters {
		var of func(ec2api.ServiceDetail) string
		switch ptr.Val(f.Name) {
		case "service-name":
			of = func(d ec2api.ServiceDetail) string { return *d.ServiceName }
		case "service-type":
			of = func(d ec2api.ServiceDetail) string { return *d.ServiceType[0].ServiceType }
		case "owner":
			of = func(d ec2api.ServiceDetail) string { return *d.Owner }
		default:
			return nil, wire.Errorf(400, "InvalidParameterValue", "The filter '%s' is invalid", ptr.Val(f.Name))
		}
		all = slices.DeleteFunc(all, func(d ec2api.ServiceDetail) bool { return !matchAny(f.Values, []string{of(d)}) })
	}
	out = &ec2api.DescribeVpcEndpointServicesOutput{}
	for _, d := range all {
		if len(in.ServiceNames) == 0 || slices.Contains(in.ServiceNames, *d.ServiceName) {
			out.ServiceDetails = append(out.ServiceDetails, d)
		}
	}
	out.ServiceDetails, out.NextToken, err = page(out.ServiceDetails, in.MaxResults, in.NextToken)
	for _, d := range out.ServiceDetails {
		if !slices.Contains(out.ServiceNames, *d.ServiceName) {
			out.ServiceNames = append(out.ServiceNames, *d.ServiceName)
		}
	}
	return out, err
}

// stableID makes an id that is the same for the same parts, always.
func stableID(prefix string, parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return prefix + "0" + hex.EncodeToString(sum[:8])
}
