package ssm

import (
	"log/slog"

	"grocery/localaws/reconcile"
	"grocery/localaws/seal"
	"grocery/localaws/service/internal/strict"
	"grocery/localaws/store"
	"grocery/localaws/wire"
	api "grocery/localaws/wire/api/ssmapi"
)

// Deps is what the service needs.
type Deps struct {
	Store store.Store
	Clock store.Clock
	Key   *seal.Key      // seals secure strings
	Calls *wire.Registry // asks EC2 for its images
	Log   *slog.Logger
}

// Service serves the Parameter Store.
type Service struct{ d Deps }

// New makes the service.
func New(d Deps) *Service { return &Service{d} }

// Register puts the service's operations into r.
func (s *Service) Register(r *wire.Registry) {
	const code = "ValidationException"
	strict.Handle(r, api.AddTagsToResource, code, strict.All, s.addTagsToResource)
	strict.Handle(r, api.DeleteParameter, code, strict.All, s.deleteParameter)
	strict.Handle(r, api.DeleteParameters, code, strict.All, s.deleteParameters)
	strict.Handle(r, api.DescribeParameters, code, "MaxResults NextToken ParameterFilters Filters", s.describeParameters)
	strict.Handle(r, api.GetParameter, code, strict.All, s.getParameter)
	strict.Handle(r, api.GetParameterHistory, code, strict.All, s.getParameterHistory)
	strict.Handle(r, api.GetParameters, code, strict.All, s.getParameters)
	strict.Handle(r, api.GetParametersByPath, code, strict.All, s.getParametersByPath)
	strict.Handle(r, api.LabelParameterVersion, code, strict.All, s.labelParameterVersion)
	strict.Handle(r, api.ListTagsForResource, code, strict.All, s.listTagsForResource)
	strict.Handle(r, api.PutParameter, code, "AllowedPattern DataType Description KeyId Name Overwrite Tags Tier Type Value", s.putParameter)
	strict.Handle(r, api.RemoveTagsFromResource, code, strict.All, s.removeTagsFromResource)
	strict.Handle(r, api.UnlabelParameterVersion, code, strict.All, s.unlabelParameterVersion)
}

// Loops returns none: a parameter is nothing but its record.
func (s *Service) Loops() []reconcile.Loop { return nil }
