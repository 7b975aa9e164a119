package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"grocery/ops"
)

func newApplyCommand(g *globals) *cobra.Command {
	o := &ops.ApplyOptions{}
	c := &cobra.Command{
		Use:   "apply",
		Short: "Apply one phase of the infrastructure",
		Long: `Apply one phase of the infrastructure. Phase 1 is what images and everything
else stand on: network, groups, bucket, roles, balancer, alarms, registry. Phase
2 is everything, and needs the images of the tag in the registry. Instances stay
as they are until grocery release.

With --reviewed it plans anew and refuses, with nothing changed, to destroy or
replace what the reviewed plan did not, or to go by a plan of another commit or
another state. The version of a secret that a new password replaces is exempt.

Terraform's variables may be given as TF_VAR_<name>; the tfvars file wins.

Exit codes: 0 applied; 1 refused or failed; 2 wrong command line; 130
interrupted (run it again to continue).`,
		Example: `  grocery apply --phase 1
  grocery apply --phase 2 --reviewed plan/plan.json
  TF_VAR_db_pass=... grocery apply --phase 2      # with db_password_version raised in the tfvars file
  grocery apply --phase 2 --image-tag latest      # what the rolling aliases name, by digest`,
		RunE: func(c *cobra.Command, _ []string) error { return runApply(c.Context(), g, o) },
	}
	c.Flags().IntVar(&o.Phase, "phase", 2, "1, or 2 for everything")
	c.Flags().StringVar(&o.Reviewed, "reviewed", "", "plan.json of grocery plan --out that must allow what is done")
	g.addImageTag(c.Flags())
	return c
}

func runApply(ctx context.Context, g *globals, o *ops.ApplyOptions) error {
	if o.Phase != 1 && o.Phase != 2 {
		return &exitError{exitUsage, fmt.Errorf("--phase is 1 or 2, not %d", o.Phase)}
	}
	p := newProgress(g.json)
	defer p.close()
	e, err := g.environment(p)
	if err != nil {
		return err
	}
	out, err := e.Apply(ctx, *o)
	if err != nil {
		return err
	}
	text := "Phase 1 is applied."
	if o.Phase == 2 {
		text = fmt.Sprintf("All is applied with image tag %s, as launch template version %s: grocery release brings it to the instances.", out.ImageTag, out.Output.LaunchTemplateVersion)
	}
	return g.printResult(p, out, text)
}
