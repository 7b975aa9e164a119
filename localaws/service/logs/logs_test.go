package logs_test

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	cwl "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"grocery/localaws/service/internal/apitest"
	"grocery/localaws/service/logs"
	"grocery/localaws/store"
)

type world struct {
	*cwl.Client
	t       *testing.T
	clock   *apitest.Clock
	service *logs.Service
}

// newWorld has the group "app" with the stream "one".
func newWorld(t *testing.T) *world {
	w := &world{t: t, clock: apitest.NewClock()}
	w.service = logs.New(logs.Deps{Store: store.NewMemory(), Clock: w.clock, Log: slog.New(slog.DiscardHandler)})
	r := apitest.Registry()
	w.service.Register(r)
	w.Client = cwl.NewFromConfig(apitest.Serve(t, r))
	must(w.CreateLogGroup(t.Context(), &cwl.CreateLogGroupInput{LogGroupName: new("app"), Tags: map[string]string{"Project": "grocery"}}))(t)
	w.stream("one")
	return w
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func (w *world) stream(name string) {
	w.t.Helper()
	must(w.CreateLogStream(w.t.Context(), &cwl.CreateLogStreamInput{LogGroupName: new("app"), LogStreamName: &name}))(w.t)
}

// put writes messages, a millisecond apart.
func (w *world) put(stream string, at time.Time, messages ...string) *cwl.PutLogEventsOutput {
	w.t.Helper()
	var events []types.InputLogEvent
	for i, m := range messages {
		events = append(events, types.InputLogEvent{Timestamp: new(at.UnixMilli() + int64(i)), Message: &m})
	}
	return must(w.PutLogEvents(w.t.Context(), &cwl.PutLogEventsInput{LogGroupName: new("app"), LogStreamName: &stream, LogEvents: events}))(w.t)
}

func TestAStreamIsReadInOrderBothWays(t *testing.T) {
	w := newWorld(t)
	now := w.clock.Now()
	w.put("one", now, "c", "d", "e")
	w.put("one", now.Add(-time.Minute), "a", "b") // later, and older
	read := func(token *string, head bool) (string, *cwl.GetLogEventsOutput) {
		out := must(w.GetLogEvents(t.Context(), &cwl.GetLogEventsInput{LogGroupName: new("app"), LogStreamName: new("one"), Limit: new(int32(2)), NextToken: token, StartFromHead: &head}))(t)
		s := ""
		for _, e := range out.Events {
			s += *e.Message
		}
		return s, out
	}
	var got []string
	var token *string
	for range 4 {
		s, out := read(token, true)
		got = append(got, s)
		token = out.NextForwardToken
	}
	if g := strings.Join(got, ","); g != "ab,cd,e," {
		t.Errorf("forward: %s", g)
	}
	if _, out := read(token, true); *out.NextForwardToken != *token {
		t.Error("at the end the token changes")
	}
	s, out := read(nil, false)
	before, _ := read(out.NextBackwardToken, false)
	if s != "de" || before != "bc" {
		t.Errorf("backward: %s, %s", s, before)
	}
}

func TestFilterPatterns(t *testing.T) {
	w := newWorld(t)
	w.stream("two")
	now := w.clock.Now()
	w.put("one", now, "ERROR disk full", "INFO all well")
	w.put("two", now.Add(time.Second), "WARN disk slow", "ERROR net down")
	for _, c := range []struct {
		name, pattern, want string
	}{
		{"no pattern is everything, streams interleaved by time", "", "ERROR disk full|INFO all well|WARN disk slow|ERROR net down"},
		{"all terms must occur", "ERROR disk", "ERROR disk full"},
		{"case matters", "error", ""},
		{"a phrase stands as it is", `"disk full"`, "ERROR disk full"},
		{"a minus excludes", "disk -ERROR", "WARN disk slow"},
		{"one of the question marks is enough", "?INFO ?WARN", "INFO all well|WARN disk slow"},
		{"a pattern for JSON is refused", `{ $.level = "x" }`, "InvalidParameterException"},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, err := w.FilterLogEvents(t.Context(), &cwl.FilterLogEventsInput{LogGroupName: new("app"), FilterPattern: &c.pattern})
			got := apitest.Code(err)
			if err == nil {
				var l []string
				for _, e := range out.Events {
					l = append(l, *e.Message)
				}
				got = strings.Join(l, "|")
			}
			if got != c.want {
				t.Errorf("got %s", got)
			}
		})
	}
	first := must(w.FilterLogEvents(t.Context(), &cwl.FilterLogEventsInput{LogGroupName: new("app"), Limit: new(int32(3))}))(t)
	rest := must(w.FilterLogEvents(t.Context(), &cwl.FilterLogEventsInput{LogGroupName: new("app"), Limit: new(int32(3)), NextToken: first.NextToken}))(t)
	if len(first.Events) != 3 || len(rest.Events) != 1 || *rest.Events[0].LogStreamName != "two" || rest.NextToken != nil {
		t.Errorf("the pages have %d and %d events", len(first.Events), len(rest.Events))
	}
}

func TestRetentionDropsOldEventsAndRefusesThem(t *testing.T) {
	w := newWorld(t)
	must(w.PutRetentionPolicy(t.Context(), &cwl.PutRetentionPolicyInput{LogGroupName: new("app"), RetentionInDays: new(int32(3))}))(t)
	w.put("one", w.clock.Now(), "old")
	w.clock.Advance(4 * 24 * time.Hour)
	w.put("one", w.clock.Now(), "new")
	for _, l := range w.service.Loops() {
		if err := l.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	out := must(w.FilterLogEvents(t.Context(), &cwl.FilterLogEventsInput{LogGroupName: new("app")}))(t)
	if len(out.Events) != 1 || *out.Events[0].Message != "new" {
		t.Errorf("got %d events", len(out.Events))
	}
	if g := must(w.DescribeLogGroups(t.Context(), &cwl.DescribeLogGroupsInput{}))(t).LogGroups[0]; *g.StoredBytes != 29 || *g.RetentionInDays != 3 || *g.Arn != "arn:aws:logs:eu-central-1:123456789012:log-group:app:*" {
		t.Errorf("the group is %d bytes, %s", *g.StoredBytes, *g.Arn)
	}
	if r := w.put("one", w.clock.Now().Add(-5*24*time.Hour), "too old").RejectedLogEventsInfo; r == nil || *r.ExpiredLogEventEndIndex != 1 {
		t.Errorf("an expired event was taken: %+v", r)
	}
	if _, err := w.PutRetentionPolicy(t.Context(), &cwl.PutRetentionPolicyInput{LogGroupName: new("app"), RetentionInDays: new(int32(4))}); apitest.Code(err) != "InvalidParameterException" {
		t.Errorf("a retention AWS does not know: %v", err)
	}
}

func TestStreamsAreListedByNameAndByLastEvent(t *testing.T) {
	w := newWorld(t)
	w.stream("two")
	w.put("two", w.clock.Now().Add(-time.Minute), "x")
	w.put("one", w.clock.Now(), "x")
	list := func(by types.OrderBy, descending bool) (names []string) {
		for _, s := range must(w.DescribeLogStreams(t.Context(), &cwl.DescribeLogStreamsInput{LogGroupName: new("app"), OrderBy: by, Descending: &descending}))(t).LogStreams {
			names = append(names, *s.LogStreamName)
		}
		return names
	}
	if got := fmt.Sprint(list(types.OrderByLogStreamName, false), list(types.OrderByLogStreamName, true), list(types.OrderByLastEventTime, false), list(types.OrderByLastEventTime, true)); got != "[one two] [two one] [two one] [one two]" {
		t.Errorf("got %s", got)
	}
}

func TestTagsInBothGenerations(t *testing.T) {
	w := newWorld(t)
	arn := new("arn:aws:logs:eu-central-1:123456789012:log-group:app")
	must(w.TagResource(t.Context(), &cwl.TagResourceInput{ResourceArn: arn, Tags: map[string]string{"a": "b"}}))(t)
	must(w.UntagResource(t.Context(), &cwl.UntagResourceInput{ResourceArn: arn, TagKeys: []string{"Project"}}))(t)
	if got := must(w.ListTagsForResource(t.Context(), &cwl.ListTagsForResourceInput{ResourceArn: arn}))(t).Tags; fmt.Sprint(got) != "map[a:b]" {
		t.Errorf("got %v", got)
	}
	//lint:ignore SA1019 clients of the old generation still call it
	if got := must(w.ListTagsLogGroup(t.Context(), &cwl.ListTagsLogGroupInput{LogGroupName: new("app")}))(t).Tags; fmt.Sprint(got) != "map[a:b]" {
		t.Errorf("the old call answers %v", got)
	}
}

func TestWhatIsNotThereOrNotOfferedIsSaid(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct {
		name string
		err  error
		want string
	}{
		{"a group twice", second(w.CreateLogGroup(t.Context(), &cwl.CreateLogGroupInput{LogGroupName: new("app")})), "ResourceAlreadyExistsException"},
		{"encryption with KMS", second(w.CreateLogGroup(t.Context(), &cwl.CreateLogGroupInput{LogGroupName: new("kms"), KmsKeyId: new("arn:aws:kms:eu-central-1:123456789012:key/x")})), "InvalidParameterException"},
		{"an unknown group", second(w.DescribeLogStreams(t.Context(), &cwl.DescribeLogStreamsInput{LogGroupName: new("none")})), "ResourceNotFoundException"},
		{"an unknown stream", second(w.GetLogEvents(t.Context(), &cwl.GetLogEventsInput{LogGroupName: new("app"), LogStreamName: new("none")})), "ResourceNotFoundException"},
		{"an unknown policy", second(w.DeleteResourcePolicy(t.Context(), &cwl.DeleteResourcePolicyInput{PolicyName: new("none")})), "ResourceNotFoundException"},
	} {
		if got := apitest.Code(c.err); got != c.want {
			t.Errorf("%s: got %v, want %s", c.name, c.err, c.want)
		}
	}
	must(w.DeleteLogGroup(t.Context(), &cwl.DeleteLogGroupInput{LogGroupName: new("app")}))(t)
	if l := must(w.DescribeLogGroups(t.Context(), &cwl.DescribeLogGroupsInput{}))(t).LogGroups; len(l) != 0 {
		t.Errorf("%d groups are left", len(l))
	}
}

func second[T any](_ T, err error) error { return err }
