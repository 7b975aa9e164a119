package ec2

import (
	"context"
	"time"

	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/ec2api"
)

type internetGateway struct{ ec2api.InternetGateway }

var internetGateways = newKind("internet-gateways", "igw-", "internet-gateway", "InvalidInternetGatewayID.NotFound", "internetGateway ID",
	func(g *internetGateway) string { return *g.InternetGatewayId })

var internetGatewayFields = fields[internetGateway]{
	"internet-gateway-id": func(g *internetGateway) []string { return one(*g.InternetGatewayId) },
	"owner-id":            func(g *internetGateway) []string { return one(*g.OwnerId) },
	"attachment.vpc-id":   func(g *internetGateway) []string { return one(attachedTo(g)) },
	"attachment.state": func(g *internetGateway) []string {
		if attachedTo(g) == "" {
			return nil
		}
		return one("available")
	},
}

// natGateway is a NAT gateway. A deleted one is shown for an hour.
type natGateway struct{ ec2api.NatGateway }

// shownDeleted is how long a deleted NAT gateway and a terminated instance
// stay visible.
const shownDeleted = time.Hour

var natGateways = newKind("nat-gateways", "nat-", "natgateway", "NatGatewayNotFound", "NAT gateway",
	func(g *natGateway) string { return *g.NatGatewayId })

var natGatewayFields = fields[natGateway]{
	"nat-gateway-id": func(g *natGateway) []string { return one(*g.NatGatewayId) },
	"subnet-id":      func(g *natGateway) []string { return one(*g.SubnetId) },
	"vpc-id":         func(g *natGateway) []string { return one(*g.VpcId) },
	"state":          func(g *natGateway) []string { return one(*g.State) },
}

func (s *Service) registerGateways(r *wire.Registry) {
	serve(r, ec2api.CreateInternetGateway, "TagSpecifications", s.createInternetGateway)
	serve(r, ec2api.DeleteInternetGateway, "InternetGatewayId", s.deleteInternetGateway)
	serve(r, ec2api.AttachInternetGateway, "InternetGatewayId VpcId", s.attachInternetGateway)
	serve(r, ec2api.DetachInternetGateway, "InternetGatewayId VpcId", s.detachInternetGateway)
	serve(r, ec2api.DescribeInternetGateways, "InternetGatewayIds Filters MaxResults NextToken", s.describeInternetGateways)
	serve(r, ec2api.CreateNatGateway, "AllocationId ClientToken ConnectivityType PrivateIpAddress SubnetId TagSpecifications", s.createNatGateway)
	serve(r, ec2api.DeleteNatGateway, "NatGatewayId", s.deleteNatGateway)
	serve(r, ec2api.DescribeNatGateways, "NatGatewayIds Filter MaxResults NextToken", s.describeNatGateways)
}

// attachedTo is the id of the VPC a gateway is attached to, or "".
func attachedTo(g *internetGateway) string {
	if len(g.Attachments) == 0 {
		return ""
	}
	return *g.Attachments[0].VpcId
}

func (s *Service) createInternetGateway(ctx context.Context, in *ec2api.CreateInternetGatewayInput) (*ec2api.CreateInternetGatewayOutput, error) {
	g := internetGateway{ec2api.InternetGateway{InternetGatewayId: new(internetGateways.newID())}}
	err := s.update(ctx, func(t *tx) error {
		g.OwnerId = new(t.Account)
		internetGateways.put(t, g)
		if err := t.specify(*g.InternetGatewayId, internetGateways.resource, in.TagSpecifications); err != nil {
			return err
		}
		g.Tags = t.tags(*g.InternetGatewayId)
		return nil
	})
	return &ec2api.CreateInternetGatewayOutput{InternetGateway: &g.InternetGateway}, err
}

func (s *Service) deleteInternetGateway(ctx context.Context, in *ec2api.DeleteInternetGatewayInput) (*ec2api.DeleteInternetGatewayOutput, error) {
	return nil, s.update(ctx, func(t *tx) error {
		g, err := internetGateways.get(t, ptr.Val(in.InternetGatewayId))
		if err != nil {
			return err
		}
		if attachedTo(&g) != "" {
			return dependent("internetGateway", *g.InternetGatewayId)
		}
		internetGateways.remove(t, *g.InternetGatewayId)
		return nil
	})
}

func (s *Service) attachInternetGateway(ctx context.Context, in *ec2api.AttachInternetGatewayInput) (*ec2api.AttachInternetGatewayOutput, error) {
	return nil, s.update(ctx, func(t *tx) error {
		g, err := internetGateways.get(t, ptr.Val(in.InternetGatewayId))
		if err != nil {
			return err
		}
		v, err := vpcs.get(t, ptr.Val(in.VpcId))
		if err != nil {
			return err
		}
		if attachedTo(&g) != "" {
			return wire.Errorf(400, "Resource.AlreadyAssociated", "resource %s is already attached to network %s", *g.InternetGatewayId, attachedTo(&g))
		}
		if internetGateways.any(t, func(x *internetGateway) bool { return attachedTo(x) == *v.VpcId }) {
			return wire.Errorf(400, "InvalidParameterValue", "Network %s already has an internet gateway attached", *v.VpcId)
		}
		g.Attachments = []ec2api.InternetGatewayAttachment{{State: new("available"), VpcId: v.VpcId}}
		internetGateways.put(t, g)
		return nil
	})
}

// detachInternetGateway refuses while an address of the VPC is public, as AWS does.
func (s *Service) detachInternetGateway(ctx context.Context, in *ec2api.DetachInternetGatewayInput) (*ec2api.DetachInternetGatewayOutput, error) {
	return nil, s.update(ctx, func(t *tx) error {
		g, err := internetGateways.get(t, ptr.Val(in.InternetGatewayId))
		if err != nil {
			return err
		}
		v := ptr.Val(in.VpcId)
		if attachedTo(&g) != v || v == "" {
			return wire.Errorf(400, "Gateway.NotAttached", "resource %s is not attached to network %s", *g.InternetGatewayId, v)
		}
		if interfaces.any(t, func(x *networkInterface) bool { return x.VPC == v && t.publicAddress(x) != "" }) {
			return wire.Errorf(400, "DependencyViolation", "Network %s has some mapped public address(es). Please unmap those public address(es) before detaching the gateway.", v)
		}
		g.Attachments = nil
		internetGateways.put(t, g)
		return nil
	})
}

func (s *Service) describeInternetGateways(ctx context.Context, in *ec2api.DescribeInternetGatewaysInput) (*ec2api.DescribeInternetGatewaysOutput, error) {
	out := &ec2api.DescribeInternetGatewaysOutput{}
	err := s.view(ctx, func(t *tx) error {
		some, err := internetGateways.find(t, in.InternetGatewayIds, in.Filters, internetGatewayFields)
		if err != nil {
			return err
		}
		for _, g := range some {
			g.Tags = t.tags(*g.InternetGatewayId)
			out.InternetGateways = append(out.InternetGateways, g.InternetGateway)
		}
		out.InternetGateways, out.NextToken, err = page(out.InternetGateways, in.MaxResults, in.NextToken)
		return err
	})
	return out, err
}

func (s *Service) createNatGateway(ctx context.Context, in *ec2api.CreateNatGatewayInput) (*ec2api.CreateNatGatewayOutput, error) {
	var g natGateway
	err := s.update(ctx, func(t *tx) error {
		sub, err := subnets.get(t, ptr.Val(in.SubnetId))
		if err != nil {
			return err
		}
		id := natGateways.newID()
		public := ptr.Val(or(in.ConnectivityType, "public")) == "public"
		if public == (in.AllocationId == nil) {
			return wire.Errorf(400, "InvalidParameterCombination", "A public NAT gateway needs an AllocationId, a private one must not have any.")
		}
		i, err := t.newInterface(sub, newInterface{Description: "Interface for NAT Gateway " + id, Type: "nat_gateway", Addr: ptr.Val(in.PrivateIpAddress), Requester: t.Account, InUse: true})
		if err != nil {
			return err
		}
		a := ec2api.NatGatewayAddress{NetworkInterfaceId: &i.ID, PrivateIp: new(i.Addr.String()), IsPrimary: new(true), Status: new("succeeded")}
		if public {
			ip, err := t.bind(*in.AllocationId, i, false)
			if err != nil {
				return err
			}
			a.AllocationId, a.AssociationId, a.PublicIp = ip.AllocationId, ip.AssociationId, ip.PublicIp
		}
		g = natGateway{ec2api.NatGateway{
			NatGatewayId: &id, SubnetId: sub.SubnetId, VpcId: sub.VpcId, State: new("available"), CreateTime: new(t.now),
			ConnectivityType: or(in.ConnectivityType, "public"), NatGatewayAddresses: []ec2api.NatGatewayAddress{a},
		}}
		natGateways.put(t, g)
		if err := t.specify(id, natGateways.resource, in.TagSpecifications); err != nil {
			return err
		}
		g.Tags = t.tags(id)
		return nil
	})
	return &ec2api.CreateNatGatewayOutput{ClientToken: in.ClientToken, NatGateway: &g.NatGateway}, err
}

func (s *Service) deleteNatGateway(ctx context.Context, in *ec2api.DeleteNatGatewayInput) (*ec2api.DeleteNatGatewayOutput, error) {
	return &ec2api.DeleteNatGatewayOutput{NatGatewayId: in.NatGatewayId}, s.update(ctx, func(t *tx) error {
		g, err := natGateways.get(t, ptr.Val(in.NatGatewayId))
		if err != nil {
			return err
		}
		if *g.State == "deleted" {
			return nil
		}
		for i, a := range g.NatGatewayAddresses {
			t.dropInterface(*a.NetworkInterfaceId)
			g.NatGatewayAddresses[i].Status = nil
		}
		g.State, g.DeleteTime = new("deleted"), new(t.now)
		natGateways.put(t, g)
		t.setTags(*g.NatGatewayId, nil)
		return nil
	})
}

func (s *Service) describeNatGateways(ctx context.Context, in *ec2api.DescribeNatGatewaysInput) (*ec2api.DescribeNatGatewaysOutput, error) {
	out := &ec2api.DescribeNatGatewaysOutput{}
	err := s.view(ctx, func(t *tx) error {
		some, err := natGateways.find(t, in.NatGatewayIds, in.Filter, natGatewayFields)
		if err != nil {
			return err
		}
		for _, g := range some {
			g.Tags = t.tags(*g.NatGatewayId)
			out.NatGateways = append(out.NatGateways, g.NatGateway)
		}
		out.NatGateways, out.NextToken, err = page(out.NatGateways, in.MaxResults, in.NextToken)
		return err
	})
	return out, err
}
