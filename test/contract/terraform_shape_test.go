package contract_test

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"grocery/internal/tfcli"
)

// opaque are names that another module or AWS made: there is no wrong form to
// catch. Booleans and free maps have none either.
var opaque = map[string]bool{
	"vpc_id": true, "security_group_id": true, "instance_profile_name": true, "key_name": true, "ecr_repository_name": true,
	"db_host": true, "db_replica_host": true, "db_secret_id": true, "layer_bucket": true, "layer_object_key": true,
	"layer_object_version": true, "bucket_name": true, "db_name": true, "asg_name": true, "alb_arn_suffix": true,
}

func TestVariablesAreTypedDescribedAndChecked(t *testing.T) {
	for _, dir := range append(moduleDirs(), roots...) {
		for name, v := range load(t, dir).named("variable") {
			if v.Body.Attributes["type"] == nil {
				t.Errorf("%s: variable %s has no type", dir, name)
				continue
			}
			if !strings.HasSuffix(strings.TrimSpace(constant(t, v, "description")), ".") {
				t.Errorf("%s: variable %s has no description that is a sentence", dir, name)
			}
			checked := slices.ContainsFunc(v.Body.Blocks, func(b *hclsyntax.Block) bool { return b.Type == "validation" })
			kind := typeName(v)
			if !checked && strings.HasPrefix(dir, "modules/") && (kind == "number" || kind == "string" || kind == "object") && !opaque[name] {
				t.Errorf("%s: variable %s takes any %s", dir, name, kind)
			}
		}
	}
}

func typeName(v *hclsyntax.Block) string {
	switch e := v.Body.Attributes["type"].Expr.(type) {
	case *hclsyntax.ScopeTraversalExpr:
		return e.Traversal.RootName()
	case *hclsyntax.FunctionCallExpr:
		return e.Name
	}
	return ""
}

func TestOutputsAreDescribed(t *testing.T) {
	for _, dir := range append(moduleDirs(), roots...) {
		for name, o := range load(t, dir).named("output") {
			if constant(t, o, "description") == "" {
				t.Errorf("%s: output %s has no description", dir, name)
			}
		}
	}
}

func TestVersionsAreRangesInRootsAndMinimumsInModules(t *testing.T) {
	wantRoot := ">= " + tfcli.ProviderMinVersion + ", < " + tfcli.ProviderEndVersion
	wantModule := ">= " + tfcli.ProviderMinVersion
	version := regexp.MustCompile(`version\s*=\s*"([^"]*)"`)
	for _, dir := range append(moduleDirs(), roots...) {
		settings := load(t, dir).of("terraform")
		text := read(t, filepath.Join(infra, dir, "versions.tf"))
		if !slices.ContainsFunc(settings, func(b *hclsyntax.Block) bool { return constant(t, b, "required_version") == ">= 1.11" }) {
			t.Errorf("%s does not ask for Terraform >= 1.11", dir)
		}
		if n := strings.Count(text, "source "); n != 1 || !strings.Contains(text, `"hashicorp/aws"`) {
			t.Errorf("%s uses other providers than hashicorp/aws", dir)
		}
		want := wantModule
		if slices.Contains(roots, dir) {
			want = wantRoot
		}
		// required_version comes first and is no provider's.
		if got := version.FindAllStringSubmatch(strings.ReplaceAll(text, "required_version", ""), -1); len(got) == 0 || got[len(got)-1][1] != want {
			t.Errorf("%s takes provider versions %v, want %q", dir, got, want)
		}
	}
}

func TestModulesConfigureNoProviderAndKeepNoEphemeralResources(t *testing.T) {
	for _, dir := range moduleDirs() {
		m := load(t, dir)
		for _, kind := range []string{"provider", "ephemeral", "module"} {
			if len(m.of(kind)) > 0 {
				t.Errorf("%s has a %s block: that belongs in a root", dir, kind)
			}
		}
	}
}

func TestTheOnlyResourceOfATypeIsCalledThis(t *testing.T) {
	for _, dir := range moduleDirs() {
		count := map[string][]string{}
		for _, r := range load(t, dir).of("resource") {
			count[r.Labels[0]] = append(count[r.Labels[0]], r.Labels[1])
		}
		for kind, names := range count {
			if slices.Contains(names, "this") && len(names) == 1 {
				continue
			}
			for _, name := range names {
				if name == "main" || name == "default" || strings.Contains(name, "-") {
					t.Errorf("%s: %s.%s", dir, kind, name)
				}
			}
		}
	}
}

func TestEveryModuleIsTestedForGoodAndForWrongValues(t *testing.T) {
	for _, dir := range append(moduleDirs(), "bootstrap") {
		files, _ := filepath.Glob(filepath.Join(infra, dir, "tests", "*.tftest.hcl"))
		if len(files) == 0 {
			t.Errorf("%s has no test", dir)
			continue
		}
		var text strings.Builder
		for _, f := range files {
			text.WriteString(read(t, f))
		}
		for _, part := range []string{"mock_provider", "command = plan", "assert {", "expect_failures"} {
			if !strings.Contains(text.String(), part) {
				t.Errorf("%s: its tests have no %q", dir, part)
			}
		}
		if strings.Contains(text.String(), "command = apply") {
			t.Errorf("%s: module tests only plan", dir)
		}
	}
}

func TestNothingRunsOrIsAllowedByAWildcard(t *testing.T) {
	// $Latest cannot be rolled back, and a tag that moves cannot be pulled twice.
	for _, dir := range append(moduleDirs(), roots...) {
		files, _ := filepath.Glob(filepath.Join(infra, dir, "*.tf"))
		for _, f := range files {
			for _, word := range []string{`"$Latest"`, `"$Default"`, `"*:*"`, "AdministratorAccess"} {
				if strings.Contains(read(t, f), word) {
					t.Errorf("%s has %s", f, word)
				}
			}
		}
	}
}
