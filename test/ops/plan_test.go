package ops_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"

	"grocery/ops"
)

// things are a root module whose plans differ by its settings. It hands the
// password it is given to a write-only place, as the real one does.
const things = root + `
variable "generation" {
  type    = number
  default = 1
}
variable "db_pass" {
  type      = string
  default   = null
  ephemeral = true
  sensitive = true
}
variable "token" {
  type      = string
  default   = ""
  sensitive = true
}
variable "zones" {
  type    = list(string)
  default = []
}
variable "asg_min_size" { default = 1 }
variable "asg_max_size" { default = 4 }
variable "asg_desired_capacity" { default = 1 }
variable "enable_scaling" { default = false }
resource "terraform_data" "replaced" {
  triggers_replace = var.generation
}
resource "terraform_data" "kept" {
  input = "${var.token} ${join(",", var.zones)}"
  provisioner "local-exec" {
    command = "tr '\\0' ' ' < /proc/$PPID/cmdline > said" # how Terraform was started
  }
}
output "zones" { value = length(var.zones) }
output "chosen" { value = var.image_tag }
`

// planned is an environment of those things, with what a plan and an apply
// need: a function to build and, for phase 2, images in the registry.
func planned(t *testing.T) (*shelf, string) {
	t.Helper()
	if testing.Short() {
		t.Skip("runs Terraform, which takes seconds")
	}
	s := newShelf(t)
	s.makeBackend(t)
	write(t, infra(s.Environment, "enviroments", "probe", "main.tf"), things)
	write(t, infra(s.Environment, "lambda_handler", "main.go"), "package main\n\nfunc main() {}\n")
	write(t, filepath.Join(s.Root, ".gitignore"), "*.tfvars\n.terraform*\nbackend.hcl\n*.zip\nbin\nsaid\n")
	_, tag := s.bothBuilt()
	s.images()
	return s, tag
}

func (s *shelf) set(line string) {
	s.t.Helper()
	write(s.t, infra(s.Environment, "enviroments", "probe", "probe.tfvars"), "region = \"eu-central-1\"\n"+line+"\n")
}

func (s *shelf) apply(reviewed string) error {
	s.t.Helper()
	_, err := s.Apply(s.t.Context(), ops.ApplyOptions{Phase: 2, Reviewed: reviewed})
	return err
}

// holds looks for a text in all files below a folder.
func holds(t *testing.T, dir, text string) (in []string) {
	t.Helper()
	if err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && strings.Contains(read(t, path), text) {
			in = append(in, path)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return in
}

func TestWhatWasReviewedIsAppliedAndNothingElseIsTakenAway(t *testing.T) {
	s, tag := planned(t)
	out := filepath.Join(t.TempDir(), "plan")
	reviewed := filepath.Join(out, "plan.json")
	plan := func(o ops.PlanOptions) *ops.Plan {
		t.Helper()
		p, err := s.Plan(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}

	s.Vars = map[string]string{"db_pass": "geheim-pass", "token": "geheim-token", "zones": `["a", "b"]`, "unknown": "x"}
	p := plan(ops.PlanOptions{Out: out})
	if p.Summary != (ops.Summary{Add: 3}) || !p.Changed || p.ImageTag != tag || p.Serial != 0 || p.Lineage != "" || len(p.Commit) != 40 || p.Terraform == "" {
		t.Errorf("the first plan: %+v", p)
	}
	var read2 ops.Plan
	if err := json.Unmarshal([]byte(read(t, reviewed)), &read2); err != nil || !slices.EqualFunc(read2.Changes, p.Changes, func(a, b ops.Change) bool { return a.Address == b.Address }) {
		t.Errorf("plan.json: %v, %+v", err, read2)
	}
	if err := s.apply(reviewed); err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"geheim-pass", "geheim-token"} {
		for _, dir := range []string{out, s.Home} {
			if in := holds(t, dir, secret); in != nil {
				t.Errorf("%s stands in %v", secret, in)
			}
		}
	}
	if said := read(t, infra(s.Environment, "enviroments", "probe", "said")); !strings.Contains(said, "terraform") || strings.Contains(said, "geheim") {
		t.Errorf("Terraform was started as %q", said)
	}
	state := s.object(t, stateKey)
	if strings.Contains(state, "geheim-pass") || !strings.Contains(state, "geheim-token a,b") {
		t.Errorf("the state: %s", state)
	}
	if in := holds(t, s.Root, "geheim"); in != nil {
		t.Errorf("left behind in %v", in)
	}
	if p := plan(ops.PlanOptions{ReadOnly: true}); p.Changed || p.Lineage == "" || p.Serial == 0 || len(p.Changes) != 0 || !strings.Contains(p.Text, "No changes") {
		t.Errorf("the second plan: %+v", p)
	}

	t.Run("a replacement that was not reviewed is refused, and nothing is changed", func(t *testing.T) {
		s.t = t
		plan(ops.PlanOptions{Out: out})
		s.set("generation = 2")
		err := s.apply(reviewed)
		if _, ok := errors.AsType[*ops.ReviewError](err); !ok || !strings.Contains(err.Error(), "terraform_data.replaced is to replace now, and was to keep") {
			t.Errorf("%v", err)
		}
		if s.object(t, stateKey) != state {
			t.Error("the state changed")
		}
		if exists(filepath.Join(s.Home, "probe.tfplan")) {
			t.Error("Terraform's plan is left")
		}
	})
	t.Run("once it is reviewed, it is applied", func(t *testing.T) {
		s.t = t
		if p := plan(ops.PlanOptions{Out: out}); p.Summary != (ops.Summary{Replace: 1}) {
			t.Errorf("%+v", p)
		}
		if err := s.apply(reviewed); err != nil {
			t.Error(err)
		}
	})
	t.Run("a plan of another commit is refused", func(t *testing.T) {
		s.t = t
		write(t, filepath.Join(s.Root, "words"), "x")
		for _, args := range [][]string{{"add", "words"}, {"-c", "user.name=probe", "-c", "user.email=probe@example.org", "commit", "-q", "-m", "words"}} {
			cmd := exec.Command("git", append([]string{"-C", s.Root}, args...)...)
			cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_SYSTEM="+os.DevNull)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
		}
		if err := s.apply(reviewed); err == nil || !strings.Contains(err.Error(), "it is of commit") {
			t.Errorf("%v", err)
		}
	})
	t.Run("a failing apply leaves no values behind", func(t *testing.T) {
		s.t = t
		s.set(`region_ = "x"` + "\ngeneration = \"many\"")
		if err := s.apply(""); err == nil || !strings.Contains(err.Error(), "number") {
			t.Errorf("%v", err)
		}
		if exists(filepath.Join(s.Home, "probe.given.tfvars")) {
			t.Error("the values of TF_VAR_* are left")
		}
		s.set("generation = 2")
	})
	t.Run("what one that was killed left is removed by the next", func(t *testing.T) {
		s.t = t
		write(t, filepath.Join(s.Home, "probe.given.tfvars"), "token = \"geheim-alt\"\n")
		s.Vars = nil
		if _, err := s.Plan(t.Context(), ops.PlanOptions{ReadOnly: true}); err != nil {
			t.Error(err)
		}
		if exists(filepath.Join(s.Home, "probe.given.tfvars")) {
			t.Error("the values of TF_VAR_* are left")
		}
	})
	t.Run("a tag that the registry lacks is refused before anything is applied", func(t *testing.T) {
		s.t, s.Tag = t, tag[:7]
		defer func() { s.Tag = "" }()
		before := s.object(t, stateKey)
		if err := s.apply(""); err == nil || !strings.Contains(err.Error(), "is "+tag+" meant?") || s.object(t, stateKey) != before {
			t.Errorf("%v", err)
		}
	})
	t.Run("without a state backend it says what makes one", func(t *testing.T) {
		s.t = t
		c := start(t)
		if _, err := ecr.NewFromConfig(c.cfg).CreateRepository(t.Context(), &ecr.CreateRepositoryInput{RepositoryName: aws.String(repository)}); err != nil {
			t.Fatal(err)
		}
		e := &ops.Environment{Root: s.Root, Name: "probe", Home: t.TempDir(), Access: c.access}
		if _, err := e.Plan(t.Context(), ops.PlanOptions{}); err == nil || !strings.Contains(err.Error(), "grocery bootstrap makes it") {
			t.Errorf("%v", err)
		}
	})
}

func TestScaleSetsTheNumberAndWaitsForTheInstances(t *testing.T) {
	f := newFleet(t, 0)
	s, tag := planned(t)
	// The group of the one and the Terraform of the other: what is applied
	// changes no group, so the number asked for is the one that is there.
	s.Access, s.cloud = f.access, f.cloud
	s.ecr = ecr.NewFromConfig(f.cfg)
	if _, err := s.ecr.CreateRepository(t.Context(), &ecr.CreateRepositoryInput{RepositoryName: aws.String(repository)}); err != nil {
		t.Fatal(err)
	}
	s.built("backend", tag)
	s.built("frontend", tag)
	backend, err := s.HalfTag(t.Context(), "backend")
	if err != nil {
		t.Fatal(err)
	}
	s.built("backend", backend)
	s.images()
	f.version(tag)
	if _, err := f.Release(t.Context(), "2"); err != nil {
		t.Fatal(err)
	}
	write(t, infra(s.Environment, "enviroments", "probe", "main.tf"), things+fmt.Sprintf(`
output "asg_name" { value = "probe" }
output "launch_template_id" { value = %q }
`, f.template))
	s.set("# How many.\nasg_desired_capacity = 1 # few")
	for n, want := range map[int]string{0: "0 is not between asg_min_size (1) and asg_max_size (4)", 5: "5 is not between"} {
		if _, err := s.Scale(t.Context(), n); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("to %d: %v", n, err)
		}
	}
	s.set("enable_scaling = true\nasg_desired_capacity = 1 # few")
	if _, err := s.Scale(t.Context(), 2); err == nil || !strings.Contains(err.Error(), "the group scales itself") {
		t.Errorf("%v", err)
	}
	s.set("# How many.\nasg_desired_capacity = 1 # few")
	state := s.object(t, stateKey)
	var raw map[string]any
	if err := json.Unmarshal([]byte(state), &raw); err != nil {
		t.Fatal(err)
	}
	raw["version"], raw["terraform_version"], raw["serial"], raw["lineage"], raw["resources"] = 4, "1.11.0", 1, "probe", []any{}
	for _, o := range raw["outputs"].(map[string]any) {
		o.(map[string]any)["type"] = "string"
		if _, list := o.(map[string]any)["value"].([]any); list {
			o.(map[string]any)["type"] = []any{"list", "string"}
		}
		if _, number := o.(map[string]any)["value"].(float64); number {
			o.(map[string]any)["type"] = "number"
		}
	}
	whole, err := json.Marshal(raw)
	if err != nil {
		t.Fatal(err)
	}
	s.put(t, stateKey, string(whole))
	out, err := s.Scale(t.Context(), 2)
	if err != nil || len(out.Instances) != 2 {
		t.Fatal(out, err)
	}
	if got := read(t, infra(s.Environment, "enviroments", "probe", "probe.tfvars")); got != "region = \"eu-central-1\"\n# How many.\nasg_desired_capacity = 2 # few\n" {
		t.Errorf("%s", got)
	}
	if applied := s.object(t, stateKey); !strings.Contains(applied, tag) {
		t.Errorf("what runs was not kept: %s", applied)
	}
}
