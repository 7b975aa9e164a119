package store

import "sync"

// watchers tells those who wait for changes of tables.
type watchers struct {
	mu  sync.Mutex
	all map[*watcher]struct{}
}

type watcher struct {
	tables map[string]bool // nil: every table
	signal chan struct{}
}

func (w *watchers) watch(tables []string) (<-chan struct{}, func()) {
	x := &watcher{signal: make(chan struct{}, 1)}
	if len(tables) > 0 {
		x.tables = map[string]bool{}
		for _, t := range tables {
			x.tables[t] = true
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.all == nil {
		w.all = map[*watcher]struct{}{}
	}
	w.all[x] = struct{}{}
	return x.signal, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.all, x)
	}
}

func (w *watchers) notify(changed map[string]bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for x := range w.all {
		for t := range changed {
			if x.tables == nil || x.tables[t] {
				select {
				case x.signal <- struct{}{}:
				default: // one is pending already
				}
				break
			}
		}
	}
}
