package s3_test

import (
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
