package avatar

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// s3Prefix is what the instances' role may read and write of the bucket.
const s3Prefix = "avatars/"

// API is the part of S3 that is used.
type API interface {
	PutObject(context.Context, *s3.PutObjectInput, ...func(*s3.Options)) (*s3.PutObjectOutput, error)
	GetObject(context.Context, *s3.GetObjectInput, ...func(*s3.Options)) (*s3.GetObjectOutput, error)
	DeleteObject(context.Context, *s3.DeleteObjectInput, ...func(*s3.Options)) (*s3.DeleteObjectOutput, error)
}

// Bucket is a Store in S3, under the prefix avatars/.
type Bucket struct {
	api    API
	bucket string
}

// NewBucket returns the store in a bucket.
func NewBucket(api API, bucket string) *Bucket { return &Bucket{api, bucket} }

// OpenBucket returns the store in a bucket of the region, reached with the credentials
// of the environment (on an instance: its role) through a client of HTTP, nil for one of
// the SDK's own.
func OpenBucket(ctx context.Context, region, bucket string, client config.HTTPClient) (*Bucket, error) {
	cfg, err := config.LoadDefaultConfig(ctx, config.WithRegion(region), config.WithHTTPClient(client))
	if err != nil {
		return nil, fmt.Errorf("load the AWS configuration: %w", err)
	}
	return NewBucket(s3.NewFromConfig(cfg), bucket), nil
}

// Put stores a picture.
func (b *Bucket) Put(ctx context.Context, name string, data []byte) error {
	contentType := ContentType(name)
	if contentType == "" {
		return ErrNotFound
	}
	_, err := b.api.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &b.bucket, Key: aws.String(s3Prefix + name), Body: bytes.NewReader(data),
		ContentLength: aws.Int64(int64(len(data))), ContentType: &contentType,
	})
	if err != nil {
		return fmt.Errorf("store a picture: %w", err)
	}
	return nil
}

// Get returns a picture.
func (b *Bucket) Get(ctx context.Context, name string) ([]byte, error) {
	if ContentType(name) == "" {
		return nil, ErrNotFound
	}
	out, err := b.api.GetObject(ctx, &s3.GetObjectInput{Bucket: &b.bucket, Key: aws.String(s3Prefix + name)})
	if _, ok := errors.AsType[*types.NoSuchKey](err); ok {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("read a picture: %w", err)
	}
	defer out.Body.Close()
	data, err := io.ReadAll(io.LimitReader(out.Body, MaxBytes))
	if err != nil {
		return nil, fmt.Errorf("read a picture: %w", err)
	}
	return data, nil
}

// Delete removes a picture.
func (b *Bucket) Delete(ctx context.Context, name string) error {
	if ContentType(name) == "" {
		return nil
	}
	if _, err := b.api.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &b.bucket, Key: aws.String(s3Prefix + name)}); err != nil {
		return fmt.Errorf("remove a picture: %w", err)
	}
	return nil
}
