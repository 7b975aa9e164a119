package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"
)

type destroyOptions struct{ yes bool }

func newDestroyCommand(g *globals) *cobra.Command {
	o := &destroyOptions{}
	c := &cobra.Command{
		Use:   "destroy",
		Short: "Remove the environment with all its data, and a local AWS with it",
		Long: `Remove the environment with all its data. On the local AWS nothing is left
afterwards: no resource, no container, network or volume, no state. On AWS the
state backend stays, and --yes is needed.`,
		RunE: func(c *cobra.Command, _ []string) error { return runDestroy(c.Context(), g, o) },
	}
	c.Flags().BoolVar(&o.yes, "yes", false, "destroy on AWS without being asked")
	return c
}

func runDestroy(ctx context.Context, g *globals, o *destroyOptions) error {
	if g.on == "aws" && !o.yes {
		return &exitError{exitUsage, errors.New("this removes the environment on AWS with its database and objects: say so with --yes")}
	}
	p := newProgress(g.json)
	defer p.close()
	if err := g.resolve(); err != nil {
		return err
	}
	local := g.local()
	if g.on == "local" && local.deployed() {
		if err := local.start(ctx, p); err != nil {
			return err
		}
		e, err := g.environment(p)
		if err != nil {
			return err
		}
		if err := e.Destroy(ctx, true); err != nil {
			return err
		}
	}
	if g.on == "aws" {
		e, err := g.environment(p)
		if err != nil {
			return err
		}
		return e.Destroy(ctx, false)
	}
	if err := local.purge(ctx, p); err != nil {
		return err
	}
	p.close()
	if !g.json {
		fmt.Fprintln(os.Stderr, "Nothing is left of the local AWS.")
	}
	return nil
}
