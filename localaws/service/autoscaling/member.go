package autoscaling

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/store"
	"grocery/localaws/wire"
	api "grocery/localaws/wire/api/autoscalingapi"
	"grocery/localaws/wire/api/ec2api"
)

func (s *Service) registerMembers(r *wire.Registry) {
	serve(r, api.DescribeAutoScalingInstances, "InstanceIds MaxRecords NextToken", s.describeInstances)
	serve(r, api.DescribeScalingActivities, "ActivityIds AutoScalingGroupName IncludeDeletedGroups MaxRecords NextToken", s.describeActivities)
	serve(r, api.SetInstanceHealth, "InstanceId HealthStatus ShouldRespectGracePeriod", s.setInstanceHealth)
	serve(r, api.SetInstanceProtection, "AutoScalingGroupName InstanceIds ProtectedFromScaleIn", s.setInstanceProtection)
	serve(r, api.TerminateInstanceInAutoScalingGroup, "InstanceId ShouldDecrementDesiredCapacity", s.terminateInstance)
	serve(r, api.EnterStandby, "AutoScalingGroupName InstanceIds ShouldDecrementDesiredCapacity", s.enterStandby)
	serve(r, api.ExitStandby, "AutoScalingGroupName InstanceIds", s.exitStandby)
	serve(r, api.AttachInstances, "AutoScalingGroupName InstanceIds", s.attachInstances)
	serve(r, api.DetachInstances, "AutoScalingGroupName InstanceIds ShouldDecrementDesiredCapacity", s.detachInstances)
}

func (s *Service) describeInstances(ctx context.Context, in *api.DescribeAutoScalingInstancesInput) (*api.DescribeAutoScalingInstancesOutput, error) {
	out := &api.DescribeAutoScalingInstancesOutput{}
	return out, s.view(ctx, func(t *tx) error {
		members.Each(t.Tx, t.Region+"/", func(_ string, m member) bool {
			if len(in.InstanceIds) == 0 || slices.Contains(in.InstanceIds, m.ID) {
				out.AutoScalingInstances = append(out.AutoScalingInstances, api.AutoScalingInstanceDetails{
					InstanceId: &m.ID, AutoScalingGroupName: &m.Group, AvailabilityZone: &m.Zone, InstanceType: &m.Type, LaunchTemplate: &m.Template,
					LifecycleState: &m.State, HealthStatus: new(map[string]string{healthy: "HEALTHY"}[m.Health]), ProtectedFromScaleIn: &m.Protected,
				})
				if m.Health != healthy {
					out.AutoScalingInstances[len(out.AutoScalingInstances)-1].HealthStatus = new("UNHEALTHY")
				}
			}
			return true
		})
		return cut(&out.AutoScalingInstances, func(x api.AutoScalingInstanceDetails) string { return *x.InstanceId }, in.NextToken, in.MaxRecords, &out.NextToken)
	})
}

// describeActivities shows the newest first.
func (s *Service) describeActivities(ctx context.Context, in *api.DescribeScalingActivitiesInput) (*api.DescribeScalingActivitiesOutput, error) {
	out := &api.DescribeScalingActivitiesOutput{}
	return out, s.view(ctx, func(t *tx) error {
		prefix := t.Region + "/"
		if in.AutoScalingGroupName != nil {
			if _, err := t.group(in.AutoScalingGroupName); err != nil && !ptr.Val(in.IncludeDeletedGroups) {
				return err
			}
			prefix = store.Key(t.Region, *in.AutoScalingGroupName) + "/"
		}
		for _, a := range activities.List(t.Tx, prefix) {
			if len(in.ActivityIds) == 0 || slices.Contains(in.ActivityIds, *a.ActivityId) {
				out.Activities = append(out.Activities, a.Activity)
			}
		}
		// Ids sort by time; turned round, the newest comes first.
		slices.SortFunc(out.Activities, func(a, b api.Activity) int { return strings.Compare(*b.ActivityId, *a.ActivityId) })
		return cut(&out.Activities, func(a api.Activity) string { return invert(*a.ActivityId) }, in.NextToken, in.MaxRecords, &out.NextToken)
	})
}

// mustMember returns a member of any group, or of the named one.
func (t *tx) mustMember(groupName *string, id string) (member, group, error) {
	m, ok := t.member(id)
	if !ok || groupName != nil && m.Group != *groupName {
		if groupName != nil {
			return m, group{}, invalid("The instance %s is not part of Auto Scaling group %s.", id, *groupName)
		}
		return m, group{}, invalid("Instance Id not found - No managed instance found for instance ID %s", id)
	}
	g, err := t.group(&m.Group)
	return m, g, err
}

func (s *Service) setInstanceHealth(ctx context.Context, in *api.SetInstanceHealthInput) (*api.SetInstanceHealthOutput, error) {
	status := ptr.Val(in.HealthStatus)
	if status != healthy && status != unhealthy {
		return nil, invalid("Invalid Health Status %s: it is Healthy or Unhealthy.", status)
	}
	return nil, s.update(ctx, func(t *tx) error {
		m, g, err := t.mustMember(nil, ptr.Val(in.InstanceId))
		if err != nil {
			return err
		}
		if status == unhealthy && ptr.Or(in.ShouldRespectGracePeriod, true) && t.now.Before(m.graceEnd(&g)) {
			return nil
		}
		m.Health = status
		t.putMember(m)
		return nil
	})
}

func (s *Service) setInstanceProtection(ctx context.Context, in *api.SetInstanceProtectionInput) (*api.SetInstanceProtectionOutput, error) {
	return nil, s.update(ctx, func(t *tx) error {
		for _, id := range in.InstanceIds {
			m, _, err := t.mustMember(in.AutoScalingGroupName, id)
			if err != nil {
				return err
			}
			m.Protected = ptr.Val(in.ProtectedFromScaleIn)
			t.putMember(m)
		}
		return nil
	})
}

// decrement lowers the desired capacity by n, if the minimum allows.
func (t *tx) decrement(g *group, n int) error {
	d := *g.DesiredCapacity - int64(n)
	if d < *g.MinSize {
		return invalid("Currently, desiredSize equals minSize (%d). Terminating instance without replacement will violate group's min size constraint. Either set shouldDecrementDesiredCapacity flag to false or lower group's min size.", *g.MinSize)
	}
	g.DesiredCapacity = &d
	t.putGroup(*g)
	return nil
}

func (s *Service) terminateInstance(ctx context.Context, in *api.TerminateInstanceInAutoScalingGroupInput) (*api.TerminateInstanceInAutoScalingGroupOutput, error) {
	out := &api.TerminateInstanceInAutoScalingGroupOutput{}
	return out, s.update(ctx, func(t *tx) error {
		m, g, err := t.mustMember(nil, ptr.Val(in.InstanceId))
		if err != nil {
			return err
		}
		if m.leaving() {
			a, _ := t.activity(m.Group, m.Activity)
			out.Activity = &a.Activity
			return nil
		}
		if ptr.Val(in.ShouldDecrementDesiredCapacity) && m.counts() {
			if err := t.decrement(&g, 1); err != nil {
				return err
			}
		}
		a := t.leave(&g, &m, "instance "+m.ID+" was taken out of service in response to a user request.")
		out.Activity = &a.Activity
		return nil
	})
}

func (s *Service) enterStandby(ctx context.Context, in *api.EnterStandbyInput) (*api.EnterStandbyOutput, error) {
	out := &api.EnterStandbyOutput{}
	return out, s.update(ctx, func(t *tx) error {
		g, err := t.group(in.AutoScalingGroupName)
		if err != nil {
			return err
		}
		if ptr.Val(in.ShouldDecrementDesiredCapacity) {
			if err := t.decrement(&g, len(in.InstanceIds)); err != nil {
				return err
			}
		}
		for _, id := range in.InstanceIds {
			m, _, err := t.mustMember(in.AutoScalingGroupName, id)
			if err != nil {
				return err
			}
			if m.State != inService {
				return invalid("The instance %s is not in InService.", id)
			}
			t.turn(&m, standby)
			out.Activities = append(out.Activities, t.done(&g, "Moving EC2 instance to Standby: "+id, "instance "+id+" was moved to standby in response to a user request."))
		}
		return nil
	})
}

func (s *Service) exitStandby(ctx context.Context, in *api.ExitStandbyInput) (*api.ExitStandbyOutput, error) {
	out := &api.ExitStandbyOutput{}
	return out, s.update(ctx, func(t *tx) error {
		g, err := t.group(in.AutoScalingGroupName)
		if err != nil {
			return err
		}
		d := *g.DesiredCapacity + int64(len(in.InstanceIds))
		if d > *g.MaxSize {
			return invalid("The desired capacity would be %d, above the maximum of %d.", d, *g.MaxSize)
		}
		g.DesiredCapacity = &d
		t.putGroup(g)
		for _, id := range in.InstanceIds {
			m, _, err := t.mustMember(in.AutoScalingGroupName, id)
			if err != nil {
				return err
			}
			if m.State != standby {
				return invalid("The instance %s is not in Standby.", id)
			}
			m.Returning = true
			t.turn(&m, pending)
			out.Activities = append(out.Activities, t.done(&g, "Moving EC2 instance out of Standby: "+id, "instance "+id+" was moved out of standby in response to a user request."))
		}
		return nil
	})
}

// done records an activity that is over as it begins.
func (t *tx) done(g *group, description, cause string) api.Activity {
	a := t.begin(g, description, cause, "InProgress")
	t.end(g.name(), *a.ActivityId, "Successful", "")
	a, _ = t.activity(g.name(), *a.ActivityId)
	return a.Activity
}

func (s *Service) attachInstances(ctx context.Context, in *api.AttachInstancesInput) (*api.AttachInstancesOutput, error) {
	found, err := wire.Invoke(asService(ctx), s.d.Calls, ec2api.DescribeInstances, &ec2api.DescribeInstancesInput{InstanceIds: in.InstanceIds})
	if err != nil {
		return nil, invalid("Invalid Instances %v: %v", in.InstanceIds, err)
	}
	return nil, s.update(ctx, func(t *tx) error {
		g, err := t.group(in.AutoScalingGroupName)
		if err != nil {
			return err
		}
		d := *g.DesiredCapacity + int64(len(in.InstanceIds))
		if d > *g.MaxSize {
			return invalid("AutoScalingGroup has min-size=%d, max-size=%d, and desired-size=%d. To attach %d more instance(s), please update the AutoScalingGroup sizes appropriately.", *g.MinSize, *g.MaxSize, *g.DesiredCapacity, len(in.InstanceIds))
		}
		g.DesiredCapacity = &d
		t.putGroup(g)
		for _, r := range found.Reservations {
			for _, i := range r.Instances {
				if _, taken := t.member(*i.InstanceId); taken {
					return invalid("Instance %s is already part of an AutoScalingGroup", *i.InstanceId)
				}
				if *i.State.Name != "running" || !slices.Contains(g.AvailabilityZones, *i.Placement.AvailabilityZone) {
					return invalid("Instance %s must be running in one of the group's Availability Zones.", *i.InstanceId)
				}
				a := t.begin(&g, "Attaching an existing EC2 instance: "+*i.InstanceId, "an instance was attached in response to a user request.", "InProgress")
				m := member{ID: *i.InstanceId, Group: g.name(), Zone: *i.Placement.AvailabilityZone, Subnet: ptr.Val(i.SubnetId), Type: *i.InstanceType, Health: healthy, Activity: *a.ActivityId}
				t.turn(&m, pending)
			}
		}
		return nil
	})
}

func (s *Service) detachInstances(ctx context.Context, in *api.DetachInstancesInput) (*api.DetachInstancesOutput, error) {
	out := &api.DetachInstancesOutput{}
	var gone []member
	err := s.update(ctx, func(t *tx) error {
		g, err := t.group(in.AutoScalingGroupName)
		if err != nil {
			return err
		}
		if ptr.Val(in.ShouldDecrementDesiredCapacity) {
			if err := t.decrement(&g, len(in.InstanceIds)); err != nil {
				return err
			}
		}
		for _, id := range in.InstanceIds {
			m, _, err := t.mustMember(in.AutoScalingGroupName, id)
			if err != nil {
				return err
			}
			if m.State != inService && m.State != standby {
				return invalid("The instance %s is not in InService or Standby.", id)
			}
			t.dropMember(id)
			gone = append(gone, m)
			out.Activities = append(out.Activities, t.done(&g, "Detaching EC2 instance: "+id, fmt.Sprintf("instance %s was detached in response to a user request.", id)))
		}
		return nil
	})
	for _, m := range gone {
		for _, arn := range m.Registered {
			if err := s.deregister(asService(ctx), arn, m.ID); err != nil {
				return nil, err
			}
		}
	}
	return out, err
}
