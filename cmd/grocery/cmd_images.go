package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

func newImagesCommand(g *globals) *cobra.Command {
	buildOnly := false
	c := &cobra.Command{
		Use:   "images",
		Short: "Build and push the images that the registry lacks, and move the rolling aliases",
		Long: `Build and push the images that the registry lacks: backend-<tag> and
frontend-<tag>. A tag is never overwritten. Then backend-latest and
frontend-latest name the images of the tag, also when nothing had to be pushed.

GROCERY_BUILD_ARGS=NAME=value,... is given to docker build. The repository is
made by grocery apply --phase 1.`,
		Example: `  grocery images
  grocery images --build-only                     # before there is a repository
  GROCERY_BUILD_ARGS=NGINX_IMAGE=nginx:1.28 grocery images --on aws`,
		RunE: func(c *cobra.Command, _ []string) error { return runImages(c.Context(), g, buildOnly) },
	}
	c.Flags().BoolVar(&buildOnly, "build-only", false, "build and keep them here; the next grocery images pushes them")
	g.addImageTag(c.Flags())
	return c
}

func runImages(ctx context.Context, g *globals, buildOnly bool) error {
	p := newProgress(g.json)
	defer p.close()
	e, err := g.environment(p)
	if err != nil {
		return err
	}
	out, err := e.Images(ctx, buildOnly)
	if err != nil {
		return err
	}
	text := "The registry has both images of " + out.ImageTag + "."
	if buildOnly && len(out.Built) > 0 {
		text = fmt.Sprintf("Ready to be pushed as %s: %s.", out.ImageTag, strings.Join(out.Built, ", "))
	}
	return g.printResult(p, out, text)
}
