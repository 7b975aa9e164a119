package sns

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
	"grocery/localaws/store"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/snsapi"
)

var topics = store.Table[topic]{Name: "sns.topics"} // ARN

// topic is one topic.
type topic struct {
	ARN, Name  string
	Attributes map[string]string // what was set
	Tags       map[string]string
	Created    time.Time
}

var topicName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,256}$`)

// topicAttributes are those that can be set; see
// https://docs.aws.amazon.com/sns/latest/api/API_SetTopicAttributes.html.
// Topics of kinds that are not offered have none of theirs here.
var topicAttributes = func() []string {
	l := []string{"Policy", "DisplayName", "DeliveryPolicy", "KmsMasterKeyId", "TracingConfig", "SignatureVersion"}
	for _, p := range []string{"HTTP", "Firehose", "Lambda", "Application", "SQS"} {
		for _, a := range []string{"SuccessFeedbackRoleArn", "SuccessFeedbackSampleRate", "FailureFeedbackRoleArn"} {
			l = append(l, p+a)
		}
	}
	return l
}()

func (t *topic) set(name, value string) error {
	switch {
	case name == "FifoTopic" || name == "ContentBasedDeduplication":
		if value == "false" {
			return nil
		}
		return invalid("Local AWS offers standard topics only")
	case !slices.Contains(topicAttributes, name):
		return invalid("AttributeName: %s is not an attribute of a topic", name)
	case (name == "Policy" || name == "DeliveryPolicy") && value != "" && !json.Valid([]byte(value)):
		return invalid("%s: the value is not JSON", name)
	case name == "TracingConfig" && value != "PassThrough":
		return invalid("TracingConfig: local AWS does not trace; the only value is PassThrough")
	case strings.HasSuffix(name, "FeedbackRoleArn") && value != "":
		return invalid("%s: local AWS does not log deliveries", name)
	case value == "":
		delete(t.Attributes, name)
	default:
		t.Attributes[name] = value
	}
	return nil
}

func (s *Service) createTopic(ctx context.Context, in *snsapi.CreateTopicInput) (*snsapi.CreateTopicOutput, error) {
	t := topic{ARN: wire.CallFrom(ctx).ARN("sns", *in.Name), Name: *in.Name, Attributes: map[string]string{}, Tags: map[string]string{}, Created: s.d.Clock.Now()}
	if !topicName.MatchString(t.Name) {
		return nil, invalid("Topic Name")
	}
	for k, v := range in.Attributes {
		if err := t.set(k, v); err != nil {
			return nil, err
		}
	}
	if err := addTags(t.Tags, in.Tags); err != nil {
		return nil, err
	}
	return &snsapi.CreateTopicOutput{TopicArn: new(t.ARN)}, s.d.Store.Update(func(tx store.Tx) error {
		old, there := topics.Get(tx, t.ARN)
		if !there {
			topics.Put(tx, t.ARN, t)
			return nil
		}
		for k, v := range t.Attributes {
			if old.Attributes[k] != v {
				return invalid("Attributes Reason: Topic already exists with different attributes")
			}
		}
		if len(t.Tags) > 0 && !maps.Equal(t.Tags, old.Tags) {
			return invalid("Tags Reason: Topic already exists with different tags")
		}
		return nil
	})
}

// change applies f to a topic's record.
func (s *Service) change(arn string, f func(*topic) error) error {
	return s.d.Store.Update(func(tx store.Tx) error {
		t, ok := topics.Get(tx, arn)
		if !ok {
			return notFound("Topic")
		}
		if err := f(&t); err != nil {
			return err
		}
		topics.Put(tx, arn, t)
		return nil
	})
}

func (s *Service) deleteTopic(_ context.Context, in *snsapi.DeleteTopicInput) (*snsapi.DeleteTopicOutput, error) {
	return nil, s.d.Store.Update(func(tx store.Tx) error {
		for _, x := range subscriptions.List(tx, *in.TopicArn+":") {
			subscriptions.Delete(tx, x.ARN)
		}
		topics.Delete(tx, *in.TopicArn)
		return nil
	})
}

func (s *Service) listTopics(ctx context.Context, in *snsapi.ListTopicsInput) (*snsapi.ListTopicsOutput, error) {
	var out snsapi.ListTopicsOutput
	return &out, s.d.Store.View(func(tx store.Tx) error {
		part, next, err := page.Cut(topics.List(tx, wire.CallFrom(ctx).ARN("sns", "")), func(t topic) string { return t.ARN }, in.NextToken, nil, 100)
		if err != nil {
			return invalid("NextToken")
		}
		out.NextToken = next
		for _, t := range part {
			out.Topics = append(out.Topics, snsapi.Topic{TopicArn: new(t.ARN)})
		}
		return nil
	})
}

// defaultPolicy is the policy of a topic that none was set for.
func (t topic) defaultPolicy() string {
	return fmt.Sprintf(`{"Version":"2008-10-17","Id":"__default_policy_ID","Statement":[{"Sid":"__default_statement_ID","Effect":"Allow","Principal":{"AWS":"*"},"Action":["SNS:GetTopicAttributes","SNS:SetTopicAttributes","SNS:AddPermission","SNS:RemovePermission","SNS:DeleteTopic","SNS:Subscribe","SNS:ListSubscriptionsByTopic","SNS:Publish"],"Resource":"%s","Condition":{"StringEquals":{"AWS:SourceOwner":"%s"}}}]}`, t.ARN, wire.Account)
}

// defaultDelivery is the delivery policy in effect when none was set.
const defaultDelivery = `{"http":{"defaultHealthyRetryPolicy":{"minDelayTarget":20,"maxDelayTarget":20,"numRetries":3,"numMaxDelayRetries":0,"numNoDelayRetries":0,"numMinDelayRetries":0,"backoffFunction":"linear"},"disableSubscriptionOverrides":false,"defaultRequestPolicy":{"headerContentType":"text/plain; charset=UTF-8"}}}`

func (s *Service) getTopicAttributes(_ context.Context, in *snsapi.GetTopicAttributesInput) (*snsapi.GetTopicAttributesOutput, error) {
	var out snsapi.GetTopicAttributesOutput
	return &out, s.d.Store.View(func(tx store.Tx) error {
		t, ok := topics.Get(tx, *in.TopicArn)
		if !ok {
			return notFound("Topic")
		}
		confirmed, pending := 0, 0
		for _, x := range subscriptions.List(tx, t.ARN+":") {
			if x.Confirmed {
				confirmed++
			} else {
				pending++
			}
		}
		out.Attributes = map[string]string{"TopicArn": t.ARN, "Owner": wire.Account, "DisplayName": "", "Policy": t.defaultPolicy(), "EffectiveDeliveryPolicy": defaultDelivery,
			"SubscriptionsConfirmed": strconv.Itoa(confirmed), "SubscriptionsPending": strconv.Itoa(pending), "SubscriptionsDeleted": "0"}
		maps.Copy(out.Attributes, t.Attributes)
		return nil
	})
}

func (s *Service) setTopicAttributes(_ context.Context, in *snsapi.SetTopicAttributesInput) (*snsapi.SetTopicAttributesOutput, error) {
	value := ""
	if in.AttributeValue != nil {
		value = *in.AttributeValue
	}
	return nil, s.change(*in.TopicArn, func(t *topic) error { return t.set(*in.AttributeName, value) })
}

func addTags(m map[string]string, tags []snsapi.Tag) error {
	for _, t := range tags {
		m[*t.Key] = *t.Value
	}
	if len(m) > 50 {
		return wire.Errorf(400, "TagLimitExceeded", "A topic can have at most 50 tags")
	}
	return nil
}

// missing turns the error for an absent topic into that of the tag calls.
func missing(err error) error {
	if wire.Code(err) == "NotFound" {
		return wire.Errorf(404, "ResourceNotFound", "Resource does not exist")
	}
	return err
}

func (s *Service) tagResource(_ context.Context, in *snsapi.TagResourceInput) (*snsapi.TagResourceOutput, error) {
	return nil, missing(s.change(*in.ResourceArn, func(t *topic) error { return addTags(t.Tags, in.Tags) }))
}

func (s *Service) untagResource(_ context.Context, in *snsapi.UntagResourceInput) (*snsapi.UntagResourceOutput, error) {
	return nil, missing(s.change(*in.ResourceArn, func(t *topic) error {
		for _, k := range in.TagKeys {
			delete(t.Tags, k)
		}
		return nil
	}))
}

func (s *Service) listTagsForResource(_ context.Context, in *snsapi.ListTagsForResourceInput) (*snsapi.ListTagsForResourceOutput, error) {
	var out snsapi.ListTagsForResourceOutput
	return &out, s.d.Store.View(func(tx store.Tx) error {
		t, ok := topics.Get(tx, *in.ResourceArn)
		if !ok {
			return wire.Errorf(404, "ResourceNotFound", "Resource does not exist")
		}
		for _, k := range slices.Sorted(maps.Keys(t.Tags)) {
			out.Tags = append(out.Tags, snsapi.Tag{Key: new(k), Value: new(t.Tags[k])})
		}
		return nil
	})
}
