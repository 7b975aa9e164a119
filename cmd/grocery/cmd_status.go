package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"grocery/ops"
)

func newStatusCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Show what runs where, its versions and health, and the replica's lag",
		RunE:  func(c *cobra.Command, _ []string) error { return runStatus(c.Context(), g) },
	}
}

func runStatus(ctx context.Context, g *globals) error {
	p := newProgress(g.json)
	defer p.close()
	e, err := g.environment(p)
	if err != nil {
		return err
	}
	s, err := e.Status(ctx)
	if err != nil {
		return err
	}
	p.close()
	if g.json {
		err = printJSON(s)
	} else {
		err = printStatus(s)
	}
	if err == nil && s.Page != "ok" {
		return &exitError{exitUnhealthy, errors.New("the page does not answer")}
	}
	return err
}

func printStatus(s *ops.Status) error {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "page\t%s\t%s\nversion\t%s\n\n", s.URL, s.Page, s.Version)
	fmt.Fprintln(w, "INSTANCE\tZONE\tADDRESS\tSTATE\tHEALTH\tTEMPLATE\tTARGETS")
	for _, i := range s.Instances {
		var targets []string
		for _, k := range slices.Sorted(maps.Keys(i.Targets)) {
			targets = append(targets, k+"="+i.Targets[k])
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", i.ID, i.Zone, i.Address, i.Lifecycle, i.Health, i.LaunchTemplateVersion, strings.Join(targets, " "))
	}
	fmt.Fprintln(w, "\nDATABASE\tROLE\tSTATUS\tVERSION\tLAG\tENDPOINT")
	for _, d := range s.Databases {
		lag := "-"
		if d.LagSeconds != nil {
			lag = fmt.Sprintf("%.1f s", *d.LagSeconds)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", d.ID, d.Role, d.Status, d.Version, lag, d.Endpoint)
	}
	return w.Flush()
}
