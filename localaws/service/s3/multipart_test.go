package s3_test

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

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
