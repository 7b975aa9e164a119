package ec2_test

import (
	"context"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"grocery/localaws/runtime"
	"grocery/localaws/runtime/none"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/cloudwatchapi"
)

// metered is a runtime in which every container has used the same.
type metered struct {
	*none.Runtime
	now runtime.Stats
}

func (m *metered) Stats(context.Context, string) (runtime.Stats, error) { return m.now, nil }

func TestInstancesPublishWhatTheyUsePerInstance(t *testing.T) {
	rt := &metered{Runtime: none.New()}
	w := newWorldOn(t, rt)
	got := map[string]float64{}
	wire.Handle(w.calls, cloudwatchapi.PutMetricData, func(_ context.Context, in *cloudwatchapi.PutMetricDataInput) (*cloudwatchapi.PutMetricDataOutput, error) {
		for _, d := range in.MetricData {
			if *in.Namespace != "AWS/EC2" || len(d.Dimensions) != 1 || *d.Dimensions[0].Name != "InstanceId" {
				t.Errorf("%s %+v", *in.Namespace, d.Dimensions)
			}
			got[*d.MetricName] = *d.Value
		}
		return nil, nil
	})
	n := w.network()
	rt.now.At = w.clock.Now()
	w.run(&sdk.RunInstancesInput{SubnetId: &n.private, Monitoring: &types.RunInstancesMonitoringEnabled{Enabled: new(true)}})
	w.turn()
	if v, ok := got["StatusCheckFailed"]; !ok || v != 0 {
		t.Errorf("status checks: %v", got)
	}
	// One of a t3.micro's two vCPUs for half of a minute is a quarter.
	rt.now = runtime.Stats{At: rt.now.At.Add(time.Minute), CPUNanoseconds: uint64(30 * time.Second), NetworkRxBytes: 1000, NetworkTxBytes: 500}
	w.turn()
	for name, want := range map[string]float64{"CPUUtilization": 25, "NetworkIn": 1000, "NetworkOut": 500} {
		if got[name] != want {
			t.Errorf("%s is %v, want %v", name, got[name], want)
		}
	}
}

func TestBasicMonitoringMeasuresFiveMinutesAtOnce(t *testing.T) {
	rt := &metered{Runtime: none.New()}
	w := newWorldOn(t, rt)
	cpu, checks := []float64{}, 0
	wire.Handle(w.calls, cloudwatchapi.PutMetricData, func(_ context.Context, in *cloudwatchapi.PutMetricDataInput) (*cloudwatchapi.PutMetricDataOutput, error) {
		for _, d := range in.MetricData {
			switch *d.MetricName {
			case "CPUUtilization":
				cpu = append(cpu, *d.Value)
			case "StatusCheckFailed":
				checks++
			}
		}
		return nil, nil
	})
	n := w.network()
	rt.now.At = w.clock.Now()
	w.run(&sdk.RunInstancesInput{SubnetId: &n.private})
	w.turn()
	checks = 0
	for minute := 1; minute <= 10; minute++ {
		// Busy in the first five minutes only: half of both vCPUs.
		rt.now.At = rt.now.At.Add(time.Minute)
		if minute <= 5 {
			rt.now.CPUNanoseconds += uint64(time.Minute)
		}
		w.turn()
	}
	if len(cpu) != 2 || cpu[0] != 50 || cpu[1] != 0 {
		t.Errorf("CPUUtilization of ten minutes is %v, want 50 and 0", cpu)
	}
	if checks != 10 {
		t.Errorf("%d status checks in ten minutes", checks)
	}
}
