package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
)

func newRollbackCommand(g *globals) *cobra.Command {
	to := ""
	c := &cobra.Command{
		Use:   "rollback",
		Short: "Go back to the image tag that ran before, or to the one named",
		Long: `Go back to the image tag that ran before, or to the one named: the rolling
aliases are moved, all is applied with that tag, and released. Images must still
be in the registry. Run twice, it comes back to where it began. Infrastructure
stays as the Terraform here describes it, and data stays as it is.

A release that fails goes back by itself; this is for one that did not.

Exit codes: 0 the version runs; 1 there is none, the registry lacks it, or its
release failed; 2 wrong command line; 130 interrupted (run it again with --to).`,
		Example: `  grocery rollback
  grocery rollback --to 3f2a9c1d4b5e`,
		RunE: func(c *cobra.Command, _ []string) error { return runRollback(c.Context(), g, to) },
	}
	c.Flags().StringVar(&to, "to", "", "image tag (default: the one that ran before)")
	return c
}

func runRollback(ctx context.Context, g *globals, to string) error {
	p := newProgress(g.json)
	defer p.close()
	e, err := g.environment(p)
	if err != nil {
		return err
	}
	out, err := e.Rollback(ctx, to)
	if err != nil {
		return err
	}
	return g.printResult(p, out, fmt.Sprintf("Image tag %s runs at %s.", out.ImageTag, out.URL))
}
