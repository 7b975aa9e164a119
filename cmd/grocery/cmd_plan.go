package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"grocery/ops"
)

type planOptions struct {
	ops.PlanOptions
	detailed bool
}

func newPlanCommand(g *globals) *cobra.Command {
	o := &planOptions{}
	c := &cobra.Command{
		Use:   "plan",
		Short: "Show what an apply would change, and keep it for review",
		Long: `Show what an apply of everything would change; change nothing, and take no lock.
With --out the plan is written for review: plan.txt for people, plan.json for
grocery apply --reviewed. Neither holds a secret: sensitive values are left out
of the text, all values out of the JSON, which is bound to the commit, the
state's lineage and its serial.

Exit codes: 0 planned; 1 it could not be planned; 2 wrong command line, or, with
--detailed-exitcode, there are changes.`,
		Example: `  grocery plan
  grocery plan --out plan                             # and later: grocery apply --phase 2 --reviewed plan/plan.json
  grocery plan --read-only --on aws                   # with a role that may read no secret
  grocery plan --detailed-exitcode || echo "it drifted"`,
		RunE: func(c *cobra.Command, _ []string) error { return runPlan(c.Context(), g, o) },
	}
	c.Flags().StringVar(&o.Out, "out", "", "folder to write plan.txt and plan.json to")
	c.Flags().BoolVar(&o.ReadOnly, "read-only", false, "compare with the state alone, not with what is there: for a role that may not read secrets")
	c.Flags().BoolVar(&o.detailed, "detailed-exitcode", false, "end with 2 when there are changes")
	g.addImageTag(c.Flags())
	return c
}

func runPlan(ctx context.Context, g *globals, o *planOptions) error {
	p := newProgress(g.json)
	defer p.close()
	e, err := g.environment(p)
	if err != nil {
		return err
	}
	plan, err := e.Plan(ctx, o.PlanOptions)
	if err != nil {
		return err
	}
	text := strings.TrimRight(plan.Text, "\n")
	if o.Out != "" {
		text = fmt.Sprintf("%s: see plan.txt in %s", plan.Summary, o.Out)
	}
	if err := g.printResult(p, plan, text); err != nil {
		return err
	}
	if o.detailed && plan.Changed {
		return &exitError{code: exitChanges}
	}
	return nil
}
