package states

import (
	"context"
	"maps"
	"slices"
	"strings"

	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/store"
	"grocery/localaws/wire"
	api "grocery/localaws/wire/api/statesapi"
)

// addTags returns old with more put over it.
func addTags(old map[string]string, more []api.Tag) (map[string]string, error) {
	all := map[string]string{}
	maps.Copy(all, old)
	for _, t := range more {
		k := ptr.Val(t.Key)
		if k == "" || len(k) > 128 || strings.HasPrefix(strings.ToLower(k), "aws:") {
			return nil, wire.Errorf(400, refused, "Invalid tag key %q: it has 1 to 128 characters and does not begin with aws:.", k)
		}
		all[k] = ptr.Val(t.Value)
	}
	if len(all) > 50 {
		return nil, wire.Errorf(400, "TooManyTags", "A state machine has at most 50 tags.")
	}
	return all, nil
}

// editTags runs f over the tags of a machine.
func (s *Service) editTags(ctx context.Context, arn string, f func(m *machine) error) error {
	return s.d.Store.Update(func(tx store.Tx) error {
		m, _, err := find(ctx, tx, arn)
		if err != nil {
			return noResource(arn, err)
		}
		if err := f(&m); err != nil {
			return err
		}
		machines.Put(tx, m.key(), m)
		return nil
	})
}

// noResource gives an absent machine the code that tag operations have for it.
func noResource(arn string, err error) error {
	if wire.Code(err) == "StateMachineDoesNotExist" {
		return wire.Errorf(400, "ResourceNotFound", "Resource not found: '%s'", arn)
	}
	return err
}

func (s *Service) tagResource(ctx context.Context, in *api.TagResourceInput) (*api.TagResourceOutput, error) {
	return nil, s.editTags(ctx, *in.ResourceArn, func(m *machine) (err error) {
		m.Tags, err = addTags(m.Tags, in.Tags)
		return err
	})
}

func (s *Service) untagResource(ctx context.Context, in *api.UntagResourceInput) (*api.UntagResourceOutput, error) {
	return nil, s.editTags(ctx, *in.ResourceArn, func(m *machine) error {
		for _, k := range in.TagKeys {
			delete(m.Tags, k)
		}
		return nil
	})
}

func (s *Service) listTagsForResource(ctx context.Context, in *api.ListTagsForResourceInput) (*api.ListTagsForResourceOutput, error) {
	out := &api.ListTagsForResourceOutput{Tags: []api.Tag{}}
	return out, s.d.Store.View(func(tx store.Tx) error {
		m, _, err := find(ctx, tx, *in.ResourceArn)
		if err != nil {
			return noResource(*in.ResourceArn, err)
		}
		for _, k := range slices.Sorted(maps.Keys(m.Tags)) {
			out.Tags = append(out.Tags, api.Tag{Key: new(k), Value: new(m.Tags[k])})
		}
		return nil
	})
}
