package lambda

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"time"

	"grocery/localaws/runtime"
	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/wire"
	api "grocery/localaws/wire/api/lambdaapi"
)

// maxConcurrent bounds the sandboxes of one machine.
const maxConcurrent = 50

// invoke runs a function, or queues the event for it.
// See https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html.
func (s *Service) invoke(ctx context.Context, in *api.InvokeInput) (*api.InvokeOutput, error) {
	f, c, err := s.view(ctx, in.FunctionName, in.Qualifier)
	if err != nil {
		return nil, err
	}
	payload := in.Payload
	if len(payload) == 0 {
		payload = []byte("{}")
	}
	if !json.Valid(payload) {
		return nil, wire.Errorf(400, "InvalidRequestContentException", "Could not parse request body into json: the payload is not valid JSON.")
	}
	kind := ptr.Or(in.InvocationType, "RequestResponse")
	if limit := map[string]int{"Event": 256 << 10}[kind]; limit > 0 && len(payload) > limit || len(payload) > maxPayload {
		return nil, wire.Errorf(413, "RequestTooLargeException", "%d byte payload is too large for the %s invocation type", len(payload), kind)
	}
	switch kind {
	case "DryRun":
		return &api.InvokeOutput{StatusCode: new(int64(204))}, nil
	case "Event":
		return &api.InvokeOutput{StatusCode: new(int64(202))}, s.enqueue(&f, c, payload)
	case "RequestResponse":
	default:
		return nil, wire.Errorf(400, invalidValue, "The invocation type %s does not exist.", kind)
	}
	tail := ptr.Val(in.LogType) == "Tail"
	out, log, err := s.run(ctx, &f, c, wire.NewRequestID(), payload, ptr.Val(in.ClientContext), tail)
	if err != nil {
		return nil, err
	}
	answer := &api.InvokeOutput{StatusCode: new(int64(200)), ExecutedVersion: &c.Version, Payload: out.payload, FunctionError: ptr.NonZero(out.kind)}
	if tail {
		answer.LogResult = new(base64.StdEncoding.EncodeToString(log[max(0, len(log)-4096):]))
	}
	return answer, nil
}

// run invokes a version in a sandbox and returns its outcome and, if show is
// set, its output.
// err is a failure of Lambda's own.
func (s *Service) run(ctx context.Context, f *function, c *config, id string, payload []byte, clientContext string, show bool) (outcome, []byte, error) {
	x, fresh, err := s.acquire(ctx, f, c)
	if err != nil {
		return outcome{}, nil, err
	}
	started := time.Now()
	arn := f.arn()
	if c.Version != latest {
		arn += ":" + c.Version
	}
	limit := time.Duration(c.Timeout) * time.Second
	i := &invocation{id: id, payload: payload, arn: arn, deadline: time.Now().Add(limit), context: clientContext, done: make(chan outcome, 1)}
	s.mu.Lock()
	x.current = i
	s.mu.Unlock()

	ended := make(chan runtime.ContainerStatus, 1)
	watch, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	go func() {
		if st, err := s.d.Runtime.WaitContainer(watch, x.Name); err == nil {
			ended <- st
		}
	}()
	if fresh { // the time to start is not the function's
		limit += startGrace
		i.deadline = i.deadline.Add(startGrace)
	}
	timeout := time.NewTimer(limit)
	defer timeout.Stop()
	x.next <- i
	var out outcome
	healthy := false
	select {
	case out = <-i.done:
		healthy = true
	case st := <-ended:
		select {
		case out = <-i.done: // it answered, or reported its failed start, and ended
		default:
			out = failure("Runtime.ExitError", "RequestId: %s Error: Runtime exited with error: exit status %d", id, st.ExitCode)
			if st.OOMKilled {
				out = failure("Runtime.OutOfMemory", "RequestId: %s Error: Runtime exited with error: signal: killed", id)
			}
		}
	case <-timeout.C:
		out = failure("Sandbox.Timedout", "RequestId: %s Error: Task timed out after %d.00 seconds", id, c.Timeout)
	}
	log := s.report(ctx, f, c, x, id, out, time.Since(started), show)
	s.release(ctx, x, healthy)
	return out, log, nil
}

// startGrace is what a first invocation may take beyond the function's timeout,
// for its container to start.
const startGrace = 10 * time.Second

// acquire takes an idle sandbox of the version, or makes one.
func (s *Service) acquire(ctx context.Context, f *function, c *config) (x *sandbox, fresh bool, err error) {
	s.mu.Lock()
	working := 0
	for _, y := range s.sandboxes {
		switch {
		case y.busy && y.function == f.key():
			working++
		case !y.busy && !y.dead && y.function == f.key() && y.revision == c.Revision && (x == nil || y.idle.After(x.idle)):
			x = y
		}
	}
	total := len(s.sandboxes)
	if f.Reserved != nil && working >= int(*f.Reserved) || x == nil && total >= maxConcurrent {
		s.mu.Unlock()
		return nil, false, &wire.Error{Status: 429, Code: "TooManyRequestsException", Message: "Rate Exceeded.", Fields: map[string]string{"Reason": "ReservedFunctionConcurrentInvocationLimitExceeded"}}
	}
	if x != nil {
		x.busy = true
	}
	s.mu.Unlock()
	if x != nil {
		st, err := s.d.Runtime.InspectContainer(ctx, x.Name)
		if err == nil && st.State == runtime.Running {
			return x, false, nil
		}
		if err := s.remove(ctx, x.row); err != nil {
			return nil, false, err
		}
	}
	x, err = s.create(context.WithoutCancel(ctx), f, c)
	if errors.Is(err, runtime.ErrImageNotFound) {
		err = wire.Errorf(502, "EC2UnexpectedException", "The image %s that functions run in is missing: run `grocery up`, which builds it.", s.d.Image)
	}
	return x, true, err
}

// release puts a sandbox back, or removes it when it did not answer.
func (s *Service) release(ctx context.Context, x *sandbox, healthy bool) {
	s.mu.Lock()
	x.current = nil
	if healthy {
		x.busy, x.idle = false, s.d.Clock.Now()
	}
	s.mu.Unlock()
	if healthy {
		return
	}
	if err := s.remove(context.WithoutCancel(ctx), x.row); err != nil {
		s.d.Log.Warn("removing a sandbox; it is tried again", "sandbox", x.Name, "error", err)
	}
}
