package ops_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"grocery/ops"
)

const (
	stateKey     = "grocery/probe/terraform.tfstate"
	bootstrapKey = "grocery/bootstrap/terraform.tfstate"
)

// root is the smallest environment: its state is where an environment's is, and
// nothing in it needs AWS.
const root = `
terraform {
  backend "s3" {
    key          = "` + stateKey + `"
    encrypt      = true
    use_lockfile = true
  }
}
variable "region" { type = string }
variable "image_tag" {
  type    = string
  default = "none"
}
variable "pause" {
  type    = number
  default = 0
}
resource "terraform_data" "this" {
  input = "thing"
  provisioner "local-exec" { command = "sleep ${var.pause}" }
}
`

// environment makes the environment "probe" in a repository of its own, with
// the project's real bootstrap.
func environment(t *testing.T, c *cloud) (*ops.Environment, *events) {
	t.Helper()
	dir := t.TempDir()
	infra := filepath.Join(dir, "aws_infra")
	write(t, filepath.Join(infra, "enviroments", "probe", "main.tf"), root)
	write(t, filepath.Join(infra, "enviroments", "probe", "probe.tfvars"), "region = \"eu-central-1\"\n")
	for _, module := range []string{"bootstrap", filepath.Join("modules", "remote_backend")} {
		files, err := filepath.Glob(filepath.Join("..", "..", "aws_infra", module, "*.tf"))
		if err != nil || len(files) == 0 {
			t.Fatal(err, files)
		}
		for _, f := range files {
			if filepath.Base(f) != "backend_override.tf" { // an interrupted bootstrap's
				write(t, filepath.Join(infra, module, filepath.Base(f)), read(t, f))
			}
		}
	}
	write(t, filepath.Join(dir, "go.mod"), "module probe\n")
	for _, args := range [][]string{{"init", "-q"}, {"add", "go.mod"}, {"-c", "user.name=probe", "-c", "user.email=probe@example.org", "commit", "-q", "-m", "probe"}} {
		cmd := exec.Command("git", args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_SYSTEM="+os.DevNull)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	ev := &events{}
	return &ops.Environment{Root: dir, Name: "probe", Home: filepath.Join(t.TempDir(), "ops"), Access: c.access, ThrowAway: true, Report: ev.report}, ev
}

func infra(e *ops.Environment, elem ...string) string {
	return filepath.Join(append([]string{e.Root, "aws_infra"}, elem...)...)
}
