package sqs_test

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	aws "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"grocery/localaws/service/internal/apitest"
	"grocery/localaws/service/sqs"
	"grocery/localaws/store"
	"grocery/localaws/wire"
)

type world struct {
	*aws.Client
	t       *testing.T
	clock   *apitest.Clock
	store   store.Store
	calls   *wire.Registry
	log     *slog.Logger
	service *sqs.Service
	queue   *string
}

// newWorld has the queue "jobs".
func newWorld(t *testing.T) *world {
	w := &world{t: t, clock: apitest.NewClock(), store: store.NewMemory(), calls: apitest.Registry(), log: slog.New(slog.DiscardHandler)}
	w.service = sqs.New(sqs.Deps{Store: w.store, Clock: w.clock, Calls: w.calls, Log: w.log})
	w.service.Register(w.calls)
	w.Client = aws.NewFromConfig(apitest.Serve(t, w.calls))
	w.queue = w.create("jobs", nil)
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

func (w *world) create(name string, attributes map[string]string) *string {
	w.t.Helper()
	return must(w.CreateQueue(w.t.Context(), &aws.CreateQueueInput{QueueName: &name, Attributes: attributes}))(w.t).QueueUrl
}

func (w *world) send(body string) {
	w.t.Helper()
	must(w.SendMessage(w.t.Context(), &aws.SendMessageInput{QueueUrl: w.queue, MessageBody: &body}))(w.t)
	w.clock.Advance(time.Millisecond)
}

// receive takes messages (the SDK checks their checksums).
func (w *world) receive(queue *string) []types.Message {
	w.t.Helper()
	return must(w.ReceiveMessage(w.t.Context(), &aws.ReceiveMessageInput{QueueUrl: queue, MaxNumberOfMessages: 10, MessageAttributeNames: []string{"All"}, MessageSystemAttributeNames: []types.MessageSystemAttributeName{"All"}}))(w.t).Messages
}

func bodies(l []types.Message) (s string) {
	for _, m := range l {
		s += *m.Body
	}
	return s
}

func (w *world) counts() string {
	w.t.Helper()
	a := must(w.GetQueueAttributes(w.t.Context(), &aws.GetQueueAttributesInput{QueueUrl: w.queue, AttributeNames: []types.QueueAttributeName{"All"}}))(w.t).Attributes
	return a["ApproximateNumberOfMessages"] + " visible, " + a["ApproximateNumberOfMessagesNotVisible"] + " hidden, " + a["ApproximateNumberOfMessagesDelayed"] + " delayed"
}

func TestAReceivedMessageHidesAndComesBackUnlessItIsDeleted(t *testing.T) {
	w := newWorld(t)
	w.send("a")
	w.send("b")
	got := w.receive(w.queue)
	if bodies(got) != "ab" || got[0].Attributes["ApproximateReceiveCount"] != "1" {
		t.Fatalf("got %q %v", bodies(got), got[0].Attributes)
	}
	if again := w.receive(w.queue); len(again) != 0 || w.counts() != "0 visible, 2 hidden, 0 delayed" {
		t.Errorf("got %q, %s", bodies(again), w.counts())
	}
	must(w.DeleteMessage(t.Context(), &aws.DeleteMessageInput{QueueUrl: w.queue, ReceiptHandle: got[0].ReceiptHandle}))(t)
	w.clock.Advance(31 * time.Second)
	if again := w.receive(w.queue); bodies(again) != "b" || again[0].Attributes["ApproximateReceiveCount"] != "2" {
		t.Errorf("got %q", bodies(again))
	}
	must(w.DeleteMessage(t.Context(), &aws.DeleteMessageInput{QueueUrl: w.queue, ReceiptHandle: got[0].ReceiptHandle}))(t) // again
}

func TestAVisibilityTimeoutCanBeChanged(t *testing.T) {
	w := newWorld(t)
	w.send("a")
	m := w.receive(w.queue)[0]
	change := func(seconds int32) error {
		_, err := w.ChangeMessageVisibility(t.Context(), &aws.ChangeMessageVisibilityInput{QueueUrl: w.queue, ReceiptHandle: m.ReceiptHandle, VisibilityTimeout: seconds})
		return err
	}
	if err := change(120); err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(time.Minute)
	if l := w.receive(w.queue); len(l) != 0 {
		t.Error("the message came although it was held longer")
	}
	if err := change(0); err != nil {
		t.Fatal(err)
	}
	if l := w.receive(w.queue); len(l) != 1 {
		t.Error("a message that was let go did not come")
	}
	w.clock.Advance(time.Hour)
	if err := change(10); !strings.Contains(apitest.Code(err), "MessageNotInflight") {
		t.Errorf("a message nobody holds: %v", err)
	}
}

func TestDelayedMessagesComeLater(t *testing.T) {
	w := newWorld(t)
	must(w.SendMessage(t.Context(), &aws.SendMessageInput{QueueUrl: w.queue, MessageBody: new("a"), DelaySeconds: 60}))(t)
	if l := w.receive(w.queue); len(l) != 0 || w.counts() != "0 visible, 0 hidden, 1 delayed" {
		t.Errorf("got %q, %s", bodies(l), w.counts())
	}
	out := must(w.ReceiveMessage(t.Context(), &aws.ReceiveMessageInput{QueueUrl: w.queue, WaitTimeSeconds: 20}))(t)
	if len(out.Messages) != 0 {
		t.Error("it came too early")
	}
	w.clock.Advance(30 * time.Second)
	if out = must(w.ReceiveMessage(t.Context(), &aws.ReceiveMessageInput{QueueUrl: w.queue, WaitTimeSeconds: 20}))(t); len(out.Messages) != 1 {
		t.Error("waiting did not bring it")
	}
}

func TestWhatFailsTooOftenGoesToTheDeadLetterQueue(t *testing.T) {
	w := newWorld(t)
	dead := w.create("dead", nil)
	arn := "arn:aws:sqs:eu-central-1:123456789012:dead"
	must(w.SetQueueAttributes(t.Context(), &aws.SetQueueAttributesInput{QueueUrl: w.queue, Attributes: map[string]string{"RedrivePolicy": `{"deadLetterTargetArn":"` + arn + `","maxReceiveCount":"2"}`}}))(t)
	w.send("bad")
	for range 2 {
		if l := w.receive(w.queue); len(l) != 1 {
			t.Fatalf("got %d messages", len(l))
		}
		w.clock.Advance(time.Minute)
	}
	if l := w.receive(w.queue); len(l) != 0 {
		t.Errorf("a third time: %q", bodies(l))
	}
	if l := w.receive(dead); bodies(l) != "bad" || l[0].Attributes["DeadLetterQueueSourceArn"] != "arn:aws:sqs:eu-central-1:123456789012:jobs" {
		t.Errorf("the dead-letter queue has %q", bodies(l))
	}
	if l := must(w.ListDeadLetterSourceQueues(t.Context(), &aws.ListDeadLetterSourceQueuesInput{QueueUrl: dead}))(t).QueueUrls; len(l) != 1 || l[0] != *w.queue {
		t.Errorf("the sources are %v", l)
	}
}

func TestBatchesSayWhatBecameOfEachEntry(t *testing.T) {
	w := newWorld(t)
	out := must(w.SendMessageBatch(t.Context(), &aws.SendMessageBatchInput{QueueUrl: w.queue, Entries: []types.SendMessageBatchRequestEntry{
		{Id: new("good"), MessageBody: new("a"), MessageAttributes: map[string]types.MessageAttributeValue{"kind": {DataType: new("String"), StringValue: new("x")}, "raw": {DataType: new("Binary"), BinaryValue: []byte{1, 2}}}},
		{Id: new("bad"), MessageBody: new(strings.Repeat("x", 300_000))}}}))(t)
	if len(out.Successful) != 1 || len(out.Failed) != 1 || *out.Failed[0].Id != "bad" {
		t.Fatalf("got %+v", out)
	}
	got := w.receive(w.queue)
	if len(got) != 1 || *got[0].MessageAttributes["kind"].StringValue != "x" || len(got[0].MessageAttributes["raw"].BinaryValue) != 2 {
		t.Fatalf("got %+v", got)
	}
	del := must(w.DeleteMessageBatch(t.Context(), &aws.DeleteMessageBatchInput{QueueUrl: w.queue, Entries: []types.DeleteMessageBatchRequestEntry{{Id: new("1"), ReceiptHandle: got[0].ReceiptHandle}, {Id: new("2"), ReceiptHandle: new("?")}}}))(t)
	if len(del.Successful) != 1 || len(del.Failed) != 1 {
		t.Errorf("got %+v", del)
	}
	_, err := w.SendMessageBatch(t.Context(), &aws.SendMessageBatchInput{QueueUrl: w.queue, Entries: []types.SendMessageBatchRequestEntry{{Id: new("1"), MessageBody: new("a")}, {Id: new("1"), MessageBody: new("b")}}})
	if !strings.Contains(apitest.Code(err), "BatchEntryIdsNotDistinct") {
		t.Errorf("two entries of one id: %v", err)
	}
}

func TestOldMessagesAreDropped(t *testing.T) {
	w := newWorld(t)
	w.send("old")
	w.clock.Advance(5 * 24 * time.Hour)
	w.send("new")
	if l := w.receive(w.queue); bodies(l) != "new" {
		t.Errorf("got %q", bodies(l))
	}
	for _, l := range w.service.Loops() {
		if err := l.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got := w.counts(); got != "0 visible, 1 hidden, 0 delayed" {
		t.Errorf("got %s", got)
	}
}

func TestAQueueHasAttributesAndTags(t *testing.T) {
	w := newWorld(t)
	if *w.queue != "https://sqs.eu-central-1.amazonaws.com/123456789012/jobs" {
		t.Errorf("the address is %s", *w.queue)
	}
	if again := w.create("jobs", map[string]string{"VisibilityTimeout": "30"}); *again != *w.queue {
		t.Error("creating the same again made another queue")
	}
	must(w.TagQueue(t.Context(), &aws.TagQueueInput{QueueUrl: w.queue, Tags: map[string]string{"a": "b", "c": "d"}}))(t)
	must(w.UntagQueue(t.Context(), &aws.UntagQueueInput{QueueUrl: w.queue, TagKeys: []string{"c"}}))(t)
	if got := must(w.ListQueueTags(t.Context(), &aws.ListQueueTagsInput{QueueUrl: w.queue}))(t).Tags; fmt.Sprint(got) != "map[a:b]" {
		t.Errorf("got %v", got)
	}
	for _, c := range []struct {
		name string
		err  error
		want string
	}{
		{"the same name with other attributes", second(w.CreateQueue(t.Context(), &aws.CreateQueueInput{QueueName: new("jobs"), Attributes: map[string]string{"VisibilityTimeout": "5"}})), "QueueAlreadyExists"},
		{"an attribute out of range", second(w.SetQueueAttributes(t.Context(), &aws.SetQueueAttributesInput{QueueUrl: w.queue, Attributes: map[string]string{"DelaySeconds": "901"}})), "InvalidAttributeValue"},
		{"an unknown attribute", second(w.SetQueueAttributes(t.Context(), &aws.SetQueueAttributesInput{QueueUrl: w.queue, Attributes: map[string]string{"Nonsense": "1"}})), "InvalidAttributeName"},
		{"a FIFO queue", second(w.CreateQueue(t.Context(), &aws.CreateQueueInput{QueueName: new("x"), Attributes: map[string]string{"FifoQueue": "true"}})), "InvalidAttributeName"},
		{"a dead-letter queue that is not there", second(w.SetQueueAttributes(t.Context(), &aws.SetQueueAttributesInput{QueueUrl: w.queue, Attributes: map[string]string{"RedrivePolicy": `{"deadLetterTargetArn":"arn:aws:sqs:eu-central-1:123456789012:none","maxReceiveCount":1}`}})), "InvalidParameterValue"},
		{"an unknown queue", second(w.GetQueueUrl(t.Context(), &aws.GetQueueUrlInput{QueueName: new("none")})), "NonExistentQueue"},
	} {
		if got := apitest.Code(c.err); !strings.Contains(got, c.want) && !(c.want == "NonExistentQueue" && got == "QueueDoesNotExist") {
			t.Errorf("%s: got %v, want %s", c.name, c.err, c.want)
		}
	}
	must(w.PurgeQueue(t.Context(), &aws.PurgeQueueInput{QueueUrl: w.queue}))(t)
	must(w.DeleteQueue(t.Context(), &aws.DeleteQueueInput{QueueUrl: w.queue}))(t)
	if l := must(w.ListQueues(t.Context(), &aws.ListQueuesInput{}))(t).QueueUrls; len(l) != 0 {
		t.Errorf("the queues left are %v", l)
	}
}

func second[T any](_ T, err error) error { return err }
