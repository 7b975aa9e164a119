package proxy

import (
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// Stats counts what a balancer did since the last Take. Counters are those of
// CloudWatch's namespace AWS/ApplicationELB.
type Stats struct {
	Requests, NewConnections, ELB3xx, ELB4xx, ELB5xx, ELB502, ELB503, ELB504, Bytes atomic.Int64
	Active                                                                          atomic.Int64 // connections open now; Take leaves it
	mu                                                                              sync.Mutex
	groups                                                                          map[string]*GroupStats
}

// GroupStats counts what the targets of one group did.
type GroupStats struct {
	Requests, Target2xx, Target3xx, Target4xx, Target5xx, ConnectionErrors atomic.Int64
	mu                                                                     sync.Mutex
	times                                                                  map[float64]int64
}

// Group returns the counters of a group.
func (s *Stats) Group(id string) *GroupStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.groups == nil {
		s.groups = map[string]*GroupStats{}
	}
	g := s.groups[id]
	if g == nil {
		g = &GroupStats{}
		s.groups[id] = g
	}
	return g
}

// Groups returns the groups that were ever counted.
func (s *Stats) Groups() map[string]*GroupStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make(map[string]*GroupStats, len(s.groups))
	for id, g := range s.groups {
		all[id] = g
	}
	return all
}

func (s *Stats) own(status int) {
	switch {
	case status >= 500:
		s.ELB5xx.Add(1)
		switch status {
		case 502:
			s.ELB502.Add(1)
		case 503:
			s.ELB503.Add(1)
		case 504:
			s.ELB504.Add(1)
		}
	case status >= 400:
		s.ELB4xx.Add(1)
	case status >= 300:
		s.ELB3xx.Add(1)
	}
}

func (g *GroupStats) answered(status int, after time.Duration) {
	switch {
	case status >= 500:
		g.Target5xx.Add(1)
	case status >= 400:
		g.Target4xx.Add(1)
	case status >= 300:
		g.Target3xx.Add(1)
	case status >= 200:
		g.Target2xx.Add(1)
	}
	// Two significant digits keep the number of different values small, as
	// CloudWatch wants it, and percentiles within 5 %.
	seconds := max(after.Seconds(), 1e-6)
	unit := math.Pow(10, math.Floor(math.Log10(seconds))-1)
	v := math.Round(seconds/unit) * unit
	g.mu.Lock()
	if g.times == nil {
		g.times = map[float64]int64{}
	}
	g.times[v]++
	g.mu.Unlock()
}

// TakeTimes returns how often each response time (in seconds) was seen, and
// starts anew.
func (g *GroupStats) TakeTimes() map[float64]int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	t := g.times
	g.times = nil
	return t
}
