package states

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"reflect"
	"strconv"
	"strings"
	"time"

	"grocery/localaws/wire"
	"grocery/localaws/wire/api/cloudwatchapi"
	"grocery/localaws/wire/api/eventsapi"
	"grocery/localaws/wire/api/logsapi"
)

// report tells the rest of the cloud about a turn that is stored: its history
// to the log group, its status to the metrics and to EventBridge. What cannot
// be told is left: the store has it all.
func (s *Service) report(t *turn) {
	ctx := wire.AsService(context.Background(), principal, t.x.Region)
	wire.CallFrom(ctx).SourceARN = t.x.machineARN()
	s.log(ctx, t)
	if len(t.events) == 0 || (t.x.Status == running && t.events[0].Type != "ExecutionStarted") {
		return
	}
	s.measure(ctx, t)
	s.announce(ctx, t)
}

// metricNames are counted once for every status.
var metricNames = map[string]string{running: "ExecutionsStarted", succeeded: "ExecutionsSucceeded", failed: "ExecutionsFailed", timedOut: "ExecutionsTimedOut", aborted: "ExecutionsAborted"}

// measure puts the metrics of a change of status.
// See https://docs.aws.amazon.com/step-functions/latest/dg/procedure-cw-metrics.html.
func (s *Service) measure(ctx context.Context, t *turn) {
	of := []cloudwatchapi.Dimension{{Name: new("StateMachineArn"), Value: new(t.x.machineARN())}}
	data := []cloudwatchapi.MetricDatum{{MetricName: new(metricNames[t.x.Status]), Dimensions: of, Timestamp: &t.now, Unit: new("Count"), Value: new(1.0)}}
	if t.x.Stopped != nil {
		took := float64(t.x.Stopped.Sub(t.x.Started)) / float64(time.Millisecond)
		data = append(data, cloudwatchapi.MetricDatum{MetricName: new("ExecutionTime"), Dimensions: of, Timestamp: &t.now, Unit: new("Milliseconds"), Value: &took})
	}
	_, err := wire.Invoke(ctx, s.d.Calls, cloudwatchapi.PutMetricData, &cloudwatchapi.PutMetricDataInput{Namespace: new("AWS/States"), MetricData: data})
	s.untold("metrics", t, err)
}

// announce sends the change of status to EventBridge.
// See https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html.
func (s *Service) announce(ctx context.Context, t *turn) {
	included := map[string]any{"included": true}
	d := map[string]any{"executionArn": t.x.arn(), "stateMachineArn": t.x.machineARN(), "name": t.x.Name, "status": t.x.Status, "startDate": t.x.Started.UnixMilli(), "stopDate": nil,
		"input": t.x.Input, "inputDetails": included, "output": t.x.Output, "outputDetails": nil, "error": t.x.Error, "cause": t.x.Cause,
		"stateMachineVersionArn": t.x.versionARN(), "stateMachineAliasArn": nil, "redriveCount": 0, "redriveDate": nil, "redriveStatus": nil, "redriveStatusReason": nil}
	if t.x.Stopped != nil {
		d["stopDate"] = t.x.Stopped.UnixMilli()
	}
	if t.x.Output != nil {
		d["outputDetails"] = included
	}
	raw, err := json.Marshal(d)
	if err == nil {
		_, err = wire.Invoke(ctx, s.d.Calls, eventsapi.PutEvents, &eventsapi.PutEventsInput{Entries: []eventsapi.PutEventsRequestEntry{{
			Source: new("aws.states"), DetailType: new("Step Functions Execution Status Change"), Resources: []string{t.x.arn()}, Detail: new(string(raw)), Time: &t.now,
		}}})
	}
	s.untold("status", t, err)
}

// untold notes what could not be told. A service that is not served is not
// missed.
func (s *Service) untold(what string, t *turn, err error) {
	if err != nil && wire.Code(err) != "NotImplemented" {
		s.d.Log.Warn("report an execution", "what", what, "execution", t.x.arn(), "error", err)
	}
}

// wanted reports whether a log of this level has an event.
// See https://docs.aws.amazon.com/step-functions/latest/dg/cloudwatch-log-level.html.
func (l logging) wanted(kind string) bool {
	bad := strings.HasSuffix(kind, "Failed") || strings.HasSuffix(kind, "TimedOut") || kind == "ExecutionAborted" || kind == "FailStateEntered"
	switch l.Level {
	case "ALL":
		return true
	case "ERROR":
		return bad
	case "FATAL":
		return bad && strings.HasPrefix(kind, "Execution")
	}
	return false
}

// log sends the turn's history to the machine's log group.
func (s *Service) log(ctx context.Context, t *turn) {
	l := t.x.Runs.Logging
	var lines []logsapi.InputLogEvent
	for _, e := range t.events {
		if l.wanted(e.Type) {
			lines = append(lines, logsapi.InputLogEvent{Timestamp: new(e.Time.UnixMilli()), Message: new(string(t.line(e)))})
		}
	}
	if len(lines) == 0 {
		return
	}
	_, group, _ := strings.Cut(strings.TrimSuffix(l.Group, ":*"), ":log-group:")
	h := fnv.New32a()
	h.Write([]byte(t.x.Name))
	in := &logsapi.PutLogEventsInput{LogGroupName: &group, LogStreamName: new(fmt.Sprintf("states/%s/%s/%08x", t.x.Machine, t.x.Started.Format("2006-01-02-15-04"), h.Sum32())), LogEvents: lines}
	_, err := wire.Invoke(ctx, s.d.Calls, logsapi.PutLogEvents, in)
	if wire.Code(err) == "ResourceNotFoundException" {
		if _, err = wire.Invoke(ctx, s.d.Calls, logsapi.CreateLogStream, &logsapi.CreateLogStreamInput{LogGroupName: in.LogGroupName, LogStreamName: in.LogStreamName}); err == nil {
			_, err = wire.Invoke(ctx, s.d.Calls, logsapi.PutLogEvents, in)
		}
	}
	s.untold("log", t, err)
}

// line is an event as a line of the log.
func (t *turn) line(e event) []byte {
	if !t.x.Runs.Logging.Data {
		e.Input, e.Output = nil, nil
	}
	m := map[string]any{
		"id": strconv.FormatInt(e.ID, 10), "type": e.Type, "previous_event_id": strconv.FormatInt(e.Previous, 10), "event_timestamp": strconv.FormatInt(e.Time.UnixMilli(), 10),
		"execution_arn": t.x.arn(), "redrive_count": "0", "details": details(e),
	}
	raw, err := json.Marshal(m)
	if err != nil {
		return []byte(err.Error())
	}
	return raw
}

// details are the members that the event has in its history, whichever of its
// shapes holds them.
func details(e event) map[string]any {
	out := map[string]any{}
	h := reflect.ValueOf(e.shape())
	for i := range h.NumField() {
		f := h.Field(i)
		if f.Kind() != reflect.Pointer || f.IsNil() || f.Elem().Kind() != reflect.Struct || f.Type() == reflect.TypeFor[*time.Time]() {
			continue
		}
		d := f.Elem()
		for j := range d.NumField() {
			if x := d.Field(j); !x.IsNil() && x.Elem().Kind() != reflect.Struct {
				out[d.Type().Field(j).Tag.Get("name")] = x.Interface()
			}
		}
	}
	return out
}
