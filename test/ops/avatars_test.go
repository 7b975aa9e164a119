package ops_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"

	"grocery/backend/avatar"
	"grocery/backend/avatar/avatartest"
)

// The store of users' pictures keeps in S3 what it keeps in a folder.
func TestPicturesInS3(t *testing.T) {
	c := start(t)
	_, err := c.s3.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("pictures-of-users"), CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: region}})
	if err != nil {
		t.Fatal(err)
	}
	avatartest.Store(t, avatar.NewBucket(c.s3, "pictures-of-users"))

	// The instances may reach this prefix alone, and browsers must never guess a type.
	listed, err := c.s3.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String("pictures-of-users")})
	if err != nil || len(listed.Contents) == 0 {
		t.Fatalf("%d pictures, %v", len(listed.Contents), err)
	}
	for _, o := range listed.Contents {
		name := (*o.Key)[min(len("avatars/"), len(*o.Key)):]
		head, err := c.s3.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: aws.String("pictures-of-users"), Key: o.Key})
		if err != nil || "avatars/"+name != *o.Key || aws.ToString(head.ContentType) != avatar.ContentType(name) {
			t.Errorf("%s: %v, %v", *o.Key, aws.ToString(head.ContentType), err)
		}
	}
}
