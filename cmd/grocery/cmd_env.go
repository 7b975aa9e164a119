package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"grocery/ops"
)

func newEnvCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "env",
		Short: "Print the settings that lead other programs to the local AWS",
		Long: `Print the settings that lead other programs to the local AWS, under AWS's
genuine host names:

  eval $(grocery env)
  aws s3 ls`,
		RunE: func(*cobra.Command, []string) error { return runEnv(g) },
	}
}

func runEnv(g *globals) error {
	if g.on == "aws" {
		return &exitError{exitUsage, errors.New("env leads to the local AWS; programs find AWS itself by your own settings")}
	}
	if err := g.resolve(); err != nil {
		return err
	}
	e := &ops.Environment{}
	if err := g.local().point(e); err != nil {
		return err
	}
	vars := e.Access.Vars()
	vars["CHECKPOINT_DISABLE"] = "1"
	if g.json {
		return printJSON(nulls(vars))
	}
	printEnv(os.Stdout, vars)
	return nil
}

// nulls are vars for JSON: a variable that must not be set is null.
func nulls(vars map[string]string) map[string]any {
	out := map[string]any{}
	for k, v := range vars {
		out[k] = nil
		if v != "" {
			out[k] = v
		}
	}
	return out
}

// printEnv writes vars as commands for a POSIX shell.
func printEnv(w io.Writer, vars map[string]string) {
	for _, k := range slices.Sorted(maps.Keys(vars)) {
		if vars[k] == "" {
			fmt.Fprintf(w, "unset %s;\n", k)
			continue
		}
		fmt.Fprintf(w, "export %s='%s';\n", k, strings.ReplaceAll(vars[k], "'", `'\''`))
	}
}
