package ops_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"grocery/ops"
)

func TestTerraformsMessagesBecomeProgressAndOneError(t *testing.T) {
	failed := errors.New("exit status 1")
	for _, test := range []struct {
		name  string
		lines []string
		end   error
		told  []string
		err   string // whole text; "" for none
	}{
		{
			name: "of a good run, what is done is told, and what is only begun is not",
			lines: []string{
				`{"@level":"info","@message":"Terraform 1.11.4","type":"version"}`,
				`{"@level":"info","@message":"aws_vpc.this: Creating...","type":"apply_start","hook":{"resource":{"addr":"aws_vpc.this"}}}`,
				`{"@level":"info","@message":"aws_vpc.this: Still creating... [10s elapsed]","type":"apply_progress"}`,
				`{"@level":"info","@message":"aws_vpc.this: Creation complete after 2s [id=vpc-1]","type":"apply_complete"}`,
				`{"@level":"info","@message":"Apply complete! Resources: 1 added, 0 changed, 0 destroyed.","type":"change_summary","changes":{"add":1}}`,
			},
			told: []string{"aws_vpc.this: Creation complete after 2s [id=vpc-1]", "Apply complete! Resources: 1 added, 0 changed, 0 destroyed."},
		},
		{
			name: "warnings are told, those of a targeted run are not",
			lines: []string{
				`{"type":"diagnostic","diagnostic":{"severity":"warning","summary":"Argument is deprecated","detail":"long"}}`,
				`{"type":"diagnostic","diagnostic":{"severity":"warning","summary":"Resource targeting is in effect","detail":"long"}}`,
				`{"type":"diagnostic","diagnostic":{"severity":"warning","summary":"Applied changes may be incomplete","detail":"long"}}`,
			},
			told: []string{"warning: Argument is deprecated"},
		},
		{
			name: "all errors become one, each with its resource and its detail",
			lines: []string{
				`{"type":"diagnostic","diagnostic":{"severity":"error","summary":"creating EC2 VPC: VpcLimitExceeded","detail":"","address":"aws_vpc.this"}}`,
				`not JSON`,
				`{"type":"diagnostic","diagnostic":{"severity":"error","summary":" Invalid value ","detail":"region is a region's code.\n"}}`,
			},
			end: failed,
			err: "aws_vpc.this: creating EC2 VPC: VpcLimitExceeded\nInvalid value: region is a region's code.",
		},
		{name: "without an error message, its end is the error", lines: []string{"a crash"}, end: failed, err: "exit status 1"},
		{name: "a line that no buffer holds does not stop it", lines: []string{`{"@message":"` + strings.Repeat("x", 17<<20) + `"}`, `{}`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			told, err := ops.Follow(func(w io.Writer) error {
				for _, line := range test.lines {
					if _, err := fmt.Fprintln(w, line); err != nil {
						return err
					}
				}
				return test.end
			})
			if !slices.Equal(told, test.told) {
				t.Errorf("told %q, want %q", told, test.told)
			}
			if got := fmt.Sprint(err); test.err == "" && err != nil || test.err != "" && got != test.err {
				t.Errorf("error %q, want %q", got, test.err)
			}
			if test.end != nil && !errors.Is(err, failed) {
				t.Errorf("%v does not wrap Terraform's end", err)
			}
		})
	}
}

func TestBackendConfigurationNamesAllThatTheRootsLeaveOpen(t *testing.T) {
	want := "# Made by grocery deploy: where Terraform's state lives.\nbucket         = \"b\"\ndynamodb_table = \"t\"\nregion         = \"r\"\n"
	if got := ops.BackendHCL("b", "t", "r"); got != want {
		t.Errorf("%s", got)
	}
}

func TestSettingsComeFromTheTfvarsFile(t *testing.T) {
	for _, test := range []struct {
		name, text               string
		region, repository, arch string
		err                      string
	}{
		{"all", "region = \"eu-west-1\"\necr_repository_name = \"shop\"\nlambda_architecture = \"arm64\"\nother = [1, 2]\n", "eu-west-1", "shop", "arm64", ""},
		{"what is absent has Terraform's default", "# nothing\n", "", "grocery-app", "amd64", ""},
		{"a quote that does not end", "region = \"eu-west-1\n", "", "", "", "dev.tfvars:1"},
		{"a quote that does not begin", "region = eu-west-1\"\n", "", "", "", "dev.tfvars:1"},
		{"a number for a text", "region = 1\n", "", "", "", "region must be a text in quotes"},
		{"null for a text", "region = null\n", "", "", "", "region must be a text in quotes"},
		{"a name for a text", "\n\nregion = eu\n", "", "", "", "region must be a text in quotes"},
		{"a block", "region {\n}\n", "", "", "", "dev.tfvars:1"},
		{"the same setting twice", "region = \"a\"\nregion = \"b\"\n", "", "", "", "dev.tfvars:2"},
		{"JSON", "{\"region\": \"a\"}", "", "", "", "dev.tfvars:1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := environment(t, test.text)
			region, repository, arch, err := e.Settings()
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) || !strings.Contains(err.Error(), "dev.tfvars") {
					t.Errorf("error %v, want one that names the file and says %q", err, test.err)
				}
				return
			}
			if err != nil || region != test.region || repository != test.repository || arch != test.arch {
				t.Errorf("%s %s %s %v", region, repository, arch, err)
			}
		})
	}
	t.Run("a file that is not there", func(t *testing.T) {
		e := environment(t, "")
		e.Name = "prod"
		if _, _, _, err := e.Settings(); err == nil || !strings.Contains(err.Error(), "prod.tfvars") {
			t.Errorf("%v", err)
		}
	})
}

// environment is the environment dev with the given tfvars file.
func environment(t *testing.T, tfvars string) *ops.Environment {
	t.Helper()
	dir := t.TempDir()
	root := filepath.Join(dir, "aws_infra", "enviroments", "dev")
	if err := os.MkdirAll(root, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "dev.tfvars"), []byte(tfvars), 0o644); err != nil {
		t.Fatal(err)
	}
	return &ops.Environment{Root: dir, Name: "dev", Home: filepath.Join(dir, "home"), Access: ops.Access{Region: "eu-central-1", AccessKeyID: "a", SecretKey: "b", Proxy: "http://127.0.0.1:1"}}
}

func TestAnEnvironmentThatCannotWorkIsRefusedBeforeAnythingIsDone(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(e *ops.Environment)
		err    string
	}{
		{"a name that is none", func(e *ops.Environment) { e.Name = "../dev" }, "2 to 10 lower-case letters and digits"},
		{"no name", func(e *ops.Environment) { e.Name = "" }, "2 to 10 lower-case letters and digits"},
		{"one that is not there", func(e *ops.Environment) { e.Name = "prod" }, `there is no environment "prod"`},
		{"broken settings", func(e *ops.Environment) {
			os.WriteFile(filepath.Join(e.Root, "aws_infra", "enviroments", "dev", "dev.tfvars"), []byte("region = \"\n"), 0o644)
		}, "dev.tfvars cannot be read"},
		{"neither settings nor an example", func(e *ops.Environment) {
			os.Remove(filepath.Join(e.Root, "aws_infra", "enviroments", "dev", "dev.tfvars"))
		}, "neither dev.tfvars nor an example"},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := environment(t, "region = \"eu-central-1\"\n")
			e.Report = func(ev ops.Event) { t.Errorf("it began: %+v", ev) }
			test.change(e)
			for name, do := range map[string]func() error{
				"deploy":    func() error { _, err := e.Deploy(t.Context()); return err },
				"bootstrap": func() error { return e.Bootstrap(t.Context()) },
				"recover":   func() error { return e.Recover(t.Context()) },
				"destroy":   func() error { return e.Destroy(t.Context(), false) },
				"status":    func() error { _, err := e.Status(t.Context()); return err },
			} {
				if err := do(); err == nil || !strings.Contains(err.Error(), test.err) {
					t.Errorf("%s: error %v, want %q", name, err, test.err)
				}
			}
		})
	}
}

func TestLocalStateCountsOnlyWithResources(t *testing.T) {
	for _, test := range []struct {
		name, text string
		want, err  bool
	}{
		{"resources", `{"resources":[{"type":"aws_s3_bucket"}]}`, true, false},
		{"none", `{"version":4,"resources":[]}`, false, false},
		{"an empty file", "", false, false},
		{"half a file", `{"resources":[{"ty`, false, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "terraform.tfstate")
			if err := os.WriteFile(path, []byte(test.text), 0o600); err != nil {
				t.Fatal(err)
			}
			if got, err := ops.HasResources(path); got != test.want || (err != nil) != test.err {
				t.Errorf("%v %v", got, err)
			}
		})
	}
	if got, err := ops.HasResources(filepath.Join(t.TempDir(), "absent")); got || err != nil {
		t.Errorf("absent: %v %v", got, err)
	}
}

func TestAFileIsWrittenWholeAndOnlyWhenItChanges(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "sub", "file")
	if err := ops.WriteFile(path, []byte("one"), 0o640); err != nil {
		t.Fatal(err)
	}
	first, err := os.Stat(path)
	if err != nil || first.Mode().Perm() != 0o640 {
		t.Fatal(first, err)
	}
	if err := ops.WriteFile(path, []byte("one"), 0o640); err != nil {
		t.Fatal(err)
	}
	if again, err := os.Stat(path); err != nil || !os.SameFile(first, again) {
		t.Error("the same content was written again")
	}
	if err := ops.WriteFile(path, []byte("two"), 0o640); err != nil {
		t.Fatal(err)
	}
	if raw, err := os.ReadFile(path); err != nil || string(raw) != "two" {
		t.Errorf("%s %v", raw, err)
	}
	if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 1 {
		t.Errorf("left: %v", left)
	}
}

func TestAStepReportsItsBeginningAndItsEnd(t *testing.T) {
	failed := errors.New("no space left")
	for _, test := range []struct {
		name string
		end  error
		want ops.Event
		err  string
	}{
		{"done", nil, ops.Event{State: ops.Done}, ""},
		{"skipped is no failure", ops.Skip("it is there"), ops.Event{State: ops.Skipped, Detail: "it is there"}, ""},
		{"failed names the step", failed, ops.Event{State: ops.Failed}, "push: no space left"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var got []ops.Event
				e := &ops.Environment{Report: func(ev ops.Event) { got = append(got, ev) }}
				err := e.Step(t.Context(), "push", func() error { time.Sleep(3 * time.Second); return test.end })
				if test.err == "" && err != nil || test.err != "" && (err == nil || err.Error() != test.err || !errors.Is(err, failed)) {
					t.Errorf("error %v, want %q", err, test.err)
				}
				test.want.Step, test.want.Took, test.want.Err = "push", 3*time.Second, err
				if want := []ops.Event{{Step: "push", State: ops.Started}, test.want}; !reflect.DeepEqual(got, want) {
					t.Errorf("reported %+v, want %+v", got, want)
				}
			})
		})
	}
}
