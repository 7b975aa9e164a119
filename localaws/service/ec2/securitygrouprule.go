package ec2

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/ec2api"
)

// rule is one security group rule. Exactly one of CIDR, CIDR6, PrefixList and
// Peer (a group) is set. From and To are -1 where a protocol has no ports.
type rule struct {
	ID, Group   string
	Egress      bool
	Protocol    string
	From, To    int64
	CIDR, CIDR6 string
	PrefixList  string
	Peer        string
	Description string
	Order       int // of creation
}

var rules = newKind("security-group-rules", "sgr-", "security-group-rule", "InvalidSecurityGroupRuleId.NotFound", "security group rule ID",
	func(r *rule) string { return r.ID })

var ruleFields = fields[rule]{
	"group-id":               func(r *rule) []string { return one(r.Group) },
	"security-group-rule-id": func(r *rule) []string { return one(r.ID) },
}

// permissionFields are what groups can be filtered by, per rule.
var permissionFields = map[string]func(rule) string{
	"cidr":           func(r rule) string { return r.CIDR },
	"ipv6-cidr":      func(r rule) string { return r.CIDR6 },
	"from-port":      func(r rule) string { return strconv.FormatInt(r.From, 10) },
	"to-port":        func(r rule) string { return strconv.FormatInt(r.To, 10) },
	"group-id":       func(r rule) string { return r.Peer },
	"prefix-list-id": func(r rule) string { return r.PrefixList },
	"protocol":       func(r rule) string { return r.Protocol },
}

func (s *Service) registerRules(r *wire.Registry) {
	const authorize = "GroupId IpPermissions CidrIp FromPort ToPort IpProtocol TagSpecifications"
	const revoke = "GroupId IpPermissions SecurityGroupRuleIds CidrIp FromPort ToPort IpProtocol"
	const describe = "GroupId IpPermissions SecurityGroupRuleDescriptions"
	serve(r, ec2api.DescribeSecurityGroupRules, "SecurityGroupRuleIds Filters MaxResults NextToken", s.describeSecurityGroupRules)
	serve(r, ec2api.ModifySecurityGroupRules, "GroupId SecurityGroupRules", s.modifySecurityGroupRules)
	serve(r, ec2api.AuthorizeSecurityGroupIngress, authorize, func(ctx context.Context, in *ec2api.AuthorizeSecurityGroupIngressInput) (*ec2api.AuthorizeSecurityGroupIngressOutput, error) {
		shown, err := s.authorize(ctx, in.GroupId, false, withPlain(in.IpPermissions, in.IpProtocol, in.CidrIp, in.FromPort, in.ToPort), in.TagSpecifications)
		return &ec2api.AuthorizeSecurityGroupIngressOutput{Return: new(true), SecurityGroupRules: shown}, err
	})
	serve(r, ec2api.AuthorizeSecurityGroupEgress, authorize, func(ctx context.Context, in *ec2api.AuthorizeSecurityGroupEgressInput) (*ec2api.AuthorizeSecurityGroupEgressOutput, error) {
		shown, err := s.authorize(ctx, in.GroupId, true, withPlain(in.IpPermissions, in.IpProtocol, in.CidrIp, in.FromPort, in.ToPort), in.TagSpecifications)
		return &ec2api.AuthorizeSecurityGroupEgressOutput{Return: new(true), SecurityGroupRules: shown}, err
	})
	serve(r, ec2api.RevokeSecurityGroupIngress, revoke, func(ctx context.Context, in *ec2api.RevokeSecurityGroupIngressInput) (*ec2api.RevokeSecurityGroupIngressOutput, error) {
		err := s.revoke(ctx, in.GroupId, false, withPlain(in.IpPermissions, in.IpProtocol, in.CidrIp, in.FromPort, in.ToPort), in.SecurityGroupRuleIds)
		return &ec2api.RevokeSecurityGroupIngressOutput{Return: new(true)}, err
	})
	serve(r, ec2api.RevokeSecurityGroupEgress, revoke, func(ctx context.Context, in *ec2api.RevokeSecurityGroupEgressInput) (*ec2api.RevokeSecurityGroupEgressOutput, error) {
		err := s.revoke(ctx, in.GroupId, true, withPlain(in.IpPermissions, in.IpProtocol, in.CidrIp, in.FromPort, in.ToPort), in.SecurityGroupRuleIds)
		return &ec2api.RevokeSecurityGroupEgressOutput{Return: new(true)}, err
	})
	serve(r, ec2api.UpdateSecurityGroupRuleDescriptionsIngress, describe, func(ctx context.Context, in *ec2api.UpdateSecurityGroupRuleDescriptionsIngressInput) (*ec2api.UpdateSecurityGroupRuleDescriptionsIngressOutput, error) {
		return &ec2api.UpdateSecurityGroupRuleDescriptionsIngressOutput{Return: new(true)}, s.redescribe(ctx, in.GroupId, false, in.IpPermissions, in.SecurityGroupRuleDescriptions)
	})
	serve(r, ec2api.UpdateSecurityGroupRuleDescriptionsEgress, describe, func(ctx context.Context, in *ec2api.UpdateSecurityGroupRuleDescriptionsEgressInput) (*ec2api.UpdateSecurityGroupRuleDescriptionsEgressOutput, error) {
		return &ec2api.UpdateSecurityGroupRuleDescriptionsEgressOutput{Return: new(true)}, s.redescribe(ctx, in.GroupId, true, in.IpPermissions, in.SecurityGroupRuleDescriptions)
	})
}

// withPlain adds the rule that a request's top-level members describe.
func withPlain(all []ec2api.IpPermission, protocol, cidr *string, from, to *int64) []ec2api.IpPermission {
	if protocol == nil {
		return all
	}
	return append(all, ec2api.IpPermission{IpProtocol: protocol, FromPort: from, ToPort: to, IpRanges: []ec2api.IpRange{{CidrIp: cidr}}})
}

// rulesOf returns a group's rules in the order of their creation.
func (t *tx) rulesOf(groupID string) []rule {
	all := rules.where(t, func(r *rule) bool { return r.Group == groupID })
	slices.SortFunc(all, func(a, b rule) int { return cmp.Compare(a.Order, b.Order) })
	return all
}

func (t *tx) nextRule() int {
	last := 0
	rules.any(t, func(r *rule) bool { last = max(last, r.Order); return false })
	return last + 1
}

// protocols maps the numbers AWS takes to the names it answers.
var protocols = map[string]string{"1": "icmp", "6": "tcp", "17": "udp", "58": "icmpv6"}

// normal checks a rule's protocol, ports and peer, and writes them as AWS does.
func (t *tx) normal(r *rule, from, to *int64) error {
	r.Protocol = strings.ToLower(r.Protocol)
	if name, ok := protocols[r.Protocol]; ok {
		r.Protocol = name
	}
	r.From, r.To = -1, -1
	switch r.Protocol {
	case "tcp", "udp":
		r.From, r.To = ptr.Val(or(from, -1)), ptr.Val(or(to, -1))
		if r.From == -1 && r.To == -1 {
			r.From, r.To = 0, 65535
		}
		if r.From < 0 || r.To > 65535 || r.From > r.To {
			return wire.Errorf(400, "InvalidParameterValue", "Invalid value for portRange. Must specify both from and to ports with TCP/UDP.")
		}
	case "icmp", "icmpv6":
		r.From, r.To = ptr.Val(or(from, -1)), ptr.Val(or(to, -1))
	case "-1":
	default:
		return wire.Errorf(400, "InvalidPermission.Malformed", "Local AWS filters tcp, udp, icmp and all protocols (-1); '%s' is none of them.", r.Protocol)
	}
	switch {
	case r.CIDR != "":
		p, err := netip.ParsePrefix(r.CIDR)
		if err != nil || !p.Addr().Is4() || p.Masked() != p {
			return wire.Errorf(400, "InvalidParameterValue", "CIDR block %s is malformed", r.CIDR)
		}
	case r.CIDR6 != "":
		p, err := netip.ParsePrefix(r.CIDR6)
		if err != nil || !p.Addr().Is6() {
			return wire.Errorf(400, "InvalidParameterValue", "CIDR block %s is malformed", r.CIDR6)
		}
		r.CIDR6 = p.Masked().String()
	case r.PrefixList != "":
		if _, err := prefixListByID(t.region, r.PrefixList); err != nil {
			return err
		}
	case r.Peer != "":
		if _, err := groups.get(t, r.Peer); err != nil {
			return err
		}
	default:
		return wire.Errorf(400, "InvalidParameterValue", "A rule needs a CIDR block, a prefix list or a security group.")
	}
	return nil
}

// expand turns permissions into single rules.
func (t *tx) expand(g group, egress bool, all []ec2api.IpPermission) ([]rule, error) {
	var out []rule
	add := func(p *ec2api.IpPermission, r rule, description *string) error {
		r.Group, r.Egress, r.Protocol, r.Description = *g.GroupId, egress, ptr.Val(p.IpProtocol), ptr.Val(description)
		if err := t.normal(&r, p.FromPort, p.ToPort); err != nil {
			return err
		}
		out = append(out, r)
		return nil
	}
	for i := range all {
		p := &all[i]
		n := len(out)
		for _, x := range p.IpRanges {
			if err := add(p, rule{CIDR: ptr.Val(x.CidrIp)}, x.Description); err != nil {
				return nil, err
			}
		}
		for _, x := range p.Ipv6Ranges {
			if err := add(p, rule{CIDR6: ptr.Val(x.CidrIpv6)}, x.Description); err != nil {
				return nil, err
			}
		}
		for _, x := range p.PrefixListIds {
			if err := add(p, rule{PrefixList: ptr.Val(x.PrefixListId)}, x.Description); err != nil {
				return nil, err
			}
		}
		for _, x := range p.UserIdGroupPairs {
			peer := ptr.Val(x.GroupId)
			if peer == "" && x.GroupName != nil {
				groups.any(t, func(o *group) bool {
					if *o.VpcId == *g.VpcId && *o.GroupName == *x.GroupName {
						peer = *o.GroupId
					}
					return peer != ""
				})
			}
			if err := add(p, rule{Peer: peer}, x.Description); err != nil {
				return nil, err
			}
		}
		if len(out) == n {
			if err := add(p, rule{}, nil); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// same reports whether two rules admit the same, whatever they are called.
func (r rule) same(o rule) bool {
	r.ID, r.Description, r.Order = o.ID, o.Description, o.Order
	return r == o
}

func (r rule) peer() string { return cmp.Or(r.CIDR, r.CIDR6, r.PrefixList, r.Peer) }

func (r rule) String() string {
	name := strings.ToUpper(r.Protocol)
	if r.Protocol == "-1" {
		return fmt.Sprintf("peer: %s, ALL, ALLOW", r.peer())
	}
	return fmt.Sprintf("peer: %s, %s, from port: %d, to port: %d, ALLOW", r.peer(), name, r.From, r.To)
}

// shown is a rule as AWS describes it.
func (t *tx) shown(r rule) ec2api.SecurityGroupRule {
	x := ec2api.SecurityGroupRule{
		SecurityGroupRuleId: &r.ID, GroupId: &r.Group, GroupOwnerId: new(t.Account), IsEgress: &r.Egress,
		IpProtocol: &r.Protocol, FromPort: &r.From, ToPort: &r.To, Tags: t.tags(r.ID),
	}
	opt := func(s string) *string {
		if s == "" {
			return nil
		}
		return &s
	}
	x.CidrIpv4, x.CidrIpv6, x.PrefixListId, x.Description = opt(r.CIDR), opt(r.CIDR6), opt(r.PrefixList), opt(r.Description)
	if r.Peer != "" {
		x.ReferencedGroupInfo = &ec2api.ReferencedSecurityGroup{GroupId: &r.Peer, UserId: new(t.Account)}
	}
	return x
}

// permissions groups a group's rules by protocol and ports, as
// DescribeSecurityGroups shows them.
func permissions(t *tx, groupID string, egress bool) []ec2api.IpPermission {
	var all []ec2api.IpPermission
	for _, r := range t.rulesOf(groupID) {
		if r.Egress != egress {
			continue
		}
		i := slices.IndexFunc(all, func(p ec2api.IpPermission) bool {
			return *p.IpProtocol == r.Protocol && (r.Protocol == "-1" || *p.FromPort == r.From && *p.ToPort == r.To)
		})
		if i < 0 {
			i = len(all)
			p := ec2api.IpPermission{IpProtocol: &r.Protocol}
			if r.Protocol != "-1" {
				p.FromPort, p.ToPort = &r.From, &r.To
			}
			all = append(all, p)
		}
		x := t.shown(r)
		switch p := &all[i]; {
		case r.CIDR != "":
			p.IpRanges = append(p.IpRanges, ec2api.IpRange{CidrIp: x.CidrIpv4, Description: x.Description})
		case r.CIDR6 != "":
			p.Ipv6Ranges = append(p.Ipv6Ranges, ec2api.Ipv6Range{CidrIpv6: x.CidrIpv6, Description: x.Description})
		case r.PrefixList != "":
			p.PrefixListIds = append(p.PrefixListIds, ec2api.PrefixListId{PrefixListId: x.PrefixListId, Description: x.Description})
		default:
			p.UserIdGroupPairs = append(p.UserIdGroupPairs, ec2api.UserIdGroupPair{GroupId: &r.Peer, UserId: new(t.Account), Description: x.Description})
		}
	}
	return all
}

func (s *Service) authorize(ctx context.Context, groupID *string, egress bool, all []ec2api.IpPermission, tags []ec2api.TagSpecification) ([]ec2api.SecurityGroupRule, error) {
	var shown []ec2api.SecurityGroupRule
	err := s.update(ctx, func(t *tx) error {
		g, err := groups.get(t, ptr.Val(groupID))
		if err != nil {
			return err
		}
		added, err := t.expand(g, egress, all)
		if err != nil {
			return err
		}
		if len(added) == 0 {
			return wire.Errorf(400, "MissingParameter", "Either 'ipPermissions' or 'securityGroupRuleIds' should be provided.")
		}
		for _, r := range added {
			if slices.ContainsFunc(t.rulesOf(r.Group), r.same) {
				return wire.Errorf(400, "InvalidPermission.Duplicate", "the specified rule \"%s\" already exists", r)
			}
			r.ID, r.Order = rules.newID(), t.nextRule()
			rules.put(t, r)
			if err := t.specify(r.ID, rules.resource, tags); err != nil {
				return err
			}
			shown = append(shown, t.shown(r))
		}
		return nil
	})
	return shown, err
}

func (s *Service) revoke(ctx context.Context, groupID *string, egress bool, all []ec2api.IpPermission, ids []string) error {
	return s.update(ctx, func(t *tx) error {
		g, err := groups.get(t, ptr.Val(groupID))
		if err != nil {
			return err
		}
		for _, id := range ids {
			r, err := rules.get(t, id)
			if err != nil {
				return err
			}
			if r.Group != *g.GroupId || r.Egress != egress {
				return rules.missing(id)
			}
			rules.remove(t, id)
		}
		gone, err := t.expand(g, egress, all)
		if err != nil {
			return err
		}
		for _, r := range gone {
			own := t.rulesOf(r.Group)
			i := slices.IndexFunc(own, r.same)
			if i < 0 {
				return wire.Errorf(400, "InvalidPermission.NotFound", "The specified rule does not exist in this security group.")
			}
			rules.remove(t, own[i].ID)
		}
		return nil
	})
}

func (s *Service) redescribe(ctx context.Context, groupID *string, egress bool, all []ec2api.IpPermission, byID []ec2api.SecurityGroupRuleDescription) error {
	return s.update(ctx, func(t *tx) error {
		g, err := groups.get(t, ptr.Val(groupID))
		if err != nil {
			return err
		}
		for _, x := range byID {
			r, err := rules.get(t, ptr.Val(x.SecurityGroupRuleId))
			if err != nil {
				return err
			}
			r.Description = ptr.Val(x.Description)
			rules.put(t, r)
		}
		changed, err := t.expand(g, egress, all)
		if err != nil {
			return err
		}
		for _, r := range changed {
			own := t.rulesOf(r.Group)
			i := slices.IndexFunc(own, r.same)
			if i < 0 {
				return wire.Errorf(400, "InvalidPermission.NotFound", "The specified rule does not exist in this security group.")
			}
			own[i].Description = r.Description
			rules.put(t, own[i])
		}
		return nil
	})
}

func (s *Service) modifySecurityGroupRules(ctx context.Context, in *ec2api.ModifySecurityGroupRulesInput) (*ec2api.ModifySecurityGroupRulesOutput, error) {
	return &ec2api.ModifySecurityGroupRulesOutput{Return: new(true)}, s.update(ctx, func(t *tx) error {
		if _, err := groups.get(t, ptr.Val(in.GroupId)); err != nil {
			return err
		}
		for _, x := range in.SecurityGroupRules {
			old, err := rules.get(t, ptr.Val(x.SecurityGroupRuleId))
			if err != nil {
				return err
			}
			if old.Group != *in.GroupId || x.SecurityGroupRule == nil {
				return rules.missing(old.ID)
			}
			q := x.SecurityGroupRule
			r := rule{
				ID: old.ID, Group: old.Group, Egress: old.Egress, Order: old.Order, Protocol: ptr.Val(q.IpProtocol), Description: ptr.Val(q.Description),
				CIDR: ptr.Val(q.CidrIpv4), CIDR6: ptr.Val(q.CidrIpv6), PrefixList: ptr.Val(q.PrefixListId), Peer: ptr.Val(q.ReferencedGroupId),
			}
			if err := t.normal(&r, q.FromPort, q.ToPort); err != nil {
				return err
			}
			if slices.ContainsFunc(t.rulesOf(r.Group), func(o rule) bool { return o.ID != r.ID && r.same(o) }) {
				return wire.Errorf(400, "InvalidPermission.Duplicate", "the specified rule \"%s\" already exists", r)
			}
			rules.put(t, r)
		}
		return nil
	})
}

func (s *Service) describeSecurityGroupRules(ctx context.Context, in *ec2api.DescribeSecurityGroupRulesInput) (*ec2api.DescribeSecurityGroupRulesOutput, error) {
	out := &ec2api.DescribeSecurityGroupRulesOutput{}
	return out, s.view(ctx, func(t *tx) error {
		some, err := rules.find(t, in.SecurityGroupRuleIds, in.Filters, ruleFields)
		if err != nil {
			return err
		}
		for _, r := range some {
			out.SecurityGroupRules = append(out.SecurityGroupRules, t.shown(r))
		}
		out.SecurityGroupRules, out.NextToken, err = page(out.SecurityGroupRules, in.MaxResults, in.NextToken)
		return err
	})
}
