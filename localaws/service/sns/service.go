package sns

import (
	"context"
	"log/slog"
	"time"

	"grocery/localaws/reconcile"
	"grocery/localaws/service/internal/strict"
	"grocery/localaws/store"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/snsapi"
)

// Deps is what the service needs.
type Deps struct {
	Store store.Store
	Clock store.Clock
	Calls *wire.Registry
	Log   *slog.Logger
	// Mailbox is the folder that e-mail is delivered to:
	// <Mailbox>/<topic>/<time>-<id>.eml.
	Mailbox string
}

// principal is how the service names itself in its calls.
const principal = "sns.amazonaws.com"

// Service serves the API and delivers messages.
type Service struct{ d Deps }

// New makes the service.
func New(d Deps) *Service { return &Service{d} }

// Register adds the service's operations to r.
func (s *Service) Register(r *wire.Registry) {
	serve(r, snsapi.CreateTopic, "Attributes Name Tags", s.createTopic)
	serve(r, snsapi.DeleteTopic, strict.All, s.deleteTopic)
	serve(r, snsapi.ListTopics, strict.All, s.listTopics)
	serve(r, snsapi.GetTopicAttributes, strict.All, s.getTopicAttributes)
	serve(r, snsapi.SetTopicAttributes, strict.All, s.setTopicAttributes)
	serve(r, snsapi.Subscribe, strict.All, s.subscribe)
	serve(r, snsapi.ConfirmSubscription, "Token TopicArn AuthenticateOnUnsubscribe", s.confirmSubscription)
	serve(r, snsapi.Unsubscribe, strict.All, s.unsubscribe)
	serve(r, snsapi.GetSubscriptionAttributes, strict.All, s.getSubscriptionAttributes)
	serve(r, snsapi.SetSubscriptionAttributes, strict.All, s.setSubscriptionAttributes)
	serve(r, snsapi.ListSubscriptions, strict.All, s.listSubscriptions)
	serve(r, snsapi.ListSubscriptionsByTopic, strict.All, s.listSubscriptionsByTopic)
	serve(r, snsapi.Publish, "Message MessageAttributes MessageStructure Subject TargetArn TopicArn", s.publish)
	serve(r, snsapi.PublishBatch, strict.All, s.publishBatch)
	serve(r, snsapi.TagResource, strict.All, s.tagResource)
	serve(r, snsapi.UntagResource, strict.All, s.untagResource)
	serve(r, snsapi.ListTagsForResource, strict.All, s.listTagsForResource)
}

func serve[In, Out any](r *wire.Registry, op wire.Op[In, Out], members string, h func(context.Context, *In) (*Out, error)) {
	strict.Handle(r, op, "InvalidParameter", members, h)
}

// Loops returns the reconcilers.
func (s *Service) Loops() []reconcile.Loop {
	return []reconcile.Loop{
		{Name: "sns delivery", Tables: []string{deliveries.Name}, Every: 10 * time.Second, Run: s.deliver},
		{Name: "sns unconfirmed", Every: time.Hour, Run: s.forget},
	}
}

func invalid(format string, args ...any) error {
	return wire.Errorf(400, "InvalidParameter", "Invalid parameter: "+format, args...)
}

func notFound(what string) error { return wire.Errorf(404, "NotFound", "%s does not exist", what) }
