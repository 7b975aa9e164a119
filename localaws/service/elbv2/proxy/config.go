package proxy

import (
	"net/http"
	"net/netip"
	"strings"
	"time"
)

// Config is what one balancer does. It is never changed once set.
type Config struct {
	Listeners []Listener
	Groups    []Group

	IdleTimeout       time.Duration // longest wait for a target's answer
	DropInvalidFields bool          // drop headers whose names have other than letters, digits and hyphens
	ForwardedFor      string        // append, preserve or remove
	ForwardedPort     bool          // add the client's port to X-Forwarded-For
	TLSHeaders        bool          // tell targets the TLS version and cipher
	// PortShift is what the machine's front door adds to a port. A client that
	// came through it is redirected to a port that is shifted as well.
	PortShift int
}

// Listener is one port.
type Listener struct {
	Port       int
	Secure     bool
	Rules      []Rule            // in order; the last has no conditions
	Headers    map[string]string // set on every answer
	HideServer bool
}

// Rule applies its action when all conditions hold.
type Rule struct {
	Conditions []Condition
	Action     Action
}

// Condition holds when any of its tests does.
type Condition func(*http.Request) bool

// Action is exactly one of its members.
type Action struct {
	Forward  []Weighted
	Sticky   time.Duration // of the choice among several groups; 0: none
	Redirect *Redirect
	Fixed    *Fixed
}

// Weighted is a group and its share.
type Weighted struct {
	Group  string
	Weight int
}

// Redirect is an answer that sends the client elsewhere; the members may hold
// AWS's placeholders.
type Redirect struct {
	Status                            int
	Protocol, Host, Port, Path, Query string
}

// Fixed is an answer given without a target.
type Fixed struct {
	Status            int
	ContentType, Body string
}

// Algorithms of a group.
const (
	RoundRobin       = "round_robin"
	LeastOutstanding = "least_outstanding_requests"
	WeightedRandom   = "weighted_random"
)

// Group is a set of targets.
type Group struct {
	ID             string
	Secure         bool // targets speak TLS
	Algorithm      string
	SlowStart      time.Duration
	MinHealthy     int // below this many, or
	MinHealthyPart int // below this percentage, all targets are used; 0: not asked
	Sticky         Sticky
	Targets        []Target
}

// Sticky ties a client to a target.
type Sticky struct {
	Duration  time.Duration // 0: not sticky
	AppCookie string        // the application's cookie that starts stickiness; empty: the balancer's own
}

// Target is one place to send requests to.
type Target struct {
	ID       string
	Addr     string // address:port
	Healthy  bool
	Draining bool      // finishes what it has and gets nothing new
	Since    time.Time // healthy since
}

// PathPattern holds when the path matches one of the patterns. It minds case.
func PathPattern(patterns []string) Condition {
	return func(r *http.Request) bool { return anyMatch(patterns, r.URL.EscapedPath(), false) }
}

// HostHeader holds when the host name matches one of the patterns.
func HostHeader(patterns []string) Condition {
	return func(r *http.Request) bool { return anyMatch(patterns, hostName(r.Host), true) }
}

// Header holds when a value of the header matches one of the patterns.
func Header(name string, patterns []string) Condition {
	return func(r *http.Request) bool {
		for _, v := range r.Header.Values(name) {
			if anyMatch(patterns, v, true) {
				return true
			}
		}
		return strings.EqualFold(name, "host") && anyMatch(patterns, r.Host, true)
	}
}

// Method holds for the named methods.
func Method(methods []string) Condition {
	return func(r *http.Request) bool {
		for _, m := range methods {
			if m == r.Method {
				return true
			}
		}
		return false
	}
}

// Query holds when one of the pairs is in the query; an empty key stands for any.
func Query(pairs [][2]string) Condition {
	return func(r *http.Request) bool {
		for key, values := range r.URL.Query() {
			for _, p := range pairs {
				if p[0] != "" && !match(p[0], key, true) {
					continue
				}
				for _, v := range values {
					if match(p[1], v, true) {
						return true
					}
				}
			}
		}
		return false
	}
}

// SourceIP holds when the connection comes from one of the ranges.
func SourceIP(ranges []netip.Prefix) Condition {
	return func(r *http.Request) bool {
		from, err := netip.ParseAddrPort(r.RemoteAddr)
		if err != nil {
			return false
		}
		for _, p := range ranges {
			if p.Contains(from.Addr().Unmap()) {
				return true
			}
		}
		return false
	}
}

func hostName(host string) string {
	if i := strings.LastIndexByte(host, ':'); i > strings.LastIndexByte(host, ']') {
		return host[:i]
	}
	return host
}

func anyMatch(patterns []string, s string, fold bool) bool {
	for _, p := range patterns {
		if match(p, s, fold) {
			return true
		}
	}
	return false
}

// match tells whether s matches a pattern in which * stands for any run of
// characters and ? for exactly one.
func match(pattern, s string, fold bool) bool {
	if fold {
		pattern, s = strings.ToLower(pattern), strings.ToLower(s)
	}
	p, i, star, back := 0, 0, -1, 0
	for i < len(s) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, back = p, i
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == s[i]):
			p, i = p+1, i+1
		case star >= 0: // let the last star take one character more
			back++
			p, i = star+1, back
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}
