package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"
)

func newUpCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "up",
		Short: "Install what is missing, start the local AWS and deploy the shop to it",
		RunE:  func(c *cobra.Command, _ []string) error { return runUp(c.Context(), g) },
	}
}

func runUp(ctx context.Context, g *globals) error {
	if err := g.resolve(); err != nil {
		return err
	}
	if g.on != "local" {
		return &exitError{exitUsage, errors.New("up starts the local AWS and deploys to it: grocery deploy --on aws deploys to AWS")}
	}
	if err := runSetup(ctx, g, &setupOptions{}); err != nil {
		return err
	}
	p := newProgress(g.json)
	err := g.local().start(ctx, p)
	p.close()
	if err != nil {
		return err
	}
	return runDeploy(ctx, g)
}

func newDownCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "down",
		Short: "Stop the local AWS with everything it runs; its state stays",
		RunE:  func(c *cobra.Command, _ []string) error { return runDown(c.Context(), g) },
	}
}

func runDown(ctx context.Context, g *globals) error {
	if err := g.resolve(); err != nil {
		return err
	}
	p := newProgress(g.json)
	defer p.close()
	l := g.local()
	if err := l.stop(ctx, p); err != nil {
		return err
	}
	return l.stopContainers(ctx, p)
}
