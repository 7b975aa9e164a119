// Package states is Step Functions: standard state machines in the Amazon
// States Language, run step by step from the store.
//
// Every step of an execution is written down before the next begins, so that a
// crash continues it where it stood. Tasks call the services served here by
// name, with the machine's role; what this package does not run (Map, Parallel,
// JSONata, express machines) is refused when the machine is created. It knows
// the store and typed requests, never HTTP.
package states

//go:generate go run ./internal/errorsgen
