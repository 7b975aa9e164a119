package tfcli_test

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"grocery/internal/tfcli"
)

func TestAMirrorHoldsAProviderThatTheRootsTakeForThisMachine(t *testing.T) {
	here := runtime.GOOS + "_" + runtime.GOARCH
	tests := []struct {
		name string
		file string // below registry.terraform.io/hashicorp/aws
		want bool
	}{
		{"the oldest version, unpacked", "5.100.0/" + here + "/terraform-provider-aws_v5.100.0_x5", true},
		{"a newer major version, zipped", "terraform-provider-aws_6.34.0_" + here + ".zip", true},
		{"a version before the oldest", "5.99.1/" + here + "/terraform-provider-aws_v5.99.1_x5", false},
		{"the first version that is too new", "terraform-provider-aws_7.0.0_" + here + ".zip", false},
		{"a pre-release", "6.0.0-beta1/" + here + "/terraform-provider-aws_v6.0.0-beta1_x5", false},
		{"another machine's", "6.34.0/plan9_mips/terraform-provider-aws_v6.34.0_x5", false},
		{"a folder without the program", "6.34.0/" + here + "/LICENSE.txt", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "registry.terraform.io", "hashicorp", "aws", filepath.FromSlash(test.file))
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, nil, 0o755); err != nil {
				t.Fatal(err)
			}
			t.Setenv(tfcli.MirrorVar, dir)
			found, err := tfcli.FindMirror()
			if (err == nil) != test.want || test.want && found != dir {
				t.Fatalf("found %q, error %v; want it found: %v", found, err, test.want)
			}
		})
	}
}
