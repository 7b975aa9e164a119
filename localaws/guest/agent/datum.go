package agent

import (
	"maps"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
)

// Identity is what ${aws:...} in append_dimensions stands for.
type Identity map[string]string

// Placeholders of append_dimensions; the real agent knows these four.
const (
	instanceIDVar   = "${aws:InstanceId}"
	imageIDVar      = "${aws:ImageId}"
	instanceTypeVar = "${aws:InstanceType}"
	groupNameVar    = "${aws:AutoScalingGroupName}"
)

// Data turns samples of one kind into the metric data that configuration asks
// for: the chosen measurements, with all dimensions and once more for each
// aggregation.
func (c *Metrics) Data(kind string, p *Plugin, samples []Sample, id Identity, at time.Time) []types.MetricDatum {
	var out []types.MetricDatum
	for _, s := range samples {
		i := slices.IndexFunc(p.Measurement, func(m Measurement) bool { return m.Name == s.Name })
		if i < 0 {
			continue
		}
		m := p.Measurement[i]
		name, unit := kind+"_"+s.Name, s.Unit
		if m.Rename != "" {
			name = m.Rename
		}
		if m.Unit != "" {
			unit = m.Unit
		}
		dims := c.dimensions(p, s, id)
		for _, set := range c.sets(dims) {
			out = append(out, types.MetricDatum{
				MetricName: new(name), Value: new(s.Value), Timestamp: new(at),
				Unit: types.StandardUnit(unit), Dimensions: set,
			})
		}
	}
	return out
}

// dimensions are a sample's own, the kind's and those of all metrics.
func (c *Metrics) dimensions(p *Plugin, s Sample, id Identity) map[string]string {
	dims := maps.Clone(s.Dims)
	if dims == nil {
		dims = map[string]string{}
	}
	maps.Copy(dims, p.Append)
	if len(c.Append) == 0 {
		dims["host"] = id["host"]
	}
	for name, v := range c.Append {
		// An unknown value (no Auto Scaling group) leaves its dimension out.
		if known := id[v]; known != "" {
			dims[name] = known
		}
	}
	return dims
}

// sets lists the sets of dimensions a value is published under.
func (c *Metrics) sets(all map[string]string) [][]types.Dimension {
	sets := [][]types.Dimension{dimensionList(all, slices.Sorted(maps.Keys(all)))}
	for _, names := range c.Aggregate {
		names = slices.Sorted(slices.Values(names))
		complete := len(names) != len(all) // all of them are there already
		for _, n := range names {
			_, ok := all[n]
			complete = complete && ok
		}
		if complete {
			sets = append(sets, dimensionList(all, names))
		}
	}
	return sets
}

func dimensionList(all map[string]string, names []string) []types.Dimension {
	list := []types.Dimension{}
	for _, n := range names {
		list = append(list, types.Dimension{Name: new(n), Value: new(all[n])})
	}
	return list
}
