package ops_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"grocery/ops"
)

func TestValuesOfTheEnvironmentAreTakenAsTerraformTakesThem(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "variables.tf"), []byte(`
variable "text"   { type = string }
variable "count_" { type = number }
variable "flag"   { type = bool }
variable "bare"   {}
variable "list"   { type = list(string) }
variable "object" { type = object({ a = optional(number) }) }
`), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ rule, name, value, want, err string }{
		{"a text stands as it is, whatever is in it", "text", `a"b\c${d}%{e}` + "\nf", `text = "a\"b\\c$${d}%%{e}\nf"`, ""},
		{"an empty text is a text", "text", "", `text = ""`, ""},
		{"a number is a text, which Terraform converts", "count_", "3", `count_ = "3"`, ""},
		{"a truth value too", "flag", "true", `flag = "true"`, ""},
		{"without a type it is a text", "bare", "[1]", `bare = "[1]"`, ""},
		{"a list is an expression", "list", `["a", "b"]`, `list = ["a", "b"]`, ""},
		{"an object is one", "object", "{ a = 1 }", "object = { a = 1 }", ""},
		{"what is not declared is left out", "other", "x", "", ""},
		{"a list that is none is refused, and not shown", "list", `["geheim"`, "", "TF_VAR_list is no expression"},
	} {
		t.Run(test.rule, func(t *testing.T) {
			got, err := ops.Variables(dir, map[string]string{test.name: test.value})
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) || strings.Contains(err.Error(), "geheim") {
					t.Errorf("%v", err)
				}
				return
			}
			if err != nil || strings.Join(strings.Fields(got), " ") != strings.Join(strings.Fields(test.want), " ") {
				t.Errorf("%s (%v), want %s", got, err, test.want)
			}
		})
	}
}

func TestTheTfvarsFileKeepsItsLayoutWhenANumberIsSet(t *testing.T) {
	before := "# Settings.\n\nregion = \"eu-central-1\" # here\n\n# How many.\nasg_min_size         = 1\nasg_desired_capacity = 2   # enough\nalarm_thresholds = {\n  cpu_percent = 80\n}\n"
	for _, test := range []struct{ rule, name, before, after string }{
		{"the number alone changes", "asg_desired_capacity", before, strings.Replace(before, "= 2   # enough", "= 3   # enough", 1)},
		{"what is absent is added at the end", "db_password_version", before, before + "db_password_version = 3\n"},
	} {
		t.Run(test.rule, func(t *testing.T) {
			e := environment(t, test.before)
			if err := e.Set(test.name, 3); err != nil {
				t.Fatal(err)
			}
			raw, err := os.ReadFile(filepath.Join(e.Root, "aws_infra", "enviroments", "dev", "dev.tfvars"))
			if err != nil {
				t.Fatal(err)
			}
			if got := string(raw); got != test.after {
				t.Errorf("%s\nwant\n%s", got, test.after)
			}
		})
	}
}

func TestAVariableHasTheValueThatTerraformWouldGiveIt(t *testing.T) {
	for _, test := range []struct {
		rule, tfvars string
		given        map[string]string
		want         int
		err          string
	}{
		{"its default", "", nil, 2, ""},
		{"the environment's over the default", "", map[string]string{"n": "3"}, 3, ""},
		{"the file's over the environment's", "n = 4\n", map[string]string{"n": "3"}, 4, ""},
		{"a text that is a number", "n = \"5\"\n", nil, 5, ""},
		{"not a fraction", "n = 1.5\n", nil, 0, "no whole number"},
		{"not null", "n = null\n", nil, 0, "it has no value"},
		{"not a word", "n = \"many\"\n", nil, 0, "a number is required"},
	} {
		t.Run(test.rule, func(t *testing.T) {
			e := environment(t, test.tfvars)
			e.Vars = test.given
			if err := os.WriteFile(filepath.Join(e.Root, "aws_infra", "enviroments", "dev", "variables.tf"), []byte("variable \"n\" {\n  type    = number\n  default = 2\n}\n"), 0o644); err != nil {
				t.Fatal(err)
			}
			n, err := e.Number("n")
			if test.err == "" && (err != nil || n != test.want) || test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)) {
				t.Errorf("%d, %v", n, err)
			}
		})
	}
	if _, err := environment(t, "").Number("n"); err == nil || !strings.Contains(err.Error(), "declares no variable n") {
		t.Errorf("%v", err)
	}
}

func TestTheShopsAddressIsTheOneGivenOrTheBalancers(t *testing.T) {
	o := ops.Output{ALBDNSName: "alb.example", ALBURL: "https://shop.example"}
	local := func(dns string) string { return "http://" + dns + ":8080" }
	for rule, test := range map[string]struct {
		e    *ops.Environment
		o    ops.Output
		want string
	}{
		"the one given":                    {&ops.Environment{URL: "http://given", PublicURL: local}, o, "http://given"},
		"what this machine makes of it":    {&ops.Environment{PublicURL: local}, o, "http://alb.example:8080"},
		"the output":                       {&ops.Environment{}, o, "https://shop.example"},
		"the balancer's name":              {&ops.Environment{}, ops.Output{ALBDNSName: "alb.example"}, "http://alb.example"},
		"none, while there is no balancer": {&ops.Environment{PublicURL: local}, ops.Output{}, ""},
	} {
		t.Run(rule, func(t *testing.T) {
			if got := test.e.ShopURL(test.o); got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}
