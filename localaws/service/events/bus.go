package events

import (
	"context"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"grocery/localaws/service/internal/page"
	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/store"
	"grocery/localaws/wire"
	api "grocery/localaws/wire/api/eventsapi"
)

// defaultBus is the bus that every account has and AWS's services send to.
const defaultBus = "default"

// bus is an event bus that somebody made.
type bus struct {
	Region      string            `json:"region"`
	Name        string            `json:"name"`
	Description string            `json:"description,omitempty"`
	Tags        map[string]string `json:"tags,omitempty"`
	Created     time.Time         `json:"created"`
}

var buses = store.Table[bus]{Name: "events.buses"}

func (b *bus) arn() string {
	return "arn:" + wire.Partition + ":events:" + b.Region + ":" + wire.Account + ":event-bus/" + b.Name
}

// findBus returns the bus of a name or an ARN; nil names the default bus.
func findBus(ctx context.Context, tx store.Tx, nameOrARN *string) (bus, error) {
	region := wire.CallFrom(ctx).Region
	name := ptr.Or(nameOrARN, defaultBus)
	if strings.HasPrefix(name, "arn:") {
		b := bus{Region: region, Name: name[strings.LastIndexByte(name, '/')+1:]}
		if b.arn() != name {
			return b, notFound("Event bus %s does not exist.", name)
		}
		name = b.Name
	}
	if b, ok := buses.Get(tx, store.Key(region, name)); ok || name != defaultBus {
		if !ok {
			return b, notFound("Event bus %s does not exist.", name)
		}
		return b, nil
	}
	return bus{Region: region, Name: defaultBus}, nil
}

var busName = regexp.MustCompile(`^[/.\-_A-Za-z0-9]{1,256}$`)

func (s *Service) createEventBus(ctx context.Context, in *api.CreateEventBusInput) (*api.CreateEventBusOutput, error) {
	b := bus{Region: wire.CallFrom(ctx).Region, Name: *in.Name, Description: ptr.Val(in.Description), Created: s.d.Clock.Now()}
	if !busName.MatchString(b.Name) || strings.Contains(b.Name, "/") {
		return nil, invalid("Invalid name %q: an event bus has 1 to 256 letters, digits, '.', '-' and '_'.", b.Name)
	}
	var err error
	if b.Tags, err = addTags(nil, in.Tags); err != nil {
		return nil, err
	}
	out := &api.CreateEventBusOutput{EventBusArn: new(b.arn()), Description: in.Description}
	return out, s.d.Store.Update(func(tx store.Tx) error {
		if _, err := findBus(ctx, tx, &b.Name); err == nil {
			return wire.Errorf(400, "ResourceAlreadyExistsException", "Event bus %s already exists.", b.Name)
		}
		buses.Put(tx, store.Key(b.Region, b.Name), b)
		return nil
	})
}

func (s *Service) describeEventBus(ctx context.Context, in *api.DescribeEventBusInput) (*api.DescribeEventBusOutput, error) {
	out := &api.DescribeEventBusOutput{}
	return out, s.d.Store.View(func(tx store.Tx) error {
		b, err := findBus(ctx, tx, in.Name)
		if err != nil {
			return err
		}
		out.Name, out.Arn, out.Description = &b.Name, new(b.arn()), ptr.NonZero(b.Description)
		if !b.Created.IsZero() {
			out.CreationTime, out.LastModifiedTime = &b.Created, &b.Created
		}
		return nil
	})
}

func (s *Service) listEventBuses(ctx context.Context, in *api.ListEventBusesInput) (*api.ListEventBusesOutput, error) {
	out := &api.ListEventBusesOutput{EventBuses: []api.EventBus{}}
	return out, s.d.Store.View(func(tx store.Tx) error {
		region := wire.CallFrom(ctx).Region
		all := buses.List(tx, region+"/")
		if _, ok := buses.Get(tx, store.Key(region, defaultBus)); !ok {
			all = append(all, bus{Region: region, Name: defaultBus})
		}
		slices.SortFunc(all, func(a, b bus) int { return strings.Compare(a.Name, b.Name) })
		all = slices.DeleteFunc(all, func(b bus) bool { return !strings.HasPrefix(b.Name, ptr.Val(in.NamePrefix)) })
		all, next, err := page.Cut(all, func(b bus) string { return b.Name }, in.NextToken, in.Limit, 100)
		if err != nil {
			return invalid("The NextToken value is invalid.")
		}
		for _, b := range all {
			x := api.EventBus{Arn: new(b.arn()), Name: &b.Name, Description: ptr.NonZero(b.Description)}
			if !b.Created.IsZero() {
				x.CreationTime, x.LastModifiedTime = &b.Created, &b.Created
			}
			out.EventBuses = append(out.EventBuses, x)
		}
		out.NextToken = next
		return nil
	})
}

func (s *Service) deleteEventBus(ctx context.Context, in *api.DeleteEventBusInput) (*api.DeleteEventBusOutput, error) {
	return nil, s.d.Store.Update(func(tx store.Tx) error {
		b, err := findBus(ctx, tx, in.Name)
		switch {
		case wire.Code(err) == "ResourceNotFoundException":
			return nil
		case err != nil:
			return err
		case b.Name == defaultBus:
			return invalid("Cannot delete event bus default.")
		case len(rules.List(tx, store.Key(b.Region, b.Name)+"/")) > 0:
			return invalid("Cannot delete event bus %s since it has rules.", b.Name)
		}
		buses.Delete(tx, store.Key(b.Region, b.Name))
		return nil
	})
}

// addTags returns old with more put over it.
func addTags(old map[string]string, more []api.Tag) (map[string]string, error) {
	all := map[string]string{}
	maps.Copy(all, old)
	for _, t := range more {
		k := ptr.Val(t.Key)
		if k == "" || len(k) > 128 || strings.HasPrefix(strings.ToLower(k), "aws:") {
			return nil, invalid("Invalid tag key %q: it has 1 to 128 characters and does not begin with aws:.", k)
		}
		all[k] = ptr.Val(t.Value)
	}
	if len(all) > 50 {
		return nil, wire.Errorf(400, "LimitExceededException", "A resource has at most 50 tags.")
	}
	return all, nil
}

// editTags runs f over the tags of a rule or a bus.
func (s *Service) editTags(ctx context.Context, arn string, f func(tags map[string]string) (map[string]string, error)) error {
	return s.d.Store.Update(func(tx store.Tx) (err error) {
		if strings.Contains(arn, ":event-bus/") {
			b, err := findBus(ctx, tx, &arn)
			if err != nil {
				return err
			}
			if b.Tags, err = f(b.Tags); err != nil {
				return err
			}
			buses.Put(tx, store.Key(b.Region, b.Name), b)
			return nil
		}
		r, err := findRuleARN(ctx, tx, arn)
		if err != nil {
			return err
		}
		if r.Tags, err = f(r.Tags); err != nil {
			return err
		}
		rules.Put(tx, r.key(), r)
		return nil
	})
}

func (s *Service) tagResource(ctx context.Context, in *api.TagResourceInput) (*api.TagResourceOutput, error) {
	return nil, s.editTags(ctx, *in.ResourceARN, func(tags map[string]string) (map[string]string, error) { return addTags(tags, in.Tags) })
}

func (s *Service) untagResource(ctx context.Context, in *api.UntagResourceInput) (*api.UntagResourceOutput, error) {
	return nil, s.editTags(ctx, *in.ResourceARN, func(tags map[string]string) (map[string]string, error) {
		for _, k := range in.TagKeys {
			delete(tags, k)
		}
		return tags, nil
	})
}

func (s *Service) listTagsForResource(ctx context.Context, in *api.ListTagsForResourceInput) (*api.ListTagsForResourceOutput, error) {
	out := &api.ListTagsForResourceOutput{Tags: []api.Tag{}}
	return out, s.d.Store.View(func(tx store.Tx) error {
		var tags map[string]string
		if strings.Contains(*in.ResourceARN, ":event-bus/") {
			b, err := findBus(ctx, tx, in.ResourceARN)
			if err != nil {
				return err
			}
			tags = b.Tags
		} else {
			r, err := findRuleARN(ctx, tx, *in.ResourceARN)
			if err != nil {
				return err
			}
			tags = r.Tags
		}
		for _, k := range slices.Sorted(maps.Keys(tags)) {
			out.Tags = append(out.Tags, api.Tag{Key: new(k), Value: new(tags[k])})
		}
		return nil
	})
}
