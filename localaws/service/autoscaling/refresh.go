package autoscaling

import (
	"cmp"
	"context"
	"slices"
	"time"

	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/store"
	"grocery/localaws/wire"
	api "grocery/localaws/wire/api/autoscalingapi"
	"grocery/localaws/wire/api/cloudwatchapi"
)

// refresh is an instance refresh: AWS's own shape, plus what is to be replaced.
type refresh struct {
	api.InstanceRefresh
	Target  api.LaunchTemplateSpecification // what new instances are launched from
	Before  api.LaunchTemplateSpecification // what a rollback launches from
	Replace []string                        // instances still to be replaced, or gone since
	Total   int
	// Failures counts new instances that failed in a row.
	Failures int
	Moved    time.Time // when an instance was last replaced
}

// The states of a refresh.
const (
	refreshPending     = "Pending"
	refreshInProgress  = "InProgress"
	refreshSuccessful  = "Successful"
	refreshFailed      = "Failed"
	refreshCancelling  = "Cancelling"
	refreshCancelled   = "Cancelled"
	rollbackInProgress = "RollbackInProgress"
	rollbackSuccessful = "RollbackSuccessful"
	rollbackFailed     = "RollbackFailed"
)

const (
	// patience is how many new instances in a row may fail before a refresh
	// fails. AWS keeps trying for an hour; a machine at hand need not.
	patience = 3
	// longestStall is how long a refresh may go without progress.
	longestStall = time.Hour
)

func (r *refresh) active() bool {
	return slices.Contains([]string{refreshPending, refreshInProgress, refreshCancelling, rollbackInProgress}, *r.Status)
}

func (t *tx) putRefresh(r refresh) {
	refreshes.Put(t.Tx, store.Key(t.Region, *r.AutoScalingGroupName, *r.InstanceRefreshId), r)
}

// activeRefresh returns the group's refresh under way.
func (t *tx) activeRefresh(groupName string) (refresh, bool) {
	for _, r := range refreshes.List(t.Tx, store.Key(t.Region, groupName)+"/") {
		if r.active() {
			return r, true
		}
	}
	return refresh{}, false
}

func numbered(l *api.LaunchTemplateSpecification) bool {
	v := ptr.Val(l.Version)
	return v != "" && v[0] != '$'
}

func sameTemplate(a, b api.LaunchTemplateSpecification) bool {
	return ptr.Val(a.LaunchTemplateId) == ptr.Val(b.LaunchTemplateId) && ptr.Val(a.Version) == ptr.Val(b.Version)
}

// alarms returns the alarms, of those named, that are in alarm.
func (s *Service) alarms(ctx context.Context, names []string) (ringing []string, found int, err error) {
	out, err := wire.Invoke(asService(ctx), s.d.Calls, cloudwatchapi.DescribeAlarms, &cloudwatchapi.DescribeAlarmsInput{AlarmNames: names})
	if err != nil {
		return nil, 0, err
	}
	for _, a := range out.MetricAlarms {
		if ptr.Val(a.StateValue) == "ALARM" {
			ringing = append(ringing, *a.AlarmName)
		}
	}
	return ringing, len(out.MetricAlarms), nil
}

func (s *Service) checkAlarms(ctx context.Context, names []string) error {
	ringing, found, err := s.alarms(ctx, names)
	switch {
	case err != nil:
		return err
	case found < len(names):
		return invalid("One or more of the alarms %v do not exist.", names)
	case len(ringing) > 0:
		return invalid("The alarms %v are in the ALARM state, so that the instance refresh cannot start.", ringing)
	}
	return nil
}

// tell updates the figures that AWS shows.
func (r *refresh) tell(left int) {
	percent := int64(100)
	if r.Total > 0 {
		percent = int64(100 * (r.Total - left) / r.Total)
	}
	n := int64(left)
	if *r.Status == rollbackInProgress && r.RollbackDetails != nil {
		r.RollbackDetails.InstancesToUpdateOnRollback, r.RollbackDetails.PercentageCompleteOnRollback = &n, &percent
		return
	}
	r.InstancesToUpdate, r.PercentageComplete = &n, &percent
}

// finish ends a refresh.
func (t *tx) finish(r *refresh, status, reason string) {
	r.Status, r.EndTime = &status, new(t.now)
	if reason != "" {
		r.StatusReason = &reason
	}
	t.putRefresh(*r)
}

// rollBack turns a refresh round: what it launched is to be replaced by what
// was there before.
func (t *tx) rollBack(r *refresh, reason string) {
	r.Status = new(rollbackInProgress)
	r.RollbackDetails = &api.RollbackDetails{RollbackReason: &reason, RollbackStartTime: new(t.now)}
	r.StatusReason = &reason
	r.Target, r.Replace, r.Failures, r.Moved = r.Before, nil, 0, t.now
	for _, m := range t.members(*r.AutoScalingGroupName) {
		if !m.leaving() && !sameTemplate(m.Template, r.Before) {
			r.Replace = append(r.Replace, m.ID)
		}
	}
	r.Total = len(r.Replace)
	r.tell(r.Total)
	t.putRefresh(*r)
}

// breakOff ends a refresh that cannot go on, by rolling back if that was asked for.
func (t *tx) breakOff(r *refresh, reason string) {
	switch {
	case *r.Status == rollbackInProgress:
		t.finish(r, rollbackFailed, reason)
	case *r.Preferences.AutoRollback:
		t.rollBack(r, reason)
	default:
		t.finish(r, refreshFailed, reason)
	}
}

// refreshFailed counts a new instance that failed to come up.
func (t *tx) refreshFailed(g *group) {
	r, ok := t.activeRefresh(g.name())
	if !ok || *r.Status == refreshCancelling {
		return
	}
	if r.Failures++; r.Failures >= patience {
		t.breakOff(&r, "Instance refresh failed: new instances failed to come into service.")
		return
	}
	t.putRefresh(r)
}

// refreshLost counts a new instance that became unhealthy.
func (t *tx) refreshLost(g *group, m *member) {
	if r, ok := t.activeRefresh(g.name()); ok && !slices.Contains(r.Replace, m.ID) && !m.InService.Before(*r.StartTime) {
		t.refreshFailed(g)
	}
}

// wantedTemplate is what the group launches from now: a refresh under way
// decides, else the group.
func (t *tx) wantedTemplate(g *group) api.LaunchTemplateSpecification {
	if r, ok := t.activeRefresh(g.name()); ok && *r.Status != refreshCancelling {
		return r.Target
	}
	return *g.LaunchTemplate
}

// old returns the members that the refresh is to replace and that are still
// there, among them those that were being launched as it turned round.
func (r *refresh) old(all []member) (left []member) {
	for _, m := range all {
		switch {
		case m.leaving():
		case !slices.Contains(r.Replace, m.ID) && (r.DesiredConfiguration == nil || sameTemplate(m.Template, r.Target)):
		case m.Protected && *r.Preferences.ScaleInProtectedInstances == "Ignore":
		case m.State == standby && *r.Preferences.StandbyInstances == "Ignore":
		default:
			left = append(left, m)
		}
	}
	return left
}

// room is how far a refresh may go: how many instances may be missing, and how
// many there may be beyond the desired capacity. One of the two is at least 1.
func (r *refresh) room(desired int64) (missing, extra int) {
	missing = int(desired - (desired*(*r.Preferences.MinHealthyPercentage)+99)/100)
	extra = int(desired * (*r.Preferences.MaxHealthyPercentage - 100) / 100)
	if *r.Preferences.MaxHealthyPercentage > 100 {
		extra = max(extra, 1)
	}
	if missing == 0 && extra == 0 {
		if *r.Preferences.MinHealthyPercentage == 100 {
			extra = 1
		} else {
			missing = 1
		}
	}
	return missing, extra
}

// surge is how many instances beyond the desired capacity a refresh wants now.
func (t *tx) surge(g *group, all []member) int {
	r, ok := t.activeRefresh(g.name())
	if !ok || *r.Status != refreshInProgress && *r.Status != rollbackInProgress {
		return 0
	}
	_, extra := r.room(*g.DesiredCapacity)
	return min(extra, len(r.old(all)))
}

// refresh takes the group's refresh a step further.
func (s *Service) refresh(ctx context.Context, name string) error {
	var r refresh
	active := false
	if err := s.view(ctx, func(t *tx) error { r, active = t.activeRefresh(name); return nil }); err != nil || !active {
		return err
	}
	var ringing []string
	if a := r.Preferences.AlarmSpecification; a != nil && *r.Status == refreshInProgress {
		var err error
		if ringing, _, err = s.alarms(ctx, a.Alarms); err != nil {
			return err
		}
	}
	return s.update(ctx, func(t *tx) error {
		g, err := t.group(&name)
		r, active := t.activeRefresh(name)
		if err != nil || !active || g.suspended("InstanceRefresh") {
			return nil
		}
		all := t.members(name)
		switch {
		case g.Deleting:
			t.finish(&r, refreshCancelled, "The group is being deleted.")
			return nil
		case *r.Status == refreshPending:
			r.Status, r.Moved = new(refreshInProgress), t.now
			t.putRefresh(r)
		case *r.Status == refreshCancelling:
			for _, m := range all {
				if m.State != inService && m.State != standby {
					return nil // wait for what has begun
				}
			}
			t.finish(&r, refreshCancelled, "Cancelled due to user request.")
			return nil
		case len(ringing) > 0:
			t.breakOff(&r, "An alarm is in the ALARM state: "+ringing[0])
			return nil
		case t.now.Sub(r.Moved) > longestStall:
			t.breakOff(&r, "Instance refresh made no progress for an hour.")
			return nil
		}
		t.roll(&g, &r, all)
		return nil
	})
}

// roll terminates as many old instances as the healthy ones allow, and ends
// the refresh when none is left.
func (t *tx) roll(g *group, r *refresh, all []member) {
	warmup := time.Duration(*r.Preferences.InstanceWarmup) * time.Second
	old := r.old(all)
	ready, fresh := 0, 0
	zones, newest := map[string]int{}, map[string]int{} // of those that are ready: how many, and the newest successor
	for i, m := range all {
		isOld := slices.ContainsFunc(old, func(o member) bool { return o.ID == m.ID })
		warm := isOld || !slices.Contains(r.Replace, m.ID) && !t.now.Before(m.InService.Add(warmup)) || m.InService.Before(*r.StartTime)
		if m.State == inService && m.Health == healthy && warm {
			ready++
			zones[m.Zone]++
			if !isOld {
				fresh++
				newest[m.Zone] = i + 1
			}
		}
	}
	if len(old) == 0 {
		if int64(fresh) >= *g.DesiredCapacity {
			r.tell(0)
			if *r.Status == rollbackInProgress {
				t.finish(r, rollbackSuccessful, "")
				return
			}
			if d := r.DesiredConfiguration; d != nil {
				g.LaunchTemplate = &api.LaunchTemplateSpecification{LaunchTemplateId: r.Target.LaunchTemplateId, LaunchTemplateName: r.Target.LaunchTemplateName, Version: d.LaunchTemplate.Version}
				t.putGroup(*g)
			}
			t.finish(r, refreshSuccessful, "")
		}
		return
	}
	missing, _ := r.room(*g.DesiredCapacity)
	floor := int(*g.DesiredCapacity) - missing
	for len(old) > 0 {
		// The ones not in service go first, then those in the zone that has
		// most, or else the newest successor, then the oldest.
		m := slices.MinFunc(old, func(a, b member) int {
			return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(zones[b.Zone], zones[a.Zone]), cmp.Compare(newest[b.Zone], newest[a.Zone]))
		})
		old = slices.DeleteFunc(old, func(o member) bool { return o.ID == m.ID })
		serving := m.State == inService && m.Health == healthy
		if serving && ready-1 < floor || m.State == standby && *r.Preferences.StandbyInstances == "Wait" || m.Protected && *r.Preferences.ScaleInProtectedInstances == "Wait" {
			continue
		}
		if serving {
			ready--
			zones[m.Zone]--
		}
		t.leave(g, &m, "an instance was taken out of service in response to an instance refresh: "+m.ID)
		r.Moved = t.now
	}
	r.tell(len(r.old(t.members(g.name()))))
	t.putRefresh(*r)
}

func rank(m member) int {
	if m.State == inService && m.Health == healthy {
		return 1
	}
	return 0
}
