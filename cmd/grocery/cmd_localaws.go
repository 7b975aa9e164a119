package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"grocery/localaws"
	"grocery/localaws/oidc"
	"grocery/localaws/runtime"
	"grocery/localaws/runtime/linux"
	"grocery/localaws/runtime/none"
)

type localawsOptions struct {
	runtime string
	issuers string
	verbose bool
}

func newLocalawsCommand(g *globals) *cobra.Command {
	o := &localawsOptions{}
	c := &cobra.Command{
		Use:   "localaws",
		Short: "Run a local AWS on its own, or ask what it serves",
		Args:  noSuchCommand,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	serve := &cobra.Command{
		Use:   "serve",
		Short: "Run the local AWS in the foreground",
		Args:  noArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return runServe(c.Context(), g, o) },
	}
	serve.Flags().StringVar(&o.runtime, "runtime", "linux", "linux, or none to serve the API alone")
	serve.Flags().StringVar(&o.issuers, "issuers", os.Getenv("GROCERY_ISSUERS"), `servers on this machine that publish the keys of OpenID Connect issuers which are
out of reach, as HOST=ADDRESS,... such as token.actions.githubusercontent.com=127.0.0.1:4570;
tokens are verified as ever, by those keys (GROCERY_ISSUERS)`)
	serve.Flags().BoolVar(&o.verbose, "verbose", false, "log also the calls that only read")
	actions := &cobra.Command{
		Use:   "actions",
		Short: "List the API actions the local AWS serves",
		Args:  noArgs,
		RunE:  func(*cobra.Command, []string) error { return runActions(g) },
	}
	c.AddCommand(serve, actions, newIAMCommand(g))
	return c
}

// newRuntime makes the runtime of the cloud in a home folder.
func newRuntime(kind, home string, log *slog.Logger) (runtime.Runtime, error) {
	switch kind {
	case "linux":
		return linux.New(linux.Options{Cloud: localaws.Name(home), Log: log})
	case "none":
		return none.New(), nil
	}
	return nil, &exitError{exitUsage, fmt.Errorf("--runtime is linux or none, not %q", kind)}
}

func runServe(ctx context.Context, g *globals, o *localawsOptions) error {
	if err := g.resolve(); err != nil {
		return err
	}
	level := slog.LevelInfo
	if o.verbose {
		level = slog.LevelDebug
	}
	log := slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
	opts := g.local().o
	opts.Log = log
	var err error
	if opts.Issuers, err = oidc.ParseStandIns(o.issuers); err != nil {
		return &exitError{exitUsage, err}
	}
	if opts.Runtime, err = newRuntime(o.runtime, g.home, log); err != nil {
		return err
	}
	if err := opts.Runtime.Check(ctx); err != nil {
		return err
	}
	cloud, err := localaws.New(opts)
	if err != nil {
		return err
	}
	defer cloud.Close()
	return cloud.Run(ctx, func() { log.Info("ready", "endpoint", opts.Endpoint, "proxy", opts.Proxy, "home", opts.Home) })
}

func runActions(g *globals) error {
	dir, err := os.MkdirTemp("", "grocery-actions-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	o := localaws.DefaultOptions(dir, 0)
	o.Runtime = none.New()
	cloud, err := localaws.New(o)
	if err != nil {
		return err
	}
	defer cloud.Close()
	if g.json {
		return printJSON(cloud.Actions())
	}
	for _, a := range cloud.Actions() {
		fmt.Println(a)
	}
	return nil
}
