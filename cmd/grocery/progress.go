package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"grocery/ops"
)

// progress shows ops's events: on a terminal the running steps with a clock,
// elsewhere a line for each end of a step, with --json an object an event.
type progress struct {
	out      io.Writer
	terminal bool
	json     bool

	mu      sync.Mutex
	running []*running
	totals  []ops.Event
	stop    chan struct{}
}

type running struct {
	step, detail string
	since        time.Time
}

func newProgress(asJSON bool) *progress {
	p := &progress{out: os.Stderr, json: asJSON}
	if fi, err := os.Stderr.Stat(); err == nil && fi.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb" && !asJSON {
		p.terminal = true
		p.stop = make(chan struct{})
		go p.tick(p.stop)
	}
	return p
}

func (p *progress) report(e ops.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.json {
		line := map[string]any{"step": e.Step, "state": e.State}
		if e.Detail != "" {
			line["detail"] = e.Detail
		}
		if e.Took > 0 {
			line["seconds"] = e.Took.Seconds()
		}
		if e.Err != nil {
			line["error"] = e.Err.Error()
		}
		printJSON(line) // a closed standard output ends the program by signal
		return
	}
	p.clear()
	switch e.State {
	case ops.Started:
		p.running = append(p.running, &running{step: e.Step, since: time.Now()})
		if !p.terminal {
			fmt.Fprintf(p.out, "  ...  %s\n", e.Step)
		}
	case ops.Info:
		for _, r := range p.running {
			if r.step == e.Step {
				r.detail = e.Detail
			}
		}
		if !p.terminal {
			fmt.Fprintf(p.out, "       %s: %s\n", e.Step, e.Detail)
		}
	default:
		for i, r := range p.running {
			if r.step == e.Step {
				p.running = append(p.running[:i], p.running[i+1:]...)
				break
			}
		}
		mark := map[ops.State]string{ops.Done: "done", ops.Skipped: "skip", ops.Failed: "FAIL"}[e.State]
		line := fmt.Sprintf("%6s  %s  %s", round(e.Took), mark, e.Step)
		if e.State == ops.Skipped {
			line += ": " + e.Detail
		}
		fmt.Fprintln(p.out, line)
		p.totals = append(p.totals, e)
	}
	p.draw()
}

func round(d time.Duration) string {
	if d < 10*time.Second {
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}

// tick redraws the clocks of a terminal.
func (p *progress) tick(stop <-chan struct{}) {
	t := time.NewTicker(time.Second)
	defer t.Stop()
	for {
		select {
		case <-stop:
			return
		case <-t.C:
			p.mu.Lock()
			p.clear()
			p.draw()
			p.mu.Unlock()
		}
	}
}

// clear removes the line of running steps, draw writes it again.
func (p *progress) clear() {
	if p.terminal {
		fmt.Fprint(p.out, "\r\033[K")
	}
}

func (p *progress) draw() {
	if !p.terminal || len(p.running) == 0 {
		return
	}
	line := ""
	for _, r := range p.running {
		line += fmt.Sprintf("%6s  %s  ", time.Since(r.since).Round(time.Second), r.step)
		if r.detail != "" {
			line += "(" + r.detail + ")  "
		}
	}
	if runes := []rune(line); len(runes) > 100 {
		line = string(runes[:99]) + "…"
	}
	fmt.Fprint(p.out, line)
}

// close ends the display.
func (p *progress) close() {
	if p.stop != nil {
		close(p.stop)
		p.stop = nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
}

// step runs one of the command's own steps and reports it like ops does.
func (p *progress) step(name string, f func() (skip string, err error)) error {
	start := time.Now()
	p.report(ops.Event{Step: name, State: ops.Started})
	skip, err := f()
	e := ops.Event{Step: name, State: ops.Done, Took: time.Since(start), Err: err}
	switch {
	case err != nil:
		e.State, err = ops.Failed, fmt.Errorf("%s: %w", name, err)
	case skip != "":
		e.State, e.Detail = ops.Skipped, skip
	}
	p.report(e)
	return err
}
