package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"grocery/ops"
)

func newImageTagCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "image-tag",
		Short: "Print the image tag of the sources as they are",
		Long: `Print the image tag of the sources as they are, and nothing else: the last
commit that touched what the images are made from (12 digits), with a hash
behind it when the sources differ from that commit. It asks no AWS.`,
		Example: `  export TF_VAR_image_tag=$(grocery image-tag)`,
		RunE:    func(c *cobra.Command, _ []string) error { return runImageTag(c.Context(), g) },
	}
}

func runImageTag(ctx context.Context, g *globals) error {
	if err := g.resolve(); err != nil {
		return err
	}
	tag, err := (&ops.Environment{Root: g.root}).ImageTag(ctx)
	if err != nil {
		return err
	}
	if g.json {
		return printJSON(map[string]string{"image_tag": tag})
	}
	_, err = fmt.Println(tag)
	return err
}
