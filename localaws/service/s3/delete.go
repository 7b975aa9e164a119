package s3

import (
	"context"

	"grocery/localaws/store"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/s3api"
)

// removal is what a delete did to one key.
type removal struct {
	marker  bool    // a delete marker was made or removed
	version *string // of the marker, or of the version that was removed
	blobs   []string
}

// erase deletes an object as the bucket's versioning wants it: without a
// version it hides the key under a delete marker or, in a bucket that never was
// versioned, removes it; with one it removes that version for good. Deleting
// what is absent succeeds.
// See https://docs.aws.amazon.com/AmazonS3/latest/userguide/DeletingObjectVersions.html.
func (s *Service) erase(ctx context.Context, tx store.Tx, b *bucket, key string, id *string, reason string) (r removal, err error) {
	if id != nil && *id != "" {
		if *id != "null" && len(*id) != len(randomID()) {
			return r, invalidArgument("Invalid version id specified")
		}
		o, ok := version(tx, b.Name, key, *id)
		r.version = id
		if ok {
			r.marker, r.blobs = o.Marker, remove(tx, o)
			s.emit(ctx, tx, b, erased(reason, "Permanently Deleted"), &o)
		}
		return r, nil
	}
	old, there := latest(tx, b.Name, key)
	if b.Versioning == "" {
		if there {
			r.blobs = remove(tx, old)
			s.emit(ctx, tx, b, erased(reason, "Permanently Deleted"), &old)
		}
		return r, nil
	}
	m := &object{Bucket: b.Name, Key: key, Marker: true}
	r.blobs = b.insert(tx, s.d.Clock.Now(), m)
	r.marker, r.version = true, &m.Version
	s.emit(ctx, tx, b, erased(reason, "Delete Marker Created"), m)
	return r, nil
}

func (s *Service) deleteObject(ctx context.Context, in *s3api.DeleteObjectInput) (*s3api.DeleteObjectOutput, error) {
	out := &s3api.DeleteObjectOutput{}
	var gone []string
	err := s.d.Store.Update(func(tx store.Tx) error {
		b, err := open(ctx, tx, in.Bucket, in.ExpectedBucketOwner)
		if err != nil {
			return err
		}
		if in.IfMatch != nil {
			if err := (condition{match: in.IfMatch}).write(tx, &object{Bucket: b.Name, Key: str(in.Key)}); err != nil {
				return err
			}
		}
		r, err := s.erase(ctx, tx, b, str(in.Key), in.VersionId, "DeleteObject")
		if err != nil {
			return err
		}
		gone, out.VersionId = r.blobs, r.version
		if r.marker {
			out.DeleteMarker = new(true)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.drop(gone)
	return out, nil
}

func (s *Service) deleteObjects(ctx context.Context, in *s3api.DeleteObjectsInput) (*s3api.DeleteObjectsOutput, error) {
	if n := len(in.Delete.Objects); n == 0 || n > 1000 {
		return nil, malformed()
	}
	out := &s3api.DeleteObjectsOutput{}
	var gone []string
	err := s.d.Store.Update(func(tx store.Tx) error {
		b, err := open(ctx, tx, in.Bucket, in.ExpectedBucketOwner)
		if err != nil {
			return err
		}
		for _, x := range in.Delete.Objects {
			r, err := s.erase(ctx, tx, b, str(x.Key), x.VersionId, "DeleteObjects")
			if err != nil {
				e := err.(*wire.Error)
				out.Errors = append(out.Errors, s3api.Error{Key: x.Key, VersionId: x.VersionId, Code: &e.Code, Message: &e.Message})
				continue
			}
			gone = append(gone, r.blobs...)
			if yes(in.Delete.Quiet) {
				continue
			}
			d := s3api.DeletedObject{Key: x.Key, VersionId: x.VersionId}
			if r.marker {
				d.DeleteMarker, d.DeleteMarkerVersionId = new(true), r.version
			}
			out.Deleted = append(out.Deleted, d)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.drop(gone)
	return out, nil
}
