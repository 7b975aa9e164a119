package tfcli_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"grocery/internal/tfcli"
)

func mirror(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	packages := filepath.Join(dir, "registry.terraform.io", "hashicorp", "aws", "5.100.0", runtime.GOOS+"_"+runtime.GOARCH)
	if err := os.MkdirAll(packages, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(packages, "terraform-provider-aws_v5.100.0_x5"), nil, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestNamedMirrorIsUsed(t *testing.T) {
	dir := mirror(t)
	t.Setenv(tfcli.MirrorVar, dir)
	t.Setenv("TF_CLI_CONFIG_FILE", filepath.Join(t.TempDir(), "absent"))
	c, err := tfcli.New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(c.Vars()["TF_CLI_CONFIG_FILE"])
	if err != nil || c.Mirror != dir || !strings.Contains(string(raw), dir) {
		t.Errorf("mirror %s, configuration %s, %v", c.Mirror, raw, err)
	}
}

func TestNamedMirrorWithoutProviderIsAnError(t *testing.T) {
	t.Setenv(tfcli.MirrorVar, t.TempDir())
	if _, err := tfcli.FindMirror(); err == nil || !strings.Contains(err.Error(), tfcli.MirrorVar) {
		t.Errorf("error %v", err)
	}
}

func TestImpliedMirrorIsFound(t *testing.T) {
	data := t.TempDir()
	if err := os.Rename(mirror(t), filepath.Join(data, "plugins")); err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv(tfcli.MirrorVar, "")
	if err := os.MkdirAll(filepath.Join(home, ".terraform.d"), 0o755); err != nil {
		t.Fatal(err)
	}
	want := filepath.Join(home, ".terraform.d", "plugins")
	if err := os.Rename(filepath.Join(data, "plugins"), want); err != nil {
		t.Fatal(err)
	}
	if got, err := tfcli.FindMirror(); err != nil || got != want {
		t.Errorf("found %q, %v", got, err)
	}
}

func TestConfigurationOfTheUserStaysInForce(t *testing.T) {
	own := filepath.Join(t.TempDir(), "my.rc")
	if err := os.WriteFile(own, []byte("disable_checkpoint = true\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TF_CLI_CONFIG_FILE", own)
	c, err := tfcli.New(t.TempDir())
	if err != nil || c.Vars()["TF_CLI_CONFIG_FILE"] != own {
		t.Errorf("%v %v", c, err)
	}
}
