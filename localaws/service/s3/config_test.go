package s3_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"grocery/localaws/service/internal/apitest"
)

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
