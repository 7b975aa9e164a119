package events

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"grocery/localaws/service/events/pattern"
	"grocery/localaws/service/internal/page"
	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/store"
	"grocery/localaws/wire"
	api "grocery/localaws/wire/api/eventsapi"
)

// rule says which events, or which times, go to which targets.
type rule struct {
	Region      string            `json:"region"`
	Bus         string            `json:"bus"`
	Name        string            `json:"name"`
	Description string            `json:"description,omitempty"`
	Pattern     string            `json:"pattern,omitempty"`
	Schedule    string            `json:"schedule,omitempty"`
	RoleARN     string            `json:"role_arn,omitempty"`
	State       string            `json:"state"`
	Tags        map[string]string `json:"tags,omitempty"`
	Targets     []target          `json:"targets,omitempty"` // by id
}

var rules = store.Table[rule]{Name: "events.rules"}

// The states of a rule.
const (
	enabled  = "ENABLED"
	disabled = "DISABLED"
)

func (r *rule) key() string { return store.Key(r.Region, r.Bus, r.Name) }

// arn leaves the default bus out, as AWS does.
func (r *rule) arn() string {
	path := r.Name
	if r.Bus != defaultBus {
		path = r.Bus + "/" + r.Name
	}
	return "arn:" + wire.Partition + ":events:" + r.Region + ":" + wire.Account + ":rule/" + path
}

func noRule(name, bus string) error {
	return notFound("Rule %s does not exist on EventBus %s.", name, bus)
}

func findRule(ctx context.Context, tx store.Tx, busName *string, name string) (rule, error) {
	b, err := findBus(ctx, tx, busName)
	if err != nil {
		return rule{}, err
	}
	r, ok := rules.Get(tx, store.Key(b.Region, b.Name, name))
	if !ok {
		return r, noRule(name, b.Name)
	}
	return r, nil
}

func findRuleARN(ctx context.Context, tx store.Tx, arn string) (rule, error) {
	_, path, ok := strings.Cut(arn, ":rule/")
	busName, name, hasBus := strings.Cut(path, "/")
	if !hasBus {
		busName, name = defaultBus, path
	}
	r, err := findRule(ctx, tx, &busName, name)
	if !ok || err != nil || r.arn() != arn {
		return r, notFound("Rule %s does not exist.", arn)
	}
	return r, nil
}

var ruleName = regexp.MustCompile(`^[.\-_A-Za-z0-9]{1,64}$`)

// checkPattern refuses what is no event pattern.
func checkPattern(text string) error {
	if _, err := pattern.Parse(text); err != nil {
		return wire.Errorf(400, "InvalidEventPatternException", "Event pattern is not valid. Reason: %s", err)
	}
	return nil
}

// putRule makes or changes a rule; its targets and, on a change, its tags stay.
// See https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutRule.html.
func (s *Service) putRule(ctx context.Context, in *api.PutRuleInput) (*api.PutRuleOutput, error) {
	pat, sched, state := ptr.Val(in.EventPattern), ptr.Val(in.ScheduleExpression), ptr.Or(in.State, enabled)
	switch {
	case !ruleName.MatchString(*in.Name):
		return nil, invalid("Invalid name %q: a rule has 1 to 64 letters, digits, '.', '-' and '_'.", *in.Name)
	case pat == "" && sched == "":
		return nil, invalid("Parameter(s) EventPattern or ScheduleExpression must be specified.")
	case state == "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS":
		return nil, invalid("Local AWS has no CloudTrail: use the state ENABLED.")
	case state != enabled && state != disabled:
		return nil, invalid("%s is no state of a rule: ENABLED and DISABLED are.", state)
	}
	if pat != "" {
		if err := checkPattern(pat); err != nil {
			return nil, err
		}
	}
	if sched != "" {
		if _, err := parseSchedule(sched); err != nil {
			return nil, invalid("Parameter ScheduleExpression is not valid. %s", err)
		}
	}
	out := &api.PutRuleOutput{}
	return out, s.d.Store.Update(func(tx store.Tx) error {
		b, err := findBus(ctx, tx, in.EventBusName)
		if err != nil {
			return err
		}
		if sched != "" && b.Name != defaultBus {
			return invalid("ScheduleExpression is supported only on the default event bus.")
		}
		r, there := rules.Get(tx, store.Key(b.Region, b.Name, *in.Name))
		if !there {
			r = rule{Region: b.Region, Bus: b.Name, Name: *in.Name}
			if r.Tags, err = addTags(nil, in.Tags); err != nil {
				return err
			}
		}
		r.Description, r.Pattern, r.Schedule, r.RoleARN, r.State = ptr.Val(in.Description), pat, sched, ptr.Val(in.RoleArn), state
		rules.Put(tx, r.key(), r)
		out.RuleArn = new(r.arn())
		return nil
	})
}

func (s *Service) describeRule(ctx context.Context, in *api.DescribeRuleInput) (*api.DescribeRuleOutput, error) {
	out := &api.DescribeRuleOutput{}
	return out, s.d.Store.View(func(tx store.Tx) error {
		r, err := findRule(ctx, tx, in.EventBusName, *in.Name)
		if err != nil {
			return err
		}
		x := r.shape()
		*out = api.DescribeRuleOutput{Arn: x.Arn, CreatedBy: new(wire.Account), Description: x.Description, EventBusName: x.EventBusName, EventPattern: x.EventPattern,
			Name: x.Name, RoleArn: x.RoleArn, ScheduleExpression: x.ScheduleExpression, State: x.State}
		return nil
	})
}

func (r *rule) shape() api.Rule {
	return api.Rule{Arn: new(r.arn()), Description: ptr.NonZero(r.Description), EventBusName: new(r.Bus), EventPattern: ptr.NonZero(r.Pattern),
		Name: new(r.Name), RoleArn: ptr.NonZero(r.RoleARN), ScheduleExpression: ptr.NonZero(r.Schedule), State: new(r.State)}
}

func (s *Service) listRules(ctx context.Context, in *api.ListRulesInput) (*api.ListRulesOutput, error) {
	out := &api.ListRulesOutput{Rules: []api.Rule{}}
	return out, s.d.Store.View(func(tx store.Tx) error {
		b, err := findBus(ctx, tx, in.EventBusName)
		if err != nil {
			return err
		}
		all := rules.List(tx, store.Key(b.Region, b.Name, ptr.Val(in.NamePrefix)))
		all, next, err := page.Cut(all, func(r rule) string { return r.Name }, in.NextToken, in.Limit, 100)
		if err != nil {
			return invalid("The NextToken value is invalid.")
		}
		for _, r := range all {
			out.Rules = append(out.Rules, r.shape())
		}
		out.NextToken = next
		return nil
	})
}

func (s *Service) listRuleNamesByTarget(ctx context.Context, in *api.ListRuleNamesByTargetInput) (*api.ListRuleNamesByTargetOutput, error) {
	out := &api.ListRuleNamesByTargetOutput{RuleNames: []string{}}
	return out, s.d.Store.View(func(tx store.Tx) error {
		b, err := findBus(ctx, tx, in.EventBusName)
		if err != nil {
			return err
		}
		var names []string
		for _, r := range rules.List(tx, store.Key(b.Region, b.Name)+"/") {
			if slices.ContainsFunc(r.Targets, func(t target) bool { return t.ARN == *in.TargetArn }) {
				names = append(names, r.Name)
			}
		}
		names, next, err := page.Cut(names, func(n string) string { return n }, in.NextToken, in.Limit, 100)
		if err != nil {
			return invalid("The NextToken value is invalid.")
		}
		out.RuleNames, out.NextToken = append(out.RuleNames, names...), next
		return nil
	})
}

// change runs f over a rule and stores what f made of it.
func (s *Service) change(ctx context.Context, busName *string, name string, f func(r *rule) error) error {
	return s.d.Store.Update(func(tx store.Tx) error {
		r, err := findRule(ctx, tx, busName, name)
		if err != nil {
			return err
		}
		if err := f(&r); err != nil {
			return err
		}
		rules.Put(tx, r.key(), r)
		return nil
	})
}

func (s *Service) enableRule(ctx context.Context, in *api.EnableRuleInput) (*api.EnableRuleOutput, error) {
	return nil, s.change(ctx, in.EventBusName, *in.Name, func(r *rule) error { r.State = enabled; return nil })
}

func (s *Service) disableRule(ctx context.Context, in *api.DisableRuleInput) (*api.DisableRuleOutput, error) {
	return nil, s.change(ctx, in.EventBusName, *in.Name, func(r *rule) error { r.State = disabled; return nil })
}

func (s *Service) deleteRule(ctx context.Context, in *api.DeleteRuleInput) (*api.DeleteRuleOutput, error) {
	return nil, s.d.Store.Update(func(tx store.Tx) error {
		r, err := findRule(ctx, tx, in.EventBusName, *in.Name)
		switch {
		case wire.Code(err) == "ResourceNotFoundException":
			return nil // AWS reports success too
		case err != nil:
			return err
		case len(r.Targets) > 0:
			return invalid("Rule can't be deleted since it has targets.")
		}
		rules.Delete(tx, r.key())
		return nil
	})
}

// testEventPattern compares an event, which must have EventBridge's form, with
// a pattern.
func (s *Service) testEventPattern(_ context.Context, in *api.TestEventPatternInput) (*api.TestEventPatternOutput, error) {
	p, err := pattern.Parse(*in.EventPattern)
	if err != nil {
		return nil, checkPattern(*in.EventPattern)
	}
	v, err := pattern.Decode([]byte(*in.Event))
	event, ok := v.(map[string]any)
	if err != nil || !ok {
		return nil, invalid("Parameter Event is not valid. Reason: it is no JSON object.")
	}
	for _, k := range []string{"id", "account", "source", "time", "region", "resources", "detail-type"} {
		if _, ok := event[k]; !ok {
			return nil, invalid("Parameter Event is not valid. Reason: it lacks %q.", k)
		}
	}
	return &api.TestEventPatternOutput{Result: new(p.Match(event))}, nil
}
