package events_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"grocery/localaws/reconcile"
	"grocery/localaws/service/events"
	"grocery/localaws/service/internal/apitest"
	"grocery/localaws/store"
	"grocery/localaws/wire"
	api "grocery/localaws/wire/api/eventsapi"
	"grocery/localaws/wire/api/lambdaapi"
	"grocery/localaws/wire/api/snsapi"
	"grocery/localaws/wire/api/sqsapi"
	"grocery/localaws/wire/api/statesapi"
	"grocery/localaws/wire/api/stsapi"
)

// world is EventBridge over targets whose answers the test decides, in a bubble
// of test time.
type world struct {
	t       *testing.T
	store   store.Store
	calls   *wire.Registry
	ctx     context.Context
	service *events.Service
	stop    context.CancelFunc
	done    chan struct{}

	mu      sync.Mutex
	start   func(in *statesapi.StartExecutionInput) error
	send    func(in *sqsapi.SendMessageInput) error
	got     []got
	started map[string]bool
}

// got is what reached a target.
type got struct {
	at         time.Time
	to, text   string
	principal  string
	source     string
	attributes map[string]sqsapi.MessageAttributeValue
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, store: store.NewMemory(), calls: apitest.Registry(), started: map[string]bool{}}
	w.ctx = wire.WithCall(t.Context(), &wire.Call{Region: apitest.Region, Account: wire.Account, Principal: wire.Principal{ARN: "arn:aws:iam::123456789012:user/admin"}})
	wire.Handle(w.calls, stsapi.AssumeRole, func(ctx context.Context, in *stsapi.AssumeRoleInput) (*stsapi.AssumeRoleOutput, error) {
		c := wire.CallFrom(ctx)
		if *in.RoleArn != roleARN || c.Principal.Service != "events.amazonaws.com" || !strings.Contains(c.SourceARN, ":rule/") {
			return nil, wire.Errorf(403, "AccessDenied", "not authorized")
		}
		return &stsapi.AssumeRoleOutput{AssumedRoleUser: &stsapi.AssumedRoleUser{Arn: new("arn:aws:sts::123456789012:assumed-role/events/s"), AssumedRoleId: new("AROA:s")}, Credentials: &stsapi.Credentials{AccessKeyId: new("ASIA")}}, nil
	})
	wire.Handle(w.calls, statesapi.StartExecution, func(ctx context.Context, in *statesapi.StartExecutionInput) (*statesapi.StartExecutionOutput, error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.started[*in.Name] {
			return nil, wire.Errorf(400, "ExecutionAlreadyExists", "Execution Already Exists")
		}
		if w.start != nil {
			if err := w.start(in); err != nil {
				return nil, err
			}
		}
		w.started[*in.Name] = true
		w.take(ctx, *in.StateMachineArn, *in.Input, nil)
		return &statesapi.StartExecutionOutput{}, nil
	})
	wire.Handle(w.calls, sqsapi.SendMessage, func(ctx context.Context, in *sqsapi.SendMessageInput) (*sqsapi.SendMessageOutput, error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.send != nil {
			if err := w.send(in); err != nil {
				return nil, err
			}
		}
		w.take(ctx, *in.QueueUrl, *in.MessageBody, in.MessageAttributes)
		return &sqsapi.SendMessageOutput{}, nil
	})
	wire.Handle(w.calls, lambdaapi.Invoke, func(ctx context.Context, in *lambdaapi.InvokeInput) (*lambdaapi.InvokeOutput, error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.take(ctx, *in.InvocationType+" "+*in.FunctionName, string(in.Payload), nil)
		return &lambdaapi.InvokeOutput{}, nil
	})
	wire.Handle(w.calls, snsapi.Publish, func(ctx context.Context, in *snsapi.PublishInput) (*snsapi.PublishOutput, error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.take(ctx, *in.TopicArn, *in.Message, nil)
		return &snsapi.PublishOutput{}, nil
	})
	w.service = w.process()
	w.service.Register(w.calls)
	w.run()
	t.Cleanup(func() { w.stop(); <-w.done })
	return w
}

func (w *world) take(ctx context.Context, to, text string, attributes map[string]sqsapi.MessageAttributeValue) {
	c := wire.CallFrom(ctx)
	w.got = append(w.got, got{time.Now(), to, text, c.Principal.String(), c.SourceARN, attributes})
}

func (w *world) process() *events.Service {
	return events.New(events.Deps{Store: w.store, Clock: store.System, Calls: w.calls, Log: slog.New(slog.DiscardHandler)})
}

func (w *world) run() {
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	loops := w.service.Loops()
	go func() {
		defer close(done)
		reconcile.Run(ctx, slog.New(slog.DiscardHandler), w.store, store.System, loops...)
	}()
	w.stop, w.done = stop, done
}

// restart ends the process and starts one that knows the store alone.
func (w *world) restart() {
	w.stop()
	<-w.done
	w.service = w.process()
	w.run()
}

// all waits until nothing happens any more and returns what reached targets.
func (w *world) all() []got {
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.got
}

func (w *world) rule(in *api.PutRuleInput, targets ...api.Target) {
	w.t.Helper()
	in.Name = new("r")
	if _, err := wire.Invoke(w.ctx, w.calls, api.PutRule, in); err != nil {
		w.t.Fatal(err)
	}
	if _, err := wire.Invoke(w.ctx, w.calls, api.PutTargets, &api.PutTargetsInput{Rule: in.Name, Targets: targets}); err != nil {
		w.t.Fatal(err)
	}
}

// restoreTarget is the target that Terraform makes.
func restoreTarget() api.Target {
	return api.Target{Id: new("restore"), Arn: new(machineARN), RoleArn: new(roleARN),
		InputTransformer: &api.InputTransformer{InputPathsMap: map[string]string{"bucket": "$.detail.bucket.name", "key": "$.detail.object.key", "version": "$.detail.object.version-id"}, InputTemplate: new(`{"bucket": <bucket>, "key": <key>, "version": <version>}`)},
		RetryPolicy:      &api.RetryPolicy{MaximumEventAgeInSeconds: new(int64(3600)), MaximumRetryAttempts: new(int64(24))},
		DeadLetterConfig: &api.DeadLetterConfig{Arn: new(queueARN)}}
}

func uploaded(id, key string) events.Event {
	return events.Event{ID: id, Region: apitest.Region, Time: time.Now(), Resources: []string{"arn:aws:s3:::b"}, Source: "aws.s3", DetailType: "Object Created",
		Detail: json.RawMessage(`{"bucket":{"name":"b"},"object":{"key":"` + key + `","version-id":"v1"}}`)}
}

func (w *world) accept(e events.Event) {
	w.t.Helper()
	if err := w.service.Accept(context.Background(), e); err != nil {
		w.t.Fatal(err)
	}
}

func TestAnUploadStartsTheMachineOnceWithTheRulesRole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.rule(&api.PutRuleInput{EventPattern: new(uploads)}, restoreTarget())
		w.accept(uploaded("e1", "db-dumps/a.sql"))
		w.accept(uploaded("e1", "db-dumps/a.sql")) // its sender did not hear that it was taken
		w.accept(uploaded("e2", "avatars/a.png"))
		all := w.all()
		if len(all) != 1 || all[0].text != `{"bucket": "b", "key": "db-dumps/a.sql", "version": "v1"}` || all[0].principal != "arn:aws:sts::123456789012:assumed-role/events/s" {
			t.Errorf("%+v", all)
		}
	})
}

func TestADisabledRuleGetsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.rule(&api.PutRuleInput{EventPattern: new(uploads), State: new("DISABLED")}, restoreTarget())
		w.accept(uploaded("e1", "db-dumps/a.sql"))
		if all := w.all(); len(all) != 0 {
			t.Errorf("%+v", all)
		}
	})
}

func TestAnAcceptedEventSurvivesACrashAndStartsOneExecution(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.rule(&api.PutRuleInput{EventPattern: new(uploads)}, restoreTarget())
		w.stop()
		<-w.done // accepted by a process that dies before it delivers
		w.accept(uploaded("e1", "db-dumps/a.sql"))
		w.restart()
		if all := w.all(); len(all) != 1 {
			t.Fatalf("%+v", all)
		}
		// Delivered by a process that dies before it notes so.
		w.start = func(in *statesapi.StartExecutionInput) error {
			w.start = nil
			w.started[*in.Name] = true
			w.take(context.Background(), *in.StateMachineArn, *in.Input, nil)
			return wire.Errorf(500, "InternalError", "the answer was lost")
		}
		w.accept(uploaded("e2", "db-dumps/b.sql"))
		time.Sleep(time.Minute)
		if all := w.all(); len(all) != 2 {
			t.Errorf("%+v", all)
		}
	})
}

func TestATargetThatFailsForAWhileGetsTheEventLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		attempts := 0
		w.start = func(*statesapi.StartExecutionInput) error {
			if attempts++; attempts <= 4 {
				return wire.Errorf(503, "ServiceUnavailable", "not now")
			}
			return nil
		}
		w.rule(&api.PutRuleInput{EventPattern: new(uploads)}, restoreTarget())
		began := time.Now()
		w.accept(uploaded("e1", "db-dumps/a.sql"))
		time.Sleep(3 * time.Second)
		w.restart() // the count of retries is in the store
		time.Sleep(time.Hour)
		if all := w.all(); len(all) != 1 || all[0].at.Sub(began) != 15*time.Second {
			t.Errorf("after 1+2+4+8 s: %+v", all)
		}
	})
}

func TestWhatCannotBeDeliveredGoesToTheDeadLetterQueue(t *testing.T) {
	for name, x := range map[string]struct {
		err                error
		condition, retries string
		after              time.Duration
	}{
		"at once when the target is gone":      {wire.Errorf(400, "StateMachineDoesNotExist", "State Machine Does Not Exist"), "", "0", 0},
		"at once when it is forbidden":         {wire.Errorf(400, "AccessDeniedException", "not authorized"), "", "0", 0},
		"after the last retry":                 {wire.Errorf(500, "InternalError", "broken"), "MaximumRetryAttempts", "3", 7 * time.Second},
		"after the last retry, when throttled": {wire.Errorf(400, "ThrottlingException", "slower"), "MaximumRetryAttempts", "3", 7 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.start = func(*statesapi.StartExecutionInput) error { return x.err }
				target := restoreTarget()
				target.RetryPolicy.MaximumRetryAttempts = new(int64(3))
				w.rule(&api.PutRuleInput{EventPattern: new(uploads)}, target)
				began := time.Now()
				w.accept(uploaded("e1", "db-dumps/a.sql"))
				time.Sleep(time.Hour)
				all := w.all()
				if len(all) != 1 {
					t.Fatalf("%+v", all)
				}
				dead := all[0]
				value := func(k string) string {
					if v, ok := dead.attributes[k]; ok {
						return *v.StringValue
					}
					return ""
				}
				if dead.to != "https://sqs.eu-central-1.amazonaws.com/123456789012/dead" || dead.principal != "events.amazonaws.com" || dead.source != "arn:aws:events:eu-central-1:123456789012:rule/r" || !strings.Contains(dead.text, `"id":"e1"`) || dead.at.Sub(began) != x.after {
					t.Errorf("%+v", dead)
				}
				if value("ERROR_CODE") != wire.Code(x.err) || value("EXHAUSTED_RETRY_CONDITION") != x.condition || value("RETRY_ATTEMPTS") != x.retries || value("TARGET_ARN") != machineARN {
					t.Errorf("attributes %v", dead.attributes)
				}
			})
		})
	}
}

func TestAnEventThatGetsTooOldIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.start = func(*statesapi.StartExecutionInput) error { return wire.Errorf(500, "InternalError", "broken") }
		target := restoreTarget()
		target.RetryPolicy.MaximumEventAgeInSeconds = new(int64(60))
		w.rule(&api.PutRuleInput{EventPattern: new(uploads)}, target)
		began := time.Now()
		w.accept(uploaded("e1", "db-dumps/a.sql"))
		time.Sleep(time.Hour)
		if all := w.all(); len(all) != 1 || all[0].at.Sub(began) != time.Minute || *all[0].attributes["EXHAUSTED_RETRY_CONDITION"].StringValue != "MaximumEventAgeInSeconds" {
			t.Errorf("%+v", all)
		}
	})
}

func TestADeadLetterQueueThatFailsForAWhileGetsTheEventLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.start = func(*statesapi.StartExecutionInput) error {
			return wire.Errorf(400, "StateMachineDoesNotExist", "gone")
		}
		failures := 0
		w.send = func(*sqsapi.SendMessageInput) error {
			if failures++; failures < 3 {
				return wire.Errorf(500, "InternalError", "broken")
			}
			return nil
		}
		w.rule(&api.PutRuleInput{EventPattern: new(uploads)}, restoreTarget())
		w.accept(uploaded("e1", "db-dumps/a.sql"))
		time.Sleep(time.Minute)
		if all := w.all(); len(all) != 1 {
			t.Errorf("%+v", all)
		}
	})
}

func TestEveryKindOfTargetIsReached(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		function, topic := "arn:aws:lambda:eu-central-1:123456789012:function:f", "arn:aws:sns:eu-central-1:123456789012:t"
		w.rule(&api.PutRuleInput{EventPattern: new(`{"source":["app"]}`)},
			api.Target{Id: new("f"), Arn: &function}, api.Target{Id: new("t"), Arn: &topic, InputPath: new("$.detail")}, api.Target{Id: new("q"), Arn: new(queueARN), Input: new(`{"fixed":1}`)})
		out, err := wire.Invoke(w.ctx, w.calls, api.PutEvents, &api.PutEventsInput{Entries: []api.PutEventsRequestEntry{{Source: new("app"), DetailType: new("d"), Detail: new(`{"k":1}`)}}})
		if err != nil || *out.FailedEntryCount != 0 || out.Entries[0].EventId == nil {
			t.Fatalf("%+v, %v", out, err)
		}
		texts := map[string]string{}
		for _, g := range w.all() {
			texts[g.to] = g.text
			if g.principal != "events.amazonaws.com" || g.source != "arn:aws:events:eu-central-1:123456789012:rule/r" {
				t.Errorf("%s was called by %s for %s", g.to, g.principal, g.source)
			}
		}
		if !strings.Contains(texts["Event "+function], `"source":"app"`) || texts[topic] != `{"k":1}` || texts["https://sqs.eu-central-1.amazonaws.com/123456789012/dead"] != `{"fixed":1}` {
			t.Errorf("%v", texts)
		}
	})
}

func TestEntriesThatAreNoEventsAreRefusedOneByOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		entry := func(source, detail string) api.PutEventsRequestEntry {
			return api.PutEventsRequestEntry{Source: &source, DetailType: new("d"), Detail: &detail}
		}
		out, err := wire.Invoke(w.ctx, w.calls, api.PutEvents, &api.PutEventsInput{Entries: []api.PutEventsRequestEntry{
			entry("app", `{}`), entry("aws.s3", `{}`), entry("app", `[]`), entry("app", ""), {Source: new("app"), DetailType: new("d"), Detail: new("{}"), EventBusName: new("none")},
		}})
		if err != nil || *out.FailedEntryCount != 4 {
			t.Fatalf("%+v, %v", out, err)
		}
		for i, want := range []string{"", "NotAuthorizedForSourceException", "MalformedDetail", "InvalidArgument", "ResourceNotFoundException"} {
			if got := out.Entries[i].ErrorCode; (got == nil) != (want == "") || (got != nil && *got != want) {
				t.Errorf("entry %d: %v, want %s", i, got, want)
			}
		}
	})
}

func TestSchedulesFireByTheClockAlsoAfterAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		began := time.Now()
		w.rule(&api.PutRuleInput{ScheduleExpression: new("rate(10 minutes)")}, api.Target{Id: new("q"), Arn: new(queueARN)})
		time.Sleep(25 * time.Minute)
		all := w.all()
		if len(all) != 2 || all[0].at.Sub(began) != 10*time.Minute || all[1].at.Sub(began) != 20*time.Minute || !strings.Contains(all[0].text, `"detail-type":"Scheduled Event"`) {
			t.Fatalf("%+v", all)
		}
		w.stop()
		<-w.done
		time.Sleep(30 * time.Minute) // off at 30, 40 and 50
		w.service = w.process()
		w.run()
		time.Sleep(10 * time.Minute)
		all = w.all()
		if len(all) != 4 || all[2].at.Sub(began) != 55*time.Minute || all[3].at.Sub(began) != time.Hour {
			t.Fatalf("%+v", all[2:])
		}
		if _, err := wire.Invoke(w.ctx, w.calls, api.DisableRule, &api.DisableRuleInput{Name: new("r")}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		if all := w.all(); len(all) != 4 {
			t.Errorf("a disabled schedule fired: %+v", all[4:])
		}
	})
}
