// Package workflow reads GitHub's workflow files and runs the steps of a job
// on this machine, in the order and with the conditions they stand in. It
// knows the part of the language that this repository uses and refuses the
// rest, so that a test never passes over a line it did not understand.
//
// The language: https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax.
package workflow
