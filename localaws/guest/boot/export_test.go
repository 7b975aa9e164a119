//go:build linux

package boot

// ScriptsOf is scriptsOf, for tests.
var ScriptsOf = scriptsOf
