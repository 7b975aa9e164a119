package ops

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/hashicorp/terraform-exec/tfexec"
)

// Destroy removes the environment: everything Terraform made of it, images and
// objects included where its tfvars allow that. With backend it removes the
// state backend too, which only a ThrowAway environment may do.
func (e *Environment) Destroy(ctx context.Context, backend bool) error {
	if backend && !e.ThrowAway {
		return errors.New("the state backend of an account may hold other environments: destroy it with terraform destroy in aws_infra/bootstrap, after a look at it")
	}
	cfg, err := e.prepare(ctx)
	if err != nil {
		return err
	}
	release, err := e.alone()
	if err != nil {
		return err
	}
	defer release()
	b, err := backendOf(ctx, cfg)
	if err != nil {
		return err
	}
	bucket, _, err := b.presence(ctx, cfg)
	if err != nil {
		return err
	}
	if !bucket {
		return e.step(ctx, "destroy", func(context.Context, func(string, ...any)) error { return errSkip("nothing is deployed") })
	}
	if err := e.writeBackend(b); err != nil {
		return err
	}
	if err := e.step(ctx, "destroy", func(ctx context.Context, info func(string, ...any)) error {
		tf, err := e.open(ctx, cfg, info)
		if err != nil {
			return err
		}
		if err := e.emptyArtifacts(); err != nil {
			return err
		}
		tag, err := e.ImageTag(ctx) // any tag will do: a destroy must not look for the one named latest
		if err != nil {
			return err
		}
		return e.destroy(ctx, tf, applyOptions{dir: e.dir(), varFile: e.varFile(), vars: map[string]string{"image_tag": tag}}, info)
	}); err != nil {
		return err
	}
	if !backend {
		return nil
	}
	return e.step(ctx, "destroy the state backend", func(ctx context.Context, info func(string, ...any)) error {
		return e.destroyBackend(ctx, info)
	})
}

// emptyArtifacts makes empty artifacts where none were built: destroy reads the
// files whose hashes the configuration names, and uploads nothing.
func (e *Environment) emptyArtifacts() error {
	for _, f := range []string{filepath.Join("lambda_handler", "lambda_function.zip"), filepath.Join("layers", "rds-ca.zip")} {
		path := filepath.Join(e.infra(), f)
		if exists(path) {
			continue
		}
		z, err := makeZip()
		if err == nil {
			err = writeFile(path, z, 0o644)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// destroyBackend takes the bootstrap's state out of the bucket and destroys
// the bootstrap with it.
func (e *Environment) destroyBackend(ctx context.Context, info func(string, ...any)) error {
	dir := e.bootstrapDir()
	override, local := filepath.Join(dir, "backend_override.tf"), filepath.Join(dir, "terraform.tfstate")
	begun, err := hasResources(local)
	if err != nil {
		return err
	}
	if begun = begun && exists(override); !begun { // else an interrupted destroy has the state here already
		if err := removeIfThere(override); err != nil {
			return err
		}
		if _, err := e.init(ctx, dir, tfexec.BackendConfig("backend.hcl"), tfexec.Reconfigure(true)); err != nil {
			return err
		}
	}
	if err := writeFile(override, []byte(localBackend), 0o644); err != nil {
		return err
	}
	move := tfexec.InitOption(tfexec.ForceCopy(true))
	if begun {
		move = tfexec.Reconfigure(true)
	}
	tf, err := e.init(ctx, dir, move)
	if err != nil {
		return fmt.Errorf("take the state out of the bucket: %w", err)
	}
	o := applyOptions{dir: dir, vars: map[string]string{"region": e.Access.Region, "force_destroy": "true"}}
	if vars := filepath.Join(dir, "bootstrap.tfvars"); exists(vars) {
		o.varFile = vars
	}
	if err := e.destroy(ctx, tf, o, info); err != nil {
		return err
	}
	return errors.Join(os.Remove(override), removeIfThere(local), removeIfThere(local+".backup"),
		removeIfThere(filepath.Join(dir, "backend.hcl")), removeIfThere(filepath.Join(e.dir(), "backend.hcl")))
}

// decodeConsole decodes EC2's console output, which is base64.
func decodeConsole(s string) (string, error) {
	raw, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		return "", fmt.Errorf("the console output is not base64: %w", err)
	}
	return string(raw), nil
}
