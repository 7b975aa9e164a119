package cloudwatch

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/store"
	"grocery/localaws/wire/api/cloudwatchapi"
)

var (
	allSeries = store.Table[series]{Name: "cloudwatch.series"} // region|namespace|name|hash
	blocks    = store.Table[block]{Name: "cloudwatch.blocks"}  // series' id|hour
)

// The bounds of what is kept. AWS keeps data points of a minute for 15 days.
const (
	resolution = time.Minute
	retention  = 15 * 24 * time.Hour
	maxBlocks  = 50_000 // oldest go first; about 2 kB each
	maxSeries  = 5_000  // in a region
)

// series is one metric in one unit.
type series struct {
	ID, Region      string
	Namespace, Name string
	Dimensions      []dimension // by name
	Unit            string
	Last            time.Time // of its youngest data point
}

type dimension struct{ Name, Value string }

// block holds a series' data points of one hour, in order of time.
type block struct{ Points []point }

// point is what is known of one minute.
type point struct {
	Minute int // of the hour
	Count  float64
	Sum    float64
	Min    float64
	Max    float64
	Values []float64 `json:",omitempty"` // distinct values, ascending, when there are several
	Counts []float64 `json:",omitempty"` // how often each
	Blur   bool      `json:",omitempty"` // the values are not known, only their summary
}

// maxValues is the number of distinct values a point remembers; beyond that
// neighbours are merged, so that percentiles stay close.
const maxValues = 100

func (s series) key() string { return s.Region + "|" + s.Namespace + "|" + s.Name + "|" + s.ID }

func newSeries(region, namespace, name, unit string, dims []dimension) series {
	s := series{Region: region, Namespace: namespace, Name: name, Unit: unit, Dimensions: dims}
	h := sha256.New()
	for _, d := range dims {
		h.Write([]byte(d.Name + "\x00" + d.Value + "\x00"))
	}
	h.Write([]byte(unit + "\x00" + region + "\x00" + namespace + "\x00" + name))
	s.ID = hex.EncodeToString(h.Sum(nil)[:12])
	return s
}

func hourKey(id string, t time.Time) string {
	return id + "|" + t.UTC().Truncate(time.Hour).Format("2006010215")
}

// dimensionsOf reads and sorts dimensions.
func dimensionsOf(in []cloudwatchapi.Dimension) ([]dimension, error) {
	if len(in) > 30 {
		return nil, invalid("A metric can have at most 30 dimensions")
	}
	var dims []dimension
	for _, d := range in {
		if ptr.Val(d.Name) == "" || ptr.Val(d.Value) == "" {
			return nil, invalid("A dimension must have a name and a value")
		}
		dims = append(dims, dimension{*d.Name, *d.Value})
	}
	slices.SortFunc(dims, func(a, b dimension) int { return cmp.Compare(a.Name, b.Name) })
	for i := 1; i < len(dims); i++ {
		if dims[i].Name == dims[i-1].Name {
			return nil, invalid("The dimension '%s' is given twice", dims[i].Name)
		}
	}
	return dims, nil
}

func dimensionShapes(dims []dimension) []cloudwatchapi.Dimension {
	l := make([]cloudwatchapi.Dimension, 0, len(dims))
	for _, d := range dims {
		l = append(l, cloudwatchapi.Dimension{Name: new(d.Name), Value: new(d.Value)})
	}
	return l
}

// merge adds what q knows to p; both are of the same minute.
func (p *point) merge(q point) {
	if p.Count == 0 {
		*p = q
		return
	}
	values, counts := p.values()
	more, often := q.values()
	p.Min, p.Max = min(p.Min, q.Min), max(p.Max, q.Max)
	p.Count, p.Sum = p.Count+q.Count, p.Sum+q.Sum
	if p.Blur = p.Blur || q.Blur; p.Blur {
		p.Values, p.Counts = nil, nil
		return
	}
	p.Values, p.Counts = collect(append(values, more...), append(counts, often...))
}

// values returns the distinct values and how often each was seen.
func (p point) values() (v, n []float64) {
	if p.Blur {
		return nil, nil
	}
	if len(p.Values) == 0 {
		return []float64{p.Min}, []float64{p.Count}
	}
	return slices.Clone(p.Values), slices.Clone(p.Counts)
}

// collect sorts values and joins equal ones, and neighbours while there are too many.
func collect(values, counts []float64) (v, n []float64) {
	order := make([]int, len(values))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(values[a], values[b]) })
	for _, i := range order {
		if k := len(v) - 1; k >= 0 && v[k] == values[i] {
			n[k] += counts[i]
			continue
		}
		v, n = append(v, values[i]), append(n, counts[i])
	}
	for len(v) > maxValues {
		w, m := v[:0:0], n[:0:0]
		for i := 0; i < len(v); i += 2 {
			if i+1 == len(v) {
				w, m = append(w, v[i]), append(m, n[i])
				continue
			}
			c := n[i] + n[i+1]
			w, m = append(w, (v[i]*n[i]+v[i+1]*n[i+1])/c), append(m, c)
		}
		v, n = w, m
	}
	if len(v) == 1 {
		return nil, nil
	}
	return v, n
}

// add puts a point into its block.
func add(tx store.Tx, s series, at time.Time, p point) {
	k := hourKey(s.ID, at)
	b, _ := blocks.Get(tx, k)
	p.Minute = at.UTC().Minute()
	i, found := slices.BinarySearchFunc(b.Points, p, func(a, b point) int { return cmp.Compare(a.Minute, b.Minute) })
	if found {
		b.Points[i].merge(p)
	} else {
		b.Points = slices.Insert(b.Points, i, p)
	}
	blocks.Put(tx, k, b)
	old, known := allSeries.Get(tx, s.key())
	if known && !at.After(old.Last) {
		return
	}
	s.Last = at
	allSeries.Put(tx, s.key(), s)
}

// find lists the series of a metric: one for each unit, or the one of a unit.
func find(tx store.Tx, region, namespace, name, unit string, dims []dimension) (found []series) {
	for _, s := range allSeries.List(tx, region+"|"+namespace+"|"+name+"|") {
		if slices.Equal(s.Dimensions, dims) && (unit == "" || s.Unit == unit) {
			found = append(found, s)
		}
	}
	return found
}

// floor is the begin of the period that t lies in, periods being counted from
// origin; the zero origin counts them as clocks do.
func floor(t, origin time.Time, period time.Duration) time.Time {
	shift := origin.Sub(origin.Truncate(period))
	return t.Add(-shift).Truncate(period).Add(shift)
}

// read sums the points of several series up by periods: from inclusive, to
// exclusive, keyed by the period's begin.
func read(tx store.Tx, list []series, from, to time.Time, period time.Duration, origin time.Time) map[time.Time]point {
	out := map[time.Time]point{}
	for _, s := range list {
		for hour := from.UTC().Truncate(time.Hour); hour.Before(to); hour = hour.Add(time.Hour) {
			b, _ := blocks.Get(tx, hourKey(s.ID, hour))
			for _, p := range b.Points {
				at := hour.Add(time.Duration(p.Minute) * time.Minute)
				if at.Before(from) || !at.Before(to) {
					continue
				}
				begin := floor(at, origin, period)
				sum := out[begin]
				sum.merge(p)
				out[begin] = sum
			}
		}
	}
	return out
}

// statistic computes one statistic of a point; ok is false when it cannot be known.
func (p point) statistic(name string) (v float64, ok bool) {
	switch name {
	case "SampleCount":
		return p.Count, true
	case "Sum":
		return p.Sum, true
	case "Average":
		return p.Sum / p.Count, p.Count > 0
	case "Minimum":
		return p.Min, true
	case "Maximum":
		return p.Max, true
	}
	q, ok := percentile(name)
	if !ok || p.Blur && p.Min != p.Max {
		return 0, false
	}
	values, counts := p.values()
	if p.Blur {
		return p.Min, true
	}
	rank, seen := math.Ceil(q/100*p.Count), 0.0
	for i, v := range values {
		if seen += counts[i]; seen >= rank {
			return v, true
		}
	}
	return p.Max, true
}

// percentile reads p0.0 to p100.
func percentile(name string) (q float64, ok bool) {
	rest, ok := strings.CutPrefix(name, "p")
	q, err := strconv.ParseFloat(rest, 64)
	return q, ok && err == nil && q >= 0 && q <= 100
}

func validStatistic(name string) bool {
	_, p := percentile(name)
	return p || slices.Contains([]string{"SampleCount", "Sum", "Average", "Minimum", "Maximum"}, name)
}

// expire drops what is older than the retention, the oldest blocks beyond the
// bound, series without data, and old history.
func (s *Service) expire(context.Context) error {
	now := s.d.Clock.Now()
	return s.d.Store.Update(func(tx store.Tx) error {
		type aged struct{ key, hour string }
		var all []aged
		blocks.Each(tx, "", func(k string, _ block) bool {
			all = append(all, aged{k, k[strings.LastIndex(k, "|")+1:]})
			return true
		})
		slices.SortFunc(all, func(a, b aged) int { return cmp.Compare(a.hour, b.hour) })
		oldest := now.Add(-retention).UTC().Format("2006010215")
		for i, b := range all {
			if b.hour < oldest || len(all)-i > maxBlocks {
				blocks.Delete(tx, b.key)
			}
		}
		for _, x := range allSeries.List(tx, "") {
			if now.Sub(x.Last) > retention {
				allSeries.Delete(tx, x.key())
			}
		}
		expireHistory(tx, now)
		return nil
	})
}
