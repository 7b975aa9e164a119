package autoscaling

import (
	"cmp"
	"context"
	"maps"
	"math"
	"slices"
	"strings"

	"grocery/localaws/wire"
	"grocery/localaws/wire/api/ec2api"
)

// place is a subnet that a group launches into, and its zone.
type place struct{ subnet, zone string }

// places returns a group's subnets, in the group's order, without those that
// EC2 no longer knows.
func (s *Service) places(ctx context.Context, g group) (all []place, err error) {
	ids := strings.Split(*g.VPCZoneIdentifier, ",")
	// By filter, not by id: a subnet that EC2 has forgotten is no error.
	out, err := wire.Invoke(ctx, s.d.Calls, ec2api.DescribeSubnets, &ec2api.DescribeSubnetsInput{Filters: []ec2api.Filter{{Name: new("subnet-id"), Values: ids}}})
	if err != nil {
		return nil, err
	}
	zones := map[string]string{}
	for _, sub := range out.Subnets {
		zones[*sub.SubnetId] = *sub.AvailabilityZone
	}
	for _, id := range ids {
		if zone, ok := zones[id]; ok {
			all = append(all, place{id, zone})
		}
	}
	return all, nil
}

// spread is how a group's capacity lies in its zones. Instances that a refresh
// is to replace are counted apart: what matters is where those are that stay.
type spread struct {
	places  []place
	stay    map[string]int // by zone, with the launches under way
	goes    map[string]int // by zone: a refresh is to replace them
	leaving map[string]int // by zone: on their way out already
	subnets map[string]int // by subnet, of those that stay
}

func (t *tx) spread(g *group, places []place, all []member, open []activity) *spread {
	s := &spread{places, map[string]int{}, map[string]int{}, map[string]int{}, map[string]int{}}
	var old []member
	if r, ok := t.activeRefresh(g.name()); ok && *r.Status != refreshCancelling {
		old = r.old(all)
	}
	for _, m := range all {
		switch {
		case m.leaving():
			s.leaving[m.Zone]++
		case !m.counts():
		case slices.ContainsFunc(old, func(o member) bool { return o.ID == m.ID }):
			s.goes[m.Zone]++
		default:
			s.stay[m.Zone]++
			s.subnets[m.Subnet]++
		}
	}
	for _, a := range open {
		s.add(a.Subnet)
	}
	return s
}

// add counts a launch under way.
func (s *spread) add(subnet string) {
	s.subnets[subnet]++
	if i := slices.IndexFunc(s.places, func(p place) bool { return p.subnet == subnet }); i >= 0 {
		s.stay[s.places[i].zone]++
	}
}

// next is where the next instance goes: to the zone that is emptiest once what
// is being replaced is gone. Among equals, an instance beyond the capacity goes
// where most are still to be replaced, as its predecessor is one of them; one
// that fills a gap goes where fewest are left, then to where one is leaving.
func (s *spread) next(beyond bool) place {
	return slices.MinFunc(s.places, func(a, b place) int {
		left := cmp.Compare(s.goes[a.zone], s.goes[b.zone])
		if beyond {
			left = -left
		}
		return cmp.Or(
			cmp.Compare(s.stay[a.zone], s.stay[b.zone]), left,
			cmp.Compare(s.leaving[b.zone], s.leaving[a.zone]), cmp.Compare(s.subnets[a.subnet], s.subnets[b.subnet]),
		)
	})
}

// fullness orders zones by how much there is too much in them. One that the
// group has left is fuller than any other.
func (s *spread) fullness(zone string) int {
	if len(s.places) > 0 && !slices.ContainsFunc(s.places, func(p place) bool { return p.zone == zone }) {
		return math.MaxInt
	}
	return s.stay[zone] + s.goes[zone]
}

// moves is how many instances have to change zones until no two zones differ
// by more than one, and none is in a zone that the group has left. Only those
// in movable, counted by zone, can go. Every move brings the zones closer
// together, so that no later one undoes it.
func (s *spread) moves(movable map[string]int) (n int) {
	if len(s.places) == 0 {
		return 0
	}
	after := *s
	after.stay, movable = maps.Clone(s.stay), maps.Clone(movable)
	for ; ; n++ {
		from := ""
		for _, zone := range slices.Sorted(maps.Keys(movable)) {
			if movable[zone] > 0 && (from == "" || after.fullness(zone) > after.fullness(from)) {
				from = zone
			}
		}
		to := after.next(true).zone
		if from == "" || after.fullness(from)-after.fullness(to) < 2 {
			return n
		}
		movable[from]--
		after.stay[from]--
		after.stay[to]++
	}
}
