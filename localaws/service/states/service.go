package states

import (
	"context"
	"log/slog"
	"sync"

	"grocery/localaws/service/internal/strict"
	"grocery/localaws/store"
	"grocery/localaws/wire"
	api "grocery/localaws/wire/api/statesapi"
)

// principal is what a state machine's role has to trust.
const principal = "states.amazonaws.com"

// Deps is what the service needs.
type Deps struct {
	Store store.Store
	Clock store.Clock
	Calls *wire.Registry // what tasks call
	Log   *slog.Logger
}

// Service is Step Functions.
type Service struct {
	d  Deps
	mu sync.Mutex
	// at work in this process, by execution; the store alone says what is to
	// be done.
	working map[string]context.CancelFunc
}

// New makes the service.
func New(d Deps) *Service { return &Service{d: d, working: map[string]context.CancelFunc{}} }

const refused = "ValidationException"

// Register puts the service's operations into r.
func (s *Service) Register(r *wire.Registry) {
	strict.Handle(r, api.CreateStateMachine, refused, strict.All, s.createStateMachine)
	strict.Handle(r, api.DescribeStateMachine, refused, strict.All, s.describeStateMachine)
	strict.Handle(r, api.UpdateStateMachine, refused, strict.All, s.updateStateMachine)
	strict.Handle(r, api.DeleteStateMachine, refused, strict.All, s.deleteStateMachine)
	strict.Handle(r, api.ListStateMachines, refused, strict.All, s.listStateMachines)
	strict.Handle(r, api.ValidateStateMachineDefinition, refused, strict.All, s.validateStateMachineDefinition)
	strict.Handle(r, api.PublishStateMachineVersion, refused, strict.All, s.publishStateMachineVersion)
	strict.Handle(r, api.ListStateMachineVersions, refused, strict.All, s.listStateMachineVersions)
	strict.Handle(r, api.DeleteStateMachineVersion, refused, strict.All, s.deleteStateMachineVersion)
	strict.Handle(r, api.StartExecution, refused, strict.All, s.startExecution)
	strict.Handle(r, api.DescribeExecution, refused, strict.All, s.describeExecution)
	strict.Handle(r, api.DescribeStateMachineForExecution, refused, strict.All, s.describeStateMachineForExecution)
	strict.Handle(r, api.ListExecutions, refused, "MaxResults NextToken StateMachineArn StatusFilter", s.listExecutions)
	strict.Handle(r, api.GetExecutionHistory, refused, strict.All, s.getExecutionHistory)
	strict.Handle(r, api.StopExecution, refused, strict.All, s.stopExecution)
	strict.Handle(r, api.TagResource, refused, strict.All, s.tagResource)
	strict.Handle(r, api.UntagResource, refused, strict.All, s.untagResource)
	strict.Handle(r, api.ListTagsForResource, refused, strict.All, s.listTagsForResource)
}
