package events

import (
	"context"
	"sync"
	"time"

	"grocery/localaws/store"
)

// alarm wakes a loop at a moment.
type alarm struct {
	wake chan struct{}
	mu   sync.Mutex
	stop context.CancelFunc
}

func newAlarm() *alarm { return &alarm{wake: make(chan struct{}, 1)} }

// at sets the alarm; it replaces the one before. The zero time sets none.
func (a *alarm) at(ctx context.Context, clock store.Clock, t time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.stop != nil {
		a.stop()
		a.stop = nil
	}
	if t.IsZero() {
		return
	}
	ctx, a.stop = context.WithCancel(ctx)
	after := clock.After(max(0, t.Sub(clock.Now())))
	go func() {
		select {
		case <-ctx.Done():
		case <-after:
			select {
			case a.wake <- struct{}{}:
			default: // it rings already
			}
		}
	}()
}
