package workflow

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Action stands in for an action. It gets the evaluated inputs and may export
// variables to the steps that follow.
type Action func(ctx context.Context, with map[string]string, export func(name, value string)) error

// Runner runs jobs on this machine.
type Runner struct {
	Dir      string            // the workspace: scripts run here
	Env      []string          // environment of every script, as NAME=value; the workflow's own goes over it
	Contexts map[string]any    // what expressions refer to: github, vars, inputs
	Actions  map[string]Action // by name without version, such as actions/checkout
	Log      io.Writer         // gets what scripts print
}

// Result is how a job went.
type Result struct {
	Skipped bool // its condition did not hold
	Steps   []StepResult
	Summary string // what the steps wrote for people
}

// StepResult is how a step went.
type StepResult struct {
	Name    string
	Skipped bool
	Took    time.Duration
	Err     error
}

func (s StepResult) outcome() string {
	switch {
	case s.Skipped:
		return "skipped"
	case s.Err != nil:
		return "failure"
	}
	return "success"
}

// Err is the failure of the job: that of its first step that failed.
func (r *Result) Err() error {
	for _, s := range r.Steps {
		if s.Err != nil {
			return fmt.Errorf("step %q: %w", s.Name, s.Err)
		}
	}
	return nil
}

// Took is the time of the named steps together.
func (r *Result) Took(names ...string) (sum time.Duration) {
	for _, s := range r.Steps {
		if slices.Contains(names, s.Name) {
			sum += s.Took
		}
	}
	return sum
}

// Job runs a job's steps in order. Its error says that the workflow could not
// be understood; a step that fails is told by the result.
func (r *Runner) Job(ctx context.Context, w *Workflow, id string) (*Result, error) {
	job := w.Jobs[id]
	if job == nil {
		return nil, fmt.Errorf("there is no job %s", id)
	}
	outcomes := map[string]any{}
	scope := Scope{Contexts: map[string]any{"steps": outcomes}}
	maps.Copy(scope.Contexts, r.Contexts)
	run, err := scope.If(job.If)
	if err != nil || !run {
		return &Result{Skipped: true}, err
	}
	if w.Defaults.Run.Shell != "bash" {
		return nil, fmt.Errorf("scripts run in bash with pipefail here: the workflow has to set defaults.run.shell to bash, not %q", w.Defaults.Run.Shell)
	}
	files, err := os.MkdirTemp("", "workflow-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(files)
	s := &session{Runner: r, files: files, env: map[string]string{}}
	for _, block := range []map[string]string{w.Env, job.Env} {
		if err := s.add(scope, block); err != nil {
			return nil, err
		}
	}
	out := &Result{}
	for _, step := range job.Steps {
		res, err := s.step(ctx, scope, step)
		if err != nil {
			return out, err
		}
		scope.Failed = scope.Failed || res.Err != nil
		if step.ID != "" {
			outcomes[step.ID] = map[string]any{"outcome": res.outcome()}
		}
		out.Steps = append(out.Steps, res)
	}
	out.Summary, err = s.read("summary")
	return out, err
}

// session is one job that runs.
type session struct {
	*Runner
	files string            // folder of the files that scripts talk through
	env   map[string]string // of all steps that follow
}

func (s *session) add(scope Scope, block map[string]string) error {
	for name, text := range block {
		value, err := scope.Expand(text)
		if err != nil {
			return err
		}
		s.env[name] = value
	}
	return nil
}

func (s *session) step(ctx context.Context, scope Scope, step *Step) (StepResult, error) {
	res := StepResult{Name: step.Name}
	run, err := scope.If(step.If)
	if err != nil || !run {
		res.Skipped = true
		return res, err
	}
	start := time.Now()
	if step.Uses != "" {
		name, _, _ := strings.Cut(step.Uses, "@")
		action := s.Actions[name]
		if action == nil {
			return res, fmt.Errorf("step %q: nothing stands in for the action %s", step.Name, name)
		}
		with := map[string]string{}
		for k, text := range step.With {
			if with[k], err = scope.Expand(text); err != nil {
				return res, err
			}
		}
		res.Err = action(ctx, with, func(name, value string) { s.env[name] = value })
		res.Took = time.Since(start)
		return res, nil
	}
	if placeholder.MatchString(step.Run) {
		return res, fmt.Errorf("step %q: a script has an expression in its text", step.Name)
	}
	own := &session{Runner: s.Runner, env: maps.Clone(s.env)}
	if err := own.add(scope, step.Env); err != nil {
		return res, err
	}
	res.Err = s.script(ctx, step.Run, own.env)
	res.Took = time.Since(start)
	return res, s.exported()
}

// script runs a script as GitHub does: https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idstepsshell.
func (s *session) script(ctx context.Context, text string, env map[string]string) error {
	path := filepath.Join(s.files, "script.sh")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "bash", "--noprofile", "--norc", "-eo", "pipefail", path)
	cmd.Dir, cmd.Stdout, cmd.Stderr = s.Dir, s.Log, s.Log
	cmd.Env = append(cmd.Env, s.Env...)
	for _, name := range slices.Sorted(maps.Keys(env)) {
		cmd.Env = append(cmd.Env, name+"="+env[name])
	}
	cmd.Env = append(cmd.Env, "GITHUB_ENV="+filepath.Join(s.files, "env"), "GITHUB_STEP_SUMMARY="+filepath.Join(s.files, "summary"), "GITHUB_WORKSPACE="+s.Dir, "CI=true")
	return cmd.Run()
}

var exported = regexp.MustCompile(`^([A-Za-z_][A-Za-z0-9_]*)=(.*)$`)

// exported takes over what a script wrote to GITHUB_ENV.
func (s *session) exported() error {
	text, err := s.read("env")
	if err != nil {
		return err
	}
	for line := range strings.Lines(text) {
		m := exported.FindStringSubmatch(strings.TrimRight(line, "\n"))
		if m == nil {
			return fmt.Errorf("a step wrote a line to GITHUB_ENV that is not NAME=value")
		}
		s.env[m[1]] = m[2]
	}
	return nil
}

func (s *session) read(name string) (string, error) {
	raw, err := os.ReadFile(filepath.Join(s.files, name))
	if os.IsNotExist(err) {
		return "", nil
	}
	return string(raw), err
}
