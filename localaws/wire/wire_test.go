package wire_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	ddbtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"grocery/localaws/wire"
	"grocery/localaws/wire/api/cloudwatchapi"
	"grocery/localaws/wire/api/dynamodbapi"
	"grocery/localaws/wire/api/ec2api"
	"grocery/localaws/wire/api/lambdaapi"
	"grocery/localaws/wire/api/s3api"
	"grocery/localaws/wire/api/stsapi"
)

// The tests speak through AWS's own SDK, so that both sides of each protocol
// are checked against the vendor's code.

type keys struct{}

func (keys) Credential(_ context.Context, id string) (wire.Credential, bool, error) {
	return wire.Credential{Secret: "secret", Principal: wire.Principal{ARN: "arn:aws:iam::123456789012:user/admin", AccessKeyID: id}}, id == "AKIDTEST", nil
}

type static struct{ id, secret string }

func (s static) Retrieve(context.Context) (aws.Credentials, error) {
	return aws.Credentials{AccessKeyID: s.id, SecretAccessKey: s.secret}, nil
}

func serve(t *testing.T, register func(r *wire.Registry)) aws.Config {
	t.Helper()
	r := wire.NewRegistry(slog.New(slog.DiscardHandler))
	register(r)
	s := httptest.NewServer(wire.NewChain(r, wire.ChainOptions{Credentials: keys{}}))
	t.Cleanup(s.Close)
	return aws.Config{Region: "eu-central-1", BaseEndpoint: new(s.URL), Credentials: static{"AKIDTEST", "secret"}, RetryMaxAttempts: 1}
}

func code(t *testing.T, err error) string {
	t.Helper()
	if e, ok := errors.AsType[smithy.APIError](err); ok {
		return e.ErrorCode()
	}
	t.Fatalf("no API error: %v", err)
	return ""
}

func TestQueryProtocolTellsWhoCalls(t *testing.T) {
	cfg := serve(t, func(r *wire.Registry) {
		wire.Handle(r, stsapi.GetCallerIdentity, func(ctx context.Context, _ *stsapi.GetCallerIdentityInput) (*stsapi.GetCallerIdentityOutput, error) {
			c := wire.CallFrom(ctx)
			return &stsapi.GetCallerIdentityOutput{Account: &c.Account, Arn: &c.Principal.ARN, UserId: new(c.Region)}, nil
		})
	})
	out, err := sts.NewFromConfig(cfg).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
	if err != nil {
		t.Fatal(err)
	}
	if *out.Account != "123456789012" || *out.Arn != "arn:aws:iam::123456789012:user/admin" || *out.UserId != "eu-central-1" {
		t.Errorf("got %s %s %s", *out.Account, *out.Arn, *out.UserId)
	}
}

func TestRefusals(t *testing.T) {
	register := func(r *wire.Registry) {
		wire.Handle(r, stsapi.GetCallerIdentity, func(context.Context, *stsapi.GetCallerIdentityInput) (*stsapi.GetCallerIdentityOutput, error) {
			return nil, nil
		})
		wire.Handle(r, stsapi.AssumeRole, func(context.Context, *stsapi.AssumeRoleInput) (*stsapi.AssumeRoleOutput, error) {
			return nil, errors.New("the disk is on fire")
		})
		wire.Handle(r, dynamodbapi.GetItem, func(context.Context, *dynamodbapi.GetItemInput) (*dynamodbapi.GetItemOutput, error) {
			return nil, wire.Errorf(400, "ResourceNotFoundException", "no table")
		})
		wire.Handle(r, ec2api.DescribeVpcs, func(context.Context, *ec2api.DescribeVpcsInput) (*ec2api.DescribeVpcsOutput, error) {
			return nil, wire.Errorf(400, "InvalidVpcID.NotFound", "The vpc ID 'vpc-1' does not exist")
		})
	}
	cfg := serve(t, register)
	wrong := cfg.Copy()
	wrong.Credentials = static{"AKIDTEST", "wrong"}
	nobody := cfg.Copy()
	nobody.Credentials = static{"AKIDNOBODY", "secret"}
	ctx := t.Context()
	for _, c := range []struct {
		rule, want string
		call       func() error
	}{
		{"a wrong secret is refused", "SignatureDoesNotMatch", func() error { _, err := sts.NewFromConfig(wrong).GetCallerIdentity(ctx, nil); return err }},
		{"an unknown key is refused", "InvalidClientTokenId", func() error { _, err := sts.NewFromConfig(nobody).GetCallerIdentity(ctx, nil); return err }},
		{"JSON services refuse with their own codes", "UnrecognizedClientException", func() error {
			_, err := dynamodb.NewFromConfig(nobody).GetItem(ctx, &dynamodb.GetItemInput{TableName: new("t"), Key: map[string]ddbtypes.AttributeValue{}})
			return err
		}},
		{"ec2 refuses with AuthFailure", "AuthFailure", func() error { _, err := ec2.NewFromConfig(wrong).DescribeVpcs(ctx, nil); return err }},
		{"an operation nobody serves is named", "NotImplemented", func() error { _, err := sts.NewFromConfig(cfg).GetSessionToken(ctx, nil); return err }},
		{"a service's error arrives with its code (json)", "ResourceNotFoundException", func() error {
			_, err := dynamodb.NewFromConfig(cfg).GetItem(ctx, &dynamodb.GetItemInput{TableName: new("t"), Key: map[string]ddbtypes.AttributeValue{}})
			return err
		}},
		{"a service's error arrives with its code (ec2)", "InvalidVpcID.NotFound", func() error { _, err := ec2.NewFromConfig(cfg).DescribeVpcs(ctx, nil); return err }},
		{"an internal error shows nothing of its cause", "InternalError", func() error {
			_, err := sts.NewFromConfig(cfg).AssumeRole(ctx, &sts.AssumeRoleInput{RoleArn: new("r"), RoleSessionName: new("s")})
			if err != nil && strings.Contains(err.Error(), "fire") {
				t.Error("the cause leaked:", err)
			}
			return err
		}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			if got := code(t, c.call()); got != c.want {
				t.Errorf("code %s, want %s", got, c.want)
			}
		})
	}
}

func TestUnsignedRequestIsRefused(t *testing.T) {
	r := wire.NewRegistry(slog.New(slog.DiscardHandler))
	wire.Handle(r, s3api.GetObject, func(context.Context, *s3api.GetObjectInput) (*s3api.GetObjectOutput, error) {
		t.Error("served")
		return nil, nil
	})
	w := httptest.NewRecorder()
	wire.NewChain(r, wire.ChainOptions{Credentials: keys{}}).ServeHTTP(w, httptest.NewRequest("GET", "http://b.s3.eu-central-1.amazonaws.com/k", nil))
	if w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "AccessDenied") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestEC2ListsAndFilters(t *testing.T) {
	cfg := serve(t, func(r *wire.Registry) {
		wire.Handle(r, ec2api.DescribeVpcs, func(_ context.Context, in *ec2api.DescribeVpcsInput) (*ec2api.DescribeVpcsOutput, error) {
			if len(in.Filters) != 2 || *in.Filters[1].Name != "tag:Name" || in.Filters[1].Values[1] != "b & c" || in.VpcIds[0] != "vpc-1" {
				t.Errorf("input %+v", in)
			}
			return &ec2api.DescribeVpcsOutput{Vpcs: []ec2api.Vpc{{VpcId: new("vpc-1"), IsDefault: new(false), Tags: []ec2api.Tag{{Key: new("Name"), Value: new("<x>")}}}, {VpcId: new("vpc-2")}}}, nil
		})
	})
	out, err := ec2.NewFromConfig(cfg).DescribeVpcs(t.Context(), &ec2.DescribeVpcsInput{VpcIds: []string{"vpc-1"}, Filters: []ec2types.Filter{
		{Name: new("state"), Values: []string{"available"}}, {Name: new("tag:Name"), Values: []string{"a", "b & c"}}}})
	if err != nil {
		t.Fatal(err)
	}
	if len(out.Vpcs) != 2 || *out.Vpcs[0].Tags[0].Value != "<x>" || *out.Vpcs[1].VpcId != "vpc-2" {
		t.Errorf("got %+v", out.Vpcs)
	}
}

func TestS3StreamsAndKeepsKeys(t *testing.T) {
	const key = "dir//a b+c/../ü?x"
	var stored []byte
	cfg := serve(t, func(r *wire.Registry) {
		wire.Handle(r, s3api.PutObject, func(_ context.Context, in *s3api.PutObjectInput) (*s3api.PutObjectOutput, error) {
			if *in.Bucket != "bucket" || *in.Key != key || in.Metadata["owner"] != "me" || in.ContentEncoding != nil {
				t.Errorf("input %q %q %v %v", *in.Bucket, *in.Key, in.Metadata, in.ContentEncoding)
			}
			var err error
			stored, err = io.ReadAll(in.Body)
			return &s3api.PutObjectOutput{ETag: new(`"abc"`)}, err
		})
		wire.Handle(r, s3api.GetObject, func(_ context.Context, in *s3api.GetObjectInput) (*s3api.GetObjectOutput, error) {
			return &s3api.GetObjectOutput{Body: io.NopCloser(bytes.NewReader(stored)), ContentLength: new(int64(len(stored))), LastModified: new(time.Unix(1e9, 0)), Metadata: map[string]string{"owner": "me"}}, nil
		})
		wire.Handle(r, s3api.ListObjectsV2, func(context.Context, *s3api.ListObjectsV2Input) (*s3api.ListObjectsV2Output, error) {
			return &s3api.ListObjectsV2Output{Contents: []s3api.Object{{Key: new(key), Size: new(int64(3)), LastModified: new(time.Unix(1e9, 0))}}, IsTruncated: new(false)}, nil
		})
		wire.Handle(r, s3api.GetBucketLocation, func(context.Context, *s3api.GetBucketLocationInput) (*s3api.GetBucketLocationOutput, error) {
			return &s3api.GetBucketLocationOutput{LocationConstraint: new("eu-central-1")}, nil
		})
		wire.Handle(r, s3api.DeleteObjects, func(_ context.Context, in *s3api.DeleteObjectsInput) (*s3api.DeleteObjectsOutput, error) {
			if len(in.Delete.Objects) != 1 || *in.Delete.Objects[0].Key != key {
				t.Errorf("delete %+v", in.Delete)
			}
			return nil, nil
		})
	})
	c := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
	ctx := t.Context()
	body := bytes.Repeat([]byte("0123456789"), 300_000)
	if _, err := c.PutObject(ctx, &s3.PutObjectInput{Bucket: new("bucket"), Key: new(key), Body: bytes.NewReader(body), Metadata: map[string]string{"owner": "me"}}); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(stored, body) {
		t.Fatalf("stored %d bytes, want %d", len(stored), len(body))
	}
	out, err := c.GetObject(ctx, &s3.GetObjectInput{Bucket: new("bucket"), Key: new(key)})
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(out.Body)
	if err != nil || !bytes.Equal(got, body) || out.Metadata["owner"] != "me" || out.LastModified.Unix() != 1e9 {
		t.Errorf("got %d bytes, %v, %v, %v", len(got), err, out.Metadata, out.LastModified)
	}
	list, err := c.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: new("bucket")})
	if err != nil || len(list.Contents) != 1 || *list.Contents[0].Key != key {
		t.Errorf("list %+v %v", list, err)
	}
	loc, err := c.GetBucketLocation(ctx, &s3.GetBucketLocationInput{Bucket: new("bucket")})
	if err != nil || loc.LocationConstraint != "eu-central-1" {
		t.Errorf("location %+v %v", loc, err)
	}
	if _, err := c.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: new("bucket"), Delete: deleteOne(key)}); err != nil {
		t.Error(err)
	}
	if _, err := c.DeleteBucketPolicy(ctx, &s3.DeleteBucketPolicyInput{Bucket: new("bucket")}); code(t, err) != "NotImplemented" {
		t.Error("an unserved subresource fell through")
	}
}

func TestS3RefusesABodyThatIsNotTheSignedOne(t *testing.T) {
	cfg := serve(t, func(r *wire.Registry) {
		wire.Handle(r, s3api.PutObject, func(_ context.Context, in *s3api.PutObjectInput) (*s3api.PutObjectOutput, error) {
			_, err := io.ReadAll(in.Body)
			return nil, err
		})
	})
	tamper := roundTrip(func(r *http.Request) (*http.Response, error) {
		r.Body = io.NopCloser(strings.NewReader("evil!"))
		return http.DefaultTransport.RoundTrip(r)
	})
	cfg.HTTPClient = &http.Client{Transport: tamper}
	cfg.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
	_, err := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true }).PutObject(t.Context(), &s3.PutObjectInput{Bucket: new("b"), Key: new("k"), Body: strings.NewReader("hello")})
	if got := code(t, err); got != "XAmzContentSHA256Mismatch" {
		t.Errorf("code %s", got)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestRestJSON(t *testing.T) {
	cfg := serve(t, func(r *wire.Registry) {
		wire.Handle(r, lambdaapi.GetFunction, func(_ context.Context, in *lambdaapi.GetFunctionInput) (*lambdaapi.GetFunctionOutput, error) {
			if *in.FunctionName == "none" {
				return nil, wire.Errorf(404, "ResourceNotFoundException", "Function not found")
			}
			return &lambdaapi.GetFunctionOutput{Configuration: &lambdaapi.FunctionConfiguration{FunctionName: in.FunctionName, Timeout: new(int64(3))}, Tags: map[string]string{"a": "b"}}, nil
		})
	})
	c := lambda.NewFromConfig(cfg)
	arn := "arn:aws:lambda:eu-central-1:123456789012:function:f"
	out, err := c.GetFunction(t.Context(), &lambda.GetFunctionInput{FunctionName: &arn})
	if err != nil || *out.Configuration.FunctionName != arn || *out.Configuration.Timeout != 3 || out.Tags["a"] != "b" {
		t.Errorf("got %+v %v", out, err)
	}
	if _, err := c.GetFunction(t.Context(), &lambda.GetFunctionInput{FunctionName: new("none")}); code(t, err) != "ResourceNotFoundException" {
		t.Error(err)
	}
}

func TestJSONKeepsNumbersAndBinary(t *testing.T) {
	cfg := serve(t, func(r *wire.Registry) {
		wire.Handle(r, dynamodbapi.GetItem, func(_ context.Context, in *dynamodbapi.GetItemInput) (*dynamodbapi.GetItemOutput, error) {
			return &dynamodbapi.GetItemOutput{Item: in.Key}, nil
		})
	})
	key := map[string]ddbtypes.AttributeValue{
		"n": &ddbtypes.AttributeValueMemberN{Value: "123456789012345678901"}, "b": &ddbtypes.AttributeValueMemberB{Value: []byte{0, 255}},
		"l": &ddbtypes.AttributeValueMemberL{Value: []ddbtypes.AttributeValue{&ddbtypes.AttributeValueMemberS{Value: "é"}, &ddbtypes.AttributeValueMemberNULL{Value: true}}},
	}
	out, err := dynamodb.NewFromConfig(cfg).GetItem(t.Context(), &dynamodb.GetItemInput{TableName: new("t"), Key: key})
	if err != nil {
		t.Fatal(err)
	}
	if n := out.Item["n"].(*ddbtypes.AttributeValueMemberN).Value; n != "123456789012345678901" {
		t.Errorf("n = %s", n)
	}
	if b := out.Item["b"].(*ddbtypes.AttributeValueMemberB).Value; !bytes.Equal(b, []byte{0, 255}) {
		t.Errorf("b = %v", b)
	}
	if l := out.Item["l"].(*ddbtypes.AttributeValueMemberL).Value; len(l) != 2 {
		t.Errorf("l = %v", l)
	}
}

func TestCBORForCloudWatch(t *testing.T) {
	var got *cloudwatchapi.PutMetricDataInput
	cfg := serve(t, func(r *wire.Registry) {
		wire.Handle(r, cloudwatchapi.PutMetricData, func(_ context.Context, in *cloudwatchapi.PutMetricDataInput) (*cloudwatchapi.PutMetricDataOutput, error) {
			got = in
			return nil, nil
		})
		wire.Handle(r, cloudwatchapi.DescribeAlarms, func(context.Context, *cloudwatchapi.DescribeAlarmsInput) (*cloudwatchapi.DescribeAlarmsOutput, error) {
			return &cloudwatchapi.DescribeAlarmsOutput{MetricAlarms: []cloudwatchapi.MetricAlarm{{AlarmName: new("a"), Threshold: new(1.5), StateUpdatedTimestamp: new(time.Unix(1e9, 0))}}}, nil
		})
	})
	c := cloudwatch.NewFromConfig(cfg)
	at := time.Unix(1e9, 500e6).UTC()
	if _, err := c.PutMetricData(t.Context(), &cloudwatch.PutMetricDataInput{Namespace: new("NS"), MetricData: []cwtypes.MetricDatum{{MetricName: new("m"), Value: new(2.5), Timestamp: &at, Dimensions: []cwtypes.Dimension{{Name: new("d"), Value: new("v")}}}}}); err != nil {
		t.Fatal(err)
	}
	if d := got.MetricData[0]; *d.MetricName != "m" || *d.Value != 2.5 || !d.Timestamp.Equal(at) || *d.Dimensions[0].Value != "v" {
		t.Errorf("got %+v", d)
	}
	out, err := c.DescribeAlarms(t.Context(), nil)
	if err != nil || *out.MetricAlarms[0].Threshold != 1.5 || out.MetricAlarms[0].StateUpdatedTimestamp.Unix() != 1e9 {
		t.Errorf("got %+v %v", out, err)
	}
}

func TestAFullDiskIsSaidAndNotRetried(t *testing.T) {
	calls := 0
	cfg := serve(t, func(r *wire.Registry) {
		wire.Handle(r, stsapi.GetCallerIdentity, func(context.Context, *stsapi.GetCallerIdentityInput) (*stsapi.GetCallerIdentityOutput, error) {
			calls++
			return nil, fmt.Errorf("write store.db: %w", syscall.ENOSPC)
		})
	})
	cfg.RetryMaxAttempts = 5
	_, err := sts.NewFromConfig(cfg).GetCallerIdentity(t.Context(), nil)
	if code(t, err) != "InsufficientStorage" || calls != 1 {
		t.Errorf("%d calls, %v", calls, err)
	}
}

func TestMissingRequiredMemberIsRefused(t *testing.T) {
	r := wire.NewRegistry(slog.New(slog.DiscardHandler))
	wire.Handle(r, stsapi.AssumeRole, func(context.Context, *stsapi.AssumeRoleInput) (*stsapi.AssumeRoleOutput, error) {
		t.Error("served")
		return nil, nil
	})
	_, err := wire.Invoke(t.Context(), r, stsapi.AssumeRole, &stsapi.AssumeRoleInput{})
	if wire.Code(err) != "ValidationException" || !strings.Contains(err.Error(), "RoleArn") {
		t.Error(err)
	}
}

func deleteOne(key string) *s3types.Delete {
	return &s3types.Delete{Objects: []s3types.ObjectIdentifier{{Key: &key}}}
}
