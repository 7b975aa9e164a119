package states

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"grocery/localaws/service/internal/page"
	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/store"
	api "grocery/localaws/wire/api/statesapi"
)

// event is one entry of an execution's history. Which details it has follows
// from its type.
// See https://docs.aws.amazon.com/step-functions/latest/apireference/API_HistoryEvent.html.
type event struct {
	ID       int64     `json:"id"`
	Previous int64     `json:"previous"`
	Type     string    `json:"type"`
	Time     time.Time `json:"time"`
	Name     string    `json:"name,omitempty"` // of a state
	Input    *string   `json:"input,omitempty"`
	Output   *string   `json:"output,omitempty"`
	Error    *string   `json:"error,omitempty"`
	Cause    *string   `json:"cause,omitempty"`
	Resource string    `json:"resource,omitempty"`
	Kind     string    `json:"kind,omitempty"` // resourceType
	Region   string    `json:"region,omitempty"`
	Timeout  int64     `json:"timeout,omitempty"` // seconds
	Role     string    `json:"role,omitempty"`
	Version  *string   `json:"version,omitempty"`
}

var history = store.Table[event]{Name: "states.history"}

// eventKey orders the events of an execution by id.
func eventKey(execution string, id int64) string {
	return store.Key(execution, fmt.Sprintf("%06d", id))
}

// whole says that a value is not cut short: here none ever is.
func whole(v *string) *api.HistoryEventExecutionDataDetails {
	if v == nil {
		return nil
	}
	return &api.HistoryEventExecutionDataDetails{Truncated: new(false)}
}

// shape is the event as GetExecutionHistory shows it.
func (e event) shape() api.HistoryEvent {
	h := api.HistoryEvent{Id: &e.ID, PreviousEventId: &e.Previous, Type: &e.Type, Timestamp: &e.Time}
	resource, kind, timeout := &e.Resource, &e.Kind, ptr.NonZero(e.Timeout)
	switch e.Type {
	case "ExecutionStarted":
		h.ExecutionStartedEventDetails = &api.ExecutionStartedEventDetails{Input: e.Input, InputDetails: whole(e.Input), RoleArn: &e.Role, StateMachineVersionArn: e.Version}
	case "ExecutionSucceeded":
		h.ExecutionSucceededEventDetails = &api.ExecutionSucceededEventDetails{Output: e.Output, OutputDetails: whole(e.Output)}
	case "ExecutionFailed":
		h.ExecutionFailedEventDetails = &api.ExecutionFailedEventDetails{Error: e.Error, Cause: e.Cause}
	case "ExecutionAborted":
		h.ExecutionAbortedEventDetails = &api.ExecutionAbortedEventDetails{Error: e.Error, Cause: e.Cause}
	case "ExecutionTimedOut":
		h.ExecutionTimedOutEventDetails = &api.ExecutionTimedOutEventDetails{Error: e.Error, Cause: e.Cause}
	case "TaskScheduled":
		h.TaskScheduledEventDetails = &api.TaskScheduledEventDetails{Parameters: e.Input, Region: &e.Region, Resource: resource, ResourceType: kind, TimeoutInSeconds: timeout}
	case "TaskStarted":
		h.TaskStartedEventDetails = &api.TaskStartedEventDetails{Resource: resource, ResourceType: kind}
	case "TaskSucceeded":
		h.TaskSucceededEventDetails = &api.TaskSucceededEventDetails{Output: e.Output, OutputDetails: whole(e.Output), Resource: resource, ResourceType: kind}
	case "TaskFailed":
		h.TaskFailedEventDetails = &api.TaskFailedEventDetails{Error: e.Error, Cause: e.Cause, Resource: resource, ResourceType: kind}
	case "TaskTimedOut":
		h.TaskTimedOutEventDetails = &api.TaskTimedOutEventDetails{Error: e.Error, Cause: e.Cause, Resource: resource, ResourceType: kind}
	case "LambdaFunctionScheduled":
		h.LambdaFunctionScheduledEventDetails = &api.LambdaFunctionScheduledEventDetails{Input: e.Input, InputDetails: whole(e.Input), Resource: resource, TimeoutInSeconds: timeout}
	case "LambdaFunctionSucceeded":
		h.LambdaFunctionSucceededEventDetails = &api.LambdaFunctionSucceededEventDetails{Output: e.Output, OutputDetails: whole(e.Output)}
	case "LambdaFunctionFailed":
		h.LambdaFunctionFailedEventDetails = &api.LambdaFunctionFailedEventDetails{Error: e.Error, Cause: e.Cause}
	case "LambdaFunctionTimedOut":
		h.LambdaFunctionTimedOutEventDetails = &api.LambdaFunctionTimedOutEventDetails{Error: e.Error, Cause: e.Cause}
	default:
		if strings.HasSuffix(e.Type, "StateEntered") {
			h.StateEnteredEventDetails = &api.StateEnteredEventDetails{Name: &e.Name, Input: e.Input, InputDetails: whole(e.Input)}
		}
		if strings.HasSuffix(e.Type, "StateExited") {
			h.StateExitedEventDetails = &api.StateExitedEventDetails{Name: &e.Name, Output: e.Output, OutputDetails: whole(e.Output)}
		}
	}
	return h
}

// getExecutionHistory lists the events of an execution, oldest first unless
// asked otherwise.
func (s *Service) getExecutionHistory(ctx context.Context, in *api.GetExecutionHistoryInput) (*api.GetExecutionHistoryOutput, error) {
	out := &api.GetExecutionHistoryOutput{Events: []api.HistoryEvent{}}
	return out, s.d.Store.View(func(tx store.Tx) error {
		x, err := findExecution(ctx, tx, *in.ExecutionArn)
		if err != nil {
			return err
		}
		all := history.List(tx, x.key()+"/")
		order := func(e event) string { return fmt.Sprintf("%06d", e.ID) }
		if ptr.Val(in.ReverseOrder) {
			slices.Reverse(all)
			order = func(e event) string { return fmt.Sprintf("%06d", 999999-e.ID) }
		}
		all, next, err := page.Cut(all, order, in.NextToken, in.MaxResults, 1000)
		if err != nil {
			return invalidToken()
		}
		for _, e := range all {
			if in.IncludeExecutionData != nil && !*in.IncludeExecutionData {
				e.Input, e.Output = nil, nil
			}
			out.Events = append(out.Events, e.shape())
		}
		out.NextToken = next
		return nil
	})
}
