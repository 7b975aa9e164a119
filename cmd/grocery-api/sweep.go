package main

import (
	"context"
	"math/rand/v2"
	"time"

	shop "grocery/backend"
)

// sweepInterval is how often payments that were left half way are looked for.
const sweepInterval = time.Minute

// sweep looks for them until ctx ends. Servers side by side share the work; what they
// were given a minute ago they are not given again.
func (m *Main) sweep(ctx context.Context, c *shop.Checkout) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(sweepInterval/2 + rand.N(sweepInterval)): // not all servers at once
		}
		if _, err := c.Sweep(ctx, shop.PendingTime); err != nil && ctx.Err() == nil {
			m.log.WarnContext(ctx, "payments are not settled yet", "error", err)
		}
	}
}
