package s3

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"grocery/localaws/store"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/s3api"
)

// find returns the version of an object that a read means.
func (b *bucket) find(tx store.Tx, key string, id *string) (*object, error) {
	if id == nil || *id == "" {
		o, ok := latest(tx, b.Name, key)
		switch {
		case !ok:
			return nil, noSuchKey(key)
		case o.Marker:
			return nil, deleted(b, &o, 404)
		}
		return &o, nil
	}
	if *id != "null" && len(*id) != len(randomID()) {
		return nil, invalidArgument("Invalid version id specified")
	}
	o, ok := version(tx, b.Name, key, *id)
	switch {
	case !ok:
		return nil, noSuchVersion(key, *id)
	case o.Marker:
		return nil, deleted(b, &o, 405)
	}
	return &o, nil
}

// reading is what GetObject and HeadObject have in common.
type reading struct {
	b            *bucket
	o            *object
	from, length int64
	contentRange *string
	partsCount   *int64
	sums         sums // those to show
	sumType      *string
}

func (s *Service) reading(ctx context.Context, in *s3api.GetObjectInput) (*reading, error) {
	if err := refuse(nil, in.SSECustomerAlgorithm); err != nil {
		return nil, err
	}
	r := &reading{}
	err := s.view(ctx, in.Bucket, in.ExpectedBucketOwner, func(tx store.Tx, b *bucket) error {
		o, err := b.find(tx, str(in.Key), in.VersionId)
		r.b, r.o = b, o
		return err
	})
	if err != nil {
		return nil, err
	}
	o := r.o
	if err := o.mayRead(in.IfMatch, in.IfNoneMatch, in.IfModifiedSince, in.IfUnmodifiedSince); err != nil {
		return nil, err
	}
	r.length = o.Size
	switch {
	case in.PartNumber != nil && in.Range != nil:
		return nil, wire.Errorf(400, "InvalidRequest", "Cannot specify both Range header and partNumber query parameter")
	case in.PartNumber != nil:
		if err := r.part(*in.PartNumber); err != nil {
			return nil, err
		}
	case in.Range != nil:
		from, length, some, err := parseRange(*in.Range, o.Size)
		if err != nil {
			return nil, err
		}
		if some {
			r.setRange(from, length)
		}
	}
	if strings.EqualFold(str(in.ChecksumMode), "ENABLED") && r.contentRange == nil {
		r.sums, r.sumType = o.Sums, opt(o.SumType)
	}
	return r, nil
}

func (r *reading) setRange(from, length int64) {
	r.from, r.length = from, length
	r.contentRange = new(fmt.Sprintf("bytes %d-%d/%d", from, from+length-1, r.o.Size))
}

// part narrows the reading to one part of a multipart object.
func (r *reading) part(n int64) error {
	if !r.o.Multipart {
		if n != 1 {
			return wire.Errorf(416, "InvalidPartNumber", "The requested partnumber is not satisfiable")
		}
		if r.o.Size > 0 {
			r.setRange(0, r.o.Size)
		}
		return nil
	}
	r.partsCount = new(int64(len(r.o.Segments)))
	var from int64
	for i, x := range r.o.Segments {
		if int64(i+1) == n {
			r.setRange(from, x.Size)
			return nil
		}
		from += x.Size
	}
	return wire.Errorf(416, "InvalidPartNumber", "The requested partnumber is not satisfiable")
}

// mayRead evaluates the conditions of a read, in HTTP's order (RFC 9110, 13.2.2).
func (o *object) mayRead(match, noneMatch *string, modified, unmodified *time.Time) error {
	switch {
	case match != nil && !sameTag(*match, o.ETag):
		return preconditionFailed("If-Match")
	case match == nil && unmodified != nil && o.Modified.After(*unmodified):
		return preconditionFailed("If-Unmodified-Since")
	case noneMatch != nil && sameTag(*noneMatch, o.ETag):
		return notModified(o)
	case noneMatch == nil && modified != nil && !o.Modified.After(*modified):
		return notModified(o)
	}
	return nil
}

// parseRange reads a Range header. some is false for one that S3 ignores:
// another unit, several ranges, or nonsense.
func parseRange(header string, size int64) (from, length int64, some bool, err error) {
	first, last, ok := strings.Cut(strings.TrimPrefix(header, "bytes="), "-")
	if !ok || !strings.HasPrefix(header, "bytes=") || strings.Contains(header, ",") {
		return 0, 0, false, nil
	}
	unsatisfiable := func() (int64, int64, bool, error) {
		e := wire.Errorf(416, "InvalidRange", "The requested range is not satisfiable")
		e.Fields = map[string]string{"RangeRequested": header, "ActualObjectSize": strconv.FormatInt(size, 10)}
		return 0, 0, false, e
	}
	if first == "" {
		n, err := strconv.ParseInt(last, 10, 64)
		if err != nil || n < 0 {
			return 0, 0, false, nil
		}
		if n == 0 || size == 0 {
			return unsatisfiable()
		}
		n = min(n, size)
		return size - n, n, true, nil
	}
	a, err := strconv.ParseInt(first, 10, 64)
	if err != nil {
		return 0, 0, false, nil
	}
	z := size - 1
	if last != "" {
		if z, err = strconv.ParseInt(last, 10, 64); err != nil || z < a {
			return 0, 0, false, nil
		}
		z = min(z, size-1)
	}
	if a >= size {
		return unsatisfiable()
	}
	return a, z - a + 1, true, nil
}

func (s *Service) getObject(ctx context.Context, in *s3api.GetObjectInput) (*s3api.GetObjectOutput, error) {
	r, err := s.reading(ctx, in)
	if err != nil {
		return nil, err
	}
	o := r.o
	if o.StorageClass == "GLACIER" || o.StorageClass == "DEEP_ARCHIVE" {
		e := wire.Errorf(403, "InvalidObjectState", "The operation is not valid for the object's storage class")
		e.Fields = map[string]string{"StorageClass": o.StorageClass}
		return nil, e
	}
	body, err := s.read(o, r.from, r.length)
	if err != nil {
		return nil, err
	}
	var tagCount *int64
	if len(o.Tags) > 0 {
		tagCount = new(int64(len(o.Tags)))
	}
	return &s3api.GetObjectOutput{
		Body: body, AcceptRanges: new("bytes"), ContentLength: &r.length, ContentRange: r.contentRange, PartsCount: r.partsCount,
		ETag: quote(o.ETag), LastModified: &o.Modified, VersionId: r.b.shownVersion(o.Version),
		ContentType: instead(in.ResponseContentType, o.ContentType), ContentEncoding: instead(in.ResponseContentEncoding, o.ContentEncoding),
		ContentDisposition: instead(in.ResponseContentDisposition, o.ContentDisposition), ContentLanguage: instead(in.ResponseContentLanguage, o.ContentLanguage),
		CacheControl: instead(in.ResponseCacheControl, o.CacheControl), Expires: insteadTime(in.ResponseExpires, o.Expires),
		WebsiteRedirectLocation: opt(o.Redirect), Metadata: o.Metadata, StorageClass: o.shownClass(), TagCount: tagCount,
		ServerSideEncryption: &o.Encryption, SSEKMSKeyId: opt(o.KMSKey),
		ChecksumCRC32: r.sums.get("CRC32"), ChecksumCRC32C: r.sums.get("CRC32C"), ChecksumCRC64NVME: r.sums.get("CRC64NVME"),
		ChecksumSHA1: r.sums.get("SHA1"), ChecksumSHA256: r.sums.get("SHA256"), ChecksumType: r.sumType,
	}, nil
}

func (s *Service) headObject(ctx context.Context, in *s3api.HeadObjectInput) (*s3api.HeadObjectOutput, error) {
	r, err := s.reading(ctx, &s3api.GetObjectInput{
		Bucket: in.Bucket, Key: in.Key, VersionId: in.VersionId, ExpectedBucketOwner: in.ExpectedBucketOwner, SSECustomerAlgorithm: in.SSECustomerAlgorithm,
		IfMatch: in.IfMatch, IfNoneMatch: in.IfNoneMatch, IfModifiedSince: in.IfModifiedSince, IfUnmodifiedSince: in.IfUnmodifiedSince,
		PartNumber: in.PartNumber, Range: in.Range, ChecksumMode: in.ChecksumMode,
	})
	if err != nil {
		return nil, err
	}
	o := r.o
	return &s3api.HeadObjectOutput{
		AcceptRanges: new("bytes"), ContentLength: &r.length, ContentRange: r.contentRange, PartsCount: r.partsCount,
		ETag: quote(o.ETag), LastModified: &o.Modified, VersionId: r.b.shownVersion(o.Version),
		ContentType: instead(in.ResponseContentType, o.ContentType), ContentEncoding: instead(in.ResponseContentEncoding, o.ContentEncoding),
		ContentDisposition: instead(in.ResponseContentDisposition, o.ContentDisposition), ContentLanguage: instead(in.ResponseContentLanguage, o.ContentLanguage),
		CacheControl: instead(in.ResponseCacheControl, o.CacheControl), Expires: insteadTime(in.ResponseExpires, o.Expires),
		WebsiteRedirectLocation: opt(o.Redirect), Metadata: o.Metadata, StorageClass: o.shownClass(),
		ServerSideEncryption: &o.Encryption, SSEKMSKeyId: opt(o.KMSKey),
		ChecksumCRC32: r.sums.get("CRC32"), ChecksumCRC32C: r.sums.get("CRC32C"), ChecksumCRC64NVME: r.sums.get("CRC64NVME"),
		ChecksumSHA1: r.sums.get("SHA1"), ChecksumSHA256: r.sums.get("SHA256"), ChecksumType: r.sumType,
	}, nil
}

// shownClass is the storage class header, which S3 leaves out for STANDARD.
func (o *object) shownClass() *string {
	if o.StorageClass == "STANDARD" {
		return nil
	}
	return &o.StorageClass
}

func instead(override *string, value string) *string {
	if override != nil {
		return override
	}
	return opt(value)
}

func insteadTime(override, value *time.Time) *time.Time {
	if override != nil {
		return override
	}
	return value
}

func (s *Service) getObjectAttributes(ctx context.Context, in *s3api.GetObjectAttributesInput) (*s3api.GetObjectAttributesOutput, error) {
	wanted := func(name string) bool {
		return slices.ContainsFunc(in.ObjectAttributes, func(l string) bool {
			return slices.Contains(strings.Split(strings.ReplaceAll(l, " ", ""), ","), name)
		})
	}
	out := &s3api.GetObjectAttributesOutput{}
	err := s.view(ctx, in.Bucket, in.ExpectedBucketOwner, func(tx store.Tx, b *bucket) error {
		o, err := b.find(tx, str(in.Key), in.VersionId)
		if err != nil {
			return err
		}
		out.LastModified, out.VersionId = &o.Modified, b.shownVersion(o.Version)
		if wanted("ETag") {
			out.ETag = &o.ETag
		}
		if wanted("ObjectSize") {
			out.ObjectSize = &o.Size
		}
		if wanted("StorageClass") {
			out.StorageClass = &o.StorageClass
		}
		if wanted("Checksum") && len(o.Sums) > 0 {
			out.Checksum = &s3api.Checksum{ChecksumType: &o.SumType, ChecksumCRC32: o.Sums.get("CRC32"), ChecksumCRC32C: o.Sums.get("CRC32C"),
				ChecksumCRC64NVME: o.Sums.get("CRC64NVME"), ChecksumSHA1: o.Sums.get("SHA1"), ChecksumSHA256: o.Sums.get("SHA256")}
		}
		if wanted("ObjectParts") && o.Multipart {
			out.ObjectParts = o.attributeParts(num(in.PartNumberMarker, 0), num(in.MaxParts, 1000))
		}
		return nil
	})
	return out, err
}

func (o *object) attributeParts(after, most int64) *s3api.GetObjectAttributesParts {
	p := &s3api.GetObjectAttributesParts{TotalPartsCount: new(int64(len(o.Segments))), MaxParts: &most, PartNumberMarker: &after, IsTruncated: new(false)}
	for _, x := range o.Segments {
		if x.Part <= after {
			continue
		}
		if int64(len(p.Parts)) == most {
			p.IsTruncated = new(true)
			break
		}
		p.NextPartNumberMarker = &x.Part
		p.Parts = append(p.Parts, s3api.ObjectPart{PartNumber: &x.Part, Size: &x.Size, ChecksumCRC32: x.Sums.get("CRC32"), ChecksumCRC32C: x.Sums.get("CRC32C"),
			ChecksumCRC64NVME: x.Sums.get("CRC64NVME"), ChecksumSHA1: x.Sums.get("SHA1"), ChecksumSHA256: x.Sums.get("SHA256")})
	}
	return p
}

func (s *Service) getObjectACL(ctx context.Context, in *s3api.GetObjectAclInput) (*s3api.GetObjectAclOutput, error) {
	err := s.view(ctx, in.Bucket, in.ExpectedBucketOwner, func(tx store.Tx, b *bucket) error {
		_, err := b.find(tx, str(in.Key), in.VersionId)
		return err
	})
	return &s3api.GetObjectAclOutput{Owner: owner(), Grants: fullControl()}, err
}

func (s *Service) getObjectRetention(ctx context.Context, in *s3api.GetObjectRetentionInput) (*s3api.GetObjectRetentionOutput, error) {
	return nil, s.view(ctx, in.Bucket, in.ExpectedBucketOwner, func(store.Tx, *bucket) error {
		return wire.Errorf(400, "InvalidRequest", "Bucket is missing Object Lock Configuration")
	})
}

func (s *Service) getObjectLegalHold(ctx context.Context, in *s3api.GetObjectLegalHoldInput) (*s3api.GetObjectLegalHoldOutput, error) {
	return nil, s.view(ctx, in.Bucket, in.ExpectedBucketOwner, func(store.Tx, *bucket) error {
		return wire.Errorf(400, "InvalidRequest", "Bucket is missing Object Lock Configuration")
	})
}
