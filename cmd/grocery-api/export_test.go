package main

import (
	"context"
	"net/http"
)

// Serve serves on a listener as the shop's server does.
func Serve(handler http.Handler, l wholeAnswers) *http.Server {
	s := &http.Server{Handler: handler, ConnState: answered}
	go s.Serve(l)
	return s
}

// WholeAnswers is the listener under test.
type WholeAnswers = wholeAnswers

// Sweep does at once what the server does each minute.
func (m *Main) Sweep(ctx context.Context) { m.sweepOnce(ctx) }
