package main

import (
	"context"

	"github.com/spf13/cobra"
)

func newRecoverCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "recover",
		Short: "Put right what an interrupted run left in Terraform's state, and do nothing else",
		Long: `Put right what an interrupted run left in Terraform's state: a lock of yours
whose Terraform is dead is released, a state that could not be written is
pushed. deploy and destroy do this by themselves; it is for those who run
terraform by hand.`,
		RunE: func(c *cobra.Command, _ []string) error { return runRecover(c.Context(), g) },
	}
}

func runRecover(ctx context.Context, g *globals) error {
	p := newProgress(g.json)
	defer p.close()
	e, err := g.environment(p)
	if err != nil {
		return err
	}
	return e.Recover(ctx)
}
