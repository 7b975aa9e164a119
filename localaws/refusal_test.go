package localaws_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go"

	"grocery/localaws"
	"grocery/localaws/wire/api/iamapi"
	"grocery/localaws/wire/api/s3api"
	"grocery/localaws/wire/api/stsapi"
)

// TestARefusalIsAWSsInEveryProtocol asks with AWS's own clients, as a role that
// may do nothing.
func TestARefusalIsAWSsInEveryProtocol(t *testing.T) {
	e := newEstate(t)
	do(e, e.admin, iamapi.CreateRole, &iamapi.CreateRoleInput{RoleName: new("nobody"), AssumeRolePolicyDocument: new(trustAdmin)})
	session := do(e, e.admin, stsapi.AssumeRole, &stsapi.AssumeRoleInput{RoleArn: new("arn:aws:iam::123456789012:role/nobody"), RoleSessionName: new("test")}).Credentials
	srv := httptest.NewServer(e.cloud.Handler())
	t.Cleanup(srv.Close)
	cfg := awssdk.Config{Region: testRegion, BaseEndpoint: &srv.URL, RetryMaxAttempts: 1, HTTPClient: srv.Client(),
		Credentials: credentials.NewStaticCredentialsProvider(*session.AccessKeyId, *session.SecretAccessKey, *session.SessionToken)}
	ctx := t.Context()
	discard := func(_ any, err error) error { return err }
	for _, c := range []struct {
		protocol, code string
		status         int
		action, on     string
		call           func() error
	}{
		{"query", "AccessDenied", 403, "iam:ListRoles", "*", func() error { return discard(iam.NewFromConfig(cfg).ListRoles(ctx, nil)) }},
		{"query", "AccessDenied", 403, "autoscaling:DescribeAutoScalingGroups", "*", func() error { return discard(autoscaling.NewFromConfig(cfg).DescribeAutoScalingGroups(ctx, nil)) }},
		{"query", "AccessDenied", 403, "elasticloadbalancing:DescribeLoadBalancers", "*", func() error {
			return discard(elasticloadbalancingv2.NewFromConfig(cfg).DescribeLoadBalancers(ctx, nil))
		}},
		{"query", "AuthorizationError", 403, "sns:CreateTopic", "arn:aws:sns:eu-central-1:123456789012:t", func() error {
			return discard(sns.NewFromConfig(cfg).CreateTopic(ctx, &sns.CreateTopicInput{Name: new("t")}))
		}},
		{"ec2", "UnauthorizedOperation", 403, "ec2:DescribeVpcs", "*", func() error { return discard(ec2.NewFromConfig(cfg).DescribeVpcs(ctx, nil)) }},
		{"json 1.0", "AccessDeniedException", 400, "dynamodb:DescribeTable", "arn:aws:dynamodb:eu-central-1:123456789012:table/t", func() error {
			return discard(dynamodb.NewFromConfig(cfg).DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: new("t")}))
		}},
		{"json 1.1", "AccessDeniedException", 400, "secretsmanager:GetSecretValue", "arn:aws:secretsmanager:eu-central-1:123456789012:secret:s", func() error {
			return discard(secretsmanager.NewFromConfig(cfg).GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: new("s")}))
		}},
		{"json that was query", "AccessDenied", 403, "sqs:CreateQueue", "arn:aws:sqs:eu-central-1:123456789012:q", func() error {
			return discard(sqs.NewFromConfig(cfg).CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: new("q")}))
		}},
		{"rpc-v2-cbor", "AccessDenied", 403, "cloudwatch:ListMetrics", "*", func() error { return discard(cloudwatch.NewFromConfig(cfg).ListMetrics(ctx, nil)) }},
		{"rest-json", "AccessDeniedException", 403, "lambda:InvokeFunction", "arn:aws:lambda:eu-central-1:123456789012:function:f", func() error {
			return discard(lambda.NewFromConfig(cfg).Invoke(ctx, &lambda.InvokeInput{FunctionName: new("f")}))
		}},
		{"rest-xml", "AccessDenied", 403, "s3:ListBucket", `"arn:aws:s3:::b"`, func() error {
			return discard(s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true }).ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: new("b")}))
		}},
	} {
		t.Run(c.protocol+" "+c.action, func(t *testing.T) {
			err := c.call()
			said, ok := errors.AsType[smithy.APIError](err)
			answer, ok2 := errors.AsType[*awshttp.ResponseError](err)
			if !ok || !ok2 {
				t.Fatal(err)
			}
			want := "User: arn:aws:sts::123456789012:assumed-role/nobody/test is not authorized to perform: " + c.action + " on resource: " + c.on + " because no identity-based policy allows the " + c.action + " action"
			if said.ErrorCode() != c.code || answer.HTTPStatusCode() != c.status || !strings.HasSuffix(said.ErrorMessage(), want) {
				t.Errorf("%d %s: %s\nwant %d %s: ...%s", answer.HTTPStatusCode(), said.ErrorCode(), said.ErrorMessage(), c.status, c.code, want)
			}
		})
	}
}

func TestWhatNobodyUsedIsListed(t *testing.T) {
	e := newEstate(t)
	e.bucket("shop")
	app := e.role("app", `{"Effect":"Allow","Action":["s3:List*","s3:GetObject","ssmmessages:OpenDataChannel"],"Resource":"*"}`)
	refused(t, "list", list(e, app, "shop", nil), "")
	if err := list(e, app, "absent", nil); err == nil {
		t.Error("a bucket that is not there was listed")
	}
	rec := httptest.NewRecorder()
	e.cloud.Handler().ServeHTTP(rec, httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/_localaws/iam/unused", nil))
	want := `[{"role":"arn:aws:iam::123456789012:role/app","policy":"p","action":"s3:GetObject","served":true},{"role":"arn:aws:iam::123456789012:role/app","policy":"p","action":"ssmmessages:OpenDataChannel","served":false}]`
	if got := strings.TrimSpace(rec.Body.String()); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

// BenchmarkDecision is what deciding adds to a call of a role with policies as
// large as a deployment's.
func BenchmarkDecision(b *testing.B) {
	e := newEstate(b)
	e.bucket("shop")
	do(e, e.admin, s3api.PutBucketPolicy, &s3api.PutBucketPolicyInput{Bucket: new("shop"), Policy: new(document(
		`{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::shop/*","Condition":{"Bool":{"aws:SecureTransport":"false"}}}`))})
	var many []string
	for i := range 100 {
		many = append(many, fmt.Sprintf(`"service%d:Action%d*"`, i%20, i))
	}
	app := e.role("app", `{"Effect":"Allow","Action":[`+strings.Join(many, ",")+`],"Resource":"*"},{"Effect":"Allow","Action":"s3:GetObject","Resource":["arn:aws:s3:::other/*","arn:aws:s3:::shop/*"]}`)
	in := &s3api.GetObjectInput{Bucket: new("shop"), Key: new("a/b")}
	for b.Loop() {
		if _, err := localaws.Access(e.cloud).Authorize(app, s3api.GetObject.Operation, in); err != nil {
			b.Fatal(err)
		}
	}
}
