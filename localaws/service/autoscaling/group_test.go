package autoscaling_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	ec2sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
)

func TestAGroupReachesItsCapacityBalancedOverZones(t *testing.T) {
	w := newWorld(t)
	w.create(4, func(in *sdk.CreateAutoScalingGroupInput) {
		in.Tags = []types.Tag{{Key: aws.String("Name"), Value: aws.String("shop"), PropagateAtLaunch: aws.Bool(true)}, {Key: aws.String("Own"), Value: aws.String("x"), PropagateAtLaunch: aws.Bool(false)}}
	})
	w.serving(4)
	zones := map[string]int{}
	for _, i := range w.group().Instances {
		zones[*i.AvailabilityZone]++
	}
	if zones["eu-central-1a"] != 2 || zones["eu-central-1b"] != 2 {
		t.Errorf("zones %v", zones)
	}
	out := must[*ec2sdk.DescribeInstancesOutput](t)(w.ec2.DescribeInstances(t.Context(), &ec2sdk.DescribeInstancesInput{}))
	tags := map[string]string{}
	for _, x := range out.Reservations[0].Instances[0].Tags {
		tags[*x.Key] = *x.Value
	}
	if tags["Name"] != "shop" || tags["aws:autoscaling:groupName"] != "shop" || tags["Own"] != "" {
		t.Errorf("tags of an instance: %v", tags)
	}
	if a := w.activities(); len(a) != 4 || a[0].StatusCode != types.ScalingActivityStatusCodeSuccessful || !strings.Contains(*a[0].Cause, "difference between desired and actual capacity") {
		t.Errorf("activities %+v", a)
	}
}

func TestAGroupShrinksAndKeepsProtectedInstances(t *testing.T) {
	w := newWorld(t)
	w.create(3, nil)
	w.serving(3)
	protected := *w.group().Instances[0].InstanceId
	must[*sdk.SetInstanceProtectionOutput](t)(w.SetInstanceProtection(t.Context(), &sdk.SetInstanceProtectionInput{AutoScalingGroupName: aws.String("shop"), InstanceIds: []string{protected}, ProtectedFromScaleIn: aws.Bool(true)}))
	must[*sdk.SetDesiredCapacityOutput](t)(w.SetDesiredCapacity(t.Context(), &sdk.SetDesiredCapacityInput{AutoScalingGroupName: aws.String("shop"), DesiredCapacity: aws.Int32(1)}))
	w.serving(1)
	if got := w.in(types.LifecycleStateInService); got[0] != protected {
		t.Errorf("%s is left, not the protected %s", got[0], protected)
	}
}

func TestAnInstanceThatFailsIsReplaced(t *testing.T) {
	for rule, c := range map[string]struct {
		harm  func(w *world, id string)
		cause string
	}{
		"its container is killed": {func(w *world, id string) { w.runtime.Kill(id, 137) }, "EC2 health check"},
		"somebody terminates it": {func(w *world, id string) {
			w.ec2.TerminateInstances(w.t.Context(), &ec2sdk.TerminateInstancesInput{InstanceIds: []string{id}})
		}, "EC2 health check"},
		"the balancer finds it unhealthy": {func(w *world, id string) { w.balancer.set(id, "unhealthy") }, "ELB system health check"},
		"it is said to be unhealthy": {func(w *world, id string) {
			must[*sdk.SetInstanceHealthOutput](w.t)(w.SetInstanceHealth(w.t.Context(), &sdk.SetInstanceHealthInput{InstanceId: &id, HealthStatus: aws.String("Unhealthy"), ShouldRespectGracePeriod: aws.Bool(false)}))
		}, "user health-check"},
	} {
		t.Run(rule, func(t *testing.T) {
			w := newWorld(t)
			w.create(2, func(in *sdk.CreateAutoScalingGroupInput) {
				in.HealthCheckType, in.TargetGroupARNs = aws.String("ELB"), []string{targetGroup}
			})
			w.serving(2)
			id := w.in(types.LifecycleStateInService)[0]
			c.harm(w, id)
			w.until("it is out", func() bool { return !slices.Contains(w.in(types.LifecycleStateInService), id) })
			w.until("it drains, or is dead", func() bool { return w.balancer.state(id) == "draining" })
			w.balancer.set(id, "")
			w.serving(2)
			if slices.Contains(w.in(types.LifecycleStateInService), id) {
				t.Error("it is still there")
			}
			if !slices.ContainsFunc(w.activities(), func(a types.Activity) bool { return strings.Contains(*a.Cause, c.cause) }) {
				t.Errorf("no activity says %q", c.cause)
			}
		})
	}
}

func TestBalancerHealthCountsOnlyAfterTheGracePeriod(t *testing.T) {
	w := newWorld(t)
	w.balancer.initial = "unhealthy"
	w.create(1, func(in *sdk.CreateAutoScalingGroupInput) {
		in.HealthCheckType, in.HealthCheckGracePeriod, in.TargetGroupARNs = aws.String("ELB"), aws.Int32(600), []string{targetGroup}
	})
	w.serving(1)
	id := w.in(types.LifecycleStateInService)[0]
	for range 20 {
		w.turn()
	}
	if got := w.in(types.LifecycleStateInService); len(got) != 1 || got[0] != id {
		t.Fatal("replaced within the grace period")
	}
	w.clock.Advance(10 * time.Minute)
	w.until("replaced after it", func() bool { return !slices.Contains(w.in(types.LifecycleStateInService), id) })
}

func TestAnInstanceIsDrainedBeforeItIsTerminated(t *testing.T) {
	w := newWorld(t)
	w.create(1, func(in *sdk.CreateAutoScalingGroupInput) { in.TargetGroupARNs = []string{targetGroup} })
	w.serving(1)
	id := w.in(types.LifecycleStateInService)[0]
	must[*sdk.TerminateInstanceInAutoScalingGroupOutput](t)(w.TerminateInstanceInAutoScalingGroup(t.Context(), &sdk.TerminateInstanceInAutoScalingGroupInput{InstanceId: &id, ShouldDecrementDesiredCapacity: aws.Bool(true)}))
	for range 10 {
		w.turn()
	}
	if got := w.in(types.LifecycleStateTerminating); len(got) != 1 || w.activities()[0].StatusCode != types.ScalingActivityStatusCodeWaitingForELBConnectionDraining {
		t.Fatalf("it does not wait for the balancer: %+v", w.activities()[0])
	}
	w.balancer.set(id, "")
	w.serving(0)
}

func TestSuspendedProcessesDoNotRun(t *testing.T) {
	w := newWorld(t)
	w.create(1, nil)
	w.serving(1)
	must[*sdk.SuspendProcessesOutput](t)(w.SuspendProcesses(t.Context(), &sdk.SuspendProcessesInput{AutoScalingGroupName: aws.String("shop"), ScalingProcesses: []string{"ReplaceUnhealthy", "Launch"}}))
	id := w.in(types.LifecycleStateInService)[0]
	w.runtime.Kill(id, 1)
	w.until("it counts as unhealthy", func() bool { return *w.group().Instances[0].HealthStatus == "Unhealthy" })
	for range 5 {
		w.turn()
	}
	if got := w.in(types.LifecycleStateInService); len(got) != 1 || got[0] != id {
		t.Error("it was replaced")
	}
	must[*sdk.ResumeProcessesOutput](t)(w.ResumeProcesses(t.Context(), &sdk.ResumeProcessesInput{AutoScalingGroupName: aws.String("shop")}))
	w.until("it is replaced", func() bool { got := w.in(types.LifecycleStateInService); return len(got) == 1 && got[0] != id })
}

func TestALaunchThatEC2RefusesIsAFailedActivityAndTriedAgain(t *testing.T) {
	w := newWorld(t)
	w.create(0, nil)
	must[*ec2sdk.DeleteLaunchTemplateOutput](t)(w.ec2.DeleteLaunchTemplate(t.Context(), &ec2sdk.DeleteLaunchTemplateInput{LaunchTemplateId: &w.template}))
	must[*sdk.SetDesiredCapacityOutput](t)(w.SetDesiredCapacity(t.Context(), &sdk.SetDesiredCapacityInput{AutoScalingGroupName: aws.String("shop"), DesiredCapacity: aws.Int32(1)}))
	for range 10 {
		w.turn()
	}
	a := w.activities()
	if len(a) < 2 || len(a) > 5 || a[0].StatusCode != types.ScalingActivityStatusCodeFailed || a[0].StatusMessage == nil {
		t.Errorf("%d activities in 20 s, the last %+v", len(a), a[0])
	}
}

func TestDeletingAGroup(t *testing.T) {
	w := newWorld(t)
	w.create(2, func(in *sdk.CreateAutoScalingGroupInput) {
		in.LifecycleHookSpecificationList = []types.LifecycleHookSpecification{{LifecycleHookName: aws.String("end"), LifecycleTransition: aws.String("autoscaling:EC2_INSTANCE_TERMINATING"), HeartbeatTimeout: aws.Int32(3600)}}
	})
	w.serving(2)
	_, err := w.DeleteAutoScalingGroup(t.Context(), &sdk.DeleteAutoScalingGroupInput{AutoScalingGroupName: aws.String("shop")})
	refused(t, err, "ResourceInUse")
	must[*sdk.DeleteAutoScalingGroupOutput](t)(w.DeleteAutoScalingGroup(t.Context(), &sdk.DeleteAutoScalingGroupInput{AutoScalingGroupName: aws.String("shop"), ForceDelete: aws.Bool(true)}))
	if s := w.group().Status; s == nil || *s != "Delete in progress" {
		t.Errorf("status %v", s)
	}
	w.until("gone, without waiting for hooks", func() bool {
		return len(must[*sdk.DescribeAutoScalingGroupsOutput](t)(w.DescribeAutoScalingGroups(t.Context(), &sdk.DescribeAutoScalingGroupsInput{})).AutoScalingGroups) == 0
	})
	if len(w.runtime.Interfaces()) != 0 {
		t.Error("interfaces are left")
	}
}

func TestRefusals(t *testing.T) {
	w := newWorld(t)
	w.create(0, nil)
	ctx := t.Context()
	for rule, c := range map[string]struct {
		code string
		call func() error
	}{
		"a name is taken once": {"AlreadyExists", func() error {
			_, err := w.CreateAutoScalingGroup(ctx, &sdk.CreateAutoScalingGroupInput{AutoScalingGroupName: aws.String("shop"), MinSize: aws.Int32(0), MaxSize: aws.Int32(1), VPCZoneIdentifier: &w.subnets[0], LaunchTemplate: w.launchTemplate("1")})
			return err
		}},
		"a launch template version exists": {"ValidationError", func() error {
			_, err := w.UpdateAutoScalingGroup(ctx, &sdk.UpdateAutoScalingGroupInput{AutoScalingGroupName: aws.String("shop"), LaunchTemplate: w.launchTemplate("7")})
			return err
		}},
		"capacity lies between the bounds": {"ValidationError", func() error {
			_, err := w.SetDesiredCapacity(ctx, &sdk.SetDesiredCapacityInput{AutoScalingGroupName: aws.String("shop"), DesiredCapacity: aws.Int32(9)})
			return err
		}},
		"a target group exists": {"ValidationError", func() error {
			_, err := w.AttachLoadBalancerTargetGroups(ctx, &sdk.AttachLoadBalancerTargetGroupsInput{AutoScalingGroupName: aws.String("shop"), TargetGroupARNs: []string{"arn:none"}})
			return err
		}},
		"an unknown group is not found": {"ValidationError", func() error {
			_, err := w.SetDesiredCapacity(ctx, &sdk.SetDesiredCapacityInput{AutoScalingGroupName: aws.String("none"), DesiredCapacity: aws.Int32(1)})
			return err
		}},
		"what is not supported is refused, not ignored": {"ValidationError", func() error {
			_, err := w.UpdateAutoScalingGroup(ctx, &sdk.UpdateAutoScalingGroupInput{AutoScalingGroupName: aws.String("shop"), PlacementGroup: aws.String("near")})
			return err
		}},
	} {
		t.Run(rule, func(t *testing.T) { refused(t, c.call(), c.code) })
	}
}
