package sqs

import (
	"context"
	"crypto/md5"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/store"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/sqsapi"
)

var (
	messages = store.Table[message]{Name: "sqs.messages"} // queue's id|message's id
	// order says when each message can be received; its entries are empty.
	order = store.Table[struct{}]{Name: "sqs.order"} // queue's id|time|message's id
)

// message is one message.
type message struct {
	ID         string
	Body       string
	Attributes map[string]sqsapi.MessageAttributeValue
	Sender     string
	Sent       time.Time
	Visible    time.Time // when it can be received
	First      time.Time // when it was first received
	Received   int       // how often
	Source     string    // ARN of the queue it was moved from
}

func (q queue) messageKey(id string) string { return q.ID + "|" + id }

func (q queue) orderKey(m message) string {
	return fmt.Sprintf("%s|%020d|%s", q.ID, m.Visible.UnixNano(), m.ID)
}

func (q queue) put(tx store.Tx, m message) {
	messages.Put(tx, q.messageKey(m.ID), m)
	order.Put(tx, q.orderKey(m), struct{}{})
}

func (q queue) drop(tx store.Tx, m message) {
	messages.Delete(tx, q.messageKey(m.ID))
	order.Delete(tx, q.orderKey(m))
}

// show moves the moment from which a message can be received.
func (q queue) show(tx store.Tx, m message, at time.Time) {
	order.Delete(tx, q.orderKey(m))
	m.Visible = at
	q.put(tx, m)
}

func (q queue) purge(tx store.Tx) {
	for _, m := range messages.List(tx, q.ID+"|") {
		q.drop(tx, m)
	}
}

// count tells how many messages can be received, are being worked on, and are
// not out yet.
func (q queue) count(tx store.Tx, now time.Time) (visible, hidden, delayed int) {
	messages.Each(tx, q.ID+"|", func(_ string, m message) bool {
		switch {
		case !m.Visible.After(now):
			visible++
		case m.Received > 0:
			hidden++
		default:
			delayed++
		}
		return true
	})
	return visible, hidden, delayed
}

func digest(b []byte) string { sum := md5.Sum(b); return hex.EncodeToString(sum[:]) }

// attributesDigest is the checksum AWS's clients compare; see
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html.
func attributesDigest(attributes map[string]sqsapi.MessageAttributeValue) *string {
	if len(attributes) == 0 {
		return nil
	}
	var b []byte
	add := func(s []byte) { b = append(binary.BigEndian.AppendUint32(b, uint32(len(s))), s...) }
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		a := attributes[name]
		add([]byte(name))
		add([]byte(*a.DataType))
		if a.BinaryValue != nil {
			b = append(b, 2)
			add(a.BinaryValue)
		} else {
			b = append(b, 1)
			add([]byte(ptr.Val(a.StringValue)))
		}
	}
	return new(digest(b))
}

var (
	attributeName = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,256}$`)
	attributeType = regexp.MustCompile(`^(String|Number|Binary)(\..+)?$`)
)

// send stores a message.
func (s *Service) send(ctx context.Context, tx store.Tx, q queue, body string, delay *int64, attributes map[string]sqsapi.MessageAttributeValue) (message, error) {
	size := len(body)
	for name, a := range attributes {
		size += len(name) + len(*a.DataType) + len(ptr.Val(a.StringValue)) + len(a.BinaryValue)
		if !attributeName.MatchString(name) || !attributeType.MatchString(*a.DataType) || (a.StringValue == nil) == (a.BinaryValue == nil) || strings.HasPrefix(*a.DataType, "Binary") != (a.BinaryValue != nil) {
			return message{}, invalid("The message attribute '%s' is not valid.", name)
		}
	}
	switch {
	case body == "":
		return message{}, wire.Errorf(400, "MissingParameter", "The request must contain the parameter MessageBody.")
	case size > q.number("MaximumMessageSize"):
		return message{}, invalid("One or more parameters are invalid. Reason: Message must be shorter than %d bytes.", q.number("MaximumMessageSize"))
	case len(attributes) > 10:
		return message{}, invalid("Number of message attributes [%d] exceeds the allowed maximum [10].", len(attributes))
	case delay != nil && (*delay < 0 || *delay > 900):
		return message{}, invalid("Value %d for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= 900.", *delay)
	}
	now := s.d.Clock.Now()
	wait := q.seconds("DelaySeconds")
	if delay != nil {
		wait = time.Duration(*delay) * time.Second
	}
	p := wire.CallFrom(ctx).Principal
	m := message{ID: wire.NewRequestID(), Body: body, Attributes: attributes, Sender: ptr.Or(ptr.NonZero(p.UserID), p.String()), Sent: now, Visible: now.Add(wait)}
	q.put(tx, m)
	return m, nil
}

func (s *Service) sendMessage(ctx context.Context, in *sqsapi.SendMessageInput) (*sqsapi.SendMessageOutput, error) {
	var out sqsapi.SendMessageOutput
	return &out, s.d.Store.Update(func(tx store.Tx) error {
		q, err := find(ctx, tx, *in.QueueUrl)
		if err != nil {
			return err
		}
		m, err := s.send(ctx, tx, q, *in.MessageBody, in.DelaySeconds, in.MessageAttributes)
		out = sqsapi.SendMessageOutput{MessageId: new(m.ID), MD5OfMessageBody: new(digest([]byte(m.Body))), MD5OfMessageAttributes: attributesDigest(m.Attributes)}
		return err
	})
}

// checkBatch refuses batches that AWS refuses as a whole.
func checkBatch[T any](entries []T, id func(T) string) error {
	seen := map[string]bool{}
	for _, e := range entries {
		if seen[id(e)] {
			return wire.Errorf(400, "AWS.SimpleQueueService.BatchEntryIdsNotDistinct", "Id %s repeated.", id(e))
		}
		seen[id(e)] = true
	}
	switch {
	case len(entries) == 0:
		return wire.Errorf(400, "AWS.SimpleQueueService.EmptyBatchRequest", "There should be at least one entry in the request.")
	case len(entries) > 10:
		return wire.Errorf(400, "AWS.SimpleQueueService.TooManyEntriesInBatchRequest", "Maximum number of entries per request are 10.")
	}
	return nil
}

// failure is an entry's own error in a batch; ok is false for errors that
// concern the whole.
func failure(id *string, err error) (f sqsapi.BatchResultErrorEntry, ok bool) {
	e, ok := errors.AsType[*wire.Error](err)
	if !ok || e == errQueue {
		return f, false
	}
	return sqsapi.BatchResultErrorEntry{Id: id, Code: new(e.Code), Message: new(e.Message), SenderFault: new(true)}, true
}

func (s *Service) sendMessageBatch(ctx context.Context, in *sqsapi.SendMessageBatchInput) (*sqsapi.SendMessageBatchOutput, error) {
	if err := checkBatch(in.Entries, func(e sqsapi.SendMessageBatchRequestEntry) string { return *e.Id }); err != nil {
		return nil, err
	}
	var out sqsapi.SendMessageBatchOutput
	return &out, s.d.Store.Update(func(tx store.Tx) error {
		out = sqsapi.SendMessageBatchOutput{Failed: []sqsapi.BatchResultErrorEntry{}, Successful: []sqsapi.SendMessageBatchResultEntry{}}
		q, err := find(ctx, tx, *in.QueueUrl)
		if err != nil {
			return err
		}
		for _, e := range in.Entries {
			m, err := s.send(ctx, tx, q, *e.MessageBody, e.DelaySeconds, e.MessageAttributes)
			if f, own := failure(e.Id, err); own {
				out.Failed = append(out.Failed, f)
				continue
			}
			if err != nil {
				return err
			}
			out.Successful = append(out.Successful, sqsapi.SendMessageBatchResultEntry{Id: e.Id, MessageId: new(m.ID), MD5OfMessageBody: new(digest([]byte(m.Body))), MD5OfMessageAttributes: attributesDigest(m.Attributes)})
		}
		return nil
	})
}

// receiveMessage waits for messages as long as the caller or the queue says.
func (s *Service) receiveMessage(ctx context.Context, in *sqsapi.ReceiveMessageInput) (*sqsapi.ReceiveMessageOutput, error) {
	n := int(ptr.Or(in.MaxNumberOfMessages, 1))
	if n < 1 || n > 10 {
		return nil, invalid("Value %d for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided.", n)
	}
	if w := ptr.Val(in.WaitTimeSeconds); w < 0 || w > 20 {
		return nil, invalid("Value %d for parameter WaitTimeSeconds is invalid. Reason: Must be >= 0 and <= 20, if provided.", w)
	}
	if v := ptr.Val(in.VisibilityTimeout); v < 0 || v > 43200 {
		return nil, invalid("Value %d for parameter VisibilityTimeout is invalid. Reason: Must be >= 0 and <= 43200, if provided.", v)
	}
	changed, cancel := s.d.Store.Watch(order.Name, queues.Name)
	defer cancel()
	var deadline time.Time
	for {
		var got []sqsapi.Message
		var next time.Time // when a hidden message shows
		err := s.d.Store.Update(func(tx store.Tx) error {
			q, err := find(ctx, tx, *in.QueueUrl)
			if err != nil {
				return err
			}
			if deadline.IsZero() {
				wait := q.seconds("ReceiveMessageWaitTimeSeconds")
				if in.WaitTimeSeconds != nil {
					wait = time.Duration(*in.WaitTimeSeconds) * time.Second
				}
				deadline = s.d.Clock.Now().Add(wait)
			}
			got, next = s.take(tx, q, in, n)
			return nil
		})
		now := s.d.Clock.Now()
		if err != nil || len(got) > 0 || !now.Before(deadline) {
			return &sqsapi.ReceiveMessageOutput{Messages: got}, err
		}
		pause := deadline.Sub(now)
		if !next.IsZero() {
			pause = min(pause, max(next.Sub(now), time.Millisecond))
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-changed:
		case <-s.d.Clock.After(pause):
		}
	}
}

// take receives up to n messages of a queue and hides them. Messages that were
// received too often move to the dead-letter queue instead.
func (s *Service) take(tx store.Tx, q queue, in *sqsapi.ReceiveMessageInput, n int) (got []sqsapi.Message, next time.Time) {
	now := s.d.Clock.Now()
	hide := q.seconds("VisibilityTimeout")
	if in.VisibilityTimeout != nil {
		hide = time.Duration(*in.VisibilityTimeout) * time.Second
	}
	oldest := now.Add(-q.seconds("MessageRetentionPeriod"))
	target, limit := q.redrive()
	dead, redrives := queues.Get(tx, keyOfARN(target))
	var due []message
	order.Each(tx, q.ID+"|", func(k string, _ struct{}) bool {
		parts := strings.Split(k, "|")
		at, _ := strconv.ParseInt(parts[1], 10, 64) // written by orderKey
		if at > now.UnixNano() {
			next = time.Unix(0, at)
			return false
		}
		m, ok := messages.Get(tx, q.messageKey(parts[2]))
		if !ok || m.Sent.Before(oldest) {
			return true
		}
		due = append(due, m)
		fresh := 0
		for _, d := range due {
			if !redrives || limit == 0 || d.Received < limit {
				fresh++
			}
		}
		return fresh < n
	})
	for _, m := range due {
		if redrives && limit > 0 && m.Received >= limit {
			q.drop(tx, m)
			m.Received, m.First, m.Visible, m.Source = 0, time.Time{}, now, q.arn()
			dead.put(tx, m)
			continue
		}
		order.Delete(tx, q.orderKey(m))
		if m.Received++; m.First.IsZero() {
			m.First = now
		}
		m.Visible = now.Add(hide)
		q.put(tx, m)
		got = append(got, m.shape(in))
	}
	return got, next
}

func (m message) shape(in *sqsapi.ReceiveMessageInput) sqsapi.Message {
	x := sqsapi.Message{MessageId: new(m.ID), Body: new(m.Body), MD5OfBody: new(digest([]byte(m.Body))),
		ReceiptHandle: new(base64.StdEncoding.EncodeToString([]byte(m.ID + "|" + strconv.Itoa(m.Received))))}
	system := map[string]string{"SenderId": m.Sender, "SentTimestamp": fmt.Sprint(m.Sent.UnixMilli()), "ApproximateReceiveCount": strconv.Itoa(m.Received), "ApproximateFirstReceiveTimestamp": fmt.Sprint(m.First.UnixMilli())}
	if m.Source != "" {
		system["DeadLetterQueueSourceArn"] = m.Source
	}
	wanted := slices.Concat(in.AttributeNames, in.MessageSystemAttributeNames)
	for k, v := range system {
		if slices.Contains(wanted, "All") || slices.Contains(wanted, k) {
			if x.Attributes == nil {
				x.Attributes = map[string]string{}
			}
			x.Attributes[k] = v
		}
	}
	for k, v := range m.Attributes {
		if slices.ContainsFunc(in.MessageAttributeNames, func(w string) bool {
			prefix, isPrefix := strings.CutSuffix(w, ".*")
			return w == "All" || w == k || isPrefix && strings.HasPrefix(k, prefix)
		}) {
			if x.MessageAttributes == nil {
				x.MessageAttributes = map[string]sqsapi.MessageAttributeValue{}
			}
			x.MessageAttributes[k] = v
		}
	}
	x.MD5OfMessageAttributes = attributesDigest(x.MessageAttributes)
	return x
}

// byHandle finds the message a receipt handle was given for; it may be gone.
func (q queue) byHandle(tx store.Tx, handle string) (m message, there bool, err error) {
	raw, err := base64.StdEncoding.DecodeString(handle)
	id, _, ok := strings.Cut(string(raw), "|")
	if err != nil || !ok {
		return m, false, wire.Errorf(400, "ReceiptHandleIsInvalid", "The input receipt handle \"%s\" is not a valid receipt handle.", handle)
	}
	m, there = messages.Get(tx, q.messageKey(id))
	return m, there, nil
}

// delete removes a message; one that is gone is no error.
func (q queue) delete(tx store.Tx, handle string) error {
	m, there, err := q.byHandle(tx, handle)
	if there {
		q.drop(tx, m)
	}
	return err
}

func (s *Service) deleteMessage(ctx context.Context, in *sqsapi.DeleteMessageInput) (*sqsapi.DeleteMessageOutput, error) {
	return nil, s.d.Store.Update(func(tx store.Tx) error {
		q, err := find(ctx, tx, *in.QueueUrl)
		if err != nil {
			return err
		}
		return q.delete(tx, *in.ReceiptHandle)
	})
}

func (s *Service) deleteMessageBatch(ctx context.Context, in *sqsapi.DeleteMessageBatchInput) (*sqsapi.DeleteMessageBatchOutput, error) {
	if err := checkBatch(in.Entries, func(e sqsapi.DeleteMessageBatchRequestEntry) string { return *e.Id }); err != nil {
		return nil, err
	}
	var out sqsapi.DeleteMessageBatchOutput
	return &out, s.d.Store.Update(func(tx store.Tx) error {
		out = sqsapi.DeleteMessageBatchOutput{Failed: []sqsapi.BatchResultErrorEntry{}, Successful: []sqsapi.DeleteMessageBatchResultEntry{}}
		q, err := find(ctx, tx, *in.QueueUrl)
		if err != nil {
			return err
		}
		for _, e := range in.Entries {
			if f, own := failure(e.Id, q.delete(tx, *e.ReceiptHandle)); own {
				out.Failed = append(out.Failed, f)
				continue
			}
			out.Successful = append(out.Successful, sqsapi.DeleteMessageBatchResultEntry{Id: e.Id})
		}
		return nil
	})
}

// hold changes how long a message that is being worked on stays hidden.
func (s *Service) hold(tx store.Tx, q queue, handle string, seconds int64) error {
	if seconds < 0 || seconds > 43200 {
		return invalid("Value %d for parameter VisibilityTimeout is invalid. Reason: VisibilityTimeout must be an integer between 0 and 43200.", seconds)
	}
	m, there, err := q.byHandle(tx, handle)
	now := s.d.Clock.Now()
	switch {
	case err != nil:
		return err
	case !there || m.Received == 0 || !m.Visible.After(now):
		return wire.Errorf(400, "AWS.SimpleQueueService.MessageNotInflight", "The message is not in flight.")
	}
	q.show(tx, m, now.Add(time.Duration(seconds)*time.Second))
	return nil
}

func (s *Service) changeMessageVisibility(ctx context.Context, in *sqsapi.ChangeMessageVisibilityInput) (*sqsapi.ChangeMessageVisibilityOutput, error) {
	return nil, s.d.Store.Update(func(tx store.Tx) error {
		q, err := find(ctx, tx, *in.QueueUrl)
		if err != nil {
			return err
		}
		return s.hold(tx, q, *in.ReceiptHandle, *in.VisibilityTimeout)
	})
}

func (s *Service) changeMessageVisibilityBatch(ctx context.Context, in *sqsapi.ChangeMessageVisibilityBatchInput) (*sqsapi.ChangeMessageVisibilityBatchOutput, error) {
	if err := checkBatch(in.Entries, func(e sqsapi.ChangeMessageVisibilityBatchRequestEntry) string { return *e.Id }); err != nil {
		return nil, err
	}
	var out sqsapi.ChangeMessageVisibilityBatchOutput
	return &out, s.d.Store.Update(func(tx store.Tx) error {
		out = sqsapi.ChangeMessageVisibilityBatchOutput{Failed: []sqsapi.BatchResultErrorEntry{}, Successful: []sqsapi.ChangeMessageVisibilityBatchResultEntry{}}
		q, err := find(ctx, tx, *in.QueueUrl)
		if err != nil {
			return err
		}
		for _, e := range in.Entries {
			if f, own := failure(e.Id, s.hold(tx, q, *e.ReceiptHandle, ptr.Val(e.VisibilityTimeout))); own {
				out.Failed = append(out.Failed, f)
				continue
			}
			out.Successful = append(out.Successful, sqsapi.ChangeMessageVisibilityBatchResultEntry{Id: e.Id})
		}
		return nil
	})
}

func (s *Service) purgeQueue(ctx context.Context, in *sqsapi.PurgeQueueInput) (*sqsapi.PurgeQueueOutput, error) {
	return nil, s.d.Store.Update(func(tx store.Tx) error {
		q, err := find(ctx, tx, *in.QueueUrl)
		if err == nil {
			q.purge(tx)
		}
		return err
	})
}

// expire drops messages that are older than their queue keeps them.
func (s *Service) expire(context.Context) error {
	now := s.d.Clock.Now()
	return s.d.Store.Update(func(tx store.Tx) error {
		for _, q := range queues.List(tx, "") {
			oldest := now.Add(-q.seconds("MessageRetentionPeriod"))
			for _, m := range messages.List(tx, q.ID+"|") {
				if m.Sent.Before(oldest) {
					q.drop(tx, m)
				}
			}
		}
		return nil
	})
}
