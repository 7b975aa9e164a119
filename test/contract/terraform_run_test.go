package contract_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"grocery/internal/tfcli"
)

// terraform runs commands in a copy of aws_infra, so that nothing is left in the
// tree, nothing of a deployment that goes on there gets in the way, and all
// modules share one set of providers.
type terraform struct {
	cli  *tfcli.CLI
	tree string // the copy of aws_infra
	data string // where init put its findings
}

func newTerraform(t *testing.T) *terraform {
	t.Helper()
	cli, err := tfcli.New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	tf := &terraform{cli: cli, tree: filepath.Join(t.TempDir(), "aws_infra"), data: t.TempDir()}
	for _, dir := range append(moduleDirs(), append(roots, "templates")...) {
		for _, pattern := range []string{"*.tf", "tests/*.tftest.hcl", "*.tftpl"} {
			files, err := filepath.Glob(filepath.Join(infra, dir, pattern))
			if err != nil {
				t.Fatal(err)
			}
			for _, file := range files {
				if strings.HasSuffix(file, "_override.tf") {
					continue
				}
				name, err := filepath.Rel(infra, file)
				if err != nil {
					t.Fatal(err)
				}
				tf.write(t, name, read(t, file))
			}
		}
	}
	return tf
}

// write writes a file of the copy.
func (tf *terraform) write(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join(tf.tree, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// run runs a command in a folder below aws_infra and returns what it said.
func (tf *terraform) run(ctx context.Context, data, dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, tf.cli.Path, args...)
	cmd.Dir = filepath.Join(tf.tree, dir)
	// No credentials and no proxy: plans of tests reach nobody.
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "TF_IN_AUTOMATION=1", "TF_INPUT=0", "TF_DATA_DIR=" + data}
	for name, value := range tf.cli.Vars() {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.String(), err
}

// init prepares a folder without its backend.
func (tf *terraform) init(t *testing.T, data, dir string) {
	t.Helper()
	if out, err := tf.run(t.Context(), data, dir, "init", "-backend=false", "-no-color"); err != nil {
		t.Fatalf("terraform init in %s: %v\n%s", dir, err, out)
	}
}

func TestTerraformIsFormatted(t *testing.T) {
	tf := newTerraform(t)
	for _, example := range []string{"bootstrap/bootstrap.tfvars", "enviroments/dev/dev.tfvars"} {
		tf.write(t, example, read(t, filepath.Join(infra, example+".example")))
	}
	if out, err := tf.run(t.Context(), tf.data, ".", "fmt", "-check", "-recursive", "-diff", "-no-color"); err != nil {
		t.Errorf("run make fmt: %v\n%s", err, out)
	}
}

// TestModulesPassTheirTests runs terraform test in every module. All modules ask
// for the same provider, so they share what one init found.
func TestModulesPassTheirTests(t *testing.T) {
	t.Parallel()
	tf := newTerraform(t)
	dirs := moduleDirs()
	tf.init(t, tf.data, dirs[0])
	lock := read(t, filepath.Join(tf.tree, dirs[0], ".terraform.lock.hcl"))
	for _, dir := range dirs {
		t.Run(dir, func(t *testing.T) {
			t.Parallel()
			tf.write(t, dir+"/.terraform.lock.hcl", lock)
			out, err := tf.run(t.Context(), tf.data, dir, "test", "-no-color")
			if err != nil {
				t.Errorf("terraform test: %v\n%s", err, out)
			}
			if strings.Contains(out, "Warning:") {
				t.Errorf("terraform test warns:\n%s", out)
			}
		})
	}
}

func TestRootsAreValid(t *testing.T) {
	t.Parallel()
	tf := newTerraform(t)
	for _, dir := range roots {
		t.Run(dir, func(t *testing.T) {
			t.Parallel()
			data := t.TempDir()
			tf.init(t, data, dir)
			out, err := tf.run(t.Context(), data, dir, "validate", "-no-color")
			if err != nil || strings.Contains(out, "Warning:") {
				t.Errorf("terraform validate: %v\n%s", err, out)
			}
			if dir != "bootstrap" { // mock providers know no ephemeral resources
				return
			}
			if out, err := tf.run(t.Context(), data, dir, "test", "-no-color"); err != nil || strings.Contains(out, "Warning:") {
				t.Errorf("terraform test: %v\n%s", err, out)
			}
		})
	}
}
