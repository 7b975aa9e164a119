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
	api "grocery/localaws/wire/api/eventsapi"
)

// target is where a rule's events go, and in which form.
type target struct {
	ID          string            `json:"id"`
	ARN         string            `json:"arn"`
	RoleARN     string            `json:"role_arn,omitempty"`
	Input       *string           `json:"input,omitempty"`
	InputPath   *string           `json:"input_path,omitempty"`
	Template    *string           `json:"template,omitempty"` // of an input transformer
	Paths       map[string]string `json:"paths,omitempty"`    // its variables
	DeadLetters string            `json:"dead_letters,omitempty"`
	MaxAge      *int64            `json:"max_age,omitempty"` // seconds
	MaxAttempts *int64            `json:"max_attempts,omitempty"`
}

// AWS's retry policy for a target that sets none.
const (
	defaultMaxAge      = 86400
	defaultMaxAttempts = 185
)

// The services that are targets.
var targetARNs = map[string]*regexp.Regexp{
	"states": regexp.MustCompile(`^arn:aws:states:[a-z0-9-]+:[0-9]{12}:stateMachine:[A-Za-z0-9_-]+(:[A-Za-z0-9_-]+)?$`),
	"lambda": regexp.MustCompile(`^arn:aws:lambda:[a-z0-9-]+:[0-9]{12}:function:[A-Za-z0-9_-]+(:[A-Za-z0-9$_-]+)?$`),
	"sqs":    regexp.MustCompile(`^arn:aws:sqs:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]+$`),
	"sns":    regexp.MustCompile(`^arn:aws:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]+$`),
}

// service is the service of the target's ARN.
func (t *target) service() string {
	if parts := strings.SplitN(t.ARN, ":", 4); len(parts) == 4 {
		return parts[2]
	}
	return ""
}

// readTarget checks a target.
func readTarget(x api.Target) (t target, err error) {
	t = target{ID: ptr.Val(x.Id), ARN: ptr.Val(x.Arn), RoleARN: ptr.Val(x.RoleArn), Input: x.Input, InputPath: x.InputPath}
	given := 0
	for _, set := range []bool{x.Input != nil, x.InputPath != nil, x.InputTransformer != nil} {
		if set {
			given++
		}
	}
	arn, served := targetARNs[t.service()]
	switch {
	case !ruleName.MatchString(t.ID):
		return t, invalid("Invalid target id %q: it has 1 to 64 letters, digits, '.', '-' and '_'.", t.ID)
	case !served:
		return t, invalid("Local AWS delivers events to Step Functions, Lambda, SQS and SNS, not to %s (target %s).", t.ARN, t.ID)
	case !arn.MatchString(t.ARN):
		return t, invalid("Parameter %s is not valid. Reason: Provided Arn is not in correct format.", t.ARN)
	case t.service() == "states" && t.RoleARN == "":
		return t, invalid("RoleArn is required for target %s.", t.ARN)
	case x.AppSyncParameters != nil || x.BatchParameters != nil || x.EcsParameters != nil || x.HttpParameters != nil || x.KinesisParameters != nil || x.RedshiftDataParameters != nil || x.RunCommandParameters != nil || x.SageMakerPipelineParameters != nil || x.SqsParameters != nil:
		return t, invalid("Target %s has parameters of another kind of target than %s; FIFO queues are not offered.", t.ID, t.service())
	case given > 1:
		return t, invalid("Only one of Input, InputPath, or InputTransformer must be provided for target %s.", t.ID)
	}
	if x.Input != nil {
		if _, err := pattern.Decode([]byte(*x.Input)); err != nil {
			return t, invalid("Invalid Input for target %s: it is no JSON.", t.ID)
		}
	}
	if x.InputPath != nil {
		if _, err := parsePath(*x.InputPath); err != nil {
			return t, invalid("Invalid InputPath for target %s: %s.", t.ID, err)
		}
	}
	if i := x.InputTransformer; i != nil {
		t.Template, t.Paths = i.InputTemplate, i.InputPathsMap
		if err := checkTransformer(ptr.Val(i.InputTemplate), i.InputPathsMap); err != nil {
			return t, invalid("Invalid InputTemplate for target %s: %s.", t.ID, err)
		}
	}
	if d := x.DeadLetterConfig; d != nil && d.Arn != nil {
		if t.DeadLetters = *d.Arn; !targetARNs["sqs"].MatchString(t.DeadLetters) {
			return t, invalid("DeadLetterConfig of target %s must name a standard SQS queue, not %s.", t.ID, t.DeadLetters)
		}
	}
	if p := x.RetryPolicy; p != nil {
		t.MaxAge, t.MaxAttempts = p.MaximumEventAgeInSeconds, p.MaximumRetryAttempts
		if age, n := ptr.Or(t.MaxAge, defaultMaxAge), ptr.Or(t.MaxAttempts, 0); age < 60 || age > defaultMaxAge || n < 0 || n > defaultMaxAttempts {
			return t, invalid("RetryPolicy of target %s: MaximumEventAgeInSeconds is 60 to 86400, MaximumRetryAttempts 0 to 185.", t.ID)
		}
	}
	return t, nil
}

func (t *target) shape() api.Target {
	x := api.Target{Id: &t.ID, Arn: &t.ARN, RoleArn: ptr.NonZero(t.RoleARN), Input: t.Input, InputPath: t.InputPath}
	if t.Template != nil {
		x.InputTransformer = &api.InputTransformer{InputTemplate: t.Template, InputPathsMap: t.Paths}
	}
	if t.DeadLetters != "" {
		x.DeadLetterConfig = &api.DeadLetterConfig{Arn: &t.DeadLetters}
	}
	if t.MaxAge != nil || t.MaxAttempts != nil {
		x.RetryPolicy = &api.RetryPolicy{MaximumEventAgeInSeconds: t.MaxAge, MaximumRetryAttempts: t.MaxAttempts}
	}
	return x
}

// maxTargets is how many targets a rule has at most.
const maxTargets = 5

// putTargets adds targets, and replaces those whose id is there already.
func (s *Service) putTargets(ctx context.Context, in *api.PutTargetsInput) (*api.PutTargetsOutput, error) {
	var all []target
	for _, x := range in.Targets {
		t, err := readTarget(x)
		if err != nil {
			return nil, err
		}
		all = append(all, t)
	}
	out := &api.PutTargetsOutput{FailedEntryCount: new(int64(0)), FailedEntries: []api.PutTargetsResultEntry{}}
	return out, s.change(ctx, in.EventBusName, *in.Rule, func(r *rule) error {
		for _, t := range all {
			r.Targets = append(slices.DeleteFunc(r.Targets, func(old target) bool { return old.ID == t.ID }), t)
		}
		slices.SortFunc(r.Targets, func(a, b target) int { return strings.Compare(a.ID, b.ID) })
		if len(r.Targets) > maxTargets {
			return invalid("The requested resource exceeds the maximum number allowed: a rule has at most %d targets.", maxTargets)
		}
		return nil
	})
}

func (s *Service) listTargetsByRule(ctx context.Context, in *api.ListTargetsByRuleInput) (*api.ListTargetsByRuleOutput, error) {
	out := &api.ListTargetsByRuleOutput{Targets: []api.Target{}}
	return out, s.d.Store.View(func(tx store.Tx) error {
		r, err := findRule(ctx, tx, in.EventBusName, *in.Rule)
		if err != nil {
			return err
		}
		all, next, err := page.Cut(r.Targets, func(t target) string { return t.ID }, in.NextToken, in.Limit, 100)
		if err != nil {
			return invalid("The NextToken value is invalid.")
		}
		for _, t := range all {
			out.Targets = append(out.Targets, t.shape())
		}
		out.NextToken = next
		return nil
	})
}

func (s *Service) removeTargets(ctx context.Context, in *api.RemoveTargetsInput) (*api.RemoveTargetsOutput, error) {
	out := &api.RemoveTargetsOutput{FailedEntryCount: new(int64(0)), FailedEntries: []api.RemoveTargetsResultEntry{}}
	return out, s.change(ctx, in.EventBusName, *in.Rule, func(r *rule) error {
		r.Targets = slices.DeleteFunc(r.Targets, func(t target) bool { return slices.Contains(in.Ids, t.ID) })
		return nil
	})
}
