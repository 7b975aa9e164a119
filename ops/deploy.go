package ops

import (
	"context"

	"golang.org/x/sync/errgroup"
)

// Deployment is what Deploy achieved.
type Deployment struct {
	URL      string `json:"url"`
	ImageTag string `json:"image_tag"`
	Output   Output `json:"outputs"`
}

// Deploy brings the environment to the sources and the tfvars file as they
// are: bootstrap if absent, the images built while phase 1 is applied, missing
// images pushed, phase 2, the data to begin with, the release of a new launch template version, and a
// check over HTTP. It may be interrupted at any moment and run again. Each of
// its steps is a verb of its own too.
func (e *Environment) Deploy(ctx context.Context) (*Deployment, error) {
	r, err := e.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer r.done()
	if err := r.bootstrapStep(ctx, r.cfg); err != nil {
		return nil, err
	}
	if err := r.open(ctx, false); err != nil {
		return nil, err
	}
	missing, err := r.missingImages(ctx)
	if err != nil {
		return nil, err
	}

	// The images do not need phase 1, only their push does.
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		if err := r.artifacts(gctx); err != nil {
			return err
		}
		return r.phase(gctx, 1, nil)
	})
	g.Go(func() error { return r.build(gctx, missing) })
	if err := g.Wait(); err != nil {
		return nil, err
	}
	if err := r.uploadInitial(ctx); err != nil {
		return nil, err
	}
	if err := r.push(ctx, missing); err != nil {
		return nil, err
	}
	if err := r.aliases(ctx); err != nil {
		return nil, err
	}
	return r.finish(ctx)
}

// finish applies everything, releases it and checks it.
func (r *run) finish(ctx context.Context) (*Deployment, error) {
	if err := r.phase(ctx, 2, nil); err != nil {
		return nil, err
	}
	d := &Deployment{ImageTag: r.tag}
	var err error
	if d.Output, err = r.outputs(ctx, r.tf); err != nil {
		return nil, err
	}
	if err := r.InitialData(ctx); err != nil {
		return nil, err
	}
	if err := r.release(ctx, d.Output, releaseOptions{}); err != nil {
		return nil, err
	}
	d.URL = r.shopURL(d.Output)
	return d, r.verified(ctx, d.URL)
}

// shopURL is the address of the shop; "" when it has none yet.
func (e *Environment) shopURL(o Output) string {
	switch {
	case e.URL != "":
		return e.URL
	case o.ALBDNSName == "":
		return ""
	case e.PublicURL != nil:
		return e.PublicURL(o.ALBDNSName)
	case o.ALBURL != "":
		return o.ALBURL
	}
	return "http://" + o.ALBDNSName
}
