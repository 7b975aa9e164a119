package s3

import (
	"context"
	"maps"
	"net/url"
	"slices"
	"strings"

	"grocery/localaws/store"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/s3api"
	"grocery/localaws/wire/api/s3controlapi"
)

// How many tags a thing can have.
const (
	maxBucketTags = 50
	maxObjectTags = 10
)

// checkTags holds https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html.
func checkTags(tags []s3api.Tag, most int) error {
	if len(tags) > most {
		return wire.Errorf(400, "BadRequest", "Object tags cannot be greater than %d", most)
	}
	seen := map[string]bool{}
	for _, t := range tags {
		k, v := str(t.Key), str(t.Value)
		switch {
		case k == "" || len([]rune(k)) > 128:
			return wire.Errorf(400, "InvalidTag", "The TagKey you have provided is invalid")
		case len([]rune(v)) > 256:
			return wire.Errorf(400, "InvalidTag", "The TagValue you have provided is invalid")
		case strings.HasPrefix(strings.ToLower(k), "aws:"):
			return wire.Errorf(400, "InvalidTag", "System tags cannot be added/updated by requester")
		case seen[k]:
			return wire.Errorf(400, "InvalidTag", "Cannot provide multiple Tags with the same key")
		}
		seen[k] = true
	}
	return nil
}

// parseTags reads the x-amz-tagging header, which is written like a query.
func parseTags(header *string) ([]s3api.Tag, error) {
	if str(header) == "" {
		return nil, nil
	}
	q, err := url.ParseQuery(*header)
	if err != nil {
		return nil, invalidArgument("The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name duplicates.")
	}
	var tags []s3api.Tag
	for _, k := range slices.Sorted(maps.Keys(q)) {
		v := q[k]
		if len(v) != 1 {
			return nil, invalidArgument("The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name duplicates.")
		}
		tags = append(tags, s3api.Tag{Key: new(k), Value: new(v[0])})
	}
	return tags, checkTags(tags, maxObjectTags)
}

func (s *Service) getTagging(ctx context.Context, in *s3api.GetBucketTaggingInput) (*s3api.GetBucketTaggingOutput, error) {
	out := &s3api.GetBucketTaggingOutput{}
	err := s.view(ctx, in.Bucket, in.ExpectedBucketOwner, func(_ store.Tx, b *bucket) error {
		if len(b.Tags) == 0 {
			return unset(b, "NoSuchTagSet", "The TagSet does not exist")
		}
		out.TagSet = b.Tags
		return nil
	})
	return out, err
}

func (s *Service) putTagging(ctx context.Context, in *s3api.PutBucketTaggingInput) (*s3api.PutBucketTaggingOutput, error) {
	if err := checkTags(in.Tagging.TagSet, maxBucketTags); err != nil {
		return nil, err
	}
	return nil, s.change(ctx, in.Bucket, in.ExpectedBucketOwner, func(b *bucket) error { b.Tags = in.Tagging.TagSet; return nil })
}

func (s *Service) deleteTagging(ctx context.Context, in *s3api.DeleteBucketTaggingInput) (*s3api.DeleteBucketTaggingOutput, error) {
	return nil, s.change(ctx, in.Bucket, in.ExpectedBucketOwner, func(b *bucket) error { b.Tags = nil; return nil })
}

func (s *Service) getObjectTagging(ctx context.Context, in *s3api.GetObjectTaggingInput) (*s3api.GetObjectTaggingOutput, error) {
	out := &s3api.GetObjectTaggingOutput{}
	err := s.view(ctx, in.Bucket, in.ExpectedBucketOwner, func(tx store.Tx, b *bucket) error {
		o, err := b.find(tx, str(in.Key), in.VersionId)
		if err != nil {
			return err
		}
		out.TagSet, out.VersionId = o.Tags, b.shownVersion(o.Version)
		return nil
	})
	return out, err
}

// retag changes the tags of an object version in place; S3 makes no new version.
func (s *Service) retag(ctx context.Context, bucketName, owner, key, version *string, tags []s3api.Tag) (shown *string, err error) {
	err = s.d.Store.Update(func(tx store.Tx) error {
		b, err := open(ctx, tx, bucketName, owner)
		if err != nil {
			return err
		}
		o, err := b.find(tx, str(key), version)
		if err != nil {
			return err
		}
		o.Tags, shown = tags, b.shownVersion(o.Version)
		objects.Put(tx, o.row(), *o)
		return nil
	})
	return shown, err
}

func (s *Service) putObjectTagging(ctx context.Context, in *s3api.PutObjectTaggingInput) (*s3api.PutObjectTaggingOutput, error) {
	if err := checkTags(in.Tagging.TagSet, maxObjectTags); err != nil {
		return nil, err
	}
	v, err := s.retag(ctx, in.Bucket, in.ExpectedBucketOwner, in.Key, in.VersionId, in.Tagging.TagSet)
	return &s3api.PutObjectTaggingOutput{VersionId: v}, err
}

func (s *Service) deleteObjectTagging(ctx context.Context, in *s3api.DeleteObjectTaggingInput) (*s3api.DeleteObjectTaggingOutput, error) {
	v, err := s.retag(ctx, in.Bucket, in.ExpectedBucketOwner, in.Key, in.VersionId, nil)
	return &s3api.DeleteObjectTaggingOutput{VersionId: v}, err
}

// controlBucket finds the bucket that an S3 Control call names by ARN.
func controlBucket(arn, account *string) (*string, error) {
	if str(account) != wire.Account {
		return nil, wire.Errorf(403, "AccessDenied", "Access Denied")
	}
	name, ok := strings.CutPrefix(str(arn), "arn:"+wire.Partition+":s3:::")
	if !ok || name == "" || strings.Contains(name, "/") {
		return nil, wire.Errorf(400, "InvalidRequest", "The resource %s is no bucket: local S3 Control tags buckets only.", str(arn))
	}
	return &name, nil
}

func (s *Service) controlListTags(ctx context.Context, in *s3controlapi.ListTagsForResourceInput) (*s3controlapi.ListTagsForResourceOutput, error) {
	name, err := controlBucket(in.ResourceArn, in.AccountId)
	if err != nil {
		return nil, err
	}
	out := &s3controlapi.ListTagsForResourceOutput{Tags: []s3controlapi.Tag{}}
	err = s.view(ctx, name, nil, func(_ store.Tx, b *bucket) error {
		for _, t := range b.Tags {
			out.Tags = append(out.Tags, s3controlapi.Tag{Key: t.Key, Value: t.Value})
		}
		return nil
	})
	return out, err
}

func (s *Service) controlTag(ctx context.Context, in *s3controlapi.TagResourceInput) (*s3controlapi.TagResourceOutput, error) {
	name, err := controlBucket(in.ResourceArn, in.AccountId)
	if err != nil {
		return nil, err
	}
	return nil, s.change(ctx, name, nil, func(b *bucket) error {
		for _, t := range in.Tags {
			b.Tags = append(without(b.Tags, str(t.Key)), s3api.Tag{Key: t.Key, Value: t.Value})
		}
		return checkTags(b.Tags, maxBucketTags)
	})
}

func (s *Service) controlUntag(ctx context.Context, in *s3controlapi.UntagResourceInput) (*s3controlapi.UntagResourceOutput, error) {
	name, err := controlBucket(in.ResourceArn, in.AccountId)
	if err != nil {
		return nil, err
	}
	return nil, s.change(ctx, name, nil, func(b *bucket) error {
		for _, k := range in.TagKeys {
			b.Tags = without(b.Tags, k)
		}
		return nil
	})
}

func without(tags []s3api.Tag, key string) []s3api.Tag {
	var rest []s3api.Tag
	for _, t := range tags {
		if str(t.Key) != key {
			rest = append(rest, t)
		}
	}
	return rest
}

// controlGetPublicAccessBlock answers for the account, which has no such setting.
func (s *Service) controlGetPublicAccessBlock(context.Context, *s3controlapi.GetPublicAccessBlockInput) (*s3controlapi.GetPublicAccessBlockOutput, error) {
	return nil, wire.Errorf(404, "NoSuchPublicAccessBlockConfiguration", "The public access block configuration was not found")
}
