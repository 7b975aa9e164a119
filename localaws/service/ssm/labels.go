package ssm

import (
	"context"
	"maps"
	"regexp"
	"slices"
	"strings"

	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/store"
	"grocery/localaws/wire"
	api "grocery/localaws/wire/api/ssmapi"
)

// edit runs f with the parameter id and stores what f made of it.
func (s *Service) edit(ctx context.Context, id string, missing error, f func(p *parameter) error) error {
	return s.d.Store.Update(func(tx store.Tx) error {
		name, _ := split(id)
		p, ok := parameters.Get(tx, store.Key(wire.CallFrom(ctx).Region, name))
		if !ok {
			return missing
		}
		if err := f(&p); err != nil {
			return err
		}
		parameters.Put(tx, p.key(), p)
		return nil
	})
}

var validLabel = regexp.MustCompile(`^[A-Za-z_.-][A-Za-z0-9_.-]{0,99}$`)

func (s *Service) labelParameterVersion(ctx context.Context, in *api.LabelParameterVersionInput) (*api.LabelParameterVersionOutput, error) {
	out := &api.LabelParameterVersionOutput{}
	return out, s.edit(ctx, *in.Name, errNotFound, func(p *parameter) error {
		v := p.latest()
		if in.ParameterVersion != nil {
			if v = p.number(*in.ParameterVersion); v == nil {
				return wire.Errorf(400, "ParameterVersionNotFound", "Systems Manager could not find version %d of %s.", *in.ParameterVersion, p.Name)
			}
		}
		out.ParameterVersion = &v.Number
		for _, l := range in.Labels {
			lower := strings.ToLower(l)
			if !validLabel.MatchString(l) || strings.HasPrefix(lower, "aws") || strings.HasPrefix(lower, "ssm") {
				out.InvalidLabels = append(out.InvalidLabels, l)
				continue
			}
			for i := range p.Versions {
				p.Versions[i].Labels = slices.DeleteFunc(p.Versions[i].Labels, func(have string) bool { return have == l })
			}
			if v.Labels = append(v.Labels, l); len(v.Labels) > 10 {
				return wire.Errorf(400, "ParameterVersionLabelLimitExceeded", "A parameter version can have maximum 10 labels.")
			}
		}
		return nil
	})
}

func (s *Service) unlabelParameterVersion(ctx context.Context, in *api.UnlabelParameterVersionInput) (*api.UnlabelParameterVersionOutput, error) {
	out := &api.UnlabelParameterVersionOutput{}
	return out, s.edit(ctx, *in.Name, errNotFound, func(p *parameter) error {
		v := p.number(*in.ParameterVersion)
		if v == nil {
			return wire.Errorf(400, "ParameterVersionNotFound", "Systems Manager could not find version %d of %s.", *in.ParameterVersion, p.Name)
		}
		for _, l := range in.Labels {
			if i := slices.Index(v.Labels, l); i >= 0 {
				v.Labels = slices.Delete(v.Labels, i, i+1)
				out.RemovedLabels = append(out.RemovedLabels, l)
			} else {
				out.InvalidLabels = append(out.InvalidLabels, l)
			}
		}
		return nil
	})
}

func (p *parameter) number(n int64) *version {
	for i := range p.Versions {
		if p.Versions[i].Number == n {
			return &p.Versions[i]
		}
	}
	return nil
}

var errNoResource = wire.Errorf(400, "InvalidResourceId", "The resource ID isn't valid. Verify that you entered the correct ID and try again.")

func checkResource(kind *string) error {
	if ptr.Val(kind) != "Parameter" {
		return wire.Errorf(400, "InvalidResourceType", "Local AWS tags resources of the type Parameter only.")
	}
	return nil
}

func tagMap(old map[string]string, more []api.Tag) map[string]string {
	all := maps.Clone(old)
	if all == nil {
		all = map[string]string{}
	}
	for _, t := range more {
		all[ptr.Val(t.Key)] = ptr.Val(t.Value)
	}
	return all
}

func (s *Service) addTagsToResource(ctx context.Context, in *api.AddTagsToResourceInput) (*api.AddTagsToResourceOutput, error) {
	if err := checkResource(in.ResourceType); err != nil {
		return nil, err
	}
	return nil, s.edit(ctx, *in.ResourceId, errNoResource, func(p *parameter) error {
		p.Tags = tagMap(p.Tags, in.Tags)
		return nil
	})
}

func (s *Service) removeTagsFromResource(ctx context.Context, in *api.RemoveTagsFromResourceInput) (*api.RemoveTagsFromResourceOutput, error) {
	if err := checkResource(in.ResourceType); err != nil {
		return nil, err
	}
	return nil, s.edit(ctx, *in.ResourceId, errNoResource, func(p *parameter) error {
		for _, k := range in.TagKeys {
			delete(p.Tags, k)
		}
		return nil
	})
}

func (s *Service) listTagsForResource(ctx context.Context, in *api.ListTagsForResourceInput) (*api.ListTagsForResourceOutput, error) {
	if err := checkResource(in.ResourceType); err != nil {
		return nil, err
	}
	out := &api.ListTagsForResourceOutput{}
	return out, s.d.Store.View(func(tx store.Tx) error {
		name, _ := split(*in.ResourceId)
		p, ok := parameters.Get(tx, store.Key(wire.CallFrom(ctx).Region, name))
		if !ok {
			return errNoResource
		}
		for _, k := range slices.Sorted(maps.Keys(p.Tags)) {
			out.TagList = append(out.TagList, api.Tag{Key: new(k), Value: new(p.Tags[k])})
		}
		return nil
	})
}
