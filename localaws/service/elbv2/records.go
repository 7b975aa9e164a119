package elbv2

import (
	"strconv"
	"strings"
	"time"

	"grocery/localaws/store"
	"grocery/localaws/wire/api/elbv2api"
)

// The tables; all keys are ARNs, so a region's records share a prefix.
var (
	balancers = store.Table[balancer]{Name: "elbv2.balancers"}
	groups    = store.Table[group]{Name: "elbv2.groups"}
	listeners = store.Table[listener]{Name: "elbv2.listeners"}
	rules     = store.Table[rule]{Name: "elbv2.rules"}
	targets   = store.Table[target]{Name: "elbv2.targets"} // key: the group's ARN, "|", id, ":", port
)

// balancer is one application load balancer.
type balancer struct {
	ARN, Name, Region string
	Scheme            string
	IPAddressType     string
	VPC               string
	DNSName           string
	SecurityGroups    []string
	Zones             []zone
	Attributes        map[string]string
	Tags              map[string]string
	Created           time.Time
	State             string // provisioning, active, active_impaired
	Reason            string // why it is impaired
	Deleting          bool   // gone for the API; the loop takes its interfaces away
	Released          []zone // zones taken out by SetSubnets whose interfaces still exist
}

// zone is a balancer's foot in one subnet.
type zone struct {
	Subnet, Name, CIDR string
	Interface, Address string // set once ec2 has made the interface
}

// id is the part of the ARN that metrics name: app/<name>/<id>.
func (b balancer) id() string { return strings.SplitN(b.ARN, ":loadbalancer/", 2)[1] }

// description is what the balancer's interfaces are described with, which is
// how clients find them.
func (b balancer) description() string { return "ELB " + b.id() }

// group is a target group.
type group struct {
	ARN, Name, Region string
	Protocol          string
	ProtocolVersion   string
	Port              int
	VPC               string
	TargetType        string
	IPAddressType     string
	Check             check
	Attributes        map[string]string
	Tags              map[string]string
	Created           time.Time
}

// check is how a group's targets are checked.
type check struct {
	Enabled            bool
	Protocol           string
	Port               string // "traffic-port" or a number
	Path               string
	Matcher            string
	Interval, Timeout  int // seconds
	Healthy, Unhealthy int // consecutive results
}

// id is the part of the ARN that metrics name: targetgroup/<name>/<id>.
func (g group) id() string { return g.ARN[strings.LastIndex(g.ARN, ":")+1:] }

// listener is one port of a balancer. Its default rule is part of it.
type listener struct {
	ARN, Balancer string
	Port          int
	Protocol      string
	SSLPolicy     string
	Certificates  []string // the first is the default
	Actions       []elbv2api.Action
	DefaultRule   string // ARN
	Attributes    map[string]string
	Tags          map[string]string
	RuleTags      map[string]string // of the default rule
	Created       time.Time
}

// rule is one of a listener's rules beside the default.
type rule struct {
	ARN, Listener string
	Priority      int
	Conditions    []elbv2api.RuleCondition
	Actions       []elbv2api.Action
	Tags          map[string]string
}

// target is one registered target.
type target struct {
	Group      string
	ID         string // an instance's id or an address
	Port       int
	Zone       string // as registered: a zone or "all"
	Address    string // where it is reached; empty while an instance has none
	Registered time.Time
	Draining   time.Time // when draining ends; zero: not draining
	Health     health
}

// health is the last verdict on a target.
type health struct {
	State       string // initial, healthy, unhealthy, unused, draining, unavailable
	Reason      string
	Description string
	Since       time.Time
}

func (t target) key() string { return targetKey(t.Group, t.ID, t.Port) }

func targetKey(group, id string, port int) string {
	return group + "|" + id + ":" + strconv.Itoa(port)
}

// groupTargets returns a group's targets.
func groupTargets(tx store.Tx, groupARN string) []target { return targets.List(tx, groupARN+"|") }

// inRegion is the prefix of a region's keys.
func inRegion(region string) string { return "arn:aws:elasticloadbalancing:" + region + ":" }

// childPrefix turns a balancer's ARN into the prefix of its listeners' ARNs,
// or a listener's into that of its rules.
func childPrefix(arn, from, to string) string { return strings.Replace(arn, from, to, 1) + "/" }

func listenersOf(tx store.Tx, balancerARN string) []listener {
	return listeners.List(tx, childPrefix(balancerARN, ":loadbalancer/", ":listener/"))
}

func rulesOf(tx store.Tx, listenerARN string) []rule {
	all := rules.List(tx, childPrefix(listenerARN, ":listener/", ":listener-rule/"))
	sortRules(all)
	return all
}

// groupsOfActions lists the groups that actions forward to.
func groupsOfActions(actions []elbv2api.Action) []string {
	var arns []string
	for _, a := range actions {
		if a.ForwardConfig != nil {
			for _, t := range a.ForwardConfig.TargetGroups {
				arns = append(arns, str(t.TargetGroupArn))
			}
		}
	}
	return arns
}

// balancersByGroup tells for each group of a region which balancer forwards to it.
func balancersByGroup(tx store.Tx, region string) map[string]string {
	by := map[string]string{}
	for _, l := range listeners.List(tx, inRegion(region)) {
		for _, g := range groupsOfActions(l.Actions) {
			by[g] = l.Balancer
		}
		for _, r := range rulesOf(tx, l.ARN) {
			for _, g := range groupsOfActions(r.Actions) {
				by[g] = l.Balancer
			}
		}
	}
	return by
}
