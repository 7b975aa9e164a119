package events_test

import (
	"testing"
	"time"

	"grocery/localaws/service/events"
)

func TestSchedulesFireAtTheirMoments(t *testing.T) {
	from := time.Date(2026, 3, 2, 10, 30, 15, 0, time.UTC) // a Monday
	for _, x := range []struct{ expression, want string }{
		{"rate(5 minutes)", "2026-03-02T10:35:15Z"},
		{"rate(1 day)", "2026-03-03T10:30:15Z"},
		{"cron(0 12 * * ? *)", "2026-03-02T12:00:00Z"},
		{"cron(30 10 * * ? *)", "2026-03-03T10:30:00Z"},
		{"cron(0/15 * * * ? *)", "2026-03-02T10:45:00Z"},
		{"cron(5,35 8-17 ? * MON-FRI *)", "2026-03-02T10:35:00Z"},
		{"cron(0 9 ? * SAT-SUN *)", "2026-03-07T09:00:00Z"},
		{"cron(0 9 ? * FRI-MON *)", "2026-03-06T09:00:00Z"},
		{"cron(0 0 1 JAN ? *)", "2027-01-01T00:00:00Z"},
		{"cron(0 0 L * ? *)", "2026-03-31T00:00:00Z"},
		{"cron(0 0 LW 5 ? *)", "2026-05-29T00:00:00Z"},
		{"cron(0 0 15W * ? *)", "2026-03-16T00:00:00Z"}, // the 15th is a Sunday
		{"cron(0 0 1W 8 ? *)", "2026-08-03T00:00:00Z"},  // the 1st is a Saturday
		{"cron(0 0 ? * 6L *)", "2026-03-27T00:00:00Z"},
		{"cron(0 0 ? * 3#2 *)", "2026-03-10T00:00:00Z"},
		{"cron(0 0 ? * L *)", "2026-03-07T00:00:00Z"},
		{"cron(0 0 29 2 ? *)", "2028-02-29T00:00:00Z"},
		{"cron(0 0 1 1 ? 2030)", "2030-01-01T00:00:00Z"},
		{"cron(0 0 1 1 ? 2020)", "0001-01-01T00:00:00Z"}, // never
	} {
		if got, err := events.Next(x.expression, from); err != nil || got.Format(time.RFC3339) != x.want {
			t.Errorf("%s: %s, want %s, %v", x.expression, got.Format(time.RFC3339), x.want, err)
		}
	}
	for _, bad := range []string{"", "rate(0 minutes)", "rate(1 minutes)", "rate(2 minute)", "rate(5 seconds)", "cron(60 * * * ? *)", "cron(* * * * * *)", "cron(* * ? * ? *)", "cron(* * * *)", "cron(0 0 ? * 8 *)", "cron(0 0 ? * 3#6 *)", "cron(0 0 XW * ? *)", "at(2026-01-01T00:00:00)"} {
		if _, err := events.Next(bad, from); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

func TestTargetsGetTheInputTheyAskFor(t *testing.T) {
	const event = `{"id":"1","source":"aws.s3","detail":{"bucket":{"name":"b"},"object":{"key":"say \"hi\"/<x>.sql","version-id":"v","size":7},"list":[{"n":1},{"n":2}]}}`
	paths := map[string]string{"bucket": "$.detail.bucket.name", "key": "$.detail.object.key", "size": "$.detail.object.size", "absent": "$.detail.object.none", "object": "$.detail.bucket", "all": "$.detail.list[*].n", "last": "$.detail.list[1].n"}
	for _, x := range []struct {
		rule                  string
		input, path, template *string
		want                  string
	}{
		{"all of the event", nil, nil, nil, event},
		{"a constant", new(`{"x":1}`), nil, nil, `{"x":1}`},
		{"a part", nil, new("$.detail.bucket"), nil, `{"name":"b"}`},
		{"a part that is text", nil, new("$.detail.bucket.name"), nil, `"b"`},
		{"a part that is not there", nil, new("$.nothing"), nil, `{}`},
		{"variables are JSON", nil, nil, new(`{"b": <bucket>, "k": <key>, "n": <size>, "o": <object>}`), `{"b": "b", "k": "say \"hi\"/<x>.sql", "n": 7, "o": {"name":"b"}}`},
		{"a variable that is not there is null", nil, nil, new(`{"v": <absent>}`), `{"v": null}`},
		{"in quotes they are text", nil, nil, new(`"<bucket> has <key>, <size> bytes<absent>"`), `"b has say \"hi\"/<x>.sql, 7 bytes"`},
		{"wildcards and indexes", nil, nil, new(`{"all": <all>, "last": <last>}`), `{"all": [1,2], "last": 2}`},
		{"what EventBridge knows", nil, nil, new(`{"r": <aws.events.rule-name>, "a": "<aws.events.rule-arn>", "t": <aws.events.event.ingestion-time>}`), `{"r": "r", "a": "arn:aws:events:eu-central-1:123456789012:rule/r", "t": "1970-01-01T00:00:00Z"}`},
		{"the event without its detail", nil, nil, new(`<aws.events.event>`), `{"id":"1","source":"aws.s3"}`},
	} {
		if got, err := events.Payload(event, x.input, x.path, x.template, paths); err != nil || got != x.want {
			t.Errorf("%s: %s, %v", x.rule, got, err)
		}
	}
}
