package logs

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"grocery/localaws/service/internal/page"
	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/store"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/logsapi"
)

var (
	groups   = store.Table[group]{Name: "logs.groups"}    // region|name
	streams  = store.Table[stream]{Name: "logs.streams"}  // region|group|name
	events   = store.Table[event]{Name: "logs.events"}    // stream's id|time|number
	policies = store.Table[policy]{Name: "logs.policies"} // region|name
)

// group is a log group.
type group struct {
	Region, Name string
	Created      time.Time
	Retention    int // days; 0: for ever
	Tags         map[string]string
}

// stream is a log stream.
type stream struct {
	ID, Region, Group, Name string
	Created                 time.Time
	First, Last             int64 // of its events, milliseconds; 0: none
	Ingested                int64 // last, milliseconds
	Bytes                   int64
	Next                    int64 // number of the next event
}

// policy is a resource policy.
type policy struct {
	Name, Document string
	Updated        time.Time
}

func (g group) key() string { return g.Region + "|" + g.Name }

func (g group) prefix() string { return g.key() + "|" }

func (g group) arn() string {
	return "arn:" + wire.Partition + ":logs:" + g.Region + ":" + wire.Account + ":log-group:" + g.Name
}

func (s stream) key() string { return s.Region + "|" + s.Group + "|" + s.Name }

var (
	groupName  = regexp.MustCompile(`^[.\-_/#A-Za-z0-9]{1,512}$`)
	streamName = regexp.MustCompile(`^[^:*]{1,512}$`)
	// retentions are the numbers of days AWS takes.
	retentions = []int64{1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}
)

var (
	errGroup  = wire.Errorf(400, "ResourceNotFoundException", "The specified log group does not exist.")
	errStream = wire.Errorf(400, "ResourceNotFoundException", "The specified log stream does not exist.")
)

// find reads a group by name, or by identifier (a name or an ARN).
func find(ctx context.Context, tx store.Tx, name, identifier *string) (group, error) {
	if (name == nil) == (identifier == nil) {
		return group{}, invalid("Specify exactly one of logGroupName and logGroupIdentifier.")
	}
	c := wire.CallFrom(ctx)
	n := ptr.Val(name)
	if identifier != nil {
		n = strings.TrimPrefix(*identifier, c.ARN("logs", "log-group:"))
	}
	g, ok := groups.Get(tx, c.Region+"|"+n)
	if !ok {
		return g, errGroup
	}
	return g, nil
}

// change applies f to a group's record.
func (s *Service) change(ctx context.Context, name *string, f func(*group) error) error {
	return s.d.Store.Update(func(tx store.Tx) error {
		g, err := find(ctx, tx, name, nil)
		if err != nil {
			return err
		}
		if err := f(&g); err != nil {
			return err
		}
		groups.Put(tx, g.key(), g)
		return nil
	})
}

func (s *Service) createLogGroup(ctx context.Context, in *logsapi.CreateLogGroupInput) (*logsapi.CreateLogGroupOutput, error) {
	g := group{Region: wire.CallFrom(ctx).Region, Name: *in.LogGroupName, Created: s.d.Clock.Now(), Tags: map[string]string{}}
	if !groupName.MatchString(g.Name) {
		return nil, invalid("Value '%s' at 'logGroupName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\.\\-_/#A-Za-z0-9]+", g.Name)
	}
	if c := ptr.Or(in.LogGroupClass, "STANDARD"); c != "STANDARD" {
		return nil, invalid("Local AWS offers the log group class STANDARD, not '%s'.", c)
	}
	if err := addTags(g.Tags, in.Tags); err != nil {
		return nil, err
	}
	return nil, s.d.Store.Update(func(tx store.Tx) error {
		if _, there := groups.Get(tx, g.key()); there {
			return wire.Errorf(400, "ResourceAlreadyExistsException", "The specified log group already exists")
		}
		groups.Put(tx, g.key(), g)
		return nil
	})
}

func (s *Service) deleteLogGroup(ctx context.Context, in *logsapi.DeleteLogGroupInput) (*logsapi.DeleteLogGroupOutput, error) {
	return nil, s.d.Store.Update(func(tx store.Tx) error {
		g, err := find(ctx, tx, in.LogGroupName, nil)
		if err != nil {
			return err
		}
		for _, x := range streams.List(tx, g.prefix()) {
			dropStream(tx, x)
		}
		groups.Delete(tx, g.key())
		return nil
	})
}

func (s *Service) describeLogGroups(ctx context.Context, in *logsapi.DescribeLogGroupsInput) (*logsapi.DescribeLogGroupsOutput, error) {
	if in.LogGroupNamePattern != nil && in.LogGroupNamePrefix != nil {
		return nil, invalid("logGroupNamePattern and logGroupNamePrefix are mutually exclusive.")
	}
	var out logsapi.DescribeLogGroupsOutput
	if ptr.Or(in.LogGroupClass, "STANDARD") != "STANDARD" {
		return &out, nil
	}
	return &out, s.d.Store.View(func(tx store.Tx) error {
		all := groups.List(tx, wire.CallFrom(ctx).Region+"|"+ptr.Val(in.LogGroupNamePrefix))
		if p := in.LogGroupNamePattern; p != nil {
			all = slices.DeleteFunc(all, func(g group) bool { return !strings.Contains(strings.ToLower(g.Name), strings.ToLower(*p)) })
		}
		part, next, err := page.Cut(all, func(g group) string { return g.Name }, in.NextToken, in.Limit, 50)
		if err != nil {
			return invalid("The specified nextToken is invalid.")
		}
		out.NextToken = next
		for _, g := range part {
			var bytes int64
			streams.Each(tx, g.prefix(), func(_ string, x stream) bool { bytes += x.Bytes; return true })
			l := logsapi.LogGroup{LogGroupName: new(g.Name), Arn: new(g.arn() + ":*"), LogGroupArn: new(g.arn()), CreationTime: new(g.Created.UnixMilli()), MetricFilterCount: new(int64(0)),
				StoredBytes: new(bytes), LogGroupClass: new("STANDARD")}
			if g.Retention > 0 {
				l.RetentionInDays = new(int64(g.Retention))
			}
			out.LogGroups = append(out.LogGroups, l)
		}
		return nil
	})
}

func (s *Service) putRetentionPolicy(ctx context.Context, in *logsapi.PutRetentionPolicyInput) (*logsapi.PutRetentionPolicyOutput, error) {
	if !slices.Contains(retentions, *in.RetentionInDays) {
		return nil, invalid("Value '%d' at 'retentionInDays' failed to satisfy constraint: Member must be one of %v", *in.RetentionInDays, retentions)
	}
	return nil, s.change(ctx, in.LogGroupName, func(g *group) error { g.Retention = int(*in.RetentionInDays); return nil })
}

func (s *Service) deleteRetentionPolicy(ctx context.Context, in *logsapi.DeleteRetentionPolicyInput) (*logsapi.DeleteRetentionPolicyOutput, error) {
	return nil, s.change(ctx, in.LogGroupName, func(g *group) error { g.Retention = 0; return nil })
}

func (s *Service) createLogStream(ctx context.Context, in *logsapi.CreateLogStreamInput) (*logsapi.CreateLogStreamOutput, error) {
	if !streamName.MatchString(*in.LogStreamName) {
		return nil, invalid("Value '%s' at 'logStreamName' failed to satisfy constraint: Member must satisfy regular expression pattern: [^:*]*", *in.LogStreamName)
	}
	var id [8]byte
	rand.Read(id[:])
	return nil, s.d.Store.Update(func(tx store.Tx) error {
		g, err := find(ctx, tx, in.LogGroupName, nil)
		if err != nil {
			return err
		}
		x := stream{ID: hex.EncodeToString(id[:]), Region: g.Region, Group: g.Name, Name: *in.LogStreamName, Created: s.d.Clock.Now()}
		if _, there := streams.Get(tx, x.key()); there {
			return wire.Errorf(400, "ResourceAlreadyExistsException", "The specified log stream already exists")
		}
		streams.Put(tx, x.key(), x)
		return nil
	})
}

func (s *Service) deleteLogStream(ctx context.Context, in *logsapi.DeleteLogStreamInput) (*logsapi.DeleteLogStreamOutput, error) {
	return nil, s.d.Store.Update(func(tx store.Tx) error {
		g, err := find(ctx, tx, in.LogGroupName, nil)
		if err != nil {
			return err
		}
		x, ok := streams.Get(tx, g.prefix()+*in.LogStreamName)
		if !ok {
			return errStream
		}
		dropStream(tx, x)
		return nil
	})
}

// dropStream removes a stream with its events.
func dropStream(tx store.Tx, x stream) {
	var gone []string
	events.Each(tx, x.ID+"|", func(k string, _ event) bool { gone = append(gone, k); return true })
	for _, k := range gone {
		events.Delete(tx, k)
	}
	streams.Delete(tx, x.key())
}

func (s *Service) describeLogStreams(ctx context.Context, in *logsapi.DescribeLogStreamsInput) (*logsapi.DescribeLogStreamsOutput, error) {
	byTime := ptr.Or(in.OrderBy, "LogStreamName") == "LastEventTime"
	if byTime && in.LogStreamNamePrefix != nil {
		return nil, invalid("Cannot order by LastEventTime with a logStreamNamePrefix.")
	}
	var out logsapi.DescribeLogStreamsOutput
	return &out, s.d.Store.View(func(tx store.Tx) error {
		g, err := find(ctx, tx, in.LogGroupName, in.LogGroupIdentifier)
		if err != nil {
			return err
		}
		all := streams.List(tx, g.prefix()+ptr.Val(in.LogStreamNamePrefix))
		place := func(x stream) string {
			k := x.Name
			if byTime {
				k = stamp(x.Last) + "|" + x.Name
			}
			if ptr.Val(in.Descending) {
				k = inverted(k)
			}
			return k
		}
		slices.SortFunc(all, func(a, b stream) int { return strings.Compare(place(a), place(b)) })
		part, next, err := page.Cut(all, place, in.NextToken, in.Limit, 50)
		if err != nil {
			return invalid("The specified nextToken is invalid.")
		}
		out.NextToken = next
		for _, x := range part {
			l := logsapi.LogStream{LogStreamName: new(x.Name), Arn: new(g.arn() + ":log-stream:" + x.Name), CreationTime: new(x.Created.UnixMilli()), StoredBytes: new(int64(0)), UploadSequenceToken: new(sequenceToken)}
			if x.Next > 0 {
				l.FirstEventTimestamp, l.LastEventTimestamp, l.LastIngestionTime = new(x.First), new(x.Last), new(x.Ingested)
			}
			out.LogStreams = append(out.LogStreams, l)
		}
		return nil
	})
}

// inverted maps a text so that the order of texts turns round.
func inverted(k string) string {
	b := []byte(k)
	for i := range b {
		b[i] = 255 - b[i]
	}
	return string(b) + "\xff"
}

func addTags(m map[string]string, tags map[string]string) error {
	maps.Copy(m, tags)
	if len(m) > 50 {
		return wire.Errorf(400, "TooManyTagsException", "A log group can have at most 50 tags.")
	}
	return nil
}

// nameOf returns the group an ARN names, with or without the final ":*".
func nameOf(ctx context.Context, arn string) (*string, error) {
	name, ok := strings.CutPrefix(strings.TrimSuffix(arn, ":*"), wire.CallFrom(ctx).ARN("logs", "log-group:"))
	if !ok {
		return nil, invalid("The ARN '%s' is not that of a log group.", arn)
	}
	return &name, nil
}

func (s *Service) tagLogGroup(ctx context.Context, in *logsapi.TagLogGroupInput) (*logsapi.TagLogGroupOutput, error) {
	return nil, s.change(ctx, in.LogGroupName, func(g *group) error { return addTags(g.Tags, in.Tags) })
}

func (s *Service) untagLogGroup(ctx context.Context, in *logsapi.UntagLogGroupInput) (*logsapi.UntagLogGroupOutput, error) {
	return nil, s.change(ctx, in.LogGroupName, func(g *group) error {
		for _, k := range in.Tags {
			delete(g.Tags, k)
		}
		return nil
	})
}

func (s *Service) listTagsLogGroup(ctx context.Context, in *logsapi.ListTagsLogGroupInput) (*logsapi.ListTagsLogGroupOutput, error) {
	var out logsapi.ListTagsLogGroupOutput
	return &out, s.d.Store.View(func(tx store.Tx) error {
		g, err := find(ctx, tx, in.LogGroupName, nil)
		out.Tags = g.Tags
		return err
	})
}

func (s *Service) tagResource(ctx context.Context, in *logsapi.TagResourceInput) (*logsapi.TagResourceOutput, error) {
	name, err := nameOf(ctx, *in.ResourceArn)
	if err != nil {
		return nil, err
	}
	_, err = s.tagLogGroup(ctx, &logsapi.TagLogGroupInput{LogGroupName: name, Tags: in.Tags})
	return nil, err
}

func (s *Service) untagResource(ctx context.Context, in *logsapi.UntagResourceInput) (*logsapi.UntagResourceOutput, error) {
	name, err := nameOf(ctx, *in.ResourceArn)
	if err != nil {
		return nil, err
	}
	_, err = s.untagLogGroup(ctx, &logsapi.UntagLogGroupInput{LogGroupName: name, Tags: in.TagKeys})
	return nil, err
}

func (s *Service) listTagsForResource(ctx context.Context, in *logsapi.ListTagsForResourceInput) (*logsapi.ListTagsForResourceOutput, error) {
	name, err := nameOf(ctx, *in.ResourceArn)
	if err != nil {
		return nil, err
	}
	out, err := s.listTagsLogGroup(ctx, &logsapi.ListTagsLogGroupInput{LogGroupName: name})
	if err != nil {
		return nil, err
	}
	return &logsapi.ListTagsForResourceOutput{Tags: out.Tags}, nil
}

func (s *Service) putResourcePolicy(ctx context.Context, in *logsapi.PutResourcePolicyInput) (*logsapi.PutResourcePolicyOutput, error) {
	p := policy{Name: ptr.Val(in.PolicyName), Document: ptr.Val(in.PolicyDocument), Updated: s.d.Clock.Now()}
	if p.Name == "" || !json.Valid([]byte(p.Document)) {
		return nil, invalid("A resource policy needs a name and a document in JSON.")
	}
	region := wire.CallFrom(ctx).Region
	err := s.d.Store.Update(func(tx store.Tx) error {
		if _, there := policies.Get(tx, region+"|"+p.Name); !there && len(policies.List(tx, region+"|")) >= 10 {
			return wire.Errorf(400, "LimitExceededException", "Resource limit exceeded.")
		}
		policies.Put(tx, region+"|"+p.Name, p)
		return nil
	})
	return &logsapi.PutResourcePolicyOutput{ResourcePolicy: new(p.shape())}, err
}

func (p policy) shape() logsapi.ResourcePolicy {
	return logsapi.ResourcePolicy{PolicyName: new(p.Name), PolicyDocument: new(p.Document), LastUpdatedTime: new(p.Updated.UnixMilli())}
}

func (s *Service) describeResourcePolicies(ctx context.Context, in *logsapi.DescribeResourcePoliciesInput) (*logsapi.DescribeResourcePoliciesOutput, error) {
	var out logsapi.DescribeResourcePoliciesOutput
	return &out, s.d.Store.View(func(tx store.Tx) error {
		part, next, err := page.Cut(policies.List(tx, wire.CallFrom(ctx).Region+"|"), func(p policy) string { return p.Name }, in.NextToken, in.Limit, 50)
		if err != nil {
			return invalid("The specified nextToken is invalid.")
		}
		out.NextToken = next
		for _, p := range part {
			out.ResourcePolicies = append(out.ResourcePolicies, p.shape())
		}
		return nil
	})
}

func (s *Service) deleteResourcePolicy(ctx context.Context, in *logsapi.DeleteResourcePolicyInput) (*logsapi.DeleteResourcePolicyOutput, error) {
	return nil, s.d.Store.Update(func(tx store.Tx) error {
		k := wire.CallFrom(ctx).Region + "|" + ptr.Val(in.PolicyName)
		if _, ok := policies.Get(tx, k); !ok {
			return wire.Errorf(400, "ResourceNotFoundException", "Policy with name [%s] does not exist.", ptr.Val(in.PolicyName))
		}
		policies.Delete(tx, k)
		return nil
	})
}
