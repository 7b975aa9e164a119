package autoscaling

import (
	"context"
	"slices"

	"grocery/localaws/wire"
	"grocery/localaws/wire/api/elbv2api"
)

// register makes an instance a target of all target groups, and of
// no others.
func (s *Service) register(ctx context.Context, g group, m member) error {
	if g.suspended("AddToLoadBalancer") {
		return nil
	}
	for _, arn := range g.TargetGroupARNs {
		if slices.Contains(m.Registered, arn) {
			continue
		}
		_, err := wire.Invoke(ctx, s.d.Calls, elbv2api.RegisterTargets, &elbv2api.RegisterTargetsInput{TargetGroupArn: new(arn), Targets: []elbv2api.TargetDescription{{Id: new(m.ID)}}})
		if err != nil {
			return err
		}
		if err := s.change(ctx, m, func(t *tx, _ *group, m *member) error {
			if !slices.Contains(m.Registered, arn) {
				m.Registered = append(m.Registered, arn)
			}
			t.putMember(*m)
			return nil
		}); err != nil {
			return err
		}
	}
	for _, arn := range m.Registered {
		if !slices.Contains(g.TargetGroupARNs, arn) {
			if err := s.unregister(ctx, m, arn); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Service) deregister(ctx context.Context, arn, id string) error {
	_, err := wire.Invoke(ctx, s.d.Calls, elbv2api.DeregisterTargets, &elbv2api.DeregisterTargetsInput{TargetGroupArn: &arn, Targets: []elbv2api.TargetDescription{{Id: &id}}})
	if wire.Code(err) == "TargetGroupNotFound" {
		return nil
	}
	return err
}

func (s *Service) unregister(ctx context.Context, m member, arn string) error {
	if err := s.deregister(ctx, arn, m.ID); err != nil {
		return err
	}
	return s.change(ctx, m, func(t *tx, _ *group, m *member) error {
		m.Registered = slices.DeleteFunc(m.Registered, func(x string) bool { return x == arn })
		t.putMember(*m)
		return nil
	})
}

func (s *Service) deregisterAll(ctx context.Context, m member) error {
	for _, arn := range m.Registered {
		if err := s.unregister(ctx, m, arn); err != nil {
			return err
		}
	}
	return nil
}
