package sqs

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"grocery/localaws/service/internal/page"
	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/store"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/sqsapi"
)

var queues = store.Table[queue]{Name: "sqs.queues"} // region|name

// queue is one queue.
type queue struct {
	ID           string // in the keys of its messages
	Region, Name string
	Attributes   map[string]string // what was set
	Tags         map[string]string
	Created      time.Time
	Modified     time.Time
}

func (q queue) key() string { return q.Region + "|" + q.Name }

func (q queue) arn() string {
	return "arn:" + wire.Partition + ":sqs:" + q.Region + ":" + wire.Account + ":" + q.Name
}

func (q queue) url() string {
	return "https://sqs." + q.Region + ".amazonaws.com/" + wire.Account + "/" + q.Name
}

// number reads an attribute that is a number.
func (q queue) number(name string) int {
	v, ok := q.Attributes[name]
	if !ok {
		v = defaults[name]
	}
	n, _ := strconv.Atoi(v) // checked when it was set
	return n
}

func (q queue) seconds(name string) time.Duration {
	return time.Duration(q.number(name)) * time.Second
}

// redrive is where messages go that nobody manages to work on.
type redrive struct {
	Target string      `json:"deadLetterTargetArn"`
	Max    json.Number `json:"maxReceiveCount"`
}

// redrive returns the queue's policy; max is 0 without one.
func (q queue) redrive() (target string, max int) {
	var r redrive
	if json.Unmarshal([]byte(q.Attributes["RedrivePolicy"]), &r) != nil {
		return "", 0
	}
	n, _ := r.Max.Int64() // checked when it was set
	return r.Target, int(n)
}

var (
	queueName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,80}$`)
	// defaults are the attributes of a queue that none were set for.
	defaults = map[string]string{"VisibilityTimeout": "30", "MaximumMessageSize": "262144", "MessageRetentionPeriod": "345600", "DelaySeconds": "0",
		"ReceiveMessageWaitTimeSeconds": "0", "SqsManagedSseEnabled": "true"}
	ranges = map[string][2]int{"VisibilityTimeout": {0, 43200}, "MaximumMessageSize": {1024, 1 << 20}, "MessageRetentionPeriod": {60, 1209600}, "DelaySeconds": {0, 900},
		"ReceiveMessageWaitTimeSeconds": {0, 20}, "KmsDataKeyReusePeriodSeconds": {60, 86400}}
)

// set checks an attribute and sets it; an empty policy takes it away.
func (q *queue) set(tx store.Tx, name, value string) error {
	bad := wire.Errorf(400, "InvalidAttributeValue", "Invalid value for the parameter %s.", name)
	switch name {
	case "VisibilityTimeout", "MaximumMessageSize", "MessageRetentionPeriod", "DelaySeconds", "ReceiveMessageWaitTimeSeconds", "KmsDataKeyReusePeriodSeconds":
		n, err := strconv.Atoi(value)
		if r := ranges[name]; err != nil || n < r[0] || n > r[1] {
			return bad
		}
	case "SqsManagedSseEnabled":
		if value != "true" && value != "false" {
			return bad
		}
	case "Policy", "RedriveAllowPolicy":
		if value != "" && !json.Valid([]byte(value)) {
			return bad
		}
	case "RedrivePolicy":
		if value == "" {
			break
		}
		var r redrive
		if err := json.Unmarshal([]byte(value), &r); err != nil {
			return bad
		}
		if n, err := r.Max.Int64(); err != nil || n < 1 || n > 1000 {
			return bad
		}
		if _, ok := queues.Get(tx, keyOfARN(r.Target)); !ok {
			return wire.Errorf(400, "InvalidParameterValue", "Value %s for parameter RedrivePolicy is invalid. Reason: Dead letter target does not exist.", value)
		}
	case "KmsMasterKeyId":
		if value != "" {
			return wire.Errorf(400, "InvalidAttributeValue", "Local AWS has no KMS: KmsMasterKeyId cannot be set.")
		}
	case "FifoQueue", "ContentBasedDeduplication", "DeduplicationScope", "FifoThroughputLimit":
		if name == "FifoQueue" && value == "false" {
			return nil
		}
		return wire.Errorf(400, "InvalidAttributeName", "Local AWS offers standard queues only, so there is no attribute %s.", name)
	default:
		return wire.Errorf(400, "InvalidAttributeName", "Unknown Attribute %s.", name)
	}
	if value == "" {
		delete(q.Attributes, name)
	} else {
		q.Attributes[name] = value
	}
	return nil
}

// keyOfARN turns a queue's ARN into its key.
func keyOfARN(arn string) string {
	p := strings.Split(arn, ":")
	if len(p) != 6 || p[2] != "sqs" || p[4] != wire.Account {
		return ""
	}
	return p[3] + "|" + p[5]
}

var errQueue = wire.Errorf(400, "AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist.")

// find reads the queue of a URL. Only the path of the URL counts: clients reach
// one queue by several host names.
func find(ctx context.Context, tx store.Tx, url string) (queue, error) {
	parts := strings.Split(strings.TrimRight(url, "/"), "/")
	if len(parts) < 2 || parts[len(parts)-2] != wire.Account {
		return queue{}, errQueue
	}
	q, ok := queues.Get(tx, wire.CallFrom(ctx).Region+"|"+parts[len(parts)-1])
	if !ok {
		return q, errQueue
	}
	return q, nil
}

// change applies f to a queue's record.
func (s *Service) change(ctx context.Context, url string, f func(store.Tx, *queue) error) error {
	return s.d.Store.Update(func(tx store.Tx) error {
		q, err := find(ctx, tx, url)
		if err != nil {
			return err
		}
		if err := f(tx, &q); err != nil {
			return err
		}
		queues.Put(tx, q.key(), q)
		return nil
	})
}

func (s *Service) createQueue(ctx context.Context, in *sqsapi.CreateQueueInput) (*sqsapi.CreateQueueOutput, error) {
	now := s.d.Clock.Now()
	q := queue{ID: wire.NewRequestID(), Region: wire.CallFrom(ctx).Region, Name: *in.QueueName, Attributes: map[string]string{}, Tags: map[string]string{}, Created: now, Modified: now}
	if !queueName.MatchString(q.Name) {
		return nil, invalid("Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length")
	}
	maps.Copy(q.Tags, in.Tags)
	return &sqsapi.CreateQueueOutput{QueueUrl: new(q.url())}, s.d.Store.Update(func(tx store.Tx) error {
		for _, k := range slices.Sorted(maps.Keys(in.Attributes)) {
			if err := q.set(tx, k, in.Attributes[k]); err != nil {
				return err
			}
		}
		old, there := queues.Get(tx, q.key())
		if !there {
			queues.Put(tx, q.key(), q)
			return nil
		}
		for k, v := range q.Attributes {
			if have, ok := old.Attributes[k]; ok && have != v || !ok && defaults[k] != v {
				return wire.Errorf(400, "QueueAlreadyExists", "A queue already exists with the same name and a different value for attribute %s", k)
			}
		}
		return nil
	})
}

func (s *Service) deleteQueue(ctx context.Context, in *sqsapi.DeleteQueueInput) (*sqsapi.DeleteQueueOutput, error) {
	return nil, s.d.Store.Update(func(tx store.Tx) error {
		q, err := find(ctx, tx, *in.QueueUrl)
		if err != nil {
			return err
		}
		q.purge(tx)
		queues.Delete(tx, q.key())
		return nil
	})
}

func (s *Service) getQueueURL(ctx context.Context, in *sqsapi.GetQueueUrlInput) (*sqsapi.GetQueueUrlOutput, error) {
	var out sqsapi.GetQueueUrlOutput
	return &out, s.d.Store.View(func(tx store.Tx) error {
		q, err := find(ctx, tx, ptr.Or(in.QueueOwnerAWSAccountId, wire.Account)+"/"+*in.QueueName)
		out.QueueUrl = new(q.url())
		return err
	})
}

func urls(all []queue, token *string, limit *int64) (l []string, next *string, err error) {
	part, next, err := page.Cut(all, func(q queue) string { return q.Name }, token, limit, 1000)
	if err != nil {
		return nil, nil, invalid("Invalid or expired next token.")
	}
	for _, q := range part {
		l = append(l, q.url())
	}
	return l, next, nil
}

func (s *Service) listQueues(ctx context.Context, in *sqsapi.ListQueuesInput) (*sqsapi.ListQueuesOutput, error) {
	var out sqsapi.ListQueuesOutput
	return &out, s.d.Store.View(func(tx store.Tx) (err error) {
		out.QueueUrls, out.NextToken, err = urls(queues.List(tx, wire.CallFrom(ctx).Region+"|"+ptr.Val(in.QueueNamePrefix)), in.NextToken, in.MaxResults)
		return err
	})
}

func (s *Service) listDeadLetterSourceQueues(ctx context.Context, in *sqsapi.ListDeadLetterSourceQueuesInput) (*sqsapi.ListDeadLetterSourceQueuesOutput, error) {
	out := sqsapi.ListDeadLetterSourceQueuesOutput{QueueUrls: []string{}}
	return &out, s.d.Store.View(func(tx store.Tx) error {
		q, err := find(ctx, tx, *in.QueueUrl)
		if err != nil {
			return err
		}
		sources := slices.DeleteFunc(queues.List(tx, q.Region+"|"), func(o queue) bool { target, _ := o.redrive(); return target != q.arn() })
		l, next, err := urls(sources, in.NextToken, in.MaxResults)
		out.QueueUrls, out.NextToken = append(out.QueueUrls, l...), next
		return err
	})
}

func (s *Service) getQueueAttributes(ctx context.Context, in *sqsapi.GetQueueAttributesInput) (*sqsapi.GetQueueAttributesOutput, error) {
	out := sqsapi.GetQueueAttributesOutput{Attributes: map[string]string{}}
	now := s.d.Clock.Now()
	return &out, s.d.Store.View(func(tx store.Tx) error {
		q, err := find(ctx, tx, *in.QueueUrl)
		if err != nil {
			return err
		}
		all := maps.Clone(defaults)
		maps.Copy(all, q.Attributes)
		visible, hidden, delayed := q.count(tx, now)
		maps.Copy(all, map[string]string{"QueueArn": q.arn(), "CreatedTimestamp": fmt.Sprint(q.Created.Unix()), "LastModifiedTimestamp": fmt.Sprint(q.Modified.Unix()),
			"ApproximateNumberOfMessages": strconv.Itoa(visible), "ApproximateNumberOfMessagesNotVisible": strconv.Itoa(hidden), "ApproximateNumberOfMessagesDelayed": strconv.Itoa(delayed)})
		for k, v := range all {
			if slices.Contains(in.AttributeNames, "All") || slices.Contains(in.AttributeNames, k) {
				out.Attributes[k] = v
			}
		}
		return nil
	})
}

func (s *Service) setQueueAttributes(ctx context.Context, in *sqsapi.SetQueueAttributesInput) (*sqsapi.SetQueueAttributesOutput, error) {
	return nil, s.change(ctx, *in.QueueUrl, func(tx store.Tx, q *queue) error {
		for _, k := range slices.Sorted(maps.Keys(in.Attributes)) {
			if err := q.set(tx, k, in.Attributes[k]); err != nil {
				return err
			}
		}
		q.Modified = s.d.Clock.Now()
		return nil
	})
}

func (s *Service) tagQueue(ctx context.Context, in *sqsapi.TagQueueInput) (*sqsapi.TagQueueOutput, error) {
	return nil, s.change(ctx, *in.QueueUrl, func(_ store.Tx, q *queue) error {
		if maps.Copy(q.Tags, in.Tags); len(q.Tags) > 50 {
			return invalid("A queue can have at most 50 tags.")
		}
		return nil
	})
}

func (s *Service) untagQueue(ctx context.Context, in *sqsapi.UntagQueueInput) (*sqsapi.UntagQueueOutput, error) {
	return nil, s.change(ctx, *in.QueueUrl, func(_ store.Tx, q *queue) error {
		for _, k := range in.TagKeys {
			delete(q.Tags, k)
		}
		return nil
	})
}

func (s *Service) listQueueTags(ctx context.Context, in *sqsapi.ListQueueTagsInput) (*sqsapi.ListQueueTagsOutput, error) {
	var out sqsapi.ListQueueTagsOutput
	return &out, s.d.Store.View(func(tx store.Tx) error {
		q, err := find(ctx, tx, *in.QueueUrl)
		out.Tags = q.Tags
		return err
	})
}
