package httpapi

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
)

// audit writes one line of the audit log: what happened, from which client, and pairs
// of name and value. Such lines are of the level info and carry "audit":true. They hold
// ids, never passwords, tokens or addresses.
func (s *Server) audit(r *http.Request, event string, pairs ...any) {
	if s.Observer != nil {
		s.Observer.Event(event)
	}
	s.Log.InfoContext(r.Context(), "audit", append([]any{"audit", true, "event", event, "client", clientAddr(r).String()}, pairs...)...)
}

// emailMark stands in the audit log for an address of which no account is known: the
// same for the same address.
func emailMark(email string) string {
	sum := sha256.Sum256([]byte(strings.ToLower(email)))
	return hex.EncodeToString(sum[:8])
}
