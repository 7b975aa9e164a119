package autoscaling

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/store"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/ec2api"
	"grocery/localaws/wire/api/elbv2api"
)

// reconcile brings every group a step further.
func (s *Service) reconcile(ctx context.Context) error {
	var all []group
	if err := s.d.Store.View(func(t store.Tx) error { all = groups.List(t, ""); return nil }); err != nil {
		return err
	}
	var errs []error
	for _, g := range all {
		if err := s.step(wire.AsService(ctx, principal, g.Region), g.name()); err != nil {
			errs = append(errs, fmt.Errorf("group %s: %w", g.name(), err))
		}
	}
	return errors.Join(errs...)
}

// world is what other services say about a group's instances.
type world struct {
	state  map[string]string            // of an instance in EC2
	target map[string]map[string]string // target group -> instance -> state of the target
}

func (s *Service) look(ctx context.Context, g group, all []member) (world, error) {
	w := world{map[string]string{}, map[string]map[string]string{}}
	if len(all) == 0 {
		return w, nil
	}
	var ids []string
	for _, m := range all {
		ids = append(ids, m.ID)
		for _, arn := range append(slices.Clone(m.Registered), g.TargetGroupARNs...) {
			w.target[arn] = map[string]string{}
		}
	}
	// By filter, not by id: an instance that EC2 has forgotten is no error.
	out, err := wire.Invoke(ctx, s.d.Calls, ec2api.DescribeInstances, &ec2api.DescribeInstancesInput{Filters: []ec2api.Filter{{Name: new("instance-id"), Values: ids}}})
	if err != nil {
		return w, err
	}
	for _, r := range out.Reservations {
		for _, i := range r.Instances {
			w.state[*i.InstanceId] = *i.State.Name
		}
	}
	for arn, states := range w.target {
		out, err := wire.Invoke(ctx, s.d.Calls, elbv2api.DescribeTargetHealth, &elbv2api.DescribeTargetHealthInput{TargetGroupArn: new(arn)})
		if wire.Code(err) == "TargetGroupNotFound" {
			continue // all targets are gone with it
		}
		if err != nil {
			return w, err
		}
		for _, d := range out.TargetHealthDescriptions {
			if d.Target != nil && d.TargetHealth != nil {
				states[ptr.Val(d.Target.Id)] = ptr.Val(d.TargetHealth.State)
			}
		}
	}
	return w, nil
}

// alive reports whether EC2 says that an instance runs or is about to.
func (w world) alive(id string) bool { return w.state[id] == "running" || w.state[id] == "pending" }

func (s *Service) step(ctx context.Context, name string) error {
	if err := s.resume(ctx, name); err != nil {
		return err
	}
	var g group
	var all []member
	err := s.view(ctx, func(t *tx) (err error) {
		if g, err = t.group(&name); err == nil {
			all = t.members(name)
		}
		return nil
	})
	if err != nil || g.AutoScalingGroupName == nil {
		return err
	}
	w, err := s.look(ctx, g, all)
	if err != nil {
		return err
	}
	var errs []error
	for _, m := range all {
		if err := s.advance(ctx, g, m, w); err != nil {
			errs = append(errs, fmt.Errorf("instance %s: %w", m.ID, err))
		}
	}
	errs = append(errs, s.refresh(ctx, name), s.capacity(ctx, name))
	return errors.Join(errs...)
}

// change re-reads a member and changes it if it is still in the state that the
// decision was made for.
func (s *Service) change(ctx context.Context, m member, f func(t *tx, g *group, m *member) error) error {
	return s.update(ctx, func(t *tx) error {
		now, ok := t.member(m.ID)
		if !ok || now.State != m.State {
			return nil
		}
		g, err := t.group(&m.Group)
		if err != nil {
			return err
		}
		return f(t, &g, &now)
	})
}

// advance takes the next step in an instance's life.
func (s *Service) advance(ctx context.Context, g group, m member, w world) error {
	switch m.State {
	case pending, pendingWait, pendingProceed:
		return s.bringUp(ctx, g, m, w)
	case inService:
		return s.keep(ctx, g, m, w)
	case standby:
		return s.deregisterAll(ctx, m)
	}
	return s.bringDown(ctx, m, w)
}

// bringUp leads an instance through its launch hooks, into the balancers and
// into service.
func (s *Service) bringUp(ctx context.Context, g group, m member, w world) error {
	switch state := w.state[m.ID]; {
	case state == "pending":
		return nil
	case state != "running":
		return s.change(ctx, m, func(t *tx, g *group, m *member) error {
			t.fail(g, m, "Instance became unhealthy while waiting for instance to be in InService state. Termination Reason: "+cmp.Or(w.state[m.ID], "terminated"))
			return nil
		})
	}
	if m.State == pendingProceed {
		if err := s.register(ctx, g, m); err != nil {
			return err
		}
	}
	return s.change(ctx, m, func(t *tx, g *group, m *member) error {
		switch m.State {
		case pending:
			if m.Waits = g.waits(launching, t.now); len(m.Waits) > 0 && !m.Returning {
				t.progress(m, "MidLifecycleAction", 30)
				t.turn(m, pendingWait)
				return nil
			}
			m.Waits = nil
			t.turn(m, pendingProceed)
		case pendingWait:
			switch m.result(t.now) {
			case carryOn:
				m.Waits = nil
				t.turn(m, pendingProceed)
			case abandon:
				t.fail(g, m, "Instance failed to complete user's Lifecycle Action: it was abandoned or its heartbeat timed out.")
			}
		case pendingProceed:
			t.end(m.Group, m.Activity, "Successful", "")
			m.Returning = false
			if m.InService.IsZero() {
				m.InService = t.now
			}
			t.turn(m, inService)
			g.Failures, g.RetryAt = 0, time.Time{}
			t.putGroup(*g)
		}
		return nil
	})
}

// fail ends a launch that came to nothing: the instance goes, and with it the
// count of failures decides when to try again.
func (t *tx) fail(g *group, m *member, why string) {
	t.end(m.Group, m.Activity, "Failed", why)
	t.failed(g)
	m.SkipHooks = true
	t.leave(g, m, "an instance was taken out of service in response to a failed launch: "+m.ID)
}

// failed counts a launch that failed and puts the next one off.
func (t *tx) failed(g *group) {
	g.Failures++
	g.RetryAt = t.now.Add(min(firstRetry<<min(g.Failures-1, 10), longestRetry))
	t.putGroup(*g)
	t.refreshFailed(g)
}

const (
	firstRetry   = 2 * time.Second
	longestRetry = 2 * time.Minute
)

// leave begins the termination of a member.
func (t *tx) leave(g *group, m *member, cause string) activity {
	a := t.begin(g, "Terminating EC2 instance: "+m.ID, cause, "InProgress")
	a.Details = details(m.Subnet, m.Zone)
	t.putActivity(a)
	m.Activity, m.Waits, m.Hooked = *a.ActivityId, nil, false
	t.turn(m, terminating)
	return a
}

func details(subnet, zone string) *string {
	raw, _ := json.Marshal(map[string]string{"Subnet ID": subnet, "Availability Zone": zone}) // strings always encode
	return new(string(raw))
}

// graceEnd is when the health of a new instance begins to count.
func (m *member) graceEnd(g *group) time.Time {
	return m.InService.Add(time.Duration(ptr.Val(g.HealthCheckGracePeriod)) * time.Second)
}

// keep looks after an instance in service: its registration and its health.
func (s *Service) keep(ctx context.Context, g group, m member, w world) error {
	if err := s.register(ctx, g, m); err != nil {
		return err
	}
	if g.suspended("HealthCheck") {
		return nil
	}
	cause := ""
	now := s.d.Clock.Now()
	switch {
	case !w.alive(m.ID):
		cause = "an instance was taken out of service in response to an EC2 health check indicating it has been terminated or stopped."
	case m.Health == unhealthy:
		cause = "an instance was taken out of service in response to a user health-check."
	case strings.Contains(*g.HealthCheckType, "ELB") && !now.Before(m.graceEnd(&g)):
		for _, arn := range g.TargetGroupARNs {
			if w.target[arn][m.ID] == "unhealthy" {
				cause = "an instance was taken out of service in response to an ELB system health check failure."
			}
		}
	}
	if cause == "" {
		return nil
	}
	return s.change(ctx, m, func(t *tx, g *group, m *member) error {
		m.Health = unhealthy
		if g.suspended("ReplaceUnhealthy") || g.suspended("Terminate") {
			t.putMember(*m)
			return nil
		}
		t.refreshLost(g, m)
		t.leave(g, m, cause)
		return nil
	})
}

// register makes an instance a target of all target groups, and of
// no others.
func (s *Service) register(ctx context.Context, g group, m member) error {
	if g.suspended("AddToLoadBalancer") {
		return nil
	}
	for _, arn := range g.TargetGroupARNs {
		if slices.Contains(m.Registered, arn) {
			continue
		}
		_, err := wire.Invoke(ctx, s.d.Calls, elbv2api.RegisterTargets, &elbv2api.RegisterTargetsInput{TargetGroupArn: new(arn), Targets: []elbv2api.TargetDescription{{Id: new(m.ID)}}})
		if err != nil {
			return err
		}
		if err := s.change(ctx, m, func(t *tx, _ *group, m *member) error {
			if !slices.Contains(m.Registered, arn) {
				m.Registered = append(m.Registered, arn)
			}
			t.putMember(*m)
			return nil
		}); err != nil {
			return err
		}
	}
	for _, arn := range m.Registered {
		if !slices.Contains(g.TargetGroupARNs, arn) {
			if err := s.unregister(ctx, m, arn); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Service) deregister(ctx context.Context, arn, id string) error {
	_, err := wire.Invoke(ctx, s.d.Calls, elbv2api.DeregisterTargets, &elbv2api.DeregisterTargetsInput{TargetGroupArn: &arn, Targets: []elbv2api.TargetDescription{{Id: &id}}})
	if wire.Code(err) == "TargetGroupNotFound" {
		return nil
	}
	return err
}

func (s *Service) unregister(ctx context.Context, m member, arn string) error {
	if err := s.deregister(ctx, arn, m.ID); err != nil {
		return err
	}
	return s.change(ctx, m, func(t *tx, _ *group, m *member) error {
		m.Registered = slices.DeleteFunc(m.Registered, func(x string) bool { return x == arn })
		t.putMember(*m)
		return nil
	})
}

func (s *Service) deregisterAll(ctx context.Context, m member) error {
	for _, arn := range m.Registered {
		if err := s.unregister(ctx, m, arn); err != nil {
			return err
		}
	}
	return nil
}

// longestDrain bounds the wait for balancers to drain a target.
const longestDrain = time.Hour

// bringDown leads an instance out of the balancers, through its termination
// hooks, and out of EC2.
func (s *Service) bringDown(ctx context.Context, m member, w world) error {
	now := s.d.Clock.Now()
	switch m.State {
	case terminating:
		if len(m.Registered) > 0 {
			return s.deregisterAll(ctx, m) // the next look sees the targets drain
		}
		if w.state[m.ID] == "running" && now.Sub(m.Since) < longestDrain {
			for _, states := range w.target {
				if states[m.ID] == "draining" {
					return s.change(ctx, m, func(t *tx, _ *group, m *member) error {
						t.progress(m, "WaitingForELBConnectionDraining", 40)
						return nil
					})
				}
			}
		}
		return s.change(ctx, m, func(t *tx, g *group, m *member) error {
			if m.Waits = g.waits(ending, t.now); len(m.Waits) > 0 && !m.SkipHooks && !g.Deleting {
				t.progress(m, "MidLifecycleAction", 60)
				t.turn(m, terminatingWait)
				return nil
			}
			m.Waits = nil
			t.turn(m, terminatingProceed)
			return nil
		})
	case terminatingWait:
		return s.change(ctx, m, func(t *tx, g *group, m *member) error {
			if m.result(t.now) != "" || g.Deleting { // also an abandoned one is terminated
				m.Waits = nil
				t.turn(m, terminatingProceed)
			}
			return nil
		})
	}
	switch w.state[m.ID] {
	case "", "terminated":
		return s.change(ctx, m, func(t *tx, g *group, m *member) error {
			t.end(m.Group, m.Activity, "Successful", "")
			t.dropMember(m.ID)
			return nil
		})
	case "shutting-down":
		return nil
	}
	_, err := wire.Invoke(ctx, s.d.Calls, ec2api.TerminateInstances, &ec2api.TerminateInstancesInput{InstanceIds: []string{m.ID}})
	if wire.Code(err) == "InvalidInstanceID.NotFound" {
		return nil
	}
	return err
}

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

type pair struct{ key, value string }

func sortedKeys(m map[string]string) (all []pair) {
	for _, k := range slices.Sorted(maps.Keys(m)) {
		all = append(all, pair{k, m[k]})
	}
	return all
}

// invert turns the order of hexadecimal ids round.
func invert(id string) string {
	const digits = "0123456789abcdef"
	return strings.Map(func(r rune) rune {
		if i := strings.IndexRune(digits, r); i >= 0 {
			return rune(digits[15-i])
		}
		return r
	}, id)
}

// reshape copies one of AWS's shapes into another with the same members.
func reshape[To any](from any) (to To) {
	raw, err := json.Marshal(from)
	if err == nil {
		err = json.Unmarshal(raw, &to)
	}
	if err != nil {
		panic(err) // the shapes are known at build time
	}
	return to
}
