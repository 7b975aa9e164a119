package iam

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/store"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/iamapi"
)

// managed is a managed policy, the customer's or AWS's.
type managed struct {
	Name, Path, ID, ARN string
	Description         string
	Created, Updated    time.Time
	Tags                []iamapi.Tag
	Versions            []policyVersion // oldest first
	Default             string          // such as v1
	Next                int             // number of the next version
}

type policyVersion struct {
	ID       string
	Document string
	Created  time.Time
}

var policies = store.Table[managed]{Name: "iam.policies"}

const (
	maxPolicySize = 6144 // characters
	maxVersions   = 5
)

func (s *Service) registerPolicies(r *wire.Registry) {
	wire.Handle(r, iamapi.CreatePolicy, s.createPolicy)
	wire.Handle(r, iamapi.GetPolicy, s.getPolicy)
	wire.Handle(r, iamapi.ListPolicies, s.listPolicies)
	wire.Handle(r, iamapi.DeletePolicy, s.deletePolicy)
	wire.Handle(r, iamapi.CreatePolicyVersion, s.createPolicyVersion)
	wire.Handle(r, iamapi.GetPolicyVersion, s.getPolicyVersion)
	wire.Handle(r, iamapi.ListPolicyVersions, s.listPolicyVersions)
	wire.Handle(r, iamapi.DeletePolicyVersion, s.deletePolicyVersion)
	wire.Handle(r, iamapi.SetDefaultPolicyVersion, s.setDefaultPolicyVersion)
	wire.Handle(r, iamapi.ListEntitiesForPolicy, s.listEntitiesForPolicy)
	wire.Handle(r, iamapi.TagPolicy, s.tagPolicy)
	wire.Handle(r, iamapi.UntagPolicy, s.untagPolicy)
	wire.Handle(r, iamapi.ListPolicyTags, s.listPolicyTags)
}

// findPolicy returns a managed policy by ARN, AWS's own included.
func findPolicy(tx store.Tx, arn string) (*managed, error) {
	if p, ok := awsManaged(arn); ok {
		return p, nil
	}
	p, ok := policies.Get(tx, arn)
	if !ok {
		return nil, noSuchEntity("Policy %s does not exist or is not attachable.", arn)
	}
	return &p, nil
}

func policyPath(arn string) string {
	_, rest, _ := strings.Cut(arn, ":policy")
	return rest[:strings.LastIndexByte(rest, '/')+1]
}

// holders lists the users and roles a policy is attached to, and how many have
// it as their boundary.
func holders(tx store.Tx, arn string) (r []role, u []user, boundaries int64) {
	roles.Each(tx, "", func(_ string, x role) bool {
		if slices.Contains(x.Attached, arn) {
			r = append(r, x)
		}
		if x.Boundary == arn {
			boundaries++
		}
		return true
	})
	users.Each(tx, "", func(_ string, x user) bool {
		if slices.Contains(x.Attached, arn) {
			u = append(u, x)
		}
		if x.Boundary == arn {
			boundaries++
		}
		return true
	})
	return r, u, boundaries
}

func (p *managed) shape(tx store.Tx) *iamapi.Policy {
	r, u, boundaries := holders(tx, p.ARN)
	return &iamapi.Policy{
		PolicyName: &p.Name, Path: &p.Path, PolicyId: &p.ID, Arn: &p.ARN, Description: ptr.NonZero(p.Description), DefaultVersionId: &p.Default, IsAttachable: new(true),
		AttachmentCount: new(int64(len(r) + len(u))), PermissionsBoundaryUsageCount: &boundaries, CreateDate: &p.Created, UpdateDate: &p.Updated, Tags: p.Tags,
	}
}

func (p *managed) version(id string) (*policyVersion, error) {
	for i := range p.Versions {
		if p.Versions[i].ID == id {
			return &p.Versions[i], nil
		}
	}
	return nil, noSuchEntity("Policy %s version %s does not exist or is not attachable.", p.ARN, id)
}

func (p *managed) versionShape(v *policyVersion, document bool) iamapi.PolicyVersion {
	x := iamapi.PolicyVersion{VersionId: &v.ID, IsDefaultVersion: new(v.ID == p.Default), CreateDate: &v.Created}
	if document {
		x.Document = encode(v.Document)
	}
	return x
}

func checkManaged(document string) error {
	size, err := checkPolicy(document)
	if err == nil && size > maxPolicySize {
		err = limitExceeded("PolicySize", maxPolicySize)
	}
	return err
}

// changePolicy runs f with a customer's policy and saves it.
func (s *Service) changePolicy(arn string, f func(tx store.Tx, p *managed) error) error {
	return s.d.Store.Update(func(tx store.Tx) error {
		if _, aws := awsManaged(arn); aws {
			return wire.Errorf(403, "AccessDenied", "The policy %s belongs to AWS and cannot be changed.", arn)
		}
		p, err := findPolicy(tx, arn)
		if err != nil {
			return err
		}
		if err := f(tx, p); err != nil {
			return err
		}
		policies.Put(tx, arn, *p)
		return nil
	})
}

func (s *Service) viewPolicy(arn string, f func(tx store.Tx, p *managed) error) error {
	return s.d.Store.View(func(tx store.Tx) error {
		p, err := findPolicy(tx, arn)
		if err != nil {
			return err
		}
		return f(tx, p)
	})
}

func (s *Service) createPolicy(_ context.Context, in *iamapi.CreatePolicyInput) (out *iamapi.CreatePolicyOutput, err error) {
	path, err := checkName("policyName", *in.PolicyName, 128, in.Path)
	if err != nil {
		return nil, err
	}
	if err := checkManaged(*in.PolicyDocument); err != nil {
		return nil, err
	}
	now := s.d.Clock.Now()
	p := &managed{Name: *in.PolicyName, Path: path, ID: newID("ANPA"), ARN: arn("policy", path, *in.PolicyName), Description: ptr.Val(in.Description), Created: now, Updated: now,
		Versions: []policyVersion{{"v1", *in.PolicyDocument, now}}, Default: "v1", Next: 2}
	if p.Tags, err = merge(nil, in.Tags); err != nil {
		return nil, err
	}
	err = s.d.Store.Update(func(tx store.Tx) error {
		if _, there := policies.Get(tx, p.ARN); there {
			return alreadyExists("A policy called %s already exists. Duplicate names are not allowed.", p.Name)
		}
		policies.Put(tx, p.ARN, *p)
		out = &iamapi.CreatePolicyOutput{Policy: p.shape(tx)}
		return nil
	})
	return out, err
}

func (s *Service) getPolicy(_ context.Context, in *iamapi.GetPolicyInput) (out *iamapi.GetPolicyOutput, err error) {
	err = s.viewPolicy(*in.PolicyArn, func(tx store.Tx, p *managed) error {
		out = &iamapi.GetPolicyOutput{Policy: p.shape(tx)}
		return nil
	})
	return out, err
}

func (s *Service) listPolicies(_ context.Context, in *iamapi.ListPoliciesInput) (*iamapi.ListPoliciesOutput, error) {
	out := &iamapi.ListPoliciesOutput{}
	scope := ptr.Or(in.Scope, "All")
	return out, s.d.Store.View(func(tx store.Tx) error {
		var all []managed
		if scope != "AWS" {
			all = policies.List(tx, "")
		}
		if scope != "Local" {
			all = append(all, allAWSManaged()...)
		}
		slices.SortFunc(all, func(a, b managed) int { return strings.Compare(a.ARN, b.ARN) })
		all = slices.DeleteFunc(all, func(p managed) bool {
			if !strings.HasPrefix(p.Path, ptr.Val(in.PathPrefix)) {
				return true
			}
			r, u, boundaries := holders(tx, p.ARN)
			attached := len(r)+len(u) > 0
			switch ptr.Val(in.PolicyUsageFilter) {
			case "PermissionsBoundary":
				return boundaries == 0
			case "PermissionsPolicy":
				return !attached
			}
			return ptr.Val(in.OnlyAttached) && !attached
		})
		some, next, err := cut(all, func(p managed) string { return p.ARN }, in.Marker, in.MaxItems)
		for _, p := range some {
			x := p.shape(tx)
			x.Tags, x.Description = nil, nil // which lists leave out
			out.Policies = append(out.Policies, *x)
		}
		out.IsTruncated, out.Marker = new(next != nil), next
		return err
	})
}

func (s *Service) deletePolicy(_ context.Context, in *iamapi.DeletePolicyInput) (*iamapi.DeletePolicyOutput, error) {
	err := s.changePolicy(*in.PolicyArn, func(tx store.Tx, p *managed) error {
		if r, u, boundaries := holders(tx, p.ARN); len(r)+len(u) > 0 || boundaries > 0 {
			return deleteConflict("Cannot delete a policy attached to entities.")
		}
		if len(p.Versions) > 1 {
			return deleteConflict("This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy.")
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return nil, s.d.Store.Update(func(tx store.Tx) error { policies.Delete(tx, *in.PolicyArn); return nil })
}

func (s *Service) createPolicyVersion(_ context.Context, in *iamapi.CreatePolicyVersionInput) (*iamapi.CreatePolicyVersionOutput, error) {
	if err := checkManaged(*in.PolicyDocument); err != nil {
		return nil, err
	}
	out := &iamapi.CreatePolicyVersionOutput{}
	return out, s.changePolicy(*in.PolicyArn, func(_ store.Tx, p *managed) error {
		if len(p.Versions) == maxVersions {
			return wire.Errorf(409, "LimitExceeded", "A managed policy can have up to %d versions. Before you create a new version, you must delete an existing version.", maxVersions)
		}
		v := policyVersion{fmt.Sprintf("v%d", p.Next), *in.PolicyDocument, s.d.Clock.Now()}
		p.Versions = append(p.Versions, v)
		p.Next++
		p.Updated = v.Created
		if ptr.Val(in.SetAsDefault) {
			p.Default = v.ID
		}
		x := p.versionShape(&v, false)
		out.PolicyVersion = &x
		return nil
	})
}

func (s *Service) getPolicyVersion(_ context.Context, in *iamapi.GetPolicyVersionInput) (*iamapi.GetPolicyVersionOutput, error) {
	out := &iamapi.GetPolicyVersionOutput{}
	return out, s.viewPolicy(*in.PolicyArn, func(_ store.Tx, p *managed) error {
		v, err := p.version(*in.VersionId)
		if err != nil {
			return err
		}
		x := p.versionShape(v, true)
		out.PolicyVersion = &x
		return nil
	})
}

func (s *Service) listPolicyVersions(_ context.Context, in *iamapi.ListPolicyVersionsInput) (*iamapi.ListPolicyVersionsOutput, error) {
	out := &iamapi.ListPolicyVersionsOutput{IsTruncated: new(false)}
	return out, s.viewPolicy(*in.PolicyArn, func(_ store.Tx, p *managed) error {
		for i := len(p.Versions) - 1; i >= 0; i-- { // newest first
			out.Versions = append(out.Versions, p.versionShape(&p.Versions[i], false))
		}
		return nil
	})
}

func (s *Service) deletePolicyVersion(_ context.Context, in *iamapi.DeletePolicyVersionInput) (*iamapi.DeletePolicyVersionOutput, error) {
	return nil, s.changePolicy(*in.PolicyArn, func(_ store.Tx, p *managed) error {
		if _, err := p.version(*in.VersionId); err != nil {
			return err
		}
		if p.Default == *in.VersionId {
			return deleteConflict("Cannot delete the default version of a policy.")
		}
		p.Versions = slices.DeleteFunc(p.Versions, func(v policyVersion) bool { return v.ID == *in.VersionId })
		return nil
	})
}

func (s *Service) setDefaultPolicyVersion(_ context.Context, in *iamapi.SetDefaultPolicyVersionInput) (*iamapi.SetDefaultPolicyVersionOutput, error) {
	return nil, s.changePolicy(*in.PolicyArn, func(_ store.Tx, p *managed) error {
		if _, err := p.version(*in.VersionId); err != nil {
			return err
		}
		p.Default, p.Updated = *in.VersionId, s.d.Clock.Now()
		return nil
	})
}

func (s *Service) listEntitiesForPolicy(_ context.Context, in *iamapi.ListEntitiesForPolicyInput) (*iamapi.ListEntitiesForPolicyOutput, error) {
	out := &iamapi.ListEntitiesForPolicyOutput{IsTruncated: new(false)}
	filter := ptr.Val(in.EntityFilter)
	return out, s.viewPolicy(*in.PolicyArn, func(tx store.Tx, p *managed) error {
		r, u, _ := holders(tx, p.ARN)
		for _, x := range r {
			if filter == "" || filter == "Role" {
				out.PolicyRoles = append(out.PolicyRoles, iamapi.PolicyRole{RoleName: &x.Name, RoleId: &x.ID})
			}
		}
		for _, x := range u {
			if filter == "" || filter == "User" {
				out.PolicyUsers = append(out.PolicyUsers, iamapi.PolicyUser{UserName: &x.Name, UserId: &x.ID})
			}
		}
		return nil
	})
}

func (s *Service) tagPolicy(_ context.Context, in *iamapi.TagPolicyInput) (*iamapi.TagPolicyOutput, error) {
	return nil, s.changePolicy(*in.PolicyArn, func(_ store.Tx, p *managed) (err error) { p.Tags, err = merge(p.Tags, in.Tags); return err })
}

func (s *Service) untagPolicy(_ context.Context, in *iamapi.UntagPolicyInput) (*iamapi.UntagPolicyOutput, error) {
	return nil, s.changePolicy(*in.PolicyArn, func(_ store.Tx, p *managed) error { p.Tags = without(p.Tags, in.TagKeys); return nil })
}

func (s *Service) listPolicyTags(_ context.Context, in *iamapi.ListPolicyTagsInput) (*iamapi.ListPolicyTagsOutput, error) {
	out := &iamapi.ListPolicyTagsOutput{}
	return out, s.viewPolicy(*in.PolicyArn, func(_ store.Tx, p *managed) (err error) {
		out.Tags, out.Marker, err = tagPage(p.Tags, in.Marker, in.MaxItems)
		out.IsTruncated = new(out.Marker != nil)
		return err
	})
}
