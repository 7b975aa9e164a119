package autoscaling

import (
	"context"
	"slices"
	"strings"

	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/wire"
	api "grocery/localaws/wire/api/autoscalingapi"
)

func (s *Service) registerTags(r *wire.Registry) {
	serve(r, api.CreateOrUpdateTags, "Tags", s.createOrUpdateTags)
	serve(r, api.DeleteTags, "Tags", s.deleteTags)
	serve(r, api.DescribeTags, "Filters MaxRecords NextToken", s.describeTags)
}

const resourceType = "auto-scaling-group"

// setTags adds tags to a group or replaces those of the same key.
func setTags(g *group, tags []api.Tag) error {
	for _, x := range tags {
		k := ptr.Val(x.Key)
		if k == "" || len(k) > 128 || len(ptr.Val(x.Value)) > 256 || strings.HasPrefix(k, "aws:") {
			return invalid("A tag key has 1 to 128 characters and does not begin with aws:, a value has at most 256.")
		}
		g.Tags = slices.DeleteFunc(g.Tags, func(t api.TagDescription) bool { return *t.Key == k })
		g.Tags = append(g.Tags, api.TagDescription{
			Key: x.Key, Value: new(ptr.Val(x.Value)), PropagateAtLaunch: new(ptr.Or(x.PropagateAtLaunch, true)), ResourceId: g.AutoScalingGroupName, ResourceType: new(resourceType),
		})
	}
	slices.SortFunc(g.Tags, func(a, b api.TagDescription) int { return strings.Compare(*a.Key, *b.Key) })
	if len(g.Tags) > 50 {
		return wire.Errorf(400, "LimitExceeded", "A group has at most 50 tags.")
	}
	return nil
}

func (s *Service) createOrUpdateTags(ctx context.Context, in *api.CreateOrUpdateTagsInput) (*api.CreateOrUpdateTagsOutput, error) {
	return nil, s.update(ctx, func(t *tx) error {
		for _, x := range in.Tags {
			g, err := t.group(x.ResourceId)
			if err != nil {
				return err
			}
			if err := setTags(&g, []api.Tag{x}); err != nil {
				return err
			}
			t.putGroup(g)
		}
		return nil
	})
}

func (s *Service) deleteTags(ctx context.Context, in *api.DeleteTagsInput) (*api.DeleteTagsOutput, error) {
	return nil, s.update(ctx, func(t *tx) error {
		for _, x := range in.Tags {
			g, err := t.group(x.ResourceId)
			if err != nil {
				return err
			}
			g.Tags = slices.DeleteFunc(g.Tags, func(o api.TagDescription) bool {
				return *o.Key == ptr.Val(x.Key) && (x.Value == nil || *x.Value == *o.Value)
			})
			t.putGroup(g)
		}
		return nil
	})
}

func (s *Service) describeTags(ctx context.Context, in *api.DescribeTagsInput) (*api.DescribeTagsOutput, error) {
	out := &api.DescribeTagsOutput{}
	return out, s.view(ctx, func(t *tx) error {
		for _, g := range t.groups() {
		next:
			for _, x := range g.Tags {
				for _, f := range in.Filters {
					v, ok := map[string]string{
						"auto-scaling-group": g.name(), "key": *x.Key, "value": *x.Value, "propagate-at-launch": map[bool]string{true: "true", false: "false"}[*x.PropagateAtLaunch],
					}[ptr.Val(f.Name)]
					if !ok {
						return invalid("Filter type %s is not correct. Allowed Filter types are: auto-scaling-group key value propagate-at-launch", ptr.Val(f.Name))
					}
					if !slices.Contains(f.Values, v) {
						continue next
					}
				}
				out.Tags = append(out.Tags, x)
			}
		}
		return cut(&out.Tags, func(x api.TagDescription) string { return *x.ResourceId + "/" + *x.Key }, in.NextToken, in.MaxRecords, &out.NextToken)
	})
}
