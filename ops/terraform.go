package ops

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/hashicorp/terraform-exec/tfexec"

	"grocery/internal/tfcli"
)

// terraform makes a runner for the root module in dir.
func (e *Environment) terraform(dir string) (*tfexec.Terraform, error) {
	cli, err := tfcli.New(filepath.Join(e.Home, "terraform"))
	if err != nil {
		return nil, err
	}
	tf, err := tfexec.NewTerraform(dir, cli.Path)
	if err != nil {
		return nil, err
	}
	env := e.Access.environ()
	for k := range env { // TF_VAR_* go by a file, see options; the others would change what a run does, and terraform-exec refuses them
		if strings.HasPrefix(k, "TF_VAR_") || strings.HasPrefix(k, "TF_CLI_ARGS") || strings.HasPrefix(k, "TF_LOG") || k == "TF_INPUT" || k == "TF_DATA_DIR" || k == "TF_WORKSPACE" || k == "TF_IN_AUTOMATION" || k == "TF_REATTACH_PROVIDERS" || k == "TF_APPEND_USER_AGENT" {
			delete(env, k)
		}
	}
	for k, v := range cli.Vars() {
		env[k] = v
	}
	env["CHECKPOINT_DISABLE"] = "1"
	return tf, tf.SetEnv(env)
}

// init initializes the root module in dir: its providers, then its backend. It
// is quick when nothing changed.
func (e *Environment) init(ctx context.Context, dir string, opts ...tfexec.InitOption) (*tfexec.Terraform, error) {
	if _, err := os.Stat(filepath.Join(dir, ".terraform", "providers")); err != nil {
		// The proxy of a local AWS refuses every host that is not AWS's, so
		// providers are fetched without it, and found installed afterwards. A
		// backend that an earlier init left would be asked for its state.
		plain := &Environment{Home: e.Home}
		tf, err := plain.terraform(dir)
		if err = errors.Join(err, removeIfThere(filepath.Join(dir, ".terraform", "terraform.tfstate"))); err != nil {
			return nil, err
		}
		if err := quietly(tf, func() error { return tf.Init(ctx, tfexec.Backend(false)) }); err != nil {
			return nil, err
		}
	}
	tf, err := e.terraform(dir)
	if err != nil {
		return nil, err
	}
	return tf, quietly(tf, func() error { return tf.Init(ctx, opts...) })
}

// quietly runs a command and puts what it said into its error.
func quietly(tf *tfexec.Terraform, run func() error) error {
	var out strings.Builder
	tf.SetStdout(&out)
	defer tf.SetStdout(io.Discard)
	if err := run(); err != nil {
		return fmt.Errorf("terraform init: %w\n%s", err, strings.TrimSpace(out.String()))
	}
	return nil
}

// apply runs terraform apply and tells of each resource as it is done. With a
// plan file it applies exactly that; the values of o are the ones it was made
// with, since a plan keeps none that are ephemeral.
func (e *Environment) apply(ctx context.Context, tf *tfexec.Terraform, o applyOptions, planFile string, info func(string, ...any)) (err error) {
	common, done, err := e.options(o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	var opts []tfexec.ApplyOption
	for _, c := range common {
		opts = append(opts, c)
	}
	for _, r := range o.replace {
		opts = append(opts, tfexec.Replace(r))
	}
	if planFile != "" {
		opts = append(opts, tfexec.DirOrPlan(planFile))
	}
	defer tf.SetStdout(io.Discard) // it would go on writing to the pipe
	return follow(info, func(w io.Writer) error { return tf.ApplyJSON(ctx, w, opts...) })
}

// destroy runs terraform destroy.
func (e *Environment) destroy(ctx context.Context, tf *tfexec.Terraform, o applyOptions, info func(string, ...any)) (err error) {
	common, done, err := e.options(o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	var opts []tfexec.DestroyOption
	for _, c := range common {
		opts = append(opts, c)
	}
	defer tf.SetStdout(io.Discard) // it would go on writing to the pipe
	return follow(info, func(w io.Writer) error { return tf.DestroyJSON(ctx, w, opts...) })
}

// message is one line of Terraform's machine-readable output.
// See https://developer.hashicorp.com/terraform/internals/machine-readable-ui.
type message struct {
	Type       string `json:"type"`
	Message    string `json:"@message"`
	Diagnostic struct {
		Severity, Summary, Detail, Address string
	} `json:"diagnostic"`
	Hook struct {
		Action         string                `json:"action"`
		Resource       struct{ Addr string } `json:"resource"`
		ElapsedSeconds float64               `json:"elapsed_seconds"`
	} `json:"hook"`
	Changes struct{ Add, Change, Remove int } `json:"changes"`
}

// follow runs a Terraform command that writes machine-readable output, passes
// its progress on and turns its diagnostics into one error.
func follow(info func(string, ...any), run func(io.Writer) error) error {
	r, w := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := run(w)
		w.Close()
		done <- err
	}()
	var problems []string
	sc := bufio.NewScanner(r)
	sc.Buffer(nil, 16<<20)
	for sc.Scan() {
		var m message
		if json.Unmarshal(sc.Bytes(), &m) != nil {
			continue // not every line of a failing Terraform is JSON; its error says it again
		}
		switch {
		case m.Type == "diagnostic" && m.Diagnostic.Severity == "error":
			p := strings.TrimSpace(m.Diagnostic.Summary)
			if m.Diagnostic.Address != "" {
				p = m.Diagnostic.Address + ": " + p
			}
			if d := strings.TrimSpace(m.Diagnostic.Detail); d != "" {
				p += ": " + d
			}
			problems = append(problems, p)
		case m.Type == "diagnostic" && (m.Diagnostic.Summary == "Resource targeting is in effect" || m.Diagnostic.Summary == "Applied changes may be incomplete"):
			// phase 1 is meant so
		case m.Type == "diagnostic":
			info("warning: %s", m.Diagnostic.Summary)
		case m.Type == "apply_complete" && m.Hook.Action == "read":
			// every plan reads what it stands on
		case m.Type == "apply_complete", m.Type == "change_summary", m.Type == "apply_errored":
			info("%s", m.Message)
		}
	}
	io.Copy(io.Discard, r) // a line beyond the buffer must not block Terraform
	err := <-done
	if err == nil {
		return nil
	}
	if len(problems) > 0 {
		return &runError{problems, err}
	}
	return err
}

// runError is how a Terraform command ended, told by its diagnostics.
type runError struct {
	problems []string
	end      error
}

func (e *runError) Error() string { return strings.Join(e.problems, "\n") }
func (e *runError) Unwrap() error { return e.end }

// Output is what an environment's root module tells about itself.
type Output struct {
	ALBDNSName            string      `json:"alb_dns_name"`
	ALBURL                string      `json:"alb_url"`
	ASGName               string      `json:"asg_name"`
	LaunchTemplateID      string      `json:"launch_template_id"`
	LaunchTemplateVersion json.Number `json:"launch_template_version"`
	ECRRepositoryURL      string      `json:"ecr_repository_url"`
	ECRRepositoryName     string      `json:"ecr_repository_name"`
	ReleaseAlarmNames     []string    `json:"release_alarm_names"`
	DBEndpoint            string      `json:"db_endpoint"`
	ReplicaEndpoint       string      `json:"read_replica_endpoint"`
	DBName                string      `json:"db_name"`
	BucketName            string      `json:"bucket_name"`
	StateMachineARN       string      `json:"state_machine_arn"`
	LambdaFunctionName    string      `json:"lambda_function_name"`
	VPCID                 string      `json:"vpc_id"`
	Region                string      `json:"region"`
}

// outputs reads the outputs of the environment; those that do not exist yet
// are empty.
func (e *Environment) outputs(ctx context.Context, tf *tfexec.Terraform) (Output, error) {
	var o Output
	metas, err := tf.Output(ctx)
	if err != nil {
		return o, err
	}
	values := map[string]json.RawMessage{}
	for k, m := range metas {
		values[k] = m.Value
	}
	raw, err := json.Marshal(values)
	if err == nil {
		err = json.Unmarshal(raw, &o)
	}
	if err != nil {
		return o, fmt.Errorf("read the outputs of %s: %w", e.Name, err)
	}
	return o, nil
}

// writeFile writes a file whole or not at all.
func writeFile(path string, content []byte, mode os.FileMode) error {
	if old, err := os.ReadFile(path); err == nil && string(old) == string(content) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name()) // gone already when all went well
	_, err = tmp.Write(content)
	if err = errors.Join(err, tmp.Chmod(mode), tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}
