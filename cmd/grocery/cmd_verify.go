package main

import (
	"context"

	"github.com/spf13/cobra"
)

func newVerifyCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "verify",
		Short: "Check over HTTP what a shopper needs: page, catalogue, health",
		Long: `Check over HTTP what a shopper needs: the page, the catalogue, and the backend's
health with its database. Each may take up to five minutes to be right. The
address is the balancer's, or GROCERY_URL.`,
		Example: `  grocery verify
  GROCERY_URL=https://shop.example.com grocery verify --on aws`,
		RunE: func(c *cobra.Command, _ []string) error { return runVerify(c.Context(), g) },
	}
}

func runVerify(ctx context.Context, g *globals) error {
	p := newProgress(g.json)
	defer p.close()
	e, err := g.environment(p)
	if err != nil {
		return err
	}
	out, err := e.Verify(ctx)
	if err != nil {
		return err
	}
	return g.printResult(p, out, out.URL+" answers as it should.")
}
