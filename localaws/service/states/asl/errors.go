package asl

import (
	"fmt"
	"slices"
	"strings"
)

// The errors of the language itself.
// See https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html.
const (
	All               = "States.ALL"
	DataLimitExceeded = "States.DataLimitExceeded"
	IntrinsicFailure  = "States.IntrinsicFailure"
	NoChoiceMatched   = "States.NoChoiceMatched"
	ParameterFailure  = "States.ParameterPathFailure"
	Permissions       = "States.Permissions"
	ResultPathFailure = "States.ResultPathMatchFailure"
	Runtime           = "States.Runtime"
	TaskFailed        = "States.TaskFailed"
	Timeout           = "States.Timeout"
)

// Error is a failure with the name that Retry and Catch know it by.
type Error struct{ Name, Cause string }

// Error makes an Error printable.
func (e *Error) Error() string {
	if e.Cause == "" {
		return e.Name
	}
	return e.Name + ": " + e.Cause
}

func failf(name, format string, args ...any) *Error {
	return &Error{name, fmt.Sprintf(format, args...)}
}

// matches reports whether a list of ErrorEquals holds for an error.
func matches(names []string, err string) bool {
	switch {
	case slices.Contains(names, err):
		return true
	case slices.Contains(names, All):
		return err != DataLimitExceeded && err != Runtime
	case slices.Contains(names, TaskFailed):
		return err != Timeout && err != DataLimitExceeded && err != Runtime
	}
	return false
}

// Diagnostic is one thing that is wrong with a definition.
type Diagnostic struct {
	Code     string // such as SCHEMA_VALIDATION_FAILED
	Message  string
	Location string // such as /States/Restore/Next
}

// InvalidDefinition says why a definition is refused.
type InvalidDefinition []Diagnostic

// Error joins the diagnostics in the form CreateStateMachine shows them.
func (d InvalidDefinition) Error() string {
	parts := make([]string, len(d))
	for i, x := range d {
		parts[i] = fmt.Sprintf("%s: %s at %s", x.Code, x.Message, x.Location)
	}
	return strings.Join(parts, ", ")
}
