package autoscaling

import (
	"context"
	"slices"
	"strings"
	"time"

	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/wire"
	api "grocery/localaws/wire/api/autoscalingapi"
)

func (s *Service) registerHooks(r *wire.Registry) {
	serve(r, api.PutLifecycleHook, "AutoScalingGroupName LifecycleHookName LifecycleTransition DefaultResult HeartbeatTimeout NotificationMetadata", s.putLifecycleHook)
	serve(r, api.DeleteLifecycleHook, "AutoScalingGroupName LifecycleHookName", s.deleteLifecycleHook)
	serve(r, api.DescribeLifecycleHooks, "AutoScalingGroupName LifecycleHookNames", s.describeLifecycleHooks)
	serve(r, api.CompleteLifecycleAction, "AutoScalingGroupName InstanceId LifecycleActionResult LifecycleActionToken LifecycleHookName", s.completeLifecycleAction)
	serve(r, api.RecordLifecycleActionHeartbeat, "AutoScalingGroupName InstanceId LifecycleActionToken LifecycleHookName", s.recordHeartbeat)
}

const (
	launching = "autoscaling:EC2_INSTANCE_LAUNCHING"
	ending    = "autoscaling:EC2_INSTANCE_TERMINATING"

	carryOn = "CONTINUE"
	abandon = "ABANDON"
)

// putHook adds a hook to a group or changes one.
func putHook(g *group, in *api.PutLifecycleHookInput) error {
	name := ptr.Val(in.LifecycleHookName)
	if name == "" || strings.Contains(name, "/") {
		return invalid("The lifecycle hook name must not be empty or contain a slash.")
	}
	h := api.LifecycleHook{LifecycleHookName: &name, AutoScalingGroupName: g.AutoScalingGroupName, DefaultResult: new(abandon), HeartbeatTimeout: new(int64(3600))}
	at := slices.IndexFunc(g.Hooks, func(x api.LifecycleHook) bool { return *x.LifecycleHookName == name })
	if at >= 0 {
		h = g.Hooks[at]
	}
	set(&h.LifecycleTransition, in.LifecycleTransition)
	set(&h.DefaultResult, in.DefaultResult)
	set(&h.HeartbeatTimeout, in.HeartbeatTimeout)
	set(&h.NotificationMetadata, in.NotificationMetadata)
	switch {
	case ptr.Val(h.LifecycleTransition) != launching && ptr.Val(h.LifecycleTransition) != ending:
		return invalid("The lifecycle transition must be %s or %s.", launching, ending)
	case *h.DefaultResult != carryOn && *h.DefaultResult != abandon:
		return invalid("The default result must be CONTINUE or ABANDON.")
	case *h.HeartbeatTimeout < 30 || *h.HeartbeatTimeout > 7200:
		return invalid("The heartbeat timeout must be between 30 and 7200 seconds.")
	case in.NotificationTargetARN != nil || in.RoleARN != nil:
		return invalid("Local AWS sends no notifications for lifecycle hooks.")
	}
	// https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_LifecycleHook.html
	h.GlobalTimeout = new(min(*h.HeartbeatTimeout*100, 172800))
	if at >= 0 {
		g.Hooks[at] = h
	} else {
		g.Hooks = append(g.Hooks, h)
	}
	return nil
}

func (s *Service) putLifecycleHook(ctx context.Context, in *api.PutLifecycleHookInput) (*api.PutLifecycleHookOutput, error) {
	return nil, s.update(ctx, func(t *tx) error {
		g, err := t.group(in.AutoScalingGroupName)
		if err != nil {
			return err
		}
		if err := putHook(&g, in); err != nil {
			return err
		}
		t.putGroup(g)
		return nil
	})
}

func (s *Service) deleteLifecycleHook(ctx context.Context, in *api.DeleteLifecycleHookInput) (*api.DeleteLifecycleHookOutput, error) {
	return nil, s.update(ctx, func(t *tx) error {
		g, err := t.group(in.AutoScalingGroupName)
		if err != nil {
			return err
		}
		name := ptr.Val(in.LifecycleHookName)
		at := slices.IndexFunc(g.Hooks, func(x api.LifecycleHook) bool { return *x.LifecycleHookName == name })
		if at < 0 {
			return invalid("No Lifecycle Hook found with name %s for AutoScalingGroup %s", name, g.name())
		}
		g.Hooks = slices.Delete(g.Hooks, at, at+1)
		t.putGroup(g)
		for _, m := range t.members(g.name()) { // its outstanding actions end as by default
			for i := range m.Waits {
				if w := &m.Waits[i]; w.Hook == name && w.Result == "" {
					w.Result = w.Default
				}
			}
			t.putMember(m)
		}
		return nil
	})
}

func (s *Service) describeLifecycleHooks(ctx context.Context, in *api.DescribeLifecycleHooksInput) (*api.DescribeLifecycleHooksOutput, error) {
	out := &api.DescribeLifecycleHooksOutput{}
	return out, s.view(ctx, func(t *tx) error {
		g, err := t.group(in.AutoScalingGroupName)
		if err != nil {
			return err
		}
		for _, h := range g.Hooks {
			if len(in.LifecycleHookNames) == 0 || slices.Contains(in.LifecycleHookNames, *h.LifecycleHookName) {
				out.LifecycleHooks = append(out.LifecycleHooks, h)
			}
		}
		return nil
	})
}

// waiting finds an outstanding lifecycle action by its token or by instance
// and lets f change it.
func (t *tx) waiting(groupName, hook, token, instance *string, f func(*wait)) error {
	g, err := t.group(groupName)
	if err != nil {
		return err
	}
	for _, m := range t.members(g.name()) {
		for i := range m.Waits {
			w := &m.Waits[i]
			if w.Hook != ptr.Val(hook) || w.Result != "" || token != nil && w.Token != *token || token == nil && m.ID != ptr.Val(instance) || instance != nil && m.ID != *instance {
				continue
			}
			f(w)
			t.putMember(m)
			return nil
		}
	}
	if token != nil {
		return invalid("No active Lifecycle Action found with token %s", *token)
	}
	return invalid("No active Lifecycle Action found with instance ID %s", ptr.Val(instance))
}

func (s *Service) completeLifecycleAction(ctx context.Context, in *api.CompleteLifecycleActionInput) (*api.CompleteLifecycleActionOutput, error) {
	result := ptr.Val(in.LifecycleActionResult)
	if result != carryOn && result != abandon {
		return nil, invalid("The lifecycle action result must be CONTINUE or ABANDON.")
	}
	return nil, s.update(ctx, func(t *tx) error {
		return t.waiting(in.AutoScalingGroupName, in.LifecycleHookName, in.LifecycleActionToken, in.InstanceId, func(w *wait) { w.Result = result })
	})
}

func (s *Service) recordHeartbeat(ctx context.Context, in *api.RecordLifecycleActionHeartbeatInput) (*api.RecordLifecycleActionHeartbeatOutput, error) {
	return nil, s.update(ctx, func(t *tx) error {
		return t.waiting(in.AutoScalingGroupName, in.LifecycleHookName, in.LifecycleActionToken, in.InstanceId, func(w *wait) {
			w.Deadline = t.now.Add(w.Heartbeat)
			if w.Deadline.After(w.Global) {
				w.Deadline = w.Global
			}
		})
	})
}

// waits begins the lifecycle actions of a transition.
func (g *group) waits(transition string, now time.Time) (all []wait) {
	for _, h := range g.Hooks {
		if *h.LifecycleTransition != transition {
			continue
		}
		beat := time.Duration(*h.HeartbeatTimeout) * time.Second
		all = append(all, wait{
			Hook: *h.LifecycleHookName, Token: wire.NewRequestID(), Heartbeat: beat, Default: *h.DefaultResult,
			Deadline: now.Add(beat), Global: now.Add(time.Duration(*h.GlobalTimeout) * time.Second),
		})
	}
	return all
}

// result is how a member's lifecycle actions ended together, "" while one is
// outstanding. One that is abandoned ends them all.
func (m *member) result(now time.Time) string {
	done := carryOn
	for _, w := range m.Waits {
		r := w.Result
		if r == "" && !now.Before(w.Deadline) {
			r = w.Default
		}
		switch r {
		case abandon:
			return abandon
		case "":
			done = ""
		}
	}
	return done
}
