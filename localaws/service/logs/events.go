package logs

import (
	"cmp"
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"

	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/store"
	"grocery/localaws/wire/api/logsapi"
)

// event is one log event.
type event struct {
	At       int64 // milliseconds
	Ingested int64
	Message  string
}

// The limits of a call; see
// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html.
const (
	maxEvents = 10_000
	maxBatch  = 1 << 20 // bytes, an event counting 26 beside its text
	overhead  = 26
)

// sequenceToken is what AWS still answers and no longer asks for.
const sequenceToken = "49039859605510000000000000000000000000000000000000000001"

// stamp writes a time so that texts sort like times.
func stamp(millis int64) string { return fmt.Sprintf("%015d", millis) }

func eventKey(x stream, at, number int64) string {
	return fmt.Sprintf("%s|%s|%012d", x.ID, stamp(at), number)
}

func (s *Service) putLogEvents(ctx context.Context, in *logsapi.PutLogEventsInput) (*logsapi.PutLogEventsOutput, error) {
	now := s.d.Clock.Now()
	size := 0
	for i, e := range in.LogEvents {
		size += len(*e.Message) + overhead
		if i > 0 && *e.Timestamp < *in.LogEvents[i-1].Timestamp {
			return nil, invalid("Log events in a single PutLogEvents request must be in chronological order.")
		}
		if *e.Message == "" {
			return nil, invalid("A log event must have a message.")
		}
	}
	switch n := len(in.LogEvents); {
	case n < 1 || n > maxEvents:
		return nil, invalid("A request must have 1 to %d log events.", maxEvents)
	case size > maxBatch:
		return nil, invalid("Upload too large: %d bytes exceeds limit of %d", size, maxBatch)
	case *in.LogEvents[n-1].Timestamp-*in.LogEvents[0].Timestamp > 24*time.Hour.Milliseconds():
		return nil, invalid("The batch of log events in a single PutLogEvents request cannot span more than 24 hours.")
	}
	out := logsapi.PutLogEventsOutput{NextSequenceToken: new(sequenceToken)}
	return &out, s.d.Store.Update(func(tx store.Tx) error {
		g, err := find(ctx, tx, in.LogGroupName, nil)
		if err != nil {
			return err
		}
		x, ok := streams.Get(tx, g.prefix()+*in.LogStreamName)
		if !ok {
			return errStream
		}
		oldest, youngest := now.Add(-14*24*time.Hour).UnixMilli(), now.Add(2*time.Hour).UnixMilli()
		expired := int64(0)
		if g.Retention > 0 {
			expired = now.AddDate(0, 0, -g.Retention).UnixMilli()
		}
		var rejected logsapi.RejectedLogEventsInfo
		for i, e := range in.LogEvents {
			at := *e.Timestamp
			switch {
			case at < expired:
				rejected.ExpiredLogEventEndIndex = new(int64(i + 1))
			case at < oldest:
				rejected.TooOldLogEventEndIndex = new(int64(i + 1))
			case at > youngest:
				if rejected.TooNewLogEventStartIndex == nil {
					rejected.TooNewLogEventStartIndex = new(int64(i))
				}
			default:
				events.Put(tx, eventKey(x, at, x.Next), event{At: at, Ingested: now.UnixMilli(), Message: *e.Message})
				if x.Next == 0 || at < x.First {
					x.First = at
				}
				x.Last = max(x.Last, at)
				x.Next++
				x.Bytes += int64(len(*e.Message) + overhead)
				x.Ingested = now.UnixMilli()
				continue
			}
			out.RejectedLogEventsInfo = &rejected
		}
		streams.Put(tx, x.key(), x)
		return nil
	})
}

// entry is an event with its place.
type entry struct {
	key    string
	stream string
	event
}

// within lists a stream's events in a span: from inclusive, to exclusive.
func within(tx store.Tx, x stream, from, to *int64) (all []entry) {
	events.Each(tx, x.ID+"|", func(k string, e event) bool {
		if to != nil && e.At >= *to {
			return false
		}
		if from == nil || e.At >= *from {
			all = append(all, entry{k[len(x.ID)+1:], x.Name, e})
		}
		return true
	})
	return all
}

// getLogEvents reads a stream. A token says "the events after" (f/) or "before"
// (b/) a place; at the end a client gets its own token back, as AWS does it.
func (s *Service) getLogEvents(ctx context.Context, in *logsapi.GetLogEventsInput) (*logsapi.GetLogEventsOutput, error) {
	limit := int(ptr.Or(in.Limit, maxEvents))
	if limit < 1 || limit > maxEvents {
		return nil, invalid("The limit must be between 1 and %d.", maxEvents)
	}
	out := logsapi.GetLogEventsOutput{Events: []logsapi.OutputLogEvent{}}
	return &out, s.d.Store.View(func(tx store.Tx) error {
		g, err := find(ctx, tx, in.LogGroupName, in.LogGroupIdentifier)
		if err != nil {
			return err
		}
		x, ok := streams.Get(tx, g.prefix()+*in.LogStreamName)
		if !ok {
			return errStream
		}
		all := within(tx, x, in.StartTime, in.EndTime)
		lo, hi := 0, len(all) // what is shown
		direction, at, given := strings.Cut(ptr.Val(in.NextToken), "/")
		switch {
		case given && direction == "f":
			lo, _ = slices.BinarySearchFunc(all, at, func(e entry, k string) int { return strings.Compare(e.key, k) })
			if lo < len(all) && all[lo].key == at {
				lo++
			}
			hi = min(len(all), lo+limit)
		case given && direction == "b":
			hi, _ = slices.BinarySearchFunc(all, at, func(e entry, k string) int { return strings.Compare(e.key, k) })
			lo = max(0, hi-limit)
		case in.NextToken != nil:
			return invalid("The specified nextToken is invalid.")
		case ptr.Val(in.StartFromHead):
			hi = min(len(all), limit)
		default:
			lo = max(0, len(all)-limit)
		}
		for _, e := range all[lo:hi] {
			out.Events = append(out.Events, logsapi.OutputLogEvent{Timestamp: new(e.At), IngestionTime: new(e.Ingested), Message: new(e.Message)})
		}
		switch {
		case lo < hi:
			out.NextBackwardToken, out.NextForwardToken = new("b/"+all[lo].key), new("f/"+all[hi-1].key)
		case given:
			out.NextBackwardToken, out.NextForwardToken = new("b/"+at), new("f/"+at)
		default:
			place := stamp(ptr.Val(in.StartTime))
			out.NextBackwardToken, out.NextForwardToken = new("b/"+place), new("f/"+place)
		}
		return nil
	})
}

func (s *Service) filterLogEvents(ctx context.Context, in *logsapi.FilterLogEventsInput) (*logsapi.FilterLogEventsOutput, error) {
	matches, err := parsePattern(ptr.Val(in.FilterPattern))
	if err != nil {
		return nil, err
	}
	if len(in.LogStreamNames) > 0 && in.LogStreamNamePrefix != nil {
		return nil, invalid("logStreamNames and logStreamNamePrefix are mutually exclusive.")
	}
	limit := int(ptr.Or(in.Limit, maxEvents))
	if limit < 1 || limit > maxEvents {
		return nil, invalid("The limit must be between 1 and %d.", maxEvents)
	}
	after := ""
	if in.NextToken != nil {
		raw, err := base64.RawURLEncoding.DecodeString(*in.NextToken)
		if err != nil {
			return nil, invalid("The specified nextToken is invalid.")
		}
		after = string(raw)
	}
	out := logsapi.FilterLogEventsOutput{Events: []logsapi.FilteredLogEvent{}, SearchedLogStreams: []logsapi.SearchedLogStream{}}
	return &out, s.d.Store.View(func(tx store.Tx) error {
		g, err := find(ctx, tx, in.LogGroupName, in.LogGroupIdentifier)
		if err != nil {
			return err
		}
		var end *int64 // EndTime is inclusive here
		if in.EndTime != nil {
			end = new(*in.EndTime + 1)
		}
		var all []entry
		known := map[string]bool{}
		for _, x := range streams.List(tx, g.prefix()+ptr.Val(in.LogStreamNamePrefix)) {
			if known[x.Name] = true; len(in.LogStreamNames) > 0 && !slices.Contains(in.LogStreamNames, x.Name) {
				continue
			}
			for _, e := range within(tx, x, in.StartTime, end) {
				e.key += "|" + x.Name
				if e.key > after && matches(e.Message) {
					all = append(all, e)
				}
			}
		}
		for _, n := range in.LogStreamNames {
			if !known[n] {
				return errStream
			}
		}
		slices.SortFunc(all, func(a, b entry) int { return cmp.Compare(a.key, b.key) })
		if len(all) > limit {
			all = all[:limit]
			out.NextToken = new(base64.RawURLEncoding.EncodeToString([]byte(all[limit-1].key)))
		}
		for _, e := range all {
			out.Events = append(out.Events, logsapi.FilteredLogEvent{EventId: new(base64.RawURLEncoding.EncodeToString([]byte(e.key))), LogStreamName: new(e.stream),
				Timestamp: new(e.At), IngestionTime: new(e.Ingested), Message: new(e.Message)})
		}
		return nil
	})
}

// parsePattern reads a filter pattern of terms: all plain terms must occur, one
// at least of those that begin with ?, none of those that begin with -. A term
// in quotation marks is taken as it stands. Patterns for JSON, columns and
// regular expressions are refused. See
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html.
func parsePattern(text string) (func(string) bool, error) {
	var all, some, none []string
	rest := strings.TrimSpace(text)
	if strings.HasPrefix(rest, "{") || strings.HasPrefix(rest, "[") || strings.Contains(rest, "%") {
		return nil, invalid("Local AWS offers filter patterns of terms; patterns for JSON, columns and regular expressions are not offered.")
	}
	for rest != "" {
		list := &all
		switch rest[0] {
		case '?':
			list, rest = &some, rest[1:]
		case '-':
			list, rest = &none, rest[1:]
		}
		var term string
		if strings.HasPrefix(rest, `"`) {
			end := strings.Index(rest[1:], `"`)
			if end < 0 {
				return nil, invalid("Invalid filter pattern: a quotation mark is not closed.")
			}
			term, rest = rest[1:1+end], rest[2+end:]
		} else if i := strings.IndexByte(rest, ' '); i >= 0 {
			term, rest = rest[:i], rest[i:]
		} else {
			term, rest = rest, ""
		}
		if term == "" {
			return nil, invalid("Invalid filter pattern: a term is empty.")
		}
		*list = append(*list, term)
		rest = strings.TrimSpace(rest)
	}
	return func(m string) bool {
		in := func(t string) bool { return strings.Contains(m, t) }
		return !slices.ContainsFunc(all, func(t string) bool { return !in(t) }) && !slices.ContainsFunc(none, in) && (len(some) == 0 || slices.ContainsFunc(some, in))
	}, nil
}

// expire drops the events that are older than their group keeps them.
func (s *Service) expire(context.Context) error {
	now := s.d.Clock.Now()
	var all []group
	if err := s.d.Store.View(func(tx store.Tx) error {
		all = slices.DeleteFunc(groups.List(tx, ""), func(g group) bool { return g.Retention == 0 })
		return nil
	}); err != nil {
		return err
	}
	for _, g := range all {
		limit := now.AddDate(0, 0, -g.Retention).UnixMilli()
		if err := s.d.Store.Update(func(tx store.Tx) error {
			for _, x := range streams.List(tx, g.prefix()) {
				if x.Next == 0 || x.First >= limit {
					continue
				}
				for _, e := range within(tx, x, nil, &limit) {
					events.Delete(tx, x.ID+"|"+e.key)
					x.Bytes -= int64(len(e.Message) + overhead)
				}
				x.First = x.Last
				events.Each(tx, x.ID+"|", func(_ string, e event) bool { x.First = e.At; return false })
				streams.Put(tx, x.key(), x)
			}
			return nil
		}); err != nil {
			return err
		}
	}
	return nil
}
