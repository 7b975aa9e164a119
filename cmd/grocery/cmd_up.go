package main

import (
	"context"
	"errors"
	"fmt"
	"syscall"

	"github.com/spf13/cobra"
)

func newUpCommand(g *globals) *cobra.Command {
	initial := ""
	c := &cobra.Command{
		Use:   "up",
		Short: "Install what is missing, start the local AWS and deploy the shop to it",
		RunE:  func(c *cobra.Command, _ []string) error { return runUp(c.Context(), g, initial) },
	}
	addInitialDump(c, &initial)
	return c
}

func runUp(ctx context.Context, g *globals, initial string) error {
	if err := g.resolve(); err != nil {
		return err
	}
	if g.on != "local" {
		return &exitError{exitUsage, errors.New("up starts the local AWS and deploys to it: grocery deploy --on aws deploys to AWS")}
	}
	if err := roomFor(g.home, roomToDeploy); err != nil {
		return err
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
	return runDeploy(ctx, g, initial)
}

// roomToDeploy is the free disk space, in bytes, that a deployment may need:
// base images 0.7 GB, two instances with their images and logs, two databases.
const roomToDeploy = 4 << 30

// roomFor refuses to begin what a full disk would end in the middle.
func roomFor(dir string, need uint64) error {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(dir, &fs); err != nil {
		return fmt.Errorf("look at the disk of %s: %w", dir, err)
	}
	if free := fs.Bavail * uint64(fs.Bsize); free < need {
		return fmt.Errorf("the disk of %s has %d MB free, and a deployment needs up to %d MB: make room (docker system prune removes unused images), then run this again", dir, free>>20, need>>20)
	}
	return nil
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
