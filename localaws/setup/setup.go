package setup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync"
	"time"
)

// Options say what to set up.
type Options struct {
	// Home is the state folder: the engine's log and the built tools go there.
	Home string
	// Source is the root of this repository; guest and tools are built from it.
	Source string
	// Out receives a line for each step that does something; nil is silent.
	Out io.Writer
	// Observe, when set, is told of each step as it begins and ends.
	Observe func(Event)
	// Packages are further commands that have to be there, and the Debian
	// packages that bring them, e.g. "chromium": "chromium".
	Packages map[string]string
	// SkipImages leaves the images out: packages and engine only.
	SkipImages bool
}

// Event is the beginning or the end of a step.
type Event struct {
	Step     string // e.g. "image grocery/postgres"
	Done     bool
	Skipped  bool // it was in place already
	Err      error
	Duration time.Duration
	Detail   string // what is done, or what was found
}

// Result says what is there after a run.
type Result struct {
	EngineStarted bool              // by this or an earlier run of ours
	Images        map[string]string // alias -> the tag by content
	ComposePlugin string            // path of the plugin on this machine
	Events        []Event
}

// runner carries one run.
type runner struct {
	o      Options
	mu     sync.Mutex
	events []Event
}

// Run sets the machine up. It is safe to run again at any time; a run that was
// interrupted is continued by the next.
func Run(ctx context.Context, o Options) (Result, error) {
	r := &runner{o: o}
	res := Result{Images: map[string]string{}}
	if err := checkPlatform(); err != nil {
		return res, err
	}
	if err := os.MkdirAll(o.Home, 0o755); err != nil {
		return res, fmt.Errorf("the state folder: %w", err)
	}
	err := r.step("packages", func() (string, bool, error) { return r.installPackages(ctx) })
	if err == nil {
		err = r.step("container engine", func() (string, bool, error) { return r.startEngine(ctx) })
	}
	if err == nil && !o.SkipImages {
		err = r.buildImages(ctx, &res)
	}
	res.EngineStarted = startedByUs(o.Home)
	r.mu.Lock()
	res.Events = r.events
	r.mu.Unlock()
	return res, err
}

func checkPlatform() error {
	if runtime.GOOS != "linux" {
		return errors.New("local AWS runs on Linux only: use a Linux machine or a Linux virtual machine")
	}
	if os.Geteuid() != 0 {
		return errors.New("setting up needs root: run this command with sudo")
	}
	return nil
}

// step runs one step and tells about it. f returns what it did or found, and
// whether there was nothing to do.
func (r *runner) step(name string, f func() (detail string, skipped bool, err error)) error {
	r.tell(Event{Step: name})
	start := time.Now()
	detail, skipped, err := f()
	r.tell(Event{Step: name, Done: true, Skipped: skipped, Err: err, Duration: time.Since(start), Detail: detail})
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// note says what a step is doing.
func (r *runner) note(step, format string, args ...any) {
	r.tell(Event{Step: step, Detail: fmt.Sprintf(format, args...)})
}

func (r *runner) tell(e Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e.Done {
		r.events = append(r.events, e)
	}
	if r.o.Observe != nil {
		r.o.Observe(e)
	}
	if r.o.Out == nil {
		return
	}
	switch {
	case !e.Done && e.Detail != "":
		fmt.Fprintf(r.o.Out, "%s: %s\n", e.Step, e.Detail)
	case e.Done && e.Err != nil:
		fmt.Fprintf(r.o.Out, "%s: failed after %.1f s\n", e.Step, e.Duration.Seconds())
	case e.Done && !e.Skipped:
		fmt.Fprintf(r.o.Out, "%s: %s (%.1f s)\n", e.Step, e.Detail, e.Duration.Seconds())
	}
}
