package autoscaling_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
)

func (w *world) refresh(version string, change func(*sdk.StartInstanceRefreshInput)) {
	w.t.Helper()
	in := &sdk.StartInstanceRefreshInput{
		AutoScalingGroupName: aws.String("shop"), DesiredConfiguration: &types.DesiredConfiguration{LaunchTemplate: w.launchTemplate(version)},
		Preferences: &types.RefreshPreferences{MinHealthyPercentage: aws.Int32(100), MaxHealthyPercentage: aws.Int32(150), InstanceWarmup: aws.Int32(10), AutoRollback: aws.Bool(true), SkipMatching: aws.Bool(true)},
	}
	if change != nil {
		change(in)
	}
	must[*sdk.StartInstanceRefreshOutput](w.t)(w.StartInstanceRefresh(w.t.Context(), in))
}

func (w *world) latest() types.InstanceRefresh {
	w.t.Helper()
	return must[*sdk.DescribeInstanceRefreshesOutput](w.t)(w.DescribeInstanceRefreshes(w.t.Context(), &sdk.DescribeInstanceRefreshesInput{AutoScalingGroupName: aws.String("shop")})).InstanceRefreshes[0]
}

func (w *world) versions() map[string]int {
	n := map[string]int{}
	for _, i := range w.group().Instances {
		n[*i.LaunchTemplate.Version]++
	}
	return n
}

func TestARefreshReplacesAllAndNeverFallsBelowTheMinimum(t *testing.T) {
	w := newWorld(t)
	w.create(2, nil)
	w.serving(2)
	v := w.version()
	w.refresh(v, nil)
	_, err := w.StartInstanceRefresh(t.Context(), &sdk.StartInstanceRefreshInput{AutoScalingGroupName: aws.String("shop")})
	refused(t, err, "InstanceRefreshInProgress")
	least, most := 9, 0
	w.until("successful", func() bool {
		serving := len(w.in(types.LifecycleStateInService))
		least, most = min(least, serving), max(most, serving)
		return w.latest().Status == types.InstanceRefreshStatusSuccessful
	})
	if least != 2 || most != 3 {
		t.Errorf("between %d and %d instances served, want 2 to 3", least, most)
	}
	if got := w.versions(); got[v] != 2 || *w.group().LaunchTemplate.Version != v {
		t.Errorf("versions %v, the group's is %s", got, *w.group().LaunchTemplate.Version)
	}
	if r := w.latest(); *r.PercentageComplete != 100 || *r.InstancesToUpdate != 0 {
		t.Errorf("%+v", r)
	}
	w.refresh(v, nil) // all match already
	w.until("successful at once", func() bool { return w.latest().Status == types.InstanceRefreshStatusSuccessful })
}

func TestARefreshWithRoomForAllLaunchesThemAtOnce(t *testing.T) {
	w := newWorld(t)
	w.create(2, nil)
	w.serving(2)
	v := w.version()
	w.refresh(v, func(in *sdk.StartInstanceRefreshInput) { in.Preferences.MaxHealthyPercentage = aws.Int32(200) })
	least, most := 9, 0
	w.until("successful", func() bool {
		serving := len(w.in(types.LifecycleStateInService))
		least, most = min(least, serving), max(most, serving)
		return w.latest().Status == types.InstanceRefreshStatusSuccessful
	})
	if least != 2 || most != 4 {
		t.Errorf("between %d and %d instances served, want 2 to 4", least, most)
	}
}

func TestARefreshWithoutRoomAboveTerminatesFirst(t *testing.T) {
	w := newWorld(t)
	w.create(2, nil)
	w.serving(2)
	v := w.version()
	w.refresh(v, func(in *sdk.StartInstanceRefreshInput) {
		in.Preferences = &types.RefreshPreferences{MinHealthyPercentage: aws.Int32(50), MaxHealthyPercentage: aws.Int32(100), InstanceWarmup: aws.Int32(0)}
	})
	most := 0
	w.until("successful", func() bool {
		most = max(most, len(w.in(types.LifecycleStateInService)))
		return w.latest().Status == types.InstanceRefreshStatusSuccessful
	})
	if most > 2 {
		t.Errorf("%d served at once", most)
	}
}

func TestAFailingVersionIsRolledBack(t *testing.T) {
	for rule, harm := range map[string]func(w *world, new []string){
		"its instances die as they boot": func(w *world, new []string) {
			for _, id := range new {
				w.runtime.Kill(id, 1)
			}
		},
		"an alarm rings": func(w *world, _ []string) { w.balancer.mu.Lock(); w.balancer.alarm = "ALARM"; w.balancer.mu.Unlock() },
		"the operator asks for it": func(w *world, _ []string) {
			w.RollbackInstanceRefresh(w.t.Context(), &sdk.RollbackInstanceRefreshInput{AutoScalingGroupName: aws.String("shop")})
		},
	} {
		t.Run(rule, func(t *testing.T) {
			w := newWorld(t)
			w.create(2, nil)
			w.serving(2)
			v := w.version()
			w.refresh(v, func(in *sdk.StartInstanceRefreshInput) {
				in.Preferences.AlarmSpecification = &types.AlarmSpecification{Alarms: []string{"errors"}}
				in.Preferences.InstanceWarmup = aws.Int32(300)
			})
			w.until("rolled back", func() bool {
				if w.latest().Status == types.InstanceRefreshStatusInProgress {
					var fresh []string
					for _, i := range w.group().Instances {
						if *i.LaunchTemplate.Version == v {
							fresh = append(fresh, *i.InstanceId)
						}
					}
					if len(fresh) > 0 {
						harm(w, fresh)
					}
				}
				return w.latest().Status == types.InstanceRefreshStatusRollbackSuccessful
			})
			w.serving(2)
			if got := w.versions(); got["1"] != 2 || *w.group().LaunchTemplate.Version != "1" {
				t.Errorf("versions %v, the group's is %s", got, *w.group().LaunchTemplate.Version)
			}
			if r := w.latest(); r.RollbackDetails == nil || *r.RollbackDetails.RollbackReason == "" {
				t.Errorf("no reason: %+v", r)
			}
		})
	}
}

func TestARefreshCanBeCancelled(t *testing.T) {
	w := newWorld(t)
	w.create(2, nil)
	w.serving(2)
	_, err := w.CancelInstanceRefresh(t.Context(), &sdk.CancelInstanceRefreshInput{AutoScalingGroupName: aws.String("shop")})
	refused(t, err, "ActiveInstanceRefreshNotFound")
	w.refresh(w.version(), nil)
	must[*sdk.CancelInstanceRefreshOutput](t)(w.CancelInstanceRefresh(t.Context(), &sdk.CancelInstanceRefreshInput{AutoScalingGroupName: aws.String("shop")}))
	w.until("cancelled", func() bool { return w.latest().Status == types.InstanceRefreshStatusCancelled })
}

func TestOnlyNumberedVersionsCanBeRolledBack(t *testing.T) {
	w := newWorld(t)
	w.create(0, nil)
	_, err := w.StartInstanceRefresh(t.Context(), &sdk.StartInstanceRefreshInput{
		AutoScalingGroupName: aws.String("shop"), DesiredConfiguration: &types.DesiredConfiguration{LaunchTemplate: w.launchTemplate("$Latest")}, Preferences: &types.RefreshPreferences{AutoRollback: aws.Bool(true)},
	})
	refused(t, err, "ValidationError")
	w.balancer.alarm = "ALARM"
	_, err = w.StartInstanceRefresh(t.Context(), &sdk.StartInstanceRefreshInput{
		AutoScalingGroupName: aws.String("shop"), Preferences: &types.RefreshPreferences{AlarmSpecification: &types.AlarmSpecification{Alarms: []string{"errors"}}},
	})
	refused(t, err, "ValidationError")
}

func TestPoliciesChangeTheCapacityWithinItsBounds(t *testing.T) {
	w := newWorld(t)
	w.create(2, nil)
	ctx := t.Context()
	for rule, c := range map[string]struct {
		kind string
		by   int32
		want int32
	}{
		"by a number":                   {"ChangeInCapacity", 1, 3},
		"to a number":                   {"ExactCapacity", 5, 5},
		"by a percentage, at least one": {"PercentChangeInCapacity", 10, 3},
		"not above the maximum":         {"ChangeInCapacity", 50, 6},
		"not below the minimum":         {"ChangeInCapacity", -50, 0},
	} {
		t.Run(rule, func(t *testing.T) {
			must[*sdk.SetDesiredCapacityOutput](t)(w.SetDesiredCapacity(ctx, &sdk.SetDesiredCapacityInput{AutoScalingGroupName: aws.String("shop"), DesiredCapacity: aws.Int32(2)}))
			must[*sdk.PutScalingPolicyOutput](t)(w.PutScalingPolicy(ctx, &sdk.PutScalingPolicyInput{AutoScalingGroupName: aws.String("shop"), PolicyName: aws.String("p"), AdjustmentType: &c.kind, ScalingAdjustment: &c.by}))
			must[*sdk.ExecutePolicyOutput](t)(w.ExecutePolicy(ctx, &sdk.ExecutePolicyInput{AutoScalingGroupName: aws.String("shop"), PolicyName: aws.String("p")}))
			if got := *w.group().DesiredCapacity; got != c.want {
				t.Errorf("capacity %d, want %d", got, c.want)
			}
		})
	}
}
