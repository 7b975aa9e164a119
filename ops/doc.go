// Package ops is what the pipeline and an operator do with the shop's
// deployment: bootstrap, build, deploy, verify, report, tear down. It is a
// library: it prints nothing, tells its progress as events, and returns errors
// that say what to do next.
//
// To ops AWS is AWS, wherever it runs: an Access says how to reach it. ops
// never imports localaws.
package ops
