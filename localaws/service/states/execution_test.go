package states_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"grocery/localaws/wire"
	"grocery/localaws/wire/api/lambdaapi"
	"grocery/localaws/wire/api/s3api"
	api "grocery/localaws/wire/api/statesapi"
)

// thrown is the answer of a function that failed.
func thrown(errorType string) *lambdaapi.InvokeOutput {
	return &lambdaapi.InvokeOutput{StatusCode: new(int64(200)), FunctionError: new("Unhandled"), Payload: []byte(`{"errorType":"` + errorType + `","errorMessage":"no"}`)}
}

func TestTheRestoreWaitsForTheDatabaseRestoresVerifiesAndSucceeds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		looks := 0
		w.status = func() string {
			if looks++; looks < 4 {
				return "creating"
			}
			return "available"
		}
		began := time.Now()
		arn := w.start(w.create(restore(t)), upload)
		d := w.finish(arn)
		if *d.Status != "SUCCEEDED" {
			t.Fatalf("%s: %v %v", *d.Status, *d.Error, *d.Cause)
		}
		if took := time.Since(began); took < time.Minute || took > 61*time.Second {
			t.Errorf("it took %s, not three waits of 20 s", took)
		}
		if len(w.invoked) != 2 || w.invoked[0]["action"] != "restore" || w.invoked[0]["version"] != "v1" || w.invoked[1]["action"] != "verify" || w.invoked[1]["restored"].(map[string]any)["ok"] != true {
			t.Errorf("the function was called with %v", w.invoked)
		}
		if !strings.HasPrefix(w.principals[0], "arn:aws:sts::123456789012:assumed-role/machine/") {
			t.Errorf("the function was called by %s", w.principals[0])
		}
		for _, part := range []string{`"bytes":7`, `"status":"available"`, `"verify":{"result":{"ok":true}}`} {
			if !strings.Contains(*d.Output, part) {
				t.Errorf("the output lacks %s: %s", part, *d.Output)
			}
		}
		kinds := w.history(arn)
		if n := len(kinds); kinds[0] != "ExecutionStarted" || kinds[n-1] != "ExecutionSucceeded" || !slices.Equal(kinds[1:7], []string{"TaskStateEntered", "TaskScheduled", "TaskStarted", "TaskSucceeded", "TaskStateExited", "ChoiceStateEntered"}) {
			t.Errorf("history %v", kinds)
		}
		if len(w.log) != len(kinds) || !strings.Contains(w.log[1], `"details":{"input":`) {
			t.Errorf("the log has %d lines for %d events: %s", len(w.log), len(kinds), w.log[1])
		}
		if !slices.Equal(w.metrics, []string{"AWS/States ExecutionsStarted", "AWS/States ExecutionsSucceeded", "AWS/States ExecutionTime"}) {
			t.Errorf("metrics %v", w.metrics)
		}
		if len(w.events) != 2 || !strings.Contains(w.events[0], `"status":"RUNNING"`) || !strings.Contains(w.events[1], `"status":"SUCCEEDED"`) {
			t.Errorf("events %v", w.events)
		}
	})
}

func TestTheRestoreFailsWithTheReason(t *testing.T) {
	for name, x := range map[string]struct {
		set     func(w *world)
		error   string
		says    string
		invoked int
		within  time.Duration
	}{
		"a dump the function rejects, at once": {func(w *world) {
			w.lambda = func(context.Context, map[string]any) (*lambdaapi.InvokeOutput, error) {
				return thrown("InvalidDumpError"), nil
			}
		}, "InvalidDumpError", "no", 1, time.Second},
		"another error of the function, after five more attempts in five minutes": {func(w *world) {
			w.lambda = func(context.Context, map[string]any) (*lambdaapi.InvokeOutput, error) { return thrown("Other"), nil }
		}, "Other", "no", 6, 311 * time.Second},
		"Lambda out of capacity, after six more attempts": {func(w *world) {
			w.lambda = func(context.Context, map[string]any) (*lambdaapi.InvokeOutput, error) {
				return nil, wire.Errorf(429, "TooManyRequestsException", "Rate exceeded")
			}
		}, "Lambda.TooManyRequestsException", "Rate exceeded (Service: Lambda, Status Code: 429", 7, 127 * time.Second},
		"a function that hangs, when its time is over": {func(w *world) {
			w.lambda = func(ctx context.Context, _ map[string]any) (*lambdaapi.InvokeOutput, error) {
				<-ctx.Done()
				return nil, ctx.Err()
			}
		}, "States.Timeout", "", 1, 361 * time.Second},
		"a dump that is not there, at once": {func(w *world) {
			w.head = func(*s3api.HeadObjectInput) (*s3api.HeadObjectOutput, error) {
				return nil, wire.Errorf(404, "NoSuchKey", "The specified key does not exist.")
			}
		}, "S3.NoSuchKeyException", "Status Code: 404", 0, time.Second},
		"a refused look at the dump, after three more": {func(w *world) {
			w.head = func(*s3api.HeadObjectInput) (*s3api.HeadObjectOutput, error) {
				return nil, wire.Errorf(403, "AccessDenied", "Access Denied")
			}
		}, "S3.S3Exception", "Access Denied", 0, 15 * time.Second},
		"an empty dump": {func(w *world) {
			w.head = func(*s3api.HeadObjectInput) (*s3api.HeadObjectOutput, error) {
				return &s3api.HeadObjectOutput{ContentLength: new(int64(0))}, nil
			}
		}, "DumpEmpty", "no bytes", 0, time.Second},
		"a database that will not come": {func(w *world) { w.status = func() string { return "incompatible-restore" } }, "DatabaseUnavailable", "Bring it back", 0, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				x.set(w)
				began := time.Now()
				d := w.finish(w.start(w.create(restore(t)), upload))
				if *d.Status != "FAILED" || *d.Error != x.error || (d.Cause != nil && !strings.Contains(*d.Cause, x.says)) {
					t.Errorf("%s %s %v", *d.Status, *d.Error, d.Cause)
				}
				if took := time.Since(began); took > x.within {
					t.Errorf("it took %s", took)
				}
				if len(w.invoked) != x.invoked {
					t.Errorf("%d calls of the function", len(w.invoked))
				}
				if !slices.Contains(w.metrics, "AWS/States ExecutionsFailed") {
					t.Errorf("metrics %v", w.metrics)
				}
			})
		})
	}
}

func TestAnExecutionTimesOutWhereverItStands(t *testing.T) {
	for name, state := range map[string]string{
		"waiting": `{"Type":"Wait","Seconds":3600,"End":true}`,
		"working": `{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke","Parameters":{"FunctionName":"f"},"End":true}`,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.lambda = func(ctx context.Context, _ map[string]any) (*lambdaapi.InvokeOutput, error) {
					<-ctx.Done()
					return nil, ctx.Err()
				}
				began := time.Now()
				arn := w.start(w.create(`{"StartAt":"A","TimeoutSeconds":60,"States":{"A":`+state+`}}`), "{}")
				if d := w.finish(arn); *d.Status != "TIMED_OUT" || time.Since(began) > 61*time.Second {
					t.Errorf("%s after %s", *d.Status, time.Since(began))
				}
				if kinds := w.history(arn); kinds[len(kinds)-1] != "ExecutionTimedOut" {
					t.Errorf("history %v", kinds)
				}
			})
		})
	}
}

func TestStoppingInterruptsTheTask(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		interrupted := make(chan struct{})
		w.lambda = func(ctx context.Context, _ map[string]any) (*lambdaapi.InvokeOutput, error) {
			<-ctx.Done()
			close(interrupted)
			return nil, ctx.Err()
		}
		arn := w.start(w.create(`{"StartAt":"A","States":{"A":{"Type":"Task","Resource":"arn:aws:lambda:eu-central-1:123456789012:function:f","End":true}}}`), "{}")
		time.Sleep(time.Second)
		stop := func() *api.StopExecutionOutput {
			return must(wire.Invoke(w.ctx, w.calls, api.StopExecution, &api.StopExecutionInput{ExecutionArn: &arn, Error: new("E"), Cause: new("C")}))(t)
		}
		at := *stop().StopDate
		<-interrupted
		d := w.describe(arn)
		if *d.Status != "ABORTED" || *d.Error != "E" || *d.Cause != "C" {
			t.Errorf("%+v", d)
		}
		if again := *stop().StopDate; !again.Equal(at) {
			t.Error("it was stopped twice")
		}
	})
}

func TestACrashContinuesWhereTheExecutionStood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.status = func() string { return "available" }
		crashed := false
		w.lambda = func(ctx context.Context, payload map[string]any) (*lambdaapi.InvokeOutput, error) {
			if !crashed {
				crashed = true
				<-ctx.Done() // the process dies in the middle of the call
				return nil, ctx.Err()
			}
			return &lambdaapi.InvokeOutput{StatusCode: new(int64(200)), Payload: []byte(`{}`)}, nil
		}
		machine := w.create(`{"StartAt":"Sleep","States":{"Sleep":{"Type":"Wait","Seconds":600,"Next":"Call"},"Call":{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke","Parameters":{"FunctionName":"f"},"End":true}}}`)
		began := time.Now()
		arn := w.start(machine, "{}")
		time.Sleep(5 * time.Minute)
		w.restart()
		time.Sleep(5*time.Minute + time.Second)
		synctest.Wait()
		if !crashed {
			t.Fatal("the wait was not over after its ten minutes")
		}
		w.restart()
		if d := w.finish(arn); *d.Status != "SUCCEEDED" || time.Since(began) > 10*time.Minute+5*time.Second {
			t.Errorf("%s after %s", *d.Status, time.Since(began))
		}
		want := []string{"ExecutionStarted", "WaitStateEntered", "WaitStateExited", "TaskStateEntered", "TaskScheduled", "TaskStarted", "TaskSucceeded", "TaskStateExited", "ExecutionSucceeded"}
		if kinds := w.history(arn); !slices.Equal(kinds, want) {
			t.Errorf("history %v", kinds)
		}
		if len(w.invoked) != 2 {
			t.Errorf("the interrupted call was made %d times", len(w.invoked))
		}
	})
}

func TestANameIsUsedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		machine := w.create(`{"StartAt":"A","States":{"A":{"Type":"Wait","Seconds":10,"End":true}}}`)
		start := func(input string) (*api.StartExecutionOutput, error) {
			return wire.Invoke(w.ctx, w.calls, api.StartExecution, &api.StartExecutionInput{StateMachineArn: &machine, Name: new("once"), Input: &input})
		}
		first := must(start("{}"))(t)
		if again, err := start("{}"); err != nil || !again.StartDate.Equal(*first.StartDate) {
			t.Errorf("the same request while it runs: %v", err)
		}
		if _, err := start(`{"x":1}`); wire.Code(err) != "ExecutionAlreadyExists" {
			t.Errorf("another input: %v", err)
		}
		w.finish(*first.ExecutionArn)
		if _, err := start("{}"); wire.Code(err) != "ExecutionAlreadyExists" {
			t.Errorf("the same request after the end: %v", err)
		}
		for status, n := range map[string]int{"SUCCEEDED": 1, "RUNNING": 0} {
			l := must(wire.Invoke(w.ctx, w.calls, api.ListExecutions, &api.ListExecutionsInput{StateMachineArn: &machine, StatusFilter: &status}))(t)
			if len(l.Executions) != n {
				t.Errorf("%d executions are %s", len(l.Executions), status)
			}
		}
	})
}

func TestADeletedMachineEndsItsExecutions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		machine := w.create(`{"StartAt":"A","States":{"A":{"Type":"Wait","Seconds":1,"Next":"B"},"B":{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke","Parameters":{"FunctionName":"f"},"End":true}}}`)
		arn := w.start(machine, "{}")
		must(wire.Invoke(w.ctx, w.calls, api.DeleteStateMachine, &api.DeleteStateMachineInput{StateMachineArn: &machine}))(t)
		time.Sleep(time.Minute)
		if _, err := wire.Invoke(w.ctx, w.calls, api.DescribeExecution, &api.DescribeExecutionInput{ExecutionArn: &arn}); wire.Code(err) != "ExecutionDoesNotExist" {
			t.Error(err)
		}
		if len(w.invoked) != 0 {
			t.Error("an execution of a deleted machine went on")
		}
	})
}

func TestAnOldExecutionIsForgottenAfterNinetyDays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		arn := w.start(w.create(pass), "{}")
		w.finish(arn)
		time.Sleep(89 * 24 * time.Hour)
		w.describe(arn)
		time.Sleep(2 * 24 * time.Hour)
		if _, err := wire.Invoke(w.ctx, w.calls, api.DescribeExecution, &api.DescribeExecutionInput{ExecutionArn: &arn}); wire.Code(err) != "ExecutionDoesNotExist" {
			t.Error(err)
		}
	})
}

func TestParametersThatACallDoesNotHaveAreRefusedAtCreation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for resource, says := range map[string]string{
			"aws-sdk:rds:describeDBInstances": `"DBInstanceIdentifier" is not supported`,
			"aws-sdk:rds:deleteDBInstance":    "does not serve rds:deleteDBInstance",
			"aws-sdk:athena:startQuery":       `no aws-sdk service "athena"`,
			"sqs:sendMessage":                 "does not run the integration",
			"lambda:invoke.waitForTaskToken":  "waitForTaskToken",
		} {
			_, err := wire.Invoke(w.ctx, w.calls, api.CreateStateMachine, &api.CreateStateMachineInput{Name: new("m"), RoleArn: new(roleARN),
				Definition: new(`{"StartAt":"A","States":{"A":{"Type":"Task","Resource":"arn:aws:states:::` + resource + `","Parameters":{"DBInstanceIdentifier":"db"},"End":true}}}`)})
			if wire.Code(err) != "InvalidDefinition" || !strings.Contains(err.Error(), says) {
				t.Errorf("%s: %v", resource, err)
			}
		}
	})
}
