// Package telemetry counts and traces what the server does: Prometheus metrics, and
// OpenTelemetry traces that go to a collector. It implements what package httpapi and pgx
// call, and knows neither routes nor SQL; it never sees the values of a query.
package telemetry
