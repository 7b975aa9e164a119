package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"grocery/ops"
)

func newDoctorCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "Find what is wrong, and say what to do",
		Long: `Look at what operations need (programs, settings, credentials, state backend and
its lock) and at what is deployed (images, release, instances, databases,
alarms, the shop), and say of each how it is and what to do. It changes nothing.

Exit codes: 0 all is well; 1 it could not look; 2 wrong command line; 3
something is wrong.`,
		Example: `  grocery doctor
  grocery doctor --json | jq 'select(.ok == false)'`,
		RunE: func(c *cobra.Command, _ []string) error { return runDoctor(c.Context(), g) },
	}
}

func runDoctor(ctx context.Context, g *globals) error {
	p := newProgress(g.json)
	defer p.close()
	e, err := g.environment(p)
	if err != nil {
		return err
	}
	findings, err := e.Doctor(ctx)
	p.close()
	wrong := 0
	for _, f := range findings {
		if !f.OK {
			wrong++
		}
	}
	if showErr := g.showFindings(findings); showErr != nil || err != nil {
		return errors.Join(err, showErr)
	}
	if wrong > 0 {
		return &exitError{exitUnhealthy, fmt.Errorf("%d of %d checks found something wrong", wrong, len(findings))}
	}
	return nil
}

// showFindings prints what was found: a line each, or an object each.
func (g *globals) showFindings(findings []ops.Finding) error {
	if g.json {
		for _, f := range findings {
			if err := printJSON(f); err != nil {
				return err
			}
		}
		return nil
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	for _, f := range findings {
		mark := "ok"
		if !f.OK {
			mark = "WRONG"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", mark, f.Check, f.Says)
		if f.Do != "" {
			fmt.Fprintf(w, "\t\t-> %s\n", f.Do)
		}
	}
	return w.Flush()
}
