package s3

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"grocery/localaws/store"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/s3api"
)

const defaultMinimum = "all_storage_classes_128K"

func (s *Service) getLifecycle(ctx context.Context, in *s3api.GetBucketLifecycleConfigurationInput) (*s3api.GetBucketLifecycleConfigurationOutput, error) {
	out := &s3api.GetBucketLifecycleConfigurationOutput{}
	err := s.view(ctx, in.Bucket, in.ExpectedBucketOwner, func(_ store.Tx, b *bucket) error {
		if len(b.Lifecycle) == 0 {
			return unset(b, "NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist")
		}
		out.Rules, out.TransitionDefaultMinimumObjectSize = b.Lifecycle, &b.LifecycleMinimum
		return nil
	})
	return out, err
}

func (s *Service) putLifecycle(ctx context.Context, in *s3api.PutBucketLifecycleConfigurationInput) (*s3api.PutBucketLifecycleConfigurationOutput, error) {
	if in.LifecycleConfiguration == nil || len(in.LifecycleConfiguration.Rules) == 0 {
		return nil, malformed()
	}
	rules := in.LifecycleConfiguration.Rules
	if len(rules) > 1000 {
		return nil, wire.Errorf(400, "InvalidRequest", "The number of lifecycle rules must not exceed the allowed limit of 1000 rules")
	}
	seen := map[string]bool{}
	for i := range rules {
		r := &rules[i]
		if r.ID == nil || *r.ID == "" {
			var raw [18]byte
			rand.Read(raw[:])
			r.ID = new(hex.EncodeToString(raw[:]))
		}
		if seen[*r.ID] {
			return nil, invalidArgument("Rule ID must be unique. Found same ID for more than one rule")
		}
		seen[*r.ID] = true
		if err := checkRule(r); err != nil {
			return nil, err
		}
	}
	minimum := str(in.TransitionDefaultMinimumObjectSize)
	if minimum == "" {
		minimum = defaultMinimum
	}
	if minimum != defaultMinimum && minimum != "varies_by_storage_class" {
		return nil, invalidArgument("Invalid value for x-amz-transition-default-minimum-object-size")
	}
	return nil, s.change(ctx, in.Bucket, in.ExpectedBucketOwner, func(b *bucket) error {
		b.Lifecycle, b.LifecycleMinimum = rules, minimum
		return nil
	})
}

func (s *Service) deleteLifecycle(ctx context.Context, in *s3api.DeleteBucketLifecycleInput) (*s3api.DeleteBucketLifecycleOutput, error) {
	return nil, s.change(ctx, in.Bucket, in.ExpectedBucketOwner, func(b *bucket) error { b.Lifecycle, b.LifecycleMinimum = nil, ""; return nil })
}

// checkRule refuses rules as S3 does.
func checkRule(r *s3api.LifecycleRule) error {
	positive := func(n *int64) bool { return n == nil || *n > 0 }
	switch {
	case str(r.Status) != "Enabled" && str(r.Status) != "Disabled":
		return malformed()
	case r.Filter != nil && r.Prefix != nil:
		return malformed()
	case r.Filter == nil && r.Prefix == nil:
		return malformed()
	case r.Expiration == nil && r.NoncurrentVersionExpiration == nil && r.AbortIncompleteMultipartUpload == nil && len(r.Transitions) == 0 && len(r.NoncurrentVersionTransitions) == 0:
		return wire.Errorf(400, "InvalidRequest", "At least one action needs to be specified in a rule")
	}
	if e := r.Expiration; e != nil {
		set := 0
		for _, is := range []bool{e.Days != nil, e.Date != nil, e.ExpiredObjectDeleteMarker != nil} {
			if is {
				set++
			}
		}
		if set != 1 {
			return malformed()
		}
		if !positive(e.Days) {
			return invalidArgument("'Days' for Expiration action must be a positive integer")
		}
	}
	if e := r.NoncurrentVersionExpiration; e != nil && !(e.NoncurrentDays != nil && *e.NoncurrentDays > 0) {
		return invalidArgument("'NoncurrentDays' for NoncurrentVersionExpiration action must be a positive integer")
	}
	if a := r.AbortIncompleteMultipartUpload; a != nil && !(a.DaysAfterInitiation != nil && *a.DaysAfterInitiation > 0) {
		return invalidArgument("'DaysAfterInitiation' for AbortIncompleteMultipartUpload action must be a positive integer")
	}
	for _, t := range r.Transitions {
		if !slices.Contains(storageClasses, str(t.StorageClass)) || str(t.StorageClass) == "STANDARD" {
			return malformed()
		}
		if t.Days != nil && *t.Days < 30 && strings.HasSuffix(*t.StorageClass, "_IA") {
			return invalidArgument("'Days' in Transition action must be greater than or equal to 30 for storageClass '%s'", *t.StorageClass)
		}
	}
	return nil
}

// selects says whether a rule's filter selects an object.
func selects(r *s3api.LifecycleRule, o *object) bool {
	prefix, tags, greater, less := str(r.Prefix), []s3api.Tag(nil), (*int64)(nil), (*int64)(nil)
	if f := r.Filter; f != nil {
		prefix, greater, less = str(f.Prefix), f.ObjectSizeGreaterThan, f.ObjectSizeLessThan
		if f.Tag != nil {
			tags = []s3api.Tag{*f.Tag}
		}
		if a := f.And; a != nil {
			prefix, tags, greater, less = str(a.Prefix), a.Tags, a.ObjectSizeGreaterThan, a.ObjectSizeLessThan
		}
	}
	if !strings.HasPrefix(o.Key, prefix) || greater != nil && o.Size <= *greater || less != nil && o.Size >= *less {
		return false
	}
	for _, t := range tags {
		if !slices.ContainsFunc(o.Tags, func(x s3api.Tag) bool { return str(x.Key) == str(t.Key) && str(x.Value) == str(t.Value) }) {
			return false
		}
	}
	return true
}

// due is when something that began at t and waits for days days is over: S3
// counts whole days and acts at the next midnight UTC.
func due(t time.Time, days int64) time.Time {
	t = t.UTC().AddDate(0, 0, int(days))
	if m := t.Truncate(24 * time.Hour); !m.Equal(t) {
		return m.AddDate(0, 0, 1)
	}
	return t
}

// applyLifecycle expires, moves and removes what the buckets' rules say.
// See https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html.
func (s *Service) applyLifecycle(ctx context.Context) error {
	var ruled []bucket
	err := s.d.Store.View(func(tx store.Tx) error {
		buckets.Each(tx, "", func(_ string, b bucket) bool {
			if len(b.Lifecycle) > 0 {
				ruled = append(ruled, b)
			}
			return true
		})
		return nil
	})
	for _, b := range ruled {
		var gone []string
		if err == nil && ctx.Err() == nil {
			err = s.d.Store.Update(func(tx store.Tx) (err error) {
				gone, err = s.applyTo(wire.AsService(ctx, "lifecycle.s3.amazonaws.com", b.Region), tx, &b)
				return err
			})
		}
		if err == nil {
			s.drop(gone)
		}
	}
	return err
}

// applyTo applies one bucket's rules.
func (s *Service) applyTo(ctx context.Context, tx store.Tx, b *bucket) (gone []string, err error) {
	now := s.d.Clock.Now()
	for _, u := range uploads.List(tx, keyPrefix(b.Name, "")) {
		for _, r := range b.Lifecycle {
			if a := r.AbortIncompleteMultipartUpload; a != nil && str(r.Status) == "Enabled" && selects(&r, &object{Key: u.Key}) && !now.Before(due(u.Initiated, *a.DaysAfterInitiation)) {
				gone = append(gone, removeUpload(tx, u)...)
				break
			}
		}
	}
	var versions []object // of one key, newest first
	flush := func() {
		if len(versions) > 0 && err == nil {
			var blobs []string
			blobs, err = s.applyToKey(ctx, tx, b, versions, now)
			gone = append(gone, blobs...)
		}
	}
	for _, o := range objects.List(tx, keyPrefix(b.Name, "")) {
		if len(versions) > 0 && versions[0].Key != o.Key {
			flush()
			versions = versions[:0]
		}
		versions = append(versions, o)
	}
	flush()
	return gone, err
}

func (s *Service) applyToKey(ctx context.Context, tx store.Tx, b *bucket, versions []object, now time.Time) (gone []string, err error) {
	for i := range versions {
		o := &versions[i]
		for _, r := range b.Lifecycle {
			if str(r.Status) != "Enabled" || !selects(&r, o) {
				continue
			}
			if i == 0 {
				blobs, acted, err := s.applyToCurrent(ctx, tx, b, &r, versions, now)
				if err != nil {
					return gone, err
				}
				gone = append(gone, blobs...)
				if acted {
					break
				}
				continue
			}
			since := versions[i-1].Modified // it became noncurrent when the next came
			if e := r.NoncurrentVersionExpiration; e != nil && !now.Before(due(since, *e.NoncurrentDays)) && int64(i) > num(e.NewerNoncurrentVersions, 0) {
				gone = append(gone, remove(tx, *o)...)
				s.emit(ctx, tx, b, kind{"Object Deleted", "Lifecycle Expiration", "Permanently Deleted"}, o)
				break
			}
			for _, t := range r.NoncurrentVersionTransitions {
				if !o.Marker && t.NoncurrentDays != nil && !now.Before(due(since, *t.NoncurrentDays)) && int64(i) > num(t.NewerNoncurrentVersions, 0) {
					b.move(tx, o, str(t.StorageClass))
				}
			}
		}
	}
	return gone, nil
}

// applyToCurrent applies a rule to the newest version of a key; acted says
// that this version is current no more.
func (s *Service) applyToCurrent(ctx context.Context, tx store.Tx, b *bucket, r *s3api.LifecycleRule, versions []object, now time.Time) (gone []string, acted bool, err error) {
	o := &versions[0]
	if e := r.Expiration; e != nil {
		switch {
		case o.Marker && len(versions) == 1 && (yes(e.ExpiredObjectDeleteMarker) || e.Days != nil && !now.Before(due(o.Modified, *e.Days))):
			return remove(tx, *o), true, nil
		case !o.Marker && (e.Days != nil && !now.Before(due(o.Modified, *e.Days)) || e.Date != nil && !now.Before(*e.Date)):
			x, err := s.erase(ctx, tx, b, o.Key, nil, "Lifecycle Expiration")
			return x.blobs, true, err
		}
	}
	for _, t := range r.Transitions {
		if !o.Marker && (t.Days != nil && !now.Before(due(o.Modified, *t.Days)) || t.Date != nil && !now.Before(*t.Date)) {
			b.move(tx, o, str(t.StorageClass))
		}
	}
	return nil, false, nil
}

// classDepth orders storage classes: objects only move downwards.
var classDepth = map[string]int{"STANDARD": 0, "REDUCED_REDUNDANCY": 0, "STANDARD_IA": 1, "INTELLIGENT_TIERING": 2, "ONEZONE_IA": 3, "GLACIER_IR": 4, "GLACIER": 5, "DEEP_ARCHIVE": 6}

func (b *bucket) move(tx store.Tx, o *object, class string) {
	small := o.Size < 128<<10 && (b.LifecycleMinimum != "varies_by_storage_class" || class != "GLACIER" && class != "DEEP_ARCHIVE")
	if !small && classDepth[class] > classDepth[o.StorageClass] {
		o.StorageClass = class
		objects.Put(tx, o.row(), *o)
	}
}
