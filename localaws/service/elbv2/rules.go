package elbv2

import (
	"cmp"
	"context"
	"slices"
	"strconv"

	"grocery/localaws/store"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/elbv2api"
)

func errRule(arn string) error {
	return wire.Errorf(400, "RuleNotFound", "One or more rules not found: '%s'", arn)
}

func sortRules(all []rule) {
	slices.SortFunc(all, func(a, b rule) int { return cmp.Compare(a.Priority, b.Priority) })
}

func checkPriority(tx store.Tx, listenerARN string, priority int, except ...string) error {
	if priority < 1 || priority > 50000 {
		return invalid("The priority must be between 1 and 50000")
	}
	for _, r := range rulesOf(tx, listenerARN) {
		if r.Priority == priority && !slices.Contains(except, r.ARN) {
			return wire.Errorf(400, "PriorityInUse", "Priority '%d' is currently in use", priority)
		}
	}
	return nil
}

func (s *Service) createRule(ctx context.Context, in *elbv2api.CreateRuleInput) (*elbv2api.CreateRuleOutput, error) {
	tags, err := tagMap(in.Tags)
	if err != nil {
		return nil, err
	}
	conditions, err := checkConditions(in.Conditions)
	if err != nil {
		return nil, err
	}
	r := rule{Listener: str(in.ListenerArn), Priority: num(in.Priority), Conditions: conditions, Tags: tags}
	err = s.d.Store.Update(func(tx store.Tx) error {
		l, ok := listeners.Get(tx, r.Listener)
		if !ok {
			return errListener(r.Listener)
		}
		b, err := findBalancer(tx, l.Balancer)
		if err != nil {
			return err
		}
		if err := checkPriority(tx, l.ARN, r.Priority); err != nil {
			return err
		}
		if r.Actions, err = checkActions(tx, b, in.Actions); err != nil {
			return err
		}
		r.ARN = childPrefix(l.ARN, ":listener/", ":listener-rule/") + newID()
		rules.Put(tx, r.ARN, r)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &elbv2api.CreateRuleOutput{Rules: []elbv2api.Rule{r.shape()}}, nil
}

func (r rule) shape() elbv2api.Rule {
	return elbv2api.Rule{RuleArn: new(r.ARN), Priority: new(strconv.Itoa(r.Priority)), Conditions: r.Conditions, Actions: r.Actions, IsDefault: new(false)}
}

func (l listener) defaultShape() elbv2api.Rule {
	return elbv2api.Rule{RuleArn: new(l.DefaultRule), Priority: new("default"), Conditions: []elbv2api.RuleCondition{}, Actions: l.Actions, IsDefault: new(true)}
}

func (s *Service) describeRules(ctx context.Context, in *elbv2api.DescribeRulesInput) (*elbv2api.DescribeRulesOutput, error) {
	var found []elbv2api.Rule
	err := s.d.Store.View(func(tx store.Tx) error {
		if (in.ListenerArn == nil) == (len(in.RuleArns) == 0) {
			return invalid("You must specify either a listener ARN or rule ARNs")
		}
		if in.ListenerArn != nil {
			l, ok := listeners.Get(tx, *in.ListenerArn)
			if !ok {
				return errListener(*in.ListenerArn)
			}
			for _, r := range rulesOf(tx, l.ARN) {
				found = append(found, r.shape())
			}
			found = append(found, l.defaultShape())
			return nil
		}
		for _, arn := range in.RuleArns {
			if r, ok := rules.Get(tx, arn); ok {
				found = append(found, r.shape())
				continue
			}
			l, err := defaultRuleOf(tx, arn)
			if err != nil {
				return err
			}
			found = append(found, l.defaultShape())
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	part, next, err := page(found, in.Marker, in.PageSize)
	return &elbv2api.DescribeRulesOutput{Rules: part, NextMarker: next}, err
}

func (s *Service) modifyRule(ctx context.Context, in *elbv2api.ModifyRuleInput) (*elbv2api.ModifyRuleOutput, error) {
	var r rule
	err := s.d.Store.Update(func(tx store.Tx) (err error) {
		var ok bool
		if r, ok = rules.Get(tx, str(in.RuleArn)); !ok {
			if _, err := defaultRuleOf(tx, str(in.RuleArn)); err == nil {
				return wire.Errorf(400, "OperationNotPermitted", "Default rule '%s' cannot be modified", str(in.RuleArn))
			}
			return errRule(str(in.RuleArn))
		}
		if len(in.Conditions) > 0 {
			if r.Conditions, err = checkConditions(in.Conditions); err != nil {
				return err
			}
		}
		if len(in.Actions) > 0 {
			l, _ := listeners.Get(tx, r.Listener)
			b, err := findBalancer(tx, l.Balancer)
			if err != nil {
				return err
			}
			if r.Actions, err = checkActions(tx, b, in.Actions); err != nil {
				return err
			}
		}
		rules.Put(tx, r.ARN, r)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &elbv2api.ModifyRuleOutput{Rules: []elbv2api.Rule{r.shape()}}, nil
}

func (s *Service) deleteRule(ctx context.Context, in *elbv2api.DeleteRuleInput) (*elbv2api.DeleteRuleOutput, error) {
	arn := str(in.RuleArn)
	return nil, s.d.Store.Update(func(tx store.Tx) error {
		if _, ok := rules.Get(tx, arn); !ok {
			if _, err := defaultRuleOf(tx, arn); err == nil {
				return wire.Errorf(400, "OperationNotPermitted", "Default rule '%s' cannot be deleted", arn)
			}
			return errRule(arn)
		}
		rules.Delete(tx, arn)
		return nil
	})
}

// setRulePriorities changes several priorities at once, so that rules can
// trade places.
func (s *Service) setRulePriorities(ctx context.Context, in *elbv2api.SetRulePrioritiesInput) (*elbv2api.SetRulePrioritiesOutput, error) {
	var out elbv2api.SetRulePrioritiesOutput
	return &out, s.d.Store.Update(func(tx store.Tx) error {
		var moved []string
		for _, p := range in.RulePriorities {
			moved = append(moved, str(p.RuleArn))
		}
		taken := map[string]bool{}
		for _, p := range in.RulePriorities {
			r, ok := rules.Get(tx, str(p.RuleArn))
			if !ok {
				return errRule(str(p.RuleArn))
			}
			if err := checkPriority(tx, r.Listener, num(p.Priority), moved...); err != nil {
				return err
			}
			r.Priority = num(p.Priority)
			if k := store.Key(r.Listener, strconv.Itoa(r.Priority)); taken[k] {
				return wire.Errorf(400, "PriorityInUse", "Priority '%d' is specified more than once", r.Priority)
			} else {
				taken[k] = true
			}
			rules.Put(tx, r.ARN, r)
			out.Rules = append(out.Rules, r.shape())
		}
		return nil
	})
}
