package lambda

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/store"
	"grocery/localaws/wire"
)

// event is an asynchronous invocation that is not finished.
type event struct {
	ID       string          `json:"id"`
	Function string          `json:"function"` // key
	Version  string          `json:"version"`
	Payload  json.RawMessage `json:"payload"`
	Accepted time.Time       `json:"accepted"`
	Attempts int64           `json:"attempts"`
	Due      time.Time       `json:"due"`
}

var queue = store.Table[event]{Name: "lambda_queue"}

// enqueue accepts an event; it is durable when this returns.
func (s *Service) enqueue(f *function, c *config, payload []byte) error {
	now := s.d.Clock.Now()
	e := event{ID: wire.NewRequestID(), Function: f.key(), Version: c.Version, Payload: payload, Accepted: now, Due: now}
	return s.d.Store.Update(func(tx store.Tx) error { queue.Put(tx, e.ID, e); return nil })
}

// drain invokes the queued events that are due. A crash in the middle of one
// repeats it: Lambda promises at least once.
func (s *Service) drain(ctx context.Context) error {
	now := s.d.Clock.Now()
	var due []event
	err := s.d.Store.View(func(tx store.Tx) error {
		queue.Each(tx, "", func(_ string, e event) bool {
			if !e.Due.After(now) {
				due = append(due, e)
			}
			return len(due) < 20
		})
		return nil
	})
	if err != nil {
		return err
	}
	errs := make([]error, len(due))
	var wg sync.WaitGroup
	for n, e := range due {
		wg.Go(func() { errs[n] = s.attempt(ctx, e) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// attempt invokes one event, and decides whether it is finished.
// See https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html.
func (s *Service) attempt(ctx context.Context, e event) error {
	var f function
	var ok bool
	if err := s.d.Store.View(func(tx store.Tx) error { f, ok = functions.Get(tx, e.Function); return nil }); err != nil {
		return err
	}
	finish := func() error {
		return s.d.Store.Update(func(tx store.Tx) error { queue.Delete(tx, e.ID); return nil })
	}
	c := f.at(e.Version)
	if !ok || c == nil {
		return finish() // the function is gone, and with it its events
	}
	a, set := f.Async[c.Version]
	if !set {
		a = f.Async[latest]
	}
	retries, age := ptr.Or(a.Retries, 2), time.Duration(ptr.Or(a.Age, 21600))*time.Second
	out, _, err := s.run(ctx, &f, c, e.ID, e.Payload, "", false)
	if ctx.Err() != nil {
		return nil // this process ends; the next one repeats the event
	}
	if err == nil && out.kind == "" {
		if err := s.deliver(ctx, &f, c, e, a.OnSuccess, "Success", out); err != nil {
			return err
		}
		return finish()
	}
	now := s.d.Clock.Now()
	pause := time.Minute << min(e.Attempts, 1) // one minute, then two
	if err != nil {                            // Lambda's own failure counts as no attempt
		pause = time.Second << min(int64(now.Sub(e.Accepted)/(10*time.Second)), 8)
	} else {
		e.Attempts++
	}
	if e.Attempts <= retries && now.Add(pause).Sub(e.Accepted) <= age {
		e.Due = now.Add(pause)
		return s.d.Store.Update(func(tx store.Tx) error { queue.Put(tx, e.ID, e); return nil })
	}
	if err != nil {
		out = failure("Lambda.ServiceException", "%v", err)
	}
	condition := "RetriesExhausted"
	if e.Attempts <= retries {
		condition = "EventAgeExceeded"
	}
	if err := s.deliver(ctx, &f, c, e, a.OnFailure, condition, out); err != nil {
		return err
	}
	if c.DeadLetter != "" {
		if err := s.pass(ctx, &f, c.DeadLetter, string(e.Payload)); err != nil {
			return err
		}
	}
	return finish()
}

// deliver sends the record of a finished event to a destination.
func (s *Service) deliver(ctx context.Context, f *function, c *config, e event, to, condition string, out outcome) error {
	if to == "" {
		return nil
	}
	answer := map[string]any{"statusCode": 200, "executedVersion": c.Version}
	if out.kind != "" {
		answer["functionError"] = out.kind
	}
	var response any
	if len(out.payload) > 0 {
		response = json.RawMessage(out.payload)
	}
	record, err := json.Marshal(map[string]any{
		"version": "1.0", "timestamp": s.d.Clock.Now().UTC().Format("2006-01-02T15:04:05.000Z"),
		"requestContext":  map[string]any{"requestId": e.ID, "functionArn": f.arn() + ":" + c.Version, "condition": condition, "approximateInvokeCount": max(1, e.Attempts)},
		"requestPayload":  e.Payload,
		"responseContext": answer, "responsePayload": response,
	})
	if err != nil {
		return err
	}
	return s.pass(ctx, f, to, string(record))
}

// pass hands text to a queue, a topic or a function.
func (s *Service) pass(ctx context.Context, f *function, to, text string) error {
	part := strings.SplitN(to, ":", 6)
	if len(part) < 6 {
		return fmt.Errorf("the destination %s of %s is no ARN", to, f.Name)
	}
	ctx = wire.AsService(ctx, "lambda.amazonaws.com", f.Region)
	var err error
	switch part[2] {
	case "sns":
		_, err = s.d.Calls.InvokeJSON(ctx, "sns", "Publish", map[string]any{"TopicArn": to, "Message": text})
	case "sqs":
		var out any
		if out, err = s.d.Calls.InvokeJSON(ctx, "sqs", "GetQueueUrl", map[string]any{"QueueName": part[5]}); err == nil {
			m, _ := out.(map[string]any)
			_, err = s.d.Calls.InvokeJSON(ctx, "sqs", "SendMessage", map[string]any{"QueueUrl": m["QueueUrl"], "MessageBody": text})
		}
	default:
		err = fmt.Errorf("local AWS does not deliver to %s", part[2])
	}
	if err != nil {
		return fmt.Errorf("deliver to %s: %w", to, err)
	}
	return nil
}
