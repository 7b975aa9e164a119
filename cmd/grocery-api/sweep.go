package main

import (
	"context"
	"math/rand/v2"
	"time"

	shop "grocery/backend"
)

const (
	// sweepInterval is how often what was left behind is looked for.
	sweepInterval = time.Minute
	// sweptSessions is how many sessions are removed at a time.
	sweptSessions = 500
)

// sweep looks after what was left behind until ctx ends. Servers side by side share the
// work; what they were given a minute ago they are not given again.
func (m *Main) sweep(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(sweepInterval/2 + rand.N(sweepInterval)): // not all servers at once
		}
		m.sweepOnce(ctx)
	}
}

// sweepOnce settles payments that were left half way and removes sessions whose users did
// not come back.
func (m *Main) sweepOnce(ctx context.Context) {
	if _, err := m.api.Sweep(ctx, shop.PendingTime); err != nil && ctx.Err() == nil {
		m.log.WarnContext(ctx, "payments are not settled yet", "error", err)
	}
	if _, err := m.db.RemoveSessions(ctx, time.Now(), sweptSessions); err != nil && ctx.Err() == nil {
		m.log.WarnContext(ctx, "sessions that expired are not removed yet", "error", err)
	}
}
