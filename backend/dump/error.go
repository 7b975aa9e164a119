package dump

import (
	"fmt"
	"time"
)

// Code is the kind of fault a dump has.
type Code string

// The kinds of faults.
const (
	Format    Code = "format"    // not a dump that can be read, or of a kind that is not read
	Truncated Code = "truncated" // the dump ends too early
	TooLarge  Code = "too_large" // more than the limits allow
	Encoding  Code = "encoding"  // text that is not UTF-8, or holds NUL
	Syntax    Code = "syntax"    // not SQL as dumps have it
	Statement Code = "statement" // a statement that has no place in a dump of the shop
	Table     Code = "table"     // a table that is not the shop's, or one that is missing
	Column    Code = "column"    // a column that the table does not have, or one that is missing
	Value     Code = "value"     // a value that the column cannot hold
	Duplicate Code = "duplicate" // two rows with one key
	Reference Code = "reference" // a row that refers to one that does not exist
)

// InvalidDumpError says what is wrong with a dump. Trying again does not help: the
// dump has to be made anew or put right. No data was changed.
type InvalidDumpError struct {
	Code   Code   `json:"code"`
	Line   int64  `json:"line,omitempty"`  // from 1, of the uncompressed text; of an archive, the row of Table
	Table  string `json:"table,omitempty"` // where a row is at fault
	Reason string `json:"reason"`
}

// Error returns the place and the reason, and that nothing was changed.
func (e *InvalidDumpError) Error() string {
	where := ""
	switch {
	case e.Line > 0 && e.Table != "":
		where = fmt.Sprintf("line %d (table %s): ", e.Line, e.Table)
	case e.Line > 0:
		where = fmt.Sprintf("line %d: ", e.Line)
	case e.Table != "":
		where = fmt.Sprintf("table %s: ", e.Table)
	}
	return fmt.Sprintf("invalid dump: %s%s [%s]; nothing was changed", where, e.Reason, e.Code)
}

func invalid(code Code, line int64, format string, args ...any) *InvalidDumpError {
	return &InvalidDumpError{Code: code, Line: line, Reason: fmt.Sprintf(format, args...)}
}

// SourceError says that the dump could not be read to its end for a reason that is not
// the dump's: the connection it came over broke. Reading it again may help.
type SourceError struct{ Err error }

// Error returns what happened.
func (e *SourceError) Error() string { return "read the dump: " + e.Err.Error() }

// Unwrap returns the cause.
func (e *SourceError) Unwrap() error { return e.Err }

// BusyError says that another restore runs, and did not end in the time that
// Options.Wait gives it. Trying again later helps.
type BusyError struct{ Waited time.Duration }

// Error returns how long was waited.
func (e *BusyError) Error() string {
	return fmt.Sprintf("another restore runs and did not end within %s; nothing was changed", e.Waited)
}

// NotEmptyError says that the shop was used already, so that a dump which is meant for
// an empty one is not restored.
type NotEmptyError struct{ Users, Orders, Restores int64 }

// Error returns what there is, and what to do.
func (e *NotEmptyError) Error() string {
	return fmt.Sprintf("the shop is in use (%d users, %d orders, %d restores before), and this dump is for an empty one; nothing was changed. To replace the shop's data by it, restore it under another name", e.Users, e.Orders, e.Restores)
}
