package states

import (
	"encoding/json"
	"errors"
	"time"

	"grocery/localaws/service/states/asl"
	"grocery/localaws/store"
)

// turn is one step of an execution: a copy of it that the step changes, with
// the history the step writes. put stores both at once.
type turn struct {
	x          execution
	definition *asl.Machine
	from       int64 // the count of steps the copy was made at
	events     []event
	now        time.Time
}

func (s *Service) turn(x execution, definition *asl.Machine) *turn {
	return &turn{x: x, definition: definition, from: x.Steps, now: s.d.Clock.Now()}
}

// errStale says that somebody else changed the execution since the turn's copy
// was made: it was stopped, or its machine is gone.
var errStale = errors.New("the execution was changed meanwhile")

// put stores the turn.
func (t *turn) put(tx store.Tx) {
	t.x.Steps++
	executions.Put(tx, t.x.key(), t.x)
	for _, e := range t.events {
		history.Put(tx, eventKey(t.x.key(), e.ID), e)
	}
	if t.x.Status == running {
		unfinished.Put(tx, t.x.key(), struct{}{})
	} else {
		unfinished.Delete(tx, t.x.key())
	}
}

// commit stores the turn if the execution still stands where the turn began.
func (s *Service) commit(t *turn) error {
	err := s.d.Store.Update(func(tx store.Tx) error {
		now, ok := executions.Get(tx, t.x.key())
		if !ok || now.Steps != t.from || now.Status != running {
			return errStale
		}
		t.put(tx)
		return nil
	})
	if err == nil {
		s.report(t)
		t.from, t.events = t.x.Steps, nil
	}
	return err
}

// add writes an event into the history.
func (t *turn) add(e event) {
	e.Previous = t.x.LastID
	t.x.LastID++
	e.ID, e.Time = t.x.LastID, t.now
	t.events = append(t.events, e)
}

// begin starts the execution.
func (t *turn) begin() {
	t.add(event{Type: "ExecutionStarted", Input: &t.x.Input, Role: t.x.Runs.RoleARN, Version: t.x.versionARN()})
	t.enter(t.definition.StartAt, json.RawMessage(t.x.Input))
}

// enter makes a state the next one.
func (t *turn) enter(state string, data json.RawMessage) {
	t.x.State, t.x.Data, t.x.Phase, t.x.Tried, t.x.Due, t.x.Deadline = state, data, entering, nil, nil, nil
}

// end ends the execution.
func (t *turn) end(status string, output, name, cause *string) {
	t.x.Status, t.x.Stopped, t.x.Output, t.x.Error, t.x.Cause = status, &t.now, output, name, cause
	t.x.Due, t.x.Deadline = nil, nil
	kind := map[string]string{succeeded: "ExecutionSucceeded", failed: "ExecutionFailed", timedOut: "ExecutionTimedOut", aborted: "ExecutionAborted"}[status]
	t.add(event{Type: kind, Output: output, Error: name, Cause: cause})
}

// fail ends the execution with an error that nothing caught.
func (t *turn) fail(err *asl.Error) {
	var cause *string
	if err.Cause != "" {
		cause = &err.Cause
	}
	t.end(failed, nil, &err.Name, cause)
}

// state is the state the execution is in.
func (t *turn) state() *asl.State { return t.definition.States[t.x.State] }

// data is the state's input.
func (t *turn) data() any {
	v, err := asl.Decode(t.x.Data)
	if err != nil {
		return nil // only JSON is ever put there
	}
	return v
}

// leave leaves the state with an output, to next or to the end.
func (t *turn) leave(output any, next string) {
	raw := asl.JSON(output)
	if len(raw) > maxData {
		t.fault(&asl.Error{Name: asl.DataLimitExceeded, Cause: "The state/task '" + t.x.State + "' returned a result with a size exceeding the maximum number of bytes service limit."})
		return
	}
	text := string(raw)
	t.add(event{Type: t.state().Type + "StateExited", Name: t.x.State, Output: &text})
	if next == "" {
		t.end(succeeded, &text, nil, nil)
		return
	}
	t.enter(next, raw)
}

// fault handles an error in the state: by a catcher, or it ends the execution.
func (t *turn) fault(err error) {
	e := asError(err)
	next, output, caught, cannot := t.state().Caught(e, t.data())
	switch {
	case cannot != nil:
		t.fail(asError(cannot))
	case caught:
		t.leave(output, next)
	default:
		t.fail(e)
	}
}

// asError gives any error a name of the language.
func asError(err error) *asl.Error {
	if e, ok := errors.AsType[*asl.Error](err); ok {
		return e
	}
	return &asl.Error{Name: asl.Runtime, Cause: err.Error()}
}
