package main

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"grocery/backend/telemetry"
)

// serveMetrics serves /metrics on an address of its own, which is for the operator's
// network, not for shoppers.
func (m *Main) serveMetrics(handler http.Handler) error {
	listener, err := net.Listen("tcp", m.config.Metrics)
	if err != nil {
		return fmt.Errorf("listen on METRICS_ADDR %s: %w", m.config.Metrics, err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", handler)
	m.metrics = &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, WriteTimeout: 20 * time.Second}
	m.metricsAddr = listener.Addr().String()
	go func() {
		if err := m.metrics.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			m.log.Error("metrics are not served", "error", err)
		}
	}()
	m.log.Info("metrics", "addr", m.metricsAddr)
	return nil
}

// MetricsURL returns where the metrics are, "" when they are not served.
func (m *Main) MetricsURL() string {
	if m.metricsAddr == "" {
		return ""
	}
	return "http://" + m.metricsAddr + "/metrics"
}

func (m *Main) pools() []telemetry.Pool {
	var pools []telemetry.Pool
	for name, s := range m.db.Pools() {
		pools = append(pools, telemetry.Pool{Name: name, Acquired: s.AcquiredConns(), Idle: s.IdleConns(), Max: s.MaxConns(),
			Waits: s.EmptyAcquireCount(), Waited: s.EmptyAcquireWaitTime()})
	}
	return pools
}
