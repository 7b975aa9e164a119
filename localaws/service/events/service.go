package events

import (
	"log/slog"
	"time"

	"grocery/localaws/reconcile"
	"grocery/localaws/service/internal/strict"
	"grocery/localaws/store"
	"grocery/localaws/wire"
	api "grocery/localaws/wire/api/eventsapi"
)

// principal is who delivers, and what a target's role has to trust.
const principal = "events.amazonaws.com"

// Deps is what the service needs.
type Deps struct {
	Store store.Store
	Clock store.Clock
	Calls *wire.Registry // what targets are reached through
	Log   *slog.Logger
}

// Service is EventBridge.
type Service struct {
	d          Deps
	delivering *alarm // wakes deliver for the next retry
	ticking    *alarm // wakes keepTime for the next schedule
}

// New makes the service.
func New(d Deps) *Service { return &Service{d: d, delivering: newAlarm(), ticking: newAlarm()} }

const refused = "ValidationException"

// Register puts the service's operations into r.
func (s *Service) Register(r *wire.Registry) {
	strict.Handle(r, api.CreateEventBus, refused, "Description Name Tags", s.createEventBus)
	strict.Handle(r, api.DescribeEventBus, refused, strict.All, s.describeEventBus)
	strict.Handle(r, api.ListEventBuses, refused, strict.All, s.listEventBuses)
	strict.Handle(r, api.DeleteEventBus, refused, strict.All, s.deleteEventBus)

	strict.Handle(r, api.PutRule, refused, strict.All, s.putRule)
	strict.Handle(r, api.DescribeRule, refused, strict.All, s.describeRule)
	strict.Handle(r, api.ListRules, refused, strict.All, s.listRules)
	strict.Handle(r, api.ListRuleNamesByTarget, refused, strict.All, s.listRuleNamesByTarget)
	strict.Handle(r, api.EnableRule, refused, strict.All, s.enableRule)
	strict.Handle(r, api.DisableRule, refused, strict.All, s.disableRule)
	strict.Handle(r, api.DeleteRule, refused, strict.All, s.deleteRule)
	strict.Handle(r, api.TestEventPattern, refused, strict.All, s.testEventPattern)

	strict.Handle(r, api.PutTargets, refused, strict.All, s.putTargets)
	strict.Handle(r, api.ListTargetsByRule, refused, strict.All, s.listTargetsByRule)
	strict.Handle(r, api.RemoveTargets, refused, strict.All, s.removeTargets)

	strict.Handle(r, api.PutEvents, refused, "Entries", s.putEvents)

	strict.Handle(r, api.TagResource, refused, strict.All, s.tagResource)
	strict.Handle(r, api.UntagResource, refused, strict.All, s.untagResource)
	strict.Handle(r, api.ListTagsForResource, refused, strict.All, s.listTagsForResource)
}

// Loops returns the loops that deliver events, fire schedules and forget what
// was accepted long ago.
func (s *Service) Loops() []reconcile.Loop {
	return []reconcile.Loop{
		{Name: "events", Tables: []string{deliveries.Name}, Wake: s.delivering.wake, Every: time.Minute, Run: s.deliver},
		{Name: "events-schedule", Tables: []string{rules.Name}, Wake: s.ticking.wake, Every: time.Minute, Run: s.keepTime},
		{Name: "events-forget", Every: time.Hour, Run: s.forget},
	}
}

func invalid(format string, args ...any) error {
	return wire.Errorf(400, refused, format, args...)
}

func notFound(format string, args ...any) error {
	return wire.Errorf(400, "ResourceNotFoundException", format, args...)
}
