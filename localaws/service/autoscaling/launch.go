package autoscaling

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/ec2api"
)

// capacity launches what is missing and terminates what is too much.
func (s *Service) capacity(ctx context.Context, name string) error {
	var launches []activity
	err := s.update(ctx, func(t *tx) error {
		g, err := t.group(&name)
		if err != nil {
			return nil
		}
		all := t.members(name)
		var open []activity // launches that EC2 has not answered
		for _, a := range t.activities(name) {
			if a.open() && a.Launch && a.Instance == "" {
				open = append(open, a)
			}
		}
		if g.Deleting && len(all) == 0 && len(open) == 0 {
			t.removeGroup(name)
			return nil
		}
		live := len(open)
		for _, m := range all {
			if m.counts() {
				live++
			}
		}
		want := int(*g.DesiredCapacity) + t.surge(&g, all)
		switch {
		case live < want && !g.suspended("Launch") && !t.now.Before(g.RetryAt):
			for range want - live {
				a := t.newLaunch(&g, all, append(open, launches...), live, want)
				launches = append(launches, a)
			}
		case live > want && !g.suspended("Terminate"):
			for range live - want {
				m := t.victim(&g)
				if m == nil {
					break
				}
				t.leave(&g, m, fmt.Sprintf("an instance was taken out of service in response to a difference between desired and actual capacity, shrinking the capacity from %d to %d.", live, want))
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if len(launches) > 0 {
		return s.resume(ctx, name)
	}
	return nil
}

// newLaunch writes down a launch: into which subnet, from which template.
func (t *tx) newLaunch(g *group, all []member, open []activity, from, to int) activity {
	subnet := ""
	fewest := -1
	for _, id := range strings.Split(*g.VPCZoneIdentifier, ",") {
		n := 0
		for _, m := range all {
			if m.counts() && m.Subnet == id {
				n++
			}
		}
		for _, a := range open {
			if a.Subnet == id {
				n++
			}
		}
		if fewest < 0 || n < fewest {
			subnet, fewest = id, n
		}
	}
	a := t.begin(g, "Launching a new EC2 instance", fmt.Sprintf("an instance was started in response to a difference between desired and actual capacity, increasing the capacity from %d to %d.", from, to), "PreInService")
	a.Launch, a.Subnet, a.Template = true, subnet, t.wantedTemplate(g)
	t.putActivity(a)
	return a
}

// resume asks EC2 for every launch that is written down and not answered yet.
// The token makes asking again harmless.
func (s *Service) resume(ctx context.Context, name string) error {
	var g group
	var open []activity
	if err := s.view(ctx, func(t *tx) (err error) {
		if g, err = t.group(&name); err != nil {
			return nil
		}
		for _, a := range t.activities(name) {
			if a.Launch && a.open() && a.Instance == "" {
				open = append(open, a)
			}
		}
		return nil
	}); err != nil {
		return err
	}
	var errs []error
	for _, a := range open {
		errs = append(errs, s.launch(ctx, g, a))
	}
	return errors.Join(errs...)
}

func (s *Service) launch(ctx context.Context, g group, a activity) error {
	tags := []ec2api.Tag{{Key: new("aws:autoscaling:groupName"), Value: g.AutoScalingGroupName}}
	for _, x := range g.Tags {
		if *x.PropagateAtLaunch {
			tags = append(tags, ec2api.Tag{Key: x.Key, Value: x.Value})
		}
	}
	resolved, err := s.template(ctx, &a.Template)
	var out *ec2api.RunInstancesOutput
	if err == nil {
		out, err = wire.Invoke(ctx, s.d.Calls, ec2api.RunInstances, &ec2api.RunInstancesInput{
			ClientToken: a.ActivityId, MinCount: new(int64(1)), MaxCount: new(int64(1)), SubnetId: &a.Subnet,
			LaunchTemplate:    &ec2api.LaunchTemplateSpecification{LaunchTemplateId: resolved.LaunchTemplateId, Version: resolved.Version},
			TagSpecifications: []ec2api.TagSpecification{{ResourceType: new("instance"), Tags: tags}},
		})
	}
	refused, isRefusal := errors.AsType[*wire.Error](err)
	if err != nil && (!isRefusal || refused.Status >= 500) {
		return err // not an answer: ask again
	}
	return s.update(ctx, func(t *tx) error {
		a, ok := t.activity(g.name(), *a.ActivityId)
		if !ok || !a.open() {
			return nil
		}
		g, err := t.group(a.AutoScalingGroupName)
		if err != nil {
			return err
		}
		if refused != nil {
			t.end(g.name(), *a.ActivityId, "Failed", refused.Message+" Launching EC2 instance failed.")
			t.failed(&g)
			return nil
		}
		i := out.Instances[0]
		a.Instance = *i.InstanceId
		a.Description = new("Launching a new EC2 instance: " + a.Instance)
		a.StatusCode, a.Details = new("PreInService"), details(a.Subnet, *i.Placement.AvailabilityZone)
		t.putActivity(a)
		m := member{
			ID: a.Instance, Group: g.name(), Zone: *i.Placement.AvailabilityZone, Subnet: a.Subnet, Type: *i.InstanceType, Template: resolved,
			Health: healthy, Protected: ptr.Val(g.NewInstancesProtectedFromScaleIn), Activity: *a.ActivityId,
		}
		t.turn(&m, pending)
		return nil
	})
}
