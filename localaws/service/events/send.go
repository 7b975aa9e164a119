package events

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"grocery/localaws/service/internal/role"
	"grocery/localaws/store"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/lambdaapi"
	"grocery/localaws/wire/api/snsapi"
	"grocery/localaws/wire/api/sqsapi"
	"grocery/localaws/wire/api/statesapi"
)

// regionOf is the region of an ARN.
func regionOf(arn string) string { return strings.SplitN(arn, ":", 5)[3] }

// as is a context for calls on a rule's behalf in the region of arn.
func (d *delivery) as(ctx context.Context, arn string) context.Context {
	ctx = wire.AsService(ctx, principal, regionOf(arn))
	wire.CallFrom(ctx).SourceARN = d.from().arn()
	return ctx
}

// send hands the event to the target: with the target's role if it has one, and
// as EventBridge itself otherwise.
func (s *Service) send(ctx context.Context, d *delivery) error {
	payload, err := d.Target.payload([]byte(d.Event), d.from(), d.Received)
	if err != nil {
		return wire.Errorf(400, "InvalidInput", "The event cannot be given the target's form: %s", err)
	}
	t := &d.Target
	caller := d.as(ctx, t.ARN)
	if t.RoleARN != "" {
		caller, err = role.Take(ctx, s.d.Calls, principal, regionOf(t.ARN), d.from().arn(), t.RoleARN, d.EventID)
		if err != nil {
			return err
		}
	}
	switch t.service() {
	case "states":
		_, err = wire.Invoke(caller, s.d.Calls, statesapi.StartExecution, &statesapi.StartExecutionInput{StateMachineArn: &t.ARN, Name: new(d.runName()), Input: &payload})
		if wire.Code(err) == "ExecutionAlreadyExists" {
			return nil // an attempt before a crash started it
		}
	case "lambda":
		_, err = wire.Invoke(caller, s.d.Calls, lambdaapi.Invoke, &lambdaapi.InvokeInput{FunctionName: &t.ARN, InvocationType: new("Event"), Payload: []byte(payload)})
	case "sqs":
		_, err = wire.Invoke(caller, s.d.Calls, sqsapi.SendMessage, &sqsapi.SendMessageInput{QueueUrl: new(queueURL(t.ARN)), MessageBody: &payload})
	case "sns":
		_, err = wire.Invoke(caller, s.d.Calls, snsapi.Publish, &snsapi.PublishInput{TopicArn: &t.ARN, Message: &payload})
	}
	return err
}

// runName is the name of the execution that the delivery starts: the same for
// every attempt, so that one event starts one execution.
func (d *delivery) runName() string {
	sum := sha256.Sum256([]byte(store.Key(d.Region, d.Bus, d.Rule, d.Target.ID)))
	return d.EventID + "_" + hex.EncodeToString(sum[:8])
}

// queueURL is the address of a queue.
func queueURL(arn string) string {
	p := strings.Split(arn, ":")
	return fmt.Sprintf("https://sqs.%s.amazonaws.com/%s/%s", p[3], p[4], p[5])
}

// buried is how long reaching a dead-letter queue is tried.
const buried = 24 * time.Hour

// bury hands a dead delivery to the dead-letter queue.
// See https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html.
func (s *Service) bury(ctx context.Context, d delivery) error {
	attributes := map[string]sqsapi.MessageAttributeValue{}
	for name, v := range map[string]string{"RULE_ARN": d.from().arn(), "TARGET_ARN": d.Target.ARN, "ERROR_CODE": d.Dead.Code, "ERROR_MESSAGE": d.Dead.Message, "EXHAUSTED_RETRY_CONDITION": d.Dead.Exhausted} {
		if v != "" {
			attributes[name] = sqsapi.MessageAttributeValue{DataType: new("String"), StringValue: new(v)}
		}
	}
	attributes["RETRY_ATTEMPTS"] = sqsapi.MessageAttributeValue{DataType: new("Number"), StringValue: new(strconv.FormatInt(d.Retries, 10))}
	queue := d.Target.DeadLetters
	_, err := wire.Invoke(d.as(ctx, queue), s.d.Calls, sqsapi.SendMessage, &sqsapi.SendMessageInput{QueueUrl: new(queueURL(queue)), MessageBody: &d.Event, MessageAttributes: attributes})
	now := s.d.Clock.Now()
	switch {
	case ctx.Err() != nil:
		return nil
	case err == nil:
		s.measure(ctx, &d, "InvocationsSentToDlq")
		return s.settle(d, false)
	case !temporary(err) || now.After(d.Dead.At.Add(buried)):
		s.measure(ctx, &d, "InvocationsFailedToBeSentToDlq")
		s.d.Log.Error("an event is lost: its dead-letter queue does not take it", "event", d.EventID, "rule", d.Rule, "queue", queue, "error", err)
		return s.settle(d, false)
	}
	d.Dead.Retries++
	d.Due = now.Add(pause(d.Dead.Retries))
	return s.settle(d, true)
}
