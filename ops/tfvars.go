package ops

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// settings are the values of the environment's tfvars file that ops itself
// needs; Terraform checks all of them.
type settings struct {
	region, repository, arch string
}

// settings reads the tfvars file, and Vars for what it leaves open.
func (e *Environment) settings() (settings, error) {
	attrs, err := e.attributes()
	if err != nil {
		return settings{}, err
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

// attributes are the settings that the tfvars file makes.
func (e *Environment) attributes() (hcl.Attributes, error) {
	f, diags := hclparse.NewParser().ParseHCLFile(e.varFile())
	if diags.HasErrors() {
		return nil, fmt.Errorf("%s cannot be read: %w", e.varFile(), diags)
	}
	attrs, diags := f.Body.JustAttributes()
	if diags.HasErrors() {
		return nil, fmt.Errorf("%s cannot be read: %w", e.varFile(), diags)
	}
	return attrs, nil
}

// setting is the value that a variable of the environment has now: that of the
// tfvars file, of Vars, or its default.
func (e *Environment) setting(name string, kind cty.Type) (cty.Value, error) {
	all, err := declared(e.dir())
	if err != nil {
		return cty.NilVal, err
	}
	v, ok := all[name]
	if !ok {
		return cty.NilVal, fmt.Errorf("the environment %s declares no variable %s", e.Name, name)
	}
	attrs, err := e.attributes()
	if err != nil {
		return cty.NilVal, err
	}
	value := cty.NullVal(kind)
	switch given, ok := e.Vars[name]; {
	case attrs[name] != nil:
		value, err = literal(attrs[name].Expr, kind)
	case ok:
		value, err = convert.Convert(cty.StringVal(given), kind)
	case v.standard != nil:
		value, err = literal(v.standard, kind)
	}
	if err == nil && value.IsNull() {
		err = errors.New("it has no value")
	}
	if err != nil {
		return cty.NilVal, fmt.Errorf("%s of the environment %s: %w", name, e.Name, err)
	}
	return value, nil
}

// number is the value of a variable that is a whole number.
func (e *Environment) number(name string) (int, error) {
	v, err := e.setting(name, cty.Number)
	if err != nil {
		return 0, err
	}
	n, accuracy := v.AsBigFloat().Int64()
	if accuracy != 0 {
		return 0, fmt.Errorf("%s of the environment %s is no whole number", name, e.Name)
	}
	return int(n), nil
}

// literal is the value of an expression that refers to nothing.
func literal(x hcl.Expression, kind cty.Type) (cty.Value, error) {
	v, diags := x.Value(nil)
	if diags.HasErrors() {
		return cty.NilVal, diags
	}
	return convert.Convert(v, kind)
}

// set writes a number into the tfvars file, where it stands already or at the
// end. All else of the file stays as it is, byte for byte.
func (e *Environment) set(name string, n int) error {
	attrs, err := e.attributes()
	if err != nil {
		return err
	}
	path := e.varFile()
	raw, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if a := attrs[name]; a != nil {
		at := a.Expr.Range()
		raw = slices.Concat(raw[:at.Start.Byte], []byte(strconv.Itoa(n)), raw[at.End.Byte:])
	} else {
		if len(raw) > 0 && raw[len(raw)-1] != '\n' {
			raw = append(raw, '\n')
		}
		raw = fmt.Appendf(raw, "%s = %d\n", name, n)
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	return writeFile(path, raw, info.Mode().Perm())
}

// settingLine shows a setting as it stands in the tfvars file.
func (e *Environment) settingLine(name string, n int) string {
	return name + " = " + strconv.Itoa(n) + " in " + filepath.Base(e.varFile())
}
