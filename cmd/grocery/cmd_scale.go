package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
)

func newScaleCommand(g *globals) *cobra.Command {
	c := &cobra.Command{
		Use:   "scale N",
		Short: "Change the number of instances and wait until they serve",
		Long: `Change the number of instances: write asg_desired_capacity into the tfvars file
(all else of it stays as it is), apply with the image tag that runs, and wait
until that many serve. The number lies between asg_min_size and asg_max_size.

Exit codes: 0 as many serve; 1 refused or failed; 2 wrong command line; 130
interrupted (run it again to continue).`,
		Example: `  grocery scale 3`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 1 {
				return &exitError{exitUsage, fmt.Errorf("scale takes one number, got %d arguments", len(args))}
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error { return runScale(c.Context(), g, args[0]) },
	}
	g.addImageTag(c.Flags())
	return c
}

func runScale(ctx context.Context, g *globals, number string) error {
	n, err := strconv.Atoi(number)
	if err != nil || n < 0 {
		return &exitError{exitUsage, fmt.Errorf("%q is no number of instances", number)}
	}
	p := newProgress(g.json)
	defer p.close()
	e, err := g.environment(p)
	if err != nil {
		return err
	}
	out, err := e.Scale(ctx, n)
	if err != nil {
		return err
	}
	return g.printResult(p, out, fmt.Sprintf("%d instances serve: %s", out.Capacity, strings.Join(out.Instances, ", ")))
}
