package autoscaling_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
)

func hook(transition, byDefault string, heartbeat int32) func(*sdk.CreateAutoScalingGroupInput) {
	return func(in *sdk.CreateAutoScalingGroupInput) {
		in.LifecycleHookSpecificationList = []types.LifecycleHookSpecification{{
			LifecycleHookName: aws.String("h"), LifecycleTransition: aws.String("autoscaling:EC2_INSTANCE_" + transition), DefaultResult: &byDefault, HeartbeatTimeout: &heartbeat,
		}}
	}
}

func (w *world) complete(id, result string) error {
	_, err := w.CompleteLifecycleAction(w.t.Context(), &sdk.CompleteLifecycleActionInput{AutoScalingGroupName: aws.String("shop"), LifecycleHookName: aws.String("h"), InstanceId: &id, LifecycleActionResult: &result})
	return err
}

func (w *world) waiting(state types.LifecycleState) string {
	w.t.Helper()
	w.until(string(state), func() bool { return len(w.in(state)) == 1 })
	return w.in(state)[0]
}

func TestALaunchHookHoldsAnInstanceUntilItIsCompleted(t *testing.T) {
	w := newWorld(t)
	w.create(1, hook("LAUNCHING", "ABANDON", 600))
	id := w.waiting(types.LifecycleStatePendingWait)
	for range 10 {
		w.turn()
	}
	if len(w.in(types.LifecycleStatePendingWait)) != 1 {
		t.Fatal("it did not wait")
	}
	if err := w.complete(id, "CONTINUE"); err != nil {
		t.Fatal(err)
	}
	w.serving(1)
	refused(t, w.complete(id, "CONTINUE"), "ValidationError")
}

func TestALaunchThatIsAbandonedIsReplaced(t *testing.T) {
	w := newWorld(t)
	w.create(1, hook("LAUNCHING", "CONTINUE", 600))
	id := w.waiting(types.LifecycleStatePendingWait)
	if err := w.complete(id, "ABANDON"); err != nil {
		t.Fatal(err)
	}
	w.until("another waits", func() bool {
		got := w.in(types.LifecycleStatePendingWait)
		return len(got) == 1 && got[0] != id && len(w.group().Instances) == 1
	})
}

func TestTheHeartbeatTimeoutEndsAHookAsByDefault(t *testing.T) {
	for result, want := range map[string]bool{"CONTINUE": true, "ABANDON": false} {
		t.Run(result, func(t *testing.T) {
			w := newWorld(t)
			w.create(1, hook("LAUNCHING", result, 600))
			id := w.waiting(types.LifecycleStatePendingWait)
			w.clock.Advance(9 * time.Minute)
			must[*sdk.RecordLifecycleActionHeartbeatOutput](t)(w.RecordLifecycleActionHeartbeat(t.Context(), &sdk.RecordLifecycleActionHeartbeatInput{AutoScalingGroupName: aws.String("shop"), LifecycleHookName: aws.String("h"), InstanceId: &id}))
			w.clock.Advance(9 * time.Minute)
			w.turn()
			if len(w.in(types.LifecycleStatePendingWait)) != 1 {
				t.Fatal("a heartbeat does not extend the wait")
			}
			w.clock.Advance(2 * time.Minute)
			w.until("it ends", func() bool {
				got := w.in(types.LifecycleStateInService)
				alive := len(got) == 1 && got[0] == id
				gone := true
				for _, i := range w.group().Instances {
					gone = gone && *i.InstanceId != id
				}
				return want && alive || !want && gone
			})
		})
	}
}

func TestATerminationHookHoldsAnInstanceBack(t *testing.T) {
	w := newWorld(t)
	w.create(1, hook("TERMINATING", "CONTINUE", 600))
	w.serving(1)
	must[*sdk.SetDesiredCapacityOutput](t)(w.SetDesiredCapacity(t.Context(), &sdk.SetDesiredCapacityInput{AutoScalingGroupName: aws.String("shop"), DesiredCapacity: aws.Int32(0)}))
	id := w.waiting(types.LifecycleStateTerminatingWait)
	if len(w.runtime.Interfaces()) != 1 {
		t.Error("the instance is gone already")
	}
	if err := w.complete(id, "ABANDON"); err != nil { // terminated all the same
		t.Fatal(err)
	}
	w.serving(0)
}

func TestStandbyTakesAnInstanceOutAndBack(t *testing.T) {
	w := newWorld(t)
	w.create(2, func(in *sdk.CreateAutoScalingGroupInput) { in.TargetGroupARNs = []string{targetGroup} })
	w.serving(2)
	id := w.in(types.LifecycleStateInService)[0]
	must[*sdk.EnterStandbyOutput](t)(w.EnterStandby(t.Context(), &sdk.EnterStandbyInput{AutoScalingGroupName: aws.String("shop"), InstanceIds: []string{id}, ShouldDecrementDesiredCapacity: aws.Bool(true)}))
	w.until("no longer a target", func() bool { return w.balancer.state(id) == "draining" })
	if len(w.group().Instances) != 2 || *w.group().DesiredCapacity != 1 {
		t.Errorf("%+v", w.group())
	}
	must[*sdk.ExitStandbyOutput](t)(w.ExitStandby(t.Context(), &sdk.ExitStandbyInput{AutoScalingGroupName: aws.String("shop"), InstanceIds: []string{id}}))
	w.serving(2)
}
