package cloudwatch

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/store"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/cloudwatchapi"
)

// evaluate looks at all alarms and changes the state of those whose data say so.
func (s *Service) evaluate(context.Context) error {
	now := s.d.Clock.Now()
	type verdict struct {
		alarm
		state, reason, data string
		value               float64
		known               bool // whether value is a real one
	}
	var news []verdict
	if err := s.d.Store.View(func(tx store.Tx) error {
		for _, a := range alarms.List(tx, "") {
			v := verdict{alarm: a}
			points, err := a.window(tx, now)
			if err != nil {
				return fmt.Errorf("evaluate alarm %s: %w", a.Name, err)
			}
			v.state, v.reason = a.judge(points)
			for i := len(points) - 1; i >= 0 && !v.known; i-- {
				v.value, v.known = points[i].value, points[i].known
			}
			v.data = a.reasonData(points, now)
			if v.state != a.State || v.state == stateAlarm && a.repeats(now) {
				news = append(news, v)
			}
		}
		return nil
	}); err != nil || len(news) == 0 {
		return err
	}
	return s.d.Store.Update(func(tx store.Tx) error {
		for _, v := range news {
			a, ok := alarms.Get(tx, v.key())
			if !ok || !a.Updated.Equal(v.Updated) || a.State != v.alarm.State {
				continue // changed meanwhile: the next run looks again
			}
			if v.state == a.State {
				a.Scaled = now
				start(tx, a, a.State, v.value, now, true)
			} else {
				transition(tx, &a, v.state, v.reason, v.data, v.value, now)
			}
			alarms.Put(tx, a.key(), a)
		}
		return nil
	})
}

// datapoint is one period as an alarm sees it.
type datapoint struct {
	at    time.Time
	value float64
	known bool
}

// reach is how many periods beyond its evaluation periods an alarm looks back
// for data that came late.
const reach = 2

// window returns the periods the alarm looks at, oldest first. They end with
// the last full minute, not with a multiple of the period: an alarm of five
// minutes looks at other five minutes every minute. See
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html.
func (a alarm) window(tx store.Tx, now time.Time) ([]datapoint, error) {
	queries := queriesOf(&a.Config)
	period := time.Minute
	for _, q := range queries {
		if q.MetricStat != nil {
			period = max(period, time.Duration(*q.MetricStat.Period)*time.Second)
		}
	}
	n := int(*a.Config.EvaluationPeriods) + reach
	end := now.Truncate(time.Minute)
	begin := end.Add(-time.Duration(n) * period)
	results, err := evaluateQueries(tx, a.Region, queries, begin, end, begin)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(queries, func(q cloudwatchapi.MetricDataQuery) bool { return q.ReturnData == nil || *q.ReturnData })
	values := results[*queries[i].Id].values
	points := make([]datapoint, n)
	for i := range points {
		points[i].at = begin.Add(time.Duration(i) * period)
		points[i].value, points[i].known = values[points[i].at]
	}
	return points, nil
}

func (a alarm) breaches(v float64) bool {
	switch t := *a.Config.Threshold; *a.Config.ComparisonOperator {
	case "GreaterThanOrEqualToThreshold":
		return v >= t
	case "GreaterThanThreshold":
		return v > t
	case "LessThanThreshold":
		return v < t
	default:
		return v <= t
	}
}

// judge decides the state; see
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html.
func (a alarm) judge(points []datapoint) (state, reason string) {
	periods := int(*a.Config.EvaluationPeriods)
	needed := int(ptr.Or(a.Config.DatapointsToAlarm, int64(periods)))
	var real []datapoint
	for _, p := range points {
		if p.known {
			real = append(real, p)
		}
	}
	real = real[max(0, len(real)-periods):]
	missing := periods - len(real)
	breaching := 0
	for _, p := range real {
		if a.breaches(p.value) {
			breaching++
		}
	}
	fill := 0 // missing periods that count as breaching
	switch treat := ptr.Or(a.Config.TreatMissingData, "missing"); {
	case missing == 0 || treat == "notBreaching":
	case treat == "breaching":
		fill = missing
	case len(real) == 0 && treat == "ignore", breaching == len(real) && breaching > 0 && breaching < needed && treat == "ignore":
		return a.State, a.Reason
	case len(real) == 0:
		return stateInsufficient, fmt.Sprintf("Insufficient Data: %d datapoints were unknown.", periods)
	case breaching == len(real) && treat == "missing":
		fill = missing // all that is known breaches
	}
	state, relation := stateOK, "was not"
	if breaching+fill >= needed {
		state, relation = stateAlarm, "was"
	}
	if len(real) == 0 {
		return state, fmt.Sprintf("Threshold Crossed: no datapoints were received for %d periods and %d missing datapoints were treated as [%s].", periods, missing, strings.ToUpper(strings.Replace(ptr.Val(a.Config.TreatMissingData), "notB", "NonB", 1)))
	}
	shown, count := real, breaching
	if state == stateOK {
		count = len(real) - breaching
	}
	var list []string
	for _, p := range slices.Backward(shown) {
		list = append(list, fmt.Sprintf("%s (%s)", number(p.value), p.at.UTC().Format("02/01/06 15:04:05")))
	}
	return state, fmt.Sprintf("Threshold Crossed: %d out of the last %d datapoints [%s] %s %s the threshold (%s) (minimum %d datapoints for OK -> ALARM transition).",
		count, len(real), strings.Join(list, ", "), relation, comparisonWords[*a.Config.ComparisonOperator], number(*a.Config.Threshold), needed)
}

var comparisonWords = map[string]string{
	"GreaterThanOrEqualToThreshold": "greater than or equal to", "GreaterThanThreshold": "greater than",
	"LessThanThreshold": "less than", "LessThanOrEqualToThreshold": "less than or equal to",
}

func number(v float64) string {
	s := strconv.FormatFloat(v, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

// reasonData is the reason for programs.
func (a alarm) reasonData(points []datapoint, now time.Time) string {
	recent := []float64{}
	for _, p := range points {
		if p.known {
			recent = append(recent, p.value)
		}
	}
	raw, err := json.Marshal(map[string]any{"version": "1.0", "queryDate": now.UTC().Format("2006-01-02T15:04:05.000+0000"), "statistic": ptr.Or(a.Config.Statistic, ptr.Val(a.Config.ExtendedStatistic)),
		"period": ptr.Val(a.Config.Period), "recentDatapoints": recent, "threshold": *a.Config.Threshold})
	if err != nil {
		return ""
	}
	return string(raw)
}

// transition moves an alarm to a state, remembers that, and starts the actions.
// All of it is one transaction, so that no action is lost and none is doubled.
func transition(tx store.Tx, a *alarm, state, reason, data string, value float64, now time.Time) {
	old := a.State
	a.State, a.Reason, a.ReasonData, a.Changed = state, reason, data, now
	if old == state {
		return
	}
	a.Since, a.Scaled = now, now
	remember(tx, *a, now, "StateUpdate", fmt.Sprintf("Alarm updated from %s to %s", old, state), map[string]any{
		"version": "1.0", "oldState": map[string]string{"stateValue": old}, "newState": map[string]any{"stateValue": state, "stateReason": reason, "stateReasonData": json.RawMessage(orNull(data))}})
	start(tx, *a, old, value, now, false)
}

func orNull(data string) string {
	if data == "" || !json.Valid([]byte(data)) {
		return "null"
	}
	return data
}

func (s *Service) setAlarmState(ctx context.Context, in *cloudwatchapi.SetAlarmStateInput) (*cloudwatchapi.SetAlarmStateOutput, error) {
	if !slices.Contains([]string{stateOK, stateAlarm, stateInsufficient}, *in.StateValue) {
		return nil, invalid("The state %s is not one of an alarm.", *in.StateValue)
	}
	if in.StateReasonData != nil && !json.Valid([]byte(*in.StateReasonData)) {
		return nil, wire.Errorf(400, "InvalidFormat", "The StateReasonData must be JSON.")
	}
	return nil, s.change(ctx, []string{*in.AlarmName}, func(tx store.Tx, a *alarm) error {
		transition(tx, a, *in.StateValue, *in.StateReason, ptr.Val(in.StateReasonData), 0, s.d.Clock.Now())
		return nil
	})
}

func (s *Service) enableAlarmActions(ctx context.Context, in *cloudwatchapi.EnableAlarmActionsInput) (*cloudwatchapi.EnableAlarmActionsOutput, error) {
	return nil, s.change(ctx, in.AlarmNames, func(_ store.Tx, a *alarm) error { a.Config.ActionsEnabled = new(true); return nil })
}

func (s *Service) disableAlarmActions(ctx context.Context, in *cloudwatchapi.DisableAlarmActionsInput) (*cloudwatchapi.DisableAlarmActionsOutput, error) {
	return nil, s.change(ctx, in.AlarmNames, func(_ store.Tx, a *alarm) error { a.Config.ActionsEnabled = new(false); return nil })
}
