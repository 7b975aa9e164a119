package s3

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"grocery/localaws/store"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/s3api"
)

// The limits of https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html.
const (
	minPart  = 5 << 20
	maxParts = 10000
)

func (s *Service) createUpload(ctx context.Context, in *s3api.CreateMultipartUploadInput) (*s3api.CreateMultipartUploadOutput, error) {
	if err := refuse(firstSet(in.ObjectLockMode, in.ObjectLockLegalHoldStatus), in.SSECustomerAlgorithm); err != nil {
		return nil, err
	}
	if err := checkKey(str(in.Key)); err != nil {
		return nil, err
	}
	tags, err := parseTags(in.Tagging)
	if err != nil {
		return nil, err
	}
	algorithm, sumType := str(in.ChecksumAlgorithm), str(in.ChecksumType)
	switch {
	case algorithm == "" && sumType != "":
		return nil, wire.Errorf(400, "InvalidRequest", "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.")
	case algorithm == "" || algorithm == "CRC64NVME" && sumType == "":
		sumType = "FULL_OBJECT"
	case sumType == "":
		sumType = "COMPOSITE"
	}
	if algorithm == "" {
		algorithm = "CRC64NVME"
	}
	if algorithms[algorithm] == nil || algorithm == "CRC64NVME" && sumType != "FULL_OBJECT" || strings.HasPrefix(algorithm, "SHA") && sumType != "COMPOSITE" {
		return nil, wire.Errorf(400, "InvalidRequest", "The %s checksum type cannot be used with the %s checksum algorithm.", sumType, algorithm)
	}
	u := upload{Bucket: str(in.Bucket), Key: str(in.Key), ID: randomID(), Initiated: s.d.Clock.Now(), Algorithm: algorithm, SumType: sumType, Tags: tags, headers: headers{
		ContentType: str(in.ContentType), ContentEncoding: contentEncoding(in.ContentEncoding), ContentDisposition: str(in.ContentDisposition),
		ContentLanguage: str(in.ContentLanguage), CacheControl: str(in.CacheControl), Expires: in.Expires, Redirect: str(in.WebsiteRedirectLocation),
		StorageClass: str(in.StorageClass), Encryption: str(in.ServerSideEncryption), KMSKey: str(in.SSEKMSKeyId), Metadata: in.Metadata,
	}}
	err = s.d.Store.Update(func(tx store.Tx) error {
		b, err := open(ctx, tx, in.Bucket, in.ExpectedBucketOwner)
		if err != nil {
			return err
		}
		if err := checkACL(in.ACL, b.ownership()); err != nil {
			return err
		}
		if err := u.headers.check(b); err != nil {
			return err
		}
		uploads.Put(tx, uploadRow(u.Bucket, u.Key, u.ID), u)
		return nil
	})
	return &s3api.CreateMultipartUploadOutput{Bucket: in.Bucket, Key: in.Key, UploadId: &u.ID, ServerSideEncryption: &u.Encryption, SSEKMSKeyId: opt(u.KMSKey),
		ChecksumAlgorithm: in.ChecksumAlgorithm, ChecksumType: in.ChecksumType}, err
}

// upload finds an upload in progress.
func findUpload(ctx context.Context, tx store.Tx, bucketName, owner, key, id *string) (*bucket, *upload, error) {
	b, err := open(ctx, tx, bucketName, owner)
	if err != nil {
		return nil, nil, err
	}
	u, ok := uploads.Get(tx, uploadRow(b.Name, str(key), str(id)))
	if !ok {
		return nil, nil, noSuchUpload(str(id))
	}
	return b, &u, nil
}

// removeUpload forgets an upload with its parts and returns their contents.
func removeUpload(tx store.Tx, u upload) (blobs []string) {
	uploads.Delete(tx, uploadRow(u.Bucket, u.Key, u.ID))
	for _, p := range parts.List(tx, u.ID+"/") {
		parts.Delete(tx, partRow(u.ID, p.Number))
		blobs = append(blobs, p.Blob)
	}
	return blobs
}

// addPart stores the body of a part under its number.
func (s *Service) addPart(ctx context.Context, u *upload, owner *string, number int64, store1 func() (*stored, error)) (*part, error) {
	if number < 1 || number > maxParts {
		return nil, invalidArgument("Part number must be an integer between 1 and 10000, inclusive")
	}
	body, err := store1()
	if err != nil {
		return nil, err
	}
	p := part{Number: number, Blob: body.blob, Size: body.size, ETag: body.etag, Sums: body.sums, Modified: seconds(s.d.Clock.Now())}
	var gone []string
	err = s.d.Store.Update(func(tx store.Tx) error {
		if _, _, err := findUpload(ctx, tx, &u.Bucket, owner, &u.Key, &u.ID); err != nil {
			return err
		}
		if old, ok := parts.Get(tx, partRow(u.ID, number)); ok {
			gone = []string{old.Blob}
		}
		parts.Put(tx, partRow(u.ID, number), p)
		return nil
	})
	if err != nil {
		gone = []string{body.blob}
	}
	s.drop(gone)
	return &p, err
}

func (s *Service) uploadPart(ctx context.Context, in *s3api.UploadPartInput) (*s3api.UploadPartOutput, error) {
	var u *upload
	err := s.d.Store.View(func(tx store.Tx) (err error) {
		_, u, err = findUpload(ctx, tx, in.Bucket, in.ExpectedBucketOwner, in.Key, in.UploadId)
		return err
	})
	if err != nil {
		return nil, err
	}
	c := claim{md5: in.ContentMD5, algorithm: &u.Algorithm, sums: map[string]*string{
		"CRC32": in.ChecksumCRC32, "CRC32C": in.ChecksumCRC32C, "CRC64NVME": in.ChecksumCRC64NVME, "SHA1": in.ChecksumSHA1, "SHA256": in.ChecksumSHA256}}
	for a, v := range c.sums {
		// A client that did not choose an algorithm for the upload may still
		// protect each part with its own.
		if v != nil && a != u.Algorithm && u.Algorithm != "CRC64NVME" {
			return nil, wire.Errorf(400, "InvalidRequest", "Checksum Type mismatch occurred, expected checksum Type: %s, actual checksum Type: %s", strings.ToLower(u.Algorithm), strings.ToLower(a))
		}
	}
	p, err := s.addPart(ctx, u, in.ExpectedBucketOwner, *in.PartNumber, func() (*stored, error) { return s.keepPart(in, u, c) })
	if err != nil {
		return nil, err
	}
	return &s3api.UploadPartOutput{ETag: quote(p.ETag), ServerSideEncryption: &u.Encryption, SSEKMSKeyId: opt(u.KMSKey),
		ChecksumCRC32: p.Sums.get("CRC32"), ChecksumCRC32C: p.Sums.get("CRC32C"), ChecksumCRC64NVME: p.Sums.get("CRC64NVME"), ChecksumSHA1: p.Sums.get("SHA1"), ChecksumSHA256: p.Sums.get("SHA256")}, nil
}

// keepPart stores a part's body with the checksum its client sent and, when
// that is another, the one the whole object will need.
func (s *Service) keepPart(in *s3api.UploadPartInput, u *upload, c claim) (*stored, error) {
	extra := algorithms[u.Algorithm]()
	kept, err := s.keep(teeReader(in.Body, extra), c)
	if err == nil && kept.sums[u.Algorithm] == "" {
		kept.sums[u.Algorithm] = base64Of(extra)
	}
	return kept, err
}

func (s *Service) uploadPartCopy(ctx context.Context, in *s3api.UploadPartCopyInput) (*s3api.UploadPartCopyOutput, error) {
	if err := refuse(nil, firstSet(in.SSECustomerAlgorithm, in.CopySourceSSECustomerAlgorithm)); err != nil {
		return nil, err
	}
	var u *upload
	err := s.d.Store.View(func(tx store.Tx) (err error) {
		_, u, err = findUpload(ctx, tx, in.Bucket, in.ExpectedBucketOwner, in.Key, in.UploadId)
		return err
	})
	if err != nil {
		return nil, err
	}
	from, src, err := s.source(in.CopySource, in.ExpectedSourceBucketOwner, in.CopySourceIfMatch, in.CopySourceIfNoneMatch, in.CopySourceIfModifiedSince, in.CopySourceIfUnmodifiedSince)
	if err != nil {
		return nil, err
	}
	first, length := int64(0), src.Size
	if in.CopySourceRange != nil {
		var some bool
		if first, length, some, err = parseRange(*in.CopySourceRange, src.Size); err != nil || !some {
			return nil, invalidArgument("The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy")
		}
	}
	p, err := s.addPart(ctx, u, in.ExpectedBucketOwner, *in.PartNumber, func() (*stored, error) { return s.copyBytes(src, first, length, &u.Algorithm) })
	if err != nil {
		return nil, err
	}
	return &s3api.UploadPartCopyOutput{CopySourceVersionId: from.shownVersion(src.Version), ServerSideEncryption: &u.Encryption, SSEKMSKeyId: opt(u.KMSKey),
		CopyPartResult: &s3api.CopyPartResult{ETag: quote(p.ETag), LastModified: &p.Modified, ChecksumCRC32: p.Sums.get("CRC32"), ChecksumCRC32C: p.Sums.get("CRC32C"),
			ChecksumCRC64NVME: p.Sums.get("CRC64NVME"), ChecksumSHA1: p.Sums.get("SHA1"), ChecksumSHA256: p.Sums.get("SHA256")}}, nil
}

func (s *Service) completeUpload(ctx context.Context, in *s3api.CompleteMultipartUploadInput) (*s3api.CompleteMultipartUploadOutput, error) {
	if in.MultipartUpload == nil || len(in.MultipartUpload.Parts) == 0 {
		return nil, malformed()
	}
	var u *upload
	o := &object{Bucket: str(in.Bucket), Key: str(in.Key), Multipart: true}
	ok := condition{match: in.IfMatch, noneMatch: in.IfNoneMatch}
	err := s.d.Store.View(func(tx store.Tx) (err error) {
		if _, u, err = findUpload(ctx, tx, in.Bucket, in.ExpectedBucketOwner, in.Key, in.UploadId); err != nil {
			return err
		}
		if err := ok.write(tx, o); err != nil {
			return err
		}
		return o.assemble(tx, u, in.MultipartUpload.Parts)
	})
	if err != nil {
		return nil, err
	}
	sum, err := wholeSum(u.Algorithm, u.SumType, o.Segments)
	if err != nil {
		return nil, err
	}
	for a, claimed := range map[string]*string{"CRC32": in.ChecksumCRC32, "CRC32C": in.ChecksumCRC32C, "CRC64NVME": in.ChecksumCRC64NVME, "SHA1": in.ChecksumSHA1, "SHA256": in.ChecksumSHA256} {
		if claimed != nil && a == u.Algorithm && *claimed != sum && *claimed+fmt.Sprintf("-%d", len(o.Segments)) != sum {
			return nil, wire.Errorf(400, "BadDigest", "The %s you specified did not match the calculated checksum.", a)
		}
	}
	o.Sums, o.SumType, o.Tags, o.headers = sums{u.Algorithm: sum}, u.SumType, u.Tags, u.headers
	var gone []string
	b, err := s.commit(ctx, in.ExpectedBucketOwner, ok, o, "CompleteMultipartUpload", func(tx store.Tx) error {
		if _, ok := uploads.Get(tx, uploadRow(u.Bucket, u.Key, u.ID)); !ok {
			return noSuchUpload(u.ID) // another request was faster
		}
		used := map[string]bool{}
		for _, x := range o.Segments {
			used[x.Blob] = true
		}
		for _, blob := range removeUpload(tx, *u) {
			if !used[blob] {
				gone = append(gone, blob)
			}
			delete(used, blob)
		}
		if len(used) > 0 {
			return wire.Errorf(400, "InvalidPart", "One or more of the specified parts was replaced while the upload was completed. Complete it again.")
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.drop(gone)
	location := "https://" + o.Bucket + ".s3." + b.Region + ".amazonaws.com/" + encodeKey(o.Key)
	return &s3api.CompleteMultipartUploadOutput{Bucket: &o.Bucket, Key: &o.Key, Location: &location, ETag: quote(o.ETag), VersionId: b.shownVersion(o.Version),
		ServerSideEncryption: &o.Encryption, SSEKMSKeyId: opt(o.KMSKey), ChecksumType: &o.SumType,
		ChecksumCRC32: o.Sums.get("CRC32"), ChecksumCRC32C: o.Sums.get("CRC32C"), ChecksumCRC64NVME: o.Sums.get("CRC64NVME"), ChecksumSHA1: o.Sums.get("SHA1"), ChecksumSHA256: o.Sums.get("SHA256")}, nil
}

// assemble makes o's content of the parts a client names.
func (o *object) assemble(tx store.Tx, u *upload, named []s3api.CompletedPart) error {
	o.Segments, o.Size = nil, 0
	digest := md5.New()
	for i := 1; i < len(named); i++ {
		if num(named[i].PartNumber, 0) <= num(named[i-1].PartNumber, 0) {
			return wire.Errorf(400, "InvalidPartOrder", "The list of parts was not in ascending order. Parts must be ordered by part number.")
		}
	}
	for i, n := range named {
		p, ok := parts.Get(tx, partRow(u.ID, num(n.PartNumber, 0)))
		if !ok || strings.Trim(str(n.ETag), `"`) != p.ETag {
			e := wire.Errorf(400, "InvalidPart", "One or more of the specified parts could not be found. The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.")
			e.Fields = map[string]string{"UploadId": u.ID, "PartNumber": fmt.Sprint(num(n.PartNumber, 0)), "ETag": str(n.ETag)}
			return e
		}
		if i < len(named)-1 && p.Size < minPart {
			e := wire.Errorf(400, "EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size")
			e.Fields = map[string]string{"ProposedSize": fmt.Sprint(p.Size), "MinSizeAllowed": fmt.Sprint(minPart), "PartNumber": fmt.Sprint(p.Number)}
			return e
		}
		for a, v := range map[string]*string{"CRC32": n.ChecksumCRC32, "CRC32C": n.ChecksumCRC32C, "CRC64NVME": n.ChecksumCRC64NVME, "SHA1": n.ChecksumSHA1, "SHA256": n.ChecksumSHA256} {
			if v != nil && p.Sums[a] != "" && *v != p.Sums[a] {
				return wire.Errorf(400, "InvalidPart", "One or more of the specified parts could not be found. The part may not have been uploaded, or the specified checksum may not match the part's checksum.")
			}
		}
		raw, _ := hex.DecodeString(p.ETag)
		digest.Write(raw)
		o.Segments = append(o.Segments, segment{Blob: p.Blob, Size: p.Size, Part: p.Number, Sums: p.Sums})
		o.Size += p.Size
	}
	o.ETag = fmt.Sprintf("%x-%d", digest.Sum(nil), len(named))
	return nil
}

func (s *Service) abortUpload(ctx context.Context, in *s3api.AbortMultipartUploadInput) (*s3api.AbortMultipartUploadOutput, error) {
	var gone []string
	err := s.d.Store.Update(func(tx store.Tx) error {
		_, u, err := findUpload(ctx, tx, in.Bucket, in.ExpectedBucketOwner, in.Key, in.UploadId)
		if err == nil {
			gone = removeUpload(tx, *u)
		}
		return err
	})
	if err == nil {
		s.drop(gone)
	}
	return nil, err
}

func (s *Service) listUploads(ctx context.Context, in *s3api.ListMultipartUploadsInput) (*s3api.ListMultipartUploadsOutput, error) {
	most := min(num(in.MaxUploads, 1000), 1000)
	out := &s3api.ListMultipartUploadsOutput{Bucket: in.Bucket, Prefix: in.Prefix, Delimiter: in.Delimiter, KeyMarker: in.KeyMarker, UploadIdMarker: in.UploadIdMarker, MaxUploads: &most, IsTruncated: new(false)}
	err := s.view(ctx, in.Bucket, in.ExpectedBucketOwner, func(tx store.Tx, b *bucket) error {
		all := uploads.List(tx, keyPrefix(b.Name, str(in.Prefix)))
		slices.SortStableFunc(all, func(x, y upload) int { return strings.Compare(x.Key, y.Key) })
		for _, u := range all {
			group := groupOf(u.Key, str(in.Prefix), str(in.Delimiter))
			switch {
			case u.Key < str(in.KeyMarker), u.Key == str(in.KeyMarker) && (in.UploadIdMarker == nil || u.ID <= *in.UploadIdMarker):
				continue
			case group != "" && len(out.CommonPrefixes) > 0 && *out.CommonPrefixes[len(out.CommonPrefixes)-1].Prefix == group:
				continue
			case int64(len(out.Uploads)+len(out.CommonPrefixes)) == most:
				out.IsTruncated = new(true)
				return nil
			case group != "":
				out.CommonPrefixes = append(out.CommonPrefixes, s3api.CommonPrefix{Prefix: &group})
				out.NextKeyMarker, out.NextUploadIdMarker = &group, nil
				continue
			}
			out.NextKeyMarker, out.NextUploadIdMarker = &u.Key, &u.ID
			out.Uploads = append(out.Uploads, s3api.MultipartUpload{Key: &u.Key, UploadId: &u.ID, Initiated: &u.Initiated, StorageClass: &u.StorageClass,
				ChecksumAlgorithm: &u.Algorithm, Owner: owner(), Initiator: &s3api.Initiator{ID: new(canonicalID)}})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if !*out.IsTruncated {
		out.NextKeyMarker, out.NextUploadIdMarker = nil, nil
	}
	if str(in.EncodingType) == "url" {
		out.EncodingType = in.EncodingType
		for i := range out.Uploads {
			out.Uploads[i].Key = encoded(out.Uploads[i].Key)
		}
		for i := range out.CommonPrefixes {
			out.CommonPrefixes[i].Prefix = encoded(out.CommonPrefixes[i].Prefix)
		}
		out.Prefix, out.Delimiter, out.KeyMarker, out.NextKeyMarker = encoded(out.Prefix), encoded(out.Delimiter), encoded(out.KeyMarker), encoded(out.NextKeyMarker)
	}
	return out, nil
}

func (s *Service) listParts(ctx context.Context, in *s3api.ListPartsInput) (*s3api.ListPartsOutput, error) {
	most, after := min(num(in.MaxParts, 1000), 1000), num(in.PartNumberMarker, 0)
	out := &s3api.ListPartsOutput{Bucket: in.Bucket, Key: in.Key, UploadId: in.UploadId, MaxParts: &most, PartNumberMarker: &after, IsTruncated: new(false), Owner: owner(), Initiator: &s3api.Initiator{ID: new(canonicalID)}}
	err := s.d.Store.View(func(tx store.Tx) error {
		_, u, err := findUpload(ctx, tx, in.Bucket, in.ExpectedBucketOwner, in.Key, in.UploadId)
		if err != nil {
			return err
		}
		out.StorageClass, out.ChecksumAlgorithm = &u.StorageClass, &u.Algorithm
		for _, p := range parts.List(tx, u.ID+"/") {
			if p.Number <= after {
				continue
			}
			if int64(len(out.Parts)) == most {
				out.IsTruncated = new(true)
				break
			}
			out.NextPartNumberMarker = &p.Number
			out.Parts = append(out.Parts, s3api.Part{PartNumber: &p.Number, Size: &p.Size, ETag: quote(p.ETag), LastModified: &p.Modified, ChecksumCRC32: p.Sums.get("CRC32"),
				ChecksumCRC32C: p.Sums.get("CRC32C"), ChecksumCRC64NVME: p.Sums.get("CRC64NVME"), ChecksumSHA1: p.Sums.get("SHA1"), ChecksumSHA256: p.Sums.get("SHA256")})
		}
		return nil
	})
	return out, err
}
