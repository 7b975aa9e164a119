package rds

import (
	"context"
	"fmt"
	"slices"
	"time"

	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/store"
	"grocery/localaws/wire"
	api "grocery/localaws/wire/api/rdsapi"
)

// event is one line of an instance's history. AWS keeps them for 14 days.
type event struct {
	At       time.Time `json:"at"`
	ID       string    `json:"id"`
	Region   string    `json:"region"`
	Category string    `json:"category"`
	Message  string    `json:"message"`
}

var events = store.Table[event]{Name: "rds_events"}

const eventsKept = 14 * 24 * time.Hour

// event notes something that happened to an instance.
func (s *Service) event(tx store.Tx, i *instance, category, message string) {
	now := s.d.Clock.Now()
	key := func(t time.Time) string { return fmt.Sprintf("%s/%020d", i.Region, t.UnixNano()) }
	for at := now; ; at = at.Add(1) {
		if _, taken := events.Get(tx, key(at)); !taken {
			events.Put(tx, key(at), event{now, i.ID, i.Region, category, message})
			break
		}
	}
	var old []string
	events.Each(tx, i.Region+"/", func(k string, _ event) bool {
		if k < key(now.Add(-eventsKept)) {
			old = append(old, k)
			return true
		}
		return false
	})
	for _, k := range old {
		events.Delete(tx, k)
	}
}

func (s *Service) describeEvents(ctx context.Context, in *api.DescribeEventsInput) (*api.DescribeEventsOutput, error) {
	if kind := ptr.Or(in.SourceType, "db-instance"); kind != "db-instance" {
		return &api.DescribeEventsOutput{}, nil // nothing else has a history here
	}
	if in.SourceIdentifier != nil && in.SourceType == nil {
		return nil, wire.Errorf(400, "InvalidParameterCombination", "SourceType is required with SourceIdentifier.")
	}
	end := ptr.Or(in.EndTime, s.d.Clock.Now())
	start := ptr.Or(in.StartTime, end.Add(-time.Duration(ptr.Or(in.Duration, 60))*time.Minute))
	out := &api.DescribeEventsOutput{}
	return out, s.d.Store.View(func(tx store.Tx) (err error) {
		all := slices.DeleteFunc(events.List(tx, wire.CallFrom(ctx).Region+"/"), func(e event) bool {
			return e.At.Before(start) || e.At.After(end) || ptr.Or(in.SourceIdentifier, e.ID) != e.ID || len(in.EventCategories) > 0 && !slices.Contains(in.EventCategories, e.Category)
		})
		all, out.Marker, err = cut(all, func(e event) string { return fmt.Sprintf("%020d", e.At.UnixNano()) }, in.Marker, in.MaxRecords)
		for _, e := range all {
			out.Events = append(out.Events, api.Event{Date: &e.At, EventCategories: []string{e.Category}, Message: &e.Message, SourceIdentifier: &e.ID, SourceType: new("db-instance"), SourceArn: new(arn(e.Region, "db", e.ID))})
		}
		return err
	})
}
