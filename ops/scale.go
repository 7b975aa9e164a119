package ops

import (
	"context"
	"fmt"
	"time"

	"github.com/zclconf/go-cty/cty"
)

// Scaled is what Scale achieved.
type Scaled struct {
	Capacity  int      `json:"capacity"`
	Instances []string `json:"instances"`
}

// scaleWithin is how long the group may take from the end of apply until as
// many instances serve as were asked for.
const scaleWithin = 15 * time.Minute

// Scale changes the number of instances: it writes asg_desired_capacity into
// the tfvars file, applies with the image tag that runs, and waits until that
// many instances serve and the balancer finds all of them healthy.
func (e *Environment) Scale(ctx context.Context, n int) (*Scaled, error) {
	r, err := e.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer r.done()
	o, err := r.stateOutputs(ctx, r.cfg)
	if err != nil {
		return nil, err
	}
	if err := r.scalable(n); err != nil {
		return nil, err
	}
	if err := r.stay(ctx, o); err != nil {
		return nil, err
	}
	if err := r.raise(ctx, "asg_desired_capacity", n); err != nil {
		return nil, err
	}
	s := &Scaled{Capacity: n}
	return s, r.step(ctx, "wait for the instances", func(ctx context.Context, info func(string, ...any)) error {
		ctx, cancel := context.WithTimeoutCause(ctx, scaleWithin, fmt.Errorf("%d instances do not serve after %s: grocery status shows them", n, scaleWithin))
		defer cancel()
		for last := -1; ; {
			var now Status
			if err := now.instances(ctx, r.cfg, o); err != nil {
				return err
			}
			s.Instances = now.serving()
			if len(s.Instances) != last {
				last = len(s.Instances)
				info("%d of %d serve", last, n)
			}
			if last == n && len(now.staying()) == n {
				return nil
			}
			if err := pause(ctx, pollEvery); err != nil {
				return context.Cause(ctx)
			}
		}
	})
}

// scalable refuses a number that Terraform or the group would not take.
func (r *run) scalable(n int) error {
	auto, err := r.setting("enable_scaling", cty.Bool)
	if err != nil {
		return err
	}
	if auto.True() {
		return fmt.Errorf("the group scales itself: change asg_min_size and asg_max_size in %s, or turn enable_scaling off there", r.varFile())
	}
	low, err := r.number("asg_min_size")
	if err != nil {
		return err
	}
	high, err := r.number("asg_max_size")
	if err != nil {
		return err
	}
	if n < low || n > high {
		return fmt.Errorf("%d is not between asg_min_size (%d) and asg_max_size (%d) of %s", n, low, high, r.varFile())
	}
	return nil
}

// raise sets a number in the tfvars file and applies everything.
func (r *run) raise(ctx context.Context, name string, n int) error {
	if err := r.open(ctx, false); err != nil {
		return err
	}
	if err := r.artifacts(ctx); err != nil {
		return err
	}
	if err := r.haveImages(ctx); err != nil {
		return err
	}
	if err := r.step(ctx, "settings", func(ctx context.Context, info func(string, ...any)) error {
		if now, err := r.number(name); err == nil && now == n {
			return errSkip(r.settingLine(name, n) + " stands there")
		}
		info("%s", r.settingLine(name, n))
		return r.Environment.set(name, n)
	}); err != nil {
		return err
	}
	return r.phase(ctx, 2, nil)
}

// serving are the instances that are in service and healthy for the balancer.
func (s *Status) serving() (ids []string) {
	for _, i := range s.Instances {
		healthy := i.Lifecycle == "InService" && i.Health == "Healthy"
		for _, t := range i.Targets {
			healthy = healthy && t == "healthy"
		}
		if healthy {
			ids = append(ids, i.ID)
		}
	}
	return ids
}

// staying are the instances that are not on their way out.
func (s *Status) staying() (ids []string) {
	for _, i := range s.Instances {
		if i.Lifecycle != "Terminating" && i.Lifecycle != "Terminating:Wait" && i.Lifecycle != "Terminating:Proceed" && i.Lifecycle != "Terminated" {
			ids = append(ids, i.ID)
		}
	}
	return ids
}
