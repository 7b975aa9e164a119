package secretsmanager

import (
	"context"
	"log/slog"
	"time"

	"grocery/localaws/reconcile"
	"grocery/localaws/seal"
	"grocery/localaws/store"
	"grocery/localaws/wire"
	api "grocery/localaws/wire/api/secretsmanagerapi"

	"grocery/localaws/service/internal/strict"
)

// Deps is what the service needs.
type Deps struct {
	Store store.Store
	Clock store.Clock
	Key   *seal.Key // seals the values
	Log   *slog.Logger
}

// Service serves Secrets Manager.
type Service struct{ d Deps }

// New makes the service.
func New(d Deps) *Service { return &Service{d} }

const invalidParameter = "InvalidParameterException"

// Register puts the service's operations into r.
func (s *Service) Register(r *wire.Registry) {
	strict.Handle(r, api.BatchGetSecretValue, invalidParameter, "Filters MaxResults NextToken SecretIdList", s.batchGetSecretValue)
	strict.Handle(r, api.CreateSecret, invalidParameter, "ClientRequestToken Description ForceOverwriteReplicaSecret KmsKeyId Name SecretBinary SecretString Tags", s.createSecret)
	strict.Handle(r, api.DeleteResourcePolicy, invalidParameter, strict.All, s.deleteResourcePolicy)
	strict.Handle(r, api.DeleteSecret, invalidParameter, strict.All, s.deleteSecret)
	strict.Handle(r, api.DescribeSecret, invalidParameter, strict.All, s.describeSecret)
	strict.Handle(r, api.GetRandomPassword, invalidParameter, strict.All, s.getRandomPassword)
	strict.Handle(r, api.GetResourcePolicy, invalidParameter, strict.All, s.getResourcePolicy)
	strict.Handle(r, api.GetSecretValue, invalidParameter, strict.All, s.getSecretValue)
	strict.Handle(r, api.ListSecretVersionIds, invalidParameter, strict.All, s.listSecretVersionIds)
	strict.Handle(r, api.ListSecrets, invalidParameter, strict.All, s.listSecrets)
	strict.Handle(r, api.PutResourcePolicy, invalidParameter, strict.All, s.putResourcePolicy)
	strict.Handle(r, api.PutSecretValue, invalidParameter, "ClientRequestToken SecretBinary SecretId SecretString VersionStages", s.putSecretValue)
	strict.Handle(r, api.RestoreSecret, invalidParameter, strict.All, s.restoreSecret)
	strict.Handle(r, api.TagResource, invalidParameter, strict.All, s.tagResource)
	strict.Handle(r, api.UntagResource, invalidParameter, strict.All, s.untagResource)
	strict.Handle(r, api.UpdateSecret, invalidParameter, strict.All, s.updateSecret)
	strict.Handle(r, api.UpdateSecretVersionStage, invalidParameter, strict.All, s.updateSecretVersionStage)
	strict.Handle(r, api.ValidateResourcePolicy, invalidParameter, strict.All, s.validateResourcePolicy)
}

// Loops returns the loop that removes secrets whose recovery window is over.
func (s *Service) Loops() []reconcile.Loop {
	return []reconcile.Loop{{Name: "secretsmanager", Tables: []string{secrets.Name}, Every: time.Hour, Run: s.purge}}
}

func (s *Service) purge(context.Context) error {
	var due []string
	now := s.d.Clock.Now()
	find := func(tx store.Tx) error {
		secrets.Each(tx, "", func(key string, x secret) bool {
			if x.Deleted != nil && !x.Deleted.After(now) {
				due = append(due, key)
			}
			return true
		})
		return nil
	}
	if err := s.d.Store.View(find); err != nil || len(due) == 0 {
		return err
	}
	return s.d.Store.Update(func(tx store.Tx) error {
		due = nil
		find(tx)
		for _, key := range due {
			secrets.Delete(tx, key)
		}
		return nil
	})
}
