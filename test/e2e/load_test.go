//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"
)

// load asks the shop at a steady rate, whether or not it answers in time: half
// for the page, half for a product; of each half the clients keep their
// connections, of the other every request opens one.
type load struct {
	stop context.CancelFunc
	done sync.WaitGroup

	mu     sync.Mutex
	sent   int
	took   []time.Duration
	failed []string
}

// startLoad asks perSecond times a second until stopped.
func startLoad(t *testing.T, perSecond int) *load {
	t.Helper()
	paths := []string{"/", "/api/products/1"}
	for _, p := range paths {
		if status, body, err := shared.get(p); err != nil || status != 200 {
			t.Fatalf("%s before the load: %d %v %.80s", p, status, err, body)
		}
	}
	keep := &http.Client{Timeout: 30 * time.Second, Transport: client.Transport.(*http.Transport).Clone()}
	keep.Transport.(*http.Transport).DisableKeepAlives = false
	keep.Transport.(*http.Transport).MaxIdleConnsPerHost = 16
	fresh := &http.Client{Timeout: 30 * time.Second, Transport: client.Transport}

	ctx, cancel := context.WithCancel(context.Background())
	l := &load{stop: cancel}
	l.done.Go(func() {
		tick := time.NewTicker(time.Second / time.Duration(perSecond))
		defer tick.Stop()
		for n := 0; ; n++ {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			path, c := paths[n%2], keep
			if n/2%2 == 1 {
				c = fresh
			}
			l.done.Go(func() { l.ask(c, path) })
		}
	})
	t.Cleanup(func() { cancel(); l.done.Wait(); keep.CloseIdleConnections() })
	return l
}

func (l *load) ask(c *http.Client, path string) {
	start := time.Now()
	resp, err := c.Get(shared.url + path)
	failure := ""
	if err != nil {
		failure = err.Error()
	} else {
		_, err = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		if err != nil {
			failure = err.Error()
		} else if resp.StatusCode != http.StatusOK {
			failure = resp.Status
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sent++
	l.took = append(l.took, time.Since(start))
	if failure != "" {
		l.failed = append(l.failed, fmt.Sprintf("%s %s after %s: %s", start.Format("15:04:05.0"), path, time.Since(start).Round(time.Millisecond), failure))
	}
}

// end stops the load, waits for the answers and reports.
func (l *load) end(t *testing.T) {
	t.Helper()
	l.stop()
	l.done.Wait()
	slices.Sort(l.took)
	at := func(q float64) time.Duration {
		return l.took[int(q*float64(len(l.took)-1))].Round(time.Millisecond)
	}
	t.Logf("load: %d requests, %d failed; median %s, 99 %% within %s, slowest %s", l.sent, len(l.failed), at(0.5), at(0.99), at(1))
	if len(l.failed) > 0 {
		t.Errorf("%d of %d requests failed, such as\n%q", len(l.failed), l.sent, l.failed[:min(20, len(l.failed))])
	}
}
