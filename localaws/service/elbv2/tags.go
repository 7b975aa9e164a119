package elbv2

import (
	"context"
	"maps"
	"strings"

	"grocery/localaws/store"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/elbv2api"
)

func (s *Service) addTags(ctx context.Context, in *elbv2api.AddTagsInput) (*elbv2api.AddTagsOutput, error) {
	add, err := tagMap(in.Tags)
	if err != nil {
		return nil, err
	}
	return nil, s.d.Store.Update(func(tx store.Tx) error {
		for _, arn := range in.ResourceArns {
			total := 0
			if err := setTags(tx, arn, func(m map[string]string) map[string]string {
				maps.Copy(m, add)
				total = len(m)
				return m
			}); err != nil {
				return err
			}
			if total > 50 {
				return wire.Errorf(400, "TooManyTags", "The maximum number of tags for '%s' is 50", arn)
			}
		}
		return nil
	})
}

func (s *Service) removeTags(ctx context.Context, in *elbv2api.RemoveTagsInput) (*elbv2api.RemoveTagsOutput, error) {
	return nil, s.d.Store.Update(func(tx store.Tx) error {
		for _, arn := range in.ResourceArns {
			if err := setTags(tx, arn, func(m map[string]string) map[string]string {
				for _, k := range in.TagKeys {
					delete(m, k)
				}
				return m
			}); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *Service) describeTags(ctx context.Context, in *elbv2api.DescribeTagsInput) (*elbv2api.DescribeTagsOutput, error) {
	if len(in.ResourceArns) > 20 {
		return nil, invalid("At most 20 resources can be described at once")
	}
	var out elbv2api.DescribeTagsOutput
	return &out, s.d.Store.View(func(tx store.Tx) error {
		for _, arn := range in.ResourceArns {
			m, err := tagsOf(tx, arn)
			if err != nil {
				return err
			}
			out.TagDescriptions = append(out.TagDescriptions, elbv2api.TagDescription{ResourceArn: new(arn), Tags: tagList(m)})
		}
		return nil
	})
}

// withTags returns the tags of the record that an ARN names and a function
// that puts the record back with other tags.
func withTags(tx store.Tx, arn string) (tags map[string]string, put func(map[string]string), err error) {
	switch {
	case strings.Contains(arn, ":loadbalancer/"):
		b, err := findBalancer(tx, arn)
		return b.Tags, func(m map[string]string) { b.Tags = m; balancers.Put(tx, arn, b) }, err
	case strings.Contains(arn, ":targetgroup/"):
		g, ok := groups.Get(tx, arn)
		if !ok {
			return nil, nil, errGroup(arn)
		}
		return g.Tags, func(m map[string]string) { g.Tags = m; groups.Put(tx, arn, g) }, nil
	case strings.Contains(arn, ":listener/"):
		l, ok := listeners.Get(tx, arn)
		if !ok {
			return nil, nil, errListener(arn)
		}
		return l.Tags, func(m map[string]string) { l.Tags = m; listeners.Put(tx, arn, l) }, nil
	case strings.Contains(arn, ":listener-rule/"):
		if r, ok := rules.Get(tx, arn); ok {
			return r.Tags, func(m map[string]string) { r.Tags = m; rules.Put(tx, arn, r) }, nil
		}
		l, err := defaultRuleOf(tx, arn)
		return l.RuleTags, func(m map[string]string) { l.RuleTags = m; listeners.Put(tx, l.ARN, l) }, err
	}
	return nil, nil, invalid("'%s' is not a valid ARN of a load balancer, target group, listener or rule", arn)
}

// setTags applies a change to the tags of the record that an ARN names.
func setTags(tx store.Tx, arn string, f func(map[string]string) map[string]string) error {
	m, put, err := withTags(tx, arn)
	if err != nil {
		return err
	}
	if m == nil {
		m = map[string]string{}
	}
	put(f(m))
	return nil
}

func tagsOf(tx store.Tx, arn string) (map[string]string, error) {
	m, _, err := withTags(tx, arn)
	return m, err
}
