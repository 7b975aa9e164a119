package main

import (
	"context"

	"github.com/spf13/cobra"
)

func newBootstrapCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "bootstrap",
		Short: "Make the state bucket, the lock table and GitHub's roles, if they are absent",
		RunE:  func(c *cobra.Command, _ []string) error { return runBootstrap(c.Context(), g) },
	}
}

func runBootstrap(ctx context.Context, g *globals) error {
	p := newProgress(g.json)
	defer p.close()
	e, err := g.environment(p)
	if err != nil {
		return err
	}
	return e.Bootstrap(ctx)
}
