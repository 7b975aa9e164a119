package events

import (
	"context"
	"encoding/json"
	"time"

	"grocery/localaws/store"
	"grocery/localaws/wire"
)

// appointment is when a scheduled rule fires next.
type appointment struct {
	Schedule string    `json:"schedule"`
	Next     time.Time `json:"next"` // zero: never again
}

var timetable = store.Table[appointment]{Name: "events.timetable"}

// keepTime fires the scheduled rules that are due and writes down when each
// fires next. A rule that was due while the cloud was off fires once.
func (s *Service) keepTime(ctx context.Context) error {
	now := s.d.Clock.Now()
	var next time.Time
	err := s.d.Store.Update(func(tx store.Tx) error {
		next = time.Time{}
		scheduled := map[string]bool{}
		for _, r := range rules.List(tx, "") {
			if r.Schedule == "" || r.State != enabled {
				continue
			}
			scheduled[r.key()] = true
			when, err := parseSchedule(r.Schedule)
			if err != nil {
				return err // it was checked when the rule was put
			}
			a, ok := timetable.Get(tx, r.key())
			switch {
			case !ok || a.Schedule != r.Schedule:
				a = appointment{r.Schedule, when.next(now)}
			case !a.Next.IsZero() && !a.Next.After(now):
				s.fire(tx, &r, a.Next)
				a.Next = following(when, a.Next, now)
			}
			timetable.Put(tx, r.key(), a)
			if !a.Next.IsZero() && (next.IsZero() || a.Next.Before(next)) {
				next = a.Next
			}
		}
		var gone []string
		timetable.Each(tx, "", func(key string, _ appointment) bool {
			if !scheduled[key] {
				gone = append(gone, key)
			}
			return true
		})
		for _, key := range gone {
			timetable.Delete(tx, key)
		}
		return nil
	})
	if err != nil {
		return err
	}
	s.ticking.at(ctx, s.d.Clock, next)
	return nil
}

// following is the first moment of a schedule after now. A rate keeps the beat
// it has.
func following(when schedule, last, now time.Time) time.Time {
	if r, ok := when.(rate); ok {
		missed := now.Sub(last) / time.Duration(r)
		return last.Add((missed + 1) * time.Duration(r))
	}
	return when.next(now)
}

// fire queues the event of a moment for the rule's targets.
func (s *Service) fire(tx store.Tx, r *rule, at time.Time) {
	e := Event{ID: wire.NewRequestID(), Region: r.Region, Time: at, Resources: []string{r.arn()}, Source: "aws.events", DetailType: "Scheduled Event", Detail: json.RawMessage("{}")}
	s.enqueue(tx, r, e.ID, e.text())
}
