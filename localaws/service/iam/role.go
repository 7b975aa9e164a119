package iam

import (
	"context"
	"strings"

	"grocery/localaws/service/iam/policy"
	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/store"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/iamapi"
)

type role struct {
	entity
	Trust       string
	Description string
	MaxSession  int64  // seconds
	Linked      string // the service of a service-linked role
}

var roles = store.Table[role]{Name: "iam.roles"}

const (
	defaultSession = 3600
	roleInlineMax  = 10240 // characters
)

func (s *Service) registerRoles(r *wire.Registry) {
	wire.Handle(r, iamapi.CreateRole, s.createRole)
	wire.Handle(r, iamapi.CreateServiceLinkedRole, s.createServiceLinkedRole)
	wire.Handle(r, iamapi.DeleteServiceLinkedRole, s.deleteServiceLinkedRole)
	wire.Handle(r, iamapi.GetServiceLinkedRoleDeletionStatus, s.getServiceLinkedRoleDeletionStatus)
	wire.Handle(r, iamapi.GetRole, s.getRole)
	wire.Handle(r, iamapi.ListRoles, s.listRoles)
	wire.Handle(r, iamapi.DeleteRole, s.deleteRole)
	wire.Handle(r, iamapi.UpdateRole, s.updateRole)
	wire.Handle(r, iamapi.UpdateRoleDescription, s.updateRoleDescription)
	wire.Handle(r, iamapi.UpdateAssumeRolePolicy, s.updateAssumeRolePolicy)
	wire.Handle(r, iamapi.PutRolePolicy, s.putRolePolicy)
	wire.Handle(r, iamapi.GetRolePolicy, s.getRolePolicy)
	wire.Handle(r, iamapi.DeleteRolePolicy, s.deleteRolePolicy)
	wire.Handle(r, iamapi.ListRolePolicies, s.listRolePolicies)
	wire.Handle(r, iamapi.AttachRolePolicy, s.attachRolePolicy)
	wire.Handle(r, iamapi.DetachRolePolicy, s.detachRolePolicy)
	wire.Handle(r, iamapi.ListAttachedRolePolicies, s.listAttachedRolePolicies)
	wire.Handle(r, iamapi.PutRolePermissionsBoundary, s.putRolePermissionsBoundary)
	wire.Handle(r, iamapi.DeleteRolePermissionsBoundary, s.deleteRolePermissionsBoundary)
	wire.Handle(r, iamapi.TagRole, s.tagRole)
	wire.Handle(r, iamapi.UntagRole, s.untagRole)
	wire.Handle(r, iamapi.ListRoleTags, s.listRoleTags)
}

func (r *role) shape() *iamapi.Role {
	return &iamapi.Role{
		RoleName: &r.Name, Path: &r.Path, RoleId: &r.ID, Arn: &r.ARN, CreateDate: &r.Created, AssumeRolePolicyDocument: encode(r.Trust),
		Description: ptr.NonZero(r.Description), MaxSessionDuration: &r.MaxSession, PermissionsBoundary: r.boundary(), Tags: r.Tags, RoleLastUsed: &iamapi.RoleLastUsed{},
	}
}

func findRole(tx store.Tx, name string) (*role, error) {
	r, ok := roles.Get(tx, name)
	if !ok {
		return nil, noSuchEntity("The role with name %s cannot be found.", name)
	}
	return &r, nil
}

// viewRole runs f with a role.
func (s *Service) viewRole(name *string, f func(r *role) error) error {
	return s.d.Store.View(func(tx store.Tx) error {
		r, err := findRole(tx, ptr.Val(name))
		if err != nil {
			return err
		}
		return f(r)
	})
}

// changeRole runs f with a role and saves it. Roles of services belong to them.
func (s *Service) changeRole(name *string, f func(tx store.Tx, r *role) error) error {
	return s.d.Store.Update(func(tx store.Tx) error {
		r, err := findRole(tx, ptr.Val(name))
		if err != nil {
			return err
		}
		if r.Linked != "" {
			return wire.Errorf(400, "UnmodifiableEntity", "Cannot perform the operation on the protected role '%s' - this role is only modifiable by AWS", r.Name)
		}
		if err := f(tx, r); err != nil {
			return err
		}
		roles.Put(tx, r.Name, *r)
		return nil
	})
}

// checkTrust validates a role's trust policy.
func checkTrust(tx store.Tx, text string) error {
	doc, err := policy.Parse(text)
	if err != nil {
		return wire.Errorf(400, "MalformedPolicyDocument", "Syntax errors in policy: %s", err)
	}
	for _, st := range doc.Statement {
		if len(st.Principal)+len(st.NotPrincipal) == 0 {
			return wire.Errorf(400, "MalformedPolicyDocument", "AssumeRole policy must specify a principal.")
		}
		if len(st.Resource)+len(st.NotResource) > 0 {
			return wire.Errorf(400, "MalformedPolicyDocument", "Has prohibited field Resource")
		}
		for _, a := range append(append([]string{}, st.Action...), st.NotAction...) {
			if a != "*" && !strings.HasPrefix(strings.ToLower(a), "sts:") {
				return wire.Errorf(400, "MalformedPolicyDocument", "AssumeRole policy may only specify STS AssumeRole actions.")
			}
		}
		for _, p := range st.Principal["AWS"] {
			if !principalExists(tx, p) {
				return wire.Errorf(400, "MalformedPolicyDocument", "Invalid principal in policy: \"AWS\":%q", p)
			}
		}
	}
	return nil
}

// principalExists says whether a trust policy may name an AWS principal:
// IAM resolves users and roles when the policy is saved.
func principalExists(tx store.Tx, p string) bool {
	rest, ok := strings.CutPrefix(p, "arn:"+wire.Partition+":iam::"+wire.Account+":")
	if !ok {
		return true // everybody, another account, a session
	}
	kind, path, _ := strings.Cut(rest, "/")
	name := path[strings.LastIndexByte(path, '/')+1:]
	switch kind {
	case "role":
		r, ok := roles.Get(tx, name)
		return ok && r.ARN == p
	case "user":
		u, ok := users.Get(tx, name)
		return ok && u.ARN == p
	}
	return rest == "root"
}

func checkSession(seconds *int64) error {
	if seconds != nil && (*seconds < 3600 || *seconds > 43200) {
		return invalid("1 validation error detected: Value '%d' at 'maxSessionDuration' failed to satisfy constraint: Member must be between 3600 and 43200", *seconds)
	}
	return nil
}

func (s *Service) createRole(_ context.Context, in *iamapi.CreateRoleInput) (*iamapi.CreateRoleOutput, error) {
	path, err := checkName("roleName", *in.RoleName, 64, in.Path)
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(path, "/aws-service-role/") {
		return nil, invalid("Roles with the path %s are made with CreateServiceLinkedRole.", path)
	}
	if err := checkSession(in.MaxSessionDuration); err != nil {
		return nil, err
	}
	r := &role{
		entity: entity{Name: *in.RoleName, Path: path, ID: newID("AROA"), ARN: arn("role", path, *in.RoleName), Created: s.d.Clock.Now()},
		Trust:  *in.AssumeRolePolicyDocument, Description: ptr.Val(in.Description), MaxSession: ptr.Or(in.MaxSessionDuration, defaultSession),
	}
	if r.Tags, err = merge(nil, in.Tags); err != nil {
		return nil, err
	}
	err = s.d.Store.Update(func(tx store.Tx) error {
		if _, there := roles.Get(tx, r.Name); there {
			return alreadyExists("Role with name %s already exists.", r.Name)
		}
		if err := checkTrust(tx, r.Trust); err != nil {
			return err
		}
		if err := r.setBoundary(tx, in.PermissionsBoundary); err != nil {
			return err
		}
		roles.Put(tx, r.Name, *r)
		return nil
	})
	return &iamapi.CreateRoleOutput{Role: r.shape()}, err
}

func (s *Service) getRole(_ context.Context, in *iamapi.GetRoleInput) (out *iamapi.GetRoleOutput, err error) {
	err = s.viewRole(in.RoleName, func(r *role) error { out = &iamapi.GetRoleOutput{Role: r.shape()}; return nil })
	return out, err
}

func (s *Service) listRoles(_ context.Context, in *iamapi.ListRolesInput) (*iamapi.ListRolesOutput, error) {
	out := &iamapi.ListRolesOutput{}
	return out, s.d.Store.View(func(tx store.Tx) error {
		var all []role
		roles.Each(tx, "", func(_ string, r role) bool {
			if strings.HasPrefix(r.Path, ptr.Val(in.PathPrefix)) {
				all = append(all, r)
			}
			return true
		})
		some, next, err := cut(all, func(r role) string { return r.Name }, in.Marker, in.MaxItems)
		for _, r := range some {
			x := r.shape()
			x.Tags, x.PermissionsBoundary, x.RoleLastUsed = nil, nil, nil // which lists leave out
			out.Roles = append(out.Roles, *x)
		}
		out.IsTruncated, out.Marker = new(next != nil), next
		return err
	})
}

func (s *Service) deleteRole(_ context.Context, in *iamapi.DeleteRoleInput) (*iamapi.DeleteRoleOutput, error) {
	return nil, s.d.Store.Update(func(tx store.Tx) error {
		r, err := findRole(tx, *in.RoleName)
		switch {
		case err != nil:
			return err
		case r.Linked != "":
			return wire.Errorf(400, "UnmodifiableEntity", "Cannot perform the operation on the protected role '%s' - this role is only modifiable by AWS", r.Name)
		case len(r.Attached) > 0:
			return deleteConflict("Cannot delete entity, must detach all policies first.")
		case len(r.Inline) > 0:
			return deleteConflict("Cannot delete entity, must delete policies first.")
		}
		for _, p := range profiles.List(tx, "") {
			if p.Role == r.Name {
				return deleteConflict("Cannot delete entity, must remove roles from instance profile first.")
			}
		}
		roles.Delete(tx, r.Name)
		return nil
	})
}

func (s *Service) updateRole(_ context.Context, in *iamapi.UpdateRoleInput) (*iamapi.UpdateRoleOutput, error) {
	if err := checkSession(in.MaxSessionDuration); err != nil {
		return nil, err
	}
	return nil, s.changeRole(in.RoleName, func(_ store.Tx, r *role) error {
		r.Description, r.MaxSession = ptr.Val(in.Description), ptr.Or(in.MaxSessionDuration, defaultSession)
		return nil
	})
}

func (s *Service) updateRoleDescription(_ context.Context, in *iamapi.UpdateRoleDescriptionInput) (out *iamapi.UpdateRoleDescriptionOutput, err error) {
	err = s.changeRole(in.RoleName, func(_ store.Tx, r *role) error {
		r.Description = *in.Description
		out = &iamapi.UpdateRoleDescriptionOutput{Role: r.shape()}
		return nil
	})
	return out, err
}

func (s *Service) updateAssumeRolePolicy(_ context.Context, in *iamapi.UpdateAssumeRolePolicyInput) (*iamapi.UpdateAssumeRolePolicyOutput, error) {
	return nil, s.changeRole(in.RoleName, func(tx store.Tx, r *role) error {
		r.Trust = *in.PolicyDocument
		return checkTrust(tx, r.Trust)
	})
}

func (s *Service) putRolePolicy(_ context.Context, in *iamapi.PutRolePolicyInput) (*iamapi.PutRolePolicyOutput, error) {
	return nil, s.changeRole(in.RoleName, func(_ store.Tx, r *role) error {
		return r.putInline(*in.PolicyName, *in.PolicyDocument, "RolePolicySize", roleInlineMax)
	})
}

func (s *Service) getRolePolicy(_ context.Context, in *iamapi.GetRolePolicyInput) (out *iamapi.GetRolePolicyOutput, err error) {
	err = s.viewRole(in.RoleName, func(r *role) error {
		d, err := r.inline("role", *in.PolicyName)
		out = &iamapi.GetRolePolicyOutput{RoleName: in.RoleName, PolicyName: in.PolicyName, PolicyDocument: encode(d)}
		return err
	})
	return out, err
}

func (s *Service) deleteRolePolicy(_ context.Context, in *iamapi.DeleteRolePolicyInput) (*iamapi.DeleteRolePolicyOutput, error) {
	return nil, s.changeRole(in.RoleName, func(_ store.Tx, r *role) error { return r.deleteInline("role", *in.PolicyName) })
}

func (s *Service) listRolePolicies(_ context.Context, in *iamapi.ListRolePoliciesInput) (*iamapi.ListRolePoliciesOutput, error) {
	out := &iamapi.ListRolePoliciesOutput{}
	return out, s.viewRole(in.RoleName, func(r *role) (err error) {
		out.PolicyNames, out.Marker, err = r.inlineNames(in.Marker, in.MaxItems)
		out.IsTruncated = new(out.Marker != nil)
		return err
	})
}

func (s *Service) attachRolePolicy(_ context.Context, in *iamapi.AttachRolePolicyInput) (*iamapi.AttachRolePolicyOutput, error) {
	return nil, s.changeRole(in.RoleName, func(tx store.Tx, r *role) error { return r.attach(tx, *in.PolicyArn, "PoliciesPerRole") })
}

func (s *Service) detachRolePolicy(_ context.Context, in *iamapi.DetachRolePolicyInput) (*iamapi.DetachRolePolicyOutput, error) {
	return nil, s.changeRole(in.RoleName, func(_ store.Tx, r *role) error { return r.detach(*in.PolicyArn) })
}

func (s *Service) listAttachedRolePolicies(_ context.Context, in *iamapi.ListAttachedRolePoliciesInput) (*iamapi.ListAttachedRolePoliciesOutput, error) {
	out := &iamapi.ListAttachedRolePoliciesOutput{}
	return out, s.viewRole(in.RoleName, func(r *role) (err error) {
		out.AttachedPolicies, out.Marker, err = r.attached(in.PathPrefix, in.Marker, in.MaxItems)
		out.IsTruncated = new(out.Marker != nil)
		return err
	})
}

func (s *Service) putRolePermissionsBoundary(_ context.Context, in *iamapi.PutRolePermissionsBoundaryInput) (*iamapi.PutRolePermissionsBoundaryOutput, error) {
	return nil, s.changeRole(in.RoleName, func(tx store.Tx, r *role) error { return r.setBoundary(tx, in.PermissionsBoundary) })
}

func (s *Service) deleteRolePermissionsBoundary(_ context.Context, in *iamapi.DeleteRolePermissionsBoundaryInput) (*iamapi.DeleteRolePermissionsBoundaryOutput, error) {
	return nil, s.changeRole(in.RoleName, func(_ store.Tx, r *role) error { r.Boundary = ""; return nil })
}

func (s *Service) tagRole(_ context.Context, in *iamapi.TagRoleInput) (*iamapi.TagRoleOutput, error) {
	return nil, s.changeRole(in.RoleName, func(_ store.Tx, r *role) (err error) { r.Tags, err = merge(r.Tags, in.Tags); return err })
}

func (s *Service) untagRole(_ context.Context, in *iamapi.UntagRoleInput) (*iamapi.UntagRoleOutput, error) {
	return nil, s.changeRole(in.RoleName, func(_ store.Tx, r *role) error { r.Tags = without(r.Tags, in.TagKeys); return nil })
}

func (s *Service) listRoleTags(_ context.Context, in *iamapi.ListRoleTagsInput) (*iamapi.ListRoleTagsOutput, error) {
	out := &iamapi.ListRoleTagsOutput{}
	return out, s.viewRole(in.RoleName, func(r *role) (err error) {
		out.Tags, out.Marker, err = tagPage(r.Tags, in.Marker, in.MaxItems)
		out.IsTruncated = new(out.Marker != nil)
		return err
	})
}
