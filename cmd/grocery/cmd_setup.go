package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"grocery/localaws/runtime"
	"grocery/localaws/setup"
	"grocery/ops"
)

type setupOptions struct {
	tests bool
	stop  bool
}

func newSetupCommand(g *globals) *cobra.Command {
	o := &setupOptions{}
	c := &cobra.Command{
		Use:   "setup",
		Short: "Install what is missing on this machine and build the base images",
		RunE:  func(c *cobra.Command, _ []string) error { return runSetup(c.Context(), g, o) },
	}
	c.Flags().BoolVar(&o.tests, "tests", false, "also what the tests need (a browser, PostgreSQL, nginx, the AWS CLI, shellcheck)")
	c.Flags().BoolVar(&o.stop, "stop", false, "stop the container engine, if set-up started it")
	return c
}

// testPackages are the commands that tests need, and the Debian packages that
// bring them. PostgreSQL's server programs
// are not on the PATH, so a file stands for them.
var testPackages = map[string]string{
	"chromium":                          "chromium",
	"shellcheck":                        "shellcheck",
	"aws":                               "awscli",
	"curl":                              "curl",
	"nginx":                             "nginx-light",
	"/usr/lib/postgresql/15/bin/initdb": "postgresql-15",
}

// machine is the folder of what set-up makes for this machine, shared by all
// local clouds of the repository.
func (g *globals) machine() string { return filepath.Join(g.root, ".grocery", "machine") }

func runSetup(ctx context.Context, g *globals, o *setupOptions) error {
	if err := g.resolve(); err != nil {
		return err
	}
	p := newProgress(g.json)
	defer p.close()
	if o.stop {
		return p.step("stop the container engine", func() (string, error) {
			stopped, err := setup.Stop(ctx, g.machine())
			if err == nil && !stopped {
				return "set-up did not start one", nil
			}
			return "", err
		})
	}
	var packages map[string]string
	if o.tests {
		packages = testPackages
	}
	_, err := setup.Run(ctx, setup.Options{Home: g.machine(), Source: g.root, Packages: packages, Observe: func(e setup.Event) { p.report(setupEvent(e)) }})
	return err
}

// setupEvent shows a step of set-up like one of ops.
func setupEvent(e setup.Event) ops.Event {
	out := ops.Event{Step: "set-up: " + e.Step, Detail: e.Detail, Took: e.Duration, Err: e.Err}
	switch {
	case !e.Done && e.Detail == "":
		out.State = ops.Started
	case !e.Done:
		out.State = ops.Info
	case e.Err != nil:
		out.State = ops.Failed
	case e.Skipped:
		out.State = ops.Skipped
	default:
		out.State = ops.Done
	}
	return out
}

// stopContainers stops what the local AWS runs. Volumes and state stay.
func (l *local) stopContainers(ctx context.Context, p *progress) error {
	return p.step("stop instances and databases", func() (string, error) {
		rt, err := newRuntime("linux", l.home, nil)
		if err != nil {
			return "", err
		}
		defer rt.Close()
		all, err := rt.ListContainers(ctx)
		if err != nil {
			return "", err
		}
		n := 0
		for _, c := range all {
			if c.State != runtime.Running {
				continue
			}
			if err := rt.StopContainer(ctx, c.Name, 20*time.Second); err != nil {
				return "", fmt.Errorf("stop %s: %w", c.Name, err)
			}
			n++
		}
		if n == 0 {
			return "none runs", nil
		}
		return "", nil
	})
}

// purge stops the local AWS and removes all that it made on this machine.
func (l *local) purge(ctx context.Context, p *progress) error {
	if err := l.stop(ctx, p); err != nil {
		return err
	}
	return p.step("remove containers, networks and state", func() (string, error) {
		rt, err := newRuntime("linux", l.home, nil)
		if err != nil {
			return "", err
		}
		defer rt.Close()
		if err := rt.Check(ctx); err == nil {
			if err := rt.Purge(ctx); err != nil {
				return "", err
			}
		} else if l.deployed() {
			return "", fmt.Errorf("containers and networks cannot be removed now: %w", err)
		}
		for _, name := range []string{"store.db", "blobs", "ca.pem", "ca-key.pem", "credentials", "seal.key", "mailbox", "ops", "localaws.log"} {
			if err := os.RemoveAll(filepath.Join(l.home, name)); err != nil {
				return "", err
			}
		}
		if l.o.Home != filepath.Join(l.root, ".grocery") { // ours alone: nothing of the machine's set-up is in it
			return "", os.RemoveAll(l.home)
		}
		return "", nil
	})
}
