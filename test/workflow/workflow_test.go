package workflow_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"grocery/test/workflow"
)

func TestExpressions(t *testing.T) {
	scope := workflow.Scope{Contexts: map[string]any{
		"vars":   map[string]string{"ROLE": "arn"},
		"inputs": map[string]any{},
		"github": map[string]any{"event_name": "push", "event": map[string]any{"run": map[string]any{"ok": true}}},
	}}
	for text, want := range map[string]any{
		`'it''s'`:                       "it's",
		`vars.ROLE != ''`:               true,
		`vars.NONE != ''`:               false,
		`vars.NONE == null`:             true,
		`github.event.none.deeper`:      nil,
		`inputs.x || 'dev'`:             "dev",
		`github.event.run.ok && 'a'`:    "a",
		`github.event_name == 'PUSH'`:   true,
		`!(true && false) || false`:     true,
		`true || false && false`:        true,
		`1 == '1'`:                      true,
		`success() && !failure()`:       true,
		`'a' == 'b' == false`:           true,
		`github.event_name != 'pull_x'`: true,
	} {
		if got, err := scope.Eval(text); err != nil || got != want {
			t.Errorf("%s is %v (%v), want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "secrets.X", "toJSON(github)", "hashFiles('x')", "1 +", "(true", "'open", "true false", "a..b", "vars.ROLE.more", "github.event_name ==", "."} {
		if got, err := scope.Eval(text); err == nil {
			t.Errorf("%q is %v, want an error", text, got)
		}
	}
}

func TestAConditionWithoutAStatusHoldsUntilAFailure(t *testing.T) {
	contexts := map[string]any{"vars": map[string]string{}}
	for _, c := range []struct {
		condition       string
		before, failing bool
	}{
		{"", true, false},
		{"true", true, false},
		{"${{ true }}", true, false},
		{"always()", true, true},
		{"failure() || cancelled()", false, true},
		{"success()", true, false},
		{"vars.X == 'y'", false, false},
	} {
		for failed, want := range map[bool]bool{false: c.before, true: c.failing} {
			if got, err := (workflow.Scope{Contexts: contexts, Failed: failed}).If(c.condition); err != nil || got != want {
				t.Errorf("if: %q with failed %v is %v (%v), want %v", c.condition, failed, got, err, want)
			}
		}
	}
}

const head = "name: x\non:\n  pull_request:\ndefaults:\n  run:\n    shell: bash\njobs:\n  j:\n    runs-on: here\n"

func TestUnknownKeysAreRefused(t *testing.T) {
	for rule, text := range map[string]string{
		"of a step":              head + "    steps:\n      - run: ok\n        continue-on-error: true\n",
		"of a job":               head + "    strategy: {}\n    steps:\n      - run: ok\n",
		"of an event":            strings.Replace(head, "pull_request:", "push: {tags: [v1]}", 1) + "    steps:\n      - run: ok\n",
		"an event":               strings.Replace(head, "pull_request:", "pull_request_target:", 1) + "    steps:\n      - run: ok\n",
		"a step of both kinds":   head + "    steps:\n      - run: ok\n        uses: a/b@c\n",
		"a step of neither kind": head + "    steps:\n      - name: nothing\n",
	} {
		if _, err := workflow.Parse(text); err == nil {
			t.Errorf("%s: it was taken", rule)
		}
	}
}

func TestStepsRunInOrderWithWhatEarlierOnesExported(t *testing.T) {
	w, err := workflow.Parse(head + `    env:
      FROM_JOB: ${{ vars.V }}
    steps:
      - name: action
        id: first
        uses: some/action@1
        with:
          x: a-${{ vars.V }}
      - name: export
        run: echo "TAG=t1" >> "$GITHUB_ENV"
      - name: use
        env:
          OWN: mine
        run: echo "$FROM_JOB $GIVEN $TAG $OWN" | tee -a "$GITHUB_STEP_SUMMARY"
      - name: pipe
        run: |
          false | cat
          echo not reached
      - name: skipped
        run: echo not reached either
      - name: repair
        if: failure() && steps.first.outcome == 'success' && steps.none.outcome != 'success'
        run: echo "repaired ${OWN:-without OWN}"
      - name: clean
        if: always()
        run: echo cleaned
`)
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	r := &workflow.Runner{Dir: t.TempDir(), Env: []string{"PATH=" + os.Getenv("PATH")}, Log: &log, Contexts: map[string]any{"vars": map[string]string{"V": "v"}},
		Actions: map[string]workflow.Action{"some/action": func(_ context.Context, with map[string]string, export func(name, value string)) error {
			if with["x"] != "a-v" {
				return errors.New(with["x"])
			}
			export("GIVEN", "given")
			return nil
		}}}
	res, err := r.Job(t.Context(), w, "j")
	if err != nil {
		t.Fatal(err)
	}
	if want := "v given t1 mine\nrepaired without OWN\ncleaned\n"; log.String() != want {
		t.Errorf("printed %q, want %q", log.String(), want)
	}
	if res.Summary != "v given t1 mine\n" {
		t.Errorf("summary %q", res.Summary)
	}
	if err := res.Err(); err == nil || !strings.Contains(err.Error(), `"pipe"`) {
		t.Errorf("a failing pipe is %v", err)
	}
	if !res.Steps[4].Skipped {
		t.Error("a step after a failure ran")
	}
}

func TestWhatIsNotUnderstoodStopsTheRun(t *testing.T) {
	for rule, text := range map[string]string{
		"an action nobody stands in for": head + "    steps:\n      - uses: a/b@c\n",
		"an expression in a script":      head + "    steps:\n      - run: echo ${{ vars.X }}\n",
		"an unknown context":             head + "    steps:\n      - run: echo\n        if: secrets.X\n",
		"a shell without pipefail":       strings.Replace(head, "shell: bash", "shell: sh", 1) + "    steps:\n      - run: echo\n",
		"an export that is no line":      head + "    steps:\n      - run: echo 'X<<EOF' >> \"$GITHUB_ENV\"\n",
	} {
		w, err := workflow.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		r := &workflow.Runner{Dir: t.TempDir(), Env: []string{"PATH=" + os.Getenv("PATH")}, Log: &bytes.Buffer{}, Contexts: map[string]any{"vars": map[string]string{}}}
		if _, err := r.Job(t.Context(), w, "j"); err == nil {
			t.Errorf("%s: it was run", rule)
		}
	}
}

func TestAJobWhoseConditionDoesNotHoldIsSkipped(t *testing.T) {
	w, err := workflow.Parse(head + "    if: vars.X != ''\n    steps:\n      - run: echo\n")
	if err != nil {
		t.Fatal(err)
	}
	res, err := (&workflow.Runner{Dir: t.TempDir(), Contexts: map[string]any{"vars": map[string]string{}}}).Job(t.Context(), w, "j")
	if err != nil || !res.Skipped || len(res.Steps) != 0 {
		t.Errorf("%+v %v", res, err)
	}
}
