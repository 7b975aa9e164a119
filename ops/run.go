package ops

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/hashicorp/terraform-exec/tfexec"
)

// run is one verb at work on an environment, alone on this machine. Deploy and
// the verbs of its single steps are made of run's methods.
type run struct {
	*Environment
	cfg  aws.Config
	set  settings
	tag  string            // image tag to work with
	tf   *tfexec.Terraform // once open has run
	done func()            // ends the run
}

// begin starts a verb.
func (e *Environment) begin(ctx context.Context) (*run, error) {
	cfg, err := e.prepare(ctx)
	if err != nil {
		return nil, err
	}
	set, err := e.settings()
	if err != nil {
		return nil, err
	}
	tag := e.Tag
	if tag == "" {
		if tag, err = e.ImageTag(ctx); err != nil {
			return nil, err
		}
	}
	done, err := e.alone()
	if err != nil {
		return nil, err
	}
	return &run{Environment: e, cfg: cfg, set: set, tag: tag, done: done}, nil
}

// open makes Terraform ready to work on the environment's state. With readOnly
// it releases no lock and pushes no state of an interrupted run.
func (r *run) open(ctx context.Context, readOnly bool) error {
	return r.step(ctx, "terraform init", func(ctx context.Context, info func(string, ...any)) error {
		b, err := backendOf(ctx, r.cfg)
		if err != nil {
			return err
		}
		bucket, table, err := b.presence(ctx, r.cfg)
		if err != nil {
			return err
		}
		if !bucket || !table {
			return fmt.Errorf("there is no state backend (bucket %s, table %s): grocery bootstrap makes it", b.Bucket, b.Table)
		}
		if err := r.writeBackend(b); err != nil {
			return err
		}
		if readOnly {
			r.tf, err = r.init(ctx, r.dir(), tfexec.BackendConfig("backend.hcl"), tfexec.Reconfigure(true))
			return err
		}
		r.tf, err = r.Environment.open(ctx, r.cfg, info)
		return err
	})
}

// artifacts builds what a plan reads: the restore function and its layer.
func (r *run) artifacts(ctx context.Context) error {
	return r.step(ctx, "artifacts", func(ctx context.Context, info func(string, ...any)) error {
		return errors.Join(r.buildLambda(ctx, r.set.arch), r.buildLayer(ctx, r.cfg.Region))
	})
}

// state reads the environment's state; it is empty before the first apply.
func (r *run) state(ctx context.Context) ([]byte, error) {
	b, err := backendOf(ctx, r.cfg)
	if err != nil {
		return nil, err
	}
	raw, err := getObject(ctx, r.cfg, b.Bucket, r.stateKey())
	if err != nil && !notFound(err) {
		return nil, fmt.Errorf("read the state: %w", err)
	}
	return raw, nil
}
