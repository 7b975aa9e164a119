package autoscaling

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/store"
	"grocery/localaws/wire"
	api "grocery/localaws/wire/api/autoscalingapi"
)

// group is an Auto Scaling group: AWS's own shape, without its instances, plus
// what AWS does not show.
type group struct {
	api.AutoScalingGroup
	Region   string
	Hooks    []api.LifecycleHook
	Deleting bool
	// ScaledAt is when a simple scaling policy last acted.
	ScaledAt time.Time
	// Failures counts launches that failed in a row; RetryAt is when to try again.
	Failures int
	RetryAt  time.Time
	// FailedMoves counts launches to balance zones that failed in a row; MoveAt
	// is when to try again.
	FailedMoves int
	MoveAt      time.Time
}

func (g *group) name() string { return *g.AutoScalingGroupName }

// member is an instance of a group.
type member struct {
	ID, Group, Zone, Subnet, Type string
	Template                      api.LaunchTemplateSpecification // with the version's number
	State                         string
	Health                        string
	Protected                     bool
	Since                         time.Time // of the state
	InService                     time.Time // when it first was
	Registered                    []string  // target groups it is registered with
	Waits                         []wait    // of the lifecycle hooks of this transition
	Hooked                        bool      // the hooks of this transition are done
	SkipHooks                     bool      // it was abandoned at launch, or the group is being deleted
	Activity                      string    // that brings it up or down
	Returning                     bool      // from Standby: no launch hooks again
	Balances                      bool      // it was launched beyond the capacity to balance zones
}

// wait is one lifecycle action.
type wait struct {
	Hook, Token      string
	Heartbeat        time.Duration
	Deadline, Global time.Time
	Default, Result  string
}

// The lifecycle states of an instance.
// https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-lifecycle.html
const (
	pending            = "Pending"
	pendingWait        = "Pending:Wait"
	pendingProceed     = "Pending:Proceed"
	inService          = "InService"
	terminating        = "Terminating"
	terminatingWait    = "Terminating:Wait"
	terminatingProceed = "Terminating:Proceed"
	standby            = "Standby"

	healthy   = "Healthy"
	unhealthy = "Unhealthy"
)

func (m *member) leaving() bool { return strings.HasPrefix(m.State, terminating) }

// counts reports whether the instance is part of the group's capacity.
func (m *member) counts() bool { return !m.leaving() && m.State != standby }

// activity is a scaling activity; a launch holds what EC2 is asked for.
type activity struct {
	api.Activity
	Launch   bool
	Balances bool // the launch is beyond the capacity, to balance zones
	Subnet   string
	Template api.LaunchTemplateSpecification
	Instance string
}

func (a *activity) open() bool { return a.EndTime == nil }

var (
	groups     = store.Table[group]{Name: "autoscaling.groups"}        // by region and name
	members    = store.Table[member]{Name: "autoscaling.instances"}    // by region and instance
	activities = store.Table[activity]{Name: "autoscaling.activities"} // by region, group and id
	refreshes  = store.Table[refresh]{Name: "autoscaling.refreshes"}   // by region, group and id
	policies   = store.Table[policy]{Name: "autoscaling.policies"}     // by region, group and name
)

// tx is a store transaction in the region of one call.
type tx struct {
	store.Tx
	*wire.Call
	now time.Time
}

func (s *Service) view(ctx context.Context, f func(*tx) error) error {
	return s.d.Store.View(func(t store.Tx) error { return f(&tx{t, wire.CallFrom(ctx), s.d.Clock.Now()}) })
}

func (s *Service) update(ctx context.Context, f func(*tx) error) error {
	return s.d.Store.Update(func(t store.Tx) error { return f(&tx{t, wire.CallFrom(ctx), s.d.Clock.Now()}) })
}

func invalid(format string, args ...any) error {
	return wire.Errorf(400, "ValidationError", format, args...)
}

func (t *tx) group(name *string) (group, error) {
	g, ok := groups.Get(t.Tx, store.Key(t.Region, ptr.Val(name)))
	if !ok {
		return g, invalid("AutoScalingGroup name not found - AutoScalingGroup '%s' not found", ptr.Val(name))
	}
	return g, nil
}

func (t *tx) putGroup(g group) { groups.Put(t.Tx, store.Key(t.Region, g.name()), g) }

func (t *tx) groups() []group { return groups.List(t.Tx, t.Region+"/") }

func (t *tx) member(id string) (member, bool) { return members.Get(t.Tx, store.Key(t.Region, id)) }

func (t *tx) putMember(m member) { members.Put(t.Tx, store.Key(t.Region, m.ID), m) }

func (t *tx) dropMember(id string) { members.Delete(t.Tx, store.Key(t.Region, id)) }

// turn moves a member into a state.
func (t *tx) turn(m *member, state string) {
	m.State, m.Since = state, t.now
	t.putMember(*m)
}

// members returns the members of a group, longest there first.
func (t *tx) members(groupName string) (all []member) {
	members.Each(t.Tx, t.Region+"/", func(_ string, m member) bool {
		if m.Group == groupName {
			all = append(all, m)
		}
		return true
	})
	slices.SortStableFunc(all, func(a, b member) int { return strings.Compare(a.Activity, b.Activity) })
	return all
}

// newID is an id that sorts by time and looks like AWS's, a UUID.
func newID(now time.Time) string {
	var b [16]byte
	rand.Read(b[6:]) // never fails: crypto/rand aborts the process instead
	ms := uint64(now.UnixMilli())
	for i := range 6 {
		b[i] = byte(ms >> (8 * (5 - i)))
	}
	b[6], b[8] = b[6]&0x0f|0x70, b[8]&0x3f|0x80
	h := hex.EncodeToString(b[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// maxActivities is how many activities a group remembers.
const maxActivities = 100

// begin stores a new activity.
func (t *tx) begin(g *group, description, cause, status string) activity {
	a := activity{Activity: api.Activity{
		ActivityId: new(newID(t.now)), AutoScalingGroupName: g.AutoScalingGroupName, AutoScalingGroupARN: g.AutoScalingGroupARN,
		Description: &description, Cause: new("At " + t.now.UTC().Format(time.RFC3339) + " " + cause), StartTime: new(t.now), StatusCode: &status, Progress: new(int64(0)),
	}}
	t.putActivity(a)
	if all := t.activities(g.name()); len(all) > maxActivities {
		for _, old := range all[:len(all)-maxActivities] {
			if !old.open() {
				activities.Delete(t.Tx, store.Key(t.Region, g.name(), *old.ActivityId))
			}
		}
	}
	return a
}

func (t *tx) putActivity(a activity) {
	activities.Put(t.Tx, store.Key(t.Region, *a.AutoScalingGroupName, *a.ActivityId), a)
}

// activities returns a group's activities, oldest first.
func (t *tx) activities(groupName string) []activity {
	return activities.List(t.Tx, store.Key(t.Region, groupName)+"/")
}

func (t *tx) activity(groupName, id string) (activity, bool) {
	return activities.Get(t.Tx, store.Key(t.Region, groupName, id))
}

// progress notes how far a member's activity is.
func (t *tx) progress(m *member, status string, percent int64) {
	if a, ok := t.activity(m.Group, m.Activity); ok && a.open() {
		a.StatusCode, a.Progress = &status, &percent
		t.putActivity(a)
	}
}

// end closes an activity.
func (t *tx) end(groupName, id, status, message string) {
	a, ok := t.activity(groupName, id)
	if !ok || !a.open() {
		return
	}
	a.StatusCode, a.EndTime, a.Progress = &status, new(t.now), new(int64(100))
	if message != "" {
		a.StatusMessage = &message
	}
	t.putActivity(a)
}
