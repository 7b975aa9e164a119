package s3

import (
	"context"
	"strings"

	"grocery/localaws/service/iam/policy"
	"grocery/localaws/store"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/s3api"
)

func (s *Service) getPolicy(ctx context.Context, in *s3api.GetBucketPolicyInput) (*s3api.GetBucketPolicyOutput, error) {
	out := &s3api.GetBucketPolicyOutput{}
	err := s.view(ctx, in.Bucket, in.ExpectedBucketOwner, func(_ store.Tx, b *bucket) error {
		if b.Policy == "" {
			return unset(b, "NoSuchBucketPolicy", "The bucket policy does not exist")
		}
		out.Policy = &b.Policy
		return nil
	})
	return out, err
}

func (s *Service) getPolicyStatus(ctx context.Context, in *s3api.GetBucketPolicyStatusInput) (*s3api.GetBucketPolicyStatusOutput, error) {
	out := &s3api.GetBucketPolicyStatusOutput{}
	err := s.view(ctx, in.Bucket, in.ExpectedBucketOwner, func(_ store.Tx, b *bucket) error {
		if b.Policy == "" {
			return unset(b, "NoSuchBucketPolicy", "The bucket policy does not exist")
		}
		doc, err := policy.Parse(b.Policy)
		out.PolicyStatus = &s3api.PolicyStatus{IsPublic: new(err == nil && isPublic(doc))}
		return nil
	})
	return out, err
}

func (s *Service) putPolicy(ctx context.Context, in *s3api.PutBucketPolicyInput) (*s3api.PutBucketPolicyOutput, error) {
	doc, err := policy.Parse(str(in.Policy))
	if err != nil {
		return nil, wire.Errorf(400, "MalformedPolicy", "Policies must be valid JSON: %s", err)
	}
	return nil, s.change(ctx, in.Bucket, in.ExpectedBucketOwner, func(b *bucket) error {
		arn := "arn:" + wire.Partition + ":s3:::" + b.Name
		for _, st := range doc.Statement {
			if len(st.Principal) == 0 && len(st.NotPrincipal) == 0 {
				return wire.Errorf(400, "MalformedPolicy", "Missing required field Principal")
			}
			for _, r := range append(append([]string{}, st.Resource...), st.NotResource...) {
				if r != arn && !strings.HasPrefix(r, arn+"/") && r != "*" && r != arn+"*" {
					return wire.Errorf(400, "MalformedPolicy", "Policy has invalid resource")
				}
			}
			for _, a := range append(append([]string{}, st.Action...), st.NotAction...) {
				if a != "*" && !strings.HasPrefix(strings.ToLower(a), "s3:") {
					return wire.Errorf(400, "MalformedPolicy", "Policy has invalid action")
				}
			}
		}
		if b.PublicAccess != nil && yes(b.PublicAccess.BlockPublicPolicy) && isPublic(doc) {
			return wire.Errorf(403, "AccessDenied", "User: %s is not authorized to perform: s3:PutBucketPolicy on resource: %q because public policies are prevented by the BlockPublicPolicy setting in S3 Block Public Access.", wire.CallFrom(ctx).Principal.ARN, arn)
		}
		b.Policy = *in.Policy
		return nil
	})
}

func (s *Service) deletePolicy(ctx context.Context, in *s3api.DeleteBucketPolicyInput) (*s3api.DeleteBucketPolicyOutput, error) {
	return nil, s.change(ctx, in.Bucket, in.ExpectedBucketOwner, func(b *bucket) error { b.Policy = ""; return nil })
}

// isPublic says whether a policy lets anybody in. S3 counts a statement as not
// public when a condition ties it to a fixed value of certain keys.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html#access-control-block-public-access-policy-status
func isPublic(doc *policy.Document) bool {
	for _, st := range doc.Statement {
		if st.Effect != "Allow" || !st.Principal.Anyone() && len(st.NotPrincipal) == 0 {
			continue
		}
		fixed := false
		for _, keys := range st.Condition {
			for k, values := range keys {
				switch strings.ToLower(k) {
				case "aws:principalorgid", "aws:sourcearn", "aws:sourcevpc", "aws:sourcevpce", "aws:sourceowner", "aws:sourceaccount", "aws:principalarn", "aws:principalaccount", "aws:userid", "s3:dataaccesspointarn", "aws:sourceip":
					fixed = true
					for _, v := range values {
						if strings.ContainsAny(v, "*?$") {
							fixed = false
						}
					}
				}
			}
		}
		if !fixed {
			return true
		}
	}
	return false
}
