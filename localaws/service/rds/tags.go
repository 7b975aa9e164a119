package rds

import (
	"context"
	"strings"

	"grocery/localaws/store"
	"grocery/localaws/wire"
	api "grocery/localaws/wire/api/rdsapi"
)

// retag runs f on the tags of the resource an ARN names.
func (s *Service) retag(ctx context.Context, resource string, f func(tags map[string]string) map[string]string) error {
	part := strings.SplitN(resource, ":", 7)
	if len(part) != 7 || part[2] != "rds" || part[3] != wire.CallFrom(ctx).Region {
		return wire.Errorf(400, invalidValue, "Invalid resource name: %s", resource)
	}
	key := store.Key(part[3], part[6])
	return s.d.Store.Update(func(tx store.Tx) error {
		switch part[5] {
		case "db":
			return tagIn(tx, instances, key, func(x *instance) *map[string]string { return &x.Tags }, f, errNoInstance(part[6]))
		case "subgrp":
			return tagIn(tx, subnetGroups, key, func(x *subnetGroup) *map[string]string { return &x.Tags }, f, errNoSubnetGroup(part[6]))
		case "pg":
			return tagIn(tx, parameterGroups, key, func(x *parameterGroup) *map[string]string { return &x.Tags }, f, wire.Errorf(404, "DBParameterGroupNotFound", "DBParameterGroup not found: %s", part[6]))
		case "og":
			return tagIn(tx, optionGroups, key, func(x *optionGroup) *map[string]string { return &x.Tags }, f, wire.Errorf(404, "OptionGroupNotFoundFault", "Specified OptionGroupName: %s not found.", part[6]))
		case "snapshot":
			return tagIn(tx, snapshots, key, func(x *snapshot) *map[string]string { return &x.Tags }, f, errNoSnapshot(part[6]))
		}
		return wire.Errorf(400, invalidValue, "Invalid resource name: %s", resource)
	})
}

func tagIn[T any](tx store.Tx, t store.Table[T], key string, tags func(*T) *map[string]string, f func(map[string]string) map[string]string, missing error) error {
	x, ok := t.Get(tx, key)
	if !ok {
		return missing
	}
	at := tags(&x)
	*at = f(*at)
	t.Put(tx, key, x)
	return nil
}

func (s *Service) addTagsToResource(ctx context.Context, in *api.AddTagsToResourceInput) (*api.AddTagsToResourceOutput, error) {
	return nil, s.retag(ctx, *in.ResourceName, func(have map[string]string) map[string]string { return tagMap(have, in.Tags) })
}

func (s *Service) removeTagsFromResource(ctx context.Context, in *api.RemoveTagsFromResourceInput) (*api.RemoveTagsFromResourceOutput, error) {
	return nil, s.retag(ctx, *in.ResourceName, func(have map[string]string) map[string]string {
		for _, k := range in.TagKeys {
			delete(have, k)
		}
		return have
	})
}

func (s *Service) listTagsForResource(ctx context.Context, in *api.ListTagsForResourceInput) (*api.ListTagsForResourceOutput, error) {
	out := &api.ListTagsForResourceOutput{}
	return out, s.retag(ctx, *in.ResourceName, func(have map[string]string) map[string]string {
		out.TagList = tagList(have)
		return have
	})
}
