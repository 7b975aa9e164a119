package elbv2

import (
	"crypto/tls"
	"log/slog"
	"time"

	"grocery/localaws/reconcile"
	"grocery/localaws/runtime"
	"grocery/localaws/store"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/elbv2api"
)

// Deps is what the service needs.
type Deps struct {
	Store   store.Store
	Clock   store.Clock
	Runtime runtime.Runtime
	Calls   *wire.Registry
	Log     *slog.Logger

	// FrontDoor is where internet-facing balancers are reached on this machine.
	FrontDoor FrontDoor
	// Certificate returns a certificate for a server name, signed by the local
	// CA: it stands in for what ACM would hold. Without it HTTPS listeners are
	// refused.
	Certificate func(serverName string) (*tls.Certificate, error)
}

// FrontDoor says where a balancer's listener ports appear on this machine.
type FrontDoor struct {
	Host string // the address to listen at, such as 127.0.0.1; empty: no front door
	Base int    // added to the listener's port: 8000 turns 80 into 8080
}

// principal is how the service names itself in its calls.
const principal = "elasticloadbalancing.amazonaws.com"

// Service serves the API and runs the balancers.
type Service struct {
	d     Deps
	plane *plane
}

// New makes the service. Nothing runs before its loops do.
func New(d Deps) *Service {
	s := &Service{d: d}
	s.plane = newPlane(s)
	return s
}

// Register adds the service's operations to r.
func (s *Service) Register(r *wire.Registry) {
	wire.Handle(r, elbv2api.CreateLoadBalancer, s.createLoadBalancer)
	wire.Handle(r, elbv2api.DeleteLoadBalancer, s.deleteLoadBalancer)
	wire.Handle(r, elbv2api.DescribeLoadBalancers, s.describeLoadBalancers)
	wire.Handle(r, elbv2api.DescribeLoadBalancerAttributes, s.describeLoadBalancerAttributes)
	wire.Handle(r, elbv2api.ModifyLoadBalancerAttributes, s.modifyLoadBalancerAttributes)
	wire.Handle(r, elbv2api.SetSecurityGroups, s.setSecurityGroups)
	wire.Handle(r, elbv2api.SetSubnets, s.setSubnets)
	wire.Handle(r, elbv2api.SetIpAddressType, s.setIPAddressType)
	wire.Handle(r, elbv2api.DescribeCapacityReservation, s.describeCapacityReservation)
	wire.Handle(r, elbv2api.CreateTargetGroup, s.createTargetGroup)
	wire.Handle(r, elbv2api.DeleteTargetGroup, s.deleteTargetGroup)
	wire.Handle(r, elbv2api.DescribeTargetGroups, s.describeTargetGroups)
	wire.Handle(r, elbv2api.ModifyTargetGroup, s.modifyTargetGroup)
	wire.Handle(r, elbv2api.DescribeTargetGroupAttributes, s.describeTargetGroupAttributes)
	wire.Handle(r, elbv2api.ModifyTargetGroupAttributes, s.modifyTargetGroupAttributes)
	wire.Handle(r, elbv2api.RegisterTargets, s.registerTargets)
	wire.Handle(r, elbv2api.DeregisterTargets, s.deregisterTargets)
	wire.Handle(r, elbv2api.DescribeTargetHealth, s.describeTargetHealth)
	wire.Handle(r, elbv2api.CreateListener, s.createListener)
	wire.Handle(r, elbv2api.DeleteListener, s.deleteListener)
	wire.Handle(r, elbv2api.DescribeListeners, s.describeListeners)
	wire.Handle(r, elbv2api.ModifyListener, s.modifyListener)
	wire.Handle(r, elbv2api.DescribeListenerAttributes, s.describeListenerAttributes)
	wire.Handle(r, elbv2api.ModifyListenerAttributes, s.modifyListenerAttributes)
	wire.Handle(r, elbv2api.DescribeListenerCertificates, s.describeListenerCertificates)
	wire.Handle(r, elbv2api.AddListenerCertificates, s.addListenerCertificates)
	wire.Handle(r, elbv2api.RemoveListenerCertificates, s.removeListenerCertificates)
	wire.Handle(r, elbv2api.CreateRule, s.createRule)
	wire.Handle(r, elbv2api.DeleteRule, s.deleteRule)
	wire.Handle(r, elbv2api.DescribeRules, s.describeRules)
	wire.Handle(r, elbv2api.ModifyRule, s.modifyRule)
	wire.Handle(r, elbv2api.SetRulePriorities, s.setRulePriorities)
	wire.Handle(r, elbv2api.AddTags, s.addTags)
	wire.Handle(r, elbv2api.RemoveTags, s.removeTags)
	wire.Handle(r, elbv2api.DescribeTags, s.describeTags)
	wire.Handle(r, elbv2api.DescribeAccountLimits, s.describeAccountLimits)
	wire.Handle(r, elbv2api.DescribeSSLPolicies, s.describeSSLPolicies)
}

// Loops returns the reconcilers: they build and tear down balancers, check
// targets and publish metrics.
func (s *Service) Loops() []reconcile.Loop {
	return []reconcile.Loop{
		{Name: "elbv2 balancers", Tables: []string{balancers.Name, listeners.Name, rules.Name, groups.Name, targets.Name}, Every: 10 * time.Second, Run: s.reconcile},
		{Name: "elbv2 health", Tables: []string{targets.Name}, Wake: s.plane.recheck, Every: time.Second, Run: s.checkTargets},
		{Name: "elbv2 metrics", Every: time.Minute, Run: s.publishMetrics},
	}
}

// Close shuts the balancers' sockets. Records and interfaces stay for the next start.
func (s *Service) Close() { s.plane.close() }
