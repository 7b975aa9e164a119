package autoscaling

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
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

// world is what other services say about a group's subnets and instances.
type world struct {
	places []place                      // the group's subnets
	state  map[string]string            // of an instance in EC2
	target map[string]map[string]string // target group -> instance -> state of the target
}

func (s *Service) look(ctx context.Context, g group, all []member) (world, error) {
	w := world{nil, map[string]string{}, map[string]map[string]string{}}
	var err error
	if w.places, err = s.places(ctx, g); err != nil || len(all) == 0 {
		return w, err
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
	errs = append(errs, s.refresh(ctx, name), s.capacity(ctx, name, w.places))
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
	if m.moving(g, t.now) {
		t.moveFailed(g)
	} else {
		t.failed(g)
	}
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
		if m.moving(g, t.now) {
			t.moveFailed(g)
		}
		t.refreshLost(g, m)
		t.leave(g, m, cause)
		return nil
	})
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
