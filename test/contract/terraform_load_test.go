package contract_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

const infra = "../../aws_infra"

// roots are the configurations that Terraform runs in.
var roots = []string{"bootstrap", "enviroments/dev"}

// modules are the reusable ones, by seed.md.
var modules = []string{
	"alb", "ec2", "ecr", "event_bridge", "iam", "lambda", "monitoring", "rds", "remote_backend", "s3", "security",
	"step_functions", "vpc",
}

// moduleDirs are the folders of the modules, below infra.
func moduleDirs() []string {
	var dirs []string
	for _, m := range modules {
		dirs = append(dirs, "modules/"+m)
	}
	return dirs
}

// module is one folder of Terraform.
type module struct {
	dir    string
	blocks []*hclsyntax.Block
}

func load(t *testing.T, dir string) *module {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(infra, dir, "*.tf"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s has no Terraform: %v", dir, err)
	}
	m := &module{dir: dir}
	parser := hclparse.NewParser()
	for _, name := range files {
		if strings.HasSuffix(name, "override.tf") { // somebody's own
			continue
		}
		file, diags := parser.ParseHCLFile(name)
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		m.blocks = append(m.blocks, file.Body.(*hclsyntax.Body).Blocks...)
	}
	return m
}

// of returns the blocks of a type.
func (m *module) of(kind string) []*hclsyntax.Block {
	var found []*hclsyntax.Block
	for _, b := range m.blocks {
		if b.Type == kind {
			found = append(found, b)
		}
	}
	return found
}

// named returns the labels of the blocks of a type: names of variables, outputs
// and modules, and types and names of resources.
func (m *module) named(kind string) map[string]*hclsyntax.Block {
	found := map[string]*hclsyntax.Block{}
	for _, b := range m.of(kind) {
		found[strings.Join(b.Labels, ".")] = b
	}
	return found
}

// local returns the expression of a local value.
func (m *module) local(name string) hclsyntax.Expression {
	for _, b := range m.of("locals") {
		if attr := b.Body.Attributes[name]; attr != nil {
			return attr.Expr
		}
	}
	return nil
}

// references lists what an expression refers to, as local.x, module.x, var.x.
func references(node hclsyntax.Node) []string {
	var found []string
	hclsyntax.VisitAll(node, func(n hclsyntax.Node) hcl.Diagnostics {
		if traversal, ok := n.(*hclsyntax.ScopeTraversalExpr); ok && len(traversal.Traversal) > 1 {
			if attr, ok := traversal.Traversal[1].(hcl.TraverseAttr); ok {
				found = append(found, traversal.Traversal.RootName()+"."+attr.Name)
			}
		}
		return nil
	})
	slices.Sort(found)
	return slices.Compact(found)
}

// constant returns an attribute that is a plain string.
func constant(t *testing.T, block *hclsyntax.Block, name string) string {
	t.Helper()
	attr := block.Body.Attributes[name]
	if attr == nil {
		return ""
	}
	value, diags := attr.Expr.Value(nil)
	if diags.HasErrors() || value.IsNull() {
		return ""
	}
	return value.AsString()
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
