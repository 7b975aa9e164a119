package ec2

import (
	"context"
	"errors"
	"time"

	"grocery/localaws/reconcile"
	"grocery/localaws/runtime"
	"grocery/localaws/store"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/cloudwatchapi"
)

// How often metrics are published: status checks and what instances with
// detailed monitoring use every minute, the others' use every five; see
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/manage-detailed-monitoring.html.
const (
	meterEvery = time.Minute
	basicEvery = 5 * time.Minute
)

// groupTag is the tag Auto Scaling puts on its instances.
const groupTag = "aws:autoscaling:groupName"

// meters publishes what instances use as CloudWatch metrics.
type meters struct {
	s    *Service
	last map[string]runtime.Stats
}

func newMeters(s *Service) *meters { return &meters{s: s, last: map[string]runtime.Stats{}} }

func (m *meters) loop() reconcile.Loop {
	return reconcile.Loop{Name: "ec2 meters", Every: meterEvery, Run: m.run}
}

func (m *meters) run(ctx context.Context) error {
	type subject struct {
		id, region, group, kind string
		detailed                bool
	}
	var all []subject
	if err := m.s.d.Store.View(func(st store.Tx) error {
		for _, region := range instances.regions(st) {
			t := &tx{Tx: st, region: region}
			for _, i := range instances.where(t, func(i *instance) bool { return i.State == running }) {
				all = append(all, subject{i.ID, region, t.tagMap(i.ID)[groupTag], i.Type, i.Monitored})
			}
		}
		return nil
	}); err != nil {
		return err
	}
	next := map[string]runtime.Stats{}
	var errs []error
	for _, x := range all {
		now, err := m.s.d.Runtime.Stats(ctx, x.id)
		if errors.Is(err, runtime.ErrNotFound) || errors.Is(err, runtime.ErrNotRunning) {
			continue
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		last, metered := m.last[x.id]
		next[x.id] = now
		values := []metric{{"StatusCheckFailed", "Count", 0}, {"StatusCheckFailed_Instance", "Count", 0}, {"StatusCheckFailed_System", "Count", 0}}
		switch {
		case !metered || now.CPUNanoseconds < last.CPUNanoseconds || !now.At.After(last.At):
		case !x.detailed && now.At.Sub(last.At) < basicEvery-meterEvery/2:
			next[x.id] = last // its five minutes are not over
		default:
			values = append(values, used(last, now, instanceTypes[x.kind].vcpus)...)
		}
		if err := m.publish(wire.AsService(ctx, service, x.region), values, "InstanceId", x.id, "AutoScalingGroupName", x.group); err != nil {
			errs = append(errs, err)
		}
	}
	m.last = next
	return errors.Join(errs...)
}

type metric struct {
	name, unit string
	value      float64
}

// used computes the metrics of the time between two readings. CPU is in
// percent of the instance's vCPUs.
func used(last, now runtime.Stats, vcpus int64) []metric {
	share := float64(now.CPUNanoseconds-last.CPUNanoseconds) / float64(now.At.Sub(last.At)) / float64(max(vcpus, 1))
	delta := func(a, b uint64) float64 {
		if b < a {
			return 0
		}
		return float64(b - a)
	}
	return []metric{
		{"CPUUtilization", "Percent", min(100*share, 100)},
		{"NetworkIn", "Bytes", delta(last.NetworkRxBytes, now.NetworkRxBytes)},
		{"NetworkOut", "Bytes", delta(last.NetworkTxBytes, now.NetworkTxBytes)},
		{"NetworkPacketsIn", "Count", delta(last.NetworkRxPackets, now.NetworkRxPackets)},
		{"NetworkPacketsOut", "Count", delta(last.NetworkTxPackets, now.NetworkTxPackets)},
		{"EBSReadBytes", "Bytes", delta(last.BlockReadBytes, now.BlockReadBytes)},
		{"EBSWriteBytes", "Bytes", delta(last.BlockWriteBytes, now.BlockWriteBytes)},
	}
}

// publish sends the values once for each dimension that has a value. Without
// CloudWatch nobody wants them.
func (m *meters) publish(ctx context.Context, values []metric, dimensions ...string) error {
	in := &cloudwatchapi.PutMetricDataInput{Namespace: new("AWS/EC2")}
	now := m.s.d.Clock.Now()
	for d := 0; d < len(dimensions); d += 2 {
		if dimensions[d+1] == "" {
			continue
		}
		for _, v := range values {
			in.MetricData = append(in.MetricData, cloudwatchapi.MetricDatum{
				MetricName: new(v.name), Unit: new(v.unit), Value: new(v.value), Timestamp: &now,
				Dimensions: []cloudwatchapi.Dimension{{Name: new(dimensions[d]), Value: new(dimensions[d+1])}},
			})
		}
	}
	_, err := wire.Invoke(ctx, m.s.d.Calls, cloudwatchapi.PutMetricData, in)
	if wire.Code(err) == "NotImplemented" {
		return nil
	}
	return err
}
