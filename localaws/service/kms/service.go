package kms

import (
	"context"
	"log/slog"
	"time"

	"grocery/localaws/reconcile"
	"grocery/localaws/seal"
	"grocery/localaws/service/internal/strict"
	"grocery/localaws/store"
	"grocery/localaws/wire"
	api "grocery/localaws/wire/api/kmsapi"
)

// Deps is what the service needs.
type Deps struct {
	Store store.Store
	Clock store.Clock
	Key   *seal.Key // seals the key material
	Log   *slog.Logger
}

// Service serves KMS.
type Service struct{ d Deps }

// New makes the service.
func New(d Deps) *Service { return &Service{d} }

// Register puts the service's operations into r.
func (s *Service) Register(r *wire.Registry) {
	const all, code = strict.All, "ValidationException"
	strict.Handle(r, api.CancelKeyDeletion, code, all, s.cancelKeyDeletion)
	strict.Handle(r, api.CreateAlias, code, all, s.createAlias)
	strict.Handle(r, api.CreateKey, "UnsupportedOperationException", "BypassPolicyLockoutSafetyCheck CustomerMasterKeySpec Description KeySpec KeyUsage Origin Policy Tags", s.createKey)
	strict.Handle(r, api.Decrypt, code, "CiphertextBlob EncryptionAlgorithm EncryptionContext KeyId", s.decrypt)
	strict.Handle(r, api.DeleteAlias, code, all, s.deleteAlias)
	strict.Handle(r, api.DescribeKey, code, "KeyId", s.describeKey)
	strict.Handle(r, api.DisableKey, code, all, s.disableKey)
	strict.Handle(r, api.DisableKeyRotation, code, all, s.disableKeyRotation)
	strict.Handle(r, api.EnableKey, code, all, s.enableKey)
	strict.Handle(r, api.EnableKeyRotation, code, all, s.enableKeyRotation)
	strict.Handle(r, api.Encrypt, code, "EncryptionAlgorithm EncryptionContext KeyId Plaintext", s.encrypt)
	strict.Handle(r, api.GenerateDataKey, code, "EncryptionContext KeyId KeySpec NumberOfBytes", s.generateDataKey)
	strict.Handle(r, api.GenerateDataKeyWithoutPlaintext, code, "EncryptionContext KeyId KeySpec NumberOfBytes", s.generateDataKeyWithoutPlaintext)
	strict.Handle(r, api.GetKeyPolicy, code, all, s.getKeyPolicy)
	strict.Handle(r, api.GetKeyRotationStatus, code, all, s.getKeyRotationStatus)
	strict.Handle(r, api.ListAliases, code, all, s.listAliases)
	strict.Handle(r, api.ListKeyPolicies, code, all, s.listKeyPolicies)
	strict.Handle(r, api.ListKeys, code, all, s.listKeys)
	strict.Handle(r, api.ListResourceTags, code, all, s.listResourceTags)
	strict.Handle(r, api.PutKeyPolicy, code, all, s.putKeyPolicy)
	strict.Handle(r, api.ScheduleKeyDeletion, code, all, s.scheduleKeyDeletion)
	strict.Handle(r, api.TagResource, code, all, s.tagResource)
	strict.Handle(r, api.UntagResource, code, all, s.untagResource)
	strict.Handle(r, api.UpdateAlias, code, all, s.updateAlias)
	strict.Handle(r, api.UpdateKeyDescription, code, all, s.updateKeyDescription)
}

// Loops returns the loop that rotates keys and removes those whose deletion
// window is over.
func (s *Service) Loops() []reconcile.Loop {
	return []reconcile.Loop{{Name: "kms", Tables: []string{keys.Name}, Every: time.Hour, Run: s.tend}}
}

func (s *Service) tend(context.Context) error {
	now := s.d.Clock.Now()
	due := func(tx store.Tx) (all []key) {
		for _, k := range keys.List(tx, "") {
			if k.Deletion != nil && !k.Deletion.After(now) || k.rotation() != nil && !k.rotation().After(now) {
				all = append(all, k)
			}
		}
		return all
	}
	some := false
	if err := s.d.Store.View(func(tx store.Tx) error { some = len(due(tx)) > 0; return nil }); err != nil || !some {
		return err
	}
	return s.d.Store.Update(func(tx store.Tx) error {
		for _, k := range due(tx) {
			if k.Deletion == nil {
				s.turn(&k)
				keys.Put(tx, k.key(), k)
				continue
			}
			keys.Delete(tx, k.key())
			for _, a := range aliases.List(tx, k.Region+"/") {
				if a.Target == k.ID {
					aliases.Delete(tx, a.key())
				}
			}
		}
		return nil
	})
}
