package autoscaling

import (
	"time"

	"grocery/localaws/service/internal/ptr"
)

// The process AZRebalance moves instances from zones that have too many to
// zones that have too few: it launches beyond the capacity, and once the new
// instance has warmed up, the group shrinks again where it is fullest.
// https://docs.aws.amazon.com/autoscaling/ec2/userguide/auto-scaling-benefits.html#AutoScalingBehavior.InstanceUsage

// A move that failed is tried again after a pause that doubles each time: the
// zone may be out of order, and the group serves as it is.
const (
	firstMoveRetry   = 10 * time.Minute
	longestMoveRetry = 6 * time.Hour
)

// warmup is how long a new instance takes until it is fully used.
func (g *group) warmup() int64 {
	return ptr.Or(g.DefaultInstanceWarmup, ptr.Val(g.HealthCheckGracePeriod))
}

// moving reports whether the instance was launched to balance zones and is not
// warm yet, so that the one it relieves has to stay.
func (m *member) moving(g *group, now time.Time) bool {
	return m.Balances && (m.InService.IsZero() || now.Before(m.InService.Add(time.Duration(g.warmup())*time.Second)))
}

// moving counts the instances, launched to balance zones, that the group may
// have beyond its capacity for now.
func (t *tx) moving(g *group, all []member, open []activity) (n int) {
	for _, m := range all {
		if m.counts() && m.moving(g, t.now) {
			n++
		}
	}
	for _, a := range open {
		if a.Balances {
			n++
		}
	}
	return n
}

// toMove is how many instances to launch now to balance zones. A group begins
// at rest only: at its capacity, with everything in service and nothing on its
// way in or out. It exceeds its capacity by a tenth of its maximum, or by one.
func (t *tx) toMove(g *group, s *spread, all []member, open []activity) int {
	if g.suspended("AZRebalance") || g.suspended("Launch") || len(open) > 0 || t.now.Before(g.RetryAt) || t.now.Before(g.MoveAt) {
		return 0
	}
	if _, busy := t.activeRefresh(g.name()); busy {
		return 0
	}
	movable := map[string]int{}
	for _, m := range all {
		switch {
		case m.State == standby:
		case m.State != inService || m.Health != healthy || m.moving(g, t.now):
			return 0
		case !m.Protected:
			movable[m.Zone]++
		}
	}
	n := s.moves(movable)
	if n == 0 && g.FailedMoves > 0 {
		g.FailedMoves = 0
		t.putGroup(*g)
	}
	return min(n, int(max(*g.MaxSize/10, 1)))
}

// moveFailed puts the next move off. Launches that the capacity needs go on.
func (t *tx) moveFailed(g *group) {
	g.FailedMoves++
	g.MoveAt = t.now.Add(min(firstMoveRetry<<min(g.FailedMoves-1, 10), longestMoveRetry))
	t.putGroup(*g)
}
