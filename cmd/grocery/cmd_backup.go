package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"grocery/ops"
)

func newBackupCommand(g *globals) *cobra.Command {
	o := ops.BackupOptions{}
	c := &cobra.Command{
		Use:   "backup [FILE]",
		Short: "Store a dump of all data in S3, and download it",
		Long: `Store a dump of all data of the shop, as of one moment, below backups/ of the
environment's bucket, and download it into FILE when one is named. Shoppers
notice nothing. The download is read once as a restore would read it.

Backups are deleted after 90 days (backup_retention_days of the module s3).
Nobody restores them by themselves: grocery restore does.

Interrupted, nothing is harmed: the backup is finished without this command.`,
		Example: `  grocery backup
  grocery backup shop.sql.gz
  grocery backup --key backups/before-the-move.sql.gz`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) > 1 {
				return &exitError{exitUsage, fmt.Errorf("backup takes one file, got %d", len(args))}
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 1 {
				o.File = args[0]
			}
			return runBackup(c.Context(), g, o)
		},
	}
	c.Flags().StringVar(&o.Key, "key", "", "key below backups/ (default: named after the time)")
	return c
}

func runBackup(ctx context.Context, g *globals, o ops.BackupOptions) error {
	p := newProgress(g.json)
	defer p.close()
	e, err := g.environment(p)
	if err != nil {
		return err
	}
	b, err := e.Backup(ctx, o)
	if err != nil {
		return err
	}
	said := fmt.Sprintf("%s in %s.\nTo restore it: grocery restore %s", rowsText(b.Rows), b.Key, b.Key)
	if b.File != "" {
		said += fmt.Sprintf("\nA copy is in %s (%d bytes).", b.File, b.Bytes)
	}
	return g.printResult(p, b, said)
}

// rowsText is how many rows of which table there are.
func rowsText(rows map[string]int64) string {
	var parts []string
	for _, table := range []string{"users", "products", "reviews", "orders"} {
		parts = append(parts, fmt.Sprintf("%d %s", rows[table], table))
	}
	var all int64
	for _, n := range rows {
		all += n
	}
	return fmt.Sprintf("%s, %d rows in all", strings.Join(parts, ", "), all)
}
