package s3

import (
	"context"
	"slices"
	"strings"
	"time"

	"grocery/localaws/store"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/s3api"
)

// storageClasses are the classes an object can be put into.
var storageClasses = []string{"STANDARD", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE", "REDUCED_REDUNDANCY"}

// checkKey refuses keys that S3 refuses: it takes any other as it is.
func checkKey(key string) error {
	if len(key) > 1024 {
		e := wire.Errorf(400, "KeyTooLongError", "Your key is too long")
		e.Fields = map[string]string{"MaxSizeAllowed": "1024"}
		return e
	}
	return nil
}

// check validates the headers and fills in S3's defaults.
func (h *headers) check(b *bucket) error {
	if h.StorageClass == "" {
		h.StorageClass = "STANDARD"
	}
	if h.ContentType == "" {
		h.ContentType = "binary/octet-stream"
	}
	if !slices.Contains(storageClasses, h.StorageClass) {
		return wire.Errorf(400, "InvalidStorageClass", "The storage class you specified is not valid")
	}
	size := 0
	for k, v := range h.Metadata {
		size += len(k) + len(v)
	}
	if size > 2048 {
		return wire.Errorf(400, "MetadataTooLarge", "Your metadata headers exceed the maximum allowed metadata size")
	}
	if h.Encryption == "" {
		h.Encryption = "AES256"
		if b.Encryption != nil {
			d := b.Encryption.Rules[0].ApplyServerSideEncryptionByDefault
			h.Encryption, h.KMSKey = str(d.SSEAlgorithm), str(d.KMSMasterKeyID)
		}
	}
	if !slices.Contains([]string{"AES256", "aws:kms", "aws:kms:dsse"}, h.Encryption) {
		return wire.Errorf(400, "InvalidEncryptionAlgorithmError", "The encryption request you specified is not valid. The valid value is AES256.")
	}
	if h.Encryption != "AES256" && h.KMSKey == "" {
		h.KMSKey = "arn:" + wire.Partition + ":kms:" + b.Region + ":" + wire.Account + ":alias/aws/s3"
	}
	return nil
}

// refuse names the first of the given inputs that is set and not offered here.
func refuse(lock, customerKey *string) error {
	switch {
	case lock != nil:
		return wire.Errorf(400, "InvalidRequest", "Bucket is missing Object Lock Configuration")
	case customerKey != nil:
		return unsupported("encryption with keys that customers provide")
	}
	return nil
}

func firstSet(p ...*string) *string {
	for _, x := range p {
		if x != nil {
			return x
		}
	}
	return nil
}

func (s *Service) putObject(ctx context.Context, in *s3api.PutObjectInput) (*s3api.PutObjectOutput, error) {
	if err := refuse(firstSet(in.ObjectLockMode, in.ObjectLockLegalHoldStatus), in.SSECustomerAlgorithm); err != nil {
		return nil, err
	}
	tags, err := parseTags(in.Tagging)
	if err != nil {
		return nil, err
	}
	o := &object{Bucket: str(in.Bucket), Key: str(in.Key), Tags: tags, SumType: "FULL_OBJECT", headers: headers{
		ContentType: str(in.ContentType), ContentEncoding: contentEncoding(in.ContentEncoding), ContentDisposition: str(in.ContentDisposition),
		ContentLanguage: str(in.ContentLanguage), CacheControl: str(in.CacheControl), Expires: in.Expires, Redirect: str(in.WebsiteRedirectLocation),
		StorageClass: str(in.StorageClass), Encryption: str(in.ServerSideEncryption), KMSKey: str(in.SSEKMSKeyId), Metadata: in.Metadata,
	}}
	if err := checkKey(o.Key); err != nil {
		return nil, err
	}
	ok := condition{match: in.IfMatch, noneMatch: in.IfNoneMatch}
	var b *bucket
	// Refuse before the body is read what can be refused then.
	err = s.view(ctx, in.Bucket, in.ExpectedBucketOwner, func(tx store.Tx, found *bucket) error {
		b = found
		if err := checkACL(in.ACL, b.ownership()); err != nil {
			return err
		}
		if err := o.headers.check(b); err != nil {
			return err
		}
		return ok.write(tx, o)
	})
	if err != nil {
		return nil, err
	}
	body, err := s.keep(in.Body, claim{md5: in.ContentMD5, algorithm: in.ChecksumAlgorithm, sums: map[string]*string{
		"CRC32": in.ChecksumCRC32, "CRC32C": in.ChecksumCRC32C, "CRC64NVME": in.ChecksumCRC64NVME, "SHA1": in.ChecksumSHA1, "SHA256": in.ChecksumSHA256}})
	if err != nil {
		return nil, err
	}
	o.Size, o.ETag, o.Sums = body.size, body.etag, body.sums
	o.Segments = []segment{{Blob: body.blob, Size: body.size}}
	if b, err = s.commit(ctx, in.ExpectedBucketOwner, ok, o, "PutObject"); err != nil {
		s.drop([]string{body.blob})
		return nil, err
	}
	return &s3api.PutObjectOutput{
		ETag: quote(o.ETag), VersionId: b.shownVersion(o.Version), ServerSideEncryption: &o.Encryption, SSEKMSKeyId: opt(o.KMSKey),
		ChecksumCRC32: o.Sums.get("CRC32"), ChecksumCRC32C: o.Sums.get("CRC32C"), ChecksumCRC64NVME: o.Sums.get("CRC64NVME"),
		ChecksumSHA1: o.Sums.get("SHA1"), ChecksumSHA256: o.Sums.get("SHA256"), ChecksumType: &o.SumType,
	}, nil
}

// contentEncoding drops what belongs to the transfer, not to the object.
func contentEncoding(p *string) string {
	var rest []string
	for e := range strings.SplitSeq(str(p), ",") {
		if e = strings.TrimSpace(e); e != "" && e != "aws-chunked" {
			rest = append(rest, e)
		}
	}
	return strings.Join(rest, ",")
}

// commit makes o the newest version of its key if the condition holds, and
// tells EventBridge. cleanup functions run in the same transaction.
func (s *Service) commit(ctx context.Context, expectedOwner *string, ok condition, o *object, reason string, cleanup ...func(store.Tx) error) (b *bucket, err error) {
	var gone []string
	err = s.d.Store.Update(func(tx store.Tx) error {
		if b, err = open(ctx, tx, &o.Bucket, expectedOwner); err != nil {
			return err
		}
		if err := ok.write(tx, o); err != nil {
			return err
		}
		gone = b.insert(tx, s.d.Clock.Now(), o)
		s.emit(ctx, tx, b, created(reason), o)
		for _, f := range cleanup {
			if err := f(tx); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.drop(gone)
	return b, nil
}

// condition is the If-Match and If-None-Match of a write.
// See https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html.
type condition struct{ match, noneMatch *string }

func (c condition) write(tx store.Tx, o *object) error {
	if c.match == nil && c.noneMatch == nil {
		return nil
	}
	old, there := latest(tx, o.Bucket, o.Key)
	there = there && !old.Marker
	if c.noneMatch != nil {
		if *c.noneMatch != "*" {
			return unsupported("If-None-Match with anything but * on writes")
		}
		if there {
			return preconditionFailed("If-None-Match")
		}
	}
	if c.match != nil {
		if !there {
			return noSuchKey(o.Key)
		}
		if !sameTag(*c.match, old.ETag) {
			return preconditionFailed("If-Match")
		}
	}
	return nil
}

// sameTag compares an entity tag from a header, one of a list or *, with an ETag.
func sameTag(header, etag string) bool {
	for t := range strings.SplitSeq(header, ",") {
		if t = strings.TrimSpace(t); t == "*" || strings.Trim(strings.TrimPrefix(t, "W/"), `"`) == etag {
			return true
		}
	}
	return false
}

// seconds cuts a time as HTTP dates show it.
func seconds(t time.Time) time.Time { return t.Truncate(time.Second) }
