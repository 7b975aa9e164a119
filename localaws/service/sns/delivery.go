package sns

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"mime"
	"os"
	"path/filepath"
	"strings"
	"time"

	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/store"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/lambdaapi"
	"grocery/localaws/wire/api/snsapi"
	"grocery/localaws/wire/api/sqsapi"
)

var deliveries = store.Table[delivery]{Name: "sns.deliveries"} // time|id

// delivery is a message on its way to one subscription.
type delivery struct {
	ID           string
	Subscription subscription // as it was when the message was published
	Kind         string       // Notification or SubscriptionConfirmation
	MessageID    string
	Subject      string
	Message      string
	Attributes   map[string]snsapi.MessageAttributeValue
	At           time.Time
	Tries        int
	After        time.Time // not before
}

// The limits of publishing and delivering.
const (
	maxMessage = 256 << 10 // bytes
	maxTries   = 20
	longestGap = 5 * time.Minute
)

// queue puts a delivery on the list.
func (s *Service) queue(tx store.Tx, d delivery) {
	d.At = s.d.Clock.Now()
	d.ID = d.At.UTC().Format("20060102150405.000000000") + "|" + wire.NewRequestID()
	deliveries.Put(tx, d.ID, d)
}

func (s *Service) publish(ctx context.Context, in *snsapi.PublishInput) (*snsapi.PublishOutput, error) {
	arn := ptr.Or(in.TopicArn, ptr.Val(in.TargetArn))
	if arn == "" {
		return nil, invalid("TopicArn or TargetArn Reason: no value for required parameter")
	}
	id, err := s.send(arn, in.Message, in.Subject, in.MessageStructure, in.MessageAttributes)
	if err != nil {
		return nil, err
	}
	return &snsapi.PublishOutput{MessageId: new(id)}, nil
}

// send puts a message on the list of every confirmed subscription of a topic.
func (s *Service) send(arn string, message, subject, structure *string, attributes map[string]snsapi.MessageAttributeValue) (id string, err error) {
	text := ptr.Val(message)
	switch sub := ptr.Val(subject); {
	case text == "":
		return "", invalid("Empty message")
	case len(text) > maxMessage:
		return "", invalid("Message too long")
	case len(sub) > 100 || strings.ContainsAny(sub, "\r\n"):
		return "", invalid("Subject")
	}
	var each map[string]string
	if structure != nil {
		if *structure != "json" {
			return "", invalid("MessageStructure")
		}
		if err := json.Unmarshal([]byte(text), &each); err != nil || each["default"] == "" {
			return "", invalid("Message Structure - No default entry in JSON message body")
		}
	}
	id = wire.NewRequestID()
	return id, s.d.Store.Update(func(tx store.Tx) error {
		if _, ok := topics.Get(tx, arn); !ok {
			return notFound("Topic")
		}
		for _, x := range subscriptions.List(tx, arn+":") {
			if !x.Confirmed {
				continue
			}
			body := text
			if each != nil {
				var own bool
				if body, own = each[x.Protocol]; !own {
					body = each["default"]
				}
			}
			s.queue(tx, delivery{Subscription: x, Kind: "Notification", MessageID: id, Subject: ptr.Val(subject), Message: body, Attributes: attributes})
		}
		return nil
	})
}

func (s *Service) publishBatch(_ context.Context, in *snsapi.PublishBatchInput) (*snsapi.PublishBatchOutput, error) {
	var out snsapi.PublishBatchOutput
	if n := len(in.PublishBatchRequestEntries); n < 1 || n > 10 {
		return nil, wire.Errorf(400, "TooManyEntriesInBatchRequest", "The batch request must contain 1 to 10 entries")
	}
	for _, e := range in.PublishBatchRequestEntries {
		id, err := s.send(*in.TopicArn, e.Message, e.Subject, e.MessageStructure, e.MessageAttributes)
		if wire.Code(err) == "NotFound" {
			return nil, err
		}
		if w, ok := errors.AsType[*wire.Error](err); ok {
			out.Failed = append(out.Failed, snsapi.BatchResultErrorEntry{Id: e.Id, Code: new(w.Code), Message: new(w.Message), SenderFault: new(true)})
			continue
		}
		if err != nil {
			return nil, err
		}
		out.Successful = append(out.Successful, snsapi.PublishBatchResultEntry{Id: e.Id, MessageId: new(id)})
	}
	return &out, nil
}

// deliver carries out what is on the list. What fails is tried again, ever more
// slowly, and given up in the end; a refusal is given up at once.
func (s *Service) deliver(ctx context.Context) error {
	now := s.d.Clock.Now()
	var due []delivery
	if err := s.d.Store.View(func(tx store.Tx) error {
		deliveries.Each(tx, "", func(_ string, d delivery) bool {
			if !now.Before(d.After) {
				due = append(due, d)
			}
			return true
		})
		return nil
	}); err != nil {
		return err
	}
	var errs []error
	for _, d := range due {
		err := s.hand(ctx, d)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		errs = append(errs, s.d.Store.Update(func(tx store.Tx) error {
			e, refused := errors.AsType[*wire.Error](err)
			if d.Tries++; err == nil || refused && e.Status < 500 || d.Tries >= maxTries {
				deliveries.Delete(tx, d.ID)
				return nil
			}
			d.After = now.Add(min(time.Second<<d.Tries, longestGap))
			deliveries.Put(tx, d.ID, d)
			return nil
		}))
		if err != nil {
			s.d.Log.Warn("a message was not delivered", "subscription", d.Subscription.ARN, "endpoint", d.Subscription.Endpoint, "try", d.Tries, "error", err)
		}
	}
	return errors.Join(errs...)
}

// hand gives a message to its endpoint.
func (s *Service) hand(ctx context.Context, d delivery) error {
	x := d.Subscription
	ctx = wire.AsService(ctx, principal, strings.Split(x.Topic, ":")[3])
	switch x.Protocol {
	case "sqs":
		arn := strings.Split(x.Endpoint, ":")
		if len(arn) != 6 {
			return invalid("SQS endpoint ARN")
		}
		body, err := d.envelope()
		if err != nil {
			return err
		}
		in := &sqsapi.SendMessageInput{QueueUrl: new("https://sqs." + arn[3] + ".amazonaws.com/" + arn[4] + "/" + arn[5]), MessageBody: new(string(body))}
		if x.Raw {
			in.MessageBody, in.MessageAttributes = &d.Message, map[string]sqsapi.MessageAttributeValue{}
			for k, v := range d.Attributes {
				in.MessageAttributes[k] = sqsapi.MessageAttributeValue{DataType: v.DataType, StringValue: v.StringValue, BinaryValue: v.BinaryValue}
			}
		}
		_, err = wire.Invoke(wire.AsService(ctx, principal, arn[3]), s.d.Calls, sqsapi.SendMessage, in)
		return err
	case "lambda":
		body, err := d.envelope()
		if err != nil {
			return err
		}
		event, err := json.Marshal(map[string]any{"Records": []any{map[string]any{"EventSource": "aws:sns", "EventVersion": "1.0", "EventSubscriptionArn": x.ARN, "Sns": json.RawMessage(body)}}})
		if err != nil {
			return err
		}
		_, err = wire.Invoke(ctx, s.d.Calls, lambdaapi.Invoke, &lambdaapi.InvokeInput{FunctionName: new(x.Endpoint), InvocationType: new("Event"), Payload: event})
		return err
	}
	return s.post(d)
}

// envelope is the message as queues and functions get it; see
// https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html.
// It carries no signature: it never leaves this machine.
func (d delivery) envelope() ([]byte, error) {
	m := map[string]any{"Type": d.Kind, "MessageId": d.MessageID, "TopicArn": d.Subscription.Topic, "Message": d.Message, "Timestamp": d.At.UTC().Format("2006-01-02T15:04:05.000Z")}
	if d.Subject != "" {
		m["Subject"] = d.Subject
	}
	if d.Kind == "SubscriptionConfirmation" {
		m["Token"] = d.Subscription.Token
	}
	if len(d.Attributes) > 0 {
		all := map[string]map[string]string{}
		for k, v := range d.Attributes {
			value := ptr.Val(v.StringValue)
			if v.BinaryValue != nil {
				value = base64.StdEncoding.EncodeToString(v.BinaryValue)
			}
			all[k] = map[string]string{"Type": ptr.Val(v.DataType), "Value": value}
		}
		m["MessageAttributes"] = all
	}
	return json.Marshal(m)
}

// keepMails is how many messages a topic's mailbox holds.
const keepMails = 500

// post puts a message into the mailbox. The file's name comes from the
// delivery, so posting again after a crash makes no second one.
func (s *Service) post(d delivery) error {
	x := d.Subscription
	name, _ := strings.CutPrefix(x.Topic[strings.LastIndex(x.Topic, ":"):], ":")
	folder := filepath.Join(s.d.Mailbox, name)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return fmt.Errorf("the mailbox: %w", err)
	}
	body := d.Message
	if x.Protocol == "email-json" {
		raw, err := d.envelope()
		if err != nil {
			return err
		}
		body = string(raw)
	}
	subject := d.Subject
	if subject == "" {
		subject = "AWS Notification Message"
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "From: AWS Notifications <no-reply@sns.amazonaws.com>\r\nTo: %s\r\nSubject: %s\r\nDate: %s\r\nMessage-ID: <%s@sns.local>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n%s\r\n",
		x.Endpoint, mime.QEncoding.Encode("utf-8", subject), d.At.UTC().Format(time.RFC1123Z), d.MessageID, strings.ReplaceAll(strings.ReplaceAll(body, "\r\n", "\n"), "\n", "\r\n"))
	file := filepath.Join(folder, strings.ReplaceAll(d.ID, "|", "-")+".eml")
	if err := os.WriteFile(file+".new", b.Bytes(), 0o600); err != nil {
		return fmt.Errorf("the mailbox: %w", err)
	}
	if err := os.Rename(file+".new", file); err != nil {
		return fmt.Errorf("the mailbox: %w", err)
	}
	mails, err := filepath.Glob(filepath.Join(folder, "*.eml")) // by name, which is by time
	if err != nil {
		return err
	}
	for _, old := range mails[:max(0, len(mails)-keepMails)] {
		if err := os.Remove(old); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("the mailbox: %w", err)
		}
	}
	return nil
}
