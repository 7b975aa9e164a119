package cloudwatch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"grocery/localaws/service/internal/page"
	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/store"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/autoscalingapi"
	"grocery/localaws/wire/api/cloudwatchapi"
	"grocery/localaws/wire/api/snsapi"
)

var (
	pending = store.Table[action]{Name: "cloudwatch.pending"} // region|time|alarm|number
	history = store.Table[event]{Name: "cloudwatch.history"}  // region|time|alarm|number
)

// action is something an alarm started and nobody has carried out yet.
type action struct {
	Alarm    alarm // as it was then
	OldState string
	ARN      string
	Value    float64
	At       time.Time
	Tries    int
}

// event is one entry of an alarm's history.
type event struct {
	Alarm, Type, Summary, Data string
	At                         time.Time
}

const (
	keepHistory = 30 * 24 * time.Hour
	maxTries    = 5
	stamp       = "20060102150405.000000000"
)

// put writes v at the next free number of a moment.
func put[T any](tx store.Tx, t store.Table[T], a alarm, at time.Time, v T) {
	for n := 0; ; n++ {
		k := fmt.Sprintf("%s|%s|%s|%d", a.Region, at.UTC().Format(stamp), a.Name, n)
		if _, taken := t.Get(tx, k); !taken {
			t.Put(tx, k, v)
			return
		}
	}
}

func remember(tx store.Tx, a alarm, at time.Time, kind, summary string, data any) {
	raw, err := json.Marshal(data)
	if err != nil {
		raw = []byte("{}")
	}
	put(tx, history, a, at, event{Alarm: a.Name, Type: kind, Summary: summary, Data: string(raw), At: at})
}

func isScaling(arn string) bool { return strings.HasPrefix(arn, "arn:aws:autoscaling:") }

// repeats tells whether an alarm that stays in its state has actions to start
// again: scaling policies are called every minute while it lasts.
func (a alarm) repeats(now time.Time) bool {
	if !a.enabled() || now.Sub(a.Scaled) < time.Minute {
		return false
	}
	for _, arn := range a.Config.AlarmActions {
		if isScaling(arn) {
			return true
		}
	}
	return false
}

// start puts the actions of the alarm's state on the list; again means that the
// state did not change.
func start(tx store.Tx, a alarm, old string, value float64, now time.Time, again bool) {
	if !a.enabled() {
		return
	}
	for _, arn := range a.actions(a.State) {
		if !again || isScaling(arn) {
			put(tx, pending, a, now, action{Alarm: a, OldState: old, ARN: arn, Value: value, At: now})
		}
	}
}

// act carries out what is on the list. An action leaves the list in the same
// transaction that remembers how it went.
func (s *Service) act(ctx context.Context) error {
	type item struct {
		key string
		action
	}
	var all []item
	if err := s.d.Store.View(func(tx store.Tx) error {
		pending.Each(tx, "", func(k string, x action) bool { all = append(all, item{k, x}); return true })
		return nil
	}); err != nil {
		return err
	}
	var errs []error
	for _, x := range all {
		err := s.perform(ctx, x.action)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		errs = append(errs, s.d.Store.Update(func(tx store.Tx) error {
			if e, ok := errors.AsType[*wire.Error](err); err != nil && (!ok || e.Status >= 500) && x.Tries+1 < maxTries {
				x.Tries++
				pending.Put(tx, x.key, x.action)
				return nil
			}
			pending.Delete(tx, x.key)
			summary, data := "Successfully executed action "+x.ARN, map[string]any{"actionState": "Succeeded", "stateUpdateTimestamp": x.At.UnixMilli(), "notificationResource": x.ARN}
			if err != nil {
				summary, data["actionState"], data["error"] = "Failed to execute action "+x.ARN+". Received error: \""+err.Error()+"\"", "Failed", err.Error()
			}
			remember(tx, x.Alarm, s.d.Clock.Now(), "Action", summary, data)
			return nil
		}))
		if err != nil {
			s.d.Log.Warn("an alarm's action failed", "alarm", x.Alarm.Name, "action", x.ARN, "error", err)
		}
	}
	return errors.Join(errs...)
}

// perform carries one action out.
func (s *Service) perform(ctx context.Context, x action) error {
	ctx = wire.AsService(ctx, principal, x.Alarm.Region)
	if isScaling(x.ARN) {
		_, err := wire.Invoke(ctx, s.d.Calls, autoscalingapi.ExecutePolicy, &autoscalingapi.ExecutePolicyInput{PolicyName: new(x.ARN), HonorCooldown: new(true),
			MetricValue: new(x.Value), BreachThreshold: x.Alarm.Config.Threshold})
		return err
	}
	raw, err := json.MarshalIndent(x.notification(), "", "  ")
	if err != nil {
		return err
	}
	subject := fmt.Sprintf("%s: %q in %s", x.Alarm.State, x.Alarm.Name, x.Alarm.Region)
	_, err = wire.Invoke(ctx, s.d.Calls, snsapi.Publish, &snsapi.PublishInput{TopicArn: new(x.ARN), Subject: new(subject[:min(len(subject), 100)]), Message: new(string(raw))})
	return err
}

// notification is the message that subscribers get; see
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html.
func (x action) notification() map[string]any {
	a, c := x.Alarm, x.Alarm.Config
	trigger := map[string]any{"Period": ptr.Val(c.Period), "EvaluationPeriods": *c.EvaluationPeriods, "DatapointsToAlarm": ptr.Or(c.DatapointsToAlarm, *c.EvaluationPeriods),
		"ComparisonOperator": *c.ComparisonOperator, "Threshold": *c.Threshold, "TreatMissingData": ptr.Or(c.TreatMissingData, "missing"), "EvaluateLowSampleCountPercentile": ptr.Val(c.EvaluateLowSampleCountPercentile)}
	if len(c.Metrics) > 0 {
		trigger["Metrics"] = c.Metrics
	} else {
		dims := []map[string]string{}
		for _, d := range c.Dimensions {
			dims = append(dims, map[string]string{"name": *d.Name, "value": *d.Value})
		}
		trigger["MetricName"], trigger["Namespace"], trigger["Dimensions"] = *c.MetricName, *c.Namespace, dims
		trigger["StatisticType"], trigger["Statistic"], trigger["Unit"] = "Statistic", strings.ToUpper(ptr.Or(c.Statistic, ptr.Val(c.ExtendedStatistic))), c.Unit
	}
	return map[string]any{"AlarmName": a.Name, "AlarmDescription": c.AlarmDescription, "AWSAccountId": wire.Account, "AlarmConfigurationUpdatedTimestamp": a.Updated.UTC().Format("2006-01-02T15:04:05.000+0000"),
		"NewStateValue": a.State, "NewStateReason": a.Reason, "StateChangeTime": a.Since.UTC().Format("2006-01-02T15:04:05.000+0000"), "Region": a.Region, "AlarmArn": a.arn(), "OldStateValue": x.OldState,
		"OKActions": c.OKActions, "AlarmActions": c.AlarmActions, "InsufficientDataActions": c.InsufficientDataActions, "Trigger": trigger}
}

// expireHistory forgets entries that are too old.
func expireHistory(tx store.Tx, now time.Time) {
	var old []string
	history.Each(tx, "", func(k string, e event) bool {
		if now.Sub(e.At) > keepHistory {
			old = append(old, k)
		}
		return true
	})
	for _, k := range old {
		history.Delete(tx, k)
	}
}

func (s *Service) describeAlarmHistory(ctx context.Context, in *cloudwatchapi.DescribeAlarmHistoryInput) (*cloudwatchapi.DescribeAlarmHistoryOutput, error) {
	type entry struct {
		key string
		event
	}
	var all []entry
	if err := s.d.Store.View(func(tx store.Tx) error {
		history.Each(tx, wire.CallFrom(ctx).Region+"|", func(k string, e event) bool {
			switch {
			case in.AlarmName != nil && *in.AlarmName != e.Alarm:
			case in.HistoryItemType != nil && *in.HistoryItemType != e.Type:
			case in.StartDate != nil && e.At.Before(*in.StartDate) || in.EndDate != nil && e.At.After(*in.EndDate):
			default:
				all = append(all, entry{k, e})
			}
			return true
		})
		return nil
	}); err != nil {
		return nil, err
	}
	if ptr.Val(in.ScanBy) != "TimestampAscending" {
		// The youngest first: keys that sort that way make page tokens right.
		for i, j := 0, len(all)-1; i < j; i, j = i+1, j-1 {
			all[i], all[j] = all[j], all[i]
		}
		for i := range all {
			all[i].key = inverted(all[i].key)
		}
	}
	part, next, err := page.Cut(all, func(e entry) string { return e.key }, in.NextToken, in.MaxRecords, 100)
	if err != nil {
		return nil, wire.Errorf(400, "InvalidNextToken", "The next token is invalid.")
	}
	out := cloudwatchapi.DescribeAlarmHistoryOutput{NextToken: next}
	for _, e := range part {
		out.AlarmHistoryItems = append(out.AlarmHistoryItems, cloudwatchapi.AlarmHistoryItem{AlarmName: new(e.Alarm), AlarmType: new("MetricAlarm"), HistoryItemType: new(e.Type),
			HistorySummary: new(e.Summary), HistoryData: new(e.Data), Timestamp: new(e.At)})
	}
	return &out, nil
}

// inverted maps a key so that the order of keys turns round.
func inverted(k string) string {
	b := []byte(k)
	for i := range b {
		b[i] = 255 - b[i]
	}
	return string(b) + "\xff"
}
