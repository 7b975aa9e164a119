package contract_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2/hclparse"

	"grocery/test/workflow"
)

// environments are those that the bootstrap's roles trust unless it is told
// otherwise.
func environments() []string {
	file, diags := hclparse.NewParser().ParseHCLFile(filepath.Join(infra, "bootstrap", "bootstrap.tfvars.example"))
	if diags.HasErrors() {
		return nil
	}
	attrs, _ := file.Body.JustAttributes() // only attributes stand there; another test parses it
	value, _ := attrs["environments"].Expr.Value(nil)
	var names []string
	for _, v := range value.AsValueSlice() {
		names = append(names, v.AsString())
	}
	return names
}

func roles(p pipeline) (found problems) {
	for _, j := range p.jobs() {
		assumes := ""
		for _, s := range j.using("aws-actions/configure-aws-credentials") {
			assumes += s.With["role-to-assume"]
		}
		want := ""
		switch {
		case regexp.MustCompile(`grocery (bootstrap|apply|images|release|recover)`).MatchString(j.scripts()):
			want = "${{ vars.AWS_APPLY_ROLE_ARN }}"
			if j.Environment == "" {
				found.add("%s changes AWS outside of an environment: the apply role does not trust it, and nobody is asked", j)
			}
		case strings.Contains(j.scripts(), "grocery plan --read-only"):
			want = "${{ vars.AWS_PLAN_ROLE_ARN }}"
		case strings.Contains(j.scripts(), "grocery plan --detailed-exitcode"):
			want = "${{ vars.AWS_DRIFT_ROLE_ARN }}"
		case strings.Contains(j.scripts(), "grocery plan"):
			found.add("%s plans in a way that no role is for", j)
		}
		if assumes != want {
			found.add("%s assumes %q, and what it does needs %q", j, assumes, want)
		}
		if want != "${{ vars.AWS_APPLY_ROLE_ARN }}" && j.Environment != "" {
			found.add("%s is bound to an environment, which changes its token's subject to one its role does not trust", j)
		}
	}

	// An environment is named in four ways, which have to agree.
	cd := p["cd.yaml"].Jobs["deploy"]
	inputs, err := p["cd.yaml"].Inputs()
	if err != nil {
		found.add("%v", err)
	}
	if known := environments(); len(known) == 0 || !slices.Equal(inputs["environment"].Options, known) {
		found.add("CD offers the environments %v, the bootstrap trusts %v", inputs["environment"].Options, known)
	}
	if cd.Env["GROCERY_ENVIRONMENT"] != cd.Environment {
		found.add("CD is bound to %q and works on %q", cd.Environment, cd.Env["GROCERY_ENVIRONMENT"])
	}
	for given, want := range map[string]string{"": environments()[0], "other": "other"} {
		scope := workflow.Scope{Contexts: map[string]any{"inputs": map[string]string{"environment": given}}}
		if got, err := scope.Expand(cd.Environment); err != nil || got != want {
			found.add("CD is bound to %q (%v) when %q is asked for, want %q", got, err, given, want)
		}
	}
	return found
}

func cancelling(p pipeline) (found problems) {
	cd, ci := p["cd.yaml"], p["ci.yaml"]
	if cd.Concurrency != nil {
		found.add("CD's concurrency is the workflow's: a run whose job is skipped would take the place of one that waits")
	}
	if c := cd.Jobs["deploy"].Concurrency; c == nil || c.CancelInProgress != "false" || !strings.HasSuffix(c.Group, cd.Jobs["deploy"].Environment) {
		found.add("a deployment may be cancelled, or runs beside another of its environment: %+v", c)
	}
	for _, event := range []string{"push", "pull_request"} {
		scope := workflow.Scope{Contexts: map[string]any{"github": map[string]any{"event_name": event}}}
		got, err := scope.Expand(ci.Concurrency.CancelInProgress)
		if want := map[bool]string{true: "true", false: "false"}[event == "pull_request"]; err != nil || got != want {
			found.add("CI of a %s is cancelled by the next: %s (%v), want %s", event, got, err, want)
		}
	}
	return found
}

// event describes what happened to a workflow.
func event(name, ref string, more map[string]any) map[string]any {
	return map[string]any{"event_name": name, "ref": ref, "sha": "of-main", "repository": "o/r", "token": "t", "event": more}
}

func finished(conclusion, by, branch, repository string) map[string]any {
	return event("workflow_run", "refs/heads/main", map[string]any{"workflow_run": map[string]any{
		"id": "7", "conclusion": conclusion, "event": by, "head_branch": branch, "head_sha": "of-ci", "head_repository": map[string]any{"full_name": repository},
	}})
}

func pull(from string) map[string]any {
	return event("pull_request", "refs/pull/1/merge", map[string]any{"pull_request": map[string]any{"head": map[string]any{"repo": map[string]any{"full_name": from}}}})
}

func guards(p pipeline) (found problems) {
	all := map[string]string{"AWS_PLAN_ROLE_ARN": "a", "AWS_APPLY_ROLE_ARN": "a", "AWS_DRIFT_ROLE_ARN": "a"}
	for _, c := range []struct {
		what, file, job string
		github          map[string]any
		vars            map[string]string
		want            bool
	}{
		{"CI of a push to main succeeded", "cd.yaml", "deploy", finished("success", "push", "main", "o/r"), all, true},
		{"CI failed", "cd.yaml", "deploy", finished("failure", "push", "main", "o/r"), all, false},
		{"CI of a pull request succeeded", "cd.yaml", "deploy", finished("success", "pull_request", "main", "o/r"), all, false},
		{"CI of another branch succeeded", "cd.yaml", "deploy", finished("success", "push", "development", "o/r"), all, false},
		{"CI of a fork's main succeeded", "cd.yaml", "deploy", finished("success", "push", "main", "fork/r"), all, false},
		{"nobody has an account", "cd.yaml", "deploy", finished("success", "push", "main", "o/r"), nil, false},
		{"started by hand", "cd.yaml", "deploy", event("workflow_dispatch", "refs/heads/main", nil), all, true},
		{"started by hand on a branch", "cd.yaml", "deploy", event("workflow_dispatch", "refs/heads/x", nil), all, false},
		{"started by hand without an account", "cd.yaml", "deploy", event("workflow_dispatch", "refs/heads/main", nil), nil, false},
		{"a push to main", "ci.yaml", "plan", event("push", "refs/heads/main", nil), all, true},
		{"a push to development", "ci.yaml", "plan", event("push", "refs/heads/development", nil), all, false},
		{"a pull request", "ci.yaml", "plan", pull("o/r"), all, true},
		{"a pull request of a fork", "ci.yaml", "plan", pull("fork/r"), all, false},
		{"a pull request without an account", "ci.yaml", "plan", pull("o/r"), nil, false},
		{"a pull request of a fork is tested", "ci.yaml", "check", pull("fork/r"), nil, true},
		{"night", "drift.yaml", "drift", event("schedule", "refs/heads/main", nil), all, true},
		{"night without an account", "drift.yaml", "drift", event("schedule", "refs/heads/main", nil), nil, false},
		{"by hand on a branch", "drift.yaml", "drift", event("workflow_dispatch", "refs/heads/x", nil), all, false},
	} {
		scope := workflow.Scope{Contexts: map[string]any{"github": c.github, "vars": c.vars, "inputs": map[string]string{}}}
		if got, err := scope.If(p[c.file].Jobs[c.job].If); err != nil || got != c.want {
			found.add("%s: %s runs: %v (%v), want %v", c.what, c.job, got, err, c.want)
		}
	}
	return found
}

func following(p pipeline) (found problems) {
	ci, cd := p["ci.yaml"], p["cd.yaml"]
	switch on := cd.On.WorkflowRun; {
	case on == nil:
		found.add("CD does not follow CI")
	case !slices.Equal(on.Workflows, []string{ci.Name}) || !slices.Equal(on.Types, []string{"completed"}) || !slices.Equal(on.Branches, []string{"main"}):
		found.add("CD follows %+v", on)
	}
	if ci.On.Push == nil || !slices.Contains(ci.On.Push.Branches, "main") {
		found.add("CI does not run for main, and so CD never does")
	}
	plan, deploy := job{Job: ci.Jobs["plan"]}, job{Job: cd.Jobs["deploy"]}
	up, down, checkout := plan.using("actions/upload-artifact"), deploy.using("actions/download-artifact"), deploy.using("actions/checkout")
	if len(up) != 1 || len(down) != 1 || len(checkout) != 1 {
		found.add("the plan is kept %d times and fetched %d times, and the sources are checked out %d times", len(up), len(down), len(checkout))
		return found
	}
	if up[0].With["name"] != down[0].With["name"] || up[0].With["path"] != down[0].With["path"] || up[0].With["if-no-files-found"] != "error" || up[0].If != "" {
		found.add("CI keeps %v (if %q), CD fetches %v", up[0].With, up[0].If, down[0].With)
	}
	if !strings.Contains(plan.scripts(), "--out "+up[0].With["path"]+"\n") {
		found.add("the plan is not written where it is kept from")
	}
	for _, c := range []struct {
		github             map[string]any
		sha, run, reviewed string
		fetched            bool
	}{
		{finished("success", "push", "main", "o/r"), "of-ci", "7", down[0].With["path"] + "/plan.json", true},
		{event("workflow_dispatch", "refs/heads/main", nil), "of-main", "", "", false},
	} {
		scope := workflow.Scope{Contexts: map[string]any{"github": c.github}}
		for text, want := range map[string]string{checkout[0].With["ref"]: c.sha, down[0].With["run-id"]: c.run, deploy.Env["REVIEWED"]: c.reviewed} {
			if got, err := scope.Expand(text); err != nil || got != want {
				found.add("after %s %s is %q (%v), want %q", c.github["event_name"], text, got, err, want)
			}
		}
		if got, err := scope.If(down[0].If); err != nil || got != c.fetched {
			found.add("after %s the plan is fetched: %v (%v), want %v", c.github["event_name"], got, err, c.fetched)
		}
	}
	for _, m := range regexp.MustCompile(`grocery apply[^\n]*`).FindAllString(deploy.scripts(), -1) {
		if !strings.HasSuffix(m, ` ${REVIEWED:+--reviewed "$REVIEWED"}`) {
			found.add("%q applies what nobody reviewed", m)
		}
	}
	return found
}

func disorder(p pipeline) (found problems) {
	deploy := job{Job: p["cd.yaml"].Jobs["deploy"]}
	at := 0
	for _, want := range []string{
		"make cli", "grocery bootstrap", "grocery image-tag", `"TF_VAR_image_tag=$tag" >> "$GITHUB_ENV"`, "grocery images --build-only", "grocery apply --phase 1",
		"grocery images\n", "grocery apply --phase 2", "grocery release", "grocery verify", "grocery recover", "rm -rf plan .grocery",
	} {
		i := strings.Index(deploy.scripts()[at:], want)
		if i < 0 {
			found.add("CD lacks %q, or has it too early", want)
			continue
		}
		at += i
	}
	for _, s := range deploy.Steps {
		switch {
		case strings.Contains(s.Run, "grocery recover"):
			if s.If != "(failure() || cancelled()) && steps.role.outcome == 'success'" {
				found.add("an interrupted apply is put right if %q", s.If)
			}
			if role := deploy.using("aws-actions/configure-aws-credentials"); len(role) != 1 || role[0].ID != "role" {
				found.add("nothing is the step that assumes the role")
			}
		case strings.Contains(s.Run, "rm -rf"):
			if s.If != "always()" {
				found.add("CD cleans up if %q", s.If)
			}
		case s.Run != "" && s.If != "":
			found.add("CD skips %q", s.Name)
		}
	}
	return found
}

func unlike(p pipeline) (found problems) {
	check := job{Job: p["ci.yaml"].Jobs["check"]}
	for _, want := range []string{"make lint", "make check"} {
		if !slices.Contains(strings.Split(check.scripts(), "\n"), want) {
			found.add("CI does not run %s", want)
		}
	}
	if p["ci.yaml"].On.PullRequest.IsZero() {
		found.add("CI does not run for pull requests")
	}
	return found
}

func versions(p pipeline) (found problems) {
	raw, err := os.ReadFile("../../frontend/package.json")
	var page struct{ Engines struct{ Node string } }
	if err != nil || json.Unmarshal(raw, &page) != nil || !strings.HasPrefix(page.Engines.Node, ">=") {
		found.add("the page says %q of Node.js (%v)", page.Engines.Node, err)
	}
	terraforms := map[string]bool{}
	for _, j := range p.jobs() {
		for _, s := range j.using("hashicorp/setup-terraform") {
			v := s.With["terraform_version"]
			terraforms[v] = true
			if older(v, "1.11.0") || s.With["terraform_wrapper"] != "false" {
				found.add("%s: Terraform %s, wrapper %s", j, v, s.With["terraform_wrapper"])
			}
		}
		for _, s := range j.using("actions/setup-go") {
			if s.With["go-version-file"] != "go.mod" {
				found.add("%s: Go's version is not go.mod's", j)
			}
		}
		for _, s := range j.using("actions/setup-node") {
			if older(s.With["node-version"]+".99", strings.TrimPrefix(page.Engines.Node, ">=")) {
				found.add("%s: Node.js %s, the page needs %s", j, s.With["node-version"], page.Engines.Node)
			}
		}
		if regexp.MustCompile(`grocery (plan|image-tag)`).MatchString(j.scripts()) {
			for _, s := range j.using("actions/checkout") {
				if s.With["fetch-depth"] != "0" {
					found.add("%s: without history an image's tag is not the commit of its sources", j)
				}
			}
		}
	}
	if len(terraforms) != 1 {
		found.add("Terraform has the versions %v", terraforms)
	}
	return found
}

// older compares versions of numbers and dots.
func older(a, b string) bool {
	number := func(s string) (n []int) {
		for part := range strings.SplitSeq(s, ".") {
			x := 0
			for _, r := range part {
				x = 10*x + int(r-'0')
			}
			n = append(n, x)
		}
		return n
	}
	return slices.Compare(number(a), number(b)) < 0
}

// TestEveryStateKeyIsTheSameEverywhere: a plan on another key than the apply's
// would plan everything anew.
func TestEveryStateKeyIsTheSameEverywhere(t *testing.T) {
	keys := map[string]bool{}
	for _, dir := range roots {
		m := regexp.MustCompile(`key\s*=\s*"(.+)"`).FindStringSubmatch(read(t, filepath.Join(infra, dir, "backend.tf")))
		if m == nil {
			t.Fatalf("%s has no key", dir)
		}
		keys[m[1]] = true
	}
	said := regexp.MustCompile(`[\w-]+/[\w-]+/terraform\.tfstate\b`)
	count := 0
	for _, pattern := range []string{"../../README.md", "../../docs/*.md", workflowDir + "/*", "../../aws_infra/*/*.hcl", "../../aws_infra/bootstrap/*"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if info, err := os.Stat(f); err != nil || info.IsDir() {
				continue
			}
			for _, key := range said.FindAllString(read(t, f), -1) {
				if count++; !keys[key] {
					t.Errorf("%s names the state %s, the roots have %v", f, key, keys)
				}
			}
		}
	}
	if count < 3 {
		t.Errorf("only %d places name a state: the comparison looks in the wrong ones", count)
	}
	// ops composes the keys; its end-to-end tests show that they are the roots'.
	for _, parts := range []string{`Project + "/bootstrap/terraform.tfstate"`, `Project + "/" + e.Name + "/terraform.tfstate"`} {
		if files, _ := filepath.Glob("../../ops/*.go"); !slices.ContainsFunc(files, func(f string) bool { return strings.Contains(read(t, f), parts) }) {
			t.Errorf("ops composes no state key as %s", parts)
		}
	}
}
