package httpapi

import (
	"sync"
	"time"
)

// maxBuckets bounds the memory of a throttle.
const maxBuckets = 50_000

// throttle lets each key do something burst times at once and then once per refill
// time: a token bucket a key. It knows this server's requests only; with n servers a
// key gets at most n times as much.
type throttle struct {
	burst  float64
	refill time.Duration
	now    func() time.Time

	mu      sync.Mutex
	buckets map[string]bucket
}

type bucket struct {
	tokens float64
	at     time.Time
}

func newThrottle(burst int, refill time.Duration, now func() time.Time) *throttle {
	return &throttle{burst: float64(burst), refill: refill, now: now, buckets: map[string]bucket{}}
}

// take uses up one attempt of the key. When there is none left, it returns how long
// to wait for the next.
func (t *throttle) take(key string) (wait time.Duration, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	tokens := t.tokens(key, now)
	if tokens < 1 {
		return time.Duration((1 - tokens) * float64(t.refill)), false
	}
	if _, known := t.buckets[key]; !known && len(t.buckets) >= maxBuckets {
		t.shrink(now)
	}
	t.buckets[key] = bucket{tokens - 1, now}
	return 0, true
}

// give returns an attempt that need not have counted.
func (t *throttle) give(key string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	if tokens := t.tokens(key, now) + 1; tokens < t.burst {
		t.buckets[key] = bucket{tokens, now}
	} else {
		delete(t.buckets, key)
	}
}

func (t *throttle) tokens(key string, now time.Time) float64 {
	b, ok := t.buckets[key]
	if !ok {
		return t.burst
	}
	return min(t.burst, b.tokens+float64(now.Sub(b.at))/float64(t.refill))
}

// shrink forgets the keys that are full again, and if that is not enough any others,
// down to half.
func (t *throttle) shrink(now time.Time) {
	for key := range t.buckets {
		if t.tokens(key, now) >= t.burst {
			delete(t.buckets, key)
		}
	}
	for key := range t.buckets {
		if len(t.buckets) <= maxBuckets/2 {
			break
		}
		delete(t.buckets, key)
	}
}
