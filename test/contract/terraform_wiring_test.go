package contract_test

import (
	"encoding/json"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"grocery/ops"
)

func TestModulesHaveTheOutputsOfSeed(t *testing.T) {
	tests := map[string][]string{
		"vpc":            {"vpc_id", "public_subnet_ids", "private_subnet_ids"},
		"security":       {"alb_sg_id", "ec2_sg_id", "rds_sg_id"},
		"alb":            {"alb_dns_name", "target_group_arn"},
		"ec2":            {"asg_name", "launch_template_id"},
		"rds":            {"db_endpoint", "read_replica_endpoint"},
		"s3":             {"bucket_name", "layer_object_key"},
		"ecr":            {"ecr_repository_url"},
		"iam":            {"ec2_role_arn", "lambda_role_arn", "step_functions_role_arn", "event_bridge_role_arn", "rds_monitoring_role_arn", "instance_profile_name"},
		"lambda":         {"lambda_function_arn"},
		"step_functions": {"state_machine_arn"},
		"event_bridge":   {"rule_name", "rule_arn"},
		"monitoring":     {"step_function_log_group_arn"},
		"remote_backend": {"state_bucket_name", "lock_table_name"},
	}
	if got := slices.Sorted(maps.Keys(tests)); !slices.Equal(got, modules) {
		t.Fatalf("the table has %v, the modules are %v", got, modules)
	}
	for name, want := range tests {
		outputs := load(t, "modules/"+name).named("output")
		for _, o := range want {
			if outputs[o] == nil {
				t.Errorf("module %s has no output %s", name, o)
			}
		}
	}
}

func TestDevHasTheOutputsThatOperatorsRead(t *testing.T) {
	outputs := load(t, "enviroments/dev").named("output")
	for _, name := range []string{
		"alb_dns_name", "alb_url", "target_group_arns", "asg_name", "launch_template_id", "launch_template_version",
		"ecr_repository_url", "ecr_repository_name", "db_endpoint", "read_replica_endpoint", "db_name", "db_secret_id",
		"app_secret_id", "bucket_name", "state_machine_arn", "lambda_function_name", "vpc_id", "sns_topic_arn", "region",
	} {
		if outputs[name] == nil {
			t.Errorf("dev has no output %s", name)
		}
	}
}

func TestDevUsesEveryModuleButTheBackend(t *testing.T) {
	var used []string
	for _, call := range load(t, "enviroments/dev").of("module") {
		used = append(used, strings.TrimPrefix(constant(t, call, "source"), "../../modules/"))
		if used[len(used)-1] != call.Labels[0] {
			t.Errorf("module %s comes from %s", call.Labels[0], used[len(used)-1])
		}
	}
	slices.Sort(used)
	want := slices.DeleteFunc(slices.Clone(modules), func(m string) bool { return m == "remote_backend" })
	if !slices.Equal(used, want) {
		t.Errorf("dev uses %v, want %v", used, want)
	}
}

// TestPhase1NeedsNothingThatNeedsImages follows every reference from the modules
// of phase 1. Terraform applies at most these when it is told to apply those.
func TestPhase1NeedsNothingThatNeedsImages(t *testing.T) {
	dev := load(t, "enviroments/dev")
	closure := map[string]bool{}
	var follow func(ref string)
	visit := func(node hclsyntax.Node) {
		for _, ref := range references(node) {
			follow(ref)
		}
	}
	follow = func(ref string) {
		if closure[ref] {
			return
		}
		kind, name, _ := strings.Cut(ref, ".")
		switch kind {
		case "var", "path", "each", "count", "terraform":
			return
		}
		closure[ref] = true
		switch kind {
		case "module":
			call := dev.named("module")[name]
			if call == nil {
				t.Fatalf("dev has no module %s", name)
			}
			visit(call.Body)
		case "local":
			visit(dev.local(name).(hclsyntax.Node))
		default:
			if block := dev.named("resource")[ref]; block != nil {
				visit(block.Body)
			}
		}
	}
	for _, m := range ops.Phase1 {
		follow("module." + m)
	}

	forbidden := []string{
		"aws_autoscaling_group", "aws_launch_template", "aws_db_instance", "aws_lambda_function", "aws_lambda_layer_version",
		"aws_sfn_state_machine", "aws_cloudwatch_event_rule", "aws_ecr_image",
	}
	for ref := range closure {
		kind, name, _ := strings.Cut(ref, ".")
		if strings.HasPrefix(kind, "aws_") {
			t.Errorf("phase 1 needs %s of the root", ref)
		}
		if kind != "module" {
			continue
		}
		if !slices.Contains(ops.Phase1, name) {
			t.Errorf("phase 1 needs module %s", name)
		}
		m := load(t, "modules/"+name)
		for _, block := range append(m.of("resource"), m.of("data")...) {
			if slices.Contains(forbidden, block.Labels[0]) {
				t.Errorf("phase 1 has %s in module %s", strings.Join(block.Labels, "."), name)
			}
		}
	}
}

func TestModuleReferencesExist(t *testing.T) {
	use := regexp.MustCompile(`module\.([a-z0-9_]+)\.([a-z0-9_]+)`)
	files, _ := filepath.Glob(filepath.Join(infra, "enviroments/dev", "*.tf"))
	for _, f := range files {
		for _, match := range use.FindAllStringSubmatch(read(t, f), -1) {
			if load(t, "modules/"+match[1]).named("output")[match[2]] == nil {
				t.Errorf("%s: module %s has no output %s", f, match[1], match[2])
			}
		}
	}
}

// TestAgentPublishesTheDimensionsThatAlarmsWatch compares two languages: the
// agent's JSON and the alarms' HCL.
func TestAgentPublishesTheDimensionsThatAlarmsWatch(t *testing.T) {
	text := read(t, filepath.Join(infra, "templates/agent.json.tftpl"))
	var agent struct {
		Metrics struct {
			Namespace string     `json:"namespace"`
			Aggregate [][]string `json:"aggregation_dimensions"`
			Collected map[string]struct {
				Measurement []string `json:"measurement"`
			} `json:"metrics_collected"`
		} `json:"metrics"`
	}
	if err := json.Unmarshal([]byte(text), &agent); err != nil {
		t.Fatal(err)
	}
	if agent.Metrics.Namespace != "${metrics_namespace}" {
		t.Errorf("the agent publishes to %s, alarms watch var.metrics_namespace", agent.Metrics.Namespace)
	}
	// The agent calls disk's used_percent disk_used_percent; names that carry
	// their plugin already stay.
	published := map[string]bool{}
	for plugin, m := range agent.Metrics.Collected {
		for _, name := range m.Measurement {
			published[plugin+"_"+strings.TrimPrefix(name, plugin+"_")] = true
		}
	}

	alarms, ok := load(t, "modules/monitoring").local("instance_alarms").(*hclsyntax.ObjectConsExpr)
	if !ok {
		t.Fatal("modules/monitoring has no table instance_alarms")
	}
	watched := 0
	for _, item := range alarms.Items {
		fields := map[string]hclsyntax.Expression{}
		for _, field := range item.ValueExpr.(*hclsyntax.ObjectConsExpr).Items {
			fields[hcl.ExprAsKeyword(field.KeyExpr.(*hclsyntax.ObjectConsKeyExpr).Wrapped)] = field.ValueExpr
		}
		if !slices.Equal(references(fields["namespace"]), []string{"var.metrics_namespace"}) {
			continue // measured by AWS, not by the agent
		}
		watched++
		metric, _ := fields["metric"].Value(nil)
		if !published[metric.AsString()] {
			t.Errorf("an alarm watches %s, the agent publishes %v", metric.AsString(), slices.Sorted(maps.Keys(published)))
		}
		var dimensions []string
		for _, d := range fields["dimensions"].(*hclsyntax.ObjectConsExpr).Items {
			dimensions = append(dimensions, hcl.ExprAsKeyword(d.KeyExpr.(*hclsyntax.ObjectConsKeyExpr).Wrapped))
		}
		slices.Sort(dimensions)
		if !slices.ContainsFunc(agent.Metrics.Aggregate, func(a []string) bool { return slices.Equal(slices.Sorted(slices.Values(a)), dimensions) }) {
			t.Errorf("an alarm on %s watches dimensions %v, the agent aggregates by %v", metric.AsString(), dimensions, agent.Metrics.Aggregate)
		}
	}
	if watched != 2 {
		t.Errorf("%d alarms watch the agent's metrics, want memory and disk", watched)
	}
}

// TestUserDataGetsWhatItNames compares the template's variables with those the
// ec2 module passes: a missing one fails at plan, a spare one is a forgotten one.
func TestUserDataGetsWhatItNames(t *testing.T) {
	for _, test := range []struct{ module, local, template string }{
		{"ec2", "user_data", "user_data.sh.tftpl"},
	} {
		call, ok := load(t, "modules/"+test.module).local(test.local).(*hclsyntax.FunctionCallExpr)
		if !ok || call.Name != "templatefile" {
			t.Fatalf("local.%s of module %s is no templatefile()", test.local, test.module)
		}
		var passed []string
		for _, item := range call.Args[1].(*hclsyntax.ObjectConsExpr).Items {
			passed = append(passed, hcl.ExprAsKeyword(item.KeyExpr.(*hclsyntax.ObjectConsKeyExpr).Wrapped))
		}
		slices.Sort(passed)
		expr, diags := hclsyntax.ParseTemplate([]byte(read(t, filepath.Join(infra, "templates", test.template))), test.template, hcl.InitialPos)
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		var used []string
		for _, v := range expr.Variables() {
			used = append(used, v.RootName())
		}
		slices.Sort(used)
		if used = slices.Compact(used); !slices.Equal(passed, used) {
			t.Errorf("%s uses %v, module %s passes %v", test.template, used, test.module, passed)
		}
	}
}

func TestExampleSettingsAreDeclared(t *testing.T) {
	for file, dir := range map[string]string{"bootstrap/bootstrap.tfvars.example": "bootstrap", "enviroments/dev/dev.tfvars.example": "enviroments/dev"} {
		text := read(t, filepath.Join(infra, file))
		parsed, diags := hclparse.NewParser().ParseHCL([]byte(text), file)
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		attrs, diags := parsed.Body.JustAttributes()
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		variables := load(t, dir).named("variable")
		for name, attr := range attrs {
			if variables[name] == nil {
				t.Errorf("%s sets %s, which is not declared", file, name)
			}
			if _, diags := attr.Expr.Value(nil); diags.HasErrors() {
				t.Errorf("%s: %v", file, diags)
			}
		}
		// A value in the file would win over the pipeline's TF_VAR_ setting.
		for _, name := range []string{"image_tag", "db_pass"} {
			if attrs[name] != nil {
				t.Errorf("%s sets %s, so that nobody else can", file, name)
			}
		}
	}
}

func TestSeedsExampleIsAccepted(t *testing.T) {
	variables := load(t, "enviroments/dev").named("variable")
	for _, name := range []string{"project_name", "environment", "region", "ami_id", "ecr_repository_name", "ecr_repository_url", "image_tag", "db_pass", "asg_desired_capacity", "asg_max_size"} {
		if variables[name] == nil {
			t.Errorf("dev has no variable %s", name)
		}
	}
}

func TestEachRootHasItsStateKey(t *testing.T) {
	for dir, key := range map[string]string{"bootstrap": "grocery/bootstrap/terraform.tfstate", "enviroments/dev": "grocery/dev/terraform.tfstate"} {
		text := read(t, filepath.Join(infra, dir, "backend.tf"))
		for _, want := range []string{`backend "s3"`, `"` + key + `"`, "use_lockfile = true", "= true"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s/backend.tf lacks %s", dir, want)
			}
		}
	}
}

func TestPrefixesEndInASlash(t *testing.T) {
	for _, dir := range moduleDirs() {
		for name, v := range load(t, dir).named("variable") {
			if !strings.HasSuffix(name, "_prefix") {
				continue
			}
			if def := constant(t, v, "default"); !strings.HasSuffix(def, "/") {
				t.Errorf("%s: %s is %q", dir, name, def)
			}
		}
	}
}
