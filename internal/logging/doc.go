// Package logging makes the structured JSON logs that the programs of this project
// write, and carries the id of a request to every line written while it is served.
//
// It may not know what is logged: keeping secrets out is the caller's duty.
package logging
