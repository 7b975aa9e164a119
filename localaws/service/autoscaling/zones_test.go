package autoscaling_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	ec2sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
)

// zones counts the instances in service by the last letter of their zone.
func (w *world) zones() map[string]int {
	n := map[string]int{}
	for _, i := range w.group().Instances {
		if i.LifecycleState == types.LifecycleStateInService {
			n[strings.TrimPrefix(*i.AvailabilityZone, "eu-central-1")]++
		}
	}
	return n
}

func (w *world) inZones(want string) {
	w.t.Helper()
	if got := fmt.Sprint(w.zones()); got != "map["+want+"]" {
		w.t.Errorf("instances in zones %s, want %s", got, want)
	}
}

// subnet adds a subnet and returns its id.
func (w *world) subnet(block, zone string) string {
	w.t.Helper()
	vpc := must[*ec2sdk.DescribeVpcsOutput](w.t)(w.ec2.DescribeVpcs(w.t.Context(), &ec2sdk.DescribeVpcsInput{})).Vpcs[0].VpcId
	return *must[*ec2sdk.CreateSubnetOutput](w.t)(w.ec2.CreateSubnet(w.t.Context(), &ec2sdk.CreateSubnetInput{VpcId: vpc, CidrBlock: &block, AvailabilityZone: &zone})).Subnet.SubnetId
}

func (w *world) spanSubnets(ids ...string) {
	w.t.Helper()
	must[*sdk.UpdateAutoScalingGroupOutput](w.t)(w.UpdateAutoScalingGroup(w.t.Context(), &sdk.UpdateAutoScalingGroupInput{AutoScalingGroupName: aws.String("shop"), VPCZoneIdentifier: aws.String(strings.Join(ids, ","))}))
}

// lopsided makes a group whose n instances are all in the first of two zones.
func (w *world) lopsided(n int32, change func(*sdk.CreateAutoScalingGroupInput)) {
	w.t.Helper()
	w.create(n, func(in *sdk.CreateAutoScalingGroupInput) {
		in.VPCZoneIdentifier = &w.subnets[0]
		if change != nil {
			change(in)
		}
	})
	w.serving(int(n))
	w.spanSubnets(w.subnets[:]...)
}

func (w *world) suspend(processes ...string) {
	w.t.Helper()
	must[*sdk.SuspendProcessesOutput](w.t)(w.SuspendProcesses(w.t.Context(), &sdk.SuspendProcessesInput{AutoScalingGroupName: aws.String("shop"), ScalingProcesses: processes}))
}

func (w *world) resume() {
	w.t.Helper()
	must[*sdk.ResumeProcessesOutput](w.t)(w.ResumeProcesses(w.t.Context(), &sdk.ResumeProcessesInput{AutoScalingGroupName: aws.String("shop")}))
}

// rests checks that for many turns nothing is launched or terminated.
func (w *world) rests() {
	w.t.Helper()
	before := len(w.activities())
	for range 40 {
		w.turn()
		w.clock.Advance(time.Minute)
	}
	if now := w.activities(); len(now) != before {
		w.t.Errorf("%d activities more, the last: %s", len(now)-before, *now[0].Cause)
	}
}

func TestARefreshLeavesZonesBalanced(t *testing.T) {
	for rule, c := range map[string]struct {
		desired, low, high int32
		want               string
	}{
		"one instance more at a time":   {2, 100, 150, "a:1 b:1"},
		"all successors at once":        {2, 100, 200, "a:1 b:1"},
		"terminating first":             {2, 50, 100, "a:1 b:1"},
		"an odd number, launched first": {3, 100, 110, "a:2 b:1"},
		"terminating and launching":     {4, 50, 150, "a:2 b:2"},
	} {
		t.Run(rule, func(t *testing.T) {
			w := newWorld(t)
			w.create(c.desired, nil)
			w.serving(int(c.desired))
			w.suspend("AZRebalance") // a refresh must not rely on it
			v := w.version()
			w.refresh(v, func(in *sdk.StartInstanceRefreshInput) {
				in.Preferences.MinHealthyPercentage, in.Preferences.MaxHealthyPercentage = &c.low, &c.high
			})
			w.until("successful, at rest", func() bool {
				if c.low == 100 && len(w.zones()) < 2 {
					t.Errorf("a zone serves nothing: %v", w.zones())
				}
				return w.latest().Status == types.InstanceRefreshStatusSuccessful && len(w.group().Instances) == int(c.desired)
			})
			w.inZones(c.want)
			if w.versions()[v] != int(c.desired) {
				t.Errorf("versions %v", w.versions())
			}
			w.resume()
			w.rests()
		})
	}
}

func TestAReplacementLaunchedFirstGoesToTheZoneOfItsPredecessor(t *testing.T) {
	w := newWorld(t)
	w.create(3, nil)
	w.serving(3)
	zone := map[string]string{} // of every instance ever
	var launched, gone []string
	w.refresh(w.version(), func(in *sdk.StartInstanceRefreshInput) { in.Preferences.MaxHealthyPercentage = aws.Int32(110) })
	w.until("successful, at rest", func() bool {
		for _, i := range w.group().Instances {
			id := *i.InstanceId
			if zone[id] == "" && *i.LaunchTemplate.Version != "1" {
				launched = append(launched, id)
			}
			zone[id] = *i.AvailabilityZone
			if strings.HasPrefix(string(i.LifecycleState), "Terminating") && !slices.Contains(gone, id) {
				gone = append(gone, id)
			}
		}
		return w.latest().Status == types.InstanceRefreshStatusSuccessful && len(w.group().Instances) == 3
	})
	if len(launched) != 3 || len(gone) != 3 {
		t.Fatalf("launched %v, terminated %v", launched, gone)
	}
	for i := range launched {
		if zone[launched[i]] != zone[gone[i]] {
			t.Errorf("replacement %d is in %s, its predecessor was in %s", i, zone[launched[i]], zone[gone[i]])
		}
	}
}

func TestTheReplacementOfAnUnhealthyInstanceGoesToItsZoneWhileItStillDrains(t *testing.T) {
	for _, zone := range []string{"eu-central-1a", "eu-central-1b"} {
		t.Run(zone, func(t *testing.T) {
			w := newWorld(t)
			w.create(3, func(in *sdk.CreateAutoScalingGroupInput) {
				in.TargetGroupARNs = []string{targetGroup}
				if zone == "eu-central-1b" { // two in b
					in.VPCZoneIdentifier = aws.String(w.subnets[1] + "," + w.subnets[0])
				}
			})
			w.serving(3)
			w.suspend("AZRebalance")
			w.spanSubnets(w.subnets[:]...)
			had := w.zones()
			all := w.group().Instances
			sick := *all[slices.IndexFunc(all, func(i types.Instance) bool { return *i.AvailabilityZone == zone })].InstanceId
			must[*sdk.SetInstanceHealthOutput](t)(w.SetInstanceHealth(t.Context(), &sdk.SetInstanceHealthInput{InstanceId: &sick, HealthStatus: aws.String("Unhealthy"), ShouldRespectGracePeriod: aws.Bool(false)}))
			w.until("it drains while its successor serves", func() bool {
				return w.balancer.state(sick) == "draining" && len(w.in(types.LifecycleStateInService)) == 3 && len(w.in(types.LifecycleStateTerminating)) == 1
			})
			if got := w.zones(); fmt.Sprint(got) != fmt.Sprint(had) {
				t.Errorf("instances in zones %v, before %v", got, had)
			}
		})
	}
}

func TestZonesNotSubnetsAreBalanced(t *testing.T) {
	w := newWorld(t)
	again := w.subnet("10.0.3.0/24", "eu-central-1a")
	w.create(4, func(in *sdk.CreateAutoScalingGroupInput) {
		in.VPCZoneIdentifier = aws.String(w.subnets[0] + "," + again + "," + w.subnets[1])
	})
	w.serving(4)
	w.inZones("a:2 b:2")
}

func TestAnUnbalancedGroupIsRebalanced(t *testing.T) {
	for rule, c := range map[string]struct {
		desired int32
		max     int32
		want    string
	}{
		"to one in each zone":                          {2, 6, "a:1 b:1"},
		"to a difference of one":                       {5, 6, "a:3 b:2"},
		"beyond the maximum by one while it goes on":   {4, 4, "a:2 b:2"},
		"several at a time, by a tenth of the maximum": {6, 20, "a:3 b:3"},
		"but a single instance stays where it is":      {1, 1, "a:1"},
		"and an empty group has nothing to distribute": {0, 1, ""},
	} {
		t.Run(rule, func(t *testing.T) {
			w := newWorld(t)
			w.lopsided(c.desired, func(in *sdk.CreateAutoScalingGroupInput) { in.MaxSize = &c.max })
			least, most := int(c.desired), 0
			w.until("balanced, at rest", func() bool {
				n := len(w.in(types.LifecycleStateInService))
				least, most = min(least, n), max(most, len(w.group().Instances))
				return fmt.Sprint(w.zones()) == "map["+c.want+"]" && len(w.group().Instances) == int(c.desired)
			})
			if least < int(c.desired) || most > int(c.desired)+max(int(c.max)/10, 1) {
				t.Errorf("between %d serving and %d there, of %d", least, most, c.desired)
			}
			w.rests()
		})
	}
}

func TestRebalancingSaysWhy(t *testing.T) {
	w := newWorld(t)
	w.lopsided(2, nil)
	w.until("balanced", func() bool { return fmt.Sprint(w.zones()) == "map[a:1 b:1]" })
	if !slices.ContainsFunc(w.activities(), func(a types.Activity) bool {
		return strings.Contains(*a.Cause, "instances were launched to balance instances in zones eu-central-1b with other zones")
	}) {
		t.Error("no activity says so")
	}
}

func TestRebalancingTerminatesOnlyOnceTheNewInstanceIsWarm(t *testing.T) {
	w := newWorld(t)
	w.lopsided(2, func(in *sdk.CreateAutoScalingGroupInput) { in.DefaultInstanceWarmup = aws.Int32(300) })
	w.until("the new one serves", func() bool { return fmt.Sprint(w.zones()) == "map[a:2 b:1]" })
	for range 10 {
		w.turn()
	}
	w.inZones("a:2 b:1")
	w.clock.Advance(5 * time.Minute)
	w.serving(2)
	w.inZones("a:1 b:1")
	w.rests()
}

func TestInstancesLeaveAZoneThatTheGroupLeft(t *testing.T) {
	w := newWorld(t)
	w.create(2, nil)
	w.serving(2)
	w.spanSubnets(w.subnets[1], w.subnet("10.0.3.0/24", "eu-central-1c"))
	w.until("moved", func() bool { return fmt.Sprint(w.zones()) == "map[b:1 c:1]" && len(w.group().Instances) == 2 })
	w.rests()
}

func TestRebalancingRespectsSuspendedProcesses(t *testing.T) {
	for _, process := range []string{"AZRebalance", "Launch"} {
		t.Run(process, func(t *testing.T) {
			w := newWorld(t)
			w.create(2, func(in *sdk.CreateAutoScalingGroupInput) { in.VPCZoneIdentifier = &w.subnets[0] })
			w.serving(2)
			w.suspend(process)
			w.spanSubnets(w.subnets[:]...)
			w.rests()
			w.inZones("a:2")
			w.resume()
			w.until("balanced", func() bool { return fmt.Sprint(w.zones()) == "map[a:1 b:1]" && len(w.group().Instances) == 2 })
		})
	}
	t.Run("Terminate, after one launch", func(t *testing.T) {
		w := newWorld(t)
		w.create(4, func(in *sdk.CreateAutoScalingGroupInput) { in.VPCZoneIdentifier = &w.subnets[0] })
		w.serving(4)
		w.suspend("Terminate")
		w.spanSubnets(w.subnets[:]...)
		w.serving(5)
		w.rests()
		w.inZones("a:4 b:1")
		w.resume()
		w.until("balanced", func() bool { return fmt.Sprint(w.zones()) == "map[a:2 b:2]" && len(w.group().Instances) == 4 })
	})
}

func TestAGroupThatCannotBeBalancedIsLeftAlone(t *testing.T) {
	t.Run("as its instances are protected", func(t *testing.T) {
		w := newWorld(t)
		w.lopsided(3, func(in *sdk.CreateAutoScalingGroupInput) { in.NewInstancesProtectedFromScaleIn = aws.Bool(true) })
		w.rests()
		w.inZones("a:3")
	})
	t.Run("as the launch in the other zone fails: it is tried again ever more rarely", func(t *testing.T) {
		w := newWorld(t)
		w.create(2, func(in *sdk.CreateAutoScalingGroupInput) { in.VPCZoneIdentifier = &w.subnets[0] })
		w.serving(2)
		served := w.in(types.LifecycleStateInService)
		must[*sdk.PutLifecycleHookOutput](t)(w.PutLifecycleHook(t.Context(), &sdk.PutLifecycleHookInput{
			AutoScalingGroupName: aws.String("shop"), LifecycleHookName: aws.String("h"), LifecycleTransition: aws.String("autoscaling:EC2_INSTANCE_LAUNCHING"),
			DefaultResult: aws.String("ABANDON"), HeartbeatTimeout: aws.Int32(30),
		}))
		w.spanSubnets(w.subnets[:]...)
		for range 240 { // two hours
			w.turn()
			w.clock.Advance(28 * time.Second)
			time.Sleep(time.Millisecond)
			if got := w.in(types.LifecycleStateInService); !slices.Equal(got, served) {
				t.Fatalf("%v serve, before %v", got, served)
			}
		}
		failed := 0
		for _, a := range w.activities() {
			if a.StatusCode == types.ScalingActivityStatusCodeFailed {
				failed++
			}
		}
		if failed < 3 || failed > 6 {
			t.Errorf("%d launches in two hours", failed)
		}
		must[*sdk.DeleteLifecycleHookOutput](t)(w.DeleteLifecycleHook(t.Context(), &sdk.DeleteLifecycleHookInput{AutoScalingGroupName: aws.String("shop"), LifecycleHookName: aws.String("h")}))
		w.until("no launch is under way", func() bool { return len(w.group().Instances) == 2 })
		id := served[0]
		w.runtime.Kill(id, 1)
		w.until("what the capacity needs is launched at once, where it is missing", func() bool {
			return fmt.Sprint(w.zones()) == "map[a:1 b:1]" && !slices.Contains(w.in(types.LifecycleStateInService), id)
		})
	})
}
