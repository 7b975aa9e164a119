package ops_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"grocery/ops"
)

func TestAFreshPlanMayTakeAwayNoMoreThanTheReviewedOne(t *testing.T) {
	const commit, lineage = "1111111111111111111111111111111111111111", "lineage"
	plan := func(changes ...string) *ops.Plan { // "address action action"
		p := &ops.Plan{Commit: commit, Lineage: lineage, Serial: 7, Changes: []ops.Change{}}
		for _, c := range changes {
			f := strings.Fields(c)
			p.Changes = append(p.Changes, ops.Change{Address: f[0], Actions: f[1:]})
		}
		return p
	}
	of := func(p *ops.Plan, change func(*ops.Plan)) *ops.Plan { change(p); return p }
	for rule, c := range map[string]struct {
		reviewed, fresh *ops.Plan
		refused         string // "" for allowed
	}{
		"nothing is always allowed":                         {plan("a delete"), plan(), ""},
		"what was reviewed is allowed":                      {plan("a delete", "b delete create"), plan("a delete", "b create delete"), ""},
		"new additions and changes are allowed":             {plan(), plan("a create", "b update"), ""},
		"a later serial is allowed, as phase 1 makes one":   {plan(), of(plan("a create"), func(p *ops.Plan) { p.Serial = 99 }), ""},
		"a state begun since is allowed, as phase 1 does":   {of(plan(), func(p *ops.Plan) { p.Lineage = "" }), plan("a create"), ""},
		"a new password replaces its secret's version":      {plan(), plan("module.rds.aws_secretsmanager_secret_version.this delete create"), ""},
		"new keys replace theirs":                           {plan(), plan("aws_secretsmanager_secret_version.app delete create"), ""},
		"a secret's version that only goes is refused":      {plan(), plan("module.rds.aws_secretsmanager_secret_version.this delete"), "aws_secretsmanager_secret_version.this is to destroy now, and was to keep"},
		"the secret itself is refused":                      {plan(), plan("module.rds.aws_secretsmanager_secret.this delete create"), "aws_secretsmanager_secret.this is to replace"},
		"another resource destroyed is refused":             {plan("a delete"), plan("a delete", "b delete"), "b is to destroy now, and was to keep"},
		"a replacement instead of a change is refused":      {plan("a update"), plan("a delete create"), "a is to replace now, and was to keep"},
		"a destruction instead of a replacement is refused": {plan("a delete create"), plan("a delete"), "a is to destroy now, and was to replace"},
		"to forget is to destroy":                           {plan(), plan("a forget"), "a is to destroy"},
		"another commit is refused":                         {of(plan(), func(p *ops.Plan) { p.Commit = "2" + commit[1:] }), plan(), "of commit 211111111111, and the sources are of 111111111111"},
		"another state is refused":                          {of(plan(), func(p *ops.Plan) { p.Lineage = "other" }), plan(), "of another state (lineage other, not lineage)"},
	} {
		t.Run(rule, func(t *testing.T) {
			err := c.reviewed.Allows(c.fresh)
			if c.refused == "" && err != nil {
				t.Fatal(err)
			}
			if c.refused == "" {
				return
			}
			if _, ok := errors.AsType[*ops.ReviewError](err); !ok || !strings.Contains(err.Error(), c.refused) || !strings.Contains(err.Error(), "nothing was changed") {
				t.Errorf("%v, want %q", err, c.refused)
			}
		})
	}
}

func TestTerraformDescribesVersionsAsOpsReadsThem(t *testing.T) {
	raw, err := os.ReadFile("../aws_infra/modules/ec2/main.tf")
	if err != nil {
		t.Fatal(err)
	}
	if want := `description = "` + ops.VersionPrefix + `${local.app_version}"`; !strings.Contains(string(raw), want) {
		t.Errorf("modules/ec2 has no %s", want)
	}
}
