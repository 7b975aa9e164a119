package s3

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"slices"

	"grocery/localaws/store"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/s3api"
)

func (s *Service) getVersioning(ctx context.Context, in *s3api.GetBucketVersioningInput) (*s3api.GetBucketVersioningOutput, error) {
	out := &s3api.GetBucketVersioningOutput{}
	err := s.view(ctx, in.Bucket, in.ExpectedBucketOwner, func(_ store.Tx, b *bucket) error {
		out.Status = opt(b.Versioning)
		return nil
	})
	return out, err
}

func (s *Service) putVersioning(ctx context.Context, in *s3api.PutBucketVersioningInput) (*s3api.PutBucketVersioningOutput, error) {
	c := in.VersioningConfiguration
	if st := str(c.Status); st != "Enabled" && st != "Suspended" {
		return nil, wire.Errorf(400, "IllegalVersioningConfigurationException", "The Versioning element must be specified")
	}
	if str(c.MFADelete) == "Enabled" {
		return nil, unsupported("MFA delete")
	}
	return nil, s.change(ctx, in.Bucket, in.ExpectedBucketOwner, func(b *bucket) error {
		b.Versioning = *c.Status
		return nil
	})
}

func (s *Service) getEncryption(ctx context.Context, in *s3api.GetBucketEncryptionInput) (*s3api.GetBucketEncryptionOutput, error) {
	out := &s3api.GetBucketEncryptionOutput{}
	err := s.view(ctx, in.Bucket, in.ExpectedBucketOwner, func(_ store.Tx, b *bucket) error {
		if out.ServerSideEncryptionConfiguration = b.Encryption; b.Encryption == nil {
			// Every bucket has it since January 2023.
			out.ServerSideEncryptionConfiguration = &s3api.ServerSideEncryptionConfiguration{Rules: []s3api.ServerSideEncryptionRule{{
				ApplyServerSideEncryptionByDefault: &s3api.ServerSideEncryptionByDefault{SSEAlgorithm: new("AES256")}, BucketKeyEnabled: new(false),
			}}}
		}
		return nil
	})
	return out, err
}

func (s *Service) putEncryption(ctx context.Context, in *s3api.PutBucketEncryptionInput) (*s3api.PutBucketEncryptionOutput, error) {
	c := in.ServerSideEncryptionConfiguration
	if len(c.Rules) != 1 || c.Rules[0].ApplyServerSideEncryptionByDefault == nil {
		return nil, malformed()
	}
	r := &c.Rules[0]
	if r.BucketKeyEnabled == nil {
		r.BucketKeyEnabled = new(false)
	}
	d := r.ApplyServerSideEncryptionByDefault
	switch alg := str(d.SSEAlgorithm); {
	case alg == "AES256" && d.KMSMasterKeyID != nil:
		return nil, invalidArgument("a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse")
	case alg != "AES256" && alg != "aws:kms" && alg != "aws:kms:dsse":
		return nil, malformed()
	}
	return nil, s.change(ctx, in.Bucket, in.ExpectedBucketOwner, func(b *bucket) error {
		b.Encryption = c
		return nil
	})
}

func (s *Service) deleteEncryption(ctx context.Context, in *s3api.DeleteBucketEncryptionInput) (*s3api.DeleteBucketEncryptionOutput, error) {
	return nil, s.change(ctx, in.Bucket, in.ExpectedBucketOwner, func(b *bucket) error { b.Encryption = nil; return nil })
}

func (s *Service) getPublicAccessBlock(ctx context.Context, in *s3api.GetPublicAccessBlockInput) (*s3api.GetPublicAccessBlockOutput, error) {
	out := &s3api.GetPublicAccessBlockOutput{}
	err := s.view(ctx, in.Bucket, in.ExpectedBucketOwner, func(_ store.Tx, b *bucket) error {
		if b.PublicAccess == nil {
			return unset(b, "NoSuchPublicAccessBlockConfiguration", "The public access block configuration was not found")
		}
		out.PublicAccessBlockConfiguration = b.PublicAccess
		return nil
	})
	return out, err
}

func (s *Service) putPublicAccessBlock(ctx context.Context, in *s3api.PutPublicAccessBlockInput) (*s3api.PutPublicAccessBlockOutput, error) {
	c := *in.PublicAccessBlockConfiguration
	for _, p := range []**bool{&c.BlockPublicAcls, &c.BlockPublicPolicy, &c.IgnorePublicAcls, &c.RestrictPublicBuckets} {
		*p = new(yes(*p))
	}
	return nil, s.change(ctx, in.Bucket, in.ExpectedBucketOwner, func(b *bucket) error { b.PublicAccess = &c; return nil })
}

func (s *Service) deletePublicAccessBlock(ctx context.Context, in *s3api.DeletePublicAccessBlockInput) (*s3api.DeletePublicAccessBlockOutput, error) {
	return nil, s.change(ctx, in.Bucket, in.ExpectedBucketOwner, func(b *bucket) error { b.PublicAccess = nil; return nil })
}

func (s *Service) getOwnership(ctx context.Context, in *s3api.GetBucketOwnershipControlsInput) (*s3api.GetBucketOwnershipControlsOutput, error) {
	out := &s3api.GetBucketOwnershipControlsOutput{}
	err := s.view(ctx, in.Bucket, in.ExpectedBucketOwner, func(_ store.Tx, b *bucket) error {
		if b.Ownership == nil {
			return unset(b, "OwnershipControlsNotFoundError", "The bucket ownership controls were not found")
		}
		out.OwnershipControls = b.Ownership
		return nil
	})
	return out, err
}

func (s *Service) putOwnership(ctx context.Context, in *s3api.PutBucketOwnershipControlsInput) (*s3api.PutBucketOwnershipControlsOutput, error) {
	c := in.OwnershipControls
	if len(c.Rules) != 1 || !slices.Contains([]string{"BucketOwnerEnforced", "BucketOwnerPreferred", "ObjectWriter"}, str(c.Rules[0].ObjectOwnership)) {
		return nil, malformed()
	}
	return nil, s.change(ctx, in.Bucket, in.ExpectedBucketOwner, func(b *bucket) error { b.Ownership = c; return nil })
}

func (s *Service) deleteOwnership(ctx context.Context, in *s3api.DeleteBucketOwnershipControlsInput) (*s3api.DeleteBucketOwnershipControlsOutput, error) {
	return nil, s.change(ctx, in.Bucket, in.ExpectedBucketOwner, func(b *bucket) error { b.Ownership = nil; return nil })
}

func (s *Service) getNotification(ctx context.Context, in *s3api.GetBucketNotificationConfigurationInput) (*s3api.GetBucketNotificationConfigurationOutput, error) {
	out := &s3api.NotificationConfiguration{}
	err := s.view(ctx, in.Bucket, in.ExpectedBucketOwner, func(_ store.Tx, b *bucket) error {
		if b.Notification != nil {
			out = b.Notification
		}
		return nil
	})
	return out, err
}

func (s *Service) putNotification(ctx context.Context, in *s3api.PutBucketNotificationConfigurationInput) (*s3api.PutBucketNotificationConfigurationOutput, error) {
	c := in.NotificationConfiguration
	if len(c.LambdaFunctionConfigurations)+len(c.QueueConfigurations)+len(c.TopicConfigurations) > 0 {
		return nil, unsupported("notifications to anything but EventBridge: enable EventBridge on the bucket and write a rule there")
	}
	return nil, s.change(ctx, in.Bucket, in.ExpectedBucketOwner, func(b *bucket) error { b.Notification = c; return nil })
}

func (s *Service) getCORS(ctx context.Context, in *s3api.GetBucketCorsInput) (*s3api.GetBucketCorsOutput, error) {
	out := &s3api.GetBucketCorsOutput{}
	err := s.view(ctx, in.Bucket, in.ExpectedBucketOwner, func(_ store.Tx, b *bucket) error {
		if len(b.CORS) == 0 {
			return unset(b, "NoSuchCORSConfiguration", "The CORS configuration does not exist")
		}
		out.CORSRules = b.CORS
		return nil
	})
	return out, err
}

func (s *Service) putCORS(ctx context.Context, in *s3api.PutBucketCorsInput) (*s3api.PutBucketCorsOutput, error) {
	rules := in.CORSConfiguration.CORSRules
	if len(rules) == 0 || len(rules) > 100 {
		return nil, malformed()
	}
	for i, r := range rules {
		for _, m := range r.AllowedMethods {
			if !slices.Contains([]string{"GET", "PUT", "HEAD", "POST", "DELETE"}, m) {
				return nil, wire.Errorf(400, "InvalidRequest", "Found unsupported HTTP method in CORS config. Unsupported method is %s", m)
			}
		}
		if r.ID == nil {
			var raw [12]byte
			rand.Read(raw[:])
			rules[i].ID = new(hex.EncodeToString(raw[:]))
		}
	}
	return nil, s.change(ctx, in.Bucket, in.ExpectedBucketOwner, func(b *bucket) error { b.CORS = rules; return nil })
}

func (s *Service) deleteCORS(ctx context.Context, in *s3api.DeleteBucketCorsInput) (*s3api.DeleteBucketCorsOutput, error) {
	return nil, s.change(ctx, in.Bucket, in.ExpectedBucketOwner, func(b *bucket) error { b.CORS = nil; return nil })
}

func fullControl() []s3api.Grant {
	return []s3api.Grant{{Grantee: &s3api.Grantee{Type: new("CanonicalUser"), ID: new(canonicalID)}, Permission: new("FULL_CONTROL")}}
}

func (s *Service) getACL(ctx context.Context, in *s3api.GetBucketAclInput) (*s3api.GetBucketAclOutput, error) {
	err := s.view(ctx, in.Bucket, in.ExpectedBucketOwner, func(store.Tx, *bucket) error { return nil })
	return &s3api.GetBucketAclOutput{Owner: owner(), Grants: fullControl()}, err
}

func (s *Service) putACL(ctx context.Context, in *s3api.PutBucketAclInput) (*s3api.PutBucketAclOutput, error) {
	for _, g := range []*string{in.GrantFullControl, in.GrantRead, in.GrantReadACP, in.GrantWrite, in.GrantWriteACP} {
		if g != nil {
			return nil, unsupported("grants in ACLs")
		}
	}
	if in.AccessControlPolicy != nil {
		return nil, unsupported("grants in ACLs")
	}
	return nil, s.view(ctx, in.Bucket, in.ExpectedBucketOwner, func(_ store.Tx, b *bucket) error {
		if b.ownership() == "BucketOwnerEnforced" {
			return wire.Errorf(400, "AccessControlListNotSupported", "The bucket does not allow ACLs")
		}
		return checkACL(in.ACL, b.ownership())
	})
}

// What follows is never set here; the answers are those of a bucket without it.

func (s *Service) getWebsite(ctx context.Context, in *s3api.GetBucketWebsiteInput) (*s3api.GetBucketWebsiteOutput, error) {
	return nil, s.view(ctx, in.Bucket, in.ExpectedBucketOwner, func(_ store.Tx, b *bucket) error {
		return unset(b, "NoSuchWebsiteConfiguration", "The specified bucket does not have a website configuration")
	})
}

func (s *Service) deleteWebsite(ctx context.Context, in *s3api.DeleteBucketWebsiteInput) (*s3api.DeleteBucketWebsiteOutput, error) {
	return nil, s.view(ctx, in.Bucket, in.ExpectedBucketOwner, func(store.Tx, *bucket) error { return nil })
}

func (s *Service) getLogging(ctx context.Context, in *s3api.GetBucketLoggingInput) (*s3api.GetBucketLoggingOutput, error) {
	return nil, s.view(ctx, in.Bucket, in.ExpectedBucketOwner, func(store.Tx, *bucket) error { return nil })
}

func (s *Service) getAccelerate(ctx context.Context, in *s3api.GetBucketAccelerateConfigurationInput) (*s3api.GetBucketAccelerateConfigurationOutput, error) {
	return nil, s.view(ctx, in.Bucket, in.ExpectedBucketOwner, func(store.Tx, *bucket) error { return nil })
}

func (s *Service) getRequestPayment(ctx context.Context, in *s3api.GetBucketRequestPaymentInput) (*s3api.GetBucketRequestPaymentOutput, error) {
	return &s3api.GetBucketRequestPaymentOutput{Payer: new("BucketOwner")}, s.view(ctx, in.Bucket, in.ExpectedBucketOwner, func(store.Tx, *bucket) error { return nil })
}

func (s *Service) getReplication(ctx context.Context, in *s3api.GetBucketReplicationInput) (*s3api.GetBucketReplicationOutput, error) {
	return nil, s.view(ctx, in.Bucket, in.ExpectedBucketOwner, func(_ store.Tx, b *bucket) error {
		return unset(b, "ReplicationConfigurationNotFoundError", "The replication configuration was not found")
	})
}

func (s *Service) getObjectLock(ctx context.Context, in *s3api.GetObjectLockConfigurationInput) (*s3api.GetObjectLockConfigurationOutput, error) {
	return nil, s.view(ctx, in.Bucket, in.ExpectedBucketOwner, func(_ store.Tx, b *bucket) error {
		return unset(b, "ObjectLockConfigurationNotFoundError", "Object Lock configuration does not exist for this bucket")
	})
}

// unset says that a bucket lacks a configuration.
func unset(b *bucket, code, message string) error {
	e := wire.Errorf(404, code, "%s", message)
	e.Fields = map[string]string{"BucketName": b.Name}
	return e
}

func malformed() error {
	return wire.Errorf(400, "MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema")
}
