package sqs_test

import (
	"testing"
	"time"

	aws "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	sdk "github.com/aws/aws-sdk-go-v2/service/sqs"

	"grocery/localaws/service/cloudwatch"
	"grocery/localaws/service/internal/apitest"
)

// TestAMessageInADeadLetterQueueRaisesItsAlarm: with the namespace, name and
// dimension that AWS documents.
func TestAMessageInADeadLetterQueueRaisesItsAlarm(t *testing.T) {
	w := newWorld(t)
	watch := cloudwatch.New(cloudwatch.Deps{Store: w.store, Clock: w.clock, Calls: w.calls, Log: w.log})
	watch.Register(w.calls)
	client := aws.NewFromConfig(apitest.Serve(t, w.calls))
	must(client.PutMetricAlarm(t.Context(), &aws.PutMetricAlarmInput{AlarmName: new("dead"), Namespace: new("AWS/SQS"), MetricName: new("ApproximateNumberOfMessagesVisible"),
		Dimensions: []types.Dimension{{Name: new("QueueName"), Value: new("jobs")}}, Statistic: types.StatisticMaximum, Period: new(int32(60)), EvaluationPeriods: new(int32(1)),
		Threshold: new(0.0), ComparisonOperator: types.ComparisonOperatorGreaterThanThreshold, TreatMissingData: new("notBreaching")}))(t)
	minute := func() types.StateValue {
		t.Helper()
		for _, l := range w.service.Loops() {
			if err := l.Run(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		w.clock.Advance(time.Minute)
		for _, l := range watch.Loops() {
			if err := l.Run(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		return must(client.DescribeAlarms(t.Context(), &aws.DescribeAlarmsInput{}))(t).MetricAlarms[0].StateValue
	}
	if got := minute(); got != types.StateValueOk {
		t.Errorf("an empty queue: %s", got)
	}
	if l := must(client.ListMetrics(t.Context(), &aws.ListMetricsInput{Namespace: new("AWS/SQS")}))(t).Metrics; len(l) != 0 {
		t.Errorf("a queue that nobody used has %d metrics", len(l))
	}
	w.send("an event that could not be delivered")
	if got := minute(); got != types.StateValueAlarm {
		t.Errorf("a message in the queue: %s", got)
	}
	must(w.PurgeQueue(t.Context(), &sdk.PurgeQueueInput{QueueUrl: w.queue}))(t)
	if got := minute(); got != types.StateValueOk {
		t.Errorf("after the queue was emptied: %s", got)
	}
}
