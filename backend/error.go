package shop

import (
	"errors"
	"fmt"
)

// Error codes. They say what kind of failure happened, free of any protocol;
// package httpapi holds the one table that turns them into HTTP statuses.
const (
	ECONFLICT     = "conflict"     // the action collides with what is already there
	EFORBIDDEN    = "forbidden"    // known caller, not allowed
	EINTERNAL     = "internal"     // our fault; details are logged, never shown
	EINVALID      = "invalid"      // the request breaks a rule
	ENOTFOUND     = "not_found"    // no such thing
	ETOOLARGE     = "too_large"    // the request is larger than accepted
	ETOOMANY      = "too_many"     // asked too often; try again later
	EMISMATCH     = "mismatch"     // the request contradicts an earlier one
	EPAYMENT      = "payment"      // the payment was refused
	EPRECONDITION = "precondition" // what the caller believed to be so has changed
	EUNAUTHORIZED = "unauthorized" // the caller could not be identified
	EUNAVAILABLE  = "unavailable"  // something we depend on is away; try again later
)

// Error is a failure whose Message may be shown to a shopper as it is. Every other
// error is internal: it is logged and shown as a general sentence.
type Error struct {
	Code    string
	Message string
	Reason  string         // what exactly happened, for programs, such as "basket_empty"; empty when Code says it all
	Details map[string]any // more of it for programs; what is in it may be shown
	Err     error          // the cause, for the log only
}

// Error describes the failure for the log, with its cause.
func (e *Error) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("%s: %s: %v", e.Code, e.Message, e.Err)
	}
	return e.Code + ": " + e.Message
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Errorf returns an Error with a code and a message for the shopper.
func Errorf(code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Because adds what exactly happened, in snake_case, for programs. It returns e.
func (e *Error) Because(reason string) *Error {
	e.Reason = reason
	return e
}

// With adds a detail for programs. It returns e.
func (e *Error) With(name string, value any) *Error {
	if e.Details == nil {
		e.Details = map[string]any{}
	}
	e.Details[name] = value
	return e
}

// Unavailable wraps a failure of something the shop depends on. The message shown
// is general; the cause goes to the log.
func Unavailable(err error) *Error {
	return &Error{Code: EUNAVAILABLE, Message: "The shop is not available at the moment. Please try again.", Err: err}
}

// ErrorCode returns the code of the first Error in err's chain, EINTERNAL for any
// other error and "" for nil.
func ErrorCode(err error) string {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return EINTERNAL
}

// ErrorReason returns what exactly happened: the Reason of the first Error in err's
// chain, or its code when it has none.
func ErrorReason(err error) string {
	if e, ok := errors.AsType[*Error](err); ok && e.Reason != "" {
		return e.Reason
	}
	return ErrorCode(err)
}

// ErrorMessage returns what a shopper may read about err: the message of the first
// Error in its chain, or a general sentence that gives nothing away.
func ErrorMessage(err error) string {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Message
	}
	return "Internal error."
}
