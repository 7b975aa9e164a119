package contract_test

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"grocery/internal/tfcli"
)

// terraform runs commands in a copy of aws_infra, so that nothing is left in the
// tree, with one set of providers for all modules.
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
	err = filepath.WalkDir(infra, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(infra, path)
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if entry.Name() == ".terraform" {
				return filepath.SkipDir
			}
			return os.MkdirAll(filepath.Join(tf.tree, name), 0o755)
		}
		// Only what is committed: no state, no lock, no zip, no override.
		switch ext := filepath.Ext(name); {
		case strings.HasSuffix(name, "_override.tf"), ext != ".tf" && ext != ".hcl" && ext != ".tftpl", strings.HasSuffix(name, ".lock.hcl"):
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(tf.tree, name), text, 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
	return tf
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
	cli, err := tfcli.New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	tf := &terraform{cli: cli, tree: infra}
	if out, err := tf.run(t.Context(), t.TempDir(), ".", "fmt", "-check", "-recursive", "-diff", "-no-color"); err != nil {
		t.Errorf("run make fmt: %v\n%s", err, out)
	}
	for _, example := range []string{"bootstrap/bootstrap.tfvars.example", "enviroments/dev/dev.tfvars.example"} {
		path := filepath.Join(t.TempDir(), "example.tfvars")
		if err := os.WriteFile(path, []byte(read(t, filepath.Join(infra, example))), 0o644); err != nil {
			t.Fatal(err)
		}
		if out, err := tf.run(t.Context(), t.TempDir(), ".", "fmt", "-check", "-diff", "-no-color", path); err != nil {
			t.Errorf("%s is not formatted: %v\n%s", example, err, out)
		}
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
			if err := os.WriteFile(filepath.Join(tf.tree, dir, ".terraform.lock.hcl"), []byte(lock), 0o644); err != nil {
				t.Fatal(err)
			}
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
