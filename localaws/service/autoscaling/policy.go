package autoscaling

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/store"
	"grocery/localaws/wire"
	api "grocery/localaws/wire/api/autoscalingapi"
)

// policy is a scaling policy.
type policy struct{ api.ScalingPolicy }

func (s *Service) registerPolicies(r *wire.Registry) {
	serve(r, api.PutScalingPolicy, "AdjustmentType AutoScalingGroupName Cooldown Enabled EstimatedInstanceWarmup MetricAggregationType MinAdjustmentMagnitude PolicyName PolicyType ScalingAdjustment StepAdjustments TargetTrackingConfiguration", s.putScalingPolicy)
	serve(r, api.DeletePolicy, "AutoScalingGroupName PolicyName", s.deletePolicy)
	serve(r, api.DescribePolicies, "AutoScalingGroupName PolicyNames PolicyTypes MaxRecords NextToken", s.describePolicies)
	serve(r, api.ExecutePolicy, "AutoScalingGroupName BreachThreshold HonorCooldown MetricValue PolicyName", s.executePolicy)
	serve(r, api.DescribeScheduledActions, "AutoScalingGroupName EndTime MaxRecords NextToken ScheduledActionNames StartTime", s.describeScheduledActions)
}

const (
	simple = "SimpleScaling"
	step   = "StepScaling"
	track  = "TargetTrackingScaling"
)

var adjustmentTypes = []string{"ChangeInCapacity", "ExactCapacity", "PercentChangeInCapacity"}

func (s *Service) putScalingPolicy(ctx context.Context, in *api.PutScalingPolicyInput) (*api.PutScalingPolicyOutput, error) {
	kind := ptr.Or(in.PolicyType, simple)
	name := ptr.Val(in.PolicyName)
	switch {
	case name == "" || strings.Contains(name, "/"):
		return nil, invalid("The policy name must not be empty or contain a slash.")
	case kind == track:
		c := in.TargetTrackingConfiguration
		if c == nil || c.TargetValue == nil || (c.PredefinedMetricSpecification == nil) == (c.CustomizedMetricSpecification == nil) {
			return nil, invalid("A target tracking policy needs a target value and one metric specification.")
		}
		if _, ok := averages[metricType(c)]; !ok {
			return nil, invalid("Local AWS tracks the predefined metrics ASGAverageCPUUtilization, ASGAverageNetworkIn and ASGAverageNetworkOut.")
		}
	case kind != simple && kind != step:
		return nil, invalid("Local AWS supports the policy types SimpleScaling, StepScaling and TargetTrackingScaling, not %s.", kind)
	case !slices.Contains(adjustmentTypes, ptr.Val(in.AdjustmentType)):
		return nil, invalid("The adjustment type is one of %s.", strings.Join(adjustmentTypes, ", "))
	case kind == simple && in.ScalingAdjustment == nil:
		return nil, invalid("A simple scaling policy needs a scaling adjustment.")
	case kind == step && len(in.StepAdjustments) == 0:
		return nil, invalid("A step scaling policy needs at least one step adjustment.")
	}
	out := &api.PutScalingPolicyOutput{}
	return out, s.update(ctx, func(t *tx) error {
		g, err := t.group(in.AutoScalingGroupName)
		if err != nil {
			return err
		}
		p := policy{reshape[api.ScalingPolicy](in)}
		p.PolicyType, p.Enabled = &kind, new(ptr.Or(in.Enabled, true))
		if kind == step {
			p.MetricAggregationType = new(ptr.Or(in.MetricAggregationType, "Average"))
		}
		key := store.Key(t.Region, g.name(), name)
		if old, ok := policies.Get(t.Tx, key); ok {
			p.PolicyARN = old.PolicyARN
		} else {
			p.PolicyARN = new(t.ARN("autoscaling", "scalingPolicy:"+newID(t.now)+":autoScalingGroupName/"+g.name()+":policyName/"+name))
		}
		policies.Put(t.Tx, key, p)
		out.PolicyARN = p.PolicyARN
		return nil
	})
}

// findPolicy finds a policy by name and group, or by its ARN.
func (t *tx) findPolicy(groupName, name *string) (policy, error) {
	for _, p := range policies.List(t.Tx, t.Region+"/") {
		if *p.PolicyARN == ptr.Val(name) || *p.PolicyName == ptr.Val(name) && *p.AutoScalingGroupName == ptr.Val(groupName) {
			return p, nil
		}
	}
	return policy{}, invalid("Policy name not found: %s", ptr.Val(name))
}

func (s *Service) deletePolicy(ctx context.Context, in *api.DeletePolicyInput) (*api.DeletePolicyOutput, error) {
	return nil, s.update(ctx, func(t *tx) error {
		p, err := t.findPolicy(in.AutoScalingGroupName, in.PolicyName)
		if err != nil {
			return err
		}
		policies.Delete(t.Tx, store.Key(t.Region, *p.AutoScalingGroupName, *p.PolicyName))
		return nil
	})
}

func (s *Service) describePolicies(ctx context.Context, in *api.DescribePoliciesInput) (*api.DescribePoliciesOutput, error) {
	out := &api.DescribePoliciesOutput{}
	return out, s.view(ctx, func(t *tx) error {
		prefix := t.Region + "/"
		if in.AutoScalingGroupName != nil {
			if _, err := t.group(in.AutoScalingGroupName); err != nil {
				return err
			}
			prefix = store.Key(t.Region, *in.AutoScalingGroupName) + "/"
		}
		for _, p := range policies.List(t.Tx, prefix) {
			named := len(in.PolicyNames) == 0 || slices.Contains(in.PolicyNames, *p.PolicyName) || slices.Contains(in.PolicyNames, *p.PolicyARN)
			if named && (len(in.PolicyTypes) == 0 || slices.Contains(in.PolicyTypes, *p.PolicyType)) {
				out.ScalingPolicies = append(out.ScalingPolicies, p.ScalingPolicy)
			}
		}
		return cut(&out.ScalingPolicies, func(p api.ScalingPolicy) string { return *p.AutoScalingGroupName + "/" + *p.PolicyName }, in.NextToken, in.MaxRecords, &out.NextToken)
	})
}

// coolingDown reports whether a simple scaling policy acted a short while ago.
func (g *group) coolingDown(t *tx) bool {
	return t.now.Before(g.ScaledAt.Add(time.Duration(*g.DefaultCooldown) * time.Second))
}

// executePolicy applies a simple or a step policy, as an alarm's action or by hand.
func (s *Service) executePolicy(ctx context.Context, in *api.ExecutePolicyInput) (*api.ExecutePolicyOutput, error) {
	return nil, s.update(ctx, func(t *tx) error {
		p, err := t.findPolicy(in.AutoScalingGroupName, in.PolicyName)
		if err != nil {
			return err
		}
		g, err := t.group(p.AutoScalingGroupName)
		if err != nil {
			return err
		}
		if !*p.Enabled || g.suspended("AlarmNotification") {
			return nil
		}
		var by int64
		switch *p.PolicyType {
		case simple:
			wait := time.Duration(ptr.Or(p.Cooldown, *g.DefaultCooldown)) * time.Second
			if ptr.Val(in.HonorCooldown) && t.now.Before(g.ScaledAt.Add(wait)) {
				return wire.Errorf(400, "ScalingActivityInProgress", "You cannot execute the policy while the group's cooldown period lasts.")
			}
			by = *p.ScalingAdjustment
		case step:
			if in.MetricValue == nil || in.BreachThreshold == nil {
				return invalid("A step scaling policy is executed with a metric value and a breach threshold.")
			}
			i := slices.IndexFunc(p.StepAdjustments, func(a api.StepAdjustment) bool {
				d := *in.MetricValue - *in.BreachThreshold
				return d >= ptr.Or(a.MetricIntervalLowerBound, math.Inf(-1)) && d < ptr.Or(a.MetricIntervalUpperBound, math.Inf(1))
			})
			if i < 0 {
				return invalid("No step of the policy covers the metric value %g.", *in.MetricValue)
			}
			by = *p.StepAdjustments[i].ScalingAdjustment
		default:
			return invalid("A target tracking policy cannot be executed by hand.")
		}
		to := adjusted(*g.DesiredCapacity, *p.AdjustmentType, by, ptr.Val(p.MinAdjustmentMagnitude))
		t.scale(&g, to, fmt.Sprintf("policy %s", *p.PolicyName))
		return nil
	})
}

// adjusted computes a new capacity; a percentage is rounded away from zero
// below 1 and towards zero above, as AWS does.
func adjusted(desired int64, kind string, by, least int64) int64 {
	switch kind {
	case "ExactCapacity":
		return by
	case "ChangeInCapacity":
		return desired + by
	}
	change := float64(desired) * float64(by) / 100
	switch {
	case change > 0 && change < 1:
		change = 1
	case change < 0 && change > -1:
		change = -1
	}
	n := int64(change)
	if by > 0 {
		n = max(n, least)
	} else if by < 0 {
		n = min(n, -least)
	}
	return desired + n
}

// scale sets the desired capacity within the group's bounds.
func (t *tx) scale(g *group, to int64, why string) {
	to = min(max(to, *g.MinSize), *g.MaxSize)
	if to == *g.DesiredCapacity {
		return
	}
	t.done(g, fmt.Sprintf("Setting desired capacity to %d", to), fmt.Sprintf("%s changed the desired capacity from %d to %d.", why, *g.DesiredCapacity, to))
	g.DesiredCapacity, g.ScaledAt = &to, t.now
	t.putGroup(*g)
}

// describeScheduledActions finds none: local AWS makes none.
func (s *Service) describeScheduledActions(ctx context.Context, in *api.DescribeScheduledActionsInput) (*api.DescribeScheduledActionsOutput, error) {
	return nil, s.view(ctx, func(t *tx) error {
		if in.AutoScalingGroupName == nil {
			return nil
		}
		_, err := t.group(in.AutoScalingGroupName)
		return err
	})
}
