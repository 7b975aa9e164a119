package s3

import (
	"context"
	"encoding/base64"
	"net/url"
	"strings"

	"grocery/localaws/store"
	"grocery/localaws/wire/api/s3api"
)

// groupOf is the common prefix a key is rolled up into, or "".
func groupOf(key, prefix, delimiter string) string {
	if delimiter == "" {
		return ""
	}
	if i := strings.Index(key[len(prefix):], delimiter); i >= 0 {
		return key[:len(prefix)+i+len(delimiter)]
	}
	return ""
}

// listing is one page of a listing of keys.
type listing struct {
	objects  []object
	prefixes []string
	next     string // key or common prefix after which the next page starts; "" on the last page
}

// page lists the current objects of a bucket. A common prefix equal to after
// was on the page before.
func page(tx store.Tx, bucket, prefix, delimiter, after string, most int64) (l listing) {
	var last, key string // last item of the page, and the key at hand
	first := true
	objects.Each(tx, keyPrefix(bucket, prefix), func(_ string, o object) bool {
		if !first && o.Key == key {
			return true // an older version
		}
		first, key = false, o.Key
		group := groupOf(o.Key, prefix, delimiter)
		switch {
		case o.Marker, o.Key <= after, group != "" && (group == after || group == last):
			return true
		case int64(len(l.objects)+len(l.prefixes)) == most:
			l.next = last
			return false
		case group != "":
			l.prefixes, last = append(l.prefixes, group), group
		default:
			l.objects, last = append(l.objects, o), o.Key
		}
		return true
	})
	return l
}

func (o *object) listed(withOwner bool) s3api.Object {
	x := s3api.Object{Key: &o.Key, LastModified: &o.Modified, ETag: quote(o.ETag), Size: &o.Size, StorageClass: &o.StorageClass, ChecksumType: opt(o.SumType)}
	for a := range o.Sums {
		x.ChecksumAlgorithm = append(x.ChecksumAlgorithm, a)
	}
	if withOwner {
		x.Owner = owner()
	}
	return x
}

func maxKeys(p *int64) (int64, error) {
	n := num(p, 1000)
	if n < 0 {
		return 0, invalidArgument("Argument maxKeys must be an integer between 0 and 2147483647")
	}
	return min(n, 1000), nil
}

func (s *Service) listObjectsV2(ctx context.Context, in *s3api.ListObjectsV2Input) (*s3api.ListObjectsV2Output, error) {
	most, err := maxKeys(in.MaxKeys)
	if err != nil {
		return nil, err
	}
	after := str(in.StartAfter)
	if in.ContinuationToken != nil {
		raw, err := base64.URLEncoding.DecodeString(*in.ContinuationToken)
		if err != nil {
			return nil, invalidArgument("The continuation token provided is incorrect")
		}
		after = string(raw)
	}
	out := &s3api.ListObjectsV2Output{Name: in.Bucket, Prefix: new(str(in.Prefix)), Delimiter: in.Delimiter, StartAfter: in.StartAfter, ContinuationToken: in.ContinuationToken, MaxKeys: &most, IsTruncated: new(false)}
	err = s.view(ctx, in.Bucket, in.ExpectedBucketOwner, func(tx store.Tx, b *bucket) error {
		if most == 0 {
			return nil
		}
		l := page(tx, b.Name, str(in.Prefix), str(in.Delimiter), after, most)
		for i := range l.objects {
			out.Contents = append(out.Contents, l.objects[i].listed(yes(in.FetchOwner)))
		}
		for _, p := range l.prefixes {
			out.CommonPrefixes = append(out.CommonPrefixes, s3api.CommonPrefix{Prefix: &p})
		}
		if l.next != "" {
			out.IsTruncated, out.NextContinuationToken = new(true), new(base64.URLEncoding.EncodeToString([]byte(l.next)))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	out.KeyCount = new(int64(len(out.Contents) + len(out.CommonPrefixes)))
	if str(in.EncodingType) == "url" {
		out.EncodingType = in.EncodingType
		encodeListing(out.Contents, out.CommonPrefixes)
		out.Prefix, out.Delimiter, out.StartAfter = encoded(out.Prefix), encoded(out.Delimiter), encoded(out.StartAfter)
	}
	return out, nil
}

func (s *Service) listObjects(ctx context.Context, in *s3api.ListObjectsInput) (*s3api.ListObjectsOutput, error) {
	most, err := maxKeys(in.MaxKeys)
	if err != nil {
		return nil, err
	}
	out := &s3api.ListObjectsOutput{Name: in.Bucket, Prefix: new(str(in.Prefix)), Delimiter: in.Delimiter, Marker: new(str(in.Marker)), MaxKeys: &most, IsTruncated: new(false)}
	err = s.view(ctx, in.Bucket, in.ExpectedBucketOwner, func(tx store.Tx, b *bucket) error {
		if most == 0 {
			return nil
		}
		l := page(tx, b.Name, str(in.Prefix), str(in.Delimiter), str(in.Marker), most)
		for i := range l.objects {
			out.Contents = append(out.Contents, l.objects[i].listed(true))
		}
		for _, p := range l.prefixes {
			out.CommonPrefixes = append(out.CommonPrefixes, s3api.CommonPrefix{Prefix: &p})
		}
		if l.next != "" {
			out.IsTruncated = new(true)
			if in.Delimiter != nil { // S3 tells it only then
				out.NextMarker = &l.next
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if str(in.EncodingType) == "url" {
		out.EncodingType = in.EncodingType
		encodeListing(out.Contents, out.CommonPrefixes)
		out.Prefix, out.Delimiter, out.Marker, out.NextMarker = encoded(out.Prefix), encoded(out.Delimiter), encoded(out.Marker), encoded(out.NextMarker)
	}
	return out, nil
}

func (s *Service) listObjectVersions(ctx context.Context, in *s3api.ListObjectVersionsInput) (*s3api.ListObjectVersionsOutput, error) {
	most, err := maxKeys(in.MaxKeys)
	if err != nil {
		return nil, err
	}
	if in.VersionIdMarker != nil && str(in.KeyMarker) == "" {
		return nil, invalidArgument("A version-id marker cannot be specified without a key marker.")
	}
	out := &s3api.ListObjectVersionsOutput{Name: in.Bucket, Prefix: new(str(in.Prefix)), Delimiter: in.Delimiter, KeyMarker: new(str(in.KeyMarker)), VersionIdMarker: new(str(in.VersionIdMarker)), MaxKeys: &most, IsTruncated: new(false)}
	err = s.view(ctx, in.Bucket, in.ExpectedBucketOwner, func(tx store.Tx, b *bucket) error {
		if most > 0 {
			versionPage(tx, b.Name, in, most, out)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if str(in.EncodingType) == "url" {
		out.EncodingType = in.EncodingType
		for i := range out.Versions {
			out.Versions[i].Key = encoded(out.Versions[i].Key)
		}
		for i := range out.DeleteMarkers {
			out.DeleteMarkers[i].Key = encoded(out.DeleteMarkers[i].Key)
		}
		encodeListing(nil, out.CommonPrefixes)
		out.Prefix, out.Delimiter, out.KeyMarker, out.NextKeyMarker = encoded(out.Prefix), encoded(out.Delimiter), encoded(out.KeyMarker), encoded(out.NextKeyMarker)
	}
	return out, nil
}

func versionPage(tx store.Tx, bucket string, in *s3api.ListObjectVersionsInput, most int64, out *s3api.ListObjectVersionsOutput) {
	after, afterVersion := str(in.KeyMarker), str(in.VersionIdMarker)
	passed := afterVersion == "" // whether the marker's version went by
	var key, group string
	first := true
	var lastKey, lastVersion string
	objects.Each(tx, keyPrefix(bucket, str(in.Prefix)), func(_ string, o object) bool {
		isLatest := first || o.Key != key
		first, key = false, o.Key
		g := groupOf(o.Key, str(in.Prefix), str(in.Delimiter))
		switch {
		case o.Key < after, o.Key == after && afterVersion == "":
			return true
		case o.Key == after && !passed:
			passed = o.Version == afterVersion
			return true
		case g != "" && (g == group || g == after):
			return true
		case int64(len(out.Versions)+len(out.DeleteMarkers)+len(out.CommonPrefixes)) == most:
			out.IsTruncated, out.NextKeyMarker, out.NextVersionIdMarker = new(true), &lastKey, opt(lastVersion)
			return false
		case g != "":
			group, lastKey, lastVersion = g, g, ""
			out.CommonPrefixes = append(out.CommonPrefixes, s3api.CommonPrefix{Prefix: &g})
			return true
		}
		lastKey, lastVersion = o.Key, o.Version
		if o.Marker {
			out.DeleteMarkers = append(out.DeleteMarkers, s3api.DeleteMarkerEntry{Key: &o.Key, VersionId: &o.Version, IsLatest: &isLatest, LastModified: &o.Modified, Owner: owner()})
			return true
		}
		v := s3api.ObjectVersion{Key: &o.Key, VersionId: &o.Version, IsLatest: &isLatest, LastModified: &o.Modified, ETag: quote(o.ETag), Size: &o.Size, StorageClass: &o.StorageClass, Owner: owner(), ChecksumType: opt(o.SumType)}
		for a := range o.Sums {
			v.ChecksumAlgorithm = append(v.ChecksumAlgorithm, a)
		}
		out.Versions = append(out.Versions, v)
		return true
	})
}

func encodeListing(contents []s3api.Object, prefixes []s3api.CommonPrefix) {
	for i := range contents {
		contents[i].Key = encoded(contents[i].Key)
	}
	for i := range prefixes {
		prefixes[i].Prefix = encoded(prefixes[i].Prefix)
	}
}

// encodeKey writes a key as encoding-type=url wants it: slashes stay.
func encodeKey(key string) string {
	return strings.ReplaceAll(strings.ReplaceAll(url.QueryEscape(key), "+", "%20"), "%2F", "/")
}

func encoded(p *string) *string {
	if p == nil {
		return nil
	}
	return new(encodeKey(*p))
}
