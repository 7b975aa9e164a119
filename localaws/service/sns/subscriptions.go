package sns

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"maps"
	"net/mail"
	"strings"
	"time"

	"grocery/localaws/service/internal/page"
	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/store"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/snsapi"
)

var subscriptions = store.Table[subscription]{Name: "sns.subscriptions"} // ARN, which begins with the topic's

// subscription is one subscription of a topic.
type subscription struct {
	ARN, Topic         string
	Protocol, Endpoint string
	Confirmed          bool
	Token              string // that confirms it
	Raw                bool   // queues get the message alone
	Attributes         map[string]string
	Created            time.Time
}

// confirmWithin is how long a subscription may wait for its confirmation.
const confirmWithin = 48 * time.Hour

func (x *subscription) set(name, value string) error {
	switch name {
	case "RawMessageDelivery":
		if x.Protocol != "sqs" && value == "true" {
			return invalid("Attributes Reason: RawMessageDelivery: Delivery protocol [%s] does not support raw message delivery.", x.Protocol)
		}
		x.Raw = value == "true"
	case "DeliveryPolicy", "FilterPolicy", "RedrivePolicy", "SubscriptionRoleArn", "FilterPolicyScope", "ReplayPolicy":
		if value != "" && value != "{}" {
			return invalid("Local AWS does not offer the attribute %s of a subscription", name)
		}
	default:
		return invalid("AttributeName: %s is not an attribute of a subscription", name)
	}
	return nil
}

func (s *Service) subscribe(ctx context.Context, in *snsapi.SubscribeInput) (*snsapi.SubscribeOutput, error) {
	x := subscription{Topic: *in.TopicArn, Protocol: *in.Protocol, Endpoint: ptr.Val(in.Endpoint), Attributes: map[string]string{}, Created: s.d.Clock.Now()}
	switch x.Protocol {
	case "email", "email-json":
		if a, err := mail.ParseAddress(x.Endpoint); err != nil || a.Address != x.Endpoint {
			return nil, invalid("Email address")
		}
	case "sqs", "lambda":
		if !strings.HasPrefix(x.Endpoint, "arn:aws:"+x.Protocol+":") {
			return nil, invalid("%s endpoint ARN", strings.ToUpper(x.Protocol))
		}
		x.Confirmed = true // it is this account's own
	default:
		return nil, invalid("Local AWS delivers to email, email-json, sqs and lambda, not to '%s'", x.Protocol)
	}
	for k, v := range in.Attributes {
		if err := x.set(k, v); err != nil {
			return nil, err
		}
	}
	var token [32]byte
	rand.Read(token[:])
	x.Token = hex.EncodeToString(token[:])
	x.ARN = x.Topic + ":" + wire.NewRequestID()
	err := s.d.Store.Update(func(tx store.Tx) error {
		t, ok := topics.Get(tx, x.Topic)
		if !ok {
			return notFound("Topic")
		}
		for _, o := range subscriptions.List(tx, x.Topic+":") {
			if o.Protocol != x.Protocol || o.Endpoint != x.Endpoint {
				continue
			}
			if o.Raw != x.Raw {
				return invalid("Attributes Reason: Subscription already exists with different attributes")
			}
			if x = o; !o.Confirmed { // ask again
				s.askToConfirm(tx, t, o)
			}
			return nil
		}
		subscriptions.Put(tx, x.ARN, x)
		if !x.Confirmed {
			s.askToConfirm(tx, t, x)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if !x.Confirmed && !ptr.Val(in.ReturnSubscriptionArn) {
		return &snsapi.SubscribeOutput{SubscriptionArn: new("pending confirmation")}, nil
	}
	return &snsapi.SubscribeOutput{SubscriptionArn: new(x.ARN)}, nil
}

// askToConfirm sends the mail with the token that confirms a subscription.
func (s *Service) askToConfirm(tx store.Tx, t topic, x subscription) {
	text := fmt.Sprintf("You have chosen to subscribe to the topic:\n%s\n\nTo confirm this subscription, run:\n\n  aws sns confirm-subscription --topic-arn %s --token %s\n\nIf this was in error no action is necessary.\n", t.ARN, t.ARN, x.Token)
	s.queue(tx, delivery{Subscription: x, MessageID: wire.NewRequestID(), Subject: "AWS Notification - Subscription Confirmation", Message: text, Kind: "SubscriptionConfirmation"})
}

func (s *Service) confirmSubscription(_ context.Context, in *snsapi.ConfirmSubscriptionInput) (*snsapi.ConfirmSubscriptionOutput, error) {
	var out snsapi.ConfirmSubscriptionOutput
	return &out, s.d.Store.Update(func(tx store.Tx) error {
		if _, ok := topics.Get(tx, *in.TopicArn); !ok {
			return notFound("Topic")
		}
		for _, x := range subscriptions.List(tx, *in.TopicArn+":") {
			if x.Token == *in.Token {
				x.Confirmed = true
				subscriptions.Put(tx, x.ARN, x)
				out.SubscriptionArn = new(x.ARN)
				return nil
			}
		}
		return invalid("Token")
	})
}

func (s *Service) unsubscribe(_ context.Context, in *snsapi.UnsubscribeInput) (*snsapi.UnsubscribeOutput, error) {
	return nil, s.d.Store.Update(func(tx store.Tx) error {
		subscriptions.Delete(tx, *in.SubscriptionArn) // an absent one is no error
		return nil
	})
}

func (s *Service) getSubscriptionAttributes(_ context.Context, in *snsapi.GetSubscriptionAttributesInput) (*snsapi.GetSubscriptionAttributesOutput, error) {
	var out snsapi.GetSubscriptionAttributesOutput
	return &out, s.d.Store.View(func(tx store.Tx) error {
		x, ok := subscriptions.Get(tx, *in.SubscriptionArn)
		if !ok {
			return notFound("Subscription")
		}
		out.Attributes = map[string]string{"SubscriptionArn": x.ARN, "TopicArn": x.Topic, "Owner": wire.Account, "Protocol": x.Protocol, "Endpoint": x.Endpoint,
			"ConfirmationWasAuthenticated": fmt.Sprint(x.Confirmed), "PendingConfirmation": fmt.Sprint(!x.Confirmed), "RawMessageDelivery": fmt.Sprint(x.Raw), "SubscriptionPrincipal": "arn:aws:iam::" + wire.Account + ":root"}
		maps.Copy(out.Attributes, x.Attributes)
		return nil
	})
}

func (s *Service) setSubscriptionAttributes(_ context.Context, in *snsapi.SetSubscriptionAttributesInput) (*snsapi.SetSubscriptionAttributesOutput, error) {
	return nil, s.d.Store.Update(func(tx store.Tx) error {
		x, ok := subscriptions.Get(tx, *in.SubscriptionArn)
		if !ok {
			return notFound("Subscription")
		}
		if err := x.set(*in.AttributeName, ptr.Val(in.AttributeValue)); err != nil {
			return err
		}
		subscriptions.Put(tx, x.ARN, x)
		return nil
	})
}

// list pages through subscriptions. One that waits for its confirmation shows
// no ARN, as on AWS.
func (s *Service) list(prefix string, token *string) (l []snsapi.Subscription, next *string, err error) {
	err = s.d.Store.View(func(tx store.Tx) error {
		var part []subscription
		if part, next, err = page.Cut(subscriptions.List(tx, prefix), func(x subscription) string { return x.ARN }, token, nil, 100); err != nil {
			return invalid("NextToken")
		}
		for _, x := range part {
			arn := x.ARN
			if !x.Confirmed {
				arn = "PendingConfirmation"
			}
			l = append(l, snsapi.Subscription{SubscriptionArn: new(arn), TopicArn: new(x.Topic), Owner: new(wire.Account), Protocol: new(x.Protocol), Endpoint: new(x.Endpoint)})
		}
		return nil
	})
	return l, next, err
}

func (s *Service) listSubscriptions(ctx context.Context, in *snsapi.ListSubscriptionsInput) (*snsapi.ListSubscriptionsOutput, error) {
	l, next, err := s.list(wire.CallFrom(ctx).ARN("sns", ""), in.NextToken)
	return &snsapi.ListSubscriptionsOutput{Subscriptions: l, NextToken: next}, err
}

func (s *Service) listSubscriptionsByTopic(_ context.Context, in *snsapi.ListSubscriptionsByTopicInput) (*snsapi.ListSubscriptionsByTopicOutput, error) {
	if err := s.d.Store.View(func(tx store.Tx) error {
		if _, ok := topics.Get(tx, *in.TopicArn); !ok {
			return notFound("Topic")
		}
		return nil
	}); err != nil {
		return nil, err
	}
	l, next, err := s.list(*in.TopicArn+":", in.NextToken)
	return &snsapi.ListSubscriptionsByTopicOutput{Subscriptions: l, NextToken: next}, err
}

// forget removes subscriptions that nobody confirmed in time.
func (s *Service) forget(context.Context) error {
	now := s.d.Clock.Now()
	return s.d.Store.Update(func(tx store.Tx) error {
		for _, x := range subscriptions.List(tx, "") {
			if !x.Confirmed && now.Sub(x.Created) > confirmWithin {
				subscriptions.Delete(tx, x.ARN)
			}
		}
		return nil
	})
}
