// Package reconcile runs the loops that bring the world in line with the
// store: level-triggered, so that a crash between any two steps heals by
// itself. It knows neither AWS nor containers.
package reconcile

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"grocery/localaws/store"
)

// Loop is one reconciler. Run compares all that is desired with all that is
// real and takes the next steps; it must be safe to run at any moment, any
// number of times. It runs at start, after each change of Tables, and at least
// every Every. An error is logged and retried after a growing pause.
type Loop struct {
	Name   string
	Tables []string        // store tables whose changes wake the loop
	Wake   <-chan struct{} // further wake-ups, may be nil
	Every  time.Duration   // longest pause between runs; must be positive
	Run    func(ctx context.Context) error
}

// Run runs the loops until ctx ends and all of them have returned.
func Run(ctx context.Context, log *slog.Logger, st store.Store, clock store.Clock, loops ...Loop) {
	var wg sync.WaitGroup
	for _, l := range loops {
		wg.Go(func() { l.run(ctx, log.With("loop", l.Name), st, clock) })
	}
	wg.Wait()
}

// The pause after an error doubles from firstPause up to longestPause.
const (
	firstPause   = 250 * time.Millisecond
	longestPause = 10 * time.Second
)

func (l Loop) run(ctx context.Context, log *slog.Logger, st store.Store, clock store.Clock) {
	var changed <-chan struct{} // a nil channel never receives
	if len(l.Tables) > 0 {
		c, cancel := st.Watch(l.Tables...)
		defer cancel()
		changed = c
	}
	pause := firstPause
	for {
		next := l.Every
		if err := l.once(ctx); err != nil && ctx.Err() == nil {
			log.Warn("reconcile", "error", err, "again_in", pause.String())
			next = min(pause, l.Every)
			pause = min(2*pause, longestPause)
			select {
			case <-ctx.Done():
				return
			case <-clock.After(next):
			}
			continue
		}
		pause = firstPause
		select {
		case <-ctx.Done():
			return
		case <-changed:
		case <-l.Wake:
		case <-clock.After(next):
		}
	}
}

// once runs the loop's function; a panic becomes an error, so that one broken
// record does not take the whole cloud down.
func (l Loop) once(ctx context.Context) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return l.Run(ctx)
}
