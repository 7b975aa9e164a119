package s3_test

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"grocery/localaws/reconcile"
	"grocery/localaws/service/internal/apitest"
	"grocery/localaws/service/s3"
	"grocery/localaws/store"
)

type bench struct {
	*awss3.Client
	ctx    context.Context
	clock  *apitest.Clock
	loops  map[string]reconcile.Loop
	events *[]s3.Event
}

const name = "grocery-test"

// start serves S3 with one bucket in it.
func start(t *testing.T) *bench {
	t.Helper()
	blobs, err := store.OpenBlobs(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	var events []s3.Event
	clock := apitest.NewClock()
	svc := s3.New(s3.Deps{Store: store.NewMemory(), Blobs: blobs, Clock: clock, Log: slog.New(slog.DiscardHandler),
		Publish: func(_ context.Context, e s3.Event) error { events = append(events, e); return nil }})
	r := apitest.Registry()
	svc.Register(r)
	b := &bench{ctx: t.Context(), clock: clock, loops: map[string]reconcile.Loop{}, events: &events,
		Client: awss3.NewFromConfig(apitest.Serve(t, r), func(o *awss3.Options) { o.UsePathStyle = true })}
	for _, l := range svc.Loops() {
		b.loops[l.Name] = l
	}
	_, err = b.CreateBucket(b.ctx, &awss3.CreateBucketInput{Bucket: aws.String(name), CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: apitest.Region}})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *bench) put(t *testing.T, key, body string) *awss3.PutObjectOutput {
	t.Helper()
	out, err := b.PutObject(b.ctx, &awss3.PutObjectInput{Bucket: aws.String(name), Key: &key, Body: strings.NewReader(body)})
	if err != nil {
		t.Fatalf("put %q: %v", key, err)
	}
	return out
}

func (b *bench) get(t *testing.T, key string, version *string) string {
	t.Helper()
	out, err := b.GetObject(b.ctx, &awss3.GetObjectInput{Bucket: aws.String(name), Key: &key, VersionId: version})
	if err != nil {
		t.Fatalf("get %q: %v", key, err)
	}
	defer out.Body.Close()
	raw, err := io.ReadAll(out.Body)
	if err != nil {
		t.Fatalf("get %q: %v", key, err)
	}
	return string(raw)
}

func (b *bench) version(t *testing.T, status types.BucketVersioningStatus) {
	t.Helper()
	if _, err := b.PutBucketVersioning(b.ctx, &awss3.PutBucketVersioningInput{Bucket: aws.String(name), VersioningConfiguration: &types.VersioningConfiguration{Status: status}}); err != nil {
		t.Fatal(err)
	}
}

func wantCode(t *testing.T, err error, code string) {
	t.Helper()
	if got := apitest.Code(err); got != code {
		t.Errorf("error %v, want code %s", err, code)
	}
}

func TestKeysAreNeverCleaned(t *testing.T) {
	b := start(t)
	for _, key := range []string{"a/../b", "a//b", "/lead", "trail/", "sp ace+plus", "ünï/çø∂é", "per%20cent", "q?x=1&y", "tilde~'()*!", "a/./b", ".", "a;b", "star*"} {
		b.put(t, key, "body of "+key)
		if got := b.get(t, key, nil); got != "body of "+key {
			t.Errorf("key %q: got %q", key, got)
		}
	}
	out, err := b.ListObjectsV2(b.ctx, &awss3.ListObjectsV2Input{Bucket: aws.String(name)})
	if err != nil || len(out.Contents) != 13 {
		t.Fatalf("%v, %d keys", err, len(out.Contents))
	}
}

func TestAnObjectComesBackAsItWasPut(t *testing.T) {
	b := start(t)
	body := strings.Repeat("0123456789", 100)
	put, err := b.PutObject(b.ctx, &awss3.PutObjectInput{Bucket: aws.String(name), Key: aws.String("o"), Body: strings.NewReader(body), ContentType: aws.String("text/plain"),
		CacheControl: aws.String("max-age=3"), Metadata: map[string]string{"colour": "red"}, Tagging: aws.String("a=1&b=2"), ChecksumAlgorithm: types.ChecksumAlgorithmSha256})
	if err != nil {
		t.Fatal(err)
	}
	sum := md5.Sum([]byte(body))
	if *put.ETag != `"`+hex.EncodeToString(sum[:])+`"` || put.ChecksumSHA256 == nil || put.ServerSideEncryption != types.ServerSideEncryptionAes256 {
		t.Errorf("put answered %+v", put)
	}
	got, err := b.GetObject(b.ctx, &awss3.GetObjectInput{Bucket: aws.String(name), Key: aws.String("o"), ChecksumMode: types.ChecksumModeEnabled})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(got.Body)
	if err != nil || string(raw) != body || *got.ContentType != "text/plain" || *got.CacheControl != "max-age=3" || got.Metadata["colour"] != "red" || *got.TagCount != 2 || *got.ContentLength != 1000 || got.ChecksumSHA256 == nil {
		t.Errorf("%v: got %+v", err, got)
	}
	head, err := b.HeadObject(b.ctx, &awss3.HeadObjectInput{Bucket: aws.String(name), Key: aws.String("o")})
	if err != nil || *head.ContentLength != 1000 || head.ChecksumSHA256 != nil || *head.ETag != *put.ETag {
		t.Errorf("%v: head %+v", err, head)
	}
}

func TestRanges(t *testing.T) {
	b := start(t)
	b.put(t, "r", "0123456789")
	for _, c := range []struct{ header, body, contentRange, code string }{
		{"bytes=2-4", "234", "bytes 2-4/10", ""},
		{"bytes=7-", "789", "bytes 7-9/10", ""},
		{"bytes=-3", "789", "bytes 7-9/10", ""},
		{"bytes=5-99", "56789", "bytes 5-9/10", ""},
		{"bytes=10-", "", "", "InvalidRange"},
		{"chapters=1-2", "0123456789", "", ""},
	} {
		out, err := b.GetObject(b.ctx, &awss3.GetObjectInput{Bucket: aws.String(name), Key: aws.String("r"), Range: &c.header})
		if c.code != "" {
			wantCode(t, err, c.code)
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.header, err)
			continue
		}
		raw, _ := io.ReadAll(out.Body)
		if string(raw) != c.body || aws.ToString(out.ContentRange) != c.contentRange {
			t.Errorf("%s: %q, %q", c.header, raw, aws.ToString(out.ContentRange))
		}
	}
}

func TestConditions(t *testing.T) {
	b := start(t)
	lock := &awss3.PutObjectInput{Bucket: aws.String(name), Key: aws.String("state.tflock"), IfNoneMatch: aws.String("*")}
	first, err := b.PutObject(b.ctx, lock)
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.PutObject(b.ctx, lock)
	wantCode(t, err, "PreconditionFailed")
	_, err = b.PutObject(b.ctx, &awss3.PutObjectInput{Bucket: lock.Bucket, Key: lock.Key, IfMatch: aws.String(`"0"`)})
	wantCode(t, err, "PreconditionFailed")
	if _, err = b.PutObject(b.ctx, &awss3.PutObjectInput{Bucket: lock.Bucket, Key: lock.Key, IfMatch: first.ETag}); err != nil {
		t.Error(err)
	}
	_, err = b.GetObject(b.ctx, &awss3.GetObjectInput{Bucket: lock.Bucket, Key: lock.Key, IfNoneMatch: first.ETag})
	if e, ok := errors.AsType[interface {
		error
		HTTPStatusCode() int
	}](err); !ok || e.HTTPStatusCode() != 304 {
		t.Errorf("a read of what the client has: %v", err)
	}
	if _, err = b.DeleteObject(b.ctx, &awss3.DeleteObjectInput{Bucket: lock.Bucket, Key: lock.Key}); err != nil {
		t.Error(err)
	}
	if _, err = b.PutObject(b.ctx, lock); err != nil {
		t.Errorf("after the delete: %v", err)
	}
}

func TestDamagedBodiesAreRefused(t *testing.T) {
	b := start(t)
	_, err := b.PutObject(b.ctx, &awss3.PutObjectInput{Bucket: aws.String(name), Key: aws.String("x"), Body: strings.NewReader("hello"), ContentMD5: aws.String("1B2M2Y8AsgTpgAmY7PhCfg==")})
	wantCode(t, err, "BadDigest")
	_, err = b.PutObject(b.ctx, &awss3.PutObjectInput{Bucket: aws.String(name), Key: aws.String("x"), Body: strings.NewReader("hello"), ChecksumCRC32: aws.String("AAAAAA==")})
	wantCode(t, err, "BadDigest")
	_, err = b.GetObject(b.ctx, &awss3.GetObjectInput{Bucket: aws.String(name), Key: aws.String("x")})
	wantCode(t, err, "NoSuchKey")
}

func TestVersionsAndDeleteMarkers(t *testing.T) {
	b := start(t)
	b.put(t, "k", "before")
	b.version(t, types.BucketVersioningStatusEnabled)
	v1, v2 := b.put(t, "k", "one"), b.put(t, "k", "two")
	if got := b.get(t, "k", nil); got != "two" {
		t.Errorf("current version is %q", got)
	}
	if b.get(t, "k", v1.VersionId) != "one" || b.get(t, "k", aws.String("null")) != "before" {
		t.Error("an old version is lost")
	}
	del, err := b.DeleteObject(b.ctx, &awss3.DeleteObjectInput{Bucket: aws.String(name), Key: aws.String("k")})
	if err != nil || !aws.ToBool(del.DeleteMarker) {
		t.Fatalf("%v: %+v", err, del)
	}
	_, err = b.GetObject(b.ctx, &awss3.GetObjectInput{Bucket: aws.String(name), Key: aws.String("k")})
	wantCode(t, err, "NoSuchKey")
	_, err = b.GetObject(b.ctx, &awss3.GetObjectInput{Bucket: aws.String(name), Key: aws.String("k"), VersionId: del.VersionId})
	wantCode(t, err, "MethodNotAllowed")
	list, err := b.ListObjectVersions(b.ctx, &awss3.ListObjectVersionsInput{Bucket: aws.String(name)})
	if err != nil || len(list.Versions) != 3 || len(list.DeleteMarkers) != 1 || !*list.DeleteMarkers[0].IsLatest || *list.Versions[0].VersionId != *v2.VersionId || *list.Versions[0].IsLatest {
		t.Fatalf("%v: %+v", err, list)
	}
	_, err = b.DeleteBucket(b.ctx, &awss3.DeleteBucketInput{Bucket: aws.String(name)})
	wantCode(t, err, "BucketNotEmpty")
	if _, err = b.DeleteObject(b.ctx, &awss3.DeleteObjectInput{Bucket: aws.String(name), Key: aws.String("k"), VersionId: del.VersionId}); err != nil {
		t.Fatal(err)
	}
	if got := b.get(t, "k", nil); got != "two" {
		t.Errorf("without its marker the object is %q", got)
	}
	var all []types.ObjectIdentifier
	for _, v := range list.Versions {
		all = append(all, types.ObjectIdentifier{Key: v.Key, VersionId: v.VersionId})
	}
	gone, err := b.DeleteObjects(b.ctx, &awss3.DeleteObjectsInput{Bucket: aws.String(name), Delete: &types.Delete{Objects: all}})
	if err != nil || len(gone.Deleted) != 3 || len(gone.Errors) != 0 {
		t.Fatalf("%v: %+v", err, gone)
	}
	if _, err = b.DeleteBucket(b.ctx, &awss3.DeleteBucketInput{Bucket: aws.String(name)}); err != nil {
		t.Error(err)
	}
}

func TestSuspendedVersioningReplacesTheNullVersion(t *testing.T) {
	b := start(t)
	b.version(t, types.BucketVersioningStatusEnabled)
	kept := b.put(t, "k", "kept")
	b.version(t, types.BucketVersioningStatusSuspended)
	b.put(t, "k", "first")
	if out := b.put(t, "k", "second"); aws.ToString(out.VersionId) != "null" {
		t.Errorf("version %v", aws.ToString(out.VersionId))
	}
	list, err := b.ListObjectVersions(b.ctx, &awss3.ListObjectVersionsInput{Bucket: aws.String(name)})
	if err != nil || len(list.Versions) != 2 || b.get(t, "k", kept.VersionId) != "kept" {
		t.Errorf("%v: %+v", err, list)
	}
}

func TestMultipart(t *testing.T) {
	for _, c := range []struct {
		rule      string
		algorithm types.ChecksumAlgorithm
		sumType   types.ChecksumType
	}{
		{"without a checksum algorithm", "", ""},
		{"CRC32 of the parts", types.ChecksumAlgorithmCrc32, types.ChecksumTypeComposite},
		{"CRC32C of the whole", types.ChecksumAlgorithmCrc32c, types.ChecksumTypeFullObject},
		{"CRC64NVME of the whole", types.ChecksumAlgorithmCrc64nvme, types.ChecksumTypeFullObject},
		{"SHA256 of the parts", types.ChecksumAlgorithmSha256, ""},
	} {
		t.Run(c.rule, func(t *testing.T) {
			b := start(t)
			key := aws.String("big/file")
			up, err := b.CreateMultipartUpload(b.ctx, &awss3.CreateMultipartUploadInput{Bucket: aws.String(name), Key: key, ChecksumAlgorithm: c.algorithm, ChecksumType: c.sumType, ContentType: aws.String("application/x-dump")})
			if err != nil {
				t.Fatal(err)
			}
			bodies := [][]byte{bytes.Repeat([]byte("a1"), 5<<19), bytes.Repeat([]byte("b2"), 5<<19), []byte("the end")}
			var done []types.CompletedPart
			for i, body := range bodies {
				n := aws.Int32(int32(i + 1))
				p, err := b.UploadPart(b.ctx, &awss3.UploadPartInput{Bucket: aws.String(name), Key: key, UploadId: up.UploadId, PartNumber: n, Body: bytes.NewReader(body), ChecksumAlgorithm: c.algorithm})
				if err != nil {
					t.Fatal(err)
				}
				done = append(done, types.CompletedPart{PartNumber: n, ETag: p.ETag, ChecksumCRC32: p.ChecksumCRC32, ChecksumCRC32C: p.ChecksumCRC32C, ChecksumCRC64NVME: p.ChecksumCRC64NVME, ChecksumSHA256: p.ChecksumSHA256})
			}
			whole := bytes.Join(bodies, nil)
			fin, err := b.CompleteMultipartUpload(b.ctx, &awss3.CompleteMultipartUploadInput{Bucket: aws.String(name), Key: key, UploadId: up.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: done}})
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasSuffix(*fin.ETag, `-3"`) {
				t.Errorf("etag %s", *fin.ETag)
			}
			if got := b.get(t, *key, nil); got != string(whole) {
				t.Fatal("content differs")
			}
			if c.sumType == types.ChecksumTypeFullObject {
				again, err := b.PutObject(b.ctx, &awss3.PutObjectInput{Bucket: aws.String(name), Key: aws.String("again"), Body: bytes.NewReader(whole), ChecksumAlgorithm: c.algorithm})
				if err != nil || aws.ToString(again.ChecksumCRC32C) != aws.ToString(fin.ChecksumCRC32C) || aws.ToString(again.ChecksumCRC64NVME) != aws.ToString(fin.ChecksumCRC64NVME) {
					t.Errorf("%v: combined %+v, direct %+v", err, fin, again)
				}
			}
			out, err := b.GetObject(b.ctx, &awss3.GetObjectInput{Bucket: aws.String(name), Key: key, Range: aws.String(fmt.Sprintf("bytes=%d-%d", 5<<20-2, 5<<20+1))})
			if err != nil {
				t.Fatal(err)
			}
			if raw, _ := io.ReadAll(out.Body); string(raw) != "a1b2" || *out.ContentType != "application/x-dump" {
				t.Errorf("a range over the seam is %q", raw)
			}
			head, err := b.HeadObject(b.ctx, &awss3.HeadObjectInput{Bucket: aws.String(name), Key: key, PartNumber: aws.Int32(3)})
			if err != nil || *head.ContentLength != 7 || *head.PartsCount != 3 {
				t.Errorf("%v: part 3 %+v", err, head)
			}
			left, err := b.ListMultipartUploads(b.ctx, &awss3.ListMultipartUploadsInput{Bucket: aws.String(name)})
			if err != nil || len(left.Uploads) != 0 {
				t.Errorf("%v: %+v", err, left)
			}
		})
	}
}

func TestMultipartRefusals(t *testing.T) {
	b := start(t)
	key := aws.String("k")
	up, err := b.CreateMultipartUpload(b.ctx, &awss3.CreateMultipartUploadInput{Bucket: aws.String(name), Key: key})
	if err != nil {
		t.Fatal(err)
	}
	var done []types.CompletedPart
	for i := range int32(2) {
		p, err := b.UploadPart(b.ctx, &awss3.UploadPartInput{Bucket: aws.String(name), Key: key, UploadId: up.UploadId, PartNumber: aws.Int32(i + 1), Body: strings.NewReader("small")})
		if err != nil {
			t.Fatal(err)
		}
		done = append(done, types.CompletedPart{PartNumber: aws.Int32(i + 1), ETag: p.ETag})
	}
	complete := func(parts ...types.CompletedPart) error {
		_, err := b.CompleteMultipartUpload(b.ctx, &awss3.CompleteMultipartUploadInput{Bucket: aws.String(name), Key: key, UploadId: up.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: parts}})
		return err
	}
	wantCode(t, complete(done...), "EntityTooSmall")
	wantCode(t, complete(done[1], done[0]), "InvalidPartOrder")
	wantCode(t, complete(types.CompletedPart{PartNumber: aws.Int32(7), ETag: aws.String("x")}), "InvalidPart")
	if _, err := b.AbortMultipartUpload(b.ctx, &awss3.AbortMultipartUploadInput{Bucket: aws.String(name), Key: key, UploadId: up.UploadId}); err != nil {
		t.Error(err)
	}
	wantCode(t, complete(done[0]), "NoSuchUpload")
}

func TestListings(t *testing.T) {
	b := start(t)
	for _, k := range []string{"a", "b/1", "b/2", "b/c/3", "d", "e/", "e/f", "z"} {
		b.put(t, k, "x")
	}
	var pages, keys, prefixes []string
	p := awss3.NewListObjectsV2Paginator(b, &awss3.ListObjectsV2Input{Bucket: aws.String(name), Delimiter: aws.String("/"), MaxKeys: aws.Int32(2)})
	for p.HasMorePages() {
		out, err := p.NextPage(b.ctx)
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, fmt.Sprint(*out.KeyCount))
		for _, o := range out.Contents {
			keys = append(keys, *o.Key)
		}
		for _, x := range out.CommonPrefixes {
			prefixes = append(prefixes, *x.Prefix)
		}
	}
	if got := strings.Join(keys, " ") + "|" + strings.Join(prefixes, " ") + "|" + strings.Join(pages, " "); got != "a d z|b/ e/|2 2 1" {
		t.Errorf("got %s", got)
	}
	v1, err := b.ListObjects(b.ctx, &awss3.ListObjectsInput{Bucket: aws.String(name), Prefix: aws.String("b/"), Delimiter: aws.String("/"), Marker: aws.String("b/1")})
	if err != nil || len(v1.Contents) != 1 || *v1.Contents[0].Key != "b/2" || len(v1.CommonPrefixes) != 1 || *v1.CommonPrefixes[0].Prefix != "b/c/" {
		t.Errorf("%v: %+v", err, v1)
	}
	b.version(t, types.BucketVersioningStatusEnabled)
	for i := range 3 {
		b.put(t, "a", fmt.Sprint(i))
	}
	n := 0
	vp := awss3.NewListObjectVersionsPaginator(b, &awss3.ListObjectVersionsInput{Bucket: aws.String(name), MaxKeys: aws.Int32(3)})
	for vp.HasMorePages() {
		out, err := vp.NextPage(b.ctx)
		if err != nil {
			t.Fatal(err)
		}
		n += len(out.Versions)
	}
	if n != 11 {
		t.Errorf("%d versions", n)
	}
}

func TestCopies(t *testing.T) {
	b := start(t)
	if _, err := b.PutObject(b.ctx, &awss3.PutObjectInput{Bucket: aws.String(name), Key: aws.String("src/ä b"), Body: strings.NewReader("content"), Metadata: map[string]string{"m": "1"}, Tagging: aws.String("t=1")}); err != nil {
		t.Fatal(err)
	}
	out, err := b.CopyObject(b.ctx, &awss3.CopyObjectInput{Bucket: aws.String(name), Key: aws.String("dst"), CopySource: aws.String(name + "/src/%C3%A4%20b")})
	if err != nil || out.CopyObjectResult.ETag == nil {
		t.Fatal(err)
	}
	head, err := b.HeadObject(b.ctx, &awss3.HeadObjectInput{Bucket: aws.String(name), Key: aws.String("dst")})
	if err != nil || head.Metadata["m"] != "1" {
		t.Errorf("%v: %+v", err, head)
	}
	tags, err := b.GetObjectTagging(b.ctx, &awss3.GetObjectTaggingInput{Bucket: aws.String(name), Key: aws.String("dst")})
	if err != nil || len(tags.TagSet) != 1 {
		t.Errorf("%v: %+v", err, tags)
	}
	_, err = b.CopyObject(b.ctx, &awss3.CopyObjectInput{Bucket: aws.String(name), Key: aws.String("dst"), CopySource: aws.String(name + "/dst")})
	wantCode(t, err, "InvalidRequest")
	_, err = b.CopyObject(b.ctx, &awss3.CopyObjectInput{Bucket: aws.String(name), Key: aws.String("dst"), CopySource: aws.String(name + "/dst"), MetadataDirective: types.MetadataDirectiveReplace, Metadata: map[string]string{"m": "2"}})
	if err != nil {
		t.Error(err)
	}
	if got := b.get(t, "dst", nil); got != "content" {
		t.Errorf("got %q", got)
	}
}

func TestWhatIsUnsetIsAnsweredAsOnAWS(t *testing.T) {
	b := start(t)
	in := aws.String(name)
	for code, call := range map[string]func() error{
		"NoSuchCORSConfiguration": func() error { _, err := b.GetBucketCors(b.ctx, &awss3.GetBucketCorsInput{Bucket: in}); return err },
		"NoSuchTagSet": func() error {
			_, err := b.GetBucketTagging(b.ctx, &awss3.GetBucketTaggingInput{Bucket: in})
			return err
		},
		"NoSuchBucketPolicy": func() error { _, err := b.GetBucketPolicy(b.ctx, &awss3.GetBucketPolicyInput{Bucket: in}); return err },
		"NoSuchLifecycleConfiguration": func() error {
			_, err := b.GetBucketLifecycleConfiguration(b.ctx, &awss3.GetBucketLifecycleConfigurationInput{Bucket: in})
			return err
		},
		"ObjectLockConfigurationNotFoundError": func() error {
			_, err := b.GetObjectLockConfiguration(b.ctx, &awss3.GetObjectLockConfigurationInput{Bucket: in})
			return err
		},
		"ReplicationConfigurationNotFoundError": func() error {
			_, err := b.GetBucketReplication(b.ctx, &awss3.GetBucketReplicationInput{Bucket: in})
			return err
		},
		"NoSuchWebsiteConfiguration": func() error {
			_, err := b.GetBucketWebsite(b.ctx, &awss3.GetBucketWebsiteInput{Bucket: in})
			return err
		},
		"NoSuchBucket": func() error {
			_, err := b.GetBucketAcl(b.ctx, &awss3.GetBucketAclInput{Bucket: aws.String("absent-bucket")})
			return err
		},
	} {
		wantCode(t, call(), code)
	}
	enc, err := b.GetBucketEncryption(b.ctx, &awss3.GetBucketEncryptionInput{Bucket: in})
	if err != nil || enc.ServerSideEncryptionConfiguration.Rules[0].ApplyServerSideEncryptionByDefault.SSEAlgorithm != types.ServerSideEncryptionAes256 {
		t.Errorf("%v: %+v", err, enc)
	}
	loc, err := b.GetBucketLocation(b.ctx, &awss3.GetBucketLocationInput{Bucket: in})
	if err != nil || loc.LocationConstraint != apitest.Region {
		t.Errorf("%v: %+v", err, loc)
	}
	own, err := b.GetBucketOwnershipControls(b.ctx, &awss3.GetBucketOwnershipControlsInput{Bucket: in})
	if err != nil || own.OwnershipControls.Rules[0].ObjectOwnership != types.ObjectOwnershipBucketOwnerEnforced {
		t.Errorf("%v: %+v", err, own)
	}
	_, err = b.HeadBucket(b.ctx, &awss3.HeadBucketInput{Bucket: aws.String("absent-bucket")})
	if _, ok := errors.AsType[*types.NotFound](err); !ok {
		t.Errorf("head of an absent bucket: %v", err)
	}
	_, err = b.HeadBucket(b.ctx, &awss3.HeadBucketInput{Bucket: in}, func(o *awss3.Options) { o.Region = "us-west-2" })
	if e, ok := errors.AsType[interface {
		error
		HTTPStatusCode() int
	}](err); !ok || e.HTTPStatusCode() != http.StatusMovedPermanently {
		t.Errorf("head from another region: %v", err)
	}
}

func TestConfigurationsComeBackAsTheyWerePut(t *testing.T) {
	b := start(t)
	in := aws.String(name)
	rules := []types.LifecycleRule{
		{ID: aws.String("dumps"), Status: types.ExpirationStatusEnabled, Filter: &types.LifecycleRuleFilter{Prefix: aws.String("db-dumps/")}, Expiration: &types.LifecycleExpiration{Days: aws.Int32(30)},
			NoncurrentVersionExpiration: &types.NoncurrentVersionExpiration{NoncurrentDays: aws.Int32(7)}, AbortIncompleteMultipartUpload: &types.AbortIncompleteMultipartUpload{DaysAfterInitiation: aws.Int32(2)}},
		{ID: aws.String("tagged"), Status: types.ExpirationStatusDisabled, Filter: &types.LifecycleRuleFilter{And: &types.LifecycleRuleAndOperator{Prefix: aws.String("x"), Tags: []types.Tag{{Key: aws.String("a"), Value: aws.String("b")}}}},
			Transitions: []types.Transition{{Days: aws.Int32(40), StorageClass: types.TransitionStorageClassStandardIa}}},
	}
	if _, err := b.PutBucketLifecycleConfiguration(b.ctx, &awss3.PutBucketLifecycleConfigurationInput{Bucket: in, LifecycleConfiguration: &types.BucketLifecycleConfiguration{Rules: rules}}); err != nil {
		t.Fatal(err)
	}
	got, err := b.GetBucketLifecycleConfiguration(b.ctx, &awss3.GetBucketLifecycleConfigurationInput{Bucket: in})
	if err != nil || len(got.Rules) != 2 || *got.Rules[0].Filter.Prefix != "db-dumps/" || *got.Rules[1].Filter.And.Tags[0].Key != "a" || got.TransitionDefaultMinimumObjectSize != types.TransitionDefaultMinimumObjectSizeAllStorageClasses128k {
		t.Errorf("%v: %+v", err, got)
	}
	if _, err := b.PutBucketNotificationConfiguration(b.ctx, &awss3.PutBucketNotificationConfigurationInput{Bucket: in, NotificationConfiguration: &types.NotificationConfiguration{EventBridgeConfiguration: &types.EventBridgeConfiguration{}}}); err != nil {
		t.Fatal(err)
	}
	note, err := b.GetBucketNotificationConfiguration(b.ctx, &awss3.GetBucketNotificationConfigurationInput{Bucket: in})
	if err != nil || note.EventBridgeConfiguration == nil {
		t.Errorf("%v: %+v", err, note)
	}
	tlsOnly := `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":["arn:aws:s3:::` + name + `","arn:aws:s3:::` + name + `/*"],"Condition":{"Bool":{"aws:SecureTransport":"false"}}}]}`
	if _, err := b.PutBucketPolicy(b.ctx, &awss3.PutBucketPolicyInput{Bucket: in, Policy: &tlsOnly}); err != nil {
		t.Fatal(err)
	}
	pol, err := b.GetBucketPolicy(b.ctx, &awss3.GetBucketPolicyInput{Bucket: in})
	if err != nil || *pol.Policy != tlsOnly {
		t.Errorf("%v: %+v", err, pol)
	}
	_, err = b.PutBucketPolicy(b.ctx, &awss3.PutBucketPolicyInput{Bucket: in, Policy: aws.String(strings.ReplaceAll(strings.ReplaceAll(tlsOnly, "Deny", "Allow"), `,"Condition":{"Bool":{"aws:SecureTransport":"false"}}`, ""))})
	wantCode(t, err, "AccessDenied")
	_, err = b.PutBucketAcl(b.ctx, &awss3.PutBucketAclInput{Bucket: in, ACL: types.BucketCannedACLPrivate})
	wantCode(t, err, "AccessControlListNotSupported")
}

func TestEventsGoOutOnceEnabled(t *testing.T) {
	b := start(t)
	b.put(t, "silent", "x")
	if _, err := b.PutBucketNotificationConfiguration(b.ctx, &awss3.PutBucketNotificationConfigurationInput{Bucket: aws.String(name), NotificationConfiguration: &types.NotificationConfiguration{EventBridgeConfiguration: &types.EventBridgeConfiguration{}}}); err != nil {
		t.Fatal(err)
	}
	b.put(t, "db-dumps/a.sql", "dump")
	if _, err := b.DeleteObject(b.ctx, &awss3.DeleteObjectInput{Bucket: aws.String(name), Key: aws.String("db-dumps/a.sql")}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := b.loops["s3-events"].Run(b.ctx); err != nil {
			t.Fatal(err)
		}
	}
	e := *b.events
	if len(e) != 2 || e[0].DetailType != "Object Created" || e[1].DetailType != "Object Deleted" {
		t.Fatalf("%+v", e)
	}
	for _, want := range []string{`"name":"` + name + `"`, `"key":"db-dumps/a.sql"`, `"size":4`, `"reason":"PutObject"`} {
		if !strings.Contains(string(e[0].Detail), want) {
			t.Errorf("%s lacks %s", e[0].Detail, want)
		}
	}
}

func TestLifecycleRulesAct(t *testing.T) {
	b := start(t)
	b.version(t, types.BucketVersioningStatusEnabled)
	b.put(t, "db-dumps/old", "1")
	b.put(t, "avatars/old", "2")
	if _, err := b.CreateMultipartUpload(b.ctx, &awss3.CreateMultipartUploadInput{Bucket: aws.String(name), Key: aws.String("db-dumps/never")}); err != nil {
		t.Fatal(err)
	}
	_, err := b.PutBucketLifecycleConfiguration(b.ctx, &awss3.PutBucketLifecycleConfigurationInput{Bucket: aws.String(name), LifecycleConfiguration: &types.BucketLifecycleConfiguration{Rules: []types.LifecycleRule{
		{ID: aws.String("dumps"), Status: types.ExpirationStatusEnabled, Filter: &types.LifecycleRuleFilter{Prefix: aws.String("db-dumps/")}, Expiration: &types.LifecycleExpiration{Days: aws.Int32(3)},
			NoncurrentVersionExpiration: &types.NoncurrentVersionExpiration{NoncurrentDays: aws.Int32(5)}, AbortIncompleteMultipartUpload: &types.AbortIncompleteMultipartUpload{DaysAfterInitiation: aws.Int32(1)}}}}})
	if err != nil {
		t.Fatal(err)
	}
	state := func(days int) string {
		t.Helper()
		b.clock.Advance(time.Duration(days) * 24 * time.Hour)
		if err := b.loops["s3-lifecycle"].Run(b.ctx); err != nil {
			t.Fatal(err)
		}
		l, err := b.ListObjectVersions(b.ctx, &awss3.ListObjectVersionsInput{Bucket: aws.String(name)})
		if err != nil {
			t.Fatal(err)
		}
		u, err := b.ListMultipartUploads(b.ctx, &awss3.ListMultipartUploadsInput{Bucket: aws.String(name)})
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(len(l.Versions), len(l.DeleteMarkers), len(u.Uploads))
	}
	for _, step := range []struct {
		days int
		want string // versions, delete markers, uploads
	}{{0, "2 0 1"}, {2, "2 0 0"}, {2, "2 1 0"}, {6, "1 1 0"}, {1, "1 0 0"}} {
		if got := state(step.days); got != step.want {
			t.Errorf("after %d more days: %s, want %s", step.days, got, step.want)
		}
	}
	if got := b.get(t, "avatars/old", nil); got != "2" {
		t.Errorf("what no rule selects is %q", got)
	}
}

func TestPresignedURLs(t *testing.T) {
	b := start(t)
	b.put(t, "p q/ü", "presigned")
	req, err := awss3.NewPresignClient(b.Client).PresignGetObject(b.ctx, &awss3.GetObjectInput{Bucket: aws.String(name), Key: aws.String("p q/ü"), ResponseContentType: aws.String("text/x")})
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.Get(req.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	raw, _ := io.ReadAll(res.Body)
	if res.StatusCode != 200 || string(raw) != "presigned" || res.Header.Get("Content-Type") != "text/x" {
		t.Errorf("%s %q %v", res.Status, raw, res.Header)
	}
	res, err = http.Get(strings.Replace(req.URL, "X-Amz-Signature=", "X-Amz-Signature=0", 1))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != 403 {
		t.Errorf("a forged signature: %s", res.Status)
	}
}

func TestContentsNobodyNamesAreSwept(t *testing.T) {
	dir := t.TempDir()
	blobs, err := store.OpenBlobs(dir)
	if err != nil {
		t.Fatal(err)
	}
	orphan, _, err := blobs.Put(strings.NewReader("left by a crash"))
	if err != nil {
		t.Fatal(err)
	}
	svc := s3.New(s3.Deps{Store: store.NewMemory(), Blobs: blobs, Clock: store.System, Log: slog.New(slog.DiscardHandler)})
	if err := svc.Sweep(); err != nil {
		t.Fatal(err)
	}
	if _, err := blobs.Open(orphan); err == nil {
		t.Error("the orphan is still there")
	}
}

func TestARefusedUploadDoesNotWaitForItsBody(t *testing.T) {
	b := start(t)
	ctx, cancel := context.WithTimeout(b.ctx, 5*time.Second)
	defer cancel()
	body := strings.Repeat("x", 1<<20)
	put, err := http.NewRequestWithContext(ctx, http.MethodPut, *b.Options().BaseEndpoint+"/absent-bucket/k", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(body))
	hash := hex.EncodeToString(sum[:])
	put.Header.Set("X-Amz-Content-Sha256", hash)
	keys, err := b.Options().Credentials.Retrieve(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := v4.NewSigner().SignHTTP(ctx, keys, put, hash, "s3", apitest.Region, time.Now()); err != nil {
		t.Fatal(err)
	}
	put.Header.Set("Expect", "100-continue")
	res, err := (&http.Client{Transport: &http.Transport{ExpectContinueTimeout: time.Minute}}).Do(put)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusNotFound {
		t.Errorf("answered %s", res.Status)
	}
}
