package autoscaling

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"grocery/localaws/service/internal/page"
	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/store"
	"grocery/localaws/wire"
	api "grocery/localaws/wire/api/autoscalingapi"
	"grocery/localaws/wire/api/ec2api"
)

// maxPage is the largest page of a list.
const maxPage = 100

func (s *Service) createGroup(ctx context.Context, in *api.CreateAutoScalingGroupInput) (*api.CreateAutoScalingGroupOutput, error) {
	c := wire.CallFrom(ctx)
	name := ptr.Val(in.AutoScalingGroupName)
	switch {
	case name == "" || len(name) > 255 || strings.Contains(name, "/"):
		return nil, invalid("The group name must have 1 to 255 characters and no slash.")
	case in.LaunchTemplate == nil:
		return nil, invalid("Valid requests must contain either LaunchTemplate, LaunchConfigurationName, InstanceId or MixedInstancesPolicy parameter. Local AWS supports LaunchTemplate.")
	case in.MinSize == nil || in.MaxSize == nil:
		return nil, invalid("MinSize and MaxSize are required.")
	case ptr.Val(in.VPCZoneIdentifier) == "":
		return nil, invalid("At least one Availability Zone or VPC Subnet is required. There is no default VPC: name subnets in VPCZoneIdentifier.")
	}
	g := group{Region: c.Region, AutoScalingGroup: api.AutoScalingGroup{
		AutoScalingGroupName: &name, AutoScalingGroupARN: new(c.ARN("autoscaling", "autoScalingGroup:"+newID(s.d.Clock.Now())+":autoScalingGroupName/"+name)),
		CreatedTime: new(s.d.Clock.Now()), DefaultCooldown: new(int64(300)), HealthCheckGracePeriod: new(int64(0)), HealthCheckType: new("EC2"),
		DesiredCapacity: in.MinSize, NewInstancesProtectedFromScaleIn: new(false), TerminationPolicies: []string{"Default"},
		ServiceLinkedRoleARN: new("arn:aws:iam::" + c.Account + ":role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"),
	}}
	update := reshape[api.UpdateAutoScalingGroupInput](in)
	if err := s.apply(ctx, &g, &update); err != nil {
		return nil, err
	}
	if err := s.addSources(ctx, &g, append(sourcesOf(in.TargetGroupARNs), in.TrafficSources...)); err != nil {
		return nil, err
	}
	for _, h := range in.LifecycleHookSpecificationList {
		put := reshape[api.PutLifecycleHookInput](h)
		if err := putHook(&g, &put); err != nil {
			return nil, err
		}
	}
	return nil, s.update(ctx, func(t *tx) error {
		if _, err := t.group(&name); err == nil {
			return wire.Errorf(400, "AlreadyExists", "AutoScalingGroup by this name already exists - A group with the name %s already exists", name)
		}
		if err := setTags(&g, in.Tags); err != nil {
			return err
		}
		t.putGroup(g)
		return nil
	})
}

// apply checks settings and writes them to a group.
func (s *Service) apply(ctx context.Context, g *group, in *api.UpdateAutoScalingGroupInput) error {
	if l := in.LaunchTemplate; l != nil {
		full, err := s.template(ctx, l)
		if err != nil {
			return err
		}
		g.LaunchTemplate = &api.LaunchTemplateSpecification{LaunchTemplateId: full.LaunchTemplateId, LaunchTemplateName: full.LaunchTemplateName, Version: l.Version}
	}
	if v := ptr.Val(in.VPCZoneIdentifier); v != "" {
		zones, err := s.zonesOf(ctx, strings.Split(v, ","))
		if err != nil {
			return err
		}
		g.VPCZoneIdentifier, g.AvailabilityZones = &v, zones
	} else if len(in.AvailabilityZones) > 0 {
		return invalid("There is no default VPC: name subnets in VPCZoneIdentifier.")
	}
	if t := in.HealthCheckType; t != nil {
		for kind := range strings.SplitSeq(*t, ",") {
			if kind != "EC2" && kind != "ELB" {
				return invalid("Health check type '%s' is not supported: local AWS knows EC2 and ELB.", kind)
			}
		}
		g.HealthCheckType = t
	}
	for _, p := range in.TerminationPolicies {
		if _, ok := terminationPolicies[p]; !ok {
			return invalid("'%s' is not a valid termination policy", p)
		}
	}
	if len(in.TerminationPolicies) > 0 {
		g.TerminationPolicies = in.TerminationPolicies
	}
	if t := in.DesiredCapacityType; t != nil && *t != "units" {
		return invalid("Local AWS counts capacity in units.")
	}
	if l := ptr.Val(in.MaxInstanceLifetime); l != 0 {
		return invalid("Local AWS does not replace instances by age (MaxInstanceLifetime).")
	}
	if p := in.InstanceMaintenancePolicy; p != nil {
		low, high := ptr.Val(p.MinHealthyPercentage), ptr.Val(p.MaxHealthyPercentage)
		if low == -1 && high == -1 {
			g.InstanceMaintenancePolicy = nil
		} else if low < 0 || low > 100 || high < 100 || high > 200 || high-low > 100 {
			return invalid("MinHealthyPercentage is 0 to 100, MaxHealthyPercentage 100 to 200, and they differ by at most 100.")
		} else {
			g.InstanceMaintenancePolicy = p
		}
	}
	set(&g.CapacityRebalance, in.CapacityRebalance)
	set(&g.DefaultCooldown, in.DefaultCooldown)
	set(&g.DefaultInstanceWarmup, in.DefaultInstanceWarmup)
	if w := g.DefaultInstanceWarmup; w != nil && *w == -1 {
		g.DefaultInstanceWarmup = nil
	}
	set(&g.HealthCheckGracePeriod, in.HealthCheckGracePeriod)
	set(&g.MinSize, in.MinSize)
	set(&g.MaxSize, in.MaxSize)
	set(&g.NewInstancesProtectedFromScaleIn, in.NewInstancesProtectedFromScaleIn)
	set(&g.ServiceLinkedRoleARN, in.ServiceLinkedRoleARN)
	set(&g.Context, in.Context)
	low, high := *g.MinSize, *g.MaxSize
	if low < 0 || low > high {
		return invalid("Max bound, %d, must be greater than or equal to min bound, %d", high, low)
	}
	if in.DesiredCapacity == nil {
		g.DesiredCapacity = new(min(max(*g.DesiredCapacity, low), high))
		return nil
	}
	if *in.DesiredCapacity < low || *in.DesiredCapacity > high {
		return invalid("Desired capacity:%d must be between the specified min size:%d and max size:%d", *in.DesiredCapacity, low, high)
	}
	g.DesiredCapacity = in.DesiredCapacity
	return nil
}

// set replaces an optional member when a new value is given.
func set[T any](to **T, v *T) {
	if v != nil {
		*to = v
	}
}

// template resolves a launch template to its id, name and version number.
func (s *Service) template(ctx context.Context, l *api.LaunchTemplateSpecification) (api.LaunchTemplateSpecification, error) {
	out, err := wire.Invoke(asService(ctx), s.d.Calls, ec2api.DescribeLaunchTemplateVersions, &ec2api.DescribeLaunchTemplateVersionsInput{
		LaunchTemplateId: l.LaunchTemplateId, LaunchTemplateName: nameUnlessID(l), Versions: []string{cmp.Or(ptr.Val(l.Version), "$Default")},
	})
	if err != nil {
		if e, ok := err.(*wire.Error); ok && e.Status < 500 {
			return api.LaunchTemplateSpecification{}, invalid("You must use a valid fully-formed launch template. %s", e.Message)
		}
		return api.LaunchTemplateSpecification{}, err
	}
	v := out.LaunchTemplateVersions[0]
	return api.LaunchTemplateSpecification{LaunchTemplateId: v.LaunchTemplateId, LaunchTemplateName: v.LaunchTemplateName, Version: new(fmt.Sprint(*v.VersionNumber))}, nil
}

func nameUnlessID(l *api.LaunchTemplateSpecification) *string {
	if l.LaunchTemplateId != nil {
		return nil
	}
	return l.LaunchTemplateName
}

// zonesOf returns the zones of subnets, sorted.
func (s *Service) zonesOf(ctx context.Context, ids []string) ([]string, error) {
	out, err := wire.Invoke(asService(ctx), s.d.Calls, ec2api.DescribeSubnets, &ec2api.DescribeSubnetsInput{SubnetIds: ids})
	if wire.Code(err) == "InvalidSubnetID.NotFound" {
		return nil, invalid("The subnet ID '%s' does not exist", strings.Join(ids, ","))
	}
	if err != nil {
		return nil, err
	}
	var zones []string
	for _, sub := range out.Subnets {
		if !slices.Contains(zones, *sub.AvailabilityZone) {
			zones = append(zones, *sub.AvailabilityZone)
		}
	}
	slices.Sort(zones)
	return zones, nil
}

// asService is ctx with Auto Scaling as the caller.
func asService(ctx context.Context) context.Context {
	return wire.AsService(ctx, principal, wire.CallFrom(ctx).Region)
}

func (s *Service) updateGroup(ctx context.Context, in *api.UpdateAutoScalingGroupInput) (*api.UpdateAutoScalingGroupOutput, error) {
	var g group
	if err := s.view(ctx, func(t *tx) (err error) { g, err = t.group(in.AutoScalingGroupName); return err }); err != nil {
		return nil, err
	}
	if err := s.apply(ctx, &g, in); err != nil {
		return nil, err
	}
	return nil, s.update(ctx, func(t *tx) error {
		now, err := t.group(in.AutoScalingGroupName)
		if err != nil {
			return err
		}
		if now.Deleting {
			return wire.Errorf(400, "ScalingActivityInProgress", "The group %s is being deleted.", now.name())
		}
		// What the loop and other calls may have changed meanwhile stays.
		g.Hooks, g.Tags, g.TrafficSources, g.TargetGroupARNs, g.SuspendedProcesses, g.EnabledMetrics = now.Hooks, now.Tags, now.TrafficSources, now.TargetGroupARNs, now.SuspendedProcesses, now.EnabledMetrics
		g.ScaledAt, g.Failures, g.RetryAt = now.ScaledAt, 0, t.now // a new setting deserves a new try
		g.FailedMoves, g.MoveAt = 0, t.now
		if in.DesiredCapacity == nil {
			g.DesiredCapacity = new(min(max(*now.DesiredCapacity, *g.MinSize), *g.MaxSize))
		}
		t.putGroup(g)
		return nil
	})
}

// deleteGroup removes an empty group at once. With ForceDelete the instances
// go first, without lifecycle hooks, and the group with the last of them.
func (s *Service) deleteGroup(ctx context.Context, in *api.DeleteAutoScalingGroupInput) (*api.DeleteAutoScalingGroupOutput, error) {
	return nil, s.update(ctx, func(t *tx) error {
		g, err := t.group(in.AutoScalingGroupName)
		if err != nil {
			return err
		}
		open := slices.ContainsFunc(t.activities(g.name()), func(a activity) bool { return a.open() })
		if !ptr.Val(in.ForceDelete) {
			if len(t.members(g.name())) > 0 {
				return wire.Errorf(400, "ResourceInUse", "You cannot delete an AutoScalingGroup while there are instances or pending Spot instance request(s) still in the group.")
			}
			if open {
				return wire.Errorf(400, "ScalingActivityInProgress", "You cannot delete an AutoScalingGroup while there are scaling activities in progress for that group.")
			}
		}
		g.Deleting, g.Status = true, new("Delete in progress")
		g.MinSize, g.DesiredCapacity = new(int64(0)), new(int64(0))
		t.putGroup(g)
		if len(t.members(g.name())) == 0 && !open {
			t.removeGroup(g.name())
		}
		return nil
	})
}

// removeGroup deletes a group with all that belongs to it.
func (t *tx) removeGroup(name string) {
	prefix := store.Key(t.Region, name) + "/"
	for _, a := range activities.List(t.Tx, prefix) {
		activities.Delete(t.Tx, prefix+*a.ActivityId)
	}
	for _, r := range refreshes.List(t.Tx, prefix) {
		refreshes.Delete(t.Tx, prefix+*r.InstanceRefreshId)
	}
	for _, p := range policies.List(t.Tx, prefix) {
		policies.Delete(t.Tx, prefix+*p.PolicyName)
	}
	groups.Delete(t.Tx, store.Key(t.Region, name))
}

// shown is a group as AWS describes it, with its instances.
func (t *tx) shown(g group) api.AutoScalingGroup {
	x := g.AutoScalingGroup
	for _, m := range t.members(g.name()) {
		x.Instances = append(x.Instances, api.Instance{
			InstanceId: new(m.ID), AvailabilityZone: new(m.Zone), InstanceType: new(m.Type), LaunchTemplate: new(m.Template),
			LifecycleState: new(m.State), HealthStatus: new(m.Health), ProtectedFromScaleIn: new(m.Protected),
		})
	}
	return x
}

func (s *Service) describeGroups(ctx context.Context, in *api.DescribeAutoScalingGroupsInput) (*api.DescribeAutoScalingGroupsOutput, error) {
	out := &api.DescribeAutoScalingGroupsOutput{}
	return out, s.view(ctx, func(t *tx) error {
		for _, g := range t.groups() {
			if len(in.AutoScalingGroupNames) > 0 && !slices.Contains(in.AutoScalingGroupNames, g.name()) {
				continue
			}
			pass, err := groupPasses(g, in.Filters)
			if err != nil {
				return err
			}
			if pass {
				out.AutoScalingGroups = append(out.AutoScalingGroups, t.shown(g))
			}
		}
		return cut(&out.AutoScalingGroups, func(g api.AutoScalingGroup) string { return *g.AutoScalingGroupName }, in.NextToken, in.MaxRecords, &out.NextToken)
	})
}

func groupPasses(g group, filters []api.Filter) (bool, error) {
	for _, f := range filters {
		name := ptr.Val(f.Name)
		key, byKey := strings.CutPrefix(name, "tag:")
		switch name {
		case "tag-key", "tag-value":
		default:
			if !byKey {
				return false, invalid("Filter name '%s' is not supported.", name)
			}
		}
		if !slices.ContainsFunc(g.Tags, func(t api.TagDescription) bool {
			switch {
			case byKey:
				return *t.Key == key && slices.Contains(f.Values, ptr.Val(t.Value))
			case name == "tag-key":
				return slices.Contains(f.Values, *t.Key)
			}
			return slices.Contains(f.Values, ptr.Val(t.Value))
		}) {
			return false, nil
		}
	}
	return true, nil
}

// cut makes *all one page of itself.
func cut[T any](all *[]T, key func(T) string, token *string, limit *int64, next **string) error {
	var err error
	*all, *next, err = page.Cut(*all, key, token, limit, maxPage)
	if err != nil {
		return wire.Errorf(400, "InvalidNextToken", "The NextToken value is not valid.")
	}
	return nil
}

func (s *Service) setDesiredCapacity(ctx context.Context, in *api.SetDesiredCapacityInput) (*api.SetDesiredCapacityOutput, error) {
	return nil, s.update(ctx, func(t *tx) error {
		g, err := t.group(in.AutoScalingGroupName)
		if err != nil {
			return err
		}
		n := ptr.Val(in.DesiredCapacity)
		switch {
		case n > *g.MaxSize:
			return invalid("New SetDesiredCapacity value %d is above max value %d for the AutoScalingGroup.", n, *g.MaxSize)
		case n < *g.MinSize:
			return invalid("New SetDesiredCapacity value %d is below min value %d for the AutoScalingGroup.", n, *g.MinSize)
		case ptr.Val(in.HonorCooldown) && g.coolingDown(t):
			return wire.Errorf(400, "ScalingActivityInProgress", "You cannot set the desired capacity while the group's cooldown period lasts.")
		}
		g.DesiredCapacity = &n
		t.putGroup(g)
		return nil
	})
}

// processes are what can be suspended.
var processes = []string{"Launch", "Terminate", "AddToLoadBalancer", "AlarmNotification", "AZRebalance", "HealthCheck", "InstanceRefresh", "ReplaceUnhealthy", "ScheduledActions"}

func (g *group) suspended(process string) bool {
	return slices.ContainsFunc(g.SuspendedProcesses, func(p api.SuspendedProcess) bool { return *p.ProcessName == process })
}

func (s *Service) changeProcesses(ctx context.Context, in *api.ScalingProcessQuery, suspend bool) error {
	return s.update(ctx, func(t *tx) error {
		g, err := t.group(in.AutoScalingGroupName)
		if err != nil {
			return err
		}
		names := in.ScalingProcesses
		if len(names) == 0 {
			names = processes
		}
		for _, n := range names {
			if !slices.Contains(processes, n) {
				return invalid("%s is not a valid process name.", n)
			}
			g.SuspendedProcesses = slices.DeleteFunc(g.SuspendedProcesses, func(p api.SuspendedProcess) bool { return *p.ProcessName == n })
			if suspend {
				g.SuspendedProcesses = append(g.SuspendedProcesses, api.SuspendedProcess{ProcessName: new(n), SuspensionReason: new("User suspended at " + t.now.UTC().Format("2006-01-02T15:04:05Z"))})
			}
		}
		slices.SortFunc(g.SuspendedProcesses, func(a, b api.SuspendedProcess) int { return strings.Compare(*a.ProcessName, *b.ProcessName) })
		t.putGroup(g)
		return nil
	})
}

func (s *Service) suspendProcesses(ctx context.Context, in *api.SuspendProcessesInput) (*api.SuspendProcessesOutput, error) {
	return nil, s.changeProcesses(ctx, in, true)
}

func (s *Service) resumeProcesses(ctx context.Context, in *api.ResumeProcessesInput) (*api.ResumeProcessesOutput, error) {
	return nil, s.changeProcesses(ctx, in, false)
}

func (s *Service) describeAccountLimits(ctx context.Context, _ *api.DescribeAccountLimitsInput) (*api.DescribeAccountLimitsOutput, error) {
	out := &api.DescribeAccountLimitsOutput{MaxNumberOfAutoScalingGroups: new(int64(500)), MaxNumberOfLaunchConfigurations: new(int64(0)), NumberOfLaunchConfigurations: new(int64(0))}
	return out, s.view(ctx, func(t *tx) error { out.NumberOfAutoScalingGroups = new(int64(len(t.groups()))); return nil })
}
