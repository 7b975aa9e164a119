package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
)

func newLogsCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "logs [localaws | INSTANCE]",
		Short: "Show the local AWS's log, or what an instance wrote at its start",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) > 1 {
				return &exitError{exitUsage, fmt.Errorf("logs takes one name, got %d", len(args))}
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			name := "localaws"
			if len(args) == 1 {
				name = args[0]
			}
			return runLogs(c.Context(), g, name)
		},
	}
}

func runLogs(ctx context.Context, g *globals, name string) error {
	if err := g.resolve(); err != nil {
		return err
	}
	if name == "localaws" {
		f, err := os.Open(filepath.Join(g.home, "localaws.log"))
		if err != nil {
			return fmt.Errorf("there is no log of a local AWS: %w", err)
		}
		defer f.Close()
		_, err = io.Copy(os.Stdout, f)
		return err
	}
	if !strings.HasPrefix(name, "i-") {
		return &exitError{exitUsage, fmt.Errorf("%q is neither localaws nor an instance's id: grocery status lists the instances", name)}
	}
	p := newProgress(g.json)
	defer p.close()
	e, err := g.environment(p)
	if err != nil {
		return err
	}
	text, err := e.ConsoleOutput(ctx, name)
	if err != nil {
		return err
	}
	fmt.Print(text)
	return nil
}
