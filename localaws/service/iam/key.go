package iam

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"strings"
	"time"

	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/store"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/iamapi"
)

// key is a user's access key.
type key struct {
	ID, Secret, User string
	Created          time.Time
	Inactive         bool
}

var keys = store.Table[key]{Name: "iam.keys"}

const maxKeys = 2

func keysOf(tx store.Tx, user string) (own []key) {
	keys.Each(tx, "", func(_ string, k key) bool {
		if k.User == user {
			own = append(own, k)
		}
		return true
	})
	return own
}

func (k *key) status() *string {
	if k.Inactive {
		return new("Inactive")
	}
	return new("Active")
}

// NewKey draws an access key: an id with the given prefix (AKIA for lasting,
// ASIA for temporary keys) and a secret of 40 characters.
func NewKey(prefix string) (id, secret string) {
	var raw [30]byte
	rand.Read(raw[:])
	return prefix + rand.Text()[:16], base64.StdEncoding.EncodeToString(raw[:])
}

func (s *Service) createAccessKey(ctx context.Context, in *iamapi.CreateAccessKeyInput) (*iamapi.CreateAccessKeyOutput, error) {
	k := key{Created: s.d.Clock.Now(), User: *orCaller(ctx, in.UserName)}
	k.ID, k.Secret = NewKey("AKIA")
	return &iamapi.CreateAccessKeyOutput{AccessKey: &iamapi.AccessKey{UserName: &k.User, AccessKeyId: &k.ID, SecretAccessKey: &k.Secret, Status: k.status(), CreateDate: &k.Created}},
		s.d.Store.Update(func(tx store.Tx) error {
			if _, err := findUser(tx, k.User); err != nil {
				return err
			}
			if len(keysOf(tx, k.User)) >= maxKeys {
				return limitExceeded("AccessKeysPerUser", maxKeys)
			}
			keys.Put(tx, k.ID, k)
			return nil
		})
}

func (s *Service) listAccessKeys(ctx context.Context, in *iamapi.ListAccessKeysInput) (*iamapi.ListAccessKeysOutput, error) {
	out := &iamapi.ListAccessKeysOutput{IsTruncated: new(false)}
	name := *orCaller(ctx, in.UserName)
	return out, s.d.Store.View(func(tx store.Tx) error {
		if _, err := findUser(tx, name); err != nil {
			return err
		}
		for _, k := range keysOf(tx, name) {
			out.AccessKeyMetadata = append(out.AccessKeyMetadata, iamapi.AccessKeyMetadata{UserName: &k.User, AccessKeyId: &k.ID, Status: k.status(), CreateDate: &k.Created})
		}
		return nil
	})
}

func (s *Service) changeKey(ctx context.Context, userName, id *string, f func(tx store.Tx, k key)) error {
	return s.d.Store.Update(func(tx store.Tx) error {
		k, ok := keys.Get(tx, ptr.Val(id))
		if !ok || k.User != *orCaller(ctx, userName) {
			return noSuchEntity("The Access Key with id %s cannot be found.", ptr.Val(id))
		}
		f(tx, k)
		return nil
	})
}

func (s *Service) updateAccessKey(ctx context.Context, in *iamapi.UpdateAccessKeyInput) (*iamapi.UpdateAccessKeyOutput, error) {
	if *in.Status != "Active" && *in.Status != "Inactive" {
		return nil, invalid("The status must be Active or Inactive.")
	}
	return nil, s.changeKey(ctx, in.UserName, in.AccessKeyId, func(tx store.Tx, k key) {
		k.Inactive = *in.Status == "Inactive"
		keys.Put(tx, k.ID, k)
	})
}

func (s *Service) deleteAccessKey(ctx context.Context, in *iamapi.DeleteAccessKeyInput) (*iamapi.DeleteAccessKeyOutput, error) {
	return nil, s.changeKey(ctx, in.UserName, in.AccessKeyId, func(tx store.Tx, k key) { keys.Delete(tx, k.ID) })
}

// Credential finds what an access key of a user stands for; it implements
// wire.Credentials. An inactive key counts as one nobody issued.
func (s *Service) Credential(_ context.Context, id string) (c wire.Credential, ok bool, err error) {
	err = s.d.Store.View(func(tx store.Tx) error {
		k, found := keys.Get(tx, id)
		if !found || k.Inactive {
			return nil
		}
		u, found := users.Get(tx, k.User)
		if !found {
			return nil
		}
		c, ok = wire.Credential{Secret: k.Secret, Principal: wire.Principal{ARN: u.ARN, UserID: u.ID, AccessKeyID: id}}, true
		return nil
	})
	return c, ok, err
}

// AdminUser is the user that EnsureAdmin makes.
const AdminUser = "admin"

// EnsureAdmin makes sure that there is a user who may do everything, and
// returns an active key of it: the way into a new cloud.
func (s *Service) EnsureAdmin(ctx context.Context) (id, secret string, err error) {
	_, err = s.createUser(ctx, &iamapi.CreateUserInput{UserName: new(AdminUser)})
	if e, ok := errors.AsType[*wire.Error](err); ok && e.Code == "EntityAlreadyExists" {
		err = nil
	}
	if err == nil {
		_, err = s.attachUserPolicy(ctx, &iamapi.AttachUserPolicyInput{UserName: new(AdminUser), PolicyArn: new(managedPrefix + "AdministratorAccess")})
	}
	if err != nil {
		return "", "", err
	}
	err = s.d.Store.View(func(tx store.Tx) error {
		for _, k := range keysOf(tx, AdminUser) {
			if !k.Inactive && strings.HasPrefix(k.ID, "AKIA") {
				id, secret = k.ID, k.Secret
			}
		}
		return nil
	})
	if err != nil || id != "" {
		return id, secret, err
	}
	out, err := s.createAccessKey(ctx, &iamapi.CreateAccessKeyInput{UserName: new(AdminUser)})
	if err != nil {
		return "", "", err
	}
	return *out.AccessKey.AccessKeyId, *out.AccessKey.SecretAccessKey, nil
}
