package ec2

import (
	"context"

	"grocery/localaws/wire/api/ec2api"
)

// networkACL is a network ACL. Each VPC has one, its default, which admits
// everything; local AWS makes no others.
type networkACL struct{ ec2api.NetworkAcl }

var networkACLs = newKind("network-acls", "acl-", "network-acl", "InvalidNetworkAclID.NotFound", "networkAcl ID",
	func(a *networkACL) string { return *a.NetworkAclId })

var networkACLFields = fields[networkACL]{
	"network-acl-id":             func(a *networkACL) []string { return one(*a.NetworkAclId) },
	"vpc-id":                     func(a *networkACL) []string { return one(*a.VpcId) },
	"owner-id":                   func(a *networkACL) []string { return one(*a.OwnerId) },
	"default":                    func(a *networkACL) []string { return yesNo(*a.IsDefault) },
	"association.network-acl-id": func(a *networkACL) []string { return one(*a.NetworkAclId) },
	"association.association-id": func(a *networkACL) (all []string) {
		for _, x := range a.Associations {
			all = append(all, *x.NetworkAclAssociationId)
		}
		return all
	},
	"association.subnet-id": func(a *networkACL) (all []string) {
		for _, x := range a.Associations {
			all = append(all, *x.SubnetId)
		}
		return all
	},
}

func newNetworkACL(t *tx, v vpc) networkACL {
	a := networkACL{ec2api.NetworkAcl{NetworkAclId: new(networkACLs.newID()), VpcId: v.VpcId, OwnerId: new(t.Account), IsDefault: new(true)}}
	for _, egress := range []bool{true, false} {
		a.Entries = append(a.Entries, aclEntry(egress, 100, "allow"), aclEntry(egress, 32767, "deny"))
	}
	return a
}

func aclEntry(egress bool, number int64, action string) ec2api.NetworkAclEntry {
	return ec2api.NetworkAclEntry{CidrBlock: new("0.0.0.0/0"), Egress: &egress, Protocol: new("-1"), RuleAction: &action, RuleNumber: &number}
}

// coverSubnet puts a new subnet under its VPC's default ACL.
func coverSubnet(t *tx, vpcID, subnetID string) {
	for _, a := range networkACLs.where(t, func(a *networkACL) bool { return *a.VpcId == vpcID && *a.IsDefault }) {
		a.Associations = append(a.Associations, ec2api.NetworkAclAssociation{
			NetworkAclAssociationId: new(newID("aclassoc-")), NetworkAclId: a.NetworkAclId, SubnetId: &subnetID,
		})
		networkACLs.put(t, a)
	}
}

// uncoverSubnet takes a deleted subnet from its ACL.
func uncoverSubnet(t *tx, subnetID string) {
	for _, a := range networkACLs.all(t) {
		for i, x := range a.Associations {
			if *x.SubnetId == subnetID {
				a.Associations = append(a.Associations[:i], a.Associations[i+1:]...)
				networkACLs.put(t, a)
				break
			}
		}
	}
}

func (s *Service) describeNetworkAcls(ctx context.Context, in *ec2api.DescribeNetworkAclsInput) (*ec2api.DescribeNetworkAclsOutput, error) {
	out := &ec2api.DescribeNetworkAclsOutput{}
	err := s.view(ctx, func(t *tx) error {
		some, err := networkACLs.find(t, in.NetworkAclIds, in.Filters, networkACLFields)
		if err != nil {
			return err
		}
		for _, a := range some {
			a.Tags = t.tags(*a.NetworkAclId)
			out.NetworkAcls = append(out.NetworkAcls, a.NetworkAcl)
		}
		out.NetworkAcls, out.NextToken, err = page(out.NetworkAcls, in.MaxResults, in.NextToken)
		return err
	})
	return out, err
}
