//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"grocery/localaws"
	"grocery/test/workflow"
)

// pipeline is GitHub for one repository: it holds the sources, runs the jobs
// of the workflow files that stand in them, and keeps their artifacts.
type pipeline struct {
	origin    string // the repository
	artifacts string
	issuer    *issuer
	runs      int
	said      bytes.Buffer // all that scripts printed
}

// newPipeline makes a repository of the sources as they are, committed or not.
func newPipeline(t *testing.T) *pipeline {
	t.Helper()
	p := &pipeline{origin: filepath.Join(t.TempDir(), "origin"), artifacts: t.TempDir(), issuer: startIssuer(t)}
	git(t, shared.root, "clone", "-q", "--no-hardlinks", shared.root, p.origin)
	git(t, p.origin, "checkout", "-q", "-B", "main")
	for name := range strings.SplitSeq(git(t, shared.root, "ls-files", "-z", "--modified", "--others", "--exclude-standard"), "\x00") {
		raw, err := os.ReadFile(filepath.Join(shared.root, name))
		if name == "" || errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err == nil {
			err = errors.Join(os.MkdirAll(filepath.Dir(filepath.Join(p.origin, name)), 0o755), os.WriteFile(filepath.Join(p.origin, name), raw, 0o644))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	git(t, p.origin, "add", "-A")
	git(t, p.origin, "commit", "-q", "--allow-empty", "-m", "As it is in the working tree")
	return p
}

func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", append([]string{"-C", dir, "-c", "user.name=test", "-c", "user.email=test@example.org"}, args...)...)
	out, err := cmd.Output()
	if err != nil {
		var stderr []byte
		if e, ok := errors.AsType[*exec.ExitError](err); ok {
			stderr = e.Stderr
		}
		t.Fatalf("git %s: %v\n%s", args[0], err, stderr)
	}
	return string(out)
}

// commitBackend commits a change of the backend alone that changes its image.
func (p *pipeline) commitBackend(t *testing.T) (sha string) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(p.origin, "backend", "Dockerfile"), os.O_APPEND|os.O_WRONLY, 0)
	if err == nil {
		_, err = fmt.Fprintf(f, "LABEL change=%q\n", time.Now().Format(time.RFC3339Nano))
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	git(t, p.origin, "commit", "-q", "-a", "-m", "Change the backend")
	return strings.TrimSpace(git(t, p.origin, "rev-parse", "HEAD"))
}

// event is what started a run, as the github context tells it.
type event struct {
	name, ref, sha string
	more           map[string]any
}

// run runs a job of a workflow file, with a token for the subject that GitHub
// gives such a job.
func (p *pipeline) run(t *testing.T, file, job string, e event) (*workflow.Result, string) {
	t.Helper()
	w, err := workflow.Load(filepath.Join(p.origin, ".github", "workflows", file))
	if err != nil {
		t.Fatal(err)
	}
	p.runs++
	id, dir := fmt.Sprint(p.runs), filepath.Join(t.TempDir(), "workspace")
	subject := "repo:" + repository + ":ref:" + e.ref
	switch {
	case w.Jobs[job].Environment != "":
		subject = "repo:" + repository + ":environment:dev"
	case e.name == "pull_request":
		subject = "repo:" + repository + ":pull_request"
	}
	r := &workflow.Runner{
		Dir: dir, Env: p.environ(), Log: io.MultiWriter(&p.said, t.Output()),
		Contexts: map[string]any{
			"github": map[string]any{"event_name": e.name, "ref": e.ref, "sha": e.sha, "repository": repository, "run_id": id, "token": "of-run-" + id, "event": e.more},
			"vars":   map[string]string{"AWS_PLAN_ROLE_ARN": roleARN("plan"), "AWS_APPLY_ROLE_ARN": roleARN("apply"), "AWS_DRIFT_ROLE_ARN": roleARN("drift")},
			"inputs": map[string]string{},
		},
		Actions: map[string]workflow.Action{
			"actions/checkout": func(ctx context.Context, with map[string]string, _ func(string, string)) error {
				sha := with["ref"]
				if sha == "" {
					sha = e.sha
				}
				if out, err := exec.CommandContext(ctx, "sh", "-c", `git clone -q --no-checkout "$1" "$2" && git -C "$2" checkout -q --detach "$3"`, "-", p.origin, dir, sha).CombinedOutput(); err != nil {
					return fmt.Errorf("%w: %s", err, out)
				}
				return nil
			},
			"actions/setup-go": present("go"),
			"actions/setup-node": func(ctx context.Context, with map[string]string, export func(string, string)) error {
				page := filepath.Join(dir, "frontend") // packages come from here: the proxy leads to AWS alone
				return errors.Join(present("node")(ctx, with, export), os.Symlink(filepath.Join(shared.root, "frontend", "node_modules"), filepath.Join(page, "node_modules")),
					os.WriteFile(filepath.Join(dir, ".git", "info", "exclude"), []byte("/frontend/node_modules\n"), 0o644), // a link is no folder to .gitignore
					os.Chtimes(filepath.Join(page, "package-lock.json"), time.Unix(0, 0), time.Unix(0, 0)))
			},
			"hashicorp/setup-terraform": func(ctx context.Context, with map[string]string, export func(string, string)) error {
				if os.Getenv("TF_PLUGIN_MIRROR") == "" { // the proxy leads to AWS alone, so providers come from the deployment
					export("TF_PLUGIN_MIRROR", filepath.Join(shared.infra, "enviroments", "dev", ".terraform", "providers"))
				}
				return present("terraform")(ctx, with, export)
			},
			"aws-actions/configure-aws-credentials": func(ctx context.Context, with map[string]string, export func(string, string)) error {
				c, err := assume(ctx, with["role-to-assume"], p.issuer.token(t, subject, nil))
				if err != nil {
					return err
				}
				export("AWS_ACCESS_KEY_ID", *c.AccessKeyId)
				export("AWS_SECRET_ACCESS_KEY", *c.SecretAccessKey)
				export("AWS_SESSION_TOKEN", *c.SessionToken)
				export("AWS_REGION", with["aws-region"])
				t.Cleanup(func() {
					if s := p.said.String(); strings.Contains(s, *c.SecretAccessKey) || strings.Contains(s, *c.SessionToken) {
						t.Errorf("%s printed its credentials", file)
					}
				})
				return nil
			},
			"actions/upload-artifact": func(_ context.Context, with map[string]string, _ func(string, string)) error {
				return os.CopyFS(filepath.Join(p.artifacts, id, with["name"]), os.DirFS(filepath.Join(dir, with["path"])))
			},
			"actions/download-artifact": func(_ context.Context, with map[string]string, _ func(string, string)) error {
				return os.CopyFS(filepath.Join(dir, with["path"]), os.DirFS(filepath.Join(p.artifacts, with["run-id"], with["name"])))
			},
		},
	}
	start := time.Now()
	res, err := r.Job(t.Context(), w, job)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range res.Steps {
		if s.Took > time.Second {
			t.Logf("%s %s: %s", file, s.Name, s.Took.Round(100*time.Millisecond))
		}
	}
	t.Logf("%s of a %s: %s", file, e.name, time.Since(start).Round(time.Second))
	if left, _ := os.ReadDir(filepath.Join(dir, ".grocery")); file == "cd.yaml" && len(left) > 0 {
		t.Errorf("CD left %v", left)
	}
	return res, id
}

// present stands in for the actions that install a tool: it has to be here.
func present(tool string) workflow.Action {
	return func(context.Context, map[string]string, func(string, string)) error {
		_, err := exec.LookPath(tool)
		return err
	}
}

// environ is the environment of a runner: this machine's, with the local AWS
// in the place of AWS, and nothing of the administrator's.
func (p *pipeline) environ() []string {
	env := slices.DeleteFunc(os.Environ(), func(kv string) bool {
		return strings.HasPrefix(kv, "AWS_") || strings.HasPrefix(kv, "GROCERY_") || strings.HasPrefix(kv, "TF_VAR_")
	})
	proxy := fmt.Sprintf("http://127.0.0.1:%d", localaws.ProxyPort+portOffset)
	return append(env, "HTTPS_PROXY="+proxy, "https_proxy="+proxy, "NO_PROXY=", "no_proxy=", "AWS_CA_BUNDLE="+filepath.Join(shared.home, "ca.pem"),
		"AWS_EC2_METADATA_DISABLED=true", "AWS_CONFIG_FILE="+os.DevNull, "AWS_SHARED_CREDENTIALS_FILE="+os.DevNull,
		"GROCERY_URL="+shared.url, "GROCERY_BUILD_ARGS=NGINX_IMAGE=grocery/nginx")
}

// world is what a run must not change when it is to change nothing.
type world struct {
	Serial    int64
	Lock      string
	Templates string
	Version   string
	Images    map[string]string // digest by tag
	Instances []string
}

func look(t *testing.T) world {
	t.Helper()
	ask := func(args ...string) string {
		out, err := shared.aws(t, nil, args...)
		if err != nil {
			t.Fatalf("%v: %v %s", args, err, out)
		}
		return out
	}
	w := world{Version: imageTag(t), Images: map[string]string{}}
	var state struct{ Serial int64 }
	if err := json.Unmarshal([]byte(ask("s3", "cp", "--quiet", "s3://grocery-tfstate-"+account+"-"+region+"/grocery/dev/terraform.tfstate", "-")), &state); err != nil {
		t.Fatal(err)
	}
	w.Serial = state.Serial
	w.Lock = ask("dynamodb", "scan", "--table-name", "grocery-tfstate-lock", "--query", "Items[?Info]", "--output", "json")
	w.Templates = ask("ec2", "describe-launch-templates", "--query", "LaunchTemplates[].LatestVersionNumber", "--output", "text")
	for line := range strings.Lines(ask("ecr", "list-images", "--repository-name", "grocery-app", "--query", "imageIds[?imageTag].[imageTag,imageDigest]", "--output", "text")) {
		f := strings.Fields(line)
		w.Images[f[0]] = f[1]
	}
	ids, _ := instances(t)
	w.Instances = slices.Sorted(maps.Keys(ids))
	return w
}

// pushToMain is a push, and what CD is told when its CI has ended.
func pushToMain(sha string) event { return event{name: "push", ref: "refs/heads/main", sha: sha} }

func afterCI(sha, run string) event {
	// By now main is elsewhere: only head_sha names what CI saw.
	return event{name: "workflow_run", ref: "refs/heads/main", sha: "0000000000000000000000000000000000000000", more: map[string]any{"workflow_run": map[string]any{
		"id": run, "conclusion": "success", "event": "push", "head_branch": "main", "head_sha": sha, "head_repository": map[string]any{"full_name": repository},
	}}}
}

// runPipeline is the story of a change, from a pull request to the instances.
func runPipeline(t *testing.T) {
	p := newPipeline(t)
	t.Run("tokens are believed only as far as they go", func(t *testing.T) { p.tokens(t) })

	before := look(t)
	sha := p.commitBackend(t)
	if !t.Run("a pull request is planned and changes nothing", func(t *testing.T) { p.pullRequest(t, sha, before) }) {
		t.FailNow() // the rest would fail of the same
	}
	t.Run("a push that nobody planned stops", func(t *testing.T) {
		res, _ := p.run(t, "cd.yaml", "deploy", afterCI(sha, "none"))
		if err := res.Err(); err == nil || !strings.Contains(err.Error(), "Fetch the reviewed plan") {
			t.Errorf("it ended with %v", err)
		}
		if now := look(t); !reflect.DeepEqual(now, before) {
			t.Errorf("it changed\n%+v\nto\n%+v", before, now)
		}
	})
	if !t.Run("a push is released and no request is lost", func(t *testing.T) { p.push(t, sha, before) }) {
		t.FailNow()
	}
	t.Run("deploying a commit again changes nothing", func(t *testing.T) {
		before := look(t)
		p.deploy(t, sha)
		if now := look(t); !reflect.DeepEqual(now, before) {
			t.Errorf("it changed\n%+v\nto\n%+v", before, now)
		}
	})
	t.Run("what somebody changes by hand is found the next night", func(t *testing.T) { p.drift(t, sha) })
}

func (p *pipeline) tokens(t *testing.T) {
	forger := newIssuer(t)
	on := func(subject string) string { return p.issuer.token(t, subject, nil) }
	with := func(claim string, value any) string {
		return p.issuer.token(t, "repo:"+repository+":pull_request", func(c jwt.MapClaims) { c[claim] = value })
	}
	impostor := &issuer{forger.key, p.issuer.id} // names a key that is published
	for _, c := range []struct {
		rule, role, token, code string
	}{
		{"a pull request plans", "plan", on("repo:" + repository + ":pull_request"), ""},
		{"by immutable ids too", "plan", on("repo:" + repositoryID + ":pull_request"), ""},
		{"main plans", "plan", on("repo:" + repositoryID + ":ref:refs/heads/main"), ""},
		{"main looks for drift", "drift", on("repo:" + repository + ":ref:refs/heads/main"), ""},
		{"an environment's job applies", "apply", on("repo:" + repository + ":environment:dev"), ""},
		{"by immutable ids too", "apply", on("repo:" + repositoryID + ":environment:dev"), ""},
		{"a pull request does not apply", "apply", on("repo:" + repository + ":pull_request"), "AccessDenied"},
		{"a pull request reads no secret", "drift", on("repo:" + repository + ":pull_request"), "AccessDenied"},
		{"main does not apply", "apply", on("repo:" + repository + ":ref:refs/heads/main"), "AccessDenied"},
		{"another environment", "apply", on("repo:" + repository + ":environment:prod"), "AccessDenied"},
		{"another branch", "plan", on("repo:" + repository + ":ref:refs/heads/x"), "AccessDenied"},
		{"another repository", "plan", on("repo:octo-org/other:pull_request"), "AccessDenied"},
		{"the name taken over by somebody else", "plan", on("repo:octo-org@9/grocery@2:pull_request"), "AccessDenied"},
		{"another key", "plan", forger.token(t, "repo:"+repository+":pull_request", nil), "InvalidIdentityToken"},
		{"another key under a known name", "plan", impostor.token(t, "repo:"+repository+":pull_request", nil), "InvalidIdentityToken"},
		{"another audience", "plan", with("aud", "https://github.com/octo-org"), "InvalidIdentityToken"},
		{"another issuer", "plan", with("iss", "https://issuer.example"), "InvalidIdentityToken"},
		{"expired", "plan", with("exp", time.Now().Add(-time.Hour).Unix()), "ExpiredTokenException"},
		{"not valid yet", "plan", with("nbf", time.Now().Add(time.Hour).Unix()), "InvalidIdentityToken"},
	} {
		_, err := assume(t.Context(), roleARN(c.role), c.token)
		if got := code(err); got != c.code {
			t.Errorf("%s, %s role: %q (%v), want %q", c.rule, c.role, got, err, c.code)
		}
	}
}

// code is AWS's name of an error.
func code(err error) string {
	var api interface{ ErrorCode() string }
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

func (p *pipeline) pullRequest(t *testing.T, sha string, before world) {
	res, run := p.run(t, "ci.yaml", "plan", event{name: "pull_request", ref: "refs/pull/1/merge", sha: sha, more: map[string]any{
		"pull_request": map[string]any{"head": map[string]any{"repo": map[string]any{"full_name": repository}}},
	}})
	if err := res.Err(); err != nil {
		t.Fatal(err)
	}
	if now := look(t); !reflect.DeepEqual(now, before) {
		t.Errorf("it changed\n%+v\nto\n%+v", before, now)
	}
	if !strings.Contains(res.Summary, "aws_launch_template") {
		t.Errorf("the summary does not show the plan: %.300s", res.Summary)
	}
	raw, err := os.ReadFile(filepath.Join(p.artifacts, run, "plan", "plan.json"))
	var plan struct {
		Commit  string
		Tag     string `json:"image_tag"`
		Serial  int64
		Changes []struct{ Address string }
	}
	if err != nil || json.Unmarshal(raw, &plan) != nil {
		t.Fatal(err, string(raw))
	}
	if plan.Commit != sha || plan.Tag != sha[:12] || plan.Serial != before.Serial || len(plan.Changes) == 0 {
		t.Errorf("the plan is bound to %+v, want commit %s, serial %d", plan, sha, before.Serial)
	}
	text, err := os.ReadFile(filepath.Join(p.artifacts, run, "plan", "plan.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"grocery-dev/db", "grocery-dev/app"} {
		secret, err := shared.aws(t, nil, "secretsmanager", "get-secret-value", "--secret-id", id, "--query", "SecretString", "--output", "text")
		var values map[string]string
		if err != nil || json.Unmarshal([]byte(secret), &values) != nil {
			t.Fatal(err)
		}
		for name, value := range values {
			if name != "username" && bytes.Contains(slices.Concat(raw, text, p.said.Bytes()), []byte(value)) {
				t.Errorf("%s of %s stands in the artifact or the log", name, id)
			}
		}
	}
}

// deploy runs CI's plan and CD for a commit of main.
func (p *pipeline) deploy(t *testing.T, sha string) *workflow.Result {
	t.Helper()
	planned, run := p.run(t, "ci.yaml", "plan", pushToMain(sha))
	if err := planned.Err(); err != nil {
		t.Fatal(err)
	}
	res, _ := p.run(t, "cd.yaml", "deploy", afterCI(sha, run))
	if err := res.Err(); err != nil {
		t.Fatal(err)
	}
	return res
}

// Limits of a warm machine.
const (
	releasedWithin = 8 * time.Minute // from the commit, CI's own tests apart
	releaseWithin  = 3 * time.Minute // the release alone
)

func (p *pipeline) push(t *testing.T, sha string, before world) {
	l := startLoad(t, 100)
	start := time.Now()
	said := p.said.Len()
	res := p.deploy(t, sha)
	total, release := time.Since(start), res.Took("Release")
	l.end(t)
	t.Logf("from commit to released: %s, of that the release: %s", total.Round(time.Second), release.Round(time.Second))
	if total > releasedWithin || release > releaseWithin {
		t.Errorf("commit to released took %s, want at most %s; the release %s, want at most %s", total, releasedWithin, release, releaseWithin)
	}

	tag := sha[:12]
	now := look(t)
	if now.Version != tag || !strings.Contains(res.Summary, tag) {
		t.Errorf("the balancer leads to %s, the summary says %q, want %s", now.Version, res.Summary, tag)
	}
	for _, half := range []string{"backend", "frontend"} {
		if now.Images[half+"-latest"] != now.Images[half+"-"+tag] || now.Images[half+"-"+tag] == "" {
			t.Errorf("%s-latest is %s, %s-%s is %s", half, now.Images[half+"-latest"], half, tag, now.Images[half+"-"+tag])
		}
	}
	if was := before.Images["backend-"+before.Version]; was == now.Images["backend-"+tag] {
		t.Error("the backend's image is the one before: the change is not in it")
	}
	if was := before.Images["frontend-"+before.Version]; was != now.Images["frontend-"+tag] {
		t.Errorf("the frontend did not change, and its image went from %s to %s", was, now.Images["frontend-"+tag])
	}
	if log := p.said.String()[said:]; !strings.Contains(log, "done  build backend") || strings.Contains(log, "done  build frontend") {
		t.Error("not the backend alone was built")
	}

	// Every instance runs it, once those before have answered their last
	// requests and left, and each of many requests meets it.
	eventually(t, 2*time.Minute, "only instances of the new version", func() error {
		ids, _ := instances(t)
		for id, c := range ids {
			if slices.Contains(before.Instances, id) {
				return fmt.Errorf("instance %s is still there", id)
			}
			out, err := inside(t, c, "docker ps --format '{{.Image}}' | sort")
			if err != nil || !strings.Contains(out, ":backend-"+tag) || !strings.Contains(out, ":frontend-"+tag) {
				return fmt.Errorf("instance %s runs %v %s", id, err, out)
			}
		}
		if len(ids) != len(before.Instances) {
			return fmt.Errorf("%d instances, and %d before", len(ids), len(before.Instances))
		}
		return nil
	})
	for range 20 {
		if v := imageTag(t); v != tag {
			t.Errorf("a request met version %s", v)
		}
	}
}

func (p *pipeline) drift(t *testing.T, sha string) {
	night := event{name: "schedule", ref: "refs/heads/main", sha: sha}
	res, _ := p.run(t, "drift.yaml", "drift", night)
	if err := res.Err(); err != nil {
		t.Errorf("drift after a deployment: %v\n%s", err, res.Summary)
	}
	resize := func(to string) {
		if out, err := shared.aws(t, nil, "autoscaling", "update-auto-scaling-group", "--auto-scaling-group-name", "grocery-dev-asg", "--max-size", to); err != nil {
			t.Fatal(err, out)
		}
	}
	resize("5")
	defer resize("4")
	res, _ = p.run(t, "drift.yaml", "drift", night)
	if err := res.Err(); err == nil || !strings.Contains(res.Summary, "max_size") {
		t.Errorf("a group made larger by hand: %v\n%s", err, res.Summary)
	}
}
