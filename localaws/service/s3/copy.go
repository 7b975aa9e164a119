package s3

import (
	"context"
	"net/url"
	"strings"
	"time"

	"grocery/localaws/store"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/s3api"
)

// source finds the object that an x-amz-copy-source header names:
// [/]bucket/key[?versionId=id], URL-encoded.
func (s *Service) source(header *string, owner *string, match, noneMatch *string, modified, unmodified *time.Time) (b *bucket, o *object, err error) {
	path, query, _ := strings.Cut(str(header), "?")
	var id *string
	if query != "" {
		q, err := url.ParseQuery(query)
		if err != nil || q.Get("versionId") == "" {
			return nil, nil, invalidArgument("Invalid copy source object key")
		}
		id = new(q.Get("versionId"))
	}
	path, err = url.PathUnescape(path)
	name, key, ok := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	if err != nil || !ok || key == "" {
		return nil, nil, invalidArgument("Copy Source must mention the source bucket and key: sourcebucket/sourcekey")
	}
	err = s.d.Store.View(func(tx store.Tx) error {
		row, ok := buckets.Get(tx, name)
		if !ok {
			return noSuchBucket(name)
		}
		if owner != nil && *owner != wire.Account {
			return wire.Errorf(403, "AccessDenied", "Access Denied")
		}
		b = &row
		o, err = b.find(tx, key, id)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	if err := o.mayRead(match, noneMatch, modified, unmodified); err != nil {
		return nil, nil, preconditionFailed("x-amz-copy-source condition")
	}
	return b, o, nil
}

func (s *Service) copyObject(ctx context.Context, in *s3api.CopyObjectInput) (*s3api.CopyObjectOutput, error) {
	if err := refuse(firstSet(in.ObjectLockMode, in.ObjectLockLegalHoldStatus), firstSet(in.SSECustomerAlgorithm, in.CopySourceSSECustomerAlgorithm)); err != nil {
		return nil, err
	}
	if err := checkKey(str(in.Key)); err != nil {
		return nil, err
	}
	from, src, err := s.source(in.CopySource, in.ExpectedSourceBucketOwner, in.CopySourceIfMatch, in.CopySourceIfNoneMatch, in.CopySourceIfModifiedSince, in.CopySourceIfUnmodifiedSince)
	if err != nil {
		return nil, err
	}
	if src.Size > 5<<30 {
		return nil, wire.Errorf(400, "InvalidRequest", "The specified copy source is larger than the maximum allowable size for a copy source: 5368709120")
	}
	replace := str(in.MetadataDirective) == "REPLACE"
	if src.Bucket == str(in.Bucket) && src.Key == str(in.Key) && !replace && in.StorageClass == nil && in.ServerSideEncryption == nil && in.WebsiteRedirectLocation == nil {
		if latestVersion := !strings.Contains(str(in.CopySource), "?versionId="); latestVersion {
			return nil, wire.Errorf(400, "InvalidRequest", "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.")
		}
	}
	o := &object{Bucket: str(in.Bucket), Key: str(in.Key), SumType: "FULL_OBJECT", Tags: src.Tags, headers: src.headers}
	if replace {
		o.headers = headers{ContentType: str(in.ContentType), ContentEncoding: contentEncoding(in.ContentEncoding), ContentDisposition: str(in.ContentDisposition),
			ContentLanguage: str(in.ContentLanguage), CacheControl: str(in.CacheControl), Expires: in.Expires, Metadata: in.Metadata}
	}
	if str(in.TaggingDirective) == "REPLACE" {
		if o.Tags, err = parseTags(in.Tagging); err != nil {
			return nil, err
		}
	}
	// These never come from the source.
	o.StorageClass, o.Encryption, o.KMSKey, o.Redirect = str(in.StorageClass), str(in.ServerSideEncryption), str(in.SSEKMSKeyId), str(in.WebsiteRedirectLocation)
	err = s.view(ctx, in.Bucket, in.ExpectedBucketOwner, func(_ store.Tx, b *bucket) error {
		if err := checkACL(in.ACL, b.ownership()); err != nil {
			return err
		}
		return o.headers.check(b)
	})
	if err != nil {
		return nil, err
	}
	algorithm := in.ChecksumAlgorithm
	if algorithm == nil {
		for a := range src.Sums {
			algorithm = &a
		}
	}
	body, err := s.copyBytes(src, 0, src.Size, algorithm)
	if err != nil {
		return nil, err
	}
	o.Size, o.ETag, o.Sums = body.size, body.etag, body.sums
	o.Segments = []segment{{Blob: body.blob, Size: body.size}}
	b, err := s.commit(ctx, in.ExpectedBucketOwner, condition{}, o, "CopyObject")
	if err != nil {
		s.drop([]string{body.blob})
		return nil, err
	}
	return &s3api.CopyObjectOutput{
		CopyObjectResult: &s3api.CopyObjectResult{ETag: quote(o.ETag), LastModified: &o.Modified, ChecksumType: &o.SumType,
			ChecksumCRC32: o.Sums.get("CRC32"), ChecksumCRC32C: o.Sums.get("CRC32C"), ChecksumCRC64NVME: o.Sums.get("CRC64NVME"), ChecksumSHA1: o.Sums.get("SHA1"), ChecksumSHA256: o.Sums.get("SHA256")},
		CopySourceVersionId: from.shownVersion(src.Version), VersionId: b.shownVersion(o.Version),
		ServerSideEncryption: &o.Encryption, SSEKMSKeyId: opt(o.KMSKey),
	}, nil
}

// copyBytes stores a stretch of an object as a content of its own.
func (s *Service) copyBytes(src *object, from, length int64, algorithm *string) (*stored, error) {
	body, err := s.read(src, from, length)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	return s.keep(body, claim{algorithm: algorithm})
}
