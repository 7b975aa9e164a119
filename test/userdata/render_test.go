// Package userdata_test runs the script that instances boot with, as Terraform
// renders it, among commands that only note how they were called.
package userdata_test

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

const templates = "../../aws_infra/templates"

// values are what the ec2 module passes to the template.
func values(t *testing.T) map[string]cty.Value {
	t.Helper()
	plugin := sha256.Sum256([]byte("a compose plugin\n"))
	sum := cty.StringVal(hex.EncodeToString(plugin[:]))
	return map[string]cty.Value{
		"name":                cty.StringVal("grocery-test"),
		"region":              cty.StringVal("eu-central-1"),
		"registry":            cty.StringVal("123456789012.dkr.ecr.eu-central-1.amazonaws.com"),
		"backend_image":       cty.StringVal("123456789012.dkr.ecr.eu-central-1.amazonaws.com/grocery-app:backend-0123abc"),
		"frontend_image":      cty.StringVal("123456789012.dkr.ecr.eu-central-1.amazonaws.com/grocery-app:frontend-0123abc"),
		"app_version":         cty.StringVal("0123abc"),
		"asg_name":            cty.StringVal("grocery-test-asg"),
		"lifecycle_hook_name": cty.StringVal("grocery-test-launch"),
		"backend_port":        cty.NumberIntVal(5000),
		"frontend_port":       cty.NumberIntVal(80),
		"backend_memory":      cty.StringVal("512m"),
		"frontend_memory":     cty.StringVal("128m"),
		"alb_url":             cty.StringVal("http://alb.example.com"),
		"db_host":             cty.StringVal("db.internal"),
		"db_replica_host":     cty.StringVal("replica.internal"),
		"db_port":             cty.NumberIntVal(5432),
		"db_name":             cty.StringVal("grocery"),
		"db_secret_id":        cty.StringVal("grocery-test/db"),
		"app_secret_id":       cty.StringVal("grocery-test/app"),
		"bucket_name":         cty.StringVal("grocery-test-123456789012-eu-central-1"),
		"payment_provider":    cty.StringVal("test"),
		"compose_version":     cty.StringVal("2.40.3"),
		"compose_sha256":      cty.ObjectVal(map[string]cty.Value{"x86_64": sum, "aarch64": sum}),
		"agent_config": cty.StringVal(strings.TrimSpace(render(t, "agent.json.tftpl", map[string]cty.Value{
			"metrics_namespace": cty.StringVal("CWAgent"),
			"log_group_name":    cty.StringVal("/grocery-test/instances"),
		}))),
	}
}

// render evaluates a template as templatefile() does. A variable that the
// values lack is an error, as it is for Terraform.
func render(t *testing.T, name string, values map[string]cty.Value) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(templates, name))
	if err != nil {
		t.Fatal(err)
	}
	expr, diags := hclsyntax.ParseTemplate(text, name, hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	value, diags := expr.Value(&hcl.EvalContext{Variables: values})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return value.AsString()
}

func script(t *testing.T, change ...func(map[string]cty.Value)) string {
	t.Helper()
	v := values(t)
	for _, c := range change {
		c(v)
	}
	return render(t, "user_data.sh.tftpl", v)
}
