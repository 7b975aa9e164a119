package contract_test

import (
	"path/filepath"
	"strings"
	"testing"

	"grocery/ops"
)

// TestPrefixesAreTheOnesThatOperatorsUse compares the bucket's prefixes with those that
// grocery backup, restore and deploy work with. The environment leaves the defaults.
func TestPrefixesAreTheOnesThatOperatorsUse(t *testing.T) {
	want := map[string]string{"db_dumps_prefix": ops.DumpsPrefix, "backups_prefix": ops.BackupsPrefix, "reports_prefix": ops.ReportsPrefix}
	for name, prefix := range want {
		for _, dir := range []string{"modules/s3", "modules/iam"} {
			if got := constant(t, load(t, dir).named("variable")[name], "default"); got != prefix {
				t.Errorf("%s: %s is %q, and ops has %q", dir, name, got, prefix)
			}
		}
		if load(t, "enviroments/dev").named("module")["s3"].Body.Attributes[name] != nil {
			t.Errorf("dev changes %s, which ops does not know", name)
		}
	}
	if got := constant(t, load(t, "modules/lambda").named("variable")["initial_dump_key"], "default"); got != ops.InitialDump {
		t.Errorf("the function fills an empty shop by %q, and ops by %q", got, ops.InitialDump)
	}
	if text := read(t, filepath.Join(infra, "modules", "s3", "outputs.tf")); !strings.Contains(text, `"${var.db_dumps_prefix}`+strings.TrimPrefix(ops.InitialDump, ops.DumpsPrefix)+`"`) {
		t.Error("the output initial_dump_key of the module s3 is another")
	}
	handler := read(t, filepath.Join(infra, "lambda_handler", "handler.go"))
	for _, text := range []string{`"` + ops.ReportsPrefix + `"`, `"` + ops.InitialDump + `"`} {
		if !strings.Contains(handler, text) {
			t.Errorf("the function does not have %s as its default", text)
		}
	}
}
