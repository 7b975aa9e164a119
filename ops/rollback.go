package ops

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// Rollback goes back to an image tag, "" for the one that ran before the one
// that runs, by an apply and a release of it. The registry must still have its
// images. The rolling aliases go back too. Run twice, it comes back to where it
// began.
func (e *Environment) Rollback(ctx context.Context, to string) (*Deployment, error) {
	r, err := e.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer r.done()
	if err := r.step(ctx, "choose the version", func(ctx context.Context, info func(string, ...any)) error {
		o, err := r.stateOutputs(ctx, r.cfg)
		if err != nil {
			return err
		}
		if r.tag, err = r.before(ctx, o, to); err != nil {
			return err
		}
		info("%s", r.tag)
		return r.haveImages(ctx)
	}); err != nil {
		return nil, err
	}
	if err := r.open(ctx, false); err != nil {
		return nil, err
	}
	if err := r.artifacts(ctx); err != nil {
		return nil, err
	}
	if err := r.aliases(ctx); err != nil {
		return nil, err
	}
	return r.finish(ctx)
}

// before is the image tag to go back to.
func (r *run) before(ctx context.Context, o Output, to string) (string, error) {
	now, all, err := r.runs(ctx, o)
	if err != nil {
		return "", err
	}
	if to != "" {
		if to == now.Tag {
			return "", fmt.Errorf("%s is what runs", to)
		}
		return to, nil
	}
	there, err := r.versions(ctx)
	if err != nil {
		return "", err
	}
	var gone []string
	for _, v := range all {
		if v.Number >= now.Number || v.Tag == now.Tag || v.Tag == "" {
			continue
		}
		tag, err := r.pushedAs(ctx, v.Tag)
		if err == nil && slices.ContainsFunc(there, func(t version) bool { return t.tag == tag }) {
			return tag, nil
		}
		gone = append(gone, v.Tag)
	}
	if gone != nil {
		return "", fmt.Errorf("nothing before %s can run any more: the registry lacks the images of %s", now.Tag, strings.Join(gone, ", "))
	}
	return "", fmt.Errorf("nothing ran before %s: name a version with --to (grocery images of its commit pushes it)", now.Tag)
}
