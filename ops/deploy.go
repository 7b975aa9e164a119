package ops

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/hashicorp/terraform-exec/tfexec"
	"golang.org/x/sync/errgroup"
)

// Phase1 are the modules that phase 1 applies: what the images and everything
// else stand on.
var Phase1 = []string{"vpc", "security", "s3", "iam", "alb", "monitoring", "ecr"}

// Deployment is what Deploy achieved.
type Deployment struct {
	URL      string `json:"url"`
	ImageTag string `json:"image_tag"`
	Output   Output `json:"outputs"`
}

// Deploy brings the environment to the sources and the tfvars file as they
// are: bootstrap if absent, the images built while phase 1 is applied, missing
// images pushed, phase 2, the release of a new launch template version, and a
// check over HTTP. It may be interrupted at any
// moment and run again.
func (e *Environment) Deploy(ctx context.Context) (*Deployment, error) {
	cfg, err := e.prepare(ctx)
	if err != nil {
		return nil, err
	}
	set, err := e.settings()
	if err != nil {
		return nil, err
	}
	release, err := e.alone()
	if err != nil {
		return nil, err
	}
	defer release()

	d := &Deployment{}
	if d.ImageTag, err = e.ImageTag(ctx); err != nil {
		return nil, err
	}
	if err := e.bootstrapStep(ctx, cfg); err != nil {
		return nil, err
	}
	var tf *tfexec.Terraform
	vars := map[string]string{"image_tag": d.ImageTag}
	if err := e.step(ctx, "terraform init", func(ctx context.Context, info func(string, ...any)) error {
		tf, err = e.open(ctx, cfg, info)
		return err
	}); err != nil {
		return nil, err
	}
	missing, err := missingImages(ctx, cfg, set.repository, d.ImageTag)
	if err != nil {
		return nil, err
	}

	// The images do not need phase 1, only their push does.
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		if err := e.step(gctx, "artifacts", func(ctx context.Context, info func(string, ...any)) error {
			return errors.Join(e.buildLambda(ctx, set.arch), e.buildLayer(ctx, cfg.Region))
		}); err != nil {
			return err
		}
		return e.step(gctx, "phase 1", func(ctx context.Context, info func(string, ...any)) error {
			targets := make([]string, len(Phase1))
			for i, m := range Phase1 {
				targets[i] = "module." + m
			}
			return e.apply(ctx, tf, applyOptions{varFile: e.varFile(), vars: vars, targets: targets}, info)
		})
	})
	g.Go(func() error {
		for _, half := range Halves {
			if err := e.step(gctx, "build "+half, func(ctx context.Context, info func(string, ...any)) error {
				if !slices.Contains(missing, half) {
					return errSkip("the registry has " + half + "-" + d.ImageTag)
				}
				return e.buildImage(ctx, half, d.ImageTag, set.arch, info)
			}); err != nil {
				return err
			}
		}
		return nil
	})
	if err := g.Wait(); err != nil {
		return nil, err
	}
	if d.Output, err = e.outputs(ctx, tf); err != nil {
		return nil, err
	}
	if err := e.step(ctx, "push", func(ctx context.Context, info func(string, ...any)) error {
		if len(missing) == 0 {
			return errSkip("the registry has both images")
		}
		if d.Output.ECRRepositoryURL == "" {
			return fmt.Errorf("phase 1 made no repository: the root module lacks the output ecr_repository_url")
		}
		for _, half := range missing {
			if err := e.pushImage(ctx, cfg, d.Output.ECRRepositoryURL, half, d.ImageTag); err != nil {
				return err
			}
			info("%s:%s-%s", d.Output.ECRRepositoryURL, half, d.ImageTag)
		}
		for _, half := range missing { // all pushed: the files have served
			if err := removeIfThere(e.imageFile(half, d.ImageTag)); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		return nil, err
	}
	if err := e.step(ctx, "phase 2", func(ctx context.Context, info func(string, ...any)) error {
		o := applyOptions{varFile: e.varFile(), vars: vars}
		b, err := backendOf(ctx, cfg)
		if err != nil {
			return err
		}
		state, err := getObject(ctx, cfg, b.Bucket, e.stateKey())
		if err != nil && !notFound(err) {
			return fmt.Errorf("read the state: %w", err)
		}
		apart, err := parted(state)
		if err != nil {
			return err
		}
		if apart {
			info("the secret has a password that the database never got: both are written again")
			o.replace = []string{secretVersion}
		}
		return e.apply(ctx, tf, o, info)
	}); err != nil {
		return nil, err
	}
	if d.Output, err = e.outputs(ctx, tf); err != nil {
		return nil, err
	}
	if err := e.step(ctx, "release", func(ctx context.Context, info func(string, ...any)) error {
		return e.release(ctx, cfg, d.Output, info)
	}); err != nil {
		return nil, err
	}
	d.URL = e.publicURL(d.Output.ALBDNSName)
	return d, e.step(ctx, "verify", func(ctx context.Context, info func(string, ...any)) error {
		return e.verify(ctx, d.URL, info)
	})
}

func (e *Environment) publicURL(dnsName string) string {
	if e.PublicURL != nil {
		return e.PublicURL(dnsName)
	}
	return "http://" + dnsName
}
