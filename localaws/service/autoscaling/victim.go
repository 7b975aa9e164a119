package autoscaling

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strconv"

	"grocery/localaws/service/internal/ptr"
	api "grocery/localaws/wire/api/autoscalingapi"
)

// terminationPolicies narrow the instances that may go when a group shrinks.
// Each keeps those that tie for first place.
// https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-termination-policies.html
var terminationPolicies = map[string]func([]member) []member{
	"Default":                   func(all []member) []member { return oldest(oldestTemplate(all)) },
	"OldestInstance":            oldest,
	"NewestInstance":            func(all []member) []member { return all[len(all)-1:] },
	"OldestLaunchTemplate":      oldestTemplate,
	"ClosestToNextInstanceHour": oldest,
	"AllocationStrategy":        func(all []member) []member { return all },
}

// oldest relies on members being sorted by the time of their launch.
func oldest(all []member) []member { return all[:1] }

func oldestTemplate(all []member) []member {
	version := func(m member) int64 { n, _ := strconv.ParseInt(ptr.Val(m.Template.Version), 10, 64); return n }
	least := version(slices.MinFunc(all, func(a, b member) int { return cmp.Compare(version(a), version(b)) }))
	return slices.DeleteFunc(slices.Clone(all), func(m member) bool { return version(m) != least })
}

// victim chooses the instance to terminate when there are too many: unhealthy
// ones and those not in service yet first, then in the zone that has most,
// then by the group's policies. Protected instances stay.
func (t *tx) victim(g *group, places []place, open []activity) *member {
	var all []member
	zones := t.spread(g, places, t.members(g.name()), open)
	for _, m := range t.members(g.name()) {
		if m.counts() && !m.Protected {
			all = append(all, m)
		}
	}
	if len(all) == 0 {
		return nil
	}
	keep := func(pass func(member) bool) {
		if some := slices.DeleteFunc(slices.Clone(all), func(m member) bool { return !pass(m) }); len(some) > 0 {
			all = some
		}
	}
	keep(func(m member) bool { return m.Health == unhealthy })
	most := 0
	for _, m := range all {
		most = max(most, zones.fullness(m.Zone))
	}
	keep(func(m member) bool { return zones.fullness(m.Zone) == most })
	for _, p := range g.TerminationPolicies {
		all = terminationPolicies[p](all)
	}
	return &all[0]
}

func (s *Service) describeTerminationPolicyTypes(context.Context, *api.DescribeTerminationPolicyTypesInput) (*api.DescribeTerminationPolicyTypesOutput, error) {
	return &api.DescribeTerminationPolicyTypesOutput{TerminationPolicyTypes: slices.Sorted(maps.Keys(terminationPolicies))}, nil
}
