package main

import (
	"context"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"grocery/internal/dev"
)

type devOptions struct{ apiPort, pagePort int }

func newDevCommand(g *globals) *cobra.Command {
	o := &devOptions{}
	c := &cobra.Command{
		Use:   "dev",
		Short: "Run the shop alone, without AWS, and follow each change of its sources",
		Long: `Run the shop alone, without AWS, and follow each change of its sources: the
backend is built and started anew, the page replaces what changed. The database is the
one of DB_HOST, DB_NAME, DB_USER, DB_PASSWORD and DB_SSLMODE when DB_HOST is set;
otherwise a PostgreSQL of its own, whose data stays in <home>/dev/postgres. Card
payments are a test: no money is taken.`,
		RunE: func(c *cobra.Command, _ []string) error { return runDev(c.Context(), g, o) },
	}
	c.Flags().IntVar(&o.apiPort, "api-port", 5000, "port of the backend")
	c.Flags().IntVar(&o.pagePort, "page-port", 5173, "port of the page")
	return c
}

func runDev(ctx context.Context, g *globals, o *devOptions) error {
	if err := g.resolve(); err != nil {
		return err
	}
	return dev.Run(ctx, dev.Options{Root: g.root, Home: filepath.Join(g.home, "dev"), APIPort: o.apiPort, PagePort: o.pagePort, Out: os.Stderr})
}
