package ops_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"grocery/ops"
)

// anotherAccount fills the environment with what leads to another account.
func anotherAccount(t *testing.T) {
	t.Helper()
	for _, kv := range os.Environ() { // nothing of the machine that runs the test
		if k, _, _ := strings.Cut(kv, "="); strings.HasPrefix(k, "AWS_") {
			t.Setenv(k, "")
			os.Unsetenv(k)
		}
	}
	config := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(config, []byte("[profile work]\nregion = us-west-2\nendpoint_url = http://192.0.2.1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for k, v := range map[string]string{
		"AWS_PROFILE": "work", "AWS_DEFAULT_PROFILE": "work", "AWS_CONFIG_FILE": config, "AWS_SHARED_CREDENTIALS_FILE": config,
		"AWS_ACCESS_KEY_ID": "AKIAANOTHER", "AWS_SECRET_ACCESS_KEY": "another", "AWS_SESSION_TOKEN": "another", "AWS_SECURITY_TOKEN": "another",
		"AWS_ROLE_ARN": "arn:aws:iam::999999999999:role/another", "AWS_WEB_IDENTITY_TOKEN_FILE": "/nowhere", "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://192.0.2.1",
		"AWS_ENDPOINT_URL": "http://192.0.2.1", "AWS_ENDPOINT_URL_S3": "http://192.0.2.1", "AWS_ENDPOINT_URL_DYNAMODB": "http://192.0.2.1", "AWS_USE_FIPS_ENDPOINT": "true",
		"AWS_REGION": "us-west-2", "AWS_DEFAULT_REGION": "us-west-2", "AWS_CA_BUNDLE": "/another.pem",
		"HTTPS_PROXY": "http://192.0.2.1", "https_proxy": "http://192.0.2.1", "NO_PROXY": ".amazonaws.com", "no_proxy": ".amazonaws.com",
		"AWS_PAGER": "cat", "AWS_DEFAULT_OUTPUT": "text", "GROCERY_UNRELATED": "kept",
	} {
		t.Setenv(k, v)
	}
}

func TestNothingOfAnotherAccountLeaksThrough(t *testing.T) {
	anotherAccount(t)
	a := ops.Access{Region: "eu-central-1", Proxy: "http://127.0.0.1:4567", CABundle: "/ca.pem", AccessKeyID: "AKIAOURS", SecretKey: "ours"}
	want := map[string]string{
		"AWS_ACCESS_KEY_ID": "AKIAOURS", "AWS_SECRET_ACCESS_KEY": "ours", "AWS_REGION": "eu-central-1", "AWS_DEFAULT_REGION": "eu-central-1",
		"AWS_CA_BUNDLE": "/ca.pem", "AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull, "AWS_EC2_METADATA_DISABLED": "true",
		"AWS_PAGER": "cat", "AWS_DEFAULT_OUTPUT": "text", // they say nothing about the account
		"HTTPS_PROXY": "http://127.0.0.1:4567", "https_proxy": "http://127.0.0.1:4567", "GROCERY_UNRELATED": "kept",
	}
	env := a.Environ()
	for k, v := range env {
		if strings.HasPrefix(k, "AWS_") || strings.Contains(strings.ToUpper(k), "S_PROXY") || strings.EqualFold(k, "NO_PROXY") {
			if w, ok := want[k]; !ok || w != v {
				t.Errorf("%s=%s leaks through", k, v)
			}
		}
	}
	for k, v := range want {
		if env[k] != v {
			t.Errorf("%s is %q, want %q", k, env[k], v)
		}
	}
	// What another shell is to unset stands in Vars with an empty value.
	vars := a.Vars()
	for _, k := range []string{"AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "NO_PROXY"} {
		if v, ok := vars[k]; !ok || v != "" {
			t.Errorf("%s is %q (%v), want it empty and there", k, v, ok)
		}
	}
}

func TestOwnKeyIsUsedWhateverTheEnvironmentSays(t *testing.T) {
	anotherAccount(t)
	t.Setenv("AWS_PROFILE", "a profile that does not exist")
	region, key, err := ops.Access{Region: "eu-central-1", AccessKeyID: "AKIAOURS", SecretKey: "ours"}.RegionAndKey(t.Context())
	if err != nil || region != "eu-central-1" || key != "AKIAOURS" {
		t.Errorf("%s %s %v", region, key, err)
	}
}

func TestATemporaryKeyIsGivenOnWithItsToken(t *testing.T) {
	anotherAccount(t)
	a := ops.Access{Region: "eu-central-1", AccessKeyID: "ASIAOURS", SecretKey: "ours", Token: "token"}
	if got := a.Environ()["AWS_SESSION_TOKEN"]; got != "token" {
		t.Errorf("the token is %q", got)
	}
}

func TestTheEnvironmentsAuthoritiesAreTrustedWhereTheAccessNamesNone(t *testing.T) {
	anotherAccount(t)
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("AWS_CA_BUNDLE", empty)
	if err := (ops.Access{Region: "eu-central-1"}).Reach(); err == nil || !strings.Contains(err.Error(), "empty.pem holds no certificate") {
		t.Errorf("%v", err)
	}
	if err := (ops.Access{Region: "eu-central-1", AccessKeyID: "a", SecretKey: "b"}).Reach(); err != nil {
		t.Errorf("with a key of its own: %v", err)
	}
}

func TestWithoutOwnKeyTheEnvironmentDecidesAsForTheAWSCLI(t *testing.T) {
	anotherAccount(t)
	for _, k := range []string{"AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_CA_BUNDLE"} {
		os.Unsetenv(k) // Setenv restores them
	}
	if vars := (ops.Access{}).Vars(); len(vars) != 0 {
		t.Errorf("%v", vars)
	}
	region, key, err := ops.Access{}.RegionAndKey(t.Context())
	if err != nil || region != "us-west-2" || key != "AKIAANOTHER" {
		t.Errorf("%s %s %v", region, key, err)
	}
	if region, _, err := (ops.Access{Region: "eu-west-1"}).RegionAndKey(t.Context()); err != nil || region != "eu-west-1" {
		t.Errorf("%s %v", region, err)
	}
}

func TestAccessThatCannotWorkSaysWhy(t *testing.T) {
	anotherAccount(t)
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name   string
		access ops.Access
		err    string
	}{
		{"no region", ops.Access{AccessKeyID: "a", SecretKey: "b"}, "no AWS region is set: set AWS_REGION, or region in the tfvars file"},
		{"authorities that are not there", ops.Access{Region: "eu-central-1", AccessKeyID: "a", CABundle: empty + "x"}, "the authorities to trust"},
		{"authorities without a certificate", ops.Access{Region: "eu-central-1", AccessKeyID: "a", CABundle: empty}, "empty.pem holds no certificate"},
		{"a proxy that is no address", ops.Access{Region: "eu-central-1", AccessKeyID: "a", Proxy: "http://a b"}, "the proxy's address"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if _, _, err := test.access.RegionAndKey(t.Context()); err == nil || !strings.Contains(err.Error(), test.err) {
				t.Errorf("error %v, want %q", err, test.err)
			}
		})
	}
}
