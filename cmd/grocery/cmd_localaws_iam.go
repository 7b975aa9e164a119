package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"grocery/localaws"
	"grocery/localaws/service/iam/access"
)

func newIAMCommand(g *globals) *cobra.Command {
	c := &cobra.Command{
		Use:   "iam",
		Short: "Ask what the local AWS observed of policies",
		Args:  noSuchCommand,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(&cobra.Command{
		Use:   "unused",
		Short: "List what each role's policies grant and nobody used",
		Long: `List what each role's policies grant and nobody used since the local AWS was made.

An action is shown as the policy has it: "s3:*" is used once one of the actions it
stands for was. NOT SERVED means that the local AWS offers nothing that needs the
action, so its use can only be seen on AWS itself.`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return runUnused(c.Context(), g) },
	})
	return c
}

func runUnused(ctx context.Context, g *globals) error {
	if err := g.resolve(); err != nil {
		return err
	}
	l := g.local()
	if err := l.serves(ctx); err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+l.o.Endpoint+localaws.UnusedPath, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("ask the local AWS: %w", err)
	}
	defer resp.Body.Close()
	var all []access.Unused
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("the local AWS answered %s: grocery logs says why", resp.Status)
	}
	if err := json.NewDecoder(resp.Body).Decode(&all); err != nil {
		return fmt.Errorf("read the local AWS's answer: %w", err)
	}
	if g.json {
		return printJSON(all)
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ROLE\tPOLICY\tACTION\t")
	for _, x := range all {
		note := ""
		if !x.Served {
			note = "NOT SERVED"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", path.Base(x.Role), path.Base(x.Policy), x.Action, note)
	}
	return w.Flush()
}
