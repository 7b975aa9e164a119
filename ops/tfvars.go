package ops

import (
	"fmt"

	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/zclconf/go-cty/cty"
)

// settings are the values of the environment's tfvars file that ops itself
// needs; Terraform checks all of them.
type settings struct {
	region, repository, arch string
}

// settings reads the tfvars file, and Vars for what it leaves open.
func (e *Environment) settings() (settings, error) {
	f, diags := hclparse.NewParser().ParseHCLFile(e.varFile())
	if diags.HasErrors() {
		return settings{}, fmt.Errorf("%s cannot be read: %w", e.varFile(), diags)
	}
	attrs, diags := f.Body.JustAttributes()
	if diags.HasErrors() {
		return settings{}, fmt.Errorf("%s cannot be read: %w", e.varFile(), diags)
	}
	s := settings{repository: Project + "-app", arch: "amd64"}
	for name, to := range map[string]*string{"region": &s.region, "ecr_repository_name": &s.repository, "lambda_architecture": &s.arch} {
		a, ok := attrs[name]
		if !ok {
			if given := e.Vars[name]; given != "" {
				*to = given
			}
			continue
		}
		v, diags := a.Expr.Value(nil)
		if diags.HasErrors() || v.IsNull() || v.Type() != cty.String {
			return settings{}, fmt.Errorf("%s: %s must be a text in quotes", e.varFile(), name)
		}
		*to = v.AsString()
	}
	s.arch = goArch(s.arch)
	return s, nil
}
