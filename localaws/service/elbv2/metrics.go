package elbv2

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"grocery/localaws/wire"
	"grocery/localaws/wire/api/cloudwatchapi"
)

// namespace is where the metrics of application load balancers go; see
// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html.
const namespace = "AWS/ApplicationELB"

// publishMetrics sends what the balancers counted since the last time. Like
// AWS it sends counters only when there is something to count.
func (s *Service) publishMetrics(ctx context.Context) error {
	n, p := s.plane.current.Load(), s.plane
	var errs []error
	for _, b := range n.balancers {
		x := p.node(b.ARN)
		if x == nil || b.Deleting {
			continue
		}
		m := measurement{at: s.d.Clock.Now().Truncate(time.Minute), dims: []cloudwatchapi.Dimension{dimension("LoadBalancer", b.id())}}
		st := &x.proxy.Stats
		m.count("RequestCount", st.Requests.Swap(0))
		m.count("NewConnectionCount", st.NewConnections.Swap(0))
		m.count("HTTPCode_ELB_3XX_Count", st.ELB3xx.Swap(0))
		m.count("HTTPCode_ELB_4XX_Count", st.ELB4xx.Swap(0))
		m.count("HTTPCode_ELB_5XX_Count", st.ELB5xx.Swap(0))
		m.count("HTTPCode_ELB_502_Count", st.ELB502.Swap(0))
		m.count("HTTPCode_ELB_503_Count", st.ELB503.Swap(0))
		m.count("HTTPCode_ELB_504_Count", st.ELB504.Swap(0))
		m.count("ActiveConnectionCount", st.Active.Load())
		if bytes := st.Bytes.Swap(0); bytes > 0 {
			m.value("ProcessedBytes", float64(bytes), "Bytes")
		}
		all := m.data
		for id, gs := range st.Groups() {
			g, ok := n.groups[id]
			if !ok {
				continue
			}
			// AWS publishes a target's figures for the balancer as a whole and
			// for each of its groups.
			of := measurement{at: m.at, dims: []cloudwatchapi.Dimension{dimension("LoadBalancer", b.id()), dimension("TargetGroup", g.id())}}
			whole := measurement{at: m.at, dims: m.dims}
			for name, n := range map[string]int64{
				"HTTPCode_Target_2XX_Count": gs.Target2xx.Swap(0), "HTTPCode_Target_3XX_Count": gs.Target3xx.Swap(0),
				"HTTPCode_Target_4XX_Count": gs.Target4xx.Swap(0), "HTTPCode_Target_5XX_Count": gs.Target5xx.Swap(0),
				"TargetConnectionErrorCount": gs.ConnectionErrors.Swap(0),
			} {
				of.count(name, n)
				whole.count(name, n)
			}
			of.count("RequestCount", gs.Requests.Swap(0))
			times := gs.TakeTimes()
			of.values("TargetResponseTime", times, "Seconds")
			whole.values("TargetResponseTime", times, "Seconds")
			if n.used[id] == b.ARN {
				hosts := p.hosts.take(id)
				of.values("HealthyHostCount", hosts.healthy, "Count")
				of.values("UnHealthyHostCount", hosts.unhealthy, "Count")
			}
			all = append(append(all, of.data...), whole.data...)
		}
		if len(all) == 0 {
			continue
		}
		_, err := wire.Invoke(asService(ctx, b.Region), s.d.Calls, cloudwatchapi.PutMetricData, &cloudwatchapi.PutMetricDataInput{Namespace: new(namespace), MetricData: all})
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// measurement collects data that share dimensions and time.
type measurement struct {
	at   time.Time
	dims []cloudwatchapi.Dimension
	data []cloudwatchapi.MetricDatum
}

func dimension(name, value string) cloudwatchapi.Dimension {
	return cloudwatchapi.Dimension{Name: new(name), Value: new(value)}
}

func (m *measurement) count(name string, n int64) {
	if n > 0 {
		m.value(name, float64(n), "Count")
	}
}

func (m *measurement) value(name string, v float64, unit string) {
	m.data = append(m.data, cloudwatchapi.MetricDatum{MetricName: new(name), Dimensions: m.dims, Timestamp: new(m.at), Value: new(v), Unit: new(unit)})
}

// values adds what was seen, by how often.
func (m *measurement) values(name string, seen map[float64]int64, unit string) {
	if len(seen) == 0 {
		return
	}
	d := cloudwatchapi.MetricDatum{MetricName: new(name), Dimensions: m.dims, Timestamp: new(m.at), Unit: new(unit)}
	for v, n := range seen {
		if len(d.Values) == 150 { // as many as one datum takes
			m.data = append(m.data, d)
			d.Values, d.Counts = nil, nil
		}
		d.Values, d.Counts = append(d.Values, v), append(d.Counts, float64(n))
	}
	m.data = append(m.data, d)
}

// hostCount is how many targets of a group were healthy and unhealthy, by how
// often that was seen.
type hostCount struct{ healthy, unhealthy map[float64]int64 }

// hostCounts are taken whenever targets are looked at, about every second, and
// whenever a check changes a target's health: one that is sick for less than a
// second, because its group takes it away at once, shows in the minute's maximum.
type hostCounts struct {
	mu     sync.Mutex
	groups map[string]hostCount
}

// look counts the targets of every group in use.
func (h *hostCounts) look(n *snapshot) {
	for _, b := range n.balancers {
		for id, list := range n.targets {
			if n.used[id] == b.ARN {
				h.count(id, b, list)
			}
		}
	}
}

// changed counts a group's targets with one of them as it has become.
func (h *hostCounts) changed(n *snapshot, balancerARN string, t target) {
	i := slices.IndexFunc(n.balancers, func(b balancer) bool { return b.ARN == balancerARN })
	if i < 0 {
		return
	}
	list := slices.Clone(n.targets[t.Group])
	for j := range list {
		if list[j].key() == t.key() {
			list[j] = t
		}
	}
	h.count(t.Group, n.balancers[i], list)
}

func (h *hostCounts) count(id string, b balancer, list []target) {
	healthy, unhealthy := 0.0, 0.0
	for _, t := range list {
		switch t.verdict(b).State {
		case stateHealthy:
			healthy++
		case stateUnhealthy:
			unhealthy++
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	c, ok := h.groups[id]
	if !ok {
		c = hostCount{map[float64]int64{}, map[float64]int64{}}
		h.groups[id] = c
	}
	c.healthy[healthy]++
	c.unhealthy[unhealthy]++
}

// take returns what was seen of a group since the last time.
func (h *hostCounts) take(id string) hostCount {
	h.mu.Lock()
	defer h.mu.Unlock()
	c := h.groups[id]
	delete(h.groups, id)
	return c
}
