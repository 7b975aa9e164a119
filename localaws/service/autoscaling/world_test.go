package autoscaling_test

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	ec2sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"grocery/localaws/reconcile"
	"grocery/localaws/runtime/none"
	"grocery/localaws/service/autoscaling"
	"grocery/localaws/service/ec2"
	"grocery/localaws/service/internal/apitest"
	"grocery/localaws/store"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/cloudwatchapi"
	"grocery/localaws/wire/api/elbv2api"
)

// world is Auto Scaling over EC2 over a runtime that runs nothing, with a
// balancer and alarms that say what a test tells them to. Loops turn only when
// a test says so.
type world struct {
	*sdk.Client
	t        *testing.T
	ec2      *ec2sdk.Client
	runtime  *none.Runtime
	clock    *apitest.Clock
	balancer *balancer
	loops    []reconcile.Loop
	template string
	subnets  [2]string
	calls    *wire.Registry
}

// balancer has one target group.
type balancer struct {
	mu      sync.Mutex
	targets map[string]string // instance -> state
	initial string            // state of a new target
	alarm   string            // state of the alarm "errors"
}

const targetGroup = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/shop/1"

func (b *balancer) set(id, state string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.targets[id] = state
}

func (b *balancer) state(id string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.targets[id]
}

func (b *balancer) register(r *wire.Registry) {
	wire.Handle(r, elbv2api.DescribeTargetGroups, func(_ context.Context, in *elbv2api.DescribeTargetGroupsInput) (*elbv2api.DescribeTargetGroupsOutput, error) {
		if in.TargetGroupArns[0] != targetGroup {
			return nil, wire.Errorf(400, "TargetGroupNotFound", "One or more target groups not found")
		}
		return nil, nil
	})
	wire.Handle(r, elbv2api.RegisterTargets, func(_ context.Context, in *elbv2api.RegisterTargetsInput) (*elbv2api.RegisterTargetsOutput, error) {
		b.set(*in.Targets[0].Id, b.initial)
		return nil, nil
	})
	wire.Handle(r, elbv2api.DeregisterTargets, func(_ context.Context, in *elbv2api.DeregisterTargetsInput) (*elbv2api.DeregisterTargetsOutput, error) {
		b.set(*in.Targets[0].Id, "draining")
		return nil, nil
	})
	wire.Handle(r, elbv2api.DescribeTargetHealth, func(context.Context, *elbv2api.DescribeTargetHealthInput) (*elbv2api.DescribeTargetHealthOutput, error) {
		b.mu.Lock()
		defer b.mu.Unlock()
		out := &elbv2api.DescribeTargetHealthOutput{}
		for id, state := range b.targets {
			if state != "" {
				out.TargetHealthDescriptions = append(out.TargetHealthDescriptions, elbv2api.TargetHealthDescription{Target: &elbv2api.TargetDescription{Id: new(id)}, TargetHealth: &elbv2api.TargetHealth{State: new(state)}})
			}
		}
		return out, nil
	})
	wire.Handle(r, cloudwatchapi.DescribeAlarms, func(context.Context, *cloudwatchapi.DescribeAlarmsInput) (*cloudwatchapi.DescribeAlarmsOutput, error) {
		b.mu.Lock()
		defer b.mu.Unlock()
		return &cloudwatchapi.DescribeAlarmsOutput{MetricAlarms: []cloudwatchapi.MetricAlarm{{AlarmName: new("errors"), StateValue: new(b.alarm)}}}, nil
	})
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, runtime: none.New(), clock: apitest.NewClock(), balancer: &balancer{targets: map[string]string{}, initial: "healthy", alarm: "OK"}}
	t.Cleanup(func() { w.runtime.Close() })
	calls, st, log := apitest.Registry(), store.NewMemory(), slog.New(slog.DiscardHandler)
	w.calls = calls
	machines := ec2.New(ec2.Deps{Store: st, Clock: w.clock, Runtime: w.runtime, Calls: calls, Log: log})
	machines.Register(calls)
	scaling := autoscaling.New(autoscaling.Deps{Store: st, Clock: w.clock, Calls: calls, Log: log})
	scaling.Register(calls)
	w.balancer.register(calls)
	w.loops = append(machines.Loops(), scaling.Loops()...)
	config := apitest.Serve(t, calls)
	config.RetryMaxAttempts = 5 // the SDK drops answers that come very fast
	w.Client, w.ec2 = sdk.NewFromConfig(config), ec2sdk.NewFromConfig(config)

	ctx := t.Context()
	vpc := must[*ec2sdk.CreateVpcOutput](t)(w.ec2.CreateVpc(ctx, &ec2sdk.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16")})).Vpc.VpcId
	for i, x := range [][2]string{{"10.0.1.0/24", "eu-central-1a"}, {"10.0.2.0/24", "eu-central-1b"}} {
		w.subnets[i] = *must[*ec2sdk.CreateSubnetOutput](t)(w.ec2.CreateSubnet(ctx, &ec2sdk.CreateSubnetInput{VpcId: vpc, CidrBlock: &x[0], AvailabilityZone: &x[1]})).Subnet.SubnetId
	}
	image := must[*ec2sdk.DescribeImagesOutput](t)(w.ec2.DescribeImages(ctx, &ec2sdk.DescribeImagesInput{})).Images[0].ImageId
	w.template = *must[*ec2sdk.CreateLaunchTemplateOutput](t)(w.ec2.CreateLaunchTemplate(ctx, &ec2sdk.CreateLaunchTemplateInput{
		LaunchTemplateName: aws.String("shop"), LaunchTemplateData: &ec2types.RequestLaunchTemplateData{ImageId: image, InstanceType: ec2types.InstanceTypeT3Micro},
	})).LaunchTemplate.LaunchTemplateId
	return w
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func refused(t *testing.T, err error, code string) {
	t.Helper()
	if got := apitest.Code(err); got != code {
		t.Errorf("got %v, want the code %s", err, code)
	}
}

// version adds a version to the launch template and returns its number.
func (w *world) version() string {
	w.t.Helper()
	out := must[*ec2sdk.CreateLaunchTemplateVersionOutput](w.t)(w.ec2.CreateLaunchTemplateVersion(w.t.Context(), &ec2sdk.CreateLaunchTemplateVersionInput{
		LaunchTemplateId: &w.template, SourceVersion: aws.String("1"), LaunchTemplateData: &ec2types.RequestLaunchTemplateData{InstanceType: ec2types.InstanceTypeT3Small},
	}))
	return string(rune('0' + *out.LaunchTemplateVersion.VersionNumber))
}

func (w *world) launchTemplate(version string) *types.LaunchTemplateSpecification {
	return &types.LaunchTemplateSpecification{LaunchTemplateId: &w.template, Version: &version}
}

// create makes the group "shop" with desired instances of version 1.
func (w *world) create(desired int32, change func(*sdk.CreateAutoScalingGroupInput)) {
	w.t.Helper()
	in := &sdk.CreateAutoScalingGroupInput{
		AutoScalingGroupName: aws.String("shop"), MinSize: aws.Int32(0), MaxSize: aws.Int32(6), DesiredCapacity: &desired,
		VPCZoneIdentifier: aws.String(w.subnets[0] + "," + w.subnets[1]), LaunchTemplate: w.launchTemplate("1"),
	}
	if change != nil {
		change(in)
	}
	must[*sdk.CreateAutoScalingGroupOutput](w.t)(w.CreateAutoScalingGroup(w.t.Context(), in))
}

// group returns the group "shop".
func (w *world) group() types.AutoScalingGroup {
	w.t.Helper()
	return must[*sdk.DescribeAutoScalingGroupsOutput](w.t)(w.DescribeAutoScalingGroups(w.t.Context(), &sdk.DescribeAutoScalingGroupsInput{AutoScalingGroupNames: []string{"shop"}})).AutoScalingGroups[0]
}

// in returns the ids of the instances in a lifecycle state.
func (w *world) in(state types.LifecycleState) (ids []string) {
	for _, i := range w.group().Instances {
		if i.LifecycleState == state {
			ids = append(ids, *i.InstanceId)
		}
	}
	return ids
}

func (w *world) turn() {
	w.t.Helper()
	for _, l := range w.loops {
		if l.Every == time.Minute {
			continue // metrics
		}
		if err := l.Run(w.t.Context()); err != nil {
			w.t.Fatalf("%s: %v", l.Name, err)
		}
	}
	w.clock.Advance(2 * time.Second)
}

// measure turns the loops of metrics.
func (w *world) measure() {
	w.t.Helper()
	for _, l := range w.loops {
		if l.Every == time.Minute && l.Name == "autoscaling metrics" {
			if err := l.Run(w.t.Context()); err != nil {
				w.t.Fatal(err)
			}
		}
	}
}

// until turns the loops until the condition holds; the clock goes on by two
// seconds a turn.
func (w *world) until(what string, holds func() bool) {
	w.t.Helper()
	for range 400 {
		if w.turn(); holds() {
			return
		}
		time.Sleep(time.Millisecond)
	}
	w.t.Fatalf("never: %s\n%+v", what, w.group().Instances)
}

func (w *world) serving(n int) {
	w.t.Helper()
	w.until("instances in service", func() bool { return len(w.in(types.LifecycleStateInService)) == n && len(w.group().Instances) == n })
}

func (w *world) activities() []types.Activity {
	return must[*sdk.DescribeScalingActivitiesOutput](w.t)(w.DescribeScalingActivities(w.t.Context(), &sdk.DescribeScalingActivitiesInput{AutoScalingGroupName: aws.String("shop")})).Activities
}
