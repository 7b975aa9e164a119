package ec2

import (
	"context"
	"maps"
	"slices"
	"strings"

	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/store"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/ec2api"
)

// tagSets holds the tags of every resource by region and id.
var tagSets = store.Table[map[string]string]{Name: "ec2.tags"}

func (s *Service) registerTags(r *wire.Registry) {
	serve(r, ec2api.CreateTags, "Resources Tags", s.createTags)
	serve(r, ec2api.DeleteTags, "Resources Tags", s.deleteTags)
	serve(r, ec2api.DescribeTags, "Filters MaxResults NextToken", s.describeTags)
}

func (t *tx) tagMap(id string) map[string]string {
	m, _ := tagSets.Get(t.Tx, store.Key(t.region, id))
	return m
}

// tags returns a resource's tags, sorted by key.
func (t *tx) tags(id string) []ec2api.Tag { return tagList(t.tagMap(id)) }

func tagList(m map[string]string) []ec2api.Tag {
	var all []ec2api.Tag
	for _, k := range slices.Sorted(maps.Keys(m)) {
		all = append(all, ec2api.Tag{Key: new(k), Value: new(m[k])})
	}
	return all
}

func (t *tx) setTags(id string, m map[string]string) {
	if len(m) == 0 {
		tagSets.Delete(t.Tx, store.Key(t.region, id))
		return
	}
	tagSets.Put(t.Tx, store.Key(t.region, id), m)
}

// maxTags is how many tags a resource can have.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html#tag-restrictions
const maxTags = 50

func (t *tx) addTags(id string, tags []ec2api.Tag) error {
	m := t.tagMap(id)
	if m == nil {
		m = map[string]string{}
	}
	for _, x := range tags {
		switch k := ptr.Val(x.Key); {
		case k == "":
			return wire.Errorf(400, "InvalidParameterValue", "Tag keys cannot be empty")
		case len(k) > 128 || len(ptr.Val(x.Value)) > 256:
			return wire.Errorf(400, "InvalidParameterValue", "Tag keys are at most 128, values at most 256 characters long: '%s'", k)
		default:
			m[k] = ptr.Val(x.Value)
		}
	}
	if len(m) > maxTags {
		return wire.Errorf(400, "TagLimitExceeded", "The maximum number of tags for a resource is %d.", maxTags)
	}
	t.setTags(id, m)
	return nil
}

// checkReserved refuses tags that only AWS itself sets.
func (t *tx) checkReserved(tags []ec2api.Tag) error {
	for _, x := range tags {
		if strings.HasPrefix(strings.ToLower(ptr.Val(x.Key)), "aws:") && t.Principal.Service == "" {
			return wire.Errorf(400, "InvalidParameterValue", "Tag keys starting with 'aws:' are reserved for internal use")
		}
	}
	return nil
}

// specify tags a new resource as the tag specifications say. Every
// specification must be of one of the allowed resource types; those of type
// resource are applied.
func (t *tx) specify(id, resource string, specs []ec2api.TagSpecification, allowed ...string) error {
	for _, x := range specs {
		rt := ptr.Val(x.ResourceType)
		if rt != resource && !slices.Contains(allowed, rt) {
			return wire.Errorf(400, "InvalidParameterValue", "'%s' is not a valid taggable resource type for this operation.", rt)
		}
		if err := t.checkReserved(x.Tags); err != nil {
			return err
		}
		if rt == resource {
			if err := t.addTags(id, x.Tags); err != nil {
				return err
			}
		}
	}
	return nil
}

// tagFilter returns the values of the filters every Describe knows: tag:KEY
// and tag-key (and the older tag-value).
func (t *tx) tagFilter(name string) (func(id string) []string, error) {
	if key, ok := strings.CutPrefix(name, "tag:"); ok {
		return func(id string) []string {
			if v, ok := t.tagMap(id)[key]; ok {
				return []string{v}
			}
			return nil
		}, nil
	}
	switch name {
	case "tag-key":
		return func(id string) []string { return slices.Collect(maps.Keys(t.tagMap(id))) }, nil
	case "tag-value":
		return func(id string) []string { return slices.Collect(maps.Values(t.tagMap(id))) }, nil
	}
	return nil, wire.Errorf(400, "InvalidParameterValue", "The filter '%s' is invalid", name)
}

// kindOf is what tagging needs to know about a kind of resource.
type kindOf struct {
	resource string
	has      func(*tx, string) bool
	missing  func(string) error
}

func taggable[T any](k kind[T]) kindOf { return kindOf{k.resource, k.has, k.missing} }

// kindsByPrefix finds a resource's kind by the front of its id.
var kindsByPrefix = map[string]kindOf{
	vpcs.prefix: taggable(vpcs), subnets.prefix: taggable(subnets), internetGateways.prefix: taggable(internetGateways),
	natGateways.prefix: taggable(natGateways), networkACLs.prefix: taggable(networkACLs), routeTables.prefix: taggable(routeTables),
	addresses.prefix: taggable(addresses), endpoints.prefix: taggable(endpoints), groups.prefix: taggable(groups), rules.prefix: taggable(rules),
	interfaces.prefix: taggable(interfaces), templates.prefix: taggable(templates), instances.prefix: taggable(instances),
	volumes.prefix: taggable(volumes), keyPairs.prefix: taggable(keyPairs), images.prefix: taggable(images),
}

func resourceKind(id string) (kindOf, error) {
	if i := strings.Index(id, "-"); i > 0 {
		if k, ok := kindsByPrefix[id[:i+1]]; ok {
			return k, nil
		}
	}
	return kindOf{}, wire.Errorf(400, "InvalidID", "The ID '%s' is not valid", id)
}

func (s *Service) createTags(ctx context.Context, in *ec2api.CreateTagsInput) (*ec2api.CreateTagsOutput, error) {
	return nil, s.update(ctx, func(t *tx) error {
		if err := t.checkReserved(in.Tags); err != nil {
			return err
		}
		for _, id := range in.Resources {
			k, err := resourceKind(id)
			if err != nil {
				return err
			}
			if !k.has(t, id) {
				return k.missing(id)
			}
			if err := t.addTags(id, in.Tags); err != nil {
				return err
			}
		}
		return nil
	})
}

// deleteTags removes tags by key, or by key and value when a value is given.
// Without tags it removes all of the user's. A resource that is gone is no error.
func (s *Service) deleteTags(ctx context.Context, in *ec2api.DeleteTagsInput) (*ec2api.DeleteTagsOutput, error) {
	return nil, s.update(ctx, func(t *tx) error {
		for _, id := range in.Resources {
			if _, err := resourceKind(id); err != nil {
				return err
			}
			m := t.tagMap(id)
			for k, v := range m {
				drop := len(in.Tags) == 0 && !strings.HasPrefix(k, "aws:")
				for _, x := range in.Tags {
					drop = drop || ptr.Val(x.Key) == k && (x.Value == nil || *x.Value == v)
				}
				if drop {
					delete(m, k)
				}
			}
			t.setTags(id, m)
		}
		return nil
	})
}

func (s *Service) describeTags(ctx context.Context, in *ec2api.DescribeTagsInput) (out *ec2api.DescribeTagsOutput, err error) {
	var all []ec2api.TagDescription
	err = s.view(ctx, func(t *tx) error {
		var bad error
		tagSets.Each(t.Tx, t.region+"/", func(key string, m map[string]string) bool {
			_, id, _ := strings.Cut(key, "/")
			k, _ := resourceKind(id)
			for _, tag := range tagList(m) {
				keep := true
				for _, f := range in.Filters {
					var v string
					switch name := ptr.Val(f.Name); name {
					case "key", "tag-key":
						v = *tag.Key
					case "value", "tag-value":
						v = *tag.Value
					case "resource-id":
						v = id
					case "resource-type":
						v = k.resource
					default:
						want, ok := strings.CutPrefix(name, "tag:")
						if !ok {
							bad = wire.Errorf(400, "InvalidParameterValue", "The filter '%s' is invalid", name)
							return false
						}
						keep = keep && *tag.Key == want
						v = *tag.Value
					}
					keep = keep && matchAny(f.Values, []string{v})
				}
				if keep {
					all = append(all, ec2api.TagDescription{Key: tag.Key, Value: tag.Value, ResourceId: new(id), ResourceType: new(k.resource)})
				}
			}
			return true
		})
		return bad
	})
	if err != nil {
		return nil, err
	}
	out = &ec2api.DescribeTagsOutput{}
	out.Tags, out.NextToken, err = page(all, in.MaxResults, in.NextToken)
	return out, err
}
