package ops

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/hashicorp/terraform-exec/tfexec"
	"github.com/zclconf/go-cty/cty"
)

// applyOptions are what a run of Terraform is given and limited to.
type applyOptions struct {
	dir     string            // the root module
	varFile string            // its tfvars file; "" for none
	vars    map[string]string // values that ops decides; they win, and stand on the command line
	targets []string
	replace []string
}

// option is what plan, apply and destroy all take.
type option interface {
	tfexec.PlanOption
	tfexec.ApplyOption
	tfexec.DestroyOption
}

// options are the options of a run of Terraform. What the user set by TF_VAR_*
// goes into a file that only the user can read, since a command line can be
// read by all of the machine; done removes it. As with Terraform itself, the
// tfvars file wins over it.
func (e *Environment) options(o applyOptions) (opts []option, done func() error, err error) {
	opts = []option{tfexec.LockTimeout("20s")}
	text, err := variables(o.dir, e.Vars)
	if err != nil {
		return nil, nil, err
	}
	done = func() error { return nil }
	if len(text) > 0 {
		done = func() error { return removeIfThere(e.givenFile()) }
		if err := writeFile(e.givenFile(), text, 0o600); err != nil {
			return nil, nil, errors.Join(err, done())
		}
		opts = append(opts, tfexec.VarFile(e.givenFile()))
	}
	if o.varFile != "" {
		opts = append(opts, tfexec.VarFile(o.varFile))
	}
	for _, k := range slices.Sorted(maps.Keys(o.vars)) {
		opts = append(opts, tfexec.Var(k+"="+o.vars[k]))
	}
	for _, t := range o.targets {
		opts = append(opts, tfexec.Target(t))
	}
	return opts, done, nil
}

// givenFile is where the values of TF_VAR_* stand while Terraform runs.
func (e *Environment) givenFile() string { return filepath.Join(e.Home, e.Name+".given.tfvars") }

// variables writes values as a tfvars file for the root module in dir. As
// Terraform does with TF_VAR_*, it takes the value of a text, a number or a
// truth value as it stands, one of any other type as an expression, and leaves
// out what the module does not declare.
// See https://developer.hashicorp.com/terraform/cli/config/environment-variables#tf_var_name.
func variables(dir string, values map[string]string) ([]byte, error) {
	if len(values) == 0 {
		return nil, nil
	}
	all, err := declared(dir)
	if err != nil {
		return nil, err
	}
	f := hclwrite.NewEmptyFile()
	for _, name := range slices.Sorted(maps.Keys(values)) {
		v, ok := all[name]
		switch value := values[name]; {
		case !ok:
		case v.plain:
			f.Body().SetAttributeValue(name, cty.StringVal(value))
		default:
			if _, diags := hclsyntax.ParseExpression([]byte(value), "", hcl.InitialPos); diags.HasErrors() {
				return nil, fmt.Errorf("TF_VAR_%s is no expression of Terraform's language: %s", name, diags[0].Summary) // never the value: it may be a secret
			}
			tokens, diags := hclsyntax.LexExpression([]byte(value), "", hcl.InitialPos)
			if diags.HasErrors() {
				return nil, fmt.Errorf("TF_VAR_%s is no expression of Terraform's language: %s", name, diags[0].Summary)
			}
			var raw hclwrite.Tokens
			for _, t := range tokens {
				if t.Type != hclsyntax.TokenEOF {
					raw = append(raw, &hclwrite.Token{Type: t.Type, Bytes: t.Bytes})
				}
			}
			f.Body().SetAttributeRaw(name, raw)
		}
	}
	return f.Bytes(), nil
}

// variable is what a root module declares of one.
type variable struct {
	plain    bool           // a value of TF_VAR_* is taken as it stands
	standard hcl.Expression // its default; nil for none
}

// declared are the variables of the root module in dir, by name.
func declared(dir string) (map[string]variable, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.tf"))
	if err != nil {
		return nil, err
	}
	parser, all := hclparse.NewParser(), map[string]variable{}
	for _, path := range files {
		f, diags := parser.ParseHCLFile(path)
		if diags.HasErrors() {
			return nil, fmt.Errorf("%s cannot be read: %w", path, diags)
		}
		content, _, _ := f.Body.PartialContent(&hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{{Type: "variable", LabelNames: []string{"name"}}}}) // Terraform reports what is wrong
		for _, b := range content.Blocks {
			inner, _, _ := b.Body.PartialContent(&hcl.BodySchema{Attributes: []hcl.AttributeSchema{{Name: "type"}, {Name: "default"}}})
			kind, typed := inner.Attributes["type"]
			v := variable{plain: !typed || slices.Contains([]string{"string", "number", "bool"}, hcl.ExprAsKeyword(kind.Expr))}
			if d, ok := inner.Attributes["default"]; ok {
				v.standard = d.Expr
			}
			all[b.Labels[0]] = v
		}
	}
	return all, nil
}

// GivenVars are the values that the process's environment sets by TF_VAR_*,
// without the prefix.
func GivenVars() map[string]string {
	vars := map[string]string{}
	for _, kv := range os.Environ() {
		name, value, _ := strings.Cut(kv, "=")
		if name, ok := strings.CutPrefix(name, "TF_VAR_"); ok {
			vars[name] = value
		}
	}
	return vars
}
