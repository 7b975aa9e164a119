package agent

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
)

const (
	logPoll   = 2 * time.Second
	stateFile = home + "/logs/state/offsets.json"
	// Limits of PutLogEvents: 1 MiB with 26 bytes for each event, 10,000 events.
	maxBatchBytes  = 1 << 20
	maxBatchEvents = 10000
	eventOverhead  = 26
	maxLine        = 256 << 10
)

// shipper sends what is added to log files.
type shipper struct {
	client  *cloudwatchlogs.Client
	id      Identity
	offsets map[string]int64
	ready   map[string]bool // group and stream that exist
}

// shipLogs follows the configured files until ctx ends.
func shipLogs(ctx context.Context, cfg aws.Config, l *Logs, id Identity) {
	s := &shipper{client: cloudwatchlogs.NewFromConfig(cfg), id: id, offsets: map[string]int64{}, ready: map[string]bool{}}
	if b, err := os.ReadFile(stateFile); err == nil {
		if err := json.Unmarshal(b, &s.offsets); err != nil {
			log.Printf("W! %s is damaged, files are sent from their beginning: %v", stateFile, err)
		}
	}
	for {
		for _, f := range l.Collected.Files.List {
			paths, err := filepath.Glob(f.Path)
			if err != nil {
				log.Printf("E! pattern %s: %v", f.Path, err)
			}
			for _, p := range paths {
				if err := s.ship(ctx, l, f, p); err != nil && ctx.Err() == nil {
					log.Printf("E! sending %s: %v", p, err)
				}
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(logPoll):
		}
	}
}

// ship sends the complete lines that were added to a file.
func (s *shipper) ship(ctx context.Context, l *Logs, f LogFile, path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	st, err := file.Stat()
	if err != nil {
		return err
	}
	at := s.offsets[path]
	if st.Size() < at {
		at = 0 // it was truncated or replaced
	}
	for {
		chunk, err := io.ReadAll(io.NewSectionReader(file, at, maxBatchBytes/2))
		if err != nil {
			return err
		}
		end := bytes.LastIndexByte(chunk, '\n') + 1
		if end == 0 && len(chunk) < maxLine {
			return nil // no complete line yet
		}
		if end == 0 {
			end = len(chunk)
		}
		n, events := eventsOf(chunk[:end], time.Now())
		if len(events) > 0 {
			if err := s.put(ctx, l, f, events); err != nil {
				return err
			}
		}
		at += int64(n)
		s.offsets[path] = at
		if err := s.save(); err != nil {
			return err
		}
	}
}

// eventsOf makes events of whole lines, as many as one call takes, and returns
// how many bytes they used up.
func eventsOf(chunk []byte, at time.Time) (n int, events []types.InputLogEvent) {
	size := 0
	for line := range bytes.Lines(chunk) {
		text := strings.TrimRight(string(line), "\r\n")
		if len(text) > maxLine {
			text = text[:maxLine]
		}
		if size += len(text) + eventOverhead; size > maxBatchBytes || len(events) == maxBatchEvents {
			break
		}
		n += len(line)
		if text != "" {
			events = append(events, types.InputLogEvent{Message: &text, Timestamp: new(at.UnixMilli())})
		}
	}
	return n, events
}

func (s *shipper) put(ctx context.Context, l *Logs, f LogFile, events []types.InputLogEvent) error {
	group, stream := s.names(l, f)
	if key := group + "\x00" + stream; !s.ready[key] {
		if err := s.prepare(ctx, group, stream, f.Retention); err != nil {
			return err
		}
		s.ready[key] = true
	}
	_, err := s.client.PutLogEvents(ctx, &cloudwatchlogs.PutLogEventsInput{LogGroupName: &group, LogStreamName: &stream, LogEvents: events})
	if _, gone := errors.AsType[*types.ResourceNotFoundException](err); gone {
		clear(s.ready) // somebody deleted it: it is made again next time
	}
	return err
}

// prepare makes group and stream if they are absent.
func (s *shipper) prepare(ctx context.Context, group, stream string, days int) error {
	exists := func(err error) bool {
		_, ok := errors.AsType[*types.ResourceAlreadyExistsException](err)
		return ok
	}
	// The stream first: where the group comes from Terraform, the role need
	// not be allowed to make groups.
	makeStream := func() error {
		_, err := s.client.CreateLogStream(ctx, &cloudwatchlogs.CreateLogStreamInput{LogGroupName: &group, LogStreamName: &stream})
		if exists(err) {
			return nil
		}
		return err
	}
	err := makeStream()
	if _, absent := errors.AsType[*types.ResourceNotFoundException](err); !absent {
		return err
	}
	if _, err := s.client.CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: &group}); err != nil && !exists(err) {
		return err
	}
	if days > 0 {
		_, err := s.client.PutRetentionPolicy(ctx, &cloudwatchlogs.PutRetentionPolicyInput{LogGroupName: &group, RetentionInDays: new(int32(days))})
		if err != nil {
			return err
		}
	}
	return makeStream()
}

// names fills the placeholders of group and stream.
func (s *shipper) names(l *Logs, f LogFile) (group, stream string) {
	r := strings.NewReplacer("{instance_id}", s.id[instanceIDVar], "{hostname}", s.id["host"],
		"{local_hostname}", s.id["local_hostname"], "{ip_address}", s.id["ip"])
	for _, stream = range []string{f.Stream, l.StreamName, "{instance_id}"} {
		if stream != "" {
			break
		}
	}
	return r.Replace(f.Group), r.Replace(stream)
}

func (s *shipper) save() error {
	b, err := json.Marshal(s.offsets)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(stateFile), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(stateFile+".new", b, 0o600); err != nil {
		return err
	}
	return os.Rename(stateFile+".new", stateFile)
}
