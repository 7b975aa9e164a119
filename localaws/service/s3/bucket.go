package s3

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"grocery/localaws/store"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/s3api"
)

// canonicalID is the account's canonical user id, which S3 shows as owner.
var canonicalID = func() string {
	sum := sha256.Sum256([]byte("canonical user of " + wire.Account))
	return hex.EncodeToString(sum[:])
}()

func owner() *s3api.Owner { return &s3api.Owner{ID: new(canonicalID)} }

// open returns a bucket as the call in ctx may see it: in the region it lives
// in, owned by whom the caller expects.
func open(ctx context.Context, tx store.Tx, name, expectedOwner *string) (*bucket, error) {
	b, ok := buckets.Get(tx, str(name))
	if !ok {
		return nil, noSuchBucket(str(name))
	}
	if expectedOwner != nil && *expectedOwner != wire.Account {
		return nil, wire.Errorf(403, "AccessDenied", "Access Denied")
	}
	if region := wire.CallFrom(ctx).Region; region != b.Region {
		e := wire.Errorf(301, "PermanentRedirect", "The bucket you are attempting to access must be addressed using the specified endpoint. Please send all future requests to this endpoint.")
		e.Fields = map[string]string{"Bucket": b.Name, "Endpoint": b.Name + ".s3." + b.Region + ".amazonaws.com"}
		e.Headers = map[string][]string{"X-Amz-Bucket-Region": {b.Region}}
		return nil, e
	}
	return &b, nil
}

// view runs f with a bucket in a read transaction.
func (s *Service) view(ctx context.Context, name, expectedOwner *string, f func(tx store.Tx, b *bucket) error) error {
	return s.d.Store.View(func(tx store.Tx) error {
		b, err := open(ctx, tx, name, expectedOwner)
		if err != nil {
			return err
		}
		return f(tx, b)
	})
}

// change runs f with a bucket in a write transaction and saves the bucket.
func (s *Service) change(ctx context.Context, name, expectedOwner *string, f func(b *bucket) error) error {
	return s.d.Store.Update(func(tx store.Tx) error {
		b, err := open(ctx, tx, name, expectedOwner)
		if err != nil {
			return err
		}
		if err := f(b); err != nil {
			return err
		}
		buckets.Put(tx, b.Name, *b)
		return nil
	})
}

var bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

// validName holds
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html.
func validName(name string) bool {
	_, notIP := netip.ParseAddr(name)
	return bucketName.MatchString(name) && notIP != nil && !strings.Contains(name, "..") &&
		!strings.HasPrefix(name, "xn--") && !strings.HasPrefix(name, "sthree-") &&
		!strings.HasSuffix(name, "-s3alias") && !strings.HasSuffix(name, "--ol-s3") && !strings.HasSuffix(name, "--x-s3")
}

func (s *Service) createBucket(ctx context.Context, in *s3api.CreateBucketInput) (*s3api.CreateBucketOutput, error) {
	call, name := wire.CallFrom(ctx), str(in.Bucket)
	var tags []s3api.Tag
	constraint := ""
	if c := in.CreateBucketConfiguration; c != nil {
		constraint, tags = str(c.LocationConstraint), c.Tags
		if c.Bucket != nil || c.Location != nil {
			return nil, unsupported("directory buckets")
		}
	}
	if constraint == "EU" {
		constraint = "eu-west-1"
	}
	switch {
	case !validName(name):
		e := wire.Errorf(400, "InvalidBucketName", "The specified bucket is not valid.")
		e.Fields = map[string]string{"BucketName": name}
		return nil, e
	case constraint == "us-east-1":
		return nil, wire.Errorf(400, "InvalidLocationConstraint", "The specified location-constraint is not valid")
	case constraint == "" && call.Region != "us-east-1":
		return nil, wire.Errorf(400, "IllegalLocationConstraintException", "The unspecified location constraint is incompatible for the region specific endpoint this request was sent to.")
	case constraint != "" && call.Region != constraint && call.Region != "us-east-1":
		return nil, wire.Errorf(400, "IllegalLocationConstraintException", "The %s location constraint is incompatible for the region specific endpoint this request was sent to.", constraint)
	case yes(in.ObjectLockEnabledForBucket):
		return nil, unsupported("Object Lock")
	}
	if err := checkTags(tags, maxBucketTags); err != nil {
		return nil, err
	}
	ownership := str(in.ObjectOwnership)
	if ownership == "" {
		ownership = "BucketOwnerEnforced"
	}
	if err := checkACL(in.ACL, ownership); err != nil {
		return nil, err
	}
	region := constraint
	if region == "" {
		region = "us-east-1"
	}
	b := bucket{
		Name: name, Region: region, Created: s.d.Clock.Now(), Tags: tags,
		Ownership:    &s3api.OwnershipControls{Rules: []s3api.OwnershipControlsRule{{ObjectOwnership: &ownership}}},
		PublicAccess: &s3api.PublicAccessBlockConfiguration{BlockPublicAcls: new(true), BlockPublicPolicy: new(true), IgnorePublicAcls: new(true), RestrictPublicBuckets: new(true)},
	}
	err := s.d.Store.Update(func(tx store.Tx) error {
		old, there := buckets.Get(tx, name)
		if there && old.Region == "us-east-1" && region == "us-east-1" {
			return nil // S3's oldest region answers yes to whoever owns the bucket
		}
		if there {
			e := wire.Errorf(409, "BucketAlreadyOwnedByYou", "Your previous request to create the named bucket succeeded and you already own it.")
			e.Fields = map[string]string{"BucketName": name}
			return e
		}
		buckets.Put(tx, name, b)
		return nil
	})
	if err != nil {
		return nil, err
	}
	location := "/" + name
	if region != "us-east-1" {
		location = "http://" + name + ".s3.amazonaws.com/"
	}
	return &s3api.CreateBucketOutput{Location: &location}, nil
}

func (s *Service) deleteBucket(ctx context.Context, in *s3api.DeleteBucketInput) (*s3api.DeleteBucketOutput, error) {
	var gone []string
	err := s.d.Store.Update(func(tx store.Tx) error {
		b, err := open(ctx, tx, in.Bucket, in.ExpectedBucketOwner)
		if err != nil {
			return err
		}
		empty := true
		objects.Each(tx, keyPrefix(b.Name, ""), func(string, object) bool { empty = false; return false })
		if !empty {
			message := "The bucket you tried to delete is not empty"
			if b.Versioning != "" {
				message += ". You must delete all versions in the bucket."
			}
			e := wire.Errorf(409, "BucketNotEmpty", "%s", message)
			e.Fields = map[string]string{"BucketName": b.Name}
			return e
		}
		for _, u := range uploads.List(tx, keyPrefix(b.Name, "")) {
			gone = append(gone, removeUpload(tx, u)...)
		}
		buckets.Delete(tx, b.Name)
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.drop(gone)
	return nil, nil
}

func (s *Service) headBucket(ctx context.Context, in *s3api.HeadBucketInput) (out *s3api.HeadBucketOutput, err error) {
	err = s.view(ctx, in.Bucket, in.ExpectedBucketOwner, func(_ store.Tx, b *bucket) error {
		out = &s3api.HeadBucketOutput{BucketRegion: &b.Region, AccessPointAlias: new(false)}
		return nil
	})
	return out, err
}

func (s *Service) listBuckets(context.Context, *s3api.ListBucketsInput) (*s3api.ListBucketsOutput, error) {
	out := &s3api.ListBucketsOutput{Owner: owner()}
	err := s.d.Store.View(func(tx store.Tx) error {
		for _, b := range buckets.List(tx, "") {
			out.Buckets = append(out.Buckets, s3api.Bucket{Name: &b.Name, CreationDate: &b.Created, BucketRegion: &b.Region})
		}
		return nil
	})
	return out, err
}

// getBucketLocation answers in every region: clients ask it to find the right one.
func (s *Service) getBucketLocation(ctx context.Context, in *s3api.GetBucketLocationInput) (*s3api.GetBucketLocationOutput, error) {
	out := &s3api.GetBucketLocationOutput{}
	err := s.d.Store.View(func(tx store.Tx) error {
		b, ok := buckets.Get(tx, str(in.Bucket))
		if !ok {
			return noSuchBucket(str(in.Bucket))
		}
		if b.Region != "us-east-1" { // which is told by saying nothing
			out.LocationConstraint = &b.Region
		}
		return nil
	})
	return out, err
}

// checkACL admits the access control lists that say what is so anyway: buckets
// here are private, their owner's.
func checkACL(acl *string, ownership string) error {
	switch a := str(acl); {
	case a == "" || a == "private" || a == "bucket-owner-full-control":
		return nil // buckets without lists let these pass too
	case ownership == "BucketOwnerEnforced":
		return wire.Errorf(400, "AccessControlListNotSupported", "The bucket does not allow ACLs")
	case slices.Contains([]string{"public-read", "public-read-write", "authenticated-read", "aws-exec-read", "bucket-owner-read", "log-delivery-write"}, a):
		return unsupported("the ACL " + a)
	default:
		return invalidArgument("The ACL %s is not valid.", a)
	}
}

func (b *bucket) ownership() string {
	if b.Ownership == nil || len(b.Ownership.Rules) == 0 {
		return "ObjectWriter"
	}
	return str(b.Ownership.Rules[0].ObjectOwnership)
}
