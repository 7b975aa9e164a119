package main

import (
	"context"

	"github.com/spf13/cobra"
)

func newReleaseCommand(g *globals) *cobra.Command {
	to := ""
	c := &cobra.Command{
		Use:   "release",
		Short: "Bring the instances to the newest launch template version, or back where it fails",
		Long: `Bring the instances to the newest launch template version that an apply made,
or to the one named: an instance refresh that starts new instances beside the
old ones and takes an old one away, drained, once a new one serves. Where new
instances do not come up, or an alarm of the output release_alarm_names starts,
AWS goes back to the version before, and the command ends with 1 and the reason.

Interrupted, the release goes on by itself; run again, the command follows it.`,
		Example: `  grocery release
  grocery release --to 7`,
		RunE: func(c *cobra.Command, _ []string) error { return runRelease(c.Context(), g, to) },
	}
	c.Flags().StringVar(&to, "to", "", "launch template version (default: the newest)")
	return c
}

func runRelease(ctx context.Context, g *globals, to string) error {
	p := newProgress(g.json)
	defer p.close()
	e, err := g.environment(p)
	if err != nil {
		return err
	}
	out, err := e.Release(ctx, to)
	if err != nil {
		return err
	}
	return g.printResult(p, out, "The instances run launch template version "+out.Version+".")
}
