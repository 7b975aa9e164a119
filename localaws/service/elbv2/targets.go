package elbv2

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"grocery/localaws/store"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/elbv2api"
)

// The states of a target.
const (
	stateInitial   = "initial"
	stateHealthy   = "healthy"
	stateUnhealthy = "unhealthy"
	stateUnused    = "unused"
	stateDraining  = "draining"
)

func (s *Service) registerTargets(ctx context.Context, in *elbv2api.RegisterTargetsInput) (*elbv2api.RegisterTargetsOutput, error) {
	g, err := s.group(str(in.TargetGroupArn))
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, t := range in.Targets {
		ids = append(ids, str(t.Id))
	}
	known := map[string]instance{}
	if g.TargetType == "instance" {
		if known, err = s.instances(ctx, g.Region, ids); err != nil {
			return nil, err
		}
	}
	now := s.d.Clock.Now()
	var fresh []target
	for _, d := range in.Targets {
		t := target{Group: g.ARN, ID: str(d.Id), Port: g.Port, Zone: str(d.AvailabilityZone), Registered: now,
			Health: beginning(now)}
		if d.Port != nil {
			if t.Port = int(*d.Port); t.Port < 1 || t.Port > 65535 {
				return nil, invalid("The port of target '%s' must be between 1 and 65535", t.ID)
			}
		}
		if g.TargetType == "ip" {
			a, err := netip.ParseAddr(t.ID)
			if err != nil || !a.Is4() || !a.IsPrivate() {
				return nil, invalid("The IP address '%s' is not a valid private IPv4 address", t.ID)
			}
			t.Address = t.ID
		} else {
			i, ok := known[t.ID]
			switch {
			case !ok:
				return nil, wire.Errorf(400, "InvalidTarget", "The following targets do not exist: '%s'", t.ID)
			case i.State != "running":
				return nil, wire.Errorf(400, "InvalidTarget", "The following targets are not in a running state and cannot be registered: '%s'", t.ID)
			case i.VPC != g.VPC:
				return nil, wire.Errorf(400, "InvalidTarget", "The following targets are not in the target group VPC '%s': '%s'", g.VPC, t.ID)
			}
			t.Address, t.Zone = i.Address, i.Zone
		}
		fresh = append(fresh, t)
	}
	return nil, s.d.Store.Update(func(tx store.Tx) error {
		for _, t := range fresh {
			if old, ok := targets.Get(tx, t.key()); ok && old.Draining.IsZero() {
				continue // registering again changes nothing
			}
			targets.Put(tx, t.key(), t)
		}
		return nil
	})
}

// group reads one group's record.
func (s *Service) group(arn string) (g group, err error) {
	err = s.d.Store.View(func(tx store.Tx) error {
		var ok bool
		if g, ok = groups.Get(tx, arn); !ok {
			return errGroup(arn)
		}
		return nil
	})
	return g, err
}

func (s *Service) deregisterTargets(ctx context.Context, in *elbv2api.DeregisterTargetsInput) (*elbv2api.DeregisterTargetsOutput, error) {
	arn, now := str(in.TargetGroupArn), s.d.Clock.Now()
	return nil, s.d.Store.Update(func(tx store.Tx) error {
		g, ok := groups.Get(tx, arn)
		if !ok {
			return errGroup(arn)
		}
		delay, _ := strconv.Atoi(g.Attributes["deregistration_delay.timeout_seconds"])
		used := balancersByGroup(tx, g.Region)[arn] != ""
		for _, t := range groupTargets(tx, arn) {
			if !t.named(in.Targets) || !t.Draining.IsZero() {
				continue
			}
			if !used || delay == 0 || t.Health.State == stateUnused {
				targets.Delete(tx, t.key())
				continue
			}
			t.Draining = now.Add(time.Duration(delay) * time.Second)
			t.Health = health{State: stateDraining, Reason: "Target.DeregistrationInProgress", Description: "Target deregistration is in progress", Since: now}
			targets.Put(tx, t.key(), t)
		}
		return nil
	})
}

// named tells whether one of the descriptions means the target; one without a
// port means all ports.
func (t target) named(list []elbv2api.TargetDescription) bool {
	return slices.ContainsFunc(list, func(d elbv2api.TargetDescription) bool {
		return str(d.Id) == t.ID && (d.Port == nil || int(*d.Port) == t.Port)
	})
}

func (s *Service) describeTargetHealth(ctx context.Context, in *elbv2api.DescribeTargetHealthInput) (*elbv2api.DescribeTargetHealthOutput, error) {
	if len(in.Include) > 0 {
		return nil, invalid("Local AWS does not offer anomaly detection, so nothing further can be included")
	}
	var out elbv2api.DescribeTargetHealthOutput
	return &out, s.d.Store.View(func(tx store.Tx) error {
		g, ok := groups.Get(tx, str(in.TargetGroupArn))
		if !ok {
			return errGroup(str(in.TargetGroupArn))
		}
		b, _ := balancers.Get(tx, balancersByGroup(tx, g.Region)[g.ARN])
		all := groupTargets(tx, g.ARN)
		for _, t := range all {
			if len(in.Targets) == 0 || t.named(in.Targets) {
				out.TargetHealthDescriptions = append(out.TargetHealthDescriptions, t.shape(g, b))
			}
		}
		for _, d := range in.Targets {
			if slices.ContainsFunc(all, func(t target) bool { return t.named([]elbv2api.TargetDescription{d}) }) {
				continue
			}
			port := int64(g.Port)
			if d.Port != nil {
				port = *d.Port
			}
			out.TargetHealthDescriptions = append(out.TargetHealthDescriptions, elbv2api.TargetHealthDescription{
				Target: &elbv2api.TargetDescription{Id: d.Id, Port: &port},
				TargetHealth: &elbv2api.TargetHealth{State: new(stateUnused), Reason: new("Target.NotRegistered"),
					Description: new("Target is not registered to the target group")},
			})
		}
		return nil
	})
}

// verdict is the health that AWS shows: a target that no balancer can send to
// is unused, whatever its last check said.
func (t target) verdict(b balancer) health {
	switch {
	case t.Health.State == stateDraining || t.Health.State == stateUnused:
		return t.Health
	case b.ARN == "":
		return health{State: stateUnused, Reason: "Target.NotInUse", Description: "Target group is not configured to receive traffic from the load balancer"}
	case !b.serves(t.Zone):
		return health{State: stateUnused, Reason: "Target.NotInUse", Description: "Target is in an Availability Zone that is not enabled for the load balancer"}
	}
	return t.Health
}

// serves tells whether the balancer has a foot in a zone.
func (b balancer) serves(zoneName string) bool {
	return zoneName == "" || zoneName == "all" || slices.ContainsFunc(b.Zones, func(z zone) bool { return z.Name == zoneName })
}

func (t target) shape(g group, b balancer) elbv2api.TargetHealthDescription {
	h := t.verdict(b)
	d := elbv2api.TargetHealthDescription{
		Target:          &elbv2api.TargetDescription{Id: new(t.ID), Port: new(int64(t.Port))},
		HealthCheckPort: new(g.checkPort(t)),
		TargetHealth:    &elbv2api.TargetHealth{State: new(h.State), Reason: opt(h.Reason), Description: opt(h.Description)},
	}
	if g.TargetType == "ip" && t.Zone != "" {
		d.Target.AvailabilityZone = new(t.Zone)
	}
	return d
}

func (g group) checkPort(t target) string {
	if g.Check.Port == "traffic-port" {
		return strconv.Itoa(t.Port)
	}
	return g.Check.Port
}

// refreshTargets follows the instances behind targets: a stopped one is unused,
// a terminated one is no target any more, a started one has to prove itself.
func (s *Service) refreshTargets(ctx context.Context) error {
	byRegion := map[string][]target{}
	if err := s.d.Store.View(func(tx store.Tx) error {
		for _, t := range targets.List(tx, "") {
			if strings.HasPrefix(t.ID, "i-") {
				region := strings.Split(t.Group, ":")[3]
				byRegion[region] = append(byRegion[region], t)
			}
		}
		return nil
	}); err != nil {
		return err
	}
	for region, list := range byRegion {
		var ids []string
		for _, t := range list {
			ids = append(ids, t.ID)
		}
		known, err := s.instances(ctx, region, slices.Compact(sorted(ids)))
		if err != nil {
			return fmt.Errorf("look up the instances behind targets: %w", err)
		}
		now := s.d.Clock.Now()
		for _, t := range list {
			i, ok := known[t.ID]
			if err := s.changeTarget(t.key(), func(t *target) bool {
				switch {
				case !ok || i.State == "terminated":
					return false
				case i.State != "running":
					if t.Health.State != stateUnused && t.Health.State != stateDraining {
						t.Health = health{State: stateUnused, Reason: "Target.InvalidState", Description: "Target is in the " + i.State + " state", Since: now}
					}
				default:
					t.Address, t.Zone = i.Address, i.Zone
					if t.Health.State == stateUnused {
						t.Health = beginning(now)
					}
				}
				return true
			}); err != nil {
				return err
			}
		}
	}
	return nil
}

// changeTarget applies f to a target's record, if it still exists; f answers
// whether the target stays.
func (s *Service) changeTarget(key string, f func(*target) bool) error {
	return s.d.Store.Update(func(tx store.Tx) error {
		t, ok := targets.Get(tx, key)
		switch {
		case !ok:
		case f(&t):
			targets.Put(tx, key, t)
		default:
			targets.Delete(tx, key)
		}
		return nil
	})
}
