package contract_test

import (
	"fmt"
	"maps"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"grocery/test/workflow"
)

// pipeline are the workflows by file name.
type pipeline map[string]*workflow.Workflow

const workflowDir = "../../.github/workflows"

// loadPipeline reads the workflows, with one text in one file changed.
func loadPipeline(t *testing.T, file, before, after string) (pipeline, error) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(workflowDir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	p := pipeline{}
	for _, f := range files {
		text := read(t, f)
		if filepath.Base(f) == file {
			if !strings.Contains(text, before) {
				t.Fatalf("%s has no %q to change", file, before)
			}
			text = strings.ReplaceAll(text, before, after)
		}
		w, err := workflow.Parse(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", filepath.Base(f), err)
		}
		p[filepath.Base(f)] = w
	}
	if got, want := slices.Sorted(maps.Keys(p)), []string{"cd.yaml", "ci.yaml", "drift.yaml"}; !slices.Equal(got, want) {
		t.Fatalf("the workflows are %v, want %v", got, want)
	}
	return p, nil
}

// problems collects what a check finds.
type problems []string

func (p *problems) add(format string, args ...any) { *p = append(*p, fmt.Sprintf(format, args...)) }

// job is one job with where it stands.
type job struct {
	*workflow.Job
	file, id string
	in       *workflow.Workflow
}

func (j job) String() string { return j.file + ", job " + j.id }

// scripts are the job's scripts in order, as one text.
func (j job) scripts() string {
	var all []string
	for _, s := range j.Steps {
		if s.Run != "" {
			all = append(all, s.Run)
		}
	}
	return strings.Join(all, "\n")
}

// using are the job's steps that use an action.
func (j job) using(action string) (found []*workflow.Step) {
	for _, s := range j.Steps {
		if strings.HasPrefix(s.Uses, action+"@") {
			found = append(found, s)
		}
	}
	return found
}

func (p pipeline) jobs() []job {
	var all []job
	for _, file := range slices.Sorted(maps.Keys(p)) {
		for _, id := range slices.Sorted(maps.Keys(p[file].Jobs)) {
			all = append(all, job{p[file].Jobs[id], file, id, p[file]})
		}
	}
	return all
}

// change is an edit of a workflow that a check has to notice.
type change struct{ file, before, after string }

// TestWorkflows holds the workflows to their rules, and each rule to workflows
// that break it: a check that finds nothing in those would pass over anything.
func TestWorkflows(t *testing.T) {
	cli := newCLI(t)
	for _, c := range []struct {
		rule   string
		find   func(pipeline) problems
		breaks []change
	}{
		{"actions are pinned by a full commit, each by one, with its version", unpinned, []change{
			{"ci.yaml", "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1", "actions/checkout@v7"},
			{"ci.yaml", "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1", "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1"},
			{"cd.yaml", "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1", "actions/checkout@0000000000000000000000000000000000000000 # v7.0.1"},
			{"cd.yaml", "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1", "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v6.0.0"},
		}},
		{"no failure is swallowed", swallowing, []change{
			{"ci.yaml", "run: make check", "run: make check || true"},
			{"ci.yaml", "--out plan\n", "--out plan || :\n"},
			{"ci.yaml", "run: make check", "run: set +e; make check"},
			{"cd.yaml", "    shell: bash", "    shell: sh"},
		}},
		{"scripts get what others wrote through the environment, and no secret at all", interpolating, []change{
			{"cd.yaml", "${REQUESTED:-", "${{ inputs.image_tag }}${REQUESTED:-"},
			{"ci.yaml", "run: make check", "run: echo '${{ github.event.pull_request.title }}'"},
			{"ci.yaml", "${{ vars.AWS_PLAN_ROLE_ARN }}", "${{ secrets.AWS_PLAN_ROLE_ARN }}"},
			{"cd.yaml", "run: bin/grocery verify", "run: printenv"},
			{"cd.yaml", "run: bin/grocery verify", "run: set -x; bin/grocery verify"},
		}},
		{"jobs may do no more than they need", permissive, []change{
			{"ci.yaml", "permissions:\n  contents: read", "permissions:\n  contents: write"},
			{"drift.yaml", "\npermissions:\n  contents: read\n", "\n"},
			{"cd.yaml", "      actions: read # the plan is an artifact of another run\n", ""},
			{"cd.yaml", "      id-token: write # exchanged at STS for credentials of the apply role\n", ""},
			{"ci.yaml", "    timeout-minutes: 30\n", "    timeout-minutes: 30\n    permissions:\n      contents: read\n      id-token: write\n"},
			{"ci.yaml", "      id-token: write", "      packages: write\n      id-token: write"},
			{"ci.yaml", "          persist-credentials: false\n", ""},
		}},
		{"only a job of an environment applies, and only it assumes the apply role", roles, []change{
			{"cd.yaml", "    environment: ${{ inputs.environment || 'dev' }}\n", ""},
			{"cd.yaml", "environment: ${{ inputs.environment || 'dev' }}", "environment: ${{ inputs.environment || 'prod' }}"},
			{"cd.yaml", "options: [dev]", "options: [dev, prod]"},
			{"cd.yaml", "GROCERY_ENVIRONMENT: ${{ inputs.environment || 'dev' }}", "GROCERY_ENVIRONMENT: dev"},
			{"ci.yaml", "AWS_PLAN_ROLE_ARN", "AWS_APPLY_ROLE_ARN"},
			{"ci.yaml", "  plan:\n    name: Plan\n", "  plan:\n    name: Plan\n    environment: dev\n"},
			{"ci.yaml", "plan --read-only --out plan", "apply --phase 2"},
			{"ci.yaml", "plan --read-only --out plan", "plan --out plan"},
		}},
		{"a deployment that runs is never cancelled, nor its place taken by a run that is skipped", cancelling, []change{
			{"cd.yaml", "cancel-in-progress: false", "cancel-in-progress: true"},
			{"cd.yaml", "group: cd-${{ inputs.environment || 'dev' }}", "group: cd"},
			{"cd.yaml", "\npermissions:\n  contents: read\n", "\npermissions:\n  contents: read\nconcurrency:\n  group: cd\n  cancel-in-progress: false\n"},
			{"ci.yaml", "cancel-in-progress: ${{ github.event_name == 'pull_request' }}", "cancel-in-progress: true"},
		}},
		{"jobs run when they may", guards, []change{
			{"cd.yaml", "github.event.workflow_run.conclusion == 'success' &&", ""},
			{"cd.yaml", "github.event.workflow_run.event == 'push' &&", ""},
			{"cd.yaml", "github.event.workflow_run.head_branch == 'main' &&", ""},
			{"cd.yaml", "&&\n      github.event.workflow_run.head_repository.full_name == github.repository", ""},
			{"cd.yaml", "vars.AWS_APPLY_ROLE_ARN != '' &&", ""},
			{"cd.yaml", "github.event_name == 'workflow_dispatch' && github.ref == 'refs/heads/main'", "github.event_name == 'workflow_dispatch'"},
			{"ci.yaml", " && github.event.pull_request.head.repo.full_name == github.repository", ""},
			{"ci.yaml", "vars.AWS_PLAN_ROLE_ARN != '' &&", ""},
			{"ci.yaml", "github.ref == 'refs/heads/main'", "github.event_name == 'push'"},
			{"drift.yaml", " && github.ref == 'refs/heads/main'", ""},
		}},
		{"CD follows CI and deploys the commit that CI saw, by the plan that CI made", following, []change{
			{"cd.yaml", "workflows: [CI]", "workflows: [Build]"},
			{"cd.yaml", "branches: [main]", "branches: [development]"},
			{"cd.yaml", "types: [completed]", "types: [requested]"},
			{"cd.yaml", "ref: ${{ github.event.workflow_run.head_sha || github.sha }}", "ref: ${{ github.sha }}"},
			{"cd.yaml", "run-id: ${{ github.event.workflow_run.id }}", "run-id: ${{ github.run_id }}"},
			{"cd.yaml", "          name: plan\n", "          name: other\n"},
			{"cd.yaml", "'plan/plan.json'", "'plan.json'"},
			{"cd.yaml", " && 'plan/plan.json' || ''", " && '' || 'plan/plan.json'"},
			{"cd.yaml", `--phase 1 ${REVIEWED:+--reviewed "$REVIEWED"}`, "--phase 1"},
			{"cd.yaml", "        if: github.event_name == 'workflow_run'\n", "        if: github.event_name == 'push'\n"},
			{"ci.yaml", "if-no-files-found: error", "if-no-files-found: warn"},
			{"ci.yaml", "          path: plan\n", "          path: plan/plan.txt\n"},
			{"ci.yaml", "branches: [main, development]", "branches: [development]"},
		}},
		{"the steps of a deployment come in their order, and the last ones always", disorder, []change{
			{"cd.yaml", "run: bin/grocery apply --phase 1", "run: bin/grocery apply --phase 2"},
			{"cd.yaml", "run: bin/grocery images --build-only", "run: bin/grocery verify"},
			{"cd.yaml", "        if: always()\n", ""},
			{"cd.yaml", "        if: (failure() || cancelled()) && steps.role.outcome == 'success'\n", ""},
			{"cd.yaml", "(failure() || cancelled())", "failure()"},
			{"cd.yaml", "        id: role\n", ""},
			{"cd.yaml", "rm -rf plan .grocery", "rm -rf plan"},
			{"cd.yaml", `echo "TF_VAR_image_tag=$tag" >> "$GITHUB_ENV"`, "true"},
		}},
		{"CI runs what people run", unlike, []change{
			{"ci.yaml", "run: make lint", "run: gofmt -l ."},
			{"ci.yaml", "run: make check", "run: go test ./..."},
			{"ci.yaml", "  pull_request:\n", ""},
		}},
		{"tools have the versions that the sources ask for", versions, []change{
			{"ci.yaml", `terraform_version: "1.11.4"`, `terraform_version: "1.10.0"`},
			{"ci.yaml", `terraform_version: "1.11.4"`, `terraform_version: "1.12.0"`},
			{"drift.yaml", "terraform_wrapper: false", "terraform_wrapper: true"},
			{"cd.yaml", `node-version: "22"`, `node-version: "18"`},
			{"cd.yaml", "go-version-file: go.mod", `go-version: "1.20"`},
			{"cd.yaml", "fetch-depth: 0 ", "fetch-depth: 1 "},
		}},
		{"what is run exists: commands, flags, targets, variables, regions", cli.unknown, []change{
			{"cd.yaml", "bin/grocery release", "bin/grocery ship"},
			{"ci.yaml", "--read-only", "--readonly"},
			{"cd.yaml", "bin/grocery apply --phase 1", "bin/grocery apply --only 1"},
			{"ci.yaml", "make check", "make checks"},
			{"cd.yaml", "TF_VAR_image_tag", "TF_VAR_tag"},
			{"cd.yaml", "      REVIEWED: ", "      TF_VAR_reviewed: x\n      REVIEWED: "},
			{"cd.yaml", "'eu-central-1'", "'us-east-1'"},
			{"cd.yaml", "GROCERY_ON: aws", "GROCERY_ON: local"},
			{"cd.yaml", "aws_infra/enviroments/*/backend.hcl", "aws_infra/environments/*/backend.hcl"},
		}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			p, err := loadPipeline(t, "", "", "")
			if err != nil {
				t.Fatal(err)
			}
			for _, problem := range c.find(p) {
				t.Error(problem)
			}
			for _, b := range c.breaks {
				p, err := loadPipeline(t, b.file, b.before, b.after)
				if err == nil && len(c.find(p)) == 0 {
					t.Errorf("nothing is found in %s with %q in the place of %q", b.file, b.after, b.before)
				}
			}
		})
	}
}

var usesLine = regexp.MustCompile(`(?m)^\s*(?:- )?uses: (.*)$`)
var pinned = regexp.MustCompile(`^([\w.-]+/[\w./-]+)@([0-9a-f]{40} # v\d+(?:\.\d+)*)$`)

func unpinned(p pipeline) (found problems) {
	by := map[string]string{}
	for file, w := range p {
		for _, line := range usesLine.FindAllStringSubmatch(w.Text, -1) {
			m := pinned.FindStringSubmatch(strings.TrimSpace(line[1]))
			if m == nil {
				found.add("%s: %s is not pinned by a full commit with its version behind it", file, line[1])
				continue
			}
			if other, ok := by[m[1]]; ok && other != m[2] {
				found.add("%s is pinned to %s and to %s", m[1], m[2], other)
			}
			by[m[1]] = m[2]
		}
	}
	if len(by) == 0 {
		found.add("no action is used")
	}
	return found
}

var swallows = regexp.MustCompile(`\|\|\s*(true|:|exit 0|echo)|set \+|; true\b`)

func swallowing(p pipeline) (found problems) {
	for file, w := range p {
		if w.Defaults.Run.Shell != "bash" {
			found.add("%s: without defaults.run.shell bash a failure before a pipe is not seen", file)
		}
	}
	for _, j := range p.jobs() {
		if m := swallows.FindString(j.scripts()); m != "" {
			found.add("%s: %q hides a failure", j, m)
		}
	}
	return found
}

var tells = regexp.MustCompile(`(?m)set -\w*x|printenv|^\s*env\s*$|\bexport -p\b|GITHUB_TOKEN|AWS_SECRET|SESSION_TOKEN`)

func interpolating(p pipeline) (found problems) {
	for file, w := range p {
		if strings.Contains(w.Text, "secrets.") {
			found.add("%s: uses a stored secret, and there are none: roles are assumed", file)
		}
	}
	for _, j := range p.jobs() {
		for _, s := range j.Steps {
			if strings.Contains(s.Run, "${{") {
				found.add("%s: step %q has an expression in its script: pass it through env", j, s.Name)
			}
			if m := tells.FindString(s.Run); m != "" {
				found.add("%s: step %q may print what should not be seen (%q)", j, s.Name, m)
			}
		}
	}
	return found
}

func permissive(p pipeline) (found problems) {
	for file, w := range p {
		if !maps.Equal(w.Permissions, map[string]string{"contents": "read"}) {
			found.add("%s: jobs may do %v unless they say more, want contents: read", file, w.Permissions)
		}
	}
	for _, j := range p.jobs() {
		want := map[string]string{"contents": "read"}
		if len(j.using("aws-actions/configure-aws-credentials")) > 0 {
			want["id-token"] = "write"
		}
		if len(j.using("actions/download-artifact")) > 0 {
			want["actions"] = "read"
		}
		have := j.Permissions
		if have == nil {
			have = j.in.Permissions
		}
		if !maps.Equal(have, want) {
			found.add("%s may do %v and needs %v", j, have, want)
		}
		for _, s := range j.using("actions/checkout") {
			if s.With["persist-credentials"] != "false" {
				found.add("%s: the token stays in .git/config, where every later step can read it", j)
			}
		}
		if j.Timeout == 0 {
			found.add("%s may hang for six hours", j)
		}
	}
	return found
}

// cli is the built command line.
type cli struct {
	path string
	make string // the Makefile
	vars map[string]bool
	home string // the region of the example settings
}

func newCLI(t *testing.T) *cli {
	t.Helper()
	c := &cli{path: filepath.Join(t.TempDir(), "grocery"), make: read(t, "../../Makefile"), vars: map[string]bool{}}
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", c.path, "../../cmd/grocery").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for name := range load(t, "enviroments/dev").named("variable") {
		c.vars[name] = true
	}
	m := regexp.MustCompile(`(?m)^region\s*=\s*"(.*)"`).FindStringSubmatch(read(t, filepath.Join(infra, "enviroments/dev/dev.tfvars.example")))
	if m == nil {
		t.Fatal("the example settings name no region")
	}
	c.home = m[1]
	return c
}

var (
	commandLine = regexp.MustCompile(`bin/grocery ([a-z-]+)([^\n)|;&]*)`)
	flag        = regexp.MustCompile(`--[a-z][a-z-]*`)
	target      = regexp.MustCompile(`\bmake ([a-z0-9]+)`)
	tfVariable  = regexp.MustCompile(`TF_VAR_(\w+)`)
	folder      = regexp.MustCompile(`aws_infra(?:/\w+)*/`)
)

func (c *cli) unknown(p pipeline) (found problems) {
	help := map[string]string{}
	for file, w := range p {
		for _, m := range tfVariable.FindAllStringSubmatch(w.Text, -1) {
			if !c.vars[m[1]] {
				found.add("%s: %s is no variable of enviroments/dev", file, m[0])
			}
		}
		for _, m := range target.FindAllStringSubmatch(w.Text, -1) {
			if !regexp.MustCompile(`(?m)^` + m[1] + `:`).MatchString(c.make) {
				found.add("%s: the Makefile has no target %s", file, m[1])
			}
		}
		for _, dir := range folder.FindAllString(w.Text, -1) {
			if matches, _ := filepath.Glob("../../" + strings.TrimSuffix(dir, "/")); len(matches) == 0 {
				found.add("%s: there is no folder %s", file, dir)
			}
		}
	}
	run := 0
	for _, j := range p.jobs() {
		for _, s := range j.using("aws-actions/configure-aws-credentials") {
			if region, err := (workflow.Scope{Contexts: map[string]any{"vars": map[string]any{}}}).Expand(s.With["aws-region"]); err != nil || region != c.home {
				found.add("%s: works in %s (%v), the example settings in %s", j, region, err, c.home)
			}
			if j.Env["GROCERY_ON"] != "aws" {
				found.add("%s assumes a role and works on a local AWS", j)
			}
		}
		for _, m := range commandLine.FindAllStringSubmatch(j.scripts(), -1) {
			run++
			verb := m[1]
			if _, ok := help[verb]; !ok {
				out, err := exec.Command(c.path, verb, "--help").CombinedOutput()
				if err != nil || !strings.Contains(string(out), "grocery "+verb) {
					found.add("%s: there is no command grocery %s", j, verb)
				}
				help[verb] = string(out)
			}
			for _, f := range flag.FindAllString(m[2], -1) {
				if !regexp.MustCompile(regexp.QuoteMeta(f) + `\b`).MatchString(help[verb]) {
					found.add("%s: grocery %s has no %s", j, verb, f)
				}
			}
		}
	}
	if run < 10 {
		found.add("only %d commands were found to look at", run)
	}
	return found
}
