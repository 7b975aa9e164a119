package states

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"grocery/localaws/service/internal/page"
	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/service/states/asl"
	"grocery/localaws/store"
	"grocery/localaws/wire"
	api "grocery/localaws/wire/api/statesapi"
)

// The statuses of an execution.
const (
	running   = "RUNNING"
	succeeded = "SUCCEEDED"
	failed    = "FAILED"
	timedOut  = "TIMED_OUT"
	aborted   = "ABORTED"
)

// maxData is how many bytes an input or an output may have.
const maxData = 262144

// execution is one run of a machine: what it runs, what became of it, and where
// it stands.
type execution struct {
	Region  string     `json:"region"`
	Machine string     `json:"machine"`
	Name    string     `json:"name"`
	Version int64      `json:"version,omitempty"` // it was started by this version's ARN
	Runs    revision   `json:"runs"`
	Input   string     `json:"input"`
	Trace   string     `json:"trace,omitempty"`
	Started time.Time  `json:"started"`
	Stopped *time.Time `json:"stopped,omitempty"`
	Status  string     `json:"status"`
	Output  *string    `json:"output,omitempty"`
	Error   *string    `json:"error,omitempty"`
	Cause   *string    `json:"cause,omitempty"`
	position
}

// position is where a running execution stands. It changes with every step, in
// one transaction with the step's history.
type position struct {
	Steps    int64           `json:"steps"`              // how often it was changed
	LastID   int64           `json:"last_id"`            // of its history
	State    string          `json:"state"`              // the state it is in, or enters next
	Phase    phase           `json:"phase"`              // how far it is there
	Data     json.RawMessage `json:"data"`               // the state's input
	Entered  time.Time       `json:"entered"`            // when it entered the state
	Due      *time.Time      `json:"due,omitempty"`      // when a wait ends, for waiting and retrying
	Deadline *time.Time      `json:"deadline,omitempty"` // when the running task times out
	Tried    []int64         `json:"tried,omitempty"`    // retries that each retrier of the state allowed
}

// phase is how far an execution is in its state.
type phase string

const (
	entering phase = "entering" // the state comes next
	waiting  phase = "waiting"  // in a Wait state, until Due
	working  phase = "working"  // a task was scheduled, and is called again after a crash
	retrying phase = "retrying" // a task failed and is scheduled again at Due
)

var (
	executions = store.Table[execution]{Name: "states.executions"}
	// unfinished names the executions that run, so that nobody looks through
	// the others for them.
	unfinished = store.Table[struct{}]{Name: "states.unfinished"}
)

func (x *execution) key() string { return store.Key(x.Region, x.Machine, x.Name) }

func (x *execution) arn() string {
	return "arn:" + wire.Partition + ":states:" + x.Region + ":" + wire.Account + ":execution:" + x.Machine + ":" + x.Name
}

func (x *execution) machineARN() string { return (&machine{Region: x.Region, Name: x.Machine}).arn() }

func (x *execution) versionARN() *string {
	return (&machine{Region: x.Region, Name: x.Machine}).versionARN(x.Version)
}

// retries is how often the current state was tried again.
func (x *execution) retries() (n int64) {
	for _, t := range x.Tried {
		n += t
	}
	return n
}

// context is the context object.
// See https://docs.aws.amazon.com/step-functions/latest/dg/input-output-contextobject.html.
func (x *execution) context() map[string]any {
	input, err := asl.Decode([]byte(x.Input))
	if err != nil {
		input = nil // checked at the start
	}
	return map[string]any{
		"Execution":    map[string]any{"Id": x.arn(), "Input": input, "Name": x.Name, "RoleArn": x.Runs.RoleARN, "StartTime": asl.Time(x.Started), "RedriveCount": asl.Number(0)},
		"StateMachine": map[string]any{"Id": x.machineARN(), "Name": x.Machine},
		"State":        map[string]any{"Name": x.State, "EnteredTime": asl.Time(x.Entered), "RetryCount": asl.Number(x.retries())},
	}
}

// findExecution returns the execution of an ARN.
func findExecution(ctx context.Context, tx store.Tx, arn string) (execution, error) {
	m := executionARN.FindStringSubmatch(arn)
	if m == nil {
		return execution{}, invalidARN(arn)
	}
	x, ok := executions.Get(tx, store.Key(m[1], m[3], m[4]))
	if !ok || m[1] != wire.CallFrom(ctx).Region || m[2] != wire.Account {
		return x, wire.Errorf(400, "ExecutionDoesNotExist", "Execution Does Not Exist: '%s'", arn)
	}
	return x, nil
}

// startExecution begins a run. A name in use is taken for a repeated request
// while that run goes on with the same input; otherwise it is refused.
// See https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html.
func (s *Service) startExecution(ctx context.Context, in *api.StartExecutionInput) (*api.StartExecutionOutput, error) {
	input, name := ptr.Or(in.Input, "{}"), ptr.Or(in.Name, wire.NewRequestID())
	if err := checkName(name); err != nil {
		return nil, err
	}
	if _, err := asl.Decode([]byte(input)); err != nil {
		return nil, wire.Errorf(400, "InvalidExecutionInput", "Invalid State Machine Execution Input: '%s'", err)
	}
	if len(input) > maxData {
		return nil, wire.Errorf(400, "InvalidExecutionInput", "Invalid State Machine Execution Input: it has more than %d bytes", maxData)
	}
	out := &api.StartExecutionOutput{}
	var started *turn
	err := s.d.Store.Update(func(tx store.Tx) error {
		m, n, err := find(ctx, tx, *in.StateMachineArn)
		if err != nil {
			return err
		}
		x := execution{Region: m.Region, Machine: m.Name, Name: name, Version: n, Runs: m.revision, Input: input, Trace: ptr.Val(in.TraceHeader), Started: s.d.Clock.Now(), Status: running}
		if v := m.version(n); v != nil {
			x.Runs = v.revision
		}
		out.ExecutionArn, out.StartDate = new(x.arn()), &x.Started
		if old, ok := executions.Get(tx, x.key()); ok {
			if old.Status != running || old.Input != input {
				return wire.Errorf(400, "ExecutionAlreadyExists", "Execution Already Exists: '%s'", x.arn())
			}
			out.StartDate = &old.Started
			return nil
		}
		definition, err := asl.Parse(x.Runs.Definition)
		if err != nil {
			return fmt.Errorf("read the definition of %s: %w", x.machineARN(), err)
		}
		started = s.turn(x, definition)
		started.begin()
		started.put(tx)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if started != nil {
		s.report(started)
	}
	return out, nil
}

func (s *Service) describeExecution(ctx context.Context, in *api.DescribeExecutionInput) (*api.DescribeExecutionOutput, error) {
	out := &api.DescribeExecutionOutput{}
	return out, s.d.Store.View(func(tx store.Tx) error {
		x, err := findExecution(ctx, tx, *in.ExecutionArn)
		if err != nil {
			return err
		}
		*out = api.DescribeExecutionOutput{
			ExecutionArn: in.ExecutionArn, StateMachineArn: new(x.machineARN()), StateMachineVersionArn: x.versionARN(), Name: &x.Name, Status: &x.Status,
			StartDate: &x.Started, StopDate: x.Stopped, Error: x.Error, Cause: x.Cause, TraceHeader: ptr.NonZero(x.Trace), RedriveCount: new(int64(0)),
		}
		if ptr.Val(in.IncludedData) == "METADATA_ONLY" {
			return nil
		}
		out.Input, out.InputDetails, out.Output = &x.Input, &api.CloudWatchEventsExecutionDataDetails{Included: new(true)}, x.Output
		if x.Output != nil {
			out.OutputDetails = &api.CloudWatchEventsExecutionDataDetails{Included: new(true)}
		}
		return nil
	})
}

// describeStateMachineForExecution shows what an execution runs, whatever the
// machine has become since.
func (s *Service) describeStateMachineForExecution(ctx context.Context, in *api.DescribeStateMachineForExecutionInput) (*api.DescribeStateMachineForExecutionOutput, error) {
	out := &api.DescribeStateMachineForExecutionOutput{}
	return out, s.d.Store.View(func(tx store.Tx) error {
		x, err := findExecution(ctx, tx, *in.ExecutionArn)
		if err != nil {
			return err
		}
		r := x.Runs
		*out = api.DescribeStateMachineForExecutionOutput{Definition: &r.Definition, LoggingConfiguration: r.Logging.shape(), Name: &x.Machine, RevisionId: ptr.NonZero(r.ID), RoleArn: &r.RoleARN,
			StateMachineArn: new(x.machineARN()), TracingConfiguration: &api.TracingConfiguration{Enabled: &r.Tracing}, UpdateDate: &r.Updated,
			EncryptionConfiguration: &api.EncryptionConfiguration{Type: new("AWS_OWNED_KEY")}}
		return nil
	})
}

// listExecutions lists the executions of a machine, latest first.
func (s *Service) listExecutions(ctx context.Context, in *api.ListExecutionsInput) (*api.ListExecutionsOutput, error) {
	if in.StateMachineArn == nil {
		return nil, wire.Errorf(400, refused, "Must provide a state machine ARN: local AWS runs no Map states.")
	}
	out := &api.ListExecutionsOutput{Executions: []api.ExecutionListItem{}}
	return out, s.d.Store.View(func(tx store.Tx) error {
		m, n, err := find(ctx, tx, *in.StateMachineArn)
		if err != nil {
			return err
		}
		all := slices.DeleteFunc(executions.List(tx, m.key()+"/"), func(x execution) bool {
			return (in.StatusFilter != nil && x.Status != *in.StatusFilter) || (n != 0 && x.Version != n)
		})
		order := func(x execution) string { return fmt.Sprintf("%020d %s", 1<<62-x.Started.UnixMilli(), x.Name) }
		slices.SortFunc(all, func(a, b execution) int { return strings.Compare(order(a), order(b)) })
		all, next, err := page.Cut(all, order, in.NextToken, in.MaxResults, 1000)
		if err != nil {
			return invalidToken()
		}
		for _, x := range all {
			out.Executions = append(out.Executions, api.ExecutionListItem{ExecutionArn: new(x.arn()), Name: &x.Name, StartDate: &x.Started, StateMachineArn: new(x.machineARN()),
				StateMachineVersionArn: x.versionARN(), Status: &x.Status, StopDate: x.Stopped, RedriveCount: new(int64(0))})
		}
		out.NextToken = next
		return nil
	})
}

// stopExecution ends a run where it stands.
func (s *Service) stopExecution(ctx context.Context, in *api.StopExecutionInput) (*api.StopExecutionOutput, error) {
	out := &api.StopExecutionOutput{}
	var stopped *turn
	err := s.d.Store.Update(func(tx store.Tx) error {
		x, err := findExecution(ctx, tx, *in.ExecutionArn)
		if err != nil {
			return err
		}
		if x.Status == running {
			stopped = s.turn(x, nil)
			stopped.end(aborted, nil, in.Error, in.Cause)
			stopped.put(tx)
			x = stopped.x
		}
		out.StopDate = x.Stopped
		return nil
	})
	if err != nil {
		return nil, err
	}
	if stopped != nil {
		s.cancel(stopped.x.key())
		s.report(stopped)
	}
	return out, nil
}

// forget removes the executions of a machine that goes. It returns the keys of
// those that ran.
func forget(tx store.Tx, m *machine) (cut []string) {
	for _, x := range executions.List(tx, m.key()+"/") {
		if x.Status == running {
			cut = append(cut, x.key())
		}
		remove(tx, &x)
	}
	return cut
}

// remove removes an execution with its history.
func remove(tx store.Tx, x *execution) {
	var keys []string
	history.Each(tx, x.key()+"/", func(key string, _ event) bool { keys = append(keys, key); return true })
	for _, key := range keys {
		history.Delete(tx, key)
	}
	unfinished.Delete(tx, x.key())
	executions.Delete(tx, x.key())
}
