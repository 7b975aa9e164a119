package ecr

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"time"

	"grocery/localaws/store"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/ecrapi"
)

// tokenFor is how long a registry password holds.
const tokenFor = 12 * time.Hour

// hashOf is what is kept of a password.
func hashOf(password string) string {
	sum := sha256.Sum256([]byte(password))
	return hex.EncodeToString(sum[:])
}

// getAuthorizationToken gives the caller a password for the registry. It acts
// for the caller and nobody else.
func (s *Service) getAuthorizationToken(ctx context.Context, in *ecrapi.GetAuthorizationTokenInput) (*ecrapi.GetAuthorizationTokenOutput, error) {
	c := wire.CallFrom(ctx)
	for _, id := range in.RegistryIds {
		if id != wire.Account {
			return nil, invalid("Invalid parameter at 'registryIds': this account's registry is '%s'", wire.Account)
		}
	}
	var raw [48]byte
	rand.Read(raw[:])
	password := base64.RawURLEncoding.EncodeToString(raw[:])
	until := s.d.Clock.Now().Add(tokenFor).Truncate(time.Millisecond)
	if err := s.d.Store.Update(func(tx store.Tx) error {
		tokens.Put(tx, hashOf(password), token{Principal: c.Principal, Expires: until})
		return nil
	}); err != nil {
		return nil, err
	}
	return &ecrapi.GetAuthorizationTokenOutput{AuthorizationData: []ecrapi.AuthorizationData{{
		AuthorizationToken: new(base64.StdEncoding.EncodeToString([]byte("AWS:" + password))), ExpiresAt: new(until), ProxyEndpoint: new("https://" + Host(c.Region)),
	}}}, nil
}

// holder returns whom a password acts for. known is false for one that was
// never given out or is forgotten; expired ones are known for a while.
func (s *Service) holder(password string) (t token, known bool, err error) {
	err = s.d.Store.View(func(tx store.Tx) error {
		t, known = tokens.Get(tx, hashOf(password))
		return nil
	})
	return t, known, err
}

// The limits of tidying.
const (
	forgetTokens  = 24 * time.Hour // after they expired
	abandonUpload = 12 * time.Hour // after the last byte
	orphanLayer   = 24 * time.Hour // layers no image names, after they came
)

// tidy forgets expired tokens, uploads nobody goes on with, and layers that no
// image names.
func (s *Service) tidy(context.Context) error {
	now := s.d.Clock.Now()
	s.uploads.mu.Lock()
	var stale []*upload
	for id, x := range s.uploads.open {
		x.mu.Lock()
		if now.Sub(x.active) > abandonUpload {
			stale = append(stale, x)
			delete(s.uploads.open, id)
		}
		x.mu.Unlock()
	}
	s.uploads.mu.Unlock()
	for _, x := range stale {
		x.abort()
	}
	var gone []string
	err := s.d.Store.Update(func(tx store.Tx) error {
		var old []string
		tokens.Each(tx, "", func(k string, t token) bool {
			if now.Sub(t.Expires) > forgetTokens {
				old = append(old, k)
			}
			return true
		})
		for _, k := range old {
			tokens.Delete(tx, k)
		}
		used := map[string]bool{}
		images.Each(tx, "", func(_ string, i image) bool {
			for _, d := range i.Layers {
				used[key(i.Region, i.Repository, d)] = true
			}
			return true
		})
		gone = dropLayers(tx, "", func(k string, l layer) bool { return !used[k] && now.Sub(l.Added) > orphanLayer })
		return nil
	})
	if err == nil {
		s.remove(gone)
	}
	return err
}
