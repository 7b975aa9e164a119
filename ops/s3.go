package ops

import (
	"context"
	"io"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// maxObject bounds an object that is read into memory, in bytes.
const maxObject = 64 << 20

// getObject reads a small object.
func getObject(ctx context.Context, cfg aws.Config, bucket, key string) ([]byte, error) {
	out, err := s3.NewFromConfig(cfg).GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: &key})
	if err != nil {
		return nil, err
	}
	defer out.Body.Close()
	return io.ReadAll(io.LimitReader(out.Body, maxObject))
}
