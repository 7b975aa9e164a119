package ops

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	ddbtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/hashicorp/terraform-exec/tfexec"
)

// backend is where Terraform's state lives.
type backend struct {
	Bucket, Table, Region string
}

// LockTable is the name of the DynamoDB table that holds Terraform's lock.
const LockTable = Project + "-tfstate-lock"

// bootstrapKey is the key of the bootstrap's own state. It stands in the
// bootstrap's backend block as well.
const bootstrapKey = Project + "/bootstrap/terraform.tfstate"

// backendOf names the state backend of the account that cfg belongs to. Its
// call to AWS is also the check that the credentials work.
func backendOf(ctx context.Context, cfg aws.Config) (backend, error) {
	who, err := sts.NewFromConfig(cfg).GetCallerIdentity(ctx, nil)
	if err != nil {
		return backend{}, fmt.Errorf("AWS does not accept the credentials (set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE): %w", err)
	}
	return backend{Bucket: Project + "-tfstate-" + *who.Account + "-" + cfg.Region, Table: LockTable, Region: cfg.Region}, nil
}

// hcl is the partial backend configuration that terraform init reads.
func (b backend) hcl() []byte {
	return fmt.Appendf(nil, "# Made by grocery deploy: where Terraform's state lives.\nbucket         = %q\ndynamodb_table = %q\nregion         = %q\n", b.Bucket, b.Table, b.Region)
}

// presence tells which halves of the backend exist.
func (b backend) presence(ctx context.Context, cfg aws.Config) (bucket, table bool, err error) {
	_, err = s3.NewFromConfig(cfg).HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &b.Bucket})
	if err != nil && !notFound(err) {
		return false, false, fmt.Errorf("look for the state bucket %s: %w", b.Bucket, err)
	}
	bucket = err == nil
	_, err = dynamodb.NewFromConfig(cfg).DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &b.Table})
	if err != nil && !notFound(err) {
		return false, false, fmt.Errorf("look for the lock table %s: %w", b.Table, err)
	}
	return bucket, err == nil, nil
}

// notFound reports whether AWS said that the thing asked for is not there.
func notFound(err error) bool {
	if _, ok := errors.AsType[*ddbtypes.ResourceNotFoundException](err); ok {
		return true
	}
	e, ok := errors.AsType[*awshttp.ResponseError](err)
	return ok && e.HTTPStatusCode() == http.StatusNotFound
}

// Bootstrap makes sure that the state backend exists: the bucket, the lock
// table, the boundary and, when bootstrap.tfvars names a repository, GitHub's
// roles. Running it again changes nothing. A backend of which only half exists
// is an error, unless an interrupted bootstrap left its state here: then that
// one is continued.
func (e *Environment) Bootstrap(ctx context.Context) error {
	cfg, err := e.prepare(ctx)
	if err != nil {
		return err
	}
	release, err := e.alone()
	if err != nil {
		return err
	}
	defer release()
	return e.bootstrapStep(ctx, cfg)
}

func (e *Environment) bootstrapStep(ctx context.Context, cfg aws.Config) error {
	return e.step(ctx, "bootstrap", func(ctx context.Context, info func(string, ...any)) error {
		b, err := backendOf(ctx, cfg)
		if err != nil {
			return err
		}
		return e.bootstrap(ctx, cfg, b, info)
	})
}

func (e *Environment) bootstrap(ctx context.Context, cfg aws.Config, b backend, info func(string, ...any)) error {
	dir := e.bootstrapDir()
	override, local := filepath.Join(dir, "backend_override.tf"), filepath.Join(dir, "terraform.tfstate")
	bucket, table, err := b.presence(ctx, cfg)
	if err != nil {
		return err
	}
	unfinished, err := hasResources(local)
	if err != nil {
		return err
	}
	switch {
	case bucket && table && !unfinished:
		if err := e.writeBackend(b); err != nil {
			return err
		}
		return errSkip("the state bucket and the lock table are there")
	case bucket != table && !unfinished:
		have, lack := "bucket "+b.Bucket, "table "+b.Table
		if table {
			have, lack = "table "+b.Table, "bucket "+b.Bucket
		}
		return fmt.Errorf("the state backend is half there: the %s exists, the %s does not. Somebody removed one of them, or a bootstrap elsewhere was interrupted. "+
			"Bring the missing one back, or, if no state is worth keeping, delete the other one, and run this again", have, lack)
	}

	// The bucket cannot hold the state of its own creation: that apply keeps
	// it in a file here, which moves into the bucket afterwards.
	if err := writeFile(override, []byte(localBackend), 0o644); err != nil {
		return err
	}
	tf, err := e.init(ctx, dir, tfexec.Reconfigure(true))
	if err != nil {
		return err
	}
	o := applyOptions{dir: dir, vars: map[string]string{"region": b.Region}}
	if vars := filepath.Join(dir, "bootstrap.tfvars"); exists(vars) {
		o.varFile = vars
	}
	if e.ThrowAway {
		o.vars["force_destroy"] = "true"
	}
	if err := e.apply(ctx, tf, o, "", info); err != nil {
		return err
	}
	if err := os.Remove(override); err != nil {
		return err
	}
	if err := e.writeBackend(b); err != nil {
		return err
	}
	if err := e.releaseDead(ctx, cfg, b, bootstrapKey, dir, info); err != nil {
		return err
	}
	if _, err = e.init(ctx, dir, tfexec.BackendConfig("backend.hcl"), tfexec.ForceCopy(true)); err != nil {
		return fmt.Errorf("move the bootstrap's state into the bucket (it is still in %s; run this again): %w", local, err)
	}
	info("state is in s3://%s", b.Bucket)
	return errors.Join(removeIfThere(local), removeIfThere(local+".backup"))
}

// writeBackend writes backend.hcl into both root modules.
func (e *Environment) writeBackend(b backend) error {
	return errors.Join(
		writeFile(filepath.Join(e.bootstrapDir(), "backend.hcl"), b.hcl(), 0o644),
		writeFile(filepath.Join(e.dir(), "backend.hcl"), b.hcl(), 0o644))
}

// localBackend is the override that keeps a root's state in a file beside it.
const localBackend = "terraform {\n  backend \"local\" {}\n}\n"

// hasResources reports whether a local state file has anything in it.
func hasResources(path string) (bool, error) {
	raw, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) || err == nil && len(raw) == 0 {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	var s struct{ Resources []json.RawMessage }
	if err := json.Unmarshal(raw, &s); err != nil {
		return false, fmt.Errorf("%s cannot be read; it may hold what an interrupted run created: put %s.backup in its place, or move it away if nothing was created: %w", path, filepath.Base(path), err)
	}
	return len(s.Resources) > 0, nil
}

func exists(path string) bool { _, err := os.Stat(path); return err == nil }

func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
