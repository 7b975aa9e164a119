package ec2

import (
	"context"
	"slices"
	"strings"

	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/ec2api"
)

// group is a security group; its permissions are computed from rules.
type group struct{ ec2api.SecurityGroup }

var groups = newKind("security-groups", "sg-", "security-group", "InvalidGroup.NotFound", "security group",
	func(g *group) string { return *g.GroupId })

var groupFields = fields[group]{
	"group-id":    func(g *group) []string { return one(*g.GroupId) },
	"group-name":  func(g *group) []string { return one(*g.GroupName) },
	"description": func(g *group) []string { return one(*g.Description) },
	"owner-id":    func(g *group) []string { return one(*g.OwnerId) },
	"vpc-id":      func(g *group) []string { return one(*g.VpcId) },
}

func (s *Service) registerGroups(r *wire.Registry) {
	serve(r, ec2api.CreateSecurityGroup, "Description GroupName VpcId TagSpecifications", s.createSecurityGroup)
	serve(r, ec2api.DeleteSecurityGroup, "GroupId", s.deleteSecurityGroup)
	serve(r, ec2api.DescribeSecurityGroups, "GroupIds GroupNames Filters MaxResults NextToken", s.describeSecurityGroups)
}

// newGroup stores a group with the rule every new group has: all traffic out.
// A VPC's default group also admits its own members.
func newGroup(t *tx, v vpc, name, description string) group {
	g := group{ec2api.SecurityGroup{
		GroupId: new(groups.newID()), GroupName: &name, Description: &description, OwnerId: new(t.Account), VpcId: v.VpcId,
	}}
	groups.put(t, g)
	rules.put(t, rule{ID: rules.newID(), Group: *g.GroupId, Egress: true, Protocol: "-1", From: -1, To: -1, CIDR: "0.0.0.0/0", Order: t.nextRule()})
	if name == "default" {
		rules.put(t, rule{ID: rules.newID(), Group: *g.GroupId, Protocol: "-1", From: -1, To: -1, Peer: *g.GroupId, Order: t.nextRule()})
	}
	return g
}

func removeGroup(t *tx, id string) {
	for _, r := range t.rulesOf(id) {
		rules.remove(t, r.ID)
	}
	groups.remove(t, id)
}

func (t *tx) defaultGroup(vpcID string) (g group) {
	groups.any(t, func(x *group) bool { g = *x; return *x.VpcId == vpcID && *x.GroupName == "default" })
	return g
}

// checkGroups makes sure that groups exist in a VPC.
func (t *tx) checkGroups(vpcID string, ids []string) error {
	for _, id := range ids {
		g, err := groups.get(t, id)
		if err != nil {
			return err
		}
		if *g.VpcId != vpcID {
			return wire.Errorf(400, "InvalidGroup.NotFound", "The security group '%s' does not exist in VPC '%s'", id, vpcID)
		}
	}
	return nil
}

// groupIdentifiers pairs ids with names.
func (t *tx) groupIdentifiers(ids []string) (all []ec2api.GroupIdentifier) {
	for _, id := range ids {
		g, _ := groups.get(t, id)
		all = append(all, ec2api.GroupIdentifier{GroupId: new(id), GroupName: g.GroupName})
	}
	return all
}

func (s *Service) createSecurityGroup(ctx context.Context, in *ec2api.CreateSecurityGroupInput) (*ec2api.CreateSecurityGroupOutput, error) {
	out := &ec2api.CreateSecurityGroupOutput{}
	return out, s.update(ctx, func(t *tx) error {
		name := ptr.Val(in.GroupName)
		switch {
		case in.VpcId == nil:
			return wire.Errorf(400, "VPCIdNotSpecified", "No default VPC for this user")
		case name == "" || len(name) > 255 || strings.HasPrefix(name, "sg-"):
			return wire.Errorf(400, "InvalidParameterValue", "Value (%s) for parameter GroupName is invalid. A name has 1 to 255 characters and does not start with 'sg-'.", name)
		case ptr.Val(in.Description) == "":
			return wire.Errorf(400, "MissingParameter", "The request must contain the parameter GroupDescription")
		case name == "default":
			return wire.Errorf(400, "InvalidParameterValue", "Cannot use reserved security group name: default")
		}
		v, err := vpcs.get(t, *in.VpcId)
		if err != nil {
			return err
		}
		if groups.any(t, func(g *group) bool { return *g.VpcId == *v.VpcId && *g.GroupName == name }) {
			return wire.Errorf(400, "InvalidGroup.Duplicate", "The security group '%s' already exists for VPC '%s'", name, *v.VpcId)
		}
		g := newGroup(t, v, name, *in.Description)
		out.GroupId = g.GroupId
		if err := t.specify(*g.GroupId, groups.resource, in.TagSpecifications); err != nil {
			return err
		}
		out.Tags = t.tags(*g.GroupId)
		return nil
	})
}

func (s *Service) deleteSecurityGroup(ctx context.Context, in *ec2api.DeleteSecurityGroupInput) (*ec2api.DeleteSecurityGroupOutput, error) {
	return nil, s.update(ctx, func(t *tx) error {
		g, err := groups.get(t, ptr.Val(in.GroupId))
		if err != nil {
			return err
		}
		id := *g.GroupId
		if *g.GroupName == "default" {
			return wire.Errorf(400, "CannotDelete", "the specified group: \"%s\" name: \"default\" cannot be deleted by a user", id)
		}
		if interfaces.any(t, func(i *networkInterface) bool { return slices.Contains(i.Groups, id) }) ||
			rules.any(t, func(r *rule) bool { return r.Peer == id && r.Group != id }) {
			return wire.Errorf(400, "DependencyViolation", "resource %s has a dependent object", id)
		}
		removeGroup(t, id)
		return nil
	})
}

func (s *Service) describeSecurityGroups(ctx context.Context, in *ec2api.DescribeSecurityGroupsInput) (*ec2api.DescribeSecurityGroupsOutput, error) {
	out := &ec2api.DescribeSecurityGroupsOutput{}
	return out, s.view(ctx, func(t *tx) error {
		known := fields[group]{}
		for name, f := range groupFields {
			known[name] = f
		}
		for direction, egress := range map[string]bool{"ip-permission.": false, "egress.ip-permission.": true} {
			for name, of := range permissionFields {
				known[direction+name] = func(g *group) (all []string) {
					for _, r := range t.rulesOf(*g.GroupId) {
						if r.Egress == egress {
							all = append(all, one(of(r))...)
						}
					}
					return all
				}
			}
		}
		some, err := groups.find(t, in.GroupIds, in.Filters, known)
		if err != nil {
			return err
		}
		for _, g := range some {
			if len(in.GroupNames) > 0 && !slices.Contains(in.GroupNames, *g.GroupName) {
				continue
			}
			g.Tags = t.tags(*g.GroupId)
			g.IpPermissions, g.IpPermissionsEgress = permissions(t, *g.GroupId, false), permissions(t, *g.GroupId, true)
			out.SecurityGroups = append(out.SecurityGroups, g.SecurityGroup)
		}
		out.SecurityGroups, out.NextToken, err = page(out.SecurityGroups, in.MaxResults, in.NextToken)
		return err
	})
}
