package tfcli

import (
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
)

// The versions of the provider that the roots take. A contract test compares
// them with the roots.
const (
	ProviderMinVersion = "5.100.0" // the oldest, inclusive
	ProviderEndVersion = "7.0.0"   // the first that is too new
)

const platform = runtime.GOOS + "_" + runtime.GOARCH

// isMirror says whether a folder holds the provider for this machine, unpacked
// or as a zip, in a version that the roots take. A mirror that only has others
// would fail each init instead of falling back to the registry.
func isMirror(dir string) bool {
	programs, _ := filepath.Glob(filepath.Join(dir, provider, "*", platform, "terraform-provider-aws*")) // the pattern is constant but for dir
	for _, program := range programs {
		if usable(filepath.Base(filepath.Dir(filepath.Dir(program)))) {
			return true
		}
	}
	zips, _ := filepath.Glob(filepath.Join(dir, provider, "terraform-provider-aws_*_"+platform+".zip"))
	for _, zip := range zips {
		version := strings.TrimPrefix(filepath.Base(zip), "terraform-provider-aws_")
		if usable(strings.TrimSuffix(version, "_"+platform+".zip")) {
			return true
		}
	}
	return false
}

// usable says whether the roots take a version of the provider. Pre-releases
// are taken only by those who name them.
func usable(version string) bool {
	v, ok := parse(version)
	oldest, _ := parse(ProviderMinVersion)
	end, _ := parse(ProviderEndVersion)
	return ok && !less(v, oldest) && less(v, end)
}

func less(a, b [3]int) bool {
	for i := range a {
		if a[i] != b[i] {
			return a[i] < b[i]
		}
	}
	return false
}

func parse(version string) (v [3]int, ok bool) {
	parts := strings.Split(version, ".")
	if len(parts) != len(v) {
		return v, false
	}
	for i, part := range parts {
		n, err := strconv.Atoi(part)
		if err != nil {
			return v, false
		}
		v[i] = n
	}
	return v, true
}
