package httpapi

import (
	"context"
	"net/http"
	"strings"
)

// audit writes one line of the audit log: what happened, from which client, and pairs
// of name and value. Such lines are of the level info and carry "audit":true. They hold
// ids, never passwords, tokens or addresses.
func (s *Server) audit(r *http.Request, event string, pairs ...any) {
	s.note(r.Context(), event, append([]any{"client", clientAddr(r).String()}, pairs...)...)
}

// note is audit for what no client has asked for.
func (s *Server) note(ctx context.Context, event string, pairs ...any) {
	if s.Observer != nil {
		s.Observer.Event(event)
	}
	s.Log.InfoContext(ctx, "audit", append([]any{"audit", true, "event", event}, pairs...)...)
}

// emailMark stands in the audit log for an address of which no account is known: the
// same for the same address, and told by nobody who lacks the server's secret.
func (s *Server) emailMark(email string) string { return s.Tokens.Mark(strings.ToLower(email)) }
