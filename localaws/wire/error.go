package wire

import (
	"errors"
	"fmt"
	"net/http"
	"syscall"
)

// Error is an answer that says no, in AWS's terms. The same value is encoded
// as each protocol wants it.
type Error struct {
	Status  int               // HTTP status, 4xx or 5xx
	Code    string            // AWS's code, such as "InvalidVpcID.NotFound"
	Message string            // shown to the caller
	Fields  map[string]string // further members, such as S3's BucketName
	Headers http.Header       // further HTTP headers, such as a delete marker's
}

// Error makes an Error printable.
func (e *Error) Error() string { return e.Code + ": " + e.Message }

// Errorf makes an Error. Status is HTTP's; AWS uses 400 for most refusals.
func Errorf(status int, code, format string, args ...any) *Error {
	return &Error{Status: status, Code: code, Message: fmt.Sprintf(format, args...)}
}

// Code returns the AWS code of err, or "" when err is no AWS error.
func Code(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return ""
}

// asError turns any error into one that may be shown. An error that is not
// AWS's is an internal one: it is logged by the chain and not shown.
func asError(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	if errors.Is(err, syscall.ENOSPC) {
		// A 4xx: a client that retries for minutes would find no more room.
		return Errorf(http.StatusBadRequest, "InsufficientStorage", "The disk of the machine that runs local AWS is full, and nothing was changed: make room, then run the same command again.")
	}
	return Errorf(http.StatusInternalServerError, "InternalError", "An internal error occurred; local AWS wrote the cause to its log.")
}
