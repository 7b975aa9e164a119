package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"grocery/ops"
)

func newRotateCommand(g *globals) *cobra.Command {
	c := &cobra.Command{
		Use:   "rotate",
		Short: "Renew the database's password or the backend's keys",
		Args:  noSuchCommand,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	password := &cobra.Command{
		Use:   "password",
		Short: "Give secret and database a new password, and log in with it",
		Long: `Give secret and database a new password: raise db_password_version in the tfvars
file, apply with the image tag that runs, and let the restore function log in
with it from within the network. The instances stay and no request is lost: open
connections go on, and a refused login reads the secret again. Nobody sees the
password; TF_VAR_db_pass chooses one.

Exit codes: 0 the new password works; 1 it failed, with the reason; 2 wrong
command line; 130 interrupted (run it again to continue).`,
		Example: `  grocery rotate password
  TF_VAR_db_pass=... grocery rotate password`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return runRotate(c.Context(), g, (*ops.Environment).RotatePassword)
		},
	}
	keys := &cobra.Command{
		Use:   "keys",
		Short: "Give the backend new keys and replace the instances",
		Long: `Give the backend new keys: raise app_secret_version in the tfvars file, apply
with the image tag that runs, and replace the instances, which read their keys
when they boot. Everybody has to sign in again.

Exit codes: 0 done; 1 it failed, with the reason; 2 wrong command line; 130
interrupted (run it again to continue).`,
		Example: `  grocery rotate keys`,
		Args:    noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return runRotate(c.Context(), g, (*ops.Environment).RotateKeys)
		},
	}
	g.addImageTag(password.Flags())
	g.addImageTag(keys.Flags())
	c.AddCommand(password, keys)
	return c
}

func runRotate(ctx context.Context, g *globals, rotate func(*ops.Environment, context.Context) (*ops.Rotated, error)) error {
	p := newProgress(g.json)
	defer p.close()
	e, err := g.environment(p)
	if err != nil {
		return err
	}
	out, err := rotate(e, ctx)
	if err != nil {
		return err
	}
	return g.printResult(p, out, fmt.Sprintf("Done: number %d is in use.", out.Version))
}
