package telemetry

import (
	"context"
	"net/http"
	"time"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// Observer is told of requests and events and passes them on; what is nil is passed over.
type Observer struct {
	Metrics *Metrics
	Traces  *Traces
}

// Begin is called when a request arrives. The context is for all that is done for the
// request; traceID is empty when it is not traced. done is to be called at its end, with
// the time that the request took.
func (o *Observer) Begin(w http.ResponseWriter, r *http.Request) (ctx context.Context, traceID string, done func(route string, status int, took time.Duration)) {
	ctx = r.Context()
	method := methodOf(r)
	var span trace.Span
	if o.Traces != nil {
		ctx, span = o.Traces.begin(r, method)
		w3c.Inject(ctx, propagation.HeaderCarrier(w.Header()))
		if span.IsRecording() {
			traceID = span.SpanContext().TraceID().String()
		}
	}
	return ctx, traceID, func(route string, status int, took time.Duration) {
		if o.Metrics != nil {
			o.Metrics.request(method, route, status, took)
		}
		if span != nil {
			end(span, method, route, status)
		}
	}
}

// methodOf returns the method of a request, "other" when it is none of HTTP's, so that
// invented methods make no new names.
func methodOf(r *http.Request) string {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch,
		http.MethodDelete, http.MethodConnect, http.MethodOptions, http.MethodTrace:
		return r.Method
	}
	return "other"
}

// Event counts an event of the shop.
func (o *Observer) Event(name string) {
	if o.Metrics != nil {
		o.Metrics.events.WithLabelValues(name).Inc()
	}
}
