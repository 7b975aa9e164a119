package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"grocery/localaws/setup"
	"grocery/ops"
)

// story is a run with all kinds of events.
var story = []ops.Event{
	{Step: "bootstrap", State: ops.Started},
	{Step: "bootstrap", State: ops.Skipped, Detail: "the state bucket is there", Took: 40 * time.Millisecond},
	{Step: "phase 1", State: ops.Started},
	{Step: "build backend", State: ops.Started},
	{Step: "phase 1", State: ops.Info, Detail: "aws_vpc.this: Creation complete"},
	{Step: "build backend", State: ops.Done, Took: 2340 * time.Millisecond},
	{Step: "phase 1", State: ops.Failed, Took: 83*time.Second + 400*time.Millisecond, Err: errors.New("phase 1: <no> & space")},
}

func TestProgressIsPlainLinesWhereThereIsNoTerminal(t *testing.T) {
	var out bytes.Buffer
	p := &progress{out: &out}
	for _, e := range story {
		p.report(e)
	}
	p.close()
	want := `  ...  bootstrap
    0s  skip  bootstrap: the state bucket is there
  ...  phase 1
  ...  build backend
       phase 1: aws_vpc.this: Creation complete
  2.3s  done  build backend
 1m23s  FAIL  phase 1
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}

func TestProgressIsAnObjectALineWithJSON(t *testing.T) {
	stdout, stderr := output(t, func() {
		p := newProgress(true)
		for _, e := range story {
			p.report(e)
		}
		p.close()
	})
	if stderr != "" {
		t.Errorf("on the standard error: %q", stderr)
	}
	lines := strings.Split(strings.TrimSuffix(stdout, "\n"), "\n")
	if len(lines) != len(story) {
		t.Fatalf("%d lines for %d events", len(lines), len(story))
	}
	for i, line := range lines {
		var got struct {
			Step, State, Detail, Error string
			Seconds                    float64
		}
		d := json.NewDecoder(strings.NewReader(line))
		d.DisallowUnknownFields()
		if err := d.Decode(&got); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		e := story[i]
		if got.Step != e.Step || got.State != string(e.State) || got.Detail != e.Detail || got.Seconds != e.Took.Seconds() || (got.Error != "") != (e.Err != nil) || e.Err != nil && got.Error != e.Err.Error() {
			t.Errorf("%s for %+v", line, e)
		}
	}
}

func TestProgressOnATerminalShowsAllRunningStepsInOneLine(t *testing.T) {
	var out bytes.Buffer
	p := &progress{out: &out, terminal: true}
	last := func() string {
		parts := strings.Split(out.String(), "\r\033[K")
		return parts[len(parts)-1]
	}
	for _, e := range story[:5] {
		p.report(e)
	}
	if line := last(); !strings.Contains(line, "phase 1  (aws_vpc.this: Creation complete)") || !strings.Contains(line, "build backend") || strings.Contains(line, "bootstrap") || strings.Contains(line, "\n") {
		t.Errorf("%q", line)
	}
	p.report(ops.Event{Step: "phase 1", State: ops.Info, Detail: strings.Repeat("ä", 200)})
	if line := last(); len([]rune(line)) > 100 || !strings.HasSuffix(line, "…") {
		t.Errorf("%d signs: a longer line than a terminal's cannot be cleared", len([]rune(line)))
	}
	for _, e := range story[5:] {
		p.report(e)
	}
	if line := last(); line != " 1m23s  FAIL  phase 1\n" {
		t.Errorf("%q", line)
	}
	p.close()
	if line := last(); line != "" {
		t.Errorf("left on the terminal: %q", line)
	}
}

func TestOwnStepsReportLikeThoseOfOps(t *testing.T) {
	var out bytes.Buffer
	p := &progress{out: &out}
	failed := errors.New("no space")
	for _, test := range []struct {
		skip string
		err  error
		want string
	}{
		{"", nil, "done  start"},
		{"it runs", nil, "skip  start: it runs"},
		{"", failed, "FAIL  start"},
	} {
		out.Reset()
		err := p.step("start", func() (string, error) { return test.skip, test.err })
		if !errors.Is(err, test.err) || test.err != nil && err.Error() != "start: no space" {
			t.Errorf("error %v", err)
		}
		if !strings.HasSuffix(out.String(), test.want+"\n") {
			t.Errorf("%q, want %q at its end", out.String(), test.want)
		}
	}
}

func TestSetupsEventsAreShownLikeThoseOfOps(t *testing.T) {
	failed := errors.New("no network")
	for _, test := range []struct {
		event setup.Event
		want  ops.State
	}{
		{setup.Event{Step: "packages"}, ops.Started},
		{setup.Event{Step: "packages", Detail: "docker.io"}, ops.Info},
		{setup.Event{Step: "packages", Done: true}, ops.Done},
		{setup.Event{Step: "packages", Done: true, Skipped: true}, ops.Skipped},
		{setup.Event{Step: "packages", Done: true, Err: failed}, ops.Failed},
	} {
		if got := setupEvent(test.event); got.State != test.want || got.Step != "set-up: packages" || got.Err != test.event.Err {
			t.Errorf("%+v is %+v", test.event, got)
		}
	}
}

func TestStatusShowsAMissingLagAsSuch(t *testing.T) {
	lag := 0.25
	stdout, _ := output(t, func() {
		err := printStatus(&ops.Status{URL: "http://shop", Page: "ok", Version: "abc",
			Instances: []ops.InstanceStatus{{ID: "i-1", Zone: "a", Address: "10.0.0.1", Lifecycle: "InService", Health: "Healthy", LaunchTemplateVersion: "3", Targets: map[string]string{"frontend": "healthy", "backend": "unhealthy Target.Timeout"}}},
			Databases: []ops.DatabaseStatus{{ID: "p", Role: "primary", Status: "available"}, {ID: "r", Role: "replica", Status: "available", LagSeconds: &lag}}})
		if err != nil {
			t.Error(err)
		}
	})
	for _, want := range []string{"http://shop", "backend=unhealthy Target.Timeout frontend=healthy", "0.2 s"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("lacks %q:\n%s", want, stdout)
		}
	}
	for line := range strings.Lines(stdout) {
		if f := strings.Fields(line); len(f) > 4 && f[1] == "primary" && f[3] != "-" && f[4] != "-" {
			t.Errorf("%q", line)
		}
	}
}
