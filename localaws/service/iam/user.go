package iam

import (
	"context"
	"strings"

	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/store"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/iamapi"
)

type user struct{ entity }

var users = store.Table[user]{Name: "iam.users"}

const userInlineMax = 2048 // characters

func (s *Service) registerUsers(r *wire.Registry) {
	wire.Handle(r, iamapi.CreateUser, s.createUser)
	wire.Handle(r, iamapi.GetUser, s.getUser)
	wire.Handle(r, iamapi.ListUsers, s.listUsers)
	wire.Handle(r, iamapi.UpdateUser, s.updateUser)
	wire.Handle(r, iamapi.DeleteUser, s.deleteUser)
	wire.Handle(r, iamapi.PutUserPolicy, s.putUserPolicy)
	wire.Handle(r, iamapi.GetUserPolicy, s.getUserPolicy)
	wire.Handle(r, iamapi.DeleteUserPolicy, s.deleteUserPolicy)
	wire.Handle(r, iamapi.ListUserPolicies, s.listUserPolicies)
	wire.Handle(r, iamapi.AttachUserPolicy, s.attachUserPolicy)
	wire.Handle(r, iamapi.DetachUserPolicy, s.detachUserPolicy)
	wire.Handle(r, iamapi.ListAttachedUserPolicies, s.listAttachedUserPolicies)
	wire.Handle(r, iamapi.PutUserPermissionsBoundary, s.putUserPermissionsBoundary)
	wire.Handle(r, iamapi.DeleteUserPermissionsBoundary, s.deleteUserPermissionsBoundary)
	wire.Handle(r, iamapi.TagUser, s.tagUser)
	wire.Handle(r, iamapi.UntagUser, s.untagUser)
	wire.Handle(r, iamapi.ListUserTags, s.listUserTags)
	wire.Handle(r, iamapi.CreateAccessKey, s.createAccessKey)
	wire.Handle(r, iamapi.ListAccessKeys, s.listAccessKeys)
	wire.Handle(r, iamapi.UpdateAccessKey, s.updateAccessKey)
	wire.Handle(r, iamapi.DeleteAccessKey, s.deleteAccessKey)
	// What users cannot have here, and lists say so.
	wire.Handle(r, iamapi.ListGroupsForUser, func(_ context.Context, in *iamapi.ListGroupsForUserInput) (*iamapi.ListGroupsForUserOutput, error) {
		return &iamapi.ListGroupsForUserOutput{IsTruncated: new(false)}, s.viewUser(in.UserName, nothing)
	})
	wire.Handle(r, iamapi.ListMFADevices, func(ctx context.Context, in *iamapi.ListMFADevicesInput) (*iamapi.ListMFADevicesOutput, error) {
		return &iamapi.ListMFADevicesOutput{IsTruncated: new(false)}, s.viewUser(orCaller(ctx, in.UserName), nothing)
	})
	wire.Handle(r, iamapi.ListSSHPublicKeys, func(ctx context.Context, in *iamapi.ListSSHPublicKeysInput) (*iamapi.ListSSHPublicKeysOutput, error) {
		return &iamapi.ListSSHPublicKeysOutput{IsTruncated: new(false)}, s.viewUser(orCaller(ctx, in.UserName), nothing)
	})
	wire.Handle(r, iamapi.ListSigningCertificates, func(ctx context.Context, in *iamapi.ListSigningCertificatesInput) (*iamapi.ListSigningCertificatesOutput, error) {
		return &iamapi.ListSigningCertificatesOutput{IsTruncated: new(false)}, s.viewUser(orCaller(ctx, in.UserName), nothing)
	})
	wire.Handle(r, iamapi.ListServiceSpecificCredentials, func(ctx context.Context, in *iamapi.ListServiceSpecificCredentialsInput) (*iamapi.ListServiceSpecificCredentialsOutput, error) {
		return &iamapi.ListServiceSpecificCredentialsOutput{}, s.viewUser(orCaller(ctx, in.UserName), nothing)
	})
	wire.Handle(r, iamapi.ListAccountAliases, func(context.Context, *iamapi.ListAccountAliasesInput) (*iamapi.ListAccountAliasesOutput, error) {
		return &iamapi.ListAccountAliasesOutput{IsTruncated: new(false)}, nil
	})
}

func nothing(*user) error { return nil }

func (u *user) shape() *iamapi.User {
	return &iamapi.User{UserName: &u.Name, Path: &u.Path, UserId: &u.ID, Arn: &u.ARN, CreateDate: &u.Created, PermissionsBoundary: u.boundary(), Tags: u.Tags}
}

// orCaller is the user a call means when it names none: the one that makes it.
func orCaller(ctx context.Context, name *string) *string {
	if name != nil {
		return name
	}
	p := wire.CallFrom(ctx).Principal.ARN
	if !strings.Contains(p, ":user/") {
		return new("")
	}
	return new(p[strings.LastIndexByte(p, '/')+1:])
}

func findUser(tx store.Tx, name string) (*user, error) {
	u, ok := users.Get(tx, name)
	if !ok {
		return nil, noSuchEntity("The user with name %s cannot be found.", name)
	}
	return &u, nil
}

func (s *Service) viewUser(name *string, f func(u *user) error) error {
	return s.d.Store.View(func(tx store.Tx) error {
		u, err := findUser(tx, ptr.Val(name))
		if err != nil {
			return err
		}
		return f(u)
	})
}

func (s *Service) changeUser(name *string, f func(tx store.Tx, u *user) error) error {
	return s.d.Store.Update(func(tx store.Tx) error {
		u, err := findUser(tx, ptr.Val(name))
		if err != nil {
			return err
		}
		if err := f(tx, u); err != nil {
			return err
		}
		users.Put(tx, u.Name, *u)
		return nil
	})
}

func (s *Service) createUser(_ context.Context, in *iamapi.CreateUserInput) (*iamapi.CreateUserOutput, error) {
	path, err := checkName("userName", *in.UserName, 64, in.Path)
	if err != nil {
		return nil, err
	}
	u := &user{entity{Name: *in.UserName, Path: path, ID: newID("AIDA"), ARN: arn("user", path, *in.UserName), Created: s.d.Clock.Now()}}
	if u.Tags, err = merge(nil, in.Tags); err != nil {
		return nil, err
	}
	err = s.d.Store.Update(func(tx store.Tx) error {
		if _, there := users.Get(tx, u.Name); there {
			return alreadyExists("User with name %s already exists.", u.Name)
		}
		if err := u.setBoundary(tx, in.PermissionsBoundary); err != nil {
			return err
		}
		users.Put(tx, u.Name, *u)
		return nil
	})
	return &iamapi.CreateUserOutput{User: u.shape()}, err
}

func (s *Service) getUser(ctx context.Context, in *iamapi.GetUserInput) (out *iamapi.GetUserOutput, err error) {
	err = s.viewUser(orCaller(ctx, in.UserName), func(u *user) error { out = &iamapi.GetUserOutput{User: u.shape()}; return nil })
	return out, err
}

func (s *Service) listUsers(_ context.Context, in *iamapi.ListUsersInput) (*iamapi.ListUsersOutput, error) {
	out := &iamapi.ListUsersOutput{}
	return out, s.d.Store.View(func(tx store.Tx) error {
		var all []user
		users.Each(tx, "", func(_ string, u user) bool {
			if strings.HasPrefix(u.Path, ptr.Val(in.PathPrefix)) {
				all = append(all, u)
			}
			return true
		})
		some, next, err := cut(all, func(u user) string { return u.Name }, in.Marker, in.MaxItems)
		for _, u := range some {
			x := u.shape()
			x.Tags, x.PermissionsBoundary = nil, nil // which lists leave out
			out.Users = append(out.Users, *x)
		}
		out.IsTruncated, out.Marker = new(next != nil), next
		return err
	})
}

func (s *Service) updateUser(_ context.Context, in *iamapi.UpdateUserInput) (*iamapi.UpdateUserOutput, error) {
	return nil, s.d.Store.Update(func(tx store.Tx) error {
		u, err := findUser(tx, *in.UserName)
		if err != nil {
			return err
		}
		old := u.Name
		u.Name = ptr.Or(in.NewUserName, u.Name)
		path := ptr.Or(in.NewPath, u.Path)
		if u.Path, err = checkName("newUserName", u.Name, 64, &path); err != nil {
			return err
		}
		if _, there := users.Get(tx, u.Name); there && u.Name != old {
			return alreadyExists("User with name %s already exists.", u.Name)
		}
		u.ARN = arn("user", u.Path, u.Name)
		users.Delete(tx, old)
		users.Put(tx, u.Name, *u)
		for _, k := range keysOf(tx, old) {
			k.User = u.Name
			keys.Put(tx, k.ID, k)
		}
		return nil
	})
}

func (s *Service) deleteUser(_ context.Context, in *iamapi.DeleteUserInput) (*iamapi.DeleteUserOutput, error) {
	return nil, s.d.Store.Update(func(tx store.Tx) error {
		u, err := findUser(tx, *in.UserName)
		switch {
		case err != nil:
			return err
		case len(u.Attached) > 0:
			return deleteConflict("Cannot delete entity, must detach all policies first.")
		case len(u.Inline) > 0:
			return deleteConflict("Cannot delete entity, must delete policies first.")
		case len(keysOf(tx, u.Name)) > 0:
			return deleteConflict("Cannot delete entity, must delete access keys first.")
		}
		users.Delete(tx, u.Name)
		return nil
	})
}

func (s *Service) putUserPolicy(_ context.Context, in *iamapi.PutUserPolicyInput) (*iamapi.PutUserPolicyOutput, error) {
	return nil, s.changeUser(in.UserName, func(_ store.Tx, u *user) error {
		return u.putInline(*in.PolicyName, *in.PolicyDocument, "UserPolicySize", userInlineMax)
	})
}

func (s *Service) getUserPolicy(_ context.Context, in *iamapi.GetUserPolicyInput) (out *iamapi.GetUserPolicyOutput, err error) {
	err = s.viewUser(in.UserName, func(u *user) error {
		d, err := u.inline("user", *in.PolicyName)
		out = &iamapi.GetUserPolicyOutput{UserName: in.UserName, PolicyName: in.PolicyName, PolicyDocument: encode(d)}
		return err
	})
	return out, err
}

func (s *Service) deleteUserPolicy(_ context.Context, in *iamapi.DeleteUserPolicyInput) (*iamapi.DeleteUserPolicyOutput, error) {
	return nil, s.changeUser(in.UserName, func(_ store.Tx, u *user) error { return u.deleteInline("user", *in.PolicyName) })
}

func (s *Service) listUserPolicies(_ context.Context, in *iamapi.ListUserPoliciesInput) (*iamapi.ListUserPoliciesOutput, error) {
	out := &iamapi.ListUserPoliciesOutput{}
	return out, s.viewUser(in.UserName, func(u *user) (err error) {
		out.PolicyNames, out.Marker, err = u.inlineNames(in.Marker, in.MaxItems)
		out.IsTruncated = new(out.Marker != nil)
		return err
	})
}

func (s *Service) attachUserPolicy(_ context.Context, in *iamapi.AttachUserPolicyInput) (*iamapi.AttachUserPolicyOutput, error) {
	return nil, s.changeUser(in.UserName, func(tx store.Tx, u *user) error { return u.attach(tx, *in.PolicyArn, "PoliciesPerUser") })
}

func (s *Service) detachUserPolicy(_ context.Context, in *iamapi.DetachUserPolicyInput) (*iamapi.DetachUserPolicyOutput, error) {
	return nil, s.changeUser(in.UserName, func(_ store.Tx, u *user) error { return u.detach(*in.PolicyArn) })
}

func (s *Service) listAttachedUserPolicies(_ context.Context, in *iamapi.ListAttachedUserPoliciesInput) (*iamapi.ListAttachedUserPoliciesOutput, error) {
	out := &iamapi.ListAttachedUserPoliciesOutput{}
	return out, s.viewUser(in.UserName, func(u *user) (err error) {
		out.AttachedPolicies, out.Marker, err = u.attached(in.PathPrefix, in.Marker, in.MaxItems)
		out.IsTruncated = new(out.Marker != nil)
		return err
	})
}

func (s *Service) putUserPermissionsBoundary(_ context.Context, in *iamapi.PutUserPermissionsBoundaryInput) (*iamapi.PutUserPermissionsBoundaryOutput, error) {
	return nil, s.changeUser(in.UserName, func(tx store.Tx, u *user) error { return u.setBoundary(tx, in.PermissionsBoundary) })
}

func (s *Service) deleteUserPermissionsBoundary(_ context.Context, in *iamapi.DeleteUserPermissionsBoundaryInput) (*iamapi.DeleteUserPermissionsBoundaryOutput, error) {
	return nil, s.changeUser(in.UserName, func(_ store.Tx, u *user) error { u.Boundary = ""; return nil })
}

func (s *Service) tagUser(_ context.Context, in *iamapi.TagUserInput) (*iamapi.TagUserOutput, error) {
	return nil, s.changeUser(in.UserName, func(_ store.Tx, u *user) (err error) { u.Tags, err = merge(u.Tags, in.Tags); return err })
}

func (s *Service) untagUser(_ context.Context, in *iamapi.UntagUserInput) (*iamapi.UntagUserOutput, error) {
	return nil, s.changeUser(in.UserName, func(_ store.Tx, u *user) error { u.Tags = without(u.Tags, in.TagKeys); return nil })
}

func (s *Service) listUserTags(_ context.Context, in *iamapi.ListUserTagsInput) (*iamapi.ListUserTagsOutput, error) {
	out := &iamapi.ListUserTagsOutput{}
	return out, s.viewUser(in.UserName, func(u *user) (err error) {
		out.Tags, out.Marker, err = tagPage(u.Tags, in.Marker, in.MaxItems)
		out.IsTruncated = new(out.Marker != nil)
		return err
	})
}
