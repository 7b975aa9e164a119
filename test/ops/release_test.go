package ops_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	astypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"grocery/ops"
)

// fleet is a group of two instances, which run nothing, and its environment.
type fleet struct {
	*cloud
	*ops.Environment
	t        *testing.T
	ev       *events
	ec2      *ec2.Client
	scaling  *autoscaling.Client
	alarms   *cloudwatch.Client
	template string
}

// newFleet makes the group; an instance is warm after so many seconds.
func newFleet(t *testing.T, warmup int32) *fleet {
	t.Helper()
	c := start(t)
	c.makeBackend(t)
	e, ev := environment(t, c)
	f := &fleet{cloud: c, Environment: e, t: t, ev: ev, ec2: ec2.NewFromConfig(c.cfg), scaling: autoscaling.NewFromConfig(c.cfg), alarms: cloudwatch.NewFromConfig(c.cfg)}
	fatal := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	vpc, err := f.ec2.CreateVpc(t.Context(), &ec2.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16")})
	fatal(err)
	subnet, err := f.ec2.CreateSubnet(t.Context(), &ec2.CreateSubnetInput{VpcId: vpc.Vpc.VpcId, CidrBlock: aws.String("10.0.1.0/24"), AvailabilityZone: aws.String(region + "a")})
	fatal(err)
	images, err := f.ec2.DescribeImages(t.Context(), &ec2.DescribeImagesInput{})
	fatal(err)
	made, err := f.ec2.CreateLaunchTemplate(t.Context(), &ec2.CreateLaunchTemplateInput{LaunchTemplateName: aws.String("probe"), VersionDescription: aws.String("image tag one"),
		LaunchTemplateData: &ec2types.RequestLaunchTemplateData{ImageId: images.Images[0].ImageId, InstanceType: ec2types.InstanceTypeT3Micro}})
	fatal(err)
	f.template = *made.LaunchTemplate.LaunchTemplateId
	_, err = f.scaling.CreateAutoScalingGroup(t.Context(), &autoscaling.CreateAutoScalingGroupInput{AutoScalingGroupName: aws.String("probe"),
		MinSize: aws.Int32(1), MaxSize: aws.Int32(4), DesiredCapacity: aws.Int32(2), DefaultInstanceWarmup: &warmup, VPCZoneIdentifier: subnet.Subnet.SubnetId,
		LaunchTemplate: &astypes.LaunchTemplateSpecification{LaunchTemplateId: &f.template, Version: aws.String("1")}})
	fatal(err)
	_, err = f.alarms.PutMetricAlarm(t.Context(), &cloudwatch.PutMetricAlarmInput{AlarmName: aws.String("errors"), Namespace: aws.String("Probe"), MetricName: aws.String("Errors"), Statistic: cwtypes.StatisticSum,
		Period: aws.Int32(86400), EvaluationPeriods: aws.Int32(1), Threshold: aws.Float64(1), ComparisonOperator: cwtypes.ComparisonOperatorGreaterThanThreshold, TreatMissingData: aws.String("ignore")})
	fatal(err)
	f.put(t, stateKey, fmt.Sprintf(`{"outputs": {"asg_name": {"value": "probe"}, "launch_template_id": {"value": %q}, "launch_template_version": {"value": 1}, "release_alarm_names": {"value": ["errors"]}}}`, f.template))
	f.await("two instances serve", func() bool { return len(f.versions()) == 2 })
	return f
}

// version makes the next version of the launch template, as an apply would.
func (f *fleet) version(tag string) {
	f.t.Helper()
	if _, err := f.ec2.CreateLaunchTemplateVersion(f.t.Context(), &ec2.CreateLaunchTemplateVersionInput{LaunchTemplateId: &f.template, SourceVersion: aws.String("1"),
		VersionDescription: aws.String("image tag " + tag), LaunchTemplateData: &ec2types.RequestLaunchTemplateData{InstanceType: ec2types.InstanceTypeT3Small}}); err != nil {
		f.t.Fatal(err)
	}
}

// versions are the launch template versions of the instances in service.
func (f *fleet) versions() (v []string) {
	f.t.Helper()
	out, err := f.scaling.DescribeAutoScalingGroups(f.t.Context(), &autoscaling.DescribeAutoScalingGroupsInput{AutoScalingGroupNames: []string{"probe"}})
	if err != nil {
		f.t.Fatal(err)
	}
	for _, i := range out.AutoScalingGroups[0].Instances {
		if i.LifecycleState == astypes.LifecycleStateInService {
			v = append(v, *i.LaunchTemplate.Version)
		}
	}
	return v
}

func (f *fleet) alarm(state cwtypes.StateValue) {
	f.t.Helper()
	if _, err := f.alarms.SetAlarmState(f.t.Context(), &cloudwatch.SetAlarmStateInput{AlarmName: aws.String("errors"), StateValue: state, StateReason: aws.String("the test says so")}); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fleet) await(what string, done func() bool) {
	f.t.Helper()
	for deadline := time.Now().Add(time.Minute); !done(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			f.t.Fatal("not so after a minute: " + what)
		}
	}
}

func TestAReleaseBringsEveryInstanceToTheVersion(t *testing.T) {
	f := newFleet(t, 0)
	f.version("two")
	if _, err := f.Release(t.Context(), "99"); err == nil || !strings.Contains(err.Error(), `has no version "99"; the newest it has: 2, 1`) {
		t.Errorf("an unknown version: %v", err)
	}
	out, err := f.Release(t.Context(), "2")
	if err != nil || out.Version != "2" {
		t.Fatal(out, err)
	}
	if got := f.versions(); len(got) != 2 || got[0] != "2" || got[1] != "2" {
		t.Errorf("they run %v", got)
	}
	f.ev.last(t)
	if _, err := f.Release(t.Context(), "2"); err != nil {
		t.Error(err)
	}
	if state, _ := f.ev.last(t); state != ops.Skipped {
		t.Errorf("the second time: %s", state)
	}
	if out, err := f.Release(t.Context(), ""); err != nil || out.Version != "1" { // that of the outputs
		t.Errorf("%v, %v", out, err)
	}
}

func TestAReleaseThatWasRolledBackIsAnErrorWithTheReason(t *testing.T) {
	f := newFleet(t, 30)
	f.version("two")
	f.Report = func(ev ops.Event) {
		if strings.Contains(ev.Detail, "InProgress") {
			f.alarm(cwtypes.StateValueAlarm)
		}
	}
	_, err := f.Release(t.Context(), "2")
	failure, ok := errors.AsType[*ops.RollbackError](err)
	if !ok || failure.Version != "2" || failure.Status != "RollbackSuccessful" || !strings.Contains(err.Error(), "errors") || !strings.Contains(err.Error(), "the instances run the version before") {
		t.Fatalf("%v", err)
	}
	f.await("the instances run what they ran", func() bool {
		v := f.versions()
		return len(v) == 2 && v[0] == "1" && v[1] == "1"
	})
	f.Report = nil
	if _, err := f.Release(t.Context(), "2"); err == nil || !strings.Contains(err.Error(), "errors") {
		t.Errorf("with the alarm on: %v", err)
	}
}

func TestAnInterruptedReleaseIsFollowedByTheNext(t *testing.T) {
	f := newFleet(t, 4)
	f.version("two")
	ctx, cancel := context.WithCancel(t.Context())
	f.Report = func(ev ops.Event) {
		if strings.Contains(ev.Detail, "version 2: ") {
			cancel()
		}
	}
	if _, err := f.Release(ctx, "2"); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	f.Report = f.ev.report
	if _, err := f.Release(t.Context(), "2"); err != nil {
		t.Fatal(err)
	}
	if _, details := f.ev.last(t); !strings.Contains(details, "version 2 is being released already") {
		t.Errorf("reported %q", details)
	}
	out, err := f.scaling.DescribeInstanceRefreshes(t.Context(), &autoscaling.DescribeInstanceRefreshesInput{AutoScalingGroupName: aws.String("probe")})
	if err != nil || len(out.InstanceRefreshes) != 1 {
		t.Errorf("%d refreshes, %v", len(out.InstanceRefreshes), err)
	}
}

func TestARollbackNeedsAVersionThatRanBefore(t *testing.T) {
	f := newFleet(t, 0)
	if _, err := f.Rollback(t.Context(), ""); err == nil || !strings.Contains(err.Error(), "nothing ran before one") {
		t.Errorf("with one version: %v", err)
	}
	f.version("two")
	if _, err := f.Release(t.Context(), "2"); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Rollback(t.Context(), ""); err == nil || !strings.Contains(err.Error(), "nothing before two can run any more: the registry lacks the images of one") {
		t.Errorf("without images: %v", err)
	}
	if _, err := f.Rollback(t.Context(), "two"); err == nil || !strings.Contains(err.Error(), "two is what runs") {
		t.Errorf("to what runs: %v", err)
	}
	if _, err := f.Rollback(t.Context(), "three"); err == nil || !strings.Contains(err.Error(), "no image backend-three") {
		t.Errorf("to nothing: %v", err)
	}
}

func TestDoctorNamesWhatIsWrongAndWhatToDo(t *testing.T) {
	f := newFleet(t, 0)
	f.version("two")
	if _, err := f.alarms.PutMetricAlarm(t.Context(), &cloudwatch.PutMetricAlarmInput{AlarmName: aws.String("grocery-probe-disk"), Namespace: aws.String("Probe"), MetricName: aws.String("Disk"), Statistic: cwtypes.StatisticSum,
		Period: aws.Int32(86400), EvaluationPeriods: aws.Int32(1), Threshold: aws.Float64(1), ComparisonOperator: cwtypes.ComparisonOperatorGreaterThanThreshold, TreatMissingData: aws.String("ignore")}); err != nil {
		t.Fatal(err)
	}
	if _, err := f.alarms.SetAlarmState(t.Context(), &cloudwatch.SetAlarmStateInput{AlarmName: aws.String("grocery-probe-disk"), StateValue: cwtypes.StateValueAlarm, StateReason: aws.String("it is full")}); err != nil {
		t.Fatal(err)
	}
	findings, err := f.Doctor(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	said := map[string]ops.Finding{}
	for _, x := range findings {
		said[x.Check] = x
		if x.OK == (x.Do != "") {
			t.Errorf("%+v", x)
		}
	}
	for check, want := range map[string]struct {
		ok   bool
		says string
	}{
		"terraform":     {true, "terraform"},
		"AWS account":   {true, "work"},
		"state backend": {true, bucket},
		"state lock":    {true, "free"},
		"images":        {false, "no image backend-one"},
		"release":       {false, "launch template version 2 is applied and version 1 runs"},
		"instances":     {true, "2 of 2 serve"},
		"alarms":        {false, "grocery-probe-disk: it is full"},
	} {
		if x := said[check]; x.OK != want.ok || !strings.Contains(x.Says, want.says) {
			t.Errorf("%s: %+v, want %v %q", check, x, want.ok, want.says)
		}
	}
}
