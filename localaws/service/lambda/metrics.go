package lambda

import (
	"context"
	"time"

	"grocery/localaws/wire"
	"grocery/localaws/wire/api/cloudwatchapi"
)

// measure puts the metrics of one invocation, under the time it began. See
// https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html.
// Without CloudWatch nobody wants them.
func (s *Service) measure(ctx context.Context, f *function, out outcome, took time.Duration) {
	at, failed := s.d.Clock.Now().Add(-took), 0.0
	if out.kind != "" {
		failed = 1
	}
	var data []cloudwatchapi.MetricDatum
	for _, m := range []struct {
		name, unit string
		value      float64
	}{{"Invocations", "Count", 1}, {"Errors", "Count", failed}, {"Duration", "Milliseconds", float64(took.Microseconds()) / 1000}} {
		data = append(data, cloudwatchapi.MetricDatum{MetricName: new(m.name), Unit: new(m.unit), Value: new(m.value), Timestamp: &at,
			Dimensions: []cloudwatchapi.Dimension{{Name: new("FunctionName"), Value: new(f.Name)}}})
	}
	_, err := wire.Invoke(ctx, s.d.Calls, cloudwatchapi.PutMetricData, &cloudwatchapi.PutMetricDataInput{Namespace: new("AWS/Lambda"), MetricData: data})
	if err != nil && wire.Code(err) != "NotImplemented" {
		s.d.Log.Warn("putting a function's metrics", "function", f.Name, "error", err)
	}
}
