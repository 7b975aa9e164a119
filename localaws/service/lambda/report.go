package lambda

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"grocery/localaws/wire"
	"grocery/localaws/wire/api/logsapi"
)

// report collects what the function wrote during an invocation, frames it as
// Lambda does and sends it to CloudWatch Logs, and the metrics to CloudWatch. Measuring the memory may take an
// engine a second, so it is done behind the caller's back unless the caller
// wants to see the lines, which are then returned.
func (s *Service) report(ctx context.Context, f *function, c *config, x *sandbox, id string, out outcome, took time.Duration, show bool) []byte {
	ctx = wire.AsService(context.WithoutCancel(ctx), "lambda.amazonaws.com", f.Region)
	written, err := s.d.Runtime.Logs(ctx, x.Name, 0)
	if err != nil {
		s.d.Log.Warn("reading a function's output", "sandbox", x.Name, "error", err)
	}
	fresh := written[min(x.seen, len(written)):]
	x.seen = len(written)
	finish := func() []byte {
		if st, err := s.d.Runtime.Stats(ctx, x.Name); err == nil {
			x.used = max(x.used, st.MemoryBytes>>20)
		}
		lines := frame(c, id, out, took, x.used, splitLines(fresh))
		if err := s.send(asRole(ctx, x.as), c.LogGroup, x.stream, lines); err != nil {
			s.d.Log.Warn("sending a function's output to CloudWatch Logs", "function", f.Name, "error", err)
		}
		return []byte(strings.Join(lines, "\n") + "\n")
	}
	done := make(chan []byte, 1)
	x.reports <- func() { done <- finish(); s.measure(ctx, f, out, took) }
	if show {
		return <-done
	}
	return nil
}

// frame puts Lambda's own lines around those of the function.
func frame(c *config, id string, out outcome, took time.Duration, used uint64, written []string) []string {
	ms := float64(took.Microseconds()) / 1000
	if c.LogFormat != "JSON" {
		lines := append([]string{fmt.Sprintf("START RequestId: %s Version: %s", id, c.Version)}, written...)
		return append(lines, "END RequestId: "+id, fmt.Sprintf("REPORT RequestId: %s\tDuration: %.2f ms\tBilled Duration: %d ms\tMemory Size: %d MB\tMax Memory Used: %d MB", id, ms, int64(ms+1), c.Memory, used))
	}
	status := "success"
	if out.kind != "" {
		status = "error"
	}
	lines := append([]string{platform("platform.start", map[string]any{"requestId": id, "version": c.Version})}, written...)
	return append(lines, platform("platform.report", map[string]any{"requestId": id, "status": status, "metrics": map[string]any{"durationMs": ms, "billedDurationMs": int64(ms + 1), "memorySizeMB": c.Memory, "maxMemoryUsedMB": used}}))
}

func platform(kind string, record map[string]any) string {
	b, err := json.Marshal(map[string]any{"time": time.Now().UTC().Format("2006-01-02T15:04:05.000Z"), "type": kind, "record": record})
	if err != nil {
		return kind
	}
	return string(b)
}

func splitLines(text []byte) []string {
	var all []string
	for _, l := range bytes.Split(text, []byte("\n")) {
		if len(l) > 0 {
			all = append(all, string(l))
		}
	}
	return all
}

// send writes lines to a log stream, which it makes if it is absent.
func (s *Service) send(ctx context.Context, group, stream string, lines []string) error {
	now := s.d.Clock.Now().UnixMilli()
	var events []logsapi.InputLogEvent
	for _, l := range lines {
		if len(l) > 250<<10 {
			l = l[:250<<10]
		}
		events = append(events, logsapi.InputLogEvent{Message: &l, Timestamp: &now})
	}
	put := func() error {
		_, err := wire.Invoke(ctx, s.d.Calls, logsapi.PutLogEvents, &logsapi.PutLogEventsInput{LogGroupName: &group, LogStreamName: &stream, LogEvents: events})
		return err
	}
	err := put()
	if wire.Code(err) != "ResourceNotFoundException" {
		return err
	}
	create := func() error {
		_, err := wire.Invoke(ctx, s.d.Calls, logsapi.CreateLogStream, &logsapi.CreateLogStreamInput{LogGroupName: &group, LogStreamName: &stream})
		if wire.Code(err) == "ResourceAlreadyExistsException" {
			return nil
		}
		return err
	}
	if err = create(); wire.Code(err) == "ResourceNotFoundException" { // not even the group is there
		_, err = wire.Invoke(ctx, s.d.Calls, logsapi.CreateLogGroup, &logsapi.CreateLogGroupInput{LogGroupName: &group})
		if err == nil || wire.Code(err) == "ResourceAlreadyExistsException" {
			err = create()
		}
	}
	if err != nil {
		return err
	}
	return put()
}
