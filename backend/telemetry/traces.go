package telemetry

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"github.com/jackc/pgx/v5"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Traces are spans of requests and queries on their way to a collector.
type Traces struct {
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
}

// w3c reads and writes the header traceparent, https://www.w3.org/TR/trace-context/
var w3c = propagation.TraceContext{}

// NewTraces returns traces that go over HTTP to the collector at an address such as
// http://localhost:4318. Which requests are traced is decided by their traceparent, or
// else by OTEL_TRACES_SAMPLER; all are by default. A collector that is away costs spans,
// never requests.
func NewTraces(ctx context.Context, endpoint, version string, log *slog.Logger) (*Traces, error) {
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(strings.TrimSuffix(endpoint, "/")+"/v1/traces"))
	if err != nil {
		return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_ENDPOINT: %w", err)
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.Warn("spans are lost", "error", err) }))
	about := resource.NewSchemaless(attribute.String("service.name", "grocery-api"), attribute.String("service.version", version))
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(about))
	return &Traces{provider, provider.Tracer("grocery")}, nil
}

// Close sends the spans that are left.
func (t *Traces) Close(ctx context.Context) error { return t.provider.Shutdown(ctx) }

// begin starts the span of a request, under that of its traceparent.
func (t *Traces) begin(r *http.Request, method string) (context.Context, trace.Span) {
	ctx := w3c.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
	return t.tracer.Start(ctx, method, trace.WithSpanKind(trace.SpanKindServer))
}

// end closes the span of a request.
func end(span trace.Span, method, route string, status int) {
	span.SetName(method + " " + route)
	span.SetAttributes(attribute.String("http.request.method", method), attribute.String("http.route", route), attribute.Int("http.response.status_code", status))
	if status >= 500 {
		span.SetStatus(codes.Error, "")
	}
	span.End()
}

// Transport returns a transport whose requests are spans and carry traceparent.
func (t *Traces) Transport(next http.RoundTripper) http.RoundTripper { return &transport{t, next} }

type transport struct {
	traces *Traces
	next   http.RoundTripper
}

// RoundTrip is of http.RoundTripper.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx, span := t.traces.tracer.Start(r.Context(), r.Method+" "+r.URL.Host, trace.WithSpanKind(trace.SpanKindClient))
	defer span.End()
	r = r.Clone(ctx)
	w3c.Inject(ctx, propagation.HeaderCarrier(r.Header))
	resp, err := t.next.RoundTrip(r)
	if err != nil {
		span.SetStatus(codes.Error, "no answer")
		return nil, err
	}
	span.SetAttributes(attribute.Int("http.response.status_code", resp.StatusCode))
	return resp, nil
}

// maxStatement is how much of a statement a span shows, in bytes.
const maxStatement = 500

// TraceQueryStart is of pgx.QueryTracer. A span shows the statement with its
// placeholders; the values are no part of it.
func (t *Traces) TraceQueryStart(ctx context.Context, _ *pgx.Conn, q pgx.TraceQueryStartData) context.Context {
	if !trace.SpanFromContext(ctx).IsRecording() {
		return ctx // nobody's request: a probe
	}
	statement := strings.Join(strings.Fields(q.SQL), " ")
	verb, _, _ := strings.Cut(statement, " ")
	if len(statement) > maxStatement {
		statement = strings.ToValidUTF8(statement[:maxStatement], "") + "..."
	}
	ctx, _ = t.tracer.Start(ctx, strings.ToUpper(verb), trace.WithSpanKind(trace.SpanKindClient),
		trace.WithAttributes(attribute.String("db.system.name", "postgresql"), attribute.String("db.query.text", statement)))
	return context.WithValue(ctx, querySpanKey{}, true)
}

type querySpanKey struct{}

// TraceQueryEnd is of pgx.QueryTracer.
func (t *Traces) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, q pgx.TraceQueryEndData) {
	if ctx.Value(querySpanKey{}) == nil {
		return
	}
	span := trace.SpanFromContext(ctx)
	if q.Err != nil {
		span.SetStatus(codes.Error, "") // the text may quote values
	}
	span.End()
}
