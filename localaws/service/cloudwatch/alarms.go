package cloudwatch

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
	"grocery/localaws/wire/api/cloudwatchapi"
)

var alarms = store.Table[alarm]{Name: "cloudwatch.alarms"} // region|name

// The states of an alarm.
const (
	stateOK           = "OK"
	stateAlarm        = "ALARM"
	stateInsufficient = "INSUFFICIENT_DATA"
)

// alarm is a metric alarm and where it stands.
type alarm struct {
	Region, Name string
	Config       cloudwatchapi.PutMetricAlarmInput // as last put, without tags
	Tags         map[string]string
	Updated      time.Time // the configuration
	State        string
	Reason       string
	ReasonData   string
	Since        time.Time // in the state
	Changed      time.Time // the state or its reason
	Scaled       time.Time // when actions that repeat were last started
}

func (a alarm) arn() string {
	return "arn:" + wire.Partition + ":cloudwatch:" + a.Region + ":" + wire.Account + ":alarm:" + a.Name
}

func (a alarm) key() string { return a.Region + "|" + a.Name }

// enabled tells whether the alarm's actions are carried out.
func (a alarm) enabled() bool { return ptr.Or(a.Config.ActionsEnabled, true) }

func (a alarm) actions(state string) []string {
	switch state {
	case stateOK:
		return a.Config.OKActions
	case stateAlarm:
		return a.Config.AlarmActions
	}
	return a.Config.InsufficientDataActions
}

var (
	comparisons = []string{"GreaterThanOrEqualToThreshold", "GreaterThanThreshold", "LessThanThreshold", "LessThanOrEqualToThreshold"}
	missingData = []string{"missing", "ignore", "breaching", "notBreaching"}
	actionARN   = regexp.MustCompile(`^arn:aws:(sns:[a-z0-9-]+:\d{12}:.+|autoscaling:[a-z0-9-]+:\d{12}:scalingPolicy:.+)$`)
)

func (s *Service) putMetricAlarm(ctx context.Context, in *cloudwatchapi.PutMetricAlarmInput) (*cloudwatchapi.PutMetricAlarmOutput, error) {
	if err := check(in); err != nil {
		return nil, err
	}
	now, region := s.d.Clock.Now(), wire.CallFrom(ctx).Region
	return nil, s.d.Store.Update(func(tx store.Tx) error {
		a, there := alarms.Get(tx, region+"|"+*in.AlarmName)
		what := "updated"
		if !there {
			what = "created"
			a = alarm{Region: region, Name: *in.AlarmName, Tags: map[string]string{}, State: stateInsufficient, Reason: "Unchecked: Initial alarm creation", Since: now, Changed: now}
			if err := addTags(a.Tags, in.Tags); err != nil {
				return err
			}
		}
		a.Config, a.Updated = *in, now
		a.Config.Tags = nil
		alarms.Put(tx, a.key(), a)
		remember(tx, a, now, "ConfigurationUpdate", "Alarm \""+a.Name+"\" "+what, map[string]any{"type": what, "updatedAlarm": a.Config})
		return nil
	})
}

// check refuses alarms that would not be evaluated as they say.
func check(in *cloudwatchapi.PutMetricAlarmInput) error {
	if len(*in.AlarmName) < 1 || len(*in.AlarmName) > 255 || strings.Contains(*in.AlarmName, "|") {
		return invalid("The alarm name must have 1 to 255 characters.")
	}
	if !slices.Contains(comparisons, *in.ComparisonOperator) {
		return invalid("Local AWS does not offer the comparison %s.", *in.ComparisonOperator)
	}
	if in.Threshold == nil {
		return wire.Errorf(400, "ValidationError", "A threshold must be specified.")
	}
	if n := ptr.Or(in.DatapointsToAlarm, *in.EvaluationPeriods); *in.EvaluationPeriods < 1 || n < 1 || n > *in.EvaluationPeriods {
		return wire.Errorf(400, "ValidationError", "The datapoints to alarm must be between 1 and the evaluation periods.")
	}
	if t := ptr.Or(in.TreatMissingData, "missing"); !slices.Contains(missingData, t) {
		return invalid("Invalid input for TreatMissingData: %s.", t)
	}
	if e := in.EvaluateLowSampleCountPercentile; e != nil && *e != "evaluate" {
		return invalid("Local AWS evaluates percentiles also of few samples; '%s' is not offered.", *e)
	}
	for _, list := range [][]string{in.AlarmActions, in.OKActions, in.InsufficientDataActions} {
		if len(list) > 5 {
			return invalid("An alarm can have at most 5 actions for a state.")
		}
		for _, a := range list {
			if !actionARN.MatchString(a) {
				return invalid("Local AWS carries out actions of SNS topics and of scaling policies, not '%s'.", a)
			}
		}
	}
	if len(in.Metrics) > 0 {
		if in.MetricName != nil || in.Namespace != nil || in.Period != nil || len(in.Dimensions) > 0 || in.Statistic != nil || in.ExtendedStatistic != nil || in.Unit != nil {
			return wire.Errorf(400, "InvalidParameterCombination", "An alarm on metric math names its metrics in Metrics only.")
		}
		returned := 0
		for _, q := range in.Metrics {
			if q.ReturnData == nil || *q.ReturnData {
				returned++
			}
		}
		if returned != 1 {
			return wire.Errorf(400, "ValidationError", "Exactly one element of the metrics list should return data.")
		}
		return checkQueries(in.Metrics)
	}
	if in.MetricName == nil || in.Namespace == nil || in.Period == nil {
		return wire.Errorf(400, "ValidationError", "An alarm needs a metric name, a namespace and a period.")
	}
	if (in.Statistic == nil) == (in.ExtendedStatistic == nil) {
		return wire.Errorf(400, "InvalidParameterCombination", "Exactly one of Statistic and ExtendedStatistic must be specified.")
	}
	return checkQueries(queriesOf(in))
}

// queriesOf returns what the alarm watches, the plain metric as a query too.
func queriesOf(in *cloudwatchapi.PutMetricAlarmInput) []cloudwatchapi.MetricDataQuery {
	if len(in.Metrics) > 0 {
		return in.Metrics
	}
	stat := in.Statistic
	if stat == nil {
		stat = in.ExtendedStatistic
	}
	return []cloudwatchapi.MetricDataQuery{{Id: new("m1"), MetricStat: &cloudwatchapi.MetricStat{Period: in.Period, Stat: stat, Unit: in.Unit,
		Metric: &cloudwatchapi.Metric{Namespace: in.Namespace, MetricName: in.MetricName, Dimensions: in.Dimensions}}}}
}

func (a alarm) shape() cloudwatchapi.MetricAlarm {
	c := a.Config
	return cloudwatchapi.MetricAlarm{
		AlarmName: new(a.Name), AlarmArn: new(a.arn()), AlarmDescription: c.AlarmDescription, AlarmConfigurationUpdatedTimestamp: new(a.Updated),
		ActionsEnabled: new(a.enabled()), AlarmActions: c.AlarmActions, OKActions: c.OKActions, InsufficientDataActions: c.InsufficientDataActions,
		StateValue: new(a.State), StateReason: new(a.Reason), StateReasonData: ptr.NonZero(a.ReasonData), StateUpdatedTimestamp: new(a.Changed), StateTransitionedTimestamp: new(a.Since),
		MetricName: c.MetricName, Namespace: c.Namespace, Statistic: c.Statistic, ExtendedStatistic: c.ExtendedStatistic, Dimensions: c.Dimensions, Period: c.Period, Unit: c.Unit,
		EvaluationPeriods: c.EvaluationPeriods, DatapointsToAlarm: c.DatapointsToAlarm, Threshold: c.Threshold, ComparisonOperator: c.ComparisonOperator,
		TreatMissingData: c.TreatMissingData, EvaluateLowSampleCountPercentile: c.EvaluateLowSampleCountPercentile, Metrics: c.Metrics,
	}
}

func (s *Service) describeAlarms(ctx context.Context, in *cloudwatchapi.DescribeAlarmsInput) (*cloudwatchapi.DescribeAlarmsOutput, error) {
	out := cloudwatchapi.DescribeAlarmsOutput{}
	if len(in.AlarmTypes) > 0 && !slices.Contains(in.AlarmTypes, "MetricAlarm") {
		return &out, nil // there are no composite alarms
	}
	if len(in.AlarmNames) > 0 && in.AlarmNamePrefix != nil {
		return nil, wire.Errorf(400, "InvalidParameterCombination", "AlarmNamePrefix and AlarmNames must not be specified together.")
	}
	return &out, s.d.Store.View(func(tx store.Tx) error {
		var all []alarm
		for _, a := range alarms.List(tx, wire.CallFrom(ctx).Region+"|") {
			switch {
			case len(in.AlarmNames) > 0 && !slices.Contains(in.AlarmNames, a.Name):
			case !strings.HasPrefix(a.Name, ptr.Val(in.AlarmNamePrefix)):
			case in.StateValue != nil && *in.StateValue != a.State:
			case in.ActionPrefix != nil && !slices.ContainsFunc(slices.Concat(a.Config.AlarmActions, a.Config.OKActions, a.Config.InsufficientDataActions), func(x string) bool { return strings.HasPrefix(x, *in.ActionPrefix) }):
			default:
				all = append(all, a)
			}
		}
		part, next, err := page.Cut(all, func(a alarm) string { return a.Name }, in.NextToken, in.MaxRecords, 100)
		if err != nil {
			return wire.Errorf(400, "InvalidNextToken", "The next token is invalid.")
		}
		out.NextToken = next
		for _, a := range part {
			out.MetricAlarms = append(out.MetricAlarms, a.shape())
		}
		return nil
	})
}

func (s *Service) describeAlarmsForMetric(ctx context.Context, in *cloudwatchapi.DescribeAlarmsForMetricInput) (*cloudwatchapi.DescribeAlarmsForMetricOutput, error) {
	dims, err := dimensionsOf(in.Dimensions)
	if err != nil {
		return nil, err
	}
	same := func(want, have *string) bool { return want == nil || ptr.Val(have) == *want }
	var out cloudwatchapi.DescribeAlarmsForMetricOutput
	return &out, s.d.Store.View(func(tx store.Tx) error {
		for _, a := range alarms.List(tx, wire.CallFrom(ctx).Region+"|") {
			c := a.Config
			own, _ := dimensionsOf(c.Dimensions) // checked when it was put
			if ptr.Val(c.Namespace) == *in.Namespace && ptr.Val(c.MetricName) == *in.MetricName && slices.Equal(dims, own) && same(in.Statistic, c.Statistic) &&
				same(in.ExtendedStatistic, c.ExtendedStatistic) && same(in.Unit, c.Unit) && (in.Period == nil || *in.Period == ptr.Val(c.Period)) {
				out.MetricAlarms = append(out.MetricAlarms, a.shape())
			}
		}
		return nil
	})
}

func errAlarm(name string) error {
	return wire.Errorf(404, "ResourceNotFound", "The alarm %s does not exist.", name)
}

// change applies f to the alarms of the given names.
func (s *Service) change(ctx context.Context, names []string, f func(store.Tx, *alarm) error) error {
	return s.d.Store.Update(func(tx store.Tx) error {
		for _, n := range names {
			a, ok := alarms.Get(tx, wire.CallFrom(ctx).Region+"|"+n)
			if !ok {
				return errAlarm(n)
			}
			if err := f(tx, &a); err != nil {
				return err
			}
			alarms.Put(tx, a.key(), a)
		}
		return nil
	})
}

func (s *Service) deleteAlarms(ctx context.Context, in *cloudwatchapi.DeleteAlarmsInput) (*cloudwatchapi.DeleteAlarmsOutput, error) {
	now := s.d.Clock.Now()
	return nil, s.d.Store.Update(func(tx store.Tx) error {
		for _, n := range in.AlarmNames {
			a, ok := alarms.Get(tx, wire.CallFrom(ctx).Region+"|"+n)
			if !ok {
				return errAlarm(n)
			}
			alarms.Delete(tx, a.key())
			remember(tx, a, now, "ConfigurationUpdate", "Alarm \""+a.Name+"\" deleted", map[string]any{"type": "Delete"})
		}
		return nil
	})
}

// byARN reads the alarm an ARN names.
func byARN(ctx context.Context, arn string) ([]string, error) {
	name, ok := strings.CutPrefix(arn, wire.CallFrom(ctx).ARN("cloudwatch", "alarm:"))
	if !ok {
		return nil, invalid("The ARN '%s' is not that of an alarm.", arn)
	}
	return []string{name}, nil
}

func addTags(m map[string]string, tags []cloudwatchapi.Tag) error {
	for _, t := range tags {
		m[*t.Key] = *t.Value
	}
	if len(m) > 50 {
		return invalid("An alarm can have at most 50 tags.")
	}
	return nil
}

func (s *Service) tagResource(ctx context.Context, in *cloudwatchapi.TagResourceInput) (*cloudwatchapi.TagResourceOutput, error) {
	names, err := byARN(ctx, *in.ResourceARN)
	if err != nil {
		return nil, err
	}
	return nil, s.change(ctx, names, func(_ store.Tx, a *alarm) error { return addTags(a.Tags, in.Tags) })
}

func (s *Service) untagResource(ctx context.Context, in *cloudwatchapi.UntagResourceInput) (*cloudwatchapi.UntagResourceOutput, error) {
	names, err := byARN(ctx, *in.ResourceARN)
	if err != nil {
		return nil, err
	}
	return nil, s.change(ctx, names, func(_ store.Tx, a *alarm) error {
		for _, k := range in.TagKeys {
			delete(a.Tags, k)
		}
		return nil
	})
}

func (s *Service) listTagsForResource(ctx context.Context, in *cloudwatchapi.ListTagsForResourceInput) (*cloudwatchapi.ListTagsForResourceOutput, error) {
	names, err := byARN(ctx, *in.ResourceARN)
	if err != nil {
		return nil, err
	}
	var out cloudwatchapi.ListTagsForResourceOutput
	return &out, s.d.Store.View(func(tx store.Tx) error {
		a, ok := alarms.Get(tx, wire.CallFrom(ctx).Region+"|"+names[0])
		if !ok {
			return wire.Errorf(404, "ResourceNotFoundException", "The alarm %s does not exist.", names[0])
		}
		for _, k := range slices.Sorted(maps.Keys(a.Tags)) {
			out.Tags = append(out.Tags, cloudwatchapi.Tag{Key: new(k), Value: new(a.Tags[k])})
		}
		return nil
	})
}
