package autoscaling

import (
	"context"
	"errors"
	"math"
	"slices"
	"time"

	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/store"
	"grocery/localaws/wire"
	api "grocery/localaws/wire/api/autoscalingapi"
	"grocery/localaws/wire/api/cloudwatchapi"
)

// groupMetrics are the metrics a group can publish about itself.
// https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-metrics.html
var groupMetrics = map[string]func(*group, []member) float64{
	"GroupMinSize":              func(g *group, _ []member) float64 { return float64(*g.MinSize) },
	"GroupMaxSize":              func(g *group, _ []member) float64 { return float64(*g.MaxSize) },
	"GroupDesiredCapacity":      func(g *group, _ []member) float64 { return float64(*g.DesiredCapacity) },
	"GroupInServiceInstances":   count(func(m member) bool { return m.State == inService }),
	"GroupPendingInstances":     count(func(m member) bool { return m.counts() && m.State != inService }),
	"GroupStandbyInstances":     count(func(m member) bool { return m.State == standby }),
	"GroupTerminatingInstances": count(func(m member) bool { return m.leaving() }),
	"GroupTotalInstances":       count(func(member) bool { return true }),
}

func count(pass func(member) bool) func(*group, []member) float64 {
	return func(_ *group, all []member) (n float64) {
		for _, m := range all {
			if pass(m) {
				n++
			}
		}
		return n
	}
}

func (s *Service) enableMetricsCollection(ctx context.Context, in *api.EnableMetricsCollectionInput) (*api.EnableMetricsCollectionOutput, error) {
	if ptr.Val(in.Granularity) != "1Minute" {
		return nil, invalid("The granularity is 1Minute.")
	}
	return nil, s.changeMetrics(ctx, in.AutoScalingGroupName, in.Metrics, true)
}

func (s *Service) disableMetricsCollection(ctx context.Context, in *api.DisableMetricsCollectionInput) (*api.DisableMetricsCollectionOutput, error) {
	return nil, s.changeMetrics(ctx, in.AutoScalingGroupName, in.Metrics, false)
}

func (s *Service) changeMetrics(ctx context.Context, name *string, metrics []string, on bool) error {
	return s.update(ctx, func(t *tx) error {
		g, err := t.group(name)
		if err != nil {
			return err
		}
		if len(metrics) == 0 {
			for m := range groupMetrics {
				metrics = append(metrics, m)
			}
			slices.Sort(metrics)
		}
		for _, m := range metrics {
			if groupMetrics[m] == nil {
				return invalid("Local AWS does not publish the metric %s.", m)
			}
			g.EnabledMetrics = slices.DeleteFunc(g.EnabledMetrics, func(e api.EnabledMetric) bool { return *e.Metric == m })
			if on {
				g.EnabledMetrics = append(g.EnabledMetrics, api.EnabledMetric{Metric: new(m), Granularity: new("1Minute")})
			}
		}
		t.putGroup(g)
		return nil
	})
}

// measure publishes the metrics of groups and follows target tracking policies.
// Without CloudWatch there is nothing to do.
func (s *Service) measure(ctx context.Context) error {
	type subject struct {
		group
		all      []member
		policies []policy
	}
	var subjects []subject
	if err := s.d.Store.View(func(st store.Tx) error {
		for _, g := range groups.List(st, "") {
			t := &tx{Tx: st, Call: &wire.Call{Region: g.Region}}
			subjects = append(subjects, subject{g, t.members(g.name()), policies.List(st, store.Key(g.Region, g.name())+"/")})
		}
		return nil
	}); err != nil {
		return err
	}
	var errs []error
	for _, x := range subjects {
		ctx := wire.AsService(ctx, principal, x.Region)
		in := &cloudwatchapi.PutMetricDataInput{Namespace: new("AWS/AutoScaling")}
		for _, e := range x.EnabledMetrics {
			in.MetricData = append(in.MetricData, cloudwatchapi.MetricDatum{
				MetricName: e.Metric, Value: new(groupMetrics[*e.Metric](&x.group, x.all)), Unit: new("None"), Timestamp: new(s.d.Clock.Now()),
				Dimensions: []cloudwatchapi.Dimension{{Name: new("AutoScalingGroupName"), Value: x.AutoScalingGroupName}},
			})
		}
		if len(in.MetricData) > 0 {
			if _, err := wire.Invoke(ctx, s.d.Calls, cloudwatchapi.PutMetricData, in); err != nil && wire.Code(err) != "NotImplemented" {
				errs = append(errs, err)
			}
		}
		for _, p := range x.policies {
			if *p.PolicyType == track && *p.Enabled && !x.suspended("AlarmNotification") {
				errs = append(errs, s.track(ctx, p))
			}
		}
	}
	return errors.Join(errs...)
}

// averages are the predefined metrics, by their names in AWS/EC2.
var averages = map[string]string{"ASGAverageCPUUtilization": "CPUUtilization", "ASGAverageNetworkIn": "NetworkIn", "ASGAverageNetworkOut": "NetworkOut"}

func metricType(c *api.TargetTrackingConfiguration) string {
	if c.PredefinedMetricSpecification == nil {
		return ""
	}
	return ptr.Val(c.PredefinedMetricSpecification.PredefinedMetricType)
}

// Target tracking acts when the metric is beyond its target for three minutes,
// and scales in when it stays a tenth below for fifteen.
// https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-scaling-target-tracking.html
const (
	outAfter = 3
	inAfter  = 15
)

// track follows a target tracking policy.
func (s *Service) track(ctx context.Context, p policy) error {
	c := p.TargetTrackingConfiguration
	now := s.d.Clock.Now()
	out, err := wire.Invoke(ctx, s.d.Calls, cloudwatchapi.GetMetricStatistics, &cloudwatchapi.GetMetricStatisticsInput{
		Namespace: new("AWS/EC2"), MetricName: new(averages[metricType(c)]), Statistics: []string{"Average"}, Period: new(int64(60)),
		StartTime: new(now.Add(-(inAfter + 1) * time.Minute)), EndTime: &now,
		Dimensions: []cloudwatchapi.Dimension{{Name: new("AutoScalingGroupName"), Value: p.AutoScalingGroupName}},
	})
	if wire.Code(err) == "NotImplemented" {
		return nil
	}
	if err != nil {
		return err
	}
	points := out.Datapoints
	slices.SortFunc(points, func(a, b cloudwatchapi.Datapoint) int { return b.Timestamp.Compare(*a.Timestamp) }) // newest first
	beyond := func(n int, pass func(float64) bool) bool {
		return len(points) >= n && !slices.ContainsFunc(points[:n], func(d cloudwatchapi.Datapoint) bool { return !pass(ptr.Val(d.Average)) })
	}
	target := *c.TargetValue
	over := beyond(outAfter, func(v float64) bool { return v > target })
	under := !ptr.Val(c.DisableScaleIn) && beyond(inAfter, func(v float64) bool { return v < 0.9*target })
	if !over && !under {
		return nil
	}
	return s.update(ctx, func(t *tx) error {
		g, err := t.group(p.AutoScalingGroupName)
		if err != nil {
			return nil
		}
		warmup := time.Duration(ptr.Or(p.EstimatedInstanceWarmup, ptr.Or(g.DefaultInstanceWarmup, 300))) * time.Second
		if t.now.Before(g.ScaledAt.Add(warmup)) {
			return nil // what was launched last does not show in the metric yet
		}
		to := int64(math.Ceil(float64(*g.DesiredCapacity) * ptr.Val(points[0].Average) / target))
		if over {
			to = max(to, *g.DesiredCapacity+1)
		} else {
			to = min(max(to, 1), *g.DesiredCapacity)
		}
		t.scale(&g, to, "target tracking policy "+*p.PolicyName)
		return nil
	})
}
