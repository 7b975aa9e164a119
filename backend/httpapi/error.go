package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"

	shop "grocery/backend"
)

// statuses is the one table from error code to HTTP status.
var statuses = map[string]int{
	shop.ECONFLICT:     http.StatusConflict,
	shop.EFORBIDDEN:    http.StatusForbidden,
	shop.EINTERNAL:     http.StatusInternalServerError,
	shop.EINVALID:      http.StatusBadRequest,
	shop.ENOTFOUND:     http.StatusNotFound,
	shop.ETOOLARGE:     http.StatusRequestEntityTooLarge,
	shop.ETOOMANY:      http.StatusTooManyRequests,
	shop.EMISMATCH:     http.StatusUnprocessableEntity,
	shop.EPAYMENT:      http.StatusPaymentRequired,
	shop.EPRECONDITION: http.StatusPreconditionFailed,
	shop.EUNAUTHORIZED: http.StatusUnauthorized,
	shop.EUNAVAILABLE:  http.StatusServiceUnavailable,
}

// fail answers with the error. What is our fault is logged; the shopper reads a
// general sentence.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	var token *tokenError
	if errors.As(err, &token) {
		if token.status == http.StatusUnauthorized {
			w.Header().Set("WWW-Authenticate", "Bearer")
		}
		body := map[string]any{"msg": token.msg}
		if isV1(r) {
			body["error"], body["code"] = "Please sign in again.", token.code
		}
		writeJSON(w, token.status, body)
		return
	}
	code := shop.ErrorCode(err)
	switch code {
	case shop.EINTERNAL, shop.EUNAVAILABLE:
		level := slog.LevelError
		if errors.Is(r.Context().Err(), context.Canceled) {
			level = slog.LevelInfo // the client went away
		}
		s.Log.Log(r.Context(), level, "request failed", "code", code, "error", err)
		w.Header().Set("Retry-After", "5")
	case shop.ETOOMANY:
		var wait *waitError
		if errors.As(err, &wait) {
			w.Header().Set("Retry-After", strconv.Itoa(int(wait.d/time.Second)+1))
		}
	}
	writeJSON(w, statuses[code], errorBody(r, err))
}

// errorBody is what is answered: old clients read the sentence, those of /api/v1 also
// what exactly happened.
func errorBody(r *http.Request, err error) map[string]any {
	body := map[string]any{}
	if isV1(r) {
		if e, ok := errors.AsType[*shop.Error](err); ok {
			maps.Copy(body, e.Details)
		}
		body["code"] = shop.ErrorReason(err)
	}
	body["error"] = shop.ErrorMessage(err)
	return body
}

// isV1 reports whether the request is for the API of our own; clients of the old shop
// use the rest.
func isV1(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/api/v1/") }

// waitError is the cause of an ETOOMANY: when to come back.
type waitError struct{ d time.Duration }

func (e *waitError) Error() string { return "retry in " + e.d.String() }

func tooMany(wait time.Duration) error {
	return &shop.Error{Code: shop.ETOOMANY, Message: "Too many attempts. Please wait a moment and try again.", Err: &waitError{wait}}
}

// writeJSON answers with a status and a body. Answers are not to be stored unless
// the caller has said otherwise.
func writeJSON(w http.ResponseWriter, status int, body any) {
	b, err := json.Marshal(body)
	if err != nil { // a bug: our own shapes can always be written
		status, b = http.StatusInternalServerError, []byte(`{"error":"Internal error."}`)
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(b)+1))
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "no-store")
	}
	w.WriteHeader(status)
	w.Write(append(b, '\n'))
}

// withDetail returns err with a detail for programs. Errors may be shared, so err
// itself stays as it is.
func withDetail(err error, name string, value any) error {
	e, ok := errors.AsType[*shop.Error](err)
	if !ok {
		return err
	}
	c := *e
	c.Details = maps.Clone(e.Details)
	return c.With(name, value)
}
