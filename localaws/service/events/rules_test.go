package events_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"grocery/localaws/service/events"
	"grocery/localaws/service/internal/apitest"
	"grocery/localaws/store"
)

const (
	machineARN = "arn:aws:states:eu-central-1:123456789012:stateMachine:restore"
	queueARN   = "arn:aws:sqs:eu-central-1:123456789012:dead"
	roleARN    = "arn:aws:iam::123456789012:role/events"
	uploads    = `{"source":["aws.s3"],"detail":{"object":{"key":[{"prefix":"db-dumps/"}]}}}`
)

func newAPI(t *testing.T) *eventbridge.Client {
	r := apitest.Registry()
	events.New(events.Deps{Store: store.NewMemory(), Clock: apitest.NewClock(), Calls: r}).Register(r)
	return eventbridge.NewFromConfig(apitest.Serve(t, r))
}

func putRule(t *testing.T, c *eventbridge.Client, in *eventbridge.PutRuleInput) string {
	t.Helper()
	out, err := c.PutRule(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return *out.RuleArn
}

func TestARuleIsDescribedAsItWasPutAndGoesWithoutItsTargets(t *testing.T) {
	c := newAPI(t)
	arn := putRule(t, c, &eventbridge.PutRuleInput{Name: new("up"), Description: new("d"), EventPattern: new(uploads), Tags: []types.Tag{{Key: new("a"), Value: new("1")}}})
	if arn != "arn:aws:events:eu-central-1:123456789012:rule/up" {
		t.Error(arn)
	}
	d, err := c.DescribeRule(t.Context(), &eventbridge.DescribeRuleInput{Name: new("up")})
	if err != nil || *d.EventPattern != uploads || d.State != types.RuleStateEnabled || *d.EventBusName != "default" || *d.Description != "d" || d.RoleArn != nil || d.ScheduleExpression != nil {
		t.Fatalf("%+v, %v", d, err)
	}
	in := types.Target{
		Id: new("restore"), Arn: new(machineARN), RoleArn: new(roleARN),
		InputTransformer: &types.InputTransformer{InputPathsMap: map[string]string{"key": "$.detail.object.key", "version": "$.detail.object.version-id"}, InputTemplate: new(`{"key": <key>, "version": <version>}`)},
		RetryPolicy:      &types.RetryPolicy{MaximumEventAgeInSeconds: new(int32(3600)), MaximumRetryAttempts: new(int32(24))},
		DeadLetterConfig: &types.DeadLetterConfig{Arn: new(queueARN)},
	}
	if _, err := c.PutTargets(t.Context(), &eventbridge.PutTargetsInput{Rule: new("up"), Targets: []types.Target{in}}); err != nil {
		t.Fatal(err)
	}
	l, err := c.ListTargetsByRule(t.Context(), &eventbridge.ListTargetsByRuleInput{Rule: new("up")})
	if err != nil || len(l.Targets) != 1 {
		t.Fatalf("%+v, %v", l, err)
	}
	switch x := l.Targets[0]; {
	case *x.Arn != machineARN, *x.RoleArn != roleARN, *x.RetryPolicy.MaximumEventAgeInSeconds != 3600, *x.RetryPolicy.MaximumRetryAttempts != 24:
		t.Errorf("%+v", x)
	case *x.DeadLetterConfig.Arn != queueARN, *x.InputTransformer.InputTemplate != *in.InputTransformer.InputTemplate, x.InputTransformer.InputPathsMap["version"] != "$.detail.object.version-id":
		t.Errorf("%+v", x)
	}
	if n, err := c.ListRuleNamesByTarget(t.Context(), &eventbridge.ListRuleNamesByTargetInput{TargetArn: new(machineARN)}); err != nil || len(n.RuleNames) != 1 {
		t.Errorf("%+v, %v", n, err)
	}
	if _, err := c.DeleteRule(t.Context(), &eventbridge.DeleteRuleInput{Name: new("up")}); apitest.Code(err) != "ValidationException" {
		t.Errorf("deleted with targets: %v", err)
	}
	if _, err := c.RemoveTargets(t.Context(), &eventbridge.RemoveTargetsInput{Rule: new("up"), Ids: []string{"restore"}}); err != nil {
		t.Fatal(err)
	}
	for range 2 { // deleting what is gone is no error
		if _, err := c.DeleteRule(t.Context(), &eventbridge.DeleteRuleInput{Name: new("up")}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.DescribeRule(t.Context(), &eventbridge.DescribeRuleInput{Name: new("up")}); apitest.Code(err) != "ResourceNotFoundException" {
		t.Error(err)
	}
}

func TestPuttingARuleAgainKeepsItsTargetsAndTags(t *testing.T) {
	c := newAPI(t)
	arn := putRule(t, c, &eventbridge.PutRuleInput{Name: new("r"), EventPattern: new(uploads), Tags: []types.Tag{{Key: new("a"), Value: new("1")}}})
	if _, err := c.PutTargets(t.Context(), &eventbridge.PutTargetsInput{Rule: new("r"), Targets: []types.Target{{Id: new("q"), Arn: new(queueARN)}}}); err != nil {
		t.Fatal(err)
	}
	putRule(t, c, &eventbridge.PutRuleInput{Name: new("r"), ScheduleExpression: new("rate(5 minutes)"), State: types.RuleStateDisabled})
	l, err := c.ListTargetsByRule(t.Context(), &eventbridge.ListTargetsByRuleInput{Rule: new("r")})
	if err != nil || len(l.Targets) != 1 {
		t.Errorf("%+v, %v", l, err)
	}
	tags, err := c.ListTagsForResource(t.Context(), &eventbridge.ListTagsForResourceInput{ResourceARN: &arn})
	if err != nil || len(tags.Tags) != 1 {
		t.Errorf("%+v, %v", tags, err)
	}
	if _, err := c.EnableRule(t.Context(), &eventbridge.EnableRuleInput{Name: new("r")}); err != nil {
		t.Fatal(err)
	}
	all, err := c.ListRules(t.Context(), &eventbridge.ListRulesInput{NamePrefix: new("r")})
	if err != nil || len(all.Rules) != 1 || all.Rules[0].State != types.RuleStateEnabled || all.Rules[0].EventPattern != nil || *all.Rules[0].ScheduleExpression != "rate(5 minutes)" {
		t.Errorf("%+v, %v", all, err)
	}
}

func TestRulesThatCannotWorkAreRefused(t *testing.T) {
	c := newAPI(t)
	for name, x := range map[string]struct {
		in         eventbridge.PutRuleInput
		code, says string
	}{
		"neither pattern nor schedule": {eventbridge.PutRuleInput{}, "ValidationException", "EventPattern or ScheduleExpression"},
		"a pattern that is no JSON":    {eventbridge.PutRuleInput{EventPattern: new("{")}, "InvalidEventPatternException", "no JSON"},
		"a value without its array":    {eventbridge.PutRuleInput{EventPattern: new(`{"source":"aws.s3"}`)}, "InvalidEventPatternException", "must be an object or an array"},
		"an unknown operator":          {eventbridge.PutRuleInput{EventPattern: new(`{"source":[{"like":"x"}]}`)}, "InvalidEventPatternException", "like"},
		"rate(1 minutes)":              {eventbridge.PutRuleInput{ScheduleExpression: new("rate(1 minutes)")}, "ValidationException", "rate(1 minute)"},
		"cron with five fields":        {eventbridge.PutRuleInput{ScheduleExpression: new("cron(0 1 * * ?)")}, "ValidationException", "6"},
		"cron with two days":           {eventbridge.PutRuleInput{ScheduleExpression: new("cron(0 1 * * * *)")}, "ValidationException", "?"},
		"a bus that is not there":      {eventbridge.PutRuleInput{EventPattern: new(uploads), EventBusName: new("other")}, "ResourceNotFoundException", "other"},
		"a name with a space":          {eventbridge.PutRuleInput{EventPattern: new(uploads), Name: new("a b")}, "ValidationException", "name"},
	} {
		if x.in.Name == nil {
			x.in.Name = new("r")
		}
		if _, err := c.PutRule(t.Context(), &x.in); apitest.Code(err) != x.code || !strings.Contains(err.Error(), x.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTargetsThatCannotBeReachedAreRefused(t *testing.T) {
	c := newAPI(t)
	putRule(t, c, &eventbridge.PutRuleInput{Name: new("r"), EventPattern: new(uploads)})
	for name, x := range map[string]struct {
		in   types.Target
		says string
	}{
		"a state machine without a role": {types.Target{Arn: new(machineARN)}, "RoleArn is required"},
		"a service that is not served":   {types.Target{Arn: new("arn:aws:firehose:eu-central-1:123456789012:deliverystream/x")}, "Step Functions, Lambda, SQS and SNS"},
		"two forms of input":             {types.Target{Arn: new(queueARN), Input: new("{}"), InputPath: new("$")}, "Only one of"},
		"input that is no JSON":          {types.Target{Arn: new(queueARN), Input: new("x")}, "no JSON"},
		"an unknown variable":            {types.Target{Arn: new(queueARN), InputTransformer: &types.InputTransformer{InputTemplate: new("<x>")}}, "<x> is not defined"},
		"retries for two days":           {types.Target{Arn: new(queueARN), RetryPolicy: &types.RetryPolicy{MaximumEventAgeInSeconds: new(int32(172800))}}, "60 to 86400"},
		"dead letters to a topic":        {types.Target{Arn: new(queueARN), DeadLetterConfig: &types.DeadLetterConfig{Arn: new("arn:aws:sns:eu-central-1:123456789012:t")}}, "SQS"},
		"a FIFO queue":                   {types.Target{Arn: new(queueARN + ".fifo")}, "format"},
	} {
		x.in.Id = new("t")
		if _, err := c.PutTargets(t.Context(), &eventbridge.PutTargetsInput{Rule: new("r"), Targets: []types.Target{x.in}}); apitest.Code(err) != "ValidationException" || !strings.Contains(err.Error(), x.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTheDefaultBusIsThereAndOthersComeAndGo(t *testing.T) {
	c := newAPI(t)
	d, err := c.DescribeEventBus(t.Context(), &eventbridge.DescribeEventBusInput{})
	if err != nil || *d.Name != "default" || *d.Arn != "arn:aws:events:eu-central-1:123456789012:event-bus/default" {
		t.Fatalf("%+v, %v", d, err)
	}
	if _, err := c.CreateEventBus(t.Context(), &eventbridge.CreateEventBusInput{Name: new("app")}); err != nil {
		t.Fatal(err)
	}
	if arn := putRule(t, c, &eventbridge.PutRuleInput{Name: new("r"), EventPattern: new(uploads), EventBusName: new("app")}); !strings.HasSuffix(arn, ":rule/app/r") {
		t.Error(arn)
	}
	if l, err := c.ListEventBuses(t.Context(), &eventbridge.ListEventBusesInput{}); err != nil || len(l.EventBuses) != 2 {
		t.Errorf("%+v, %v", l, err)
	}
	if _, err := c.DeleteEventBus(t.Context(), &eventbridge.DeleteEventBusInput{Name: new("app")}); apitest.Code(err) != "ValidationException" {
		t.Errorf("a bus with rules was deleted: %v", err)
	}
	if _, err := c.DeleteRule(t.Context(), &eventbridge.DeleteRuleInput{Name: new("r"), EventBusName: new("app")}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.DeleteEventBus(t.Context(), &eventbridge.DeleteEventBusInput{Name: new("app")}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.DeleteEventBus(t.Context(), &eventbridge.DeleteEventBusInput{Name: new("default")}); err == nil {
		t.Error("the default bus was deleted")
	}
}
