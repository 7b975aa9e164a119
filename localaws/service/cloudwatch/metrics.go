package cloudwatch

import (
	"cmp"
	"context"
	"math"
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

var namespaceForm = regexp.MustCompile(`^[^:][A-Za-z0-9 ._/#:-]{0,254}$`)

// putMetricData adds data points. AWS's own namespaces are for its services.
func (s *Service) putMetricData(ctx context.Context, in *cloudwatchapi.PutMetricDataInput) (*cloudwatchapi.PutMetricDataOutput, error) {
	c, now := wire.CallFrom(ctx), s.d.Clock.Now()
	if !namespaceForm.MatchString(*in.Namespace) {
		return nil, invalid("The value %s for parameter Namespace is invalid.", *in.Namespace)
	}
	if strings.HasPrefix(*in.Namespace, "AWS/") && c.Principal.Service == "" {
		return nil, invalid("The value AWS/ for parameter Namespace is invalid.")
	}
	if len(in.MetricData) > 1000 {
		return nil, wire.Errorf(400, "InvalidParameterValue", "The collection MetricData must not have a size greater than 1000.")
	}
	type datum struct {
		series
		at time.Time
		point
	}
	var all []datum
	for _, m := range in.MetricData {
		at := ptr.Or(m.Timestamp, now)
		if at.Before(now.Add(-14*24*time.Hour)) || at.After(now.Add(2*time.Hour)) {
			return nil, invalid("The parameter MetricData.member.Timestamp must be between two weeks ago and two hours from now.")
		}
		if r := ptr.Or(m.StorageResolution, 60); r != 60 {
			return nil, invalid("Local AWS keeps data by the minute: the storage resolution can only be 60, not %d", r)
		}
		dims, err := dimensionsOf(m.Dimensions)
		if err != nil {
			return nil, err
		}
		p, err := pointOf(m)
		if err != nil {
			return nil, err
		}
		all = append(all, datum{newSeries(c.Region, *in.Namespace, *m.MetricName, ptr.Or(m.Unit, "None"), dims), at.UTC().Truncate(resolution), p})
	}
	return nil, s.d.Store.Update(func(tx store.Tx) error {
		known := -1
		for _, d := range all {
			if _, ok := allSeries.Get(tx, d.series.key()); !ok {
				if known < 0 {
					known = 0
					allSeries.Each(tx, c.Region+"|", func(string, series) bool { known++; return true })
				}
				if known++; known > maxSeries {
					return wire.Errorf(400, "LimitExceeded", "Local AWS keeps at most %d metrics in a region", maxSeries)
				}
			}
			add(tx, d.series, d.at, d.point)
		}
		return nil
	})
}

// pointOf reads the three forms of a datum: a value, values with counts, a summary.
func pointOf(m cloudwatchapi.MetricDatum) (point, error) {
	given := 0
	for _, yes := range []bool{m.Value != nil, len(m.Values) > 0, m.StatisticValues != nil} {
		if yes {
			given++
		}
	}
	if given != 1 {
		return point{}, wire.Errorf(400, "InvalidParameterCombination", "A datum must have exactly one of Value, Values and StatisticValues.")
	}
	if st := m.StatisticValues; st != nil {
		if *st.SampleCount <= 0 || *st.Minimum > *st.Maximum {
			return point{}, invalid("The summary of metric %s is not consistent.", *m.MetricName)
		}
		return point{Count: *st.SampleCount, Sum: *st.Sum, Min: *st.Minimum, Max: *st.Maximum, Blur: *st.Minimum != *st.Maximum}, nil
	}
	values, counts := m.Values, m.Counts
	if m.Value != nil {
		values, counts = []float64{*m.Value}, nil
	}
	if len(values) > 150 || len(counts) > 0 && len(counts) != len(values) {
		return point{}, invalid("The metric %s must have at most 150 values, and as many counts as values.", *m.MetricName)
	}
	p := point{Min: math.Inf(1), Max: math.Inf(-1)}
	often := make([]float64, len(values))
	for i, v := range values {
		often[i] = 1
		if len(counts) > 0 {
			often[i] = counts[i]
		}
		if math.IsNaN(v) || math.IsInf(v, 0) || often[i] <= 0 {
			return point{}, invalid("The metric %s has a value or a count that is not allowed.", *m.MetricName)
		}
		p.Count, p.Sum, p.Min, p.Max = p.Count+often[i], p.Sum+v*often[i], min(p.Min, v), max(p.Max, v)
	}
	p.Values, p.Counts = collect(values, often)
	return p, nil
}

// checkPeriod accepts whole minutes.
func checkPeriod(seconds int64) (time.Duration, error) {
	if seconds < 60 || seconds%60 != 0 || seconds > 86400 {
		return 0, invalid("Local AWS keeps data by the minute: a period must be a multiple of 60 seconds and at most a day, not %d", seconds)
	}
	return time.Duration(seconds) * time.Second, nil
}

func (s *Service) getMetricStatistics(ctx context.Context, in *cloudwatchapi.GetMetricStatisticsInput) (*cloudwatchapi.GetMetricStatisticsOutput, error) {
	period, err := checkPeriod(*in.Period)
	if err != nil {
		return nil, err
	}
	dims, err := dimensionsOf(in.Dimensions)
	if err != nil {
		return nil, err
	}
	if len(in.Statistics)+len(in.ExtendedStatistics) == 0 {
		return nil, wire.Errorf(400, "InvalidParameterCombination", "At least one of the parameters Statistics and ExtendedStatistics must be specified.")
	}
	for _, st := range slices.Concat(in.Statistics, in.ExtendedStatistics) {
		if !validStatistic(st) {
			return nil, invalid("The value %s for parameter Statistics is not supported.", st)
		}
	}
	if !in.StartTime.Before(*in.EndTime) {
		return nil, invalid("The parameter StartTime must be less than the parameter EndTime.")
	}
	if in.EndTime.Sub(*in.StartTime)/period > 1440 {
		return nil, wire.Errorf(400, "InvalidParameterCombination", "You have requested up to %d datapoints, which exceeds the limit of 1,440.", in.EndTime.Sub(*in.StartTime)/period)
	}
	var out cloudwatchapi.GetMetricStatisticsOutput
	out.Label = in.MetricName
	return &out, s.d.Store.View(func(tx store.Tx) error {
		for _, x := range find(tx, wire.CallFrom(ctx).Region, *in.Namespace, *in.MetricName, ptr.Val(in.Unit), dims) {
			points := read(tx, []series{x}, in.StartTime.Truncate(resolution), *in.EndTime, period, time.Time{})
			for at, p := range points {
				d := cloudwatchapi.Datapoint{Timestamp: new(at), Unit: new(x.Unit)}
				for _, st := range in.Statistics {
					v, ok := p.statistic(st)
					if !ok {
						continue
					}
					switch st {
					case "Average":
						d.Average = &v
					case "Sum":
						d.Sum = &v
					case "Minimum":
						d.Minimum = &v
					case "Maximum":
						d.Maximum = &v
					case "SampleCount":
						d.SampleCount = &v
					}
				}
				for _, st := range in.ExtendedStatistics {
					if v, ok := p.statistic(st); ok {
						if d.ExtendedStatistics == nil {
							d.ExtendedStatistics = map[string]float64{}
						}
						d.ExtendedStatistics[st] = v
					}
				}
				out.Datapoints = append(out.Datapoints, d)
			}
		}
		slices.SortFunc(out.Datapoints, func(a, b cloudwatchapi.Datapoint) int { return a.Timestamp.Compare(*b.Timestamp) })
		return nil
	})
}

func (s *Service) getMetricData(ctx context.Context, in *cloudwatchapi.GetMetricDataInput) (*cloudwatchapi.GetMetricDataOutput, error) {
	if !in.StartTime.Before(*in.EndTime) {
		return nil, wire.Errorf(400, "ValidationError", "The parameter StartTime must be less than the parameter EndTime.")
	}
	var out cloudwatchapi.GetMetricDataOutput
	return &out, s.d.Store.View(func(tx store.Tx) error {
		results, err := evaluateQueries(tx, wire.CallFrom(ctx).Region, in.MetricDataQueries, *in.StartTime, *in.EndTime, time.Time{})
		if err != nil {
			return err
		}
		for _, q := range in.MetricDataQueries {
			if q.ReturnData != nil && !*q.ReturnData {
				continue
			}
			r := results[*q.Id]
			d := cloudwatchapi.MetricDataResult{Id: q.Id, Label: new(ptr.Or(q.Label, r.label)), StatusCode: new("Complete"), Timestamps: []time.Time{}, Values: []float64{}}
			times := make([]time.Time, 0, len(r.values))
			for t := range r.values {
				times = append(times, t)
			}
			slices.SortFunc(times, func(a, b time.Time) int {
				if ptr.Val(in.ScanBy) == "TimestampAscending" {
					return a.Compare(b)
				}
				return b.Compare(a)
			})
			if n := int(ptr.Or(in.MaxDatapoints, 100_800)); len(times) > n {
				times = times[:n]
				d.StatusCode = new("PartialData")
			}
			for _, t := range times {
				d.Timestamps, d.Values = append(d.Timestamps, t), append(d.Values, r.values[t])
			}
			out.MetricDataResults = append(out.MetricDataResults, d)
		}
		return nil
	})
}

func (s *Service) listMetrics(ctx context.Context, in *cloudwatchapi.ListMetricsInput) (*cloudwatchapi.ListMetricsOutput, error) {
	var all []series
	now := s.d.Clock.Now()
	if err := s.d.Store.View(func(tx store.Tx) error {
		seen := map[string]bool{}
		for _, x := range allSeries.List(tx, wire.CallFrom(ctx).Region+"|") {
			if in.Namespace != nil && *in.Namespace != x.Namespace || in.MetricName != nil && *in.MetricName != x.Name || in.RecentlyActive != nil && now.Sub(x.Last) > 3*time.Hour {
				continue
			}
			fits := !slices.ContainsFunc(in.Dimensions, func(f cloudwatchapi.DimensionFilter) bool {
				return !slices.ContainsFunc(x.Dimensions, func(d dimension) bool { return d.Name == *f.Name && (f.Value == nil || *f.Value == d.Value) })
			})
			if id := x.listKey(); fits && !seen[id] { // one metric, whatever its units
				seen[id] = true
				all = append(all, x)
			}
		}
		return nil
	}); err != nil {
		return nil, err
	}
	slices.SortFunc(all, func(a, b series) int { return cmp.Compare(a.listKey(), b.listKey()) })
	part, next, err := page.Cut(all, series.listKey, in.NextToken, nil, 500)
	if err != nil {
		return nil, invalid("The parameter NextToken is invalid.")
	}
	out := cloudwatchapi.ListMetricsOutput{NextToken: next}
	for _, x := range part {
		out.Metrics = append(out.Metrics, cloudwatchapi.Metric{Namespace: new(x.Namespace), MetricName: new(x.Name), Dimensions: dimensionShapes(x.Dimensions)})
	}
	return &out, nil
}

// listKey names a metric without its unit.
func (s series) listKey() string {
	k := s.Namespace + "\x00" + s.Name
	for _, d := range s.Dimensions {
		k += "\x00" + d.Name + "\x00" + d.Value
	}
	return k
}
