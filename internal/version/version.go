package version

// version is set at build time: -ldflags "-X grocery/internal/version.version=1.2.3".
var version = "dev"

// String returns the version this binary was built as, "dev" when none was given.
func String() string { return version }
