package autoscaling

import (
	"context"
	"slices"

	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/store"
	"grocery/localaws/wire"
	api "grocery/localaws/wire/api/autoscalingapi"
)

func (s *Service) registerRefreshes(r *wire.Registry) {
	serve(r, api.StartInstanceRefresh, "AutoScalingGroupName DesiredConfiguration Preferences Strategy", s.startInstanceRefresh)
	serve(r, api.CancelInstanceRefresh, "AutoScalingGroupName", s.cancelInstanceRefresh)
	serve(r, api.RollbackInstanceRefresh, "AutoScalingGroupName", s.rollbackInstanceRefresh)
	serve(r, api.DescribeInstanceRefreshes, "AutoScalingGroupName InstanceRefreshIds MaxRecords NextToken", s.describeInstanceRefreshes)
}

// preferences fills the defaults.
// https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_RefreshPreferences.html
func (g *group) preferences(p *api.RefreshPreferences) (api.RefreshPreferences, error) {
	var x api.RefreshPreferences
	if p != nil {
		x = *p
	}
	low, high := int64(90), int64(100)
	if m := g.InstanceMaintenancePolicy; m != nil {
		low, high = *m.MinHealthyPercentage, *m.MaxHealthyPercentage
	}
	x.MinHealthyPercentage, x.MaxHealthyPercentage = new(ptr.Or(x.MinHealthyPercentage, low)), new(ptr.Or(x.MaxHealthyPercentage, high))
	x.InstanceWarmup = new(ptr.Or(x.InstanceWarmup, g.warmup()))
	x.SkipMatching, x.AutoRollback = new(ptr.Val(x.SkipMatching)), new(ptr.Val(x.AutoRollback))
	x.ScaleInProtectedInstances, x.StandbyInstances = new(ptr.Or(x.ScaleInProtectedInstances, "Wait")), new(ptr.Or(x.StandbyInstances, "Wait"))
	low, high = *x.MinHealthyPercentage, *x.MaxHealthyPercentage
	switch {
	case low < 0 || low > 100 || high < 100 || high > 200 || high-low > 100:
		return x, invalid("MinHealthyPercentage is 0 to 100, MaxHealthyPercentage 100 to 200, and they differ by at most 100.")
	case len(x.CheckpointPercentages) > 0:
		return x, invalid("Local AWS does not support checkpoints.")
	}
	if v := *x.ScaleInProtectedInstances; !slices.Contains([]string{"Wait", "Ignore", "Refresh"}, v) {
		return x, invalid("ScaleInProtectedInstances is Wait, Ignore or Refresh, not %s.", v)
	}
	if v := *x.StandbyInstances; !slices.Contains([]string{"Wait", "Ignore", "Terminate"}, v) {
		return x, invalid("StandbyInstances is Wait, Ignore or Terminate, not %s.", v)
	}
	return x, nil
}

func (s *Service) startInstanceRefresh(ctx context.Context, in *api.StartInstanceRefreshInput) (*api.StartInstanceRefreshOutput, error) {
	var g group
	if err := s.view(ctx, func(t *tx) (err error) { g, err = t.group(in.AutoScalingGroupName); return err }); err != nil {
		return nil, err
	}
	if ptr.Or(in.Strategy, "Rolling") != "Rolling" {
		return nil, invalid("Local AWS supports the strategy Rolling.")
	}
	want := g.LaunchTemplate
	if d := in.DesiredConfiguration; d != nil {
		if d.LaunchTemplate == nil {
			return nil, invalid("Local AWS wants a LaunchTemplate in DesiredConfiguration.")
		}
		want = d.LaunchTemplate
	}
	target, err := s.template(ctx, want)
	if err != nil {
		return nil, err
	}
	before, err := s.template(ctx, g.LaunchTemplate)
	if err != nil {
		return nil, err
	}
	p, err := g.preferences(in.Preferences)
	if err != nil {
		return nil, err
	}
	if *p.AutoRollback {
		if in.DesiredConfiguration == nil {
			return nil, invalid("AutoRollback needs a DesiredConfiguration to roll back from.")
		}
		if !numbered(g.LaunchTemplate) || !numbered(want) {
			return nil, invalid("AutoRollback needs launch template versions by number, of the group and of the desired configuration: $Latest and $Default cannot be rolled back to.")
		}
	}
	if a := p.AlarmSpecification; a != nil {
		if err := s.checkAlarms(ctx, a.Alarms); err != nil {
			return nil, err
		}
	}
	out := &api.StartInstanceRefreshOutput{}
	return out, s.update(ctx, func(t *tx) error {
		if _, busy := t.activeRefresh(g.name()); busy {
			return wire.Errorf(400, "InstanceRefreshInProgress", "An Instance Refresh is already in progress and blocks the execution of this Instance Refresh.")
		}
		r := refresh{Target: target, Before: before, Moved: t.now, InstanceRefresh: api.InstanceRefresh{
			InstanceRefreshId: new(newID(t.now)), AutoScalingGroupName: g.AutoScalingGroupName, Status: new(refreshPending), StartTime: new(t.now),
			Preferences: &p, DesiredConfiguration: in.DesiredConfiguration,
		}}
		for _, m := range t.members(g.name()) {
			if !m.leaving() && !(*p.SkipMatching && sameTemplate(m.Template, target)) {
				r.Replace = append(r.Replace, m.ID)
			}
		}
		r.Total = len(r.Replace)
		r.tell(r.Total)
		t.putRefresh(r)
		out.InstanceRefreshId = r.InstanceRefreshId
		return nil
	})
}

func (s *Service) cancelInstanceRefresh(ctx context.Context, in *api.CancelInstanceRefreshInput) (*api.CancelInstanceRefreshOutput, error) {
	out := &api.CancelInstanceRefreshOutput{}
	return out, s.changeRefresh(ctx, in.AutoScalingGroupName, func(t *tx, _ group, r refresh) error {
		r.Status = new(refreshCancelling)
		t.putRefresh(r)
		out.InstanceRefreshId = r.InstanceRefreshId
		return nil
	})
}

func (s *Service) rollbackInstanceRefresh(ctx context.Context, in *api.RollbackInstanceRefreshInput) (*api.RollbackInstanceRefreshOutput, error) {
	out := &api.RollbackInstanceRefreshOutput{}
	return out, s.changeRefresh(ctx, in.AutoScalingGroupName, func(t *tx, g group, r refresh) error {
		if r.DesiredConfiguration == nil || !numbered(g.LaunchTemplate) || *r.Status == rollbackInProgress {
			return wire.Errorf(400, "IrreversibleInstanceRefresh", "The instance refresh cannot be rolled back: it has no desired configuration, or the group's launch template version is not a number.")
		}
		t.rollBack(&r, "Rollback due to user request.")
		out.InstanceRefreshId = r.InstanceRefreshId
		return nil
	})
}

func (s *Service) changeRefresh(ctx context.Context, name *string, f func(*tx, group, refresh) error) error {
	return s.update(ctx, func(t *tx) error {
		g, err := t.group(name)
		if err != nil {
			return err
		}
		r, ok := t.activeRefresh(g.name())
		if !ok {
			return wire.Errorf(400, "ActiveInstanceRefreshNotFound", "No in progress or pending Instance Refresh found for Auto Scaling group %s", g.name())
		}
		return f(t, g, r)
	})
}

// describeInstanceRefreshes shows the newest first.
func (s *Service) describeInstanceRefreshes(ctx context.Context, in *api.DescribeInstanceRefreshesInput) (*api.DescribeInstanceRefreshesOutput, error) {
	out := &api.DescribeInstanceRefreshesOutput{}
	return out, s.view(ctx, func(t *tx) error {
		g, err := t.group(in.AutoScalingGroupName)
		if err != nil {
			return err
		}
		for _, r := range refreshes.List(t.Tx, store.Key(t.Region, g.name())+"/") {
			if len(in.InstanceRefreshIds) == 0 || slices.Contains(in.InstanceRefreshIds, *r.InstanceRefreshId) {
				out.InstanceRefreshes = append(out.InstanceRefreshes, r.InstanceRefresh)
			}
		}
		slices.Reverse(out.InstanceRefreshes)
		return cut(&out.InstanceRefreshes, func(r api.InstanceRefresh) string { return invert(*r.InstanceRefreshId) }, in.NextToken, in.MaxRecords, &out.NextToken)
	})
}
