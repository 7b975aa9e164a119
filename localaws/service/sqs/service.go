package sqs

import (
	"context"
	"log/slog"
	"time"

	"grocery/localaws/reconcile"
	"grocery/localaws/service/internal/strict"
	"grocery/localaws/store"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/sqsapi"
)

// Deps is what the service needs.
type Deps struct {
	Store store.Store
	Clock store.Clock
	Calls *wire.Registry
	Log   *slog.Logger
}

// Service serves the API.
type Service struct {
	d      Deps
	active map[string]time.Time // when a queue was last seen with messages; the metrics' loop's own
}

// New makes the service.
func New(d Deps) *Service { return &Service{d, map[string]time.Time{}} }

// Register adds the service's operations to r.
func (s *Service) Register(r *wire.Registry) {
	serve(r, sqsapi.CreateQueue, strict.All, s.createQueue)
	serve(r, sqsapi.DeleteQueue, strict.All, s.deleteQueue)
	serve(r, sqsapi.GetQueueUrl, strict.All, s.getQueueURL)
	serve(r, sqsapi.ListQueues, strict.All, s.listQueues)
	serve(r, sqsapi.GetQueueAttributes, strict.All, s.getQueueAttributes)
	serve(r, sqsapi.SetQueueAttributes, strict.All, s.setQueueAttributes)
	serve(r, sqsapi.ListDeadLetterSourceQueues, strict.All, s.listDeadLetterSourceQueues)
	serve(r, sqsapi.TagQueue, strict.All, s.tagQueue)
	serve(r, sqsapi.UntagQueue, strict.All, s.untagQueue)
	serve(r, sqsapi.ListQueueTags, strict.All, s.listQueueTags)
	serve(r, sqsapi.SendMessage, "DelaySeconds MessageAttributes MessageBody QueueUrl", s.sendMessage)
	serve(r, sqsapi.SendMessageBatch, strict.All, s.sendMessageBatch)
	serve(r, sqsapi.ReceiveMessage, strict.All, s.receiveMessage)
	serve(r, sqsapi.DeleteMessage, strict.All, s.deleteMessage)
	serve(r, sqsapi.DeleteMessageBatch, strict.All, s.deleteMessageBatch)
	serve(r, sqsapi.ChangeMessageVisibility, strict.All, s.changeMessageVisibility)
	serve(r, sqsapi.ChangeMessageVisibilityBatch, strict.All, s.changeMessageVisibilityBatch)
	serve(r, sqsapi.PurgeQueue, strict.All, s.purgeQueue)
}

func serve[In, Out any](r *wire.Registry, op wire.Op[In, Out], members string, h func(context.Context, *In) (*Out, error)) {
	strict.Handle(r, op, "UnsupportedOperation", members, h)
}

// Loops returns the reconcilers: one drops messages older than their queue
// keeps them, one publishes metrics.
func (s *Service) Loops() []reconcile.Loop {
	return []reconcile.Loop{
		{Name: "sqs retention", Every: 10 * time.Minute, Run: s.expire},
		{Name: "sqs metrics", Every: time.Minute, Run: s.publish},
	}
}

func invalid(format string, args ...any) error {
	return wire.Errorf(400, "InvalidParameterValue", format, args...)
}
