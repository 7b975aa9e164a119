package telemetry

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics are the numbers of one server.
type Metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	events   *prometheus.CounterVec
}

// Pool is the state of a pool of database connections.
type Pool struct {
	Name                string
	Acquired, Idle, Max int32
	Waits               int64         // acquisitions that had to wait, ever
	Waited              time.Duration // for connections, ever
}

// NewMetrics returns the metrics of a server. pools is asked at each look at them.
func NewMetrics(pools func() []Pool) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "grocery_http_requests_total", Help: "Requests answered, by the pattern of their route.",
		}, []string{"method", "route", "status"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "grocery_http_request_duration_seconds", Help: "Time to the end of the answer, by the pattern of the route.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 15},
		}, []string{"method", "route"}),
		events: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "grocery_events_total", Help: "What happened in the shop, by the event of the audit log.",
		}, []string{"event"}),
	}
	m.registry.MustRegister(m.requests, m.duration, m.events, poolCollector{pools},
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Handler serves the metrics in Prometheus' text format.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

func (m *Metrics) request(method, route string, status int, took time.Duration) {
	m.requests.WithLabelValues(method, route, strconv.Itoa(status)).Inc()
	m.duration.WithLabelValues(method, route).Observe(took.Seconds())
}

// poolCollector reads the pools when it is asked.
type poolCollector struct{ pools func() []Pool }

var (
	poolConns = prometheus.NewDesc("grocery_db_connections", "Connections to a database, by state.", []string{"pool", "state"}, nil)
	poolMax   = prometheus.NewDesc("grocery_db_connections_max", "The most connections a pool may have.", []string{"pool"}, nil)
	poolWaits = prometheus.NewDesc("grocery_db_waits_total", "How often a request had to wait for a connection.", []string{"pool"}, nil)
	poolTime  = prometheus.NewDesc("grocery_db_wait_seconds_total", "How long requests waited for connections.", []string{"pool"}, nil)
)

// Describe is of prometheus.Collector.
func (poolCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{poolConns, poolMax, poolWaits, poolTime} {
		ch <- d
	}
}

// Collect is of prometheus.Collector.
func (c poolCollector) Collect(ch chan<- prometheus.Metric) {
	gauge, counter := prometheus.GaugeValue, prometheus.CounterValue
	for _, p := range c.pools() {
		ch <- prometheus.MustNewConstMetric(poolConns, gauge, float64(p.Acquired), p.Name, "in use")
		ch <- prometheus.MustNewConstMetric(poolConns, gauge, float64(p.Idle), p.Name, "idle")
		ch <- prometheus.MustNewConstMetric(poolMax, gauge, float64(p.Max), p.Name)
		ch <- prometheus.MustNewConstMetric(poolWaits, counter, float64(p.Waits), p.Name)
		ch <- prometheus.MustNewConstMetric(poolTime, counter, p.Waited.Seconds(), p.Name)
	}
}
