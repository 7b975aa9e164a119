package sns_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/mail"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	aws "github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"

	"grocery/localaws/service/internal/apitest"
	"grocery/localaws/service/sns"
	"grocery/localaws/store"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/sqsapi"
)

type world struct {
	*aws.Client
	t       *testing.T
	clock   *apitest.Clock
	service *sns.Service
	mailbox string
	topic   string
	sent    []string // to queues
	broken  error    // what queues answer
}

// newWorld has the topic "alerts".
func newWorld(t *testing.T) *world {
	w := &world{t: t, clock: apitest.NewClock(), mailbox: t.TempDir()}
	r := apitest.Registry()
	w.service = sns.New(sns.Deps{Store: store.NewMemory(), Clock: w.clock, Calls: r, Log: slog.New(slog.DiscardHandler), Mailbox: w.mailbox})
	w.service.Register(r)
	wire.Handle(r, sqsapi.SendMessage, func(_ context.Context, in *sqsapi.SendMessageInput) (*sqsapi.SendMessageOutput, error) {
		if w.broken == nil {
			w.sent = append(w.sent, *in.QueueUrl+" "+*in.MessageBody)
		}
		return nil, w.broken
	})
	w.Client = aws.NewFromConfig(apitest.Serve(t, r))
	w.topic = *must(w.CreateTopic(t.Context(), &aws.CreateTopicInput{Name: new("alerts"), Attributes: map[string]string{"DisplayName": "Alerts", "KmsMasterKeyId": "alias/aws/sns"}, Tags: []types.Tag{{Key: new("Project"), Value: new("grocery")}}}))(t).TopicArn
	return w
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func (w *world) turn() {
	w.t.Helper()
	for _, l := range w.service.Loops() {
		if err := l.Run(w.t.Context()); err != nil {
			w.t.Fatalf("%s: %v", l.Name, err)
		}
	}
}

func (w *world) subscribe(protocol, endpoint string, attributes map[string]string) string {
	w.t.Helper()
	return *must(w.Subscribe(w.t.Context(), &aws.SubscribeInput{TopicArn: &w.topic, Protocol: &protocol, Endpoint: &endpoint, ReturnSubscriptionArn: true, Attributes: attributes}))(w.t).SubscriptionArn
}

func (w *world) publish(message string) {
	w.t.Helper()
	w.clock.Advance(time.Millisecond)
	must(w.Publish(w.t.Context(), &aws.PublishInput{TopicArn: &w.topic, Subject: new("Grüße"), Message: &message}))(w.t)
	w.turn()
}

// mails are the bodies in the topic's mailbox, oldest first.
func (w *world) mails() (bodies []string) {
	w.t.Helper()
	files := must(filepath.Glob(filepath.Join(w.mailbox, "alerts", "*")))(w.t)
	for _, f := range files {
		file := must(os.Open(f))(w.t)
		m := must(mail.ReadMessage(file))(w.t)
		if _, err := m.Header.Date(); err != nil {
			w.t.Error(err)
		}
		bodies = append(bodies, string(must(io.ReadAll(m.Body))(w.t)))
		file.Close()
	}
	return bodies
}

func TestAnAddressGetsMailOnlyOnceItIsConfirmed(t *testing.T) {
	w := newWorld(t)
	arn := w.subscribe("email", "ops@example.com", nil)
	w.publish("too early")
	mails := w.mails()
	if len(mails) != 1 {
		t.Fatalf("%d mails came before the confirmation", len(mails))
	}
	pending := must(w.GetSubscriptionAttributes(t.Context(), &aws.GetSubscriptionAttributesInput{SubscriptionArn: &arn}))(t).Attributes["PendingConfirmation"]
	list := must(w.ListSubscriptionsByTopic(t.Context(), &aws.ListSubscriptionsByTopicInput{TopicArn: &w.topic}))(t).Subscriptions
	if pending != "true" || *list[0].SubscriptionArn != "PendingConfirmation" {
		t.Errorf("pending is %s, the list shows %s", pending, *list[0].SubscriptionArn)
	}
	token := regexp.MustCompile(`--token (\S+)`).FindStringSubmatch(mails[0])
	if token == nil {
		t.Fatalf("the mail has no token: %s", mails[0])
	}
	if got := must(w.ConfirmSubscription(t.Context(), &aws.ConfirmSubscriptionInput{TopicArn: &w.topic, Token: &token[1]}))(t); *got.SubscriptionArn != arn {
		t.Errorf("confirmed %s", *got.SubscriptionArn)
	}
	w.publish("disk full")
	if mails = w.mails(); len(mails) != 2 || !strings.Contains(mails[1], "disk full") {
		t.Errorf("got %q", mails)
	}
}

func TestWhatNobodyConfirmsIsForgotten(t *testing.T) {
	w := newWorld(t)
	w.subscribe("email", "ops@example.com", nil)
	w.clock.Advance(49 * time.Hour)
	w.turn()
	if l := must(w.ListSubscriptions(t.Context(), &aws.ListSubscriptionsInput{}))(t).Subscriptions; len(l) != 0 {
		t.Errorf("%d subscriptions are left", len(l))
	}
}

func TestAQueueGetsAnEnvelopeOrTheMessageAlone(t *testing.T) {
	w := newWorld(t)
	w.subscribe("sqs", "arn:aws:sqs:eu-central-1:123456789012:full", nil)
	w.subscribe("sqs", "arn:aws:sqs:eu-central-1:123456789012:raw", map[string]string{"RawMessageDelivery": "true"})
	w.publish("hello")
	if len(w.sent) != 2 {
		t.Fatalf("sent %q", w.sent)
	}
	for _, s := range w.sent {
		url, body, _ := strings.Cut(s, " ")
		switch url {
		case "https://sqs.eu-central-1.amazonaws.com/123456789012/raw":
			if body != "hello" {
				t.Errorf("raw: %q", body)
			}
		case "https://sqs.eu-central-1.amazonaws.com/123456789012/full":
			var m struct{ Type, TopicArn, Subject, Message string }
			if err := json.Unmarshal([]byte(body), &m); err != nil || m.Type != "Notification" || m.TopicArn != w.topic || m.Message != "hello" || m.Subject != "Grüße" {
				t.Errorf("envelope: %s", body)
			}
		default:
			t.Errorf("sent to %s", url)
		}
	}
}

func TestADeliveryThatFailsIsTriedAgainAndARefusalIsNot(t *testing.T) {
	w := newWorld(t)
	w.subscribe("sqs", "arn:aws:sqs:eu-central-1:123456789012:q", map[string]string{"RawMessageDelivery": "true"})
	w.broken = errors.New("not now")
	w.publish("one")
	w.broken = nil
	w.turn() // too early
	if len(w.sent) != 0 {
		t.Error("tried again at once")
	}
	w.clock.Advance(time.Minute)
	w.turn()
	if len(w.sent) != 1 {
		t.Errorf("sent %q", w.sent)
	}
	w.broken = wire.Errorf(400, "AWS.SimpleQueueService.NonExistentQueue", "gone")
	w.publish("two")
	w.broken = nil
	w.clock.Advance(time.Hour)
	w.turn()
	if len(w.sent) != 1 {
		t.Errorf("a refused message came: %q", w.sent)
	}
}

func TestAMessageCanDifferByProtocol(t *testing.T) {
	w := newWorld(t)
	w.subscribe("sqs", "arn:aws:sqs:eu-central-1:123456789012:q", map[string]string{"RawMessageDelivery": "true"})
	must(w.Publish(t.Context(), &aws.PublishInput{TopicArn: &w.topic, MessageStructure: new("json"), Message: new(`{"default":"d","sqs":"s"}`)}))(t)
	w.turn()
	if len(w.sent) != 1 || !strings.HasSuffix(w.sent[0], " s") {
		t.Errorf("sent %q", w.sent)
	}
}

func TestATopicHasAttributesAndTags(t *testing.T) {
	w := newWorld(t)
	got := must(w.GetTopicAttributes(t.Context(), &aws.GetTopicAttributesInput{TopicArn: &w.topic}))(t).Attributes
	for k, want := range map[string]string{"TopicArn": "arn:aws:sns:eu-central-1:123456789012:alerts", "DisplayName": "Alerts", "KmsMasterKeyId": "alias/aws/sns", "SubscriptionsConfirmed": "0", "Owner": "123456789012"} {
		if got[k] != want {
			t.Errorf("%s is %q", k, got[k])
		}
	}
	if !json.Valid([]byte(got["Policy"])) || !json.Valid([]byte(got["EffectiveDeliveryPolicy"])) {
		t.Error("a policy is no JSON")
	}
	must(w.TagResource(t.Context(), &aws.TagResourceInput{ResourceArn: &w.topic, Tags: []types.Tag{{Key: new("a"), Value: new("b")}}}))(t)
	if tags := must(w.ListTagsForResource(t.Context(), &aws.ListTagsForResourceInput{ResourceArn: &w.topic}))(t).Tags; len(tags) != 2 || *tags[1].Key != "a" {
		t.Errorf("got %+v", tags)
	}
	w.subscribe("email", "ops@example.com", nil)
	must(w.DeleteTopic(t.Context(), &aws.DeleteTopicInput{TopicArn: &w.topic}))(t)
	if l := must(w.ListSubscriptions(t.Context(), &aws.ListSubscriptionsInput{}))(t).Subscriptions; len(l) != 0 {
		t.Errorf("%d subscriptions outlive their topic", len(l))
	}
}

func TestWhatIsNotOfferedIsRefused(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct {
		name string
		err  error
		want string
	}{
		{"a FIFO topic", second(w.CreateTopic(t.Context(), &aws.CreateTopicInput{Name: new("x"), Attributes: map[string]string{"FifoTopic": "true"}})), "InvalidParameter"},
		{"an unknown attribute", second(w.SetTopicAttributes(t.Context(), &aws.SetTopicAttributesInput{TopicArn: &w.topic, AttributeName: new("Nonsense"), AttributeValue: new("1")})), "InvalidParameter"},
		{"a filter policy", second(w.Subscribe(t.Context(), &aws.SubscribeInput{TopicArn: &w.topic, Protocol: new("sqs"), Endpoint: new("arn:aws:sqs:eu-central-1:123456789012:q"), Attributes: map[string]string{"FilterPolicy": `{"a":["b"]}`}})), "InvalidParameter"},
		{"a subscription over HTTP", second(w.Subscribe(t.Context(), &aws.SubscribeInput{TopicArn: &w.topic, Protocol: new("https"), Endpoint: new("https://example.com")})), "InvalidParameter"},
		{"a wrong token", second(w.ConfirmSubscription(t.Context(), &aws.ConfirmSubscriptionInput{TopicArn: &w.topic, Token: new("x")})), "InvalidParameter"},
		{"an unknown topic", second(w.Publish(t.Context(), &aws.PublishInput{TopicArn: new(w.topic + "x"), Message: new("m")})), "NotFound"},
	} {
		if got := apitest.Code(c.err); !strings.HasPrefix(got, c.want) {
			t.Errorf("%s: got %v, want %s", c.name, c.err, c.want)
		}
	}
}

func second[T any](_ T, err error) error { return err }
