package proxy

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// group is a Group in use. It outlives configurations, so that counts and
// turns go on.
type group struct {
	turn  atomic.Uint64
	stats *GroupStats

	mu      sync.Mutex
	targets map[string]*target
}

// target is a Target in use.
type target struct {
	outstanding atomic.Int64
	// gone ends when the target is no longer part of the group: what is still
	// under way then is cut off.
	gone context.Context
	cut  context.CancelFunc
}

// update makes the group hold exactly the targets of g.
func (s *group) update(g *Group) {
	s.mu.Lock()
	defer s.mu.Unlock()
	keep := map[string]bool{}
	for _, t := range g.Targets {
		keep[t.ID] = true
		if s.targets[t.ID] == nil {
			n := &target{}
			n.gone, n.cut = context.WithCancel(context.Background())
			s.targets[t.ID] = n
		}
	}
	for id, t := range s.targets {
		if !keep[id] {
			t.cut()
			delete(s.targets, id)
		}
	}
}

func (s *group) target(id string) *target {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.targets[id]
}

// eligible returns the targets that may get new requests: the healthy ones, or
// all that do not drain when too few are healthy (AWS calls that failing open).
func (g *Group) eligible() []*Target {
	healthy, open := make([]*Target, 0, len(g.Targets)), 0
	for i := range g.Targets {
		if t := &g.Targets[i]; !t.Draining {
			open++
			if t.Healthy {
				healthy = append(healthy, t)
			}
		}
	}
	if len(healthy) >= max(1, g.MinHealthy) && len(healthy)*100 >= g.MinHealthyPart*open {
		return healthy
	}
	healthy = healthy[:0]
	for i := range g.Targets {
		if t := &g.Targets[i]; !t.Draining {
			healthy = append(healthy, t)
		}
	}
	return healthy
}

// pick chooses a target for a request; cookie is what the client's stickiness
// cookie says. It answers nil when there is none.
func (g *Group) pick(s *group, cookie string, now time.Time) *Target {
	all := g.eligible()
	if len(all) == 0 {
		return nil
	}
	if g.Sticky.Duration > 0 && cookie != "" {
		for _, t := range all {
			if cookie == mark(g.ID, t.ID) {
				return t
			}
		}
	}
	if g.SlowStart > 0 {
		if t := slowStart(all, g.SlowStart, now); t != nil {
			return t
		}
	}
	switch g.Algorithm {
	case LeastOutstanding:
		from, best, least := rand.IntN(len(all)), (*Target)(nil), int64(0)
		for i := range all { // a random start decides between equals
			t := all[(from+i)%len(all)]
			n := int64(0)
			if x := s.target(t.ID); x != nil {
				n = x.outstanding.Load()
			}
			if best == nil || n < least {
				best, least = t, n
			}
		}
		return best
	case WeightedRandom:
		return all[rand.IntN(len(all))]
	}
	return all[(s.turn.Add(1)-1)%uint64(len(all))]
}

// slowStart gives targets that became healthy a short while ago a share that
// grows with time. It answers nil when all have their full share.
func slowStart(all []*Target, over time.Duration, now time.Time) *Target {
	weights, total, ramping := make([]float64, len(all)), 0.0, false
	for i, t := range all {
		w := 1.0
		if age := now.Sub(t.Since); age < over {
			w, ramping = max(0.05, float64(age)/float64(over)), true
		}
		weights[i] = w
		total += w
	}
	if !ramping {
		return nil
	}
	x := rand.Float64() * total
	for i, w := range weights {
		if x -= w; x < 0 {
			return all[i]
		}
	}
	return all[len(all)-1]
}

// choose picks a group by weight.
func choose(groups []Weighted, cookie string) string {
	total := 0
	for _, w := range groups {
		if cookie != "" && cookie == mark("", w.Group) {
			return w.Group
		}
		total += w.Weight
	}
	if total == 0 {
		return ""
	}
	x := rand.IntN(total)
	for _, w := range groups {
		if x -= w.Weight; x < 0 {
			return w.Group
		}
	}
	return ""
}

// mark is the opaque name of a target in a cookie.
func mark(group, target string) string {
	sum := sha256.Sum256([]byte(group + "\x00" + target))
	return hex.EncodeToString(sum[:])
}
