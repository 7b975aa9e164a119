package autoscaling

import (
	"context"
	"log/slog"
	"time"

	"grocery/localaws/reconcile"
	"grocery/localaws/service/internal/strict"
	"grocery/localaws/store"
	"grocery/localaws/wire"
	api "grocery/localaws/wire/api/autoscalingapi"
)

// Deps is what the service needs.
type Deps struct {
	Store store.Store
	Clock store.Clock
	Calls *wire.Registry
	Log   *slog.Logger
}

// Service is Auto Scaling.
type Service struct{ d Deps }

// New makes the service.
func New(d Deps) *Service { return &Service{d} }

// principal is the service under which the loops act.
const principal = "autoscaling.amazonaws.com"

// lookEvery is how often groups are compared with what is real. What balancers
// say of their targets is not told, so it is asked for.
const lookEvery = 2 * time.Second

// Loops returns the reconcilers.
func (s *Service) Loops() []reconcile.Loop {
	return []reconcile.Loop{
		{
			Name: "autoscaling groups", Every: lookEvery, Run: s.reconcile,
			Tables: []string{groups.Name, members.Name, refreshes.Name, "ec2.instances"},
		},
		{Name: "autoscaling metrics", Every: time.Minute, Run: s.measure},
	}
}

// Register adds the operations to r.
func (s *Service) Register(r *wire.Registry) {
	const settings = "AutoScalingGroupName AvailabilityZones CapacityRebalance DefaultCooldown DefaultInstanceWarmup DesiredCapacity DesiredCapacityType HealthCheckGracePeriod HealthCheckType InstanceMaintenancePolicy LaunchTemplate MaxInstanceLifetime MaxSize MinSize NewInstancesProtectedFromScaleIn ServiceLinkedRoleARN TerminationPolicies VPCZoneIdentifier"
	serve(r, api.CreateAutoScalingGroup, settings+" LifecycleHookSpecificationList Tags TargetGroupARNs TrafficSources Context", s.createGroup)
	serve(r, api.UpdateAutoScalingGroup, settings+" Context", s.updateGroup)
	serve(r, api.DeleteAutoScalingGroup, "AutoScalingGroupName ForceDelete", s.deleteGroup)
	serve(r, api.DescribeAutoScalingGroups, "AutoScalingGroupNames Filters MaxRecords NextToken", s.describeGroups)
	serve(r, api.SetDesiredCapacity, "AutoScalingGroupName DesiredCapacity HonorCooldown", s.setDesiredCapacity)
	serve(r, api.SuspendProcesses, "AutoScalingGroupName ScalingProcesses", s.suspendProcesses)
	serve(r, api.ResumeProcesses, "AutoScalingGroupName ScalingProcesses", s.resumeProcesses)
	serve(r, api.EnableMetricsCollection, "AutoScalingGroupName Granularity Metrics", s.enableMetricsCollection)
	serve(r, api.DisableMetricsCollection, "AutoScalingGroupName Metrics", s.disableMetricsCollection)
	serve(r, api.DescribeAccountLimits, "", s.describeAccountLimits)
	serve(r, api.DescribeTerminationPolicyTypes, "", s.describeTerminationPolicyTypes)
	s.registerMembers(r)
	s.registerHooks(r)
	s.registerTags(r)
	s.registerSources(r)
	s.registerRefreshes(r)
	s.registerPolicies(r)
}

func serve[In, Out any](r *wire.Registry, op wire.Op[In, Out], members string, h func(context.Context, *In) (*Out, error)) {
	strict.Handle(r, op, "ValidationError", members, h)
}
