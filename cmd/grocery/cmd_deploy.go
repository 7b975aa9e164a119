package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"
)

func newDeployCommand(g *globals) *cobra.Command {
	initial := ""
	c := &cobra.Command{
		Use:   "deploy",
		Short: "Bring the environment to the sources and settings as they are",
		Long: `Bring the environment to the sources and settings as they are: bootstrap if
absent, build the images while phase 1 is applied, push what is missing, phase
2, the data to begin with, release, and a check over HTTP. Interrupted, it
continues when run again.

A dump that lies under db-dumps/initial.dump of the environment's bucket, or
that --initial-dump names, fills the database in the place of the built-in
catalogue, unless the shop has been used before: by a user, an order or a
restore.`,
		RunE: func(c *cobra.Command, _ []string) error { return runDeploy(c.Context(), g, initial) },
	}
	addInitialDump(c, &initial)
	g.addImageTag(c.Flags())
	return c
}

// addInitialDump adds the flag of that name.
func addInitialDump(c *cobra.Command, file *string) {
	c.Flags().StringVar(file, "initial-dump", "", "file of a dump that fills a database nobody has used yet")
}

func runDeploy(ctx context.Context, g *globals, initial string) error {
	p := newProgress(g.json)
	defer p.close()
	e, err := g.environment(p)
	if err != nil {
		return err
	}
	e.InitialDump = initial
	if initial != "" { // before an hour's work
		if _, err := os.Stat(initial); err != nil {
			return &exitError{exitUsage, fmt.Errorf("--initial-dump: %w", err)}
		}
	}
	start := time.Now()
	d, err := e.Deploy(ctx)
	if err != nil {
		return err
	}
	return g.printResult(p, d, fmt.Sprintf("\nThe shop is at %s  (image tag %s, %s)", d.URL, d.ImageTag, round(time.Since(start))))
}
