package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
)

func newDeployCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "deploy",
		Short: "Bring the environment to the sources and settings as they are",
		Long: `Bring the environment to the sources and settings as they are: bootstrap if
absent, build the images while phase 1 is applied, push what is missing, phase
2, release, and a check over HTTP. Interrupted, it continues when run again.`,
		RunE: func(c *cobra.Command, _ []string) error { return runDeploy(c.Context(), g) },
	}
}

func runDeploy(ctx context.Context, g *globals) error {
	p := newProgress(g.json)
	defer p.close()
	e, err := g.environment(p)
	if err != nil {
		return err
	}
	start := time.Now()
	d, err := e.Deploy(ctx)
	if err != nil {
		return err
	}
	p.close()
	if g.json {
		return printJSON(d)
	}
	fmt.Printf("\nThe shop is at %s  (image tag %s, %s)\n", d.URL, d.ImageTag, round(time.Since(start)))
	return nil
}
