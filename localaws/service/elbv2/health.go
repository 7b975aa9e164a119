package elbv2

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// checker remembers a target's checks between two of them.
type checker struct {
	due     time.Time
	running bool
	passed  int // in a row
	failed  int
}

// checkTargets starts the checks that are due and ends the draining that is over.
func (s *Service) checkTargets(ctx context.Context) error {
	n, now, p := s.plane.current.Load(), s.d.Clock.Now(), s.plane
	p.hosts.look(n)
	seen := map[string]bool{}
	var errs []error
	for arn, list := range n.targets {
		g, used := n.groups[arn], n.used[arn]
		for _, t := range list {
			switch {
			case !t.Draining.IsZero():
				if !now.Before(t.Draining) {
					errs = append(errs, s.changeTarget(t.key(), func(t *target) bool { return t.Draining.IsZero() || now.Before(t.Draining) }))
				}
				continue
			case used == "":
				if t.Health.State == stateHealthy || t.Health.State == stateUnhealthy {
					errs = append(errs, s.changeTarget(t.key(), func(t *target) bool { t.Health = beginning(now); return true }))
				}
				continue
			case t.Address == "" || t.Health.State == stateUnused:
				continue
			}
			seen[t.key()] = true
			s.startCheck(ctx, n, g, t, used, now)
		}
	}
	p.checksMu.Lock()
	defer p.checksMu.Unlock()
	for k := range p.checks {
		if !seen[k] {
			delete(p.checks, k)
		}
	}
	return errors.Join(errs...)
}

func beginning(now time.Time) health {
	return health{State: stateInitial, Reason: "Elb.RegistrationInProgress", Description: "Target registration is in progress", Since: now}
}

// startCheck starts a target's check if one is due.
func (s *Service) startCheck(ctx context.Context, n *snapshot, g group, t target, balancerARN string, now time.Time) {
	p := s.plane
	x := p.node(balancerARN)
	if x == nil || x.from(t.Zone) == "" {
		return
	}
	p.checksMu.Lock()
	c := p.checks[t.key()]
	if c == nil {
		c = &checker{}
		p.checks[t.key()] = c
	}
	start := !c.running && !now.Before(c.due)
	if start {
		c.running, c.due = true, now.Add(time.Duration(g.Check.Interval)*time.Second)
	}
	p.checksMu.Unlock()
	if !start {
		return
	}
	go func() {
		reason, description := s.probe(ctx, x.from(t.Zone), g, t)
		if ctx.Err() != nil {
			return
		}
		p.checksMu.Lock()
		c.running = false
		if reason == "" {
			c.passed, c.failed = c.passed+1, 0
		} else {
			c.passed, c.failed = 0, c.failed+1
		}
		passed, failed := c.passed, c.failed
		p.checksMu.Unlock()
		now := s.d.Clock.Now()
		err := s.changeTarget(t.key(), func(t *target) bool {
			before := t.Health.State
			t.Health = t.Health.after(g.Check, passed, failed, reason, description, now)
			if t.Health.State != before {
				p.hosts.changed(n, balancerARN, *t)
			}
			return true
		})
		if err != nil {
			s.d.Log.Warn("write a target's health", "target", t.ID, "error", err)
		}
	}()
}

// after is the health that follows from a check: passed and failed count
// results in a row. See
// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html.
func (h health) after(c check, passed, failed int, reason, description string, now time.Time) health {
	next := h
	switch h.State {
	case stateInitial:
		switch {
		case passed > 0: // a new target needs one success only
			next = health{State: stateHealthy}
		case failed >= c.Unhealthy:
			next = health{State: stateUnhealthy, Reason: reason, Description: description}
		default:
			next = health{State: stateInitial, Reason: "Elb.InitialHealthChecking", Description: "Initial health checks in progress"}
		}
	case stateHealthy:
		if failed >= c.Unhealthy {
			next = health{State: stateUnhealthy, Reason: reason, Description: description}
		}
	case stateUnhealthy:
		switch {
		case passed >= c.Healthy:
			next = health{State: stateHealthy}
		case reason != "":
			next.Reason, next.Description = reason, description
		}
	}
	if next.State != h.State {
		next.Since = now
	} else {
		next.Since = h.Since
	}
	return next
}

// probe checks a target once. An empty reason means that it passed.
func (s *Service) probe(ctx context.Context, from string, g group, t target) (reason, description string) {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(g.Check.Timeout)*time.Second)
	defer cancel()
	transport := &http.Transport{
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			return s.d.Runtime.Dial(ctx, from, network, addr)
		},
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true}, // balancers do not verify targets
		DisableKeepAlives: true, DisableCompression: true,
	}
	scheme := "http"
	if g.Check.Protocol == "HTTPS" {
		scheme = "https"
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+"://"+net.JoinHostPort(t.Address, g.checkPort(t))+g.Check.Path, nil)
	if err != nil {
		return "Target.FailedHealthChecks", "Health checks failed"
	}
	req.Header.Set("User-Agent", "ELB-HealthChecker/2.0")
	resp, err := transport.RoundTrip(req)
	if err != nil {
		var network net.Error
		if ctx.Err() != nil || errors.As(err, &network) && network.Timeout() {
			return "Target.Timeout", "Request timed out"
		}
		return "Target.FailedHealthChecks", "Health checks failed"
	}
	resp.Body.Close()
	if !matches(g.Check.Matcher, resp.StatusCode) {
		return "Target.ResponseCodeMismatch", fmt.Sprintf("Health checks failed with these codes: [%d]", resp.StatusCode)
	}
	return "", ""
}
