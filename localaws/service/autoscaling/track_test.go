package autoscaling_test

import (
	"context"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"grocery/localaws/wire"
	"grocery/localaws/wire/api/cloudwatchapi"
)

func TestTargetTrackingFollowsTheMetricAndWaitsForWarmUp(t *testing.T) {
	w := newWorld(t)
	cpu := 50.0
	wire.Handle(w.calls, cloudwatchapi.GetMetricStatistics, func(_ context.Context, in *cloudwatchapi.GetMetricStatisticsInput) (*cloudwatchapi.GetMetricStatisticsOutput, error) {
		out := &cloudwatchapi.GetMetricStatisticsOutput{}
		for at := *in.StartTime; at.Before(*in.EndTime); at = at.Add(time.Minute) {
			out.Datapoints = append(out.Datapoints, cloudwatchapi.Datapoint{Timestamp: new(at), Average: new(cpu)})
		}
		return out, nil
	})
	w.create(2, nil)
	must[*sdk.PutScalingPolicyOutput](t)(w.PutScalingPolicy(t.Context(), &sdk.PutScalingPolicyInput{
		AutoScalingGroupName: aws.String("shop"), PolicyName: aws.String("cpu"), PolicyType: aws.String("TargetTrackingScaling"), EstimatedInstanceWarmup: aws.Int32(60),
		TargetTrackingConfiguration: &types.TargetTrackingConfiguration{TargetValue: aws.Float64(50), PredefinedMetricSpecification: &types.PredefinedMetricSpecification{PredefinedMetricType: types.MetricTypeASGAverageCPUUtilization}},
	}))
	for _, c := range []struct {
		rule string
		cpu  float64
		wait time.Duration
		want int32
	}{
		{"at its target nothing changes", 50, time.Hour, 2},
		{"above it the group grows in proportion", 90, time.Hour, 4},
		{"what was just launched is waited for", 90, 10 * time.Second, 4},
		{"a little below it nothing changes", 46, time.Hour, 4},
		{"far below it the group shrinks in proportion", 20, time.Hour, 2},
	} {
		cpu = c.cpu
		w.clock.Advance(c.wait)
		w.measure()
		if got := *w.group().DesiredCapacity; got != c.want {
			t.Errorf("%s: capacity %d, want %d", c.rule, got, c.want)
		}
	}
}
