package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"grocery/ops"
)

func newRestoreCommand(g *globals) *cobra.Command {
	o := ops.RestoreOptions{}
	c := &cobra.Command{
		Use:   "restore FILE|KEY",
		Short: "Replace the shop's data by a dump's",
		Long: `Replace the shop's data by that of a dump: a file, or an object below backups/
or db-dumps/ of the environment's bucket. Dumps of the old shop, plain files of
pg_dump and archives of pg_dump -Fc are read, compressed by gzip or not.

The dump goes to db-dumps/ under a key of its own, as anybody's upload would,
which starts one execution of the state machine. This command follows it and
prints what the report says. Everything is checked before the data is replaced,
all at once: a dump that is refused changes nothing, and the command ends with
1, the line and the reason. Everyone has to sign in again afterwards.

Interrupted, nothing is harmed: the restore goes on by itself, and --follow
follows it again.`,
		Example: `  grocery restore old-shop.sql
  grocery restore backups/20261123T120000Z.sql.gz
  grocery restore --follow db-dumps/20261123T120000Z-abcdef-old-shop.sql`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 1 {
				return &exitError{exitUsage, fmt.Errorf("restore takes one file or key, got %d: see grocery restore --help", len(args))}
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			o.From = args[0]
			return runRestore(c.Context(), g, o)
		},
	}
	c.Flags().BoolVar(&o.Follow, "follow", false, "upload nothing: follow the restore of the dump under KEY")
	return c
}

func runRestore(ctx context.Context, g *globals, o ops.RestoreOptions) error {
	p := newProgress(g.json)
	defer p.close()
	e, err := g.environment(p)
	if err != nil {
		return err
	}
	r, err := e.Restore(ctx, o)
	if _, detached := errors.AsType[*ops.DetachedError](err); detached && ctx.Err() != nil {
		return &exitError{exitInterrupted, err}
	}
	if err != nil {
		return err
	}
	x := r.Report
	said := fmt.Sprintf("Restored and verified in %.1f s: %s (%s, %s; it replaced %s).", r.Seconds, rowsText(x.Restored), x.Kind, x.Shape, rowsText(x.Replaced))
	for _, n := range x.Notes {
		said += fmt.Sprintf("\n  line %d: %d %s", n.Line, n.Count, n.Text)
	}
	return g.printResult(p, r, said)
}
