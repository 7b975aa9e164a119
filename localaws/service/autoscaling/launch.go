package autoscaling

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/ec2api"
)

// capacity launches what is missing, terminates what is too much, and balances
// zones.
func (s *Service) capacity(ctx context.Context, name string, places []place) error {
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
		zones := t.spread(&g, places, all, open)
		desired := int(*g.DesiredCapacity)
		want := desired + t.surge(&g, all)
		most := want + t.moving(&g, all, open)
		switch {
		case live < want && !g.suspended("Launch") && !t.now.Before(g.RetryAt):
			for i := live; i < want; i++ {
				launches = append(launches, t.newLaunch(&g, zones, i >= desired, grown(live, want)))
			}
		case live > most && !g.suspended("Terminate"):
			for range live - most {
				m := t.victim(&g, places, open)
				if m == nil {
					break
				}
				t.leave(&g, m, fmt.Sprintf("an instance was taken out of service in response to a difference between desired and actual capacity, shrinking the capacity from %d to %d.", live, most))
			}
		case live == want:
			n := t.toMove(&g, zones, all, open)
			for range n {
				cause := fmt.Sprintf("instances were launched to balance instances in zones %s with other zones resulting in more than desired number of instances in the group. At %s %s", zones.next(true).zone, t.now.UTC().Format(time.RFC3339), grown(live, live+n))
				a := t.newLaunch(&g, zones, true, cause)
				a.Balances = true
				t.putActivity(a)
				launches = append(launches, a)
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

func grown(from, to int) string {
	return fmt.Sprintf("an instance was started in response to a difference between desired and actual capacity, increasing the capacity from %d to %d.", from, to)
}

// newLaunch writes down a launch: into which subnet, from which template.
func (t *tx) newLaunch(g *group, zones *spread, beyond bool, cause string) activity {
	subnet, _, _ := strings.Cut(*g.VPCZoneIdentifier, ",") // EC2 knows none of them, and says so
	if len(zones.places) > 0 {
		subnet = zones.next(beyond).subnet
	}
	zones.add(subnet)
	a := t.begin(g, "Launching a new EC2 instance", cause, "PreInService")
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
			if a.Balances {
				t.moveFailed(&g)
			} else {
				t.failed(&g)
			}
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
			Balances: a.Balances,
		}
		t.turn(&m, pending)
		return nil
	})
}
