package ecr

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"grocery/localaws/store"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/ecrapi"
)

// lifecycle is a lifecycle policy; see
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_parameters.html.
type lifecycle struct {
	Rules []lifecycleRule `json:"rules"`
}

type lifecycleRule struct {
	RulePriority int    `json:"rulePriority"`
	Description  string `json:"description"`
	Selection    struct {
		TagStatus      string   `json:"tagStatus"`
		TagPrefixList  []string `json:"tagPrefixList"`
		TagPatternList []string `json:"tagPatternList"`
		CountType      string   `json:"countType"`
		CountUnit      string   `json:"countUnit"`
		CountNumber    int      `json:"countNumber"`
	} `json:"selection"`
	Action struct {
		Type string `json:"type"`
	} `json:"action"`
}

// parseLifecycle reads and checks a policy. What this package would not apply
// is refused.
func parseLifecycle(text string) (p lifecycle, err error) {
	bad := func(why string) (lifecycle, error) {
		return p, invalid("Invalid parameter at 'LifecyclePolicyText' failed to satisfy constraint: 'Lifecycle policy validation failure: %s'", why)
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&p); err != nil {
		return bad(err.Error())
	}
	if len(p.Rules) == 0 || len(p.Rules) > 50 {
		return bad("a policy has 1 to 50 rules")
	}
	slices.SortFunc(p.Rules, func(a, b lifecycleRule) int { return cmp.Compare(a.RulePriority, b.RulePriority) })
	for i, r := range p.Rules {
		s := r.Selection
		lists := len(s.TagPrefixList) + len(s.TagPatternList)
		switch {
		case r.RulePriority < 1:
			return bad("rulePriority must be at least 1")
		case i > 0 && p.Rules[i-1].RulePriority == r.RulePriority:
			return bad("rulePriority must be unique")
		case r.Action.Type != "expire":
			return bad("the action type must be 'expire'")
		case s.CountNumber < 1:
			return bad("countNumber must be at least 1")
		case s.CountType == "sinceImagePushed" && s.CountUnit != "days":
			return bad("countUnit must be 'days' for sinceImagePushed")
		case s.CountType == "imageCountMoreThan" && s.CountUnit != "":
			return bad("countUnit does not go with imageCountMoreThan")
		case s.CountType != "sinceImagePushed" && s.CountType != "imageCountMoreThan":
			return bad("countType must be imageCountMoreThan or sinceImagePushed")
		case s.TagStatus != "tagged" && s.TagStatus != "untagged" && s.TagStatus != "any":
			return bad("tagStatus must be tagged, untagged or any")
		case s.TagStatus == "tagged" && (lists == 0 || len(s.TagPrefixList) > 0 && len(s.TagPatternList) > 0):
			return bad("tagStatus 'tagged' needs either tagPrefixList or tagPatternList")
		case s.TagStatus != "tagged" && lists > 0:
			return bad("tagPrefixList and tagPatternList need tagStatus 'tagged'")
		case s.TagStatus == "any" && i != len(p.Rules)-1:
			return bad("a rule with tagStatus 'any' must have the highest rulePriority")
		}
	}
	return p, nil
}

// selects tells whether a rule is about an image. Every listed prefix or
// pattern must be met by one of its tags.
func (r lifecycleRule) selects(i image) bool {
	s := r.Selection
	switch s.TagStatus {
	case "any":
		return true
	case "untagged":
		return len(i.Tags) == 0
	}
	some := func(ok func(tag string) bool) bool { return slices.ContainsFunc(i.Tags, ok) }
	for _, p := range s.TagPrefixList {
		if !some(func(t string) bool { return strings.HasPrefix(t, p) }) {
			return false
		}
	}
	for _, p := range s.TagPatternList {
		if !some(func(t string) bool { return wildcard(p, t) }) {
			return false
		}
	}
	return len(i.Tags) > 0
}

// wildcard matches a pattern in which * stands for any run of characters.
func wildcard(pattern, s string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == s
	}
	if !strings.HasPrefix(s, parts[0]) {
		return false
	}
	s = s[len(parts[0]):]
	for _, p := range parts[1 : len(parts)-1] {
		i := strings.Index(s, p)
		if i < 0 {
			return false
		}
		s = s[i+len(p):]
	}
	return strings.HasSuffix(s, parts[len(parts)-1])
}

// expired lists the images a policy expires; all must be ordered youngest
// first. An image that a rule is about is out of reach of all later rules, and
// one that an index lists goes with its index only.
func (p lifecycle) expired(all []image, now time.Time) (gone []image) {
	claimed, listed := map[string]bool{}, map[string]bool{}
	for _, i := range all {
		for _, d := range i.Children {
			listed[d] = true
		}
	}
	for _, r := range p.Rules {
		kept := 0
		for _, i := range all {
			if !r.selects(i) {
				continue
			}
			over := false
			if r.Selection.CountType == "imageCountMoreThan" {
				kept++
				over = kept > r.Selection.CountNumber
			} else {
				over = now.Sub(i.Pushed) > time.Duration(r.Selection.CountNumber)*24*time.Hour
			}
			if over && !claimed[i.Digest] && !listed[i.Digest] {
				gone = append(gone, i)
			}
			claimed[i.Digest] = true
		}
	}
	return gone
}

// applyLifecycle expires what the repositories' policies say.
func (s *Service) applyLifecycle(context.Context) error {
	now := s.d.Clock.Now()
	var all []repository
	if err := s.d.Store.View(func(tx store.Tx) error {
		all = slices.DeleteFunc(repositories.List(tx, ""), func(r repository) bool { return r.Lifecycle == "" })
		return nil
	}); err != nil {
		return err
	}
	for _, r := range all {
		var gone []image
		if err := s.d.Store.Update(func(tx store.Tx) error {
			now0, ok := repositories.Get(tx, key(r.Region, r.Name))
			if !ok || now0.Lifecycle == "" {
				return nil
			}
			p, err := parseLifecycle(now0.Lifecycle)
			if err != nil {
				return err
			}
			gone = p.expired(imagesOf(tx, now0), now)
			for _, i := range gone {
				images.Delete(tx, i.key())
			}
			if len(gone) > 0 || now.Sub(now0.Evaluated) >= time.Hour {
				now0.Evaluated = now
				repositories.Put(tx, key(r.Region, r.Name), now0)
			}
			return nil
		}); err != nil {
			return err
		}
		for _, i := range gone {
			s.d.Log.Info("lifecycle policy expired an image", "repository", r.Name, "digest", i.Digest, "tags", i.Tags)
		}
	}
	return nil
}

func errLifecycle(name string) error {
	return wire.Errorf(400, "LifecyclePolicyNotFoundException", "Lifecycle policy does not exist for the repository with name '%s' in the registry with id '%s'", name, wire.Account)
}

func (s *Service) putLifecyclePolicy(ctx context.Context, in *ecrapi.PutLifecyclePolicyInput) (*ecrapi.PutLifecyclePolicyOutput, error) {
	if _, err := parseLifecycle(*in.LifecyclePolicyText); err != nil {
		return nil, err
	}
	err := s.change(ctx, in.RegistryId, in.RepositoryName, func(r *repository) error {
		r.Lifecycle, r.Evaluated = *in.LifecyclePolicyText, time.Time{}
		return nil
	})
	return &ecrapi.PutLifecyclePolicyOutput{RegistryId: new(wire.Account), RepositoryName: in.RepositoryName, LifecyclePolicyText: in.LifecyclePolicyText}, err
}

func (s *Service) getLifecyclePolicy(ctx context.Context, in *ecrapi.GetLifecyclePolicyInput) (*ecrapi.GetLifecyclePolicyOutput, error) {
	out := ecrapi.GetLifecyclePolicyOutput{RegistryId: new(wire.Account), RepositoryName: in.RepositoryName}
	return &out, s.see(ctx, in.RegistryId, in.RepositoryName, func(r repository) error {
		if r.Lifecycle == "" {
			return errLifecycle(r.Name)
		}
		out.LifecyclePolicyText = new(r.Lifecycle)
		if !r.Evaluated.IsZero() {
			out.LastEvaluatedAt = new(r.Evaluated)
		}
		return nil
	})
}

func (s *Service) deleteLifecyclePolicy(ctx context.Context, in *ecrapi.DeleteLifecyclePolicyInput) (*ecrapi.DeleteLifecyclePolicyOutput, error) {
	out := ecrapi.DeleteLifecyclePolicyOutput{RegistryId: new(wire.Account), RepositoryName: in.RepositoryName}
	return &out, s.change(ctx, in.RegistryId, in.RepositoryName, func(r *repository) error {
		if r.Lifecycle == "" {
			return errLifecycle(r.Name)
		}
		out.LifecyclePolicyText, r.Lifecycle = new(r.Lifecycle), ""
		return nil
	})
}
