package cloudwatch

import (
	"context"
	"log/slog"
	"time"

	"grocery/localaws/reconcile"
	"grocery/localaws/service/internal/strict"
	"grocery/localaws/store"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/cloudwatchapi"
)

// Deps is what the service needs.
type Deps struct {
	Store store.Store
	Clock store.Clock
	Calls *wire.Registry
	Log   *slog.Logger
}

// principal is how the service names itself in its calls.
const principal = "cloudwatch.amazonaws.com"

// Service serves the API and evaluates alarms.
type Service struct{ d Deps }

// New makes the service.
func New(d Deps) *Service { return &Service{d} }

// Register adds the service's operations to r.
func (s *Service) Register(r *wire.Registry) {
	serve(r, cloudwatchapi.PutMetricData, strict.All, s.putMetricData)
	serve(r, cloudwatchapi.GetMetricStatistics, strict.All, s.getMetricStatistics)
	serve(r, cloudwatchapi.GetMetricData, "EndTime LabelOptions MaxDatapoints MetricDataQueries ScanBy StartTime", s.getMetricData)
	serve(r, cloudwatchapi.ListMetrics, "Dimensions MetricName Namespace NextToken RecentlyActive", s.listMetrics)
	serve(r, cloudwatchapi.PutMetricAlarm, "ActionsEnabled AlarmActions AlarmDescription AlarmName ComparisonOperator DatapointsToAlarm Dimensions EvaluateLowSampleCountPercentile EvaluationPeriods ExtendedStatistic InsufficientDataActions MetricName Metrics Namespace OKActions Period Statistic Tags Threshold TreatMissingData Unit", s.putMetricAlarm)
	serve(r, cloudwatchapi.DescribeAlarms, "ActionPrefix AlarmNamePrefix AlarmNames AlarmTypes MaxRecords NextToken StateValue", s.describeAlarms)
	serve(r, cloudwatchapi.DescribeAlarmsForMetric, strict.All, s.describeAlarmsForMetric)
	serve(r, cloudwatchapi.DeleteAlarms, strict.All, s.deleteAlarms)
	serve(r, cloudwatchapi.SetAlarmState, strict.All, s.setAlarmState)
	serve(r, cloudwatchapi.EnableAlarmActions, strict.All, s.enableAlarmActions)
	serve(r, cloudwatchapi.DisableAlarmActions, strict.All, s.disableAlarmActions)
	serve(r, cloudwatchapi.DescribeAlarmHistory, strict.All, s.describeAlarmHistory)
	serve(r, cloudwatchapi.TagResource, strict.All, s.tagResource)
	serve(r, cloudwatchapi.UntagResource, strict.All, s.untagResource)
	serve(r, cloudwatchapi.ListTagsForResource, strict.All, s.listTagsForResource)
}

func serve[In, Out any](r *wire.Registry, op wire.Op[In, Out], members string, h func(context.Context, *In) (*Out, error)) {
	strict.Handle(r, op, "InvalidParameterValue", members, h)
}

// Loops returns the reconcilers: alarms are evaluated, actions carried out, and
// what is too old is dropped.
func (s *Service) Loops() []reconcile.Loop {
	return []reconcile.Loop{
		{Name: "cloudwatch alarms", Every: 10 * time.Second, Run: s.evaluate},
		{Name: "cloudwatch actions", Tables: []string{pending.Name}, Every: time.Minute, Run: s.act},
		{Name: "cloudwatch retention", Every: time.Hour, Run: s.expire},
	}
}

func invalid(format string, args ...any) error {
	return wire.Errorf(400, "InvalidParameterValue", format, args...)
}
