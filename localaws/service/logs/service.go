package logs

import (
	"context"
	"log/slog"
	"time"

	"grocery/localaws/reconcile"
	"grocery/localaws/service/internal/strict"
	"grocery/localaws/store"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/logsapi"
)

// Deps is what the service needs.
type Deps struct {
	Store store.Store
	Clock store.Clock
	Log   *slog.Logger
}

// Service serves the API.
type Service struct{ d Deps }

// New makes the service.
func New(d Deps) *Service { return &Service{d} }

// Register adds the service's operations to r.
func (s *Service) Register(r *wire.Registry) {
	serve(r, logsapi.CreateLogGroup, "LogGroupClass LogGroupName Tags", s.createLogGroup)
	serve(r, logsapi.DeleteLogGroup, strict.All, s.deleteLogGroup)
	serve(r, logsapi.DescribeLogGroups, "Limit LogGroupClass LogGroupNamePattern LogGroupNamePrefix NextToken", s.describeLogGroups)
	serve(r, logsapi.PutRetentionPolicy, strict.All, s.putRetentionPolicy)
	serve(r, logsapi.DeleteRetentionPolicy, strict.All, s.deleteRetentionPolicy)
	serve(r, logsapi.CreateLogStream, strict.All, s.createLogStream)
	serve(r, logsapi.DeleteLogStream, strict.All, s.deleteLogStream)
	serve(r, logsapi.DescribeLogStreams, strict.All, s.describeLogStreams)
	serve(r, logsapi.PutLogEvents, strict.All, s.putLogEvents)
	serve(r, logsapi.GetLogEvents, strict.All, s.getLogEvents)
	serve(r, logsapi.FilterLogEvents, strict.All, s.filterLogEvents)
	serve(r, logsapi.TagResource, strict.All, s.tagResource)
	serve(r, logsapi.UntagResource, strict.All, s.untagResource)
	serve(r, logsapi.ListTagsForResource, strict.All, s.listTagsForResource)
	serve(r, logsapi.TagLogGroup, strict.All, s.tagLogGroup)
	serve(r, logsapi.UntagLogGroup, strict.All, s.untagLogGroup)
	serve(r, logsapi.ListTagsLogGroup, strict.All, s.listTagsLogGroup)
	serve(r, logsapi.PutResourcePolicy, strict.All, s.putResourcePolicy)
	serve(r, logsapi.DescribeResourcePolicies, strict.All, s.describeResourcePolicies)
	serve(r, logsapi.DeleteResourcePolicy, strict.All, s.deleteResourcePolicy)
}

func serve[In, Out any](r *wire.Registry, op wire.Op[In, Out], members string, h func(context.Context, *In) (*Out, error)) {
	strict.Handle(r, op, "InvalidParameterException", members, h)
}

// Loops returns the reconciler that applies retention.
func (s *Service) Loops() []reconcile.Loop {
	return []reconcile.Loop{{Name: "logs retention", Tables: []string{groups.Name}, Every: time.Hour, Run: s.expire}}
}

func invalid(format string, args ...any) error {
	return wire.Errorf(400, "InvalidParameterException", format, args...)
}
