package kms

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/store"
	"grocery/localaws/wire"
	api "grocery/localaws/wire/api/kmsapi"
)

var aliasForm = regexp.MustCompile(`^alias/[A-Za-z0-9/_-]{1,250}$`)

// point makes an alias lead to a key; exists says whether it must be there
// already or must not.
func (s *Service) point(ctx context.Context, name, target string, exists bool) error {
	c := wire.CallFrom(ctx)
	if !aliasForm.MatchString(name) || strings.HasPrefix(name, "alias/aws/") {
		return wire.Errorf(400, "InvalidAliasNameException", "The alias %s is no valid name: it begins with alias/, and alias/aws/ is AWS's.", name)
	}
	return s.d.Store.Update(func(tx store.Tx) error {
		k, err := find(ctx, tx, target)
		if err != nil {
			return err
		}
		if k.State == pending {
			return wire.Errorf(400, "KMSInvalidStateException", "%s is pending deletion.", k.arn())
		}
		a, ok := aliases.Get(tx, store.Key(c.Region, name))
		switch {
		case ok && !exists:
			return wire.Errorf(400, "AlreadyExistsException", "An alias with the name %s already exists", c.ARN("kms", name))
		case !ok && exists:
			return wire.Errorf(400, "NotFoundException", "Alias %s is not found.", c.ARN("kms", name))
		case !ok:
			a = alias{Name: name, Region: c.Region, Created: s.d.Clock.Now()}
		}
		a.Target, a.Updated = k.ID, s.d.Clock.Now()
		aliases.Put(tx, a.key(), a)
		return nil
	})
}

func (s *Service) createAlias(ctx context.Context, in *api.CreateAliasInput) (*api.CreateAliasOutput, error) {
	return nil, s.point(ctx, *in.AliasName, *in.TargetKeyId, false)
}

func (s *Service) updateAlias(ctx context.Context, in *api.UpdateAliasInput) (*api.UpdateAliasOutput, error) {
	return nil, s.point(ctx, *in.AliasName, *in.TargetKeyId, true)
}

func (s *Service) deleteAlias(ctx context.Context, in *api.DeleteAliasInput) (*api.DeleteAliasOutput, error) {
	c := wire.CallFrom(ctx)
	return nil, s.d.Store.Update(func(tx store.Tx) error {
		key := store.Key(c.Region, *in.AliasName)
		if _, ok := aliases.Get(tx, key); !ok {
			return wire.Errorf(400, "NotFoundException", "Alias %s is not found.", c.ARN("kms", *in.AliasName))
		}
		aliases.Delete(tx, key)
		return nil
	})
}

func (s *Service) listAliases(ctx context.Context, in *api.ListAliasesInput) (*api.ListAliasesOutput, error) {
	c := wire.CallFrom(ctx)
	out := &api.ListAliasesOutput{}
	return out, s.d.Store.View(func(tx store.Tx) error {
		all := aliases.List(tx, c.Region+"/")
		if ptr.Val(in.KeyId) != "" {
			k, err := find(ctx, tx, *in.KeyId)
			if err != nil {
				return err
			}
			all = slices.DeleteFunc(all, func(a alias) bool { return a.Target != k.ID })
		}
		all, next, err := cut(all, func(a alias) string { return a.Name }, in.Marker, in.Limit)
		for _, a := range all {
			out.Aliases = append(out.Aliases, api.AliasListEntry{AliasName: &a.Name, AliasArn: new(c.ARN("kms", a.Name)), TargetKeyId: &a.Target, CreationDate: &a.Created, LastUpdatedDate: &a.Updated})
		}
		out.NextMarker, out.Truncated = next, new(next != nil)
		return err
	})
}
