package ops

import (
	"context"
	"errors"
	"fmt"
)

// Phase1 are the modules that phase 1 applies: what the images and everything
// else stand on.
var Phase1 = []string{"vpc", "security", "s3", "iam", "alb", "monitoring", "ecr"}

// ApplyOptions say what to apply.
type ApplyOptions struct {
	// Phase is 1 for what images and everything else stand on (Phase1), 2 for
	// everything, which needs the images in the registry.
	Phase int
	// Reviewed is a plan.json that Plan wrote. The apply is refused with a
	// ReviewError, and changes nothing, where it would take away more than that
	// plan does. "" applies without.
	Reviewed string
}

// Applied is what Apply achieved.
type Applied struct {
	Phase    int    `json:"phase"`
	ImageTag string `json:"image_tag"`
	Output   Output `json:"outputs"`
}

// Apply applies one phase. The instances stay as they are: Release replaces
// them.
func (e *Environment) Apply(ctx context.Context, o ApplyOptions) (*Applied, error) {
	if o.Phase != 1 && o.Phase != 2 {
		return nil, fmt.Errorf("there are the phases 1 and 2, not %d", o.Phase)
	}
	var reviewed *Plan
	if o.Reviewed != "" {
		var err error
		if reviewed, err = ReadPlan(o.Reviewed); err != nil {
			return nil, err
		}
	}
	r, err := e.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer r.done()
	if err := r.open(ctx, false); err != nil {
		return nil, err
	}
	if err := r.artifacts(ctx); err != nil {
		return nil, err
	}
	if err := r.phase(ctx, o.Phase, reviewed); err != nil {
		return nil, err
	}
	out, err := r.outputs(ctx, r.tf)
	if err == nil && o.Phase == 2 {
		err = r.InitialData(ctx)
	}
	return &Applied{Phase: o.Phase, ImageTag: r.tag, Output: out}, err
}

// phase applies phase 1 or 2.
func (r *run) phase(ctx context.Context, n int, reviewed *Plan) error {
	return r.step(ctx, fmt.Sprintf("phase %d", n), func(ctx context.Context, info func(string, ...any)) error {
		o := r.whole()
		switch n {
		case 1:
			for _, m := range Phase1 {
				o.targets = append(o.targets, "module."+m)
			}
		case 2:
			if err := r.haveImages(ctx); err != nil {
				return err
			}
			state, err := r.state(ctx)
			if err != nil {
				return err
			}
			apart, err := parted(state)
			if err != nil {
				return err
			}
			if apart {
				info("the secret has a password that the database never got: both are written again")
				o.replace = []string{secretVersion}
			}
		}
		if reviewed == nil {
			return r.apply(ctx, r.tf, o, "", info)
		}
		return r.applyReviewed(ctx, o, reviewed, info)
	})
}

// applyReviewed applies a fresh plan that the reviewed one allows.
func (r *run) applyReviewed(ctx context.Context, o applyOptions, reviewed *Plan, info func(string, ...any)) (err error) {
	file, remove := r.planFile()
	defer func() { err = errors.Join(err, remove()) }()
	fresh, err := r.plan(ctx, o, file, info)
	if err != nil {
		return err
	}
	if err := reviewed.allows(fresh); err != nil {
		return err
	}
	if !fresh.Changed {
		info("no changes")
		return nil
	}
	o.targets, o.replace = nil, nil // the plan has them
	return r.apply(ctx, r.tf, o, file, info)
}
