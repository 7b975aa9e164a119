package states_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"grocery/localaws/reconcile"
	"grocery/localaws/service/internal/apitest"
	"grocery/localaws/service/states"
	"grocery/localaws/store"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/cloudwatchapi"
	"grocery/localaws/wire/api/eventsapi"
	"grocery/localaws/wire/api/lambdaapi"
	"grocery/localaws/wire/api/logsapi"
	"grocery/localaws/wire/api/rdsapi"
	"grocery/localaws/wire/api/s3api"
	api "grocery/localaws/wire/api/statesapi"
)

// world is Step Functions over services whose answers the test decides, in a
// bubble of test time.
type world struct {
	t     *testing.T
	store store.Store
	calls *wire.Registry
	ctx   context.Context
	stop  context.CancelFunc
	done  chan struct{}

	lambda func(ctx context.Context, payload map[string]any) (*lambdaapi.InvokeOutput, error)
	status func() string // of the database
	head   func(in *s3api.HeadObjectInput) (*s3api.HeadObjectOutput, error)

	mu         sync.Mutex
	invoked    []map[string]any
	principals []string
	log        []string
	metrics    []string
	events     []string
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, store: store.NewMemory(), calls: apitest.Registry(), ctx: wire.WithCall(t.Context(), &wire.Call{Region: apitest.Region, Account: wire.Account})}
	trusting(w.calls)
	wire.Handle(w.calls, lambdaapi.Invoke, func(ctx context.Context, in *lambdaapi.InvokeInput) (*lambdaapi.InvokeOutput, error) {
		var payload map[string]any
		if err := json.Unmarshal(in.Payload, &payload); err != nil {
			return nil, err
		}
		w.note(func() {
			w.invoked = append(w.invoked, payload)
			w.principals = append(w.principals, wire.CallFrom(ctx).Principal.ARN)
		})
		if w.lambda != nil {
			return w.lambda(ctx, payload)
		}
		return &lambdaapi.InvokeOutput{StatusCode: new(int64(200)), Payload: []byte(`{"ok":true}`)}, nil
	})
	wire.Handle(w.calls, rdsapi.DescribeDBInstances, func(_ context.Context, in *rdsapi.DescribeDBInstancesInput) (*rdsapi.DescribeDBInstancesOutput, error) {
		if *in.DBInstanceIdentifier != "db" {
			return nil, wire.Errorf(404, "DBInstanceNotFound", "DBInstance not found.")
		}
		status := "available"
		if w.status != nil {
			status = w.status()
		}
		return &rdsapi.DescribeDBInstancesOutput{DBInstances: []rdsapi.DBInstance{{DBInstanceIdentifier: new("db"), DBInstanceStatus: &status, InstanceCreateTime: new(time.Unix(0, 0))}}}, nil
	})
	wire.Handle(w.calls, s3api.HeadObject, func(_ context.Context, in *s3api.HeadObjectInput) (*s3api.HeadObjectOutput, error) {
		if w.head != nil {
			return w.head(in)
		}
		return &s3api.HeadObjectOutput{ContentLength: new(int64(7)), ETag: new(`"x"`)}, nil
	})
	wire.Handle(w.calls, logsapi.CreateLogStream, func(context.Context, *logsapi.CreateLogStreamInput) (*logsapi.CreateLogStreamOutput, error) {
		return nil, nil
	})
	wire.Handle(w.calls, logsapi.PutLogEvents, func(_ context.Context, in *logsapi.PutLogEventsInput) (*logsapi.PutLogEventsOutput, error) {
		w.note(func() {
			for _, e := range in.LogEvents {
				w.log = append(w.log, *e.Message)
			}
		})
		return nil, nil
	})
	wire.Handle(w.calls, cloudwatchapi.PutMetricData, func(_ context.Context, in *cloudwatchapi.PutMetricDataInput) (*cloudwatchapi.PutMetricDataOutput, error) {
		w.note(func() {
			for _, d := range in.MetricData {
				w.metrics = append(w.metrics, *in.Namespace+" "+*d.MetricName)
			}
		})
		return nil, nil
	})
	wire.Handle(w.calls, eventsapi.PutEvents, func(_ context.Context, in *eventsapi.PutEventsInput) (*eventsapi.PutEventsOutput, error) {
		w.note(func() { w.events = append(w.events, *in.Entries[0].Detail) })
		return nil, nil
	})
	first := states.New(w.deps())
	first.Register(w.calls)
	w.run(first)
	t.Cleanup(func() { w.crash() })
	return w
}

func (w *world) deps() states.Deps {
	return states.Deps{Store: w.store, Clock: store.System, Calls: w.calls, Log: slog.New(slog.DiscardHandler)}
}

func (w *world) note(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f()
}

// run runs the loops of a process that just started.
func (w *world) run(s *states.Service) {
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		reconcile.Run(ctx, slog.New(slog.DiscardHandler), w.store, store.System, s.Loops()...)
	}()
	w.stop, w.done = stop, done
}

// crash ends the process; what it did not store is lost.
func (w *world) crash() {
	w.stop()
	<-w.done
}

// restart crashes and starts a process that knows the store alone.
func (w *world) restart() {
	w.crash()
	w.run(states.New(w.deps()))
}

func (w *world) create(definition string) string {
	w.t.Helper()
	return *must(wire.Invoke(w.ctx, w.calls, api.CreateStateMachine, &api.CreateStateMachineInput{Name: new("m"), RoleArn: new(roleARN), Definition: &definition,
		LoggingConfiguration: &api.LoggingConfiguration{Level: new("ALL"), IncludeExecutionData: new(true), Destinations: []api.LogDestination{{CloudWatchLogsLogGroup: &api.CloudWatchLogsLogGroup{LogGroupArn: new(groupAr)}}}}}))(w.t).StateMachineArn
}

func (w *world) start(machine, input string) string {
	w.t.Helper()
	return *must(wire.Invoke(w.ctx, w.calls, api.StartExecution, &api.StartExecutionInput{StateMachineArn: &machine, Input: &input}))(w.t).ExecutionArn
}

func (w *world) describe(execution string) *api.DescribeExecutionOutput {
	w.t.Helper()
	return must(wire.Invoke(w.ctx, w.calls, api.DescribeExecution, &api.DescribeExecutionInput{ExecutionArn: &execution}))(w.t)
}

// finish waits for an execution's end.
func (w *world) finish(execution string) *api.DescribeExecutionOutput {
	w.t.Helper()
	for range 100000 {
		if d := w.describe(execution); *d.Status != "RUNNING" {
			synctest.Wait() // for what is reported after the end
			return d
		}
		time.Sleep(100 * time.Millisecond)
	}
	w.t.Fatal("the execution does not end")
	return nil
}

func (w *world) history(execution string) (types []string) {
	w.t.Helper()
	for _, e := range must(wire.Invoke(w.ctx, w.calls, api.GetExecutionHistory, &api.GetExecutionHistoryInput{ExecutionArn: &execution}))(w.t).Events {
		types = append(types, *e.Type)
	}
	return types
}

func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// restore is the machine that Terraform makes.
func restore(t *testing.T) string {
	t.Helper()
	raw, err := os.ReadFile("../../../aws_infra/templates/restore.asl.json.tftpl")
	if err != nil {
		t.Fatal(err)
	}
	return strings.NewReplacer("${partition}", "aws", "${db_identifier}", "db", "${lambda_function_name}", "restore", "${database_poll_seconds}", "20", "${task_timeout}", "360", "${execution_timeout}", "7200").Replace(string(raw))
}

const upload = `{"bucket":"b","key":"db-dumps/a.sql","version":"v1"}`
