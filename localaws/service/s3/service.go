package s3

import (
	"context"
	"log/slog"
	"time"

	"grocery/localaws/reconcile"
	"grocery/localaws/store"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/s3api"
	"grocery/localaws/wire/api/s3controlapi"
)

// Deps is what the service needs. Blobs is a folder of its own: at start the
// service removes from it whatever no object names.
type Deps struct {
	Store store.Store
	Blobs *store.Blobs
	Clock store.Clock
	Log   *slog.Logger
	// Publish delivers one event to EventBridge. An error means that it was
	// not delivered: the event stays in the store and is offered again.
	Publish func(ctx context.Context, e Event) error
}

// Service is S3.
type Service struct{ d Deps }

// New makes the service.
func New(d Deps) *Service { return &Service{d} }

// Register offers the operations of S3 and S3 Control.
func (s *Service) Register(r *wire.Registry) {
	s.registerBuckets(r)
	s.registerObjects(r)
	wire.Handle(r, s3controlapi.ListTagsForResource, s.controlListTags)
	wire.Handle(r, s3controlapi.TagResource, s.controlTag)
	wire.Handle(r, s3controlapi.UntagResource, s.controlUntag)
	wire.Handle(r, s3controlapi.GetPublicAccessBlock, s.controlGetPublicAccessBlock)
}

func (s *Service) registerBuckets(r *wire.Registry) {
	wire.Handle(r, s3api.CreateBucket, s.createBucket)
	wire.Handle(r, s3api.DeleteBucket, s.deleteBucket)
	wire.Handle(r, s3api.HeadBucket, s.headBucket)
	wire.Handle(r, s3api.ListBuckets, s.listBuckets)
	wire.Handle(r, s3api.GetBucketLocation, s.getBucketLocation)

	wire.Handle(r, s3api.GetBucketVersioning, s.getVersioning)
	wire.Handle(r, s3api.PutBucketVersioning, s.putVersioning)
	wire.Handle(r, s3api.GetBucketTagging, s.getTagging)
	wire.Handle(r, s3api.PutBucketTagging, s.putTagging)
	wire.Handle(r, s3api.DeleteBucketTagging, s.deleteTagging)
	wire.Handle(r, s3api.GetBucketEncryption, s.getEncryption)
	wire.Handle(r, s3api.PutBucketEncryption, s.putEncryption)
	wire.Handle(r, s3api.DeleteBucketEncryption, s.deleteEncryption)
	wire.Handle(r, s3api.GetPublicAccessBlock, s.getPublicAccessBlock)
	wire.Handle(r, s3api.PutPublicAccessBlock, s.putPublicAccessBlock)
	wire.Handle(r, s3api.DeletePublicAccessBlock, s.deletePublicAccessBlock)
	wire.Handle(r, s3api.GetBucketOwnershipControls, s.getOwnership)
	wire.Handle(r, s3api.PutBucketOwnershipControls, s.putOwnership)
	wire.Handle(r, s3api.DeleteBucketOwnershipControls, s.deleteOwnership)
	wire.Handle(r, s3api.GetBucketPolicy, s.getPolicy)
	wire.Handle(r, s3api.GetBucketPolicyStatus, s.getPolicyStatus)
	wire.Handle(r, s3api.PutBucketPolicy, s.putPolicy)
	wire.Handle(r, s3api.DeleteBucketPolicy, s.deletePolicy)
	wire.Handle(r, s3api.GetBucketLifecycleConfiguration, s.getLifecycle)
	wire.Handle(r, s3api.PutBucketLifecycleConfiguration, s.putLifecycle)
	wire.Handle(r, s3api.DeleteBucketLifecycle, s.deleteLifecycle)
	wire.Handle(r, s3api.GetBucketNotificationConfiguration, s.getNotification)
	wire.Handle(r, s3api.PutBucketNotificationConfiguration, s.putNotification)
	wire.Handle(r, s3api.GetBucketCors, s.getCORS)
	wire.Handle(r, s3api.PutBucketCors, s.putCORS)
	wire.Handle(r, s3api.DeleteBucketCors, s.deleteCORS)
	wire.Handle(r, s3api.GetBucketAcl, s.getACL)
	wire.Handle(r, s3api.PutBucketAcl, s.putACL)
	wire.Handle(r, s3api.GetBucketWebsite, s.getWebsite)
	wire.Handle(r, s3api.DeleteBucketWebsite, s.deleteWebsite)
	wire.Handle(r, s3api.GetBucketLogging, s.getLogging)
	wire.Handle(r, s3api.GetBucketAccelerateConfiguration, s.getAccelerate)
	wire.Handle(r, s3api.GetBucketRequestPayment, s.getRequestPayment)
	wire.Handle(r, s3api.GetBucketReplication, s.getReplication)
	wire.Handle(r, s3api.GetObjectLockConfiguration, s.getObjectLock)
}

func (s *Service) registerObjects(r *wire.Registry) {
	wire.Handle(r, s3api.PutObject, s.putObject)
	wire.Handle(r, s3api.CopyObject, s.copyObject)
	wire.Handle(r, s3api.GetObject, s.getObject)
	wire.Handle(r, s3api.HeadObject, s.headObject)
	wire.Handle(r, s3api.GetObjectAttributes, s.getObjectAttributes)
	wire.Handle(r, s3api.DeleteObject, s.deleteObject)
	wire.Handle(r, s3api.DeleteObjects, s.deleteObjects)
	wire.Handle(r, s3api.GetObjectTagging, s.getObjectTagging)
	wire.Handle(r, s3api.PutObjectTagging, s.putObjectTagging)
	wire.Handle(r, s3api.DeleteObjectTagging, s.deleteObjectTagging)
	wire.Handle(r, s3api.GetObjectAcl, s.getObjectACL)
	wire.Handle(r, s3api.GetObjectRetention, s.getObjectRetention)
	wire.Handle(r, s3api.GetObjectLegalHold, s.getObjectLegalHold)

	wire.Handle(r, s3api.ListObjects, s.listObjects)
	wire.Handle(r, s3api.ListObjectsV2, s.listObjectsV2)
	wire.Handle(r, s3api.ListObjectVersions, s.listObjectVersions)

	wire.Handle(r, s3api.CreateMultipartUpload, s.createUpload)
	wire.Handle(r, s3api.UploadPart, s.uploadPart)
	wire.Handle(r, s3api.UploadPartCopy, s.uploadPartCopy)
	wire.Handle(r, s3api.CompleteMultipartUpload, s.completeUpload)
	wire.Handle(r, s3api.AbortMultipartUpload, s.abortUpload)
	wire.Handle(r, s3api.ListMultipartUploads, s.listUploads)
	wire.Handle(r, s3api.ListParts, s.listParts)
}

// Loops are the reconcilers: events to EventBridge, and lifecycle rules.
func (s *Service) Loops() []reconcile.Loop {
	return []reconcile.Loop{
		{Name: "s3-events", Tables: []string{events.Name}, Every: time.Minute, Run: s.publishEvents},
		{Name: "s3-lifecycle", Tables: []string{buckets.Name}, Every: time.Hour, Run: s.applyLifecycle},
	}
}

// Sweep removes contents that no object names: what a crash left behind. Call
// it before the service takes calls.
func (s *Service) Sweep() error {
	named := map[string]bool{}
	err := s.d.Store.View(func(tx store.Tx) error {
		objects.Each(tx, "", func(_ string, o object) bool {
			for _, x := range o.Segments {
				named[x.Blob] = true
			}
			return true
		})
		parts.Each(tx, "", func(_ string, p part) bool { named[p.Blob] = true; return true })
		return nil
	})
	if err != nil {
		return err
	}
	return s.d.Blobs.Sweep(func(id string) bool { return named[id] })
}

// drop removes the contents of objects that are gone. A failure leaves garbage
// for the next start's Sweep, so it is no error.
func (s *Service) drop(blobs []string) {
	for _, b := range blobs {
		if err := s.d.Blobs.Delete(b); err != nil {
			s.d.Log.Warn("remove the content of a deleted object", "blob", b, "error", err)
		}
	}
}
