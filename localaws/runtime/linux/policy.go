//go:build linux

package linux

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"grocery/localaws/runtime"
)

// SetPolicy replaces the packet filter of a network in one transaction.
func (r *Runtime) SetPolicy(ctx context.Context, networkID string, p runtime.Policy) error {
	defer r.locks.lock(networkID)()
	script := policyScript(p)
	if last, ok := r.policies.Load(networkID); ok && last == script {
		return nil
	}
	name := r.nsName(kindNet, networkID)
	if err := enter(name, func() error { return nil }); err != nil {
		return err
	}
	if err := nft(name, script); err != nil {
		return fmt.Errorf("network %s: %w", networkID, err)
	}
	r.policies.Store(networkID, script)
	return nil
}

func (r *Runtime) forgetPolicy(networkID string) { r.policies.Delete(networkID) }

// policyScript is the nftables script of a policy. What a guest sends passes,
// in this order: is the source address its own (prerouting); is it for a
// service of the network (input); may the sender send it (its groups' egress
// chains, which lead on to "ingress"); may the receiver take it (its groups'
// ingress chains, which accept). Nothing else accepts, so no gate skips another.
func policyScript(p runtime.Policy) string {
	s := script{members: map[string][]string{}, sets: map[string][]string{}}
	for _, g := range p.Groups {
		s.members[g.ID] = nil
		for _, rule := range slices.Concat(g.Ingress, g.Egress) {
			if rule.Group != "" {
				s.members[rule.Group] = nil
			}
		}
	}
	for _, i := range p.Interfaces {
		s.addInterface(i)
	}
	groups := slices.Clone(p.Groups)
	slices.SortFunc(groups, func(a, b runtime.Group) int { return strings.Compare(a.ID, b.ID) })

	s.line("table inet localaws")
	s.line("delete table inet localaws")
	s.line("table inet localaws {")
	s.set("own", "ifname . ipv4_addr", s.own)
	s.set("endpoint", "ipv4_addr", s.endpoint)
	s.set("inbound", "ipv4_addr", s.inbound)
	for _, id := range sortedKeys(s.members) {
		s.set(chainName("m_", id), "ipv4_addr", s.members[id])
	}
	known := map[string]bool{}
	for _, g := range groups {
		known[g.ID] = true
		s.chain(chainName("e_", g.ID), ruleLines(g.Egress, "daddr", "goto ingress"))
		s.chain(chainName("i_", g.ID), ruleLines(g.Ingress, "saddr", "accept"))
	}
	for _, name := range sortedKeys(s.sets) {
		var out, in []string
		for _, id := range s.sets[name] {
			if known[id] {
				out = append(out, "jump "+chainName("e_", id))
				in = append(in, "jump "+chainName("i_", id))
			}
		}
		s.chain("out_"+name, append(out, "drop"))
		s.chain("in_"+name, append(in, "drop"))
	}
	s.verdicts("egress_of", s.egressOf)
	s.verdicts("ingress_of", s.ingressOf)

	s.chain("ingress", []string{
		fmt.Sprintf("oifname %q ip saddr @endpoint ip daddr %s tcp dport { 80, 443 } accept", edgeLink, runtime.EndpointAddr),
		fmt.Sprintf("oifname %q drop", edgeLink),
		"ip daddr vmap @ingress_of",
		"drop",
	})
	s.chain("antispoof", []string{
		"type filter hook prerouting priority raw; policy drop;",
		`iifname "lo" accept`,
		"meta nfproto ipv6 drop",
		fmt.Sprintf("iifname %q ip saddr { %s, %s } accept", edgeLink, runtime.InternetAddr, runtime.EndpointAddr),
		"iifname . ip saddr @own accept",
	})
	s.chain("input", []string{
		"type filter hook input priority filter; policy drop;",
		`iifname "lo" accept`,
		"ct state established,related accept",
		fmt.Sprintf("iifname %q drop", edgeLink),
		"meta l4proto { tcp, udp } th dport 53 accept",
		fmt.Sprintf("ip daddr %s tcp dport 80 accept", runtime.MetadataAddr),
	})
	s.chain("forward", []string{
		"type filter hook forward priority filter; policy drop;",
		"ct state established,related accept",
		"ct state invalid drop",
		fmt.Sprintf("iifname %q ip saddr %s ip daddr @inbound goto ingress", edgeLink, runtime.InternetAddr),
		fmt.Sprintf("iifname %q drop", edgeLink),
		"ip saddr vmap @egress_of",
	})
	s.line("}")
	return s.b.String()
}

// script collects the parts of a filter.
type script struct {
	b                   strings.Builder
	own                 []string
	endpoint, inbound   []string
	members             map[string][]string // group -> addresses
	sets                map[string][]string // name of a set of groups -> its groups
	egressOf, ingressOf []string
}

func (s *script) addInterface(i runtime.PolicyInterface) {
	addr := i.Addr.String()
	s.own = append(s.own, fmt.Sprintf("%q . %s", linkName(i.ID), addr))
	if i.Endpoint {
		s.endpoint = append(s.endpoint, addr)
	}
	if i.Inbound {
		s.inbound = append(s.inbound, addr)
	}
	groups := slices.Compact(slices.Sorted(slices.Values(i.Groups)))
	for _, g := range groups {
		s.members[g] = append(s.members[g], addr)
	}
	name := chainName("", strings.Join(groups, ","))
	s.sets[name] = groups
	s.egressOf = append(s.egressOf, addr+" : goto out_"+name)
	s.ingressOf = append(s.ingressOf, addr+" : goto in_"+name)
}

func (s *script) line(text string) { s.b.WriteString(text); s.b.WriteByte('\n') }

func (s *script) set(name, typ string, elements []string) {
	s.container("set", name, typ, elements)
}

func (s *script) verdicts(name string, elements []string) {
	s.container("map", name, "ipv4_addr : verdict", elements)
}

func (s *script) container(kind, name, typ string, elements []string) {
	s.line(kind + " " + name + " {")
	s.line("  type " + typ)
	if elements = slices.Compact(slices.Sorted(slices.Values(elements))); len(elements) > 0 {
		s.line("  elements = { " + strings.Join(elements, ", ") + " }")
	}
	s.line("}")
}

func (s *script) chain(name string, rules []string) {
	s.line("chain " + name + " {")
	for _, r := range rules {
		s.line("  " + r)
	}
	s.line("}")
}

// ruleLines translates the rules of one direction. side is where the peer's
// address stands in a packet.
func ruleLines(rules []runtime.Rule, side, verdict string) []string {
	var lines []string
	for _, r := range rules {
		peer, ok := peerMatch(r, side)
		if !ok {
			continue
		}
		proto, ok := protocolMatch(r)
		if !ok {
			continue
		}
		lines = append(lines, strings.Join(slices.DeleteFunc([]string{peer, proto, verdict}, func(s string) bool { return s == "" }), " "))
	}
	slices.Sort(lines)
	return slices.Compact(lines)
}

func peerMatch(r runtime.Rule, side string) (match string, ok bool) {
	switch {
	case r.Group != "":
		return "ip " + side + " @" + chainName("m_", r.Group), true
	case !r.CIDR.IsValid() || !r.CIDR.Addr().Is4():
		return "", false // these networks carry IPv4 only
	case r.CIDR.Bits() == 0:
		return "", true
	default:
		return "ip " + side + " " + r.CIDR.Masked().String(), true
	}
}

func protocolMatch(r runtime.Rule) (match string, ok bool) {
	switch r.Protocol {
	case runtime.AllProtocols, "":
		return "", true
	case runtime.TCP, "6":
		return portMatch("tcp", r)
	case runtime.UDP, "17":
		return portMatch("udp", r)
	case runtime.ICMP, "1":
		switch {
		case r.FromPort < 0:
			return "meta l4proto icmp", true
		case r.FromPort > 255 || r.ToPort > 255:
			return "", false
		case r.ToPort < 0:
			return fmt.Sprintf("icmp type %d", r.FromPort), true
		default:
			return fmt.Sprintf("icmp type %d icmp code %d", r.FromPort, r.ToPort), true
		}
	}
	var n uint8
	if _, err := fmt.Sscanf(string(r.Protocol), "%d", &n); err != nil {
		return "", false // icmpv6 and other names have no meaning here
	}
	return fmt.Sprintf("meta l4proto %d", n), true
}

func portMatch(proto string, r runtime.Rule) (match string, ok bool) {
	switch {
	case r.FromPort <= 0 && (r.ToPort < 0 || r.ToPort >= 65535):
		return "meta l4proto " + proto, true
	case r.FromPort < 0 || r.ToPort < r.FromPort || r.ToPort > 65535:
		return "", false // no packet is in such a range
	case r.FromPort == r.ToPort:
		return fmt.Sprintf("%s dport %d", proto, r.FromPort), true
	default:
		return fmt.Sprintf("%s dport %d-%d", proto, r.FromPort, r.ToPort), true
	}
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
