package ecr

import (
	"context"
	"crypto/rand"
	"log/slog"
	"time"

	"grocery/localaws/reconcile"
	"grocery/localaws/service/internal/strict"
	"grocery/localaws/store"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/ecrapi"
)

// Deps is what the service needs.
type Deps struct {
	Store store.Store
	Clock store.Clock
	// Blobs hold the layers. No other service may use them: Sweep removes what
	// this one does not know.
	Blobs *store.Blobs
	Calls *wire.Registry
	Log   *slog.Logger
}

// Service serves the API and the registry.
type Service struct {
	d       Deps
	uploads uploads
}

// New makes the service.
func New(d Deps) *Service {
	return &Service{d: d, uploads: uploads{open: map[string]*upload{}}}
}

// Register adds the service's operations to r.
func (s *Service) Register(r *wire.Registry) {
	serve(r, ecrapi.CreateRepository, "EncryptionConfiguration ImageScanningConfiguration ImageTagMutability RegistryId RepositoryName Tags", s.createRepository)
	serve(r, ecrapi.DescribeRepositories, strict.All, s.describeRepositories)
	serve(r, ecrapi.DeleteRepository, strict.All, s.deleteRepository)
	serve(r, ecrapi.PutImageTagMutability, strict.All, s.putImageTagMutability)
	serve(r, ecrapi.PutImageScanningConfiguration, strict.All, s.putImageScanningConfiguration)
	serve(r, ecrapi.SetRepositoryPolicy, strict.All, s.setRepositoryPolicy)
	serve(r, ecrapi.GetRepositoryPolicy, strict.All, s.getRepositoryPolicy)
	serve(r, ecrapi.DeleteRepositoryPolicy, strict.All, s.deleteRepositoryPolicy)
	serve(r, ecrapi.PutLifecyclePolicy, strict.All, s.putLifecyclePolicy)
	serve(r, ecrapi.GetLifecyclePolicy, strict.All, s.getLifecyclePolicy)
	serve(r, ecrapi.DeleteLifecyclePolicy, strict.All, s.deleteLifecyclePolicy)
	serve(r, ecrapi.TagResource, strict.All, s.tagResource)
	serve(r, ecrapi.UntagResource, strict.All, s.untagResource)
	serve(r, ecrapi.ListTagsForResource, strict.All, s.listTagsForResource)
	serve(r, ecrapi.DescribeRegistry, strict.All, s.describeRegistry)
	serve(r, ecrapi.GetRegistryPolicy, strict.All, s.getRegistryPolicy)
	serve(r, ecrapi.PutRegistryPolicy, strict.All, s.putRegistryPolicy)
	serve(r, ecrapi.DeleteRegistryPolicy, strict.All, s.deleteRegistryPolicy)
	serve(r, ecrapi.GetRegistryScanningConfiguration, strict.All, s.getRegistryScanningConfiguration)
	serve(r, ecrapi.PutRegistryScanningConfiguration, strict.All, s.putRegistryScanningConfiguration)
	serve(r, ecrapi.BatchGetRepositoryScanningConfiguration, strict.All, s.batchGetRepositoryScanningConfiguration)
	serve(r, ecrapi.GetAuthorizationToken, strict.All, s.getAuthorizationToken)
	serve(r, ecrapi.PutImage, strict.All, s.putImage)
	serve(r, ecrapi.BatchGetImage, strict.All, s.batchGetImage)
	serve(r, ecrapi.BatchDeleteImage, strict.All, s.batchDeleteImage)
	serve(r, ecrapi.ListImages, strict.All, s.listImages)
	serve(r, ecrapi.DescribeImages, strict.All, s.describeImages)
	serve(r, ecrapi.DescribeImageScanFindings, strict.All, s.describeImageScanFindings)
	serve(r, ecrapi.BatchCheckLayerAvailability, strict.All, s.batchCheckLayerAvailability)
	serve(r, ecrapi.GetDownloadUrlForLayer, strict.All, s.getDownloadURLForLayer)
	serve(r, ecrapi.InitiateLayerUpload, strict.All, s.initiateLayerUpload)
	serve(r, ecrapi.UploadLayerPart, strict.All, s.uploadLayerPart)
	serve(r, ecrapi.CompleteLayerUpload, strict.All, s.completeLayerUpload)
}

func serve[In, Out any](r *wire.Registry, op wire.Op[In, Out], members string, h func(context.Context, *In) (*Out, error)) {
	strict.Handle(r, op, "InvalidParameterException", members, h)
}

// Loops returns the reconcilers.
func (s *Service) Loops() []reconcile.Loop {
	return []reconcile.Loop{
		{Name: "ecr lifecycle", Tables: []string{repositories.Name, images.Name}, Every: time.Hour, Run: s.applyLifecycle},
		{Name: "ecr tidy", Every: time.Hour, Run: s.tidy},
	}
}

// Sweep removes contents that no layer names: what a crash left behind. Call
// it before the service takes calls.
func (s *Service) Sweep() error {
	named := map[string]bool{}
	if err := s.d.Store.View(func(tx store.Tx) error {
		contents.Each(tx, "", func(_ string, c content) bool { named[c.Blob] = true; return true })
		return nil
	}); err != nil {
		return err
	}
	return s.d.Blobs.Sweep(func(id string) bool { return named[id] })
}

// signingKey returns the secret that download addresses are signed with; it is
// made on first use.
func (s *Service) signingKey() (key []byte, err error) {
	ok := false
	read := func(tx store.Tx) error { key, ok = secrets.Get(tx, "downloads"); return nil }
	if err = s.d.Store.View(read); ok || err != nil {
		return key, err
	}
	err = s.d.Store.Update(func(tx store.Tx) error {
		if read(tx); !ok {
			key = make([]byte, 32)
			rand.Read(key)
			secrets.Put(tx, "downloads", key)
		}
		return nil
	})
	return key, err
}
