package ec2

import (
	"context"
	"net/netip"
	"slices"

	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/ec2api"
)

// routeTable is a route table. Routes of gateway endpoints are not in it: they
// are the endpoints'.
type routeTable struct{ ec2api.RouteTable }

var routeTables = newKind("route-tables", "rtb-", "route-table", "InvalidRouteTableID.NotFound", "routeTable ID",
	func(r *routeTable) string { return *r.RouteTableId })

func eachAssociation(f func(*ec2api.RouteTableAssociation) string) func(*routeTable) []string {
	return func(r *routeTable) (all []string) {
		for i := range r.Associations {
			all = append(all, one(f(&r.Associations[i]))...)
		}
		return all
	}
}

func eachRoute(f func(*ec2api.Route) string) func(*routeTable) []string {
	return func(r *routeTable) (all []string) {
		for i := range r.Routes {
			all = append(all, one(f(&r.Routes[i]))...)
		}
		return all
	}
}

var routeTableFields = fields[routeTable]{
	"route-table-id":                         func(r *routeTable) []string { return one(*r.RouteTableId) },
	"vpc-id":                                 func(r *routeTable) []string { return one(*r.VpcId) },
	"owner-id":                               func(r *routeTable) []string { return one(*r.OwnerId) },
	"association.route-table-association-id": eachAssociation(func(a *ec2api.RouteTableAssociation) string { return *a.RouteTableAssociationId }),
	"association.route-table-id":             func(r *routeTable) []string { return one(*r.RouteTableId) },
	"association.subnet-id":                  eachAssociation(func(a *ec2api.RouteTableAssociation) string { return ptr.Val(a.SubnetId) }),
	"association.gateway-id":                 eachAssociation(func(a *ec2api.RouteTableAssociation) string { return ptr.Val(a.GatewayId) }),
	"association.main": eachAssociation(func(a *ec2api.RouteTableAssociation) string {
		if *a.Main {
			return "true"
		}
		return "false"
	}),
	"route.destination-cidr-block":     eachRoute(func(x *ec2api.Route) string { return ptr.Val(x.DestinationCidrBlock) }),
	"route.destination-prefix-list-id": eachRoute(func(x *ec2api.Route) string { return ptr.Val(x.DestinationPrefixListId) }),
	"route.gateway-id":                 eachRoute(func(x *ec2api.Route) string { return ptr.Val(x.GatewayId) }),
	"route.nat-gateway-id":             eachRoute(func(x *ec2api.Route) string { return ptr.Val(x.NatGatewayId) }),
	"route.origin":                     eachRoute(func(x *ec2api.Route) string { return ptr.Val(x.Origin) }),
	"route.state":                      eachRoute(func(x *ec2api.Route) string { return ptr.Val(x.State) }),
}

func (s *Service) registerRoutes(r *wire.Registry) {
	const target = "RouteTableId DestinationCidrBlock GatewayId NatGatewayId"
	serve(r, ec2api.CreateRouteTable, "ClientToken VpcId TagSpecifications", s.createRouteTable)
	serve(r, ec2api.DeleteRouteTable, "RouteTableId", s.deleteRouteTable)
	serve(r, ec2api.DescribeRouteTables, "RouteTableIds Filters MaxResults NextToken", s.describeRouteTables)
	serve(r, ec2api.AssociateRouteTable, "RouteTableId SubnetId", s.associateRouteTable)
	serve(r, ec2api.DisassociateRouteTable, "AssociationId", s.disassociateRouteTable)
	serve(r, ec2api.ReplaceRouteTableAssociation, "AssociationId RouteTableId", s.replaceRouteTableAssociation)
	serve(r, ec2api.CreateRoute, target, s.createRoute)
	serve(r, ec2api.ReplaceRoute, target, s.replaceRoute)
	serve(r, ec2api.DeleteRoute, "RouteTableId DestinationCidrBlock", s.deleteRoute)
}

func newRouteTable(t *tx, v vpc) routeTable {
	return routeTable{ec2api.RouteTable{
		RouteTableId: new(routeTables.newID()), VpcId: v.VpcId, OwnerId: new(t.Account),
		Routes: []ec2api.Route{{DestinationCidrBlock: v.CidrBlock, GatewayId: new("local"), Origin: new("CreateRouteTable"), State: new("active")}},
	}}
}

// associate adds an association: the main one, or one with a subnet.
func associate(r *routeTable, subnetID string, main bool) string {
	id := newID("rtbassoc-")
	a := ec2api.RouteTableAssociation{
		RouteTableAssociationId: &id, RouteTableId: r.RouteTableId, Main: &main,
		AssociationState: &ec2api.RouteTableAssociationState{State: new("associated")},
	}
	if subnetID != "" {
		a.SubnetId = &subnetID
	}
	r.Associations = append(r.Associations, a)
	return id
}

func isMain(r *routeTable) bool {
	return slices.ContainsFunc(r.Associations, func(a ec2api.RouteTableAssociation) bool { return *a.Main })
}

func dropSubnetAssociation(r *routeTable, subnetID string) bool {
	n := len(r.Associations)
	r.Associations = slices.DeleteFunc(r.Associations, func(a ec2api.RouteTableAssociation) bool { return ptr.Val(a.SubnetId) == subnetID })
	return len(r.Associations) < n
}

// tableOf returns the route table in force for a subnet: its own or the VPC's main one.
func (t *tx) tableOf(vpcID, subnetID string) (found routeTable) {
	for _, r := range routeTables.where(t, func(r *routeTable) bool { return *r.VpcId == vpcID }) {
		for _, a := range r.Associations {
			if ptr.Val(a.SubnetId) == subnetID {
				return r
			}
			if *a.Main {
				found = r
			}
		}
	}
	return found
}

// shownRoutes completes a table with its computed part: routes whose target is
// gone are black holes, and gateway endpoints add routes.
func (t *tx) shownRoutes(r routeTable) routeTable {
	r.Tags = t.tags(*r.RouteTableId)
	for i := range r.Routes {
		x := &r.Routes[i]
		alive := true
		if x.NatGatewayId != nil {
			g, err := natGateways.get(t, *x.NatGatewayId)
			alive = err == nil && *g.State == "available"
		} else if *x.GatewayId != "local" {
			g, err := internetGateways.get(t, *x.GatewayId)
			alive = err == nil && attachedTo(&g) == *r.VpcId
		}
		x.State = new("active")
		if !alive {
			x.State = new("blackhole")
		}
	}
	for _, e := range endpoints.all(t) {
		if slices.Contains(e.RouteTableIds, *r.RouteTableId) {
			p, _ := prefixListOf(t.region, *e.ServiceName)
			r.Routes = append(r.Routes, ec2api.Route{DestinationPrefixListId: &p.id, GatewayId: e.VpcEndpointId, Origin: new("CreateRoute"), State: new("active")})
		}
	}
	return r
}

func (s *Service) createRouteTable(ctx context.Context, in *ec2api.CreateRouteTableInput) (*ec2api.CreateRouteTableOutput, error) {
	var r routeTable
	err := s.update(ctx, func(t *tx) error {
		v, err := vpcs.get(t, ptr.Val(in.VpcId))
		if err != nil {
			return err
		}
		r = newRouteTable(t, v)
		routeTables.put(t, r)
		if err := t.specify(*r.RouteTableId, routeTables.resource, in.TagSpecifications); err != nil {
			return err
		}
		r.Tags = t.tags(*r.RouteTableId)
		return nil
	})
	return &ec2api.CreateRouteTableOutput{ClientToken: in.ClientToken, RouteTable: &r.RouteTable}, err
}

func (s *Service) deleteRouteTable(ctx context.Context, in *ec2api.DeleteRouteTableInput) (*ec2api.DeleteRouteTableOutput, error) {
	return nil, s.update(ctx, func(t *tx) error {
		r, err := routeTables.get(t, ptr.Val(in.RouteTableId))
		if err != nil {
			return err
		}
		if len(r.Associations) > 0 {
			return dependent("routeTable", *r.RouteTableId)
		}
		for _, e := range endpoints.all(t) {
			if i := slices.Index(e.RouteTableIds, *r.RouteTableId); i >= 0 {
				e.RouteTableIds = slices.Delete(e.RouteTableIds, i, i+1)
				endpoints.put(t, e)
			}
		}
		routeTables.remove(t, *r.RouteTableId)
		return nil
	})
}

func (s *Service) describeRouteTables(ctx context.Context, in *ec2api.DescribeRouteTablesInput) (*ec2api.DescribeRouteTablesOutput, error) {
	out := &ec2api.DescribeRouteTablesOutput{}
	return out, s.view(ctx, func(t *tx) error {
		some, err := routeTables.find(t, in.RouteTableIds, in.Filters, routeTableFields)
		if err != nil {
			return err
		}
		for _, r := range some {
			out.RouteTables = append(out.RouteTables, t.shownRoutes(r).RouteTable)
		}
		out.RouteTables, out.NextToken, err = page(out.RouteTables, in.MaxResults, in.NextToken)
		return err
	})
}

func (s *Service) associateRouteTable(ctx context.Context, in *ec2api.AssociateRouteTableInput) (*ec2api.AssociateRouteTableOutput, error) {
	out := &ec2api.AssociateRouteTableOutput{AssociationState: &ec2api.RouteTableAssociationState{State: new("associated")}}
	return out, s.update(ctx, func(t *tx) error {
		r, err := routeTables.get(t, ptr.Val(in.RouteTableId))
		if err != nil {
			return err
		}
		sub, err := subnets.get(t, ptr.Val(in.SubnetId))
		if err != nil {
			return err
		}
		if *sub.VpcId != *r.VpcId {
			return wire.Errorf(400, "InvalidParameterValue", "Route table %s and subnet %s belong to different networks", *r.RouteTableId, *sub.SubnetId)
		}
		for _, x := range routeTables.all(t) {
			for _, a := range x.Associations {
				if ptr.Val(a.SubnetId) != *sub.SubnetId {
					continue
				}
				if *x.RouteTableId != *r.RouteTableId {
					return wire.Errorf(400, "Resource.AlreadyAssociated", "the specified association for route table %s conflicts with an existing association", *r.RouteTableId)
				}
				out.AssociationId = a.RouteTableAssociationId
				return nil
			}
		}
		out.AssociationId = new(associate(&r, *sub.SubnetId, false))
		routeTables.put(t, r)
		return nil
	})
}

// associated finds an association by its id.
func (t *tx) associated(id string) (routeTable, int, error) {
	for _, r := range routeTables.all(t) {
		for i, a := range r.Associations {
			if *a.RouteTableAssociationId == id {
				return r, i, nil
			}
		}
	}
	return routeTable{}, 0, wire.Errorf(400, "InvalidAssociationID.NotFound", "The association ID '%s' does not exist", id)
}

func (s *Service) disassociateRouteTable(ctx context.Context, in *ec2api.DisassociateRouteTableInput) (*ec2api.DisassociateRouteTableOutput, error) {
	return nil, s.update(ctx, func(t *tx) error {
		r, i, err := t.associated(ptr.Val(in.AssociationId))
		if err != nil {
			return err
		}
		if *r.Associations[i].Main {
			return wire.Errorf(400, "InvalidParameterValue", "cannot disassociate the main route table association %s", *in.AssociationId)
		}
		r.Associations = slices.Delete(r.Associations, i, i+1)
		routeTables.put(t, r)
		return nil
	})
}

func (s *Service) replaceRouteTableAssociation(ctx context.Context, in *ec2api.ReplaceRouteTableAssociationInput) (*ec2api.ReplaceRouteTableAssociationOutput, error) {
	out := &ec2api.ReplaceRouteTableAssociationOutput{AssociationState: &ec2api.RouteTableAssociationState{State: new("associated")}}
	return out, s.update(ctx, func(t *tx) error {
		old, i, err := t.associated(ptr.Val(in.AssociationId))
		if err != nil {
			return err
		}
		if _, err := routeTables.get(t, ptr.Val(in.RouteTableId)); err != nil {
			return err
		}
		a := old.Associations[i]
		old.Associations = slices.Delete(old.Associations, i, i+1)
		routeTables.put(t, old)
		r, _ := routeTables.get(t, *in.RouteTableId) // read now: it may be the same table
		out.NewAssociationId = new(associate(&r, ptr.Val(a.SubnetId), *a.Main))
		routeTables.put(t, r)
		return nil
	})
}

// route makes a route of a request's members and checks that its target can
// serve the table's VPC.
func (t *tx) route(r routeTable, cidr, gateway, nat *string) (ec2api.Route, error) {
	x := ec2api.Route{GatewayId: gateway, NatGatewayId: nat, Origin: new("CreateRoute"), State: new("active")}
	p, err := netip.ParsePrefix(ptr.Val(cidr))
	if err != nil || !p.Addr().Is4() {
		return x, wire.Errorf(400, "InvalidParameterValue", "Value (%s) for parameter destinationCidrBlock is invalid. This is not a valid CIDR block.", ptr.Val(cidr))
	}
	x.DestinationCidrBlock = new(p.Masked().String())
	switch {
	case (gateway == nil) == (nat == nil):
		return x, wire.Errorf(400, "InvalidParameterCombination", "A route needs exactly one target; local AWS supports an internet gateway and a NAT gateway.")
	case gateway != nil:
		g, err := internetGateways.get(t, *gateway)
		if err != nil {
			return x, wire.Errorf(400, "InvalidGatewayID.NotFound", "The gateway ID '%s' does not exist", *gateway)
		}
		if attachedTo(&g) != *r.VpcId {
			return x, wire.Errorf(400, "InvalidParameterValue", "route table %s and network gateway %s belong to different networks", *r.RouteTableId, *gateway)
		}
	default:
		g, err := natGateways.get(t, *nat)
		if err != nil || *g.State != "available" {
			return x, wire.Errorf(400, "InvalidNatGatewayID.NotFound", "The natGateway ID '%s' does not exist", *nat)
		}
		if *g.VpcId != *r.VpcId {
			return x, wire.Errorf(400, "InvalidParameterValue", "route table %s and NAT gateway %s belong to different networks", *r.RouteTableId, *nat)
		}
	}
	return x, nil
}

// routeTo finds the index of the route to a destination.
func routeTo(r *routeTable, cidr string) int {
	return slices.IndexFunc(r.Routes, func(x ec2api.Route) bool { return ptr.Val(x.DestinationCidrBlock) == cidr })
}

func (s *Service) createRoute(ctx context.Context, in *ec2api.CreateRouteInput) (*ec2api.CreateRouteOutput, error) {
	return &ec2api.CreateRouteOutput{Return: new(true)}, s.update(ctx, func(t *tx) error {
		r, err := routeTables.get(t, ptr.Val(in.RouteTableId))
		if err != nil {
			return err
		}
		x, err := t.route(r, in.DestinationCidrBlock, in.GatewayId, in.NatGatewayId)
		if err != nil {
			return err
		}
		if routeTo(&r, *x.DestinationCidrBlock) >= 0 {
			return wire.Errorf(400, "RouteAlreadyExists", "The route identified by %s already exists.", *x.DestinationCidrBlock)
		}
		r.Routes = append(r.Routes, x)
		routeTables.put(t, r)
		return nil
	})
}

func noRoute(table, cidr string) error {
	return wire.Errorf(400, "InvalidRoute.NotFound", "no route with destination-cidr-block %s in route table %s", cidr, table)
}

func (s *Service) replaceRoute(ctx context.Context, in *ec2api.ReplaceRouteInput) (*ec2api.ReplaceRouteOutput, error) {
	return nil, s.update(ctx, func(t *tx) error {
		r, err := routeTables.get(t, ptr.Val(in.RouteTableId))
		if err != nil {
			return err
		}
		x, err := t.route(r, in.DestinationCidrBlock, in.GatewayId, in.NatGatewayId)
		if err != nil {
			return err
		}
		i := routeTo(&r, *x.DestinationCidrBlock)
		if i < 0 || ptr.Val(r.Routes[i].GatewayId) == "local" {
			return noRoute(*r.RouteTableId, *x.DestinationCidrBlock)
		}
		r.Routes[i] = x
		routeTables.put(t, r)
		return nil
	})
}

func (s *Service) deleteRoute(ctx context.Context, in *ec2api.DeleteRouteInput) (*ec2api.DeleteRouteOutput, error) {
	return nil, s.update(ctx, func(t *tx) error {
		r, err := routeTables.get(t, ptr.Val(in.RouteTableId))
		if err != nil {
			return err
		}
		i := routeTo(&r, ptr.Val(in.DestinationCidrBlock))
		if i < 0 {
			return noRoute(*r.RouteTableId, ptr.Val(in.DestinationCidrBlock))
		}
		if ptr.Val(r.Routes[i].GatewayId) == "local" {
			return wire.Errorf(400, "InvalidParameterValue", "cannot remove local route %s in route table %s", *in.DestinationCidrBlock, *r.RouteTableId)
		}
		r.Routes = slices.Delete(r.Routes, i, i+1)
		routeTables.put(t, r)
		return nil
	})
}
