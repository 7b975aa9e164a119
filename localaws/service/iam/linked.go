package iam

import (
	"context"

	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/store"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/iamapi"
)

// linkedRoles names the service-linked role of each service that has one here:
// https://docs.aws.amazon.com/IAM/latest/UserGuide/using-service-linked-roles.html.
var linkedRoles = map[string]string{
	"autoscaling.amazonaws.com":          "AWSServiceRoleForAutoScaling",
	"elasticloadbalancing.amazonaws.com": "AWSServiceRoleForElasticLoadBalancing",
	"rds.amazonaws.com":                  "AWSServiceRoleForRDS",
	"replication.ecr.amazonaws.com":      "AWSServiceRoleForECRReplication",
	"spot.amazonaws.com":                 "AWSServiceRoleForEC2Spot",
	"ssm.amazonaws.com":                  "AWSServiceRoleForAmazonSSM",
	"events.amazonaws.com":               "AWSServiceRoleForCloudWatchEvents",
}

func (s *Service) createServiceLinkedRole(_ context.Context, in *iamapi.CreateServiceLinkedRoleInput) (*iamapi.CreateServiceLinkedRoleOutput, error) {
	service := *in.AWSServiceName
	name, ok := linkedRoles[service]
	if !ok {
		return nil, wire.Errorf(400, "InvalidInput", "Service role template for service %s could not be found.", service)
	}
	if suffix := ptr.Val(in.CustomSuffix); suffix != "" {
		if service != "autoscaling.amazonaws.com" {
			return nil, wire.Errorf(400, "InvalidInput", "Custom suffix is not allowed for %s", service)
		}
		name += "_" + suffix
	}
	path := "/aws-service-role/" + service + "/"
	r := &role{
		entity: entity{Name: name, Path: path, ID: newID("AROA"), ARN: arn("role", path, name), Created: s.d.Clock.Now()},
		Trust:  `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"` + service + `"},"Action":"sts:AssumeRole"}]}`,
		Linked: service, Description: ptr.Val(in.Description), MaxSession: defaultSession,
	}
	return &iamapi.CreateServiceLinkedRoleOutput{Role: r.shape()}, s.d.Store.Update(func(tx store.Tx) error {
		if _, there := roles.Get(tx, name); there {
			return wire.Errorf(400, "InvalidInput", "Service role name %s has been taken in this account, please try a different suffix.", name)
		}
		roles.Put(tx, name, *r)
		return nil
	})
}

// deleteServiceLinkedRole deletes at once; the task it names is a finished one.
func (s *Service) deleteServiceLinkedRole(_ context.Context, in *iamapi.DeleteServiceLinkedRoleInput) (*iamapi.DeleteServiceLinkedRoleOutput, error) {
	var task string
	err := s.d.Store.Update(func(tx store.Tx) error {
		r, err := findRole(tx, *in.RoleName)
		if err != nil {
			return err
		}
		if r.Linked == "" {
			return wire.Errorf(400, "InvalidInput", "Role %s is no service-linked role.", r.Name)
		}
		task = "task" + r.Path + r.Name + "/" + wire.NewRequestID()
		roles.Delete(tx, r.Name)
		deletions.Put(tx, task, r.Name)
		return nil
	})
	return &iamapi.DeleteServiceLinkedRoleOutput{DeletionTaskId: &task}, err
}

// deletions remembers which deletion tasks there were.
var deletions = store.Table[string]{Name: "iam.deletions"}

func (s *Service) getServiceLinkedRoleDeletionStatus(_ context.Context, in *iamapi.GetServiceLinkedRoleDeletionStatusInput) (*iamapi.GetServiceLinkedRoleDeletionStatusOutput, error) {
	return &iamapi.GetServiceLinkedRoleDeletionStatusOutput{Status: new("SUCCEEDED")}, s.d.Store.View(func(tx store.Tx) error {
		if _, ok := deletions.Get(tx, *in.DeletionTaskId); !ok {
			return noSuchEntity("The deletion task %s cannot be found.", *in.DeletionTaskId)
		}
		return nil
	})
}
