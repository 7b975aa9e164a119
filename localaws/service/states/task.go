package states

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/service/internal/role"
	"grocery/localaws/service/states/asl"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/lambdaapi"
)

// schedule notes that the state's task is called next.
func (t *turn) schedule() {
	s := t.state()
	input, err := s.Input(t.data(), t.x.context())
	if err != nil {
		t.fault(err)
		return
	}
	limit, err := s.TaskTimeout(t.data(), t.x.context())
	if err != nil {
		t.fault(err)
		return
	}
	t.x.Phase, t.x.Due, t.x.Deadline = working, nil, nil
	if limit > 0 {
		t.x.Deadline = new(t.now.Add(limit))
	}
	e := event{Type: "TaskScheduled", Input: new(string(asl.JSON(input))), Resource: s.Resource.Action, Kind: s.Resource.Type, Region: t.x.Region, Timeout: int64(limit / time.Second)}
	started := event{Type: "TaskStarted", Resource: s.Resource.Action, Kind: s.Resource.Type}
	if s.Resource.Function != "" {
		e.Type, e.Resource, e.Kind, e.Region = "LambdaFunctionScheduled", s.Resource.Function, "", ""
		started = event{Type: "LambdaFunctionStarted"}
	}
	t.add(e)
	t.add(started)
}

// outcome adds how a call ended to the history.
func (t *turn) outcome(what string, output *string, err *asl.Error) {
	s := t.state()
	e := event{Type: "Task" + what, Resource: s.Resource.Action, Kind: s.Resource.Type, Output: output}
	if s.Resource.Function != "" {
		e = event{Type: "LambdaFunction" + what, Output: output}
	}
	if err != nil {
		e.Error, e.Cause = &err.Name, ptr.NonZero(err.Cause)
	}
	t.add(e)
}

// task calls what the state's task names and notes the outcome. A call that a
// crash interrupted is made again: tasks run at least once.
func (s *Service) task(ctx context.Context, t *turn, end *time.Time) error {
	state := t.state()
	until := t.x.Deadline
	if end != nil && (until == nil || end.Before(*until)) {
		until = end
	}
	input, err := state.Input(t.data(), t.x.context())
	var result any
	if err == nil {
		x := t.x // the call may outlast the turn that made it
		result, err = s.bounded(ctx, until, func(ctx context.Context) (any, error) { return s.call(ctx, &x, state.Resource, input) })
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	t.now = s.d.Clock.Now()
	if end != nil && !t.now.Before(*end) {
		t.end(timedOut, nil, new(asl.Timeout), nil)
		return nil
	}
	if err != nil {
		t.failed(asError(err))
		return nil
	}
	raw := asl.JSON(result)
	if len(raw) > maxData {
		t.failed(&asl.Error{Name: asl.DataLimitExceeded, Cause: "The state/task '" + state.Resource.Action + "' returned a result with a size exceeding the maximum number of bytes service limit."})
		return nil
	}
	t.outcome("Succeeded", new(string(raw)), nil)
	output, err := state.Output(t.data(), result, t.x.context())
	if err != nil {
		t.fault(err)
		return nil
	}
	t.leave(output, state.Next)
	return nil
}

// failed notes a task's failure: it is tried again, caught, or the end.
func (t *turn) failed(err *asl.Error) {
	if err.Name == asl.Timeout {
		t.outcome("TimedOut", nil, err)
	} else {
		t.outcome("Failed", nil, err)
	}
	retrier, after, again := t.state().Again(err, t.x.Tried)
	if !again {
		t.fault(err)
		return
	}
	for len(t.x.Tried) <= retrier {
		t.x.Tried = append(t.x.Tried, 0)
	}
	t.x.Tried[retrier]++
	t.x.Phase, t.x.Due, t.x.Deadline = retrying, new(t.now.Add(after)), nil
}

// bounded runs f until a moment at most; nil is no limit. What f still does
// after that has its context cancelled and nobody listening.
func (s *Service) bounded(ctx context.Context, until *time.Time, f func(context.Context) (any, error)) (any, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type answer struct {
		v   any
		err error
	}
	answers := make(chan answer, 1)
	go func() {
		v, err := f(ctx)
		answers <- answer{v, err}
	}()
	var expired <-chan time.Time
	if until != nil {
		expired = s.d.Clock.After(max(0, until.Sub(s.d.Clock.Now())))
	}
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case a := <-answers:
		return a.v, a.err
	case <-expired:
		return nil, &asl.Error{Name: asl.Timeout}
	}
}

// call makes a task's call with the machine's role.
func (s *Service) call(ctx context.Context, x *execution, r *asl.Resource, input any) (any, error) {
	ctx, err := role.Take(ctx, s.d.Calls, principal, x.Region, x.machineARN(), x.Runs.RoleARN, x.Name)
	if err != nil {
		return nil, &asl.Error{Name: asl.Permissions, Cause: "The role " + x.Runs.RoleARN + " cannot be assumed by Step Functions: " + err.Error()}
	}
	switch {
	case r.Function != "":
		out, err := s.invoke(ctx, &lambdaapi.InvokeInput{FunctionName: &r.Function, Payload: asl.JSON(input)})
		if err != nil {
			return nil, err
		}
		return payload(out.Payload), nil
	case r.Service == "":
		return s.invokeLambda(ctx, input)
	}
	return s.callSDK(ctx, r, input)
}

// invokeLambda is the integration lambda:invoke.
// See https://docs.aws.amazon.com/step-functions/latest/dg/connect-lambda.html.
func (s *Service) invokeLambda(ctx context.Context, input any) (any, error) {
	m, _ := input.(map[string]any)
	in := &lambdaapi.InvokeInput{}
	for name, v := range m {
		text, isText := v.(string)
		to := map[string]**string{"FunctionName": &in.FunctionName, "InvocationType": &in.InvocationType, "LogType": &in.LogType, "ClientContext": &in.ClientContext, "Qualifier": &in.Qualifier}[name]
		switch {
		case name == "Payload":
			in.Payload = asl.JSON(v)
		case to == nil || !isText:
			return nil, &asl.Error{Name: asl.Runtime, Cause: "The field '" + name + "' is not supported by lambda:invoke, or its value is no string"}
		default:
			*to = &text
		}
	}
	if in.Payload == nil {
		in.Payload = []byte("{}")
	}
	out, err := s.invoke(ctx, in)
	if err != nil {
		return nil, err
	}
	result := map[string]any{"StatusCode": asl.Number(ptr.Or(out.StatusCode, 200)), "Payload": payload(out.Payload), "SdkResponseMetadata": map[string]any{"RequestId": wire.CallFrom(ctx).RequestID}}
	if out.ExecutedVersion != nil {
		result["ExecutedVersion"] = *out.ExecutedVersion
	}
	if out.LogResult != nil {
		result["LogResult"] = *out.LogResult
	}
	return result, nil
}

// payload is a function's answer as JSON; what is no JSON is a string.
func payload(raw []byte) any {
	if v, err := asl.Decode(raw); err == nil {
		return v
	}
	return string(raw)
}

// invoke calls a function and turns its errors, and Lambda's own, into the
// names the language has for them.
func (s *Service) invoke(ctx context.Context, in *lambdaapi.InvokeInput) (*lambdaapi.InvokeOutput, error) {
	out, err := wire.Invoke(ctx, s.d.Calls, lambdaapi.Invoke, in)
	if err != nil {
		return nil, lambdaError(ctx, err)
	}
	if out.FunctionError == nil {
		return out, nil
	}
	var thrown struct {
		Type string `json:"errorType"`
	}
	if json.Unmarshal(out.Payload, &thrown) != nil || thrown.Type == "" {
		return nil, &asl.Error{Name: "Lambda.Unknown", Cause: "The cause could not be determined because Lambda did not return an error type. Returned payload: " + string(out.Payload)}
	}
	return nil, &asl.Error{Name: thrown.Type, Cause: string(out.Payload)}
}

func lambdaError(ctx context.Context, err error) error {
	e, ok := errors.AsType[*wire.Error](err)
	if !ok || e.Status >= 500 {
		return &asl.Error{Name: "Lambda.ServiceException", Cause: cause(ctx, "Lambda", err)}
	}
	if name := exceptions["lambda"][e.Code]; name != "" {
		return &asl.Error{Name: "Lambda." + name, Cause: cause(ctx, "Lambda", err)}
	}
	return &asl.Error{Name: "Lambda.AWSLambdaException", Cause: cause(ctx, "Lambda", err)}
}
