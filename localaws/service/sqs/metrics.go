package sqs

import (
	"context"
	"errors"
	"time"

	"grocery/localaws/store"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/cloudwatchapi"
)

// activeFor is how long a queue that held messages is measured after it last did.
const activeFor = 6 * time.Hour

// publish measures the active queues. A queue that nothing was sent to has no
// metrics. See
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html.
func (s *Service) publish(ctx context.Context) error {
	now := s.d.Clock.Now()
	byRegion := map[string][]cloudwatchapi.MetricDatum{}
	if err := s.d.Store.View(func(tx store.Tx) error {
		for _, q := range queues.List(tx, "") {
			visible, hidden, delayed := q.count(tx, now)
			if visible+hidden+delayed > 0 {
				s.active[q.ID] = now
			}
			if last, ok := s.active[q.ID]; !ok || now.Sub(last) > activeFor {
				delete(s.active, q.ID)
				continue
			}
			for name, n := range map[string]int{"ApproximateNumberOfMessagesVisible": visible, "ApproximateNumberOfMessagesNotVisible": hidden, "ApproximateNumberOfMessagesDelayed": delayed} {
				byRegion[q.Region] = append(byRegion[q.Region], cloudwatchapi.MetricDatum{MetricName: new(name), Unit: new("Count"), Value: new(float64(n)), Timestamp: &now,
					Dimensions: []cloudwatchapi.Dimension{{Name: new("QueueName"), Value: new(q.Name)}}})
			}
		}
		return nil
	}); err != nil {
		return err
	}
	var errs []error
	for region, data := range byRegion {
		_, err := wire.Invoke(wire.AsService(ctx, "sqs.amazonaws.com", region), s.d.Calls, cloudwatchapi.PutMetricData, &cloudwatchapi.PutMetricDataInput{Namespace: new("AWS/SQS"), MetricData: data})
		if wire.Code(err) != "NotImplemented" { // without CloudWatch nobody wants them
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
