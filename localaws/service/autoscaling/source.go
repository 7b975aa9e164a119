package autoscaling

import (
	"context"
	"slices"

	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/wire"
	api "grocery/localaws/wire/api/autoscalingapi"
	"grocery/localaws/wire/api/elbv2api"
)

// The target groups of a group are kept as traffic sources of type elbv2; AWS
// shows them in both ways.
const elbv2 = "elbv2"

func (s *Service) registerSources(r *wire.Registry) {
	serve(r, api.AttachLoadBalancerTargetGroups, "AutoScalingGroupName TargetGroupARNs", func(ctx context.Context, in *api.AttachLoadBalancerTargetGroupsInput) (*api.AttachLoadBalancerTargetGroupsOutput, error) {
		return nil, s.attachSources(ctx, in.AutoScalingGroupName, sourcesOf(in.TargetGroupARNs))
	})
	serve(r, api.AttachTrafficSources, "AutoScalingGroupName TrafficSources", func(ctx context.Context, in *api.AttachTrafficSourcesInput) (*api.AttachTrafficSourcesOutput, error) {
		return nil, s.attachSources(ctx, in.AutoScalingGroupName, in.TrafficSources)
	})
	serve(r, api.DetachLoadBalancerTargetGroups, "AutoScalingGroupName TargetGroupARNs", func(ctx context.Context, in *api.DetachLoadBalancerTargetGroupsInput) (*api.DetachLoadBalancerTargetGroupsOutput, error) {
		return nil, s.detachSources(ctx, in.AutoScalingGroupName, sourcesOf(in.TargetGroupARNs))
	})
	serve(r, api.DetachTrafficSources, "AutoScalingGroupName TrafficSources", func(ctx context.Context, in *api.DetachTrafficSourcesInput) (*api.DetachTrafficSourcesOutput, error) {
		return nil, s.detachSources(ctx, in.AutoScalingGroupName, in.TrafficSources)
	})
	serve(r, api.DescribeLoadBalancerTargetGroups, "AutoScalingGroupName MaxRecords NextToken", s.describeLoadBalancerTargetGroups)
	serve(r, api.DescribeTrafficSources, "AutoScalingGroupName TrafficSourceType MaxRecords NextToken", s.describeTrafficSources)
	serve(r, api.DescribeLoadBalancers, "AutoScalingGroupName MaxRecords NextToken", s.describeLoadBalancers)
	serve(r, api.DescribeNotificationConfigurations, "AutoScalingGroupNames MaxRecords NextToken", s.describeNotificationConfigurations)
	serve(r, api.DescribeWarmPool, "AutoScalingGroupName MaxRecords NextToken", s.describeWarmPool)
}

func sourcesOf(targetGroups []string) (all []api.TrafficSourceIdentifier) {
	for _, arn := range targetGroups {
		all = append(all, api.TrafficSourceIdentifier{Identifier: new(arn), Type: new(elbv2)})
	}
	return all
}

// addSources adds target groups, which must exist, to a group.
func (s *Service) addSources(ctx context.Context, g *group, all []api.TrafficSourceIdentifier) error {
	for _, x := range all {
		if ptr.Or(x.Type, elbv2) != elbv2 {
			return invalid("Local AWS supports traffic sources of type elbv2.")
		}
		arn := ptr.Val(x.Identifier)
		_, err := wire.Invoke(asService(ctx), s.d.Calls, elbv2api.DescribeTargetGroups, &elbv2api.DescribeTargetGroupsInput{TargetGroupArns: []string{arn}})
		if wire.Code(err) == "TargetGroupNotFound" {
			return invalid("Provided Target Groups may not be valid. Please ensure they exist and try again.")
		}
		if err != nil {
			return err
		}
		if !slices.Contains(g.TargetGroupARNs, arn) {
			g.TargetGroupARNs = append(g.TargetGroupARNs, arn)
		}
	}
	g.TrafficSources = sourcesOf(g.TargetGroupARNs)
	return nil
}

func (s *Service) attachSources(ctx context.Context, name *string, all []api.TrafficSourceIdentifier) error {
	if err := s.addSources(ctx, &group{}, all); err != nil {
		return err
	}
	return s.update(ctx, func(t *tx) error {
		g, err := t.group(name)
		if err != nil {
			return err
		}
		for _, x := range all {
			if !slices.Contains(g.TargetGroupARNs, *x.Identifier) {
				g.TargetGroupARNs = append(g.TargetGroupARNs, *x.Identifier)
			}
		}
		g.TrafficSources = sourcesOf(g.TargetGroupARNs)
		t.putGroup(g)
		return nil
	})
}

func (s *Service) detachSources(ctx context.Context, name *string, all []api.TrafficSourceIdentifier) error {
	return s.update(ctx, func(t *tx) error {
		g, err := t.group(name)
		if err != nil {
			return err
		}
		for _, x := range all {
			i := slices.Index(g.TargetGroupARNs, ptr.Val(x.Identifier))
			if i < 0 {
				return invalid("Target group '%s' is not attached to the group.", ptr.Val(x.Identifier))
			}
			g.TargetGroupARNs = slices.Delete(g.TargetGroupARNs, i, i+1)
		}
		g.TrafficSources = sourcesOf(g.TargetGroupARNs)
		t.putGroup(g)
		return nil
	})
}

// sourceStates tells how far each target group is: Adding until all instances
// in service are registered, Removing while one still is, though detached.
func (t *tx) sourceStates(g group) map[string]string {
	states := map[string]string{}
	for _, arn := range g.TargetGroupARNs {
		states[arn] = "Added"
	}
	for _, m := range t.members(g.name()) {
		for _, arn := range g.TargetGroupARNs {
			if m.State == inService && !slices.Contains(m.Registered, arn) {
				states[arn] = "Adding"
			}
		}
		for _, arn := range m.Registered {
			if states[arn] == "" {
				states[arn] = "Removing"
			}
		}
	}
	return states
}

func (s *Service) describeLoadBalancerTargetGroups(ctx context.Context, in *api.DescribeLoadBalancerTargetGroupsInput) (*api.DescribeLoadBalancerTargetGroupsOutput, error) {
	out := &api.DescribeLoadBalancerTargetGroupsOutput{}
	return out, s.view(ctx, func(t *tx) error {
		g, err := t.group(in.AutoScalingGroupName)
		if err != nil {
			return err
		}
		for _, x := range sortedKeys(t.sourceStates(g)) {
			out.LoadBalancerTargetGroups = append(out.LoadBalancerTargetGroups, api.LoadBalancerTargetGroupState{LoadBalancerTargetGroupARN: new(x.key), State: new(x.value)})
		}
		return cut(&out.LoadBalancerTargetGroups, func(x api.LoadBalancerTargetGroupState) string { return *x.LoadBalancerTargetGroupARN }, in.NextToken, in.MaxRecords, &out.NextToken)
	})
}

func (s *Service) describeTrafficSources(ctx context.Context, in *api.DescribeTrafficSourcesInput) (*api.DescribeTrafficSourcesOutput, error) {
	out := &api.DescribeTrafficSourcesOutput{}
	return out, s.view(ctx, func(t *tx) error {
		g, err := t.group(in.AutoScalingGroupName)
		if err != nil {
			return err
		}
		if ptr.Or(in.TrafficSourceType, elbv2) == elbv2 {
			for _, x := range sortedKeys(t.sourceStates(g)) {
				out.TrafficSources = append(out.TrafficSources, api.TrafficSourceState{Identifier: new(x.key), TrafficSource: new(x.key), Type: new(elbv2), State: new(x.value)})
			}
		}
		return cut(&out.TrafficSources, func(x api.TrafficSourceState) string { return *x.Identifier }, in.NextToken, in.MaxRecords, &out.NextToken)
	})
}

// describeLoadBalancers finds no Classic Load Balancers: local AWS has none.
func (s *Service) describeLoadBalancers(ctx context.Context, in *api.DescribeLoadBalancersInput) (*api.DescribeLoadBalancersOutput, error) {
	return nil, s.view(ctx, func(t *tx) error { _, err := t.group(in.AutoScalingGroupName); return err })
}

// describeNotificationConfigurations finds none: local AWS makes none.
func (s *Service) describeNotificationConfigurations(ctx context.Context, in *api.DescribeNotificationConfigurationsInput) (*api.DescribeNotificationConfigurationsOutput, error) {
	return nil, s.view(ctx, func(t *tx) error {
		for _, n := range in.AutoScalingGroupNames {
			if _, err := t.group(&n); err != nil {
				return err
			}
		}
		return nil
	})
}

// describeWarmPool finds none: local AWS makes none.
func (s *Service) describeWarmPool(ctx context.Context, in *api.DescribeWarmPoolInput) (*api.DescribeWarmPoolOutput, error) {
	return nil, s.view(ctx, func(t *tx) error { _, err := t.group(in.AutoScalingGroupName); return err })
}
