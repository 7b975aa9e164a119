package events

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"grocery/localaws/service/events/pattern"
	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/store"
	"grocery/localaws/wire"
	api "grocery/localaws/wire/api/eventsapi"
)

// Event is something that happened, as a service of this cloud reports it.
type Event struct {
	ID         string // the same event again has the same id
	Region     string
	Time       time.Time
	Resources  []string
	Source     string // such as aws.s3
	DetailType string // such as "Object Created"
	Detail     json.RawMessage
}

// envelope is an event as rules see it and targets get it.
// See https://docs.aws.amazon.com/eventbridge/latest/ref/overiew-event-structure.html.
type envelope struct {
	Version    string          `json:"version"`
	ID         string          `json:"id"`
	DetailType string          `json:"detail-type"`
	Source     string          `json:"source"`
	Account    string          `json:"account"`
	Time       string          `json:"time"`
	Region     string          `json:"region"`
	Resources  []string        `json:"resources"`
	Detail     json.RawMessage `json:"detail"`
}

// text is the event as JSON.
func (e Event) text() []byte {
	resources := e.Resources
	if resources == nil {
		resources = []string{}
	}
	return encode(envelope{"0", e.ID, e.DetailType, e.Source, wire.Account, e.Time.UTC().Format(time.RFC3339), e.Region, resources, e.Detail})
}

// accepted are the ids of events that Accept took, with the time: their senders
// may repeat them after a crash.
var accepted = store.Table[time.Time]{Name: "events.accepted"}

// remembered is how long the id of an accepted event is kept.
const remembered = 24 * time.Hour

// Accept takes an event from a service of this cloud on the default bus. When
// it returns nil the event is durable, and each target of each rule that
// matches it gets it. An event whose id was accepted before is not taken again.
func (s *Service) Accept(_ context.Context, e Event) error {
	if e.Time.IsZero() {
		e.Time = s.d.Clock.Now()
	}
	if v, err := pattern.Decode(e.Detail); err != nil {
		return invalid("The detail of event %s is no JSON: %s", e.ID, err)
	} else if _, ok := v.(map[string]any); !ok {
		return invalid("The detail of event %s is no JSON object.", e.ID)
	}
	return s.d.Store.Update(func(tx store.Tx) error {
		if _, again := accepted.Get(tx, e.ID); again {
			return nil
		}
		accepted.Put(tx, e.ID, s.d.Clock.Now())
		return s.route(tx, defaultBus, e)
	})
}

// route puts an event into the queue of every target whose rule matches.
func (s *Service) route(tx store.Tx, busName string, e Event) error {
	text := e.text()
	v, err := pattern.Decode(text)
	if err != nil {
		return err
	}
	for _, r := range rules.List(tx, store.Key(e.Region, busName)+"/") {
		if r.State != enabled || r.Pattern == "" {
			continue
		}
		p, err := pattern.Parse(r.Pattern)
		if err != nil {
			return err // it was checked when the rule was put
		}
		if p.Match(v) {
			s.enqueue(tx, &r, e.ID, text)
		}
	}
	return nil
}

// enqueue queues an event for the targets of a rule.
func (s *Service) enqueue(tx store.Tx, r *rule, id string, text []byte) {
	now := s.d.Clock.Now()
	for _, t := range r.Targets {
		d := delivery{EventID: id, Region: r.Region, Bus: r.Bus, Rule: r.Name, Target: t, Event: string(text), Received: now, Due: now}
		deliveries.Put(tx, d.key(), d)
	}
}

// maxEntries and maxBytes limit one call of PutEvents.
const (
	maxEntries = 10
	maxBytes   = 1 << 20
)

// putEvents takes events from anybody, entry by entry.
// See https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html.
func (s *Service) putEvents(ctx context.Context, in *api.PutEventsInput) (*api.PutEventsOutput, error) {
	if n := len(in.Entries); n == 0 || n > maxEntries {
		return nil, invalid("1 validation error detected: Value at 'entries' failed to satisfy constraint: Member must have length from 1 to %d", maxEntries)
	}
	size := 0
	for _, e := range in.Entries {
		size += len(ptr.Val(e.Source)) + len(ptr.Val(e.DetailType)) + len(ptr.Val(e.Detail))
		for _, r := range e.Resources {
			size += len(r)
		}
	}
	if size > maxBytes {
		return nil, invalid("Total size of the entries in the request is over the limit.")
	}
	out := &api.PutEventsOutput{FailedEntryCount: new(int64(0))}
	return out, s.d.Store.Update(func(tx store.Tx) error {
		for _, x := range in.Entries {
			e := Event{ID: wire.NewRequestID(), Region: wire.CallFrom(ctx).Region, Time: ptr.Or(x.Time, s.d.Clock.Now()), Resources: x.Resources,
				Source: ptr.Val(x.Source), DetailType: ptr.Val(x.DetailType), Detail: json.RawMessage(ptr.Val(x.Detail))}
			code, message := refusal(ctx, e)
			b, err := findBus(ctx, tx, x.EventBusName)
			if err != nil && code == "" {
				code, message = "ResourceNotFoundException", err.(*wire.Error).Message
			}
			if code != "" {
				*out.FailedEntryCount++
				out.Entries = append(out.Entries, api.PutEventsResultEntry{ErrorCode: &code, ErrorMessage: &message})
				continue
			}
			if err := s.route(tx, b.Name, e); err != nil {
				return err
			}
			out.Entries = append(out.Entries, api.PutEventsResultEntry{EventId: &e.ID})
		}
		return nil
	})
}

// refusal says why an entry is not taken.
func refusal(ctx context.Context, e Event) (code, message string) {
	for name, v := range map[string]string{"Source": e.Source, "DetailType": e.DetailType, "Detail": string(e.Detail)} {
		if v == "" {
			return "InvalidArgument", "Parameter " + name + " is not valid. Reason: " + name + " is a required argument."
		}
	}
	if strings.HasPrefix(e.Source, "aws.") && wire.CallFrom(ctx).Principal.Service == "" {
		return "NotAuthorizedForSourceException", "Not authorized for the source."
	}
	v, err := pattern.Decode(e.Detail)
	if _, ok := v.(map[string]any); err != nil || !ok {
		return "MalformedDetail", "Detail is malformed."
	}
	return "", ""
}

// forget drops the ids of events accepted long ago.
func (s *Service) forget(context.Context) error {
	limit := s.d.Clock.Now().Add(-remembered)
	var old []string
	find := func(tx store.Tx) error {
		accepted.Each(tx, "", func(id string, at time.Time) bool {
			if at.Before(limit) {
				old = append(old, id)
			}
			return true
		})
		return nil
	}
	if err := s.d.Store.View(find); err != nil || len(old) == 0 {
		return err
	}
	return s.d.Store.Update(func(tx store.Tx) error {
		for _, id := range old {
			accepted.Delete(tx, id)
		}
		return nil
	})
}
