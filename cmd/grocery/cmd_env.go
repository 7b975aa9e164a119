package main

import (
	"fmt"
	"maps"
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
		return printJSON(vars)
	}
	for _, k := range slices.Sorted(maps.Keys(vars)) {
		if vars[k] == "" {
			fmt.Printf("unset %s;\n", k)
			continue
		}
		fmt.Printf("export %s='%s';\n", k, strings.ReplaceAll(vars[k], "'", `'\''`))
	}
	return nil
}
