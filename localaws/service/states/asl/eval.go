package asl

import (
	"encoding/json"
	"fmt"
	"math"
	"time"
)

// take applies InputPath or OutputPath.
func (l location) take(input, context any, field string) (any, error) {
	switch {
	case l.null:
		return map[string]any{}, nil
	case l.path == nil:
		return input, nil
	}
	v, ok := l.path.Get(input, context)
	if !ok {
		return nil, failf(Runtime, "Invalid path '%s': The %s could not be found in '%s'", l.path, field, shorten(input))
	}
	return v, nil
}

// put applies ResultPath.
func (l location) put(input, result any) (any, error) {
	switch {
	case l.null:
		return input, nil
	case l.path == nil:
		return result, nil
	}
	v, err := l.path.Set(input, result)
	if err != nil {
		return nil, &Error{ResultPathFailure, err.Error()}
	}
	return v, nil
}

// Input is what the state works on: InputPath, then Parameters.
func (s *State) Input(raw, context any) (any, error) {
	v, err := s.input.take(raw, context, "InputPath")
	if err != nil || s.parameters == nil {
		return v, err
	}
	return s.parameters.Eval(v, context)
}

// Output is what the state hands on: a Task's or Pass's result through
// ResultSelector, ResultPath and OutputPath.
func (s *State) Output(raw, result, context any) (any, error) {
	var err error
	if s.selector != nil {
		if result, err = s.selector.Eval(result, context); err != nil {
			return nil, err
		}
	}
	if result, err = s.result.put(raw, result); err != nil {
		return nil, err
	}
	return s.output.take(result, context, "OutputPath")
}

// Passed is the output of a state that calls nothing: Pass, Choice, Wait and
// Succeed.
func (s *State) Passed(raw, context any) (any, error) {
	v, err := s.Input(raw, context)
	if err != nil {
		return nil, err
	}
	if s.Type != Pass {
		return s.output.take(v, context, "OutputPath")
	}
	if s.hasFixed {
		v = s.fixed
	}
	return s.Output(raw, v, context)
}

// TaskTimeout is how long a Task may take; 0 when it has no limit of its own.
func (s *State) TaskTimeout(raw, context any) (time.Duration, error) {
	if !s.timeout.set {
		return 0, nil
	}
	v, err := s.timeout.eval(raw, context)
	if err != nil {
		return 0, runtime(err)
	}
	n, ok := number64(v)
	if !ok || n < 1 || n > 99999999 {
		return 0, failf(Runtime, "The TimeoutSecondsPath parameter does not reference a positive integer value: %s", shorten(v))
	}
	return time.Duration(n) * time.Second, nil
}

// runtime gives a path that leads nowhere the name it has outside templates.
func runtime(err error) error {
	if e, ok := err.(*Error); ok && e.Name == ParameterFailure {
		return &Error{Runtime, e.Cause}
	}
	return err
}

// WaitUntil is when a Wait state that was entered at now ends.
func (s *State) WaitUntil(raw, context any, now time.Time) (time.Time, error) {
	input, err := s.input.take(raw, context, "InputPath")
	if err != nil {
		return now, err
	}
	v, err := s.wait.eval(input, context)
	if err != nil {
		return now, runtime(err)
	}
	if s.waitsUntil {
		t, ok := timestamp(v)
		if !ok {
			return now, failf(Runtime, "The TimestampPath parameter does not reference a valid ISO-8601 extended offset date-time format string: %s", shorten(v))
		}
		return t, nil
	}
	n, ok := float(v)
	if !ok || n < 0 || n > 99999999 || n != math.Trunc(n) {
		return now, failf(Runtime, "The SecondsPath parameter does not reference a non-negative integer value: %s", shorten(v))
	}
	return now.Add(time.Duration(n) * time.Second), nil
}

// Failure is the error a Fail state ends the execution with.
func (s *State) Failure(raw, context any) (name, cause *string, err error) {
	if name, err = s.err.string(raw, context, "ErrorPath"); err == nil {
		cause, err = s.cause.string(raw, context, "CausePath")
	}
	return name, cause, err
}

func (x value) string(raw, context any, field string) (*string, error) {
	if !x.set {
		return nil, nil
	}
	v, err := x.eval(raw, context)
	if err != nil {
		return nil, runtime(err)
	}
	s, ok := v.(string)
	if !ok {
		return nil, failf(Runtime, "The %s parameter does not reference a string: %s", field, shorten(v))
	}
	return &s, nil
}

// timestamp reads a timestamp as the language wants it: RFC 3339 with capital
// T and Z.
func timestamp(v any) (time.Time, bool) {
	s, ok := v.(string)
	if !ok || len(s) < 20 || s[10] != 'T' || s[len(s)-1] == 'z' {
		return time.Time{}, false
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	return t, err == nil
}

// Time writes a timestamp as context objects and history do.
func Time(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// Number makes a JSON number.
func Number(n int64) json.Number { return json.Number(fmt.Sprint(n)) }
