package iam

import (
	"context"
	"strings"
	"time"

	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/store"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/iamapi"
)

// profile is an instance profile; it holds at most one role.
type profile struct {
	Name, Path, ID, ARN string
	Created             time.Time
	Role                string
	Tags                []iamapi.Tag
}

var profiles = store.Table[profile]{Name: "iam.profiles"}

func (s *Service) registerProfiles(r *wire.Registry) {
	wire.Handle(r, iamapi.CreateInstanceProfile, s.createInstanceProfile)
	wire.Handle(r, iamapi.GetInstanceProfile, s.getInstanceProfile)
	wire.Handle(r, iamapi.ListInstanceProfiles, s.listInstanceProfiles)
	wire.Handle(r, iamapi.ListInstanceProfilesForRole, s.listInstanceProfilesForRole)
	wire.Handle(r, iamapi.DeleteInstanceProfile, s.deleteInstanceProfile)
	wire.Handle(r, iamapi.AddRoleToInstanceProfile, s.addRoleToInstanceProfile)
	wire.Handle(r, iamapi.RemoveRoleFromInstanceProfile, s.removeRoleFromInstanceProfile)
	wire.Handle(r, iamapi.TagInstanceProfile, s.tagInstanceProfile)
	wire.Handle(r, iamapi.UntagInstanceProfile, s.untagInstanceProfile)
	wire.Handle(r, iamapi.ListInstanceProfileTags, s.listInstanceProfileTags)
}

func (p *profile) shape(tx store.Tx) *iamapi.InstanceProfile {
	x := &iamapi.InstanceProfile{InstanceProfileName: &p.Name, Path: &p.Path, InstanceProfileId: &p.ID, Arn: &p.ARN, CreateDate: &p.Created, Roles: []iamapi.Role{}, Tags: p.Tags}
	if r, ok := roles.Get(tx, p.Role); ok {
		x.Roles = append(x.Roles, *r.shape())
	}
	return x
}

func findProfile(tx store.Tx, name *string) (*profile, error) {
	p, ok := profiles.Get(tx, ptr.Val(name))
	if !ok {
		return nil, noSuchEntity("Instance Profile %s cannot be found.", ptr.Val(name))
	}
	return &p, nil
}

func (s *Service) viewProfile(name *string, f func(tx store.Tx, p *profile) error) error {
	return s.d.Store.View(func(tx store.Tx) error {
		p, err := findProfile(tx, name)
		if err != nil {
			return err
		}
		return f(tx, p)
	})
}

func (s *Service) changeProfile(name *string, f func(tx store.Tx, p *profile) error) error {
	return s.d.Store.Update(func(tx store.Tx) error {
		p, err := findProfile(tx, name)
		if err != nil {
			return err
		}
		if err := f(tx, p); err != nil {
			return err
		}
		profiles.Put(tx, p.Name, *p)
		return nil
	})
}

func (s *Service) createInstanceProfile(_ context.Context, in *iamapi.CreateInstanceProfileInput) (out *iamapi.CreateInstanceProfileOutput, err error) {
	path, err := checkName("instanceProfileName", *in.InstanceProfileName, 128, in.Path)
	if err != nil {
		return nil, err
	}
	p := &profile{Name: *in.InstanceProfileName, Path: path, ID: newID("AIPA"), ARN: arn("instance-profile", path, *in.InstanceProfileName), Created: s.d.Clock.Now()}
	if p.Tags, err = merge(nil, in.Tags); err != nil {
		return nil, err
	}
	err = s.d.Store.Update(func(tx store.Tx) error {
		if _, there := profiles.Get(tx, p.Name); there {
			return alreadyExists("Instance Profile %s already exists.", p.Name)
		}
		profiles.Put(tx, p.Name, *p)
		out = &iamapi.CreateInstanceProfileOutput{InstanceProfile: p.shape(tx)}
		return nil
	})
	return out, err
}

func (s *Service) getInstanceProfile(_ context.Context, in *iamapi.GetInstanceProfileInput) (out *iamapi.GetInstanceProfileOutput, err error) {
	err = s.viewProfile(in.InstanceProfileName, func(tx store.Tx, p *profile) error {
		out = &iamapi.GetInstanceProfileOutput{InstanceProfile: p.shape(tx)}
		return nil
	})
	return out, err
}

// list returns a page of the profiles that keep selects.
func (s *Service) list(keep func(p *profile) bool, marker *string, limit *int64) (out []iamapi.InstanceProfile, next *string, err error) {
	err = s.d.Store.View(func(tx store.Tx) error {
		var all []profile
		profiles.Each(tx, "", func(_ string, p profile) bool {
			if keep(&p) {
				all = append(all, p)
			}
			return true
		})
		some, n, err := cut(all, func(p profile) string { return p.Name }, marker, limit)
		next = n
		for _, p := range some {
			out = append(out, *p.shape(tx))
		}
		return err
	})
	return out, next, err
}

func (s *Service) listInstanceProfiles(_ context.Context, in *iamapi.ListInstanceProfilesInput) (*iamapi.ListInstanceProfilesOutput, error) {
	some, next, err := s.list(func(p *profile) bool { return strings.HasPrefix(p.Path, ptr.Val(in.PathPrefix)) }, in.Marker, in.MaxItems)
	return &iamapi.ListInstanceProfilesOutput{InstanceProfiles: some, IsTruncated: new(next != nil), Marker: next}, err
}

func (s *Service) listInstanceProfilesForRole(_ context.Context, in *iamapi.ListInstanceProfilesForRoleInput) (*iamapi.ListInstanceProfilesForRoleOutput, error) {
	if err := s.viewRole(in.RoleName, func(*role) error { return nil }); err != nil {
		return nil, err
	}
	some, next, err := s.list(func(p *profile) bool { return p.Role == *in.RoleName }, in.Marker, in.MaxItems)
	return &iamapi.ListInstanceProfilesForRoleOutput{InstanceProfiles: some, IsTruncated: new(next != nil), Marker: next}, err
}

func (s *Service) deleteInstanceProfile(_ context.Context, in *iamapi.DeleteInstanceProfileInput) (*iamapi.DeleteInstanceProfileOutput, error) {
	return nil, s.d.Store.Update(func(tx store.Tx) error {
		p, err := findProfile(tx, in.InstanceProfileName)
		if err != nil {
			return err
		}
		if p.Role != "" {
			return deleteConflict("Cannot delete entity, must remove roles from instance profile first.")
		}
		profiles.Delete(tx, p.Name)
		return nil
	})
}

func (s *Service) addRoleToInstanceProfile(_ context.Context, in *iamapi.AddRoleToInstanceProfileInput) (*iamapi.AddRoleToInstanceProfileOutput, error) {
	return nil, s.changeProfile(in.InstanceProfileName, func(tx store.Tx, p *profile) error {
		if _, err := findRole(tx, *in.RoleName); err != nil {
			return err
		}
		if p.Role != "" {
			return limitExceeded("InstanceSessionsPerInstanceProfile", 1)
		}
		p.Role = *in.RoleName
		return nil
	})
}

func (s *Service) removeRoleFromInstanceProfile(_ context.Context, in *iamapi.RemoveRoleFromInstanceProfileInput) (*iamapi.RemoveRoleFromInstanceProfileOutput, error) {
	return nil, s.changeProfile(in.InstanceProfileName, func(_ store.Tx, p *profile) error {
		if p.Role != *in.RoleName {
			return noSuchEntity("The role with name %s cannot be found in instance profile %s.", *in.RoleName, p.Name)
		}
		p.Role = ""
		return nil
	})
}

func (s *Service) tagInstanceProfile(_ context.Context, in *iamapi.TagInstanceProfileInput) (*iamapi.TagInstanceProfileOutput, error) {
	return nil, s.changeProfile(in.InstanceProfileName, func(_ store.Tx, p *profile) (err error) { p.Tags, err = merge(p.Tags, in.Tags); return err })
}

func (s *Service) untagInstanceProfile(_ context.Context, in *iamapi.UntagInstanceProfileInput) (*iamapi.UntagInstanceProfileOutput, error) {
	return nil, s.changeProfile(in.InstanceProfileName, func(_ store.Tx, p *profile) error { p.Tags = without(p.Tags, in.TagKeys); return nil })
}

func (s *Service) listInstanceProfileTags(_ context.Context, in *iamapi.ListInstanceProfileTagsInput) (*iamapi.ListInstanceProfileTagsOutput, error) {
	out := &iamapi.ListInstanceProfileTagsOutput{}
	return out, s.viewProfile(in.InstanceProfileName, func(_ store.Tx, p *profile) (err error) {
		out.Tags, out.Marker, err = tagPage(p.Tags, in.Marker, in.MaxItems)
		out.IsTruncated = new(out.Marker != nil)
		return err
	})
}
