package localaws_test

import (
	"context"
	"strings"
	"testing"

	"grocery/localaws"
	"grocery/localaws/runtime/none"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/ec2api"
	"grocery/localaws/wire/api/iamapi"
	"grocery/localaws/wire/api/kmsapi"
	"grocery/localaws/wire/api/lambdaapi"
	"grocery/localaws/wire/api/logsapi"
	"grocery/localaws/wire/api/s3api"
	"grocery/localaws/wire/api/secretsmanagerapi"
	"grocery/localaws/wire/api/snsapi"
	"grocery/localaws/wire/api/sqsapi"
	"grocery/localaws/wire/api/statesapi"
	"grocery/localaws/wire/api/stsapi"
)

const testRegion = "eu-central-1"

// estate is a cloud with an administrator, called in process.
type estate struct {
	testing.TB
	cloud *localaws.Cloud
	calls *wire.Registry
	home  string
	admin context.Context
}

func newEstate(t testing.TB) *estate {
	t.Helper()
	home := t.TempDir()
	c, err := localaws.New(localaws.Options{Home: home, Runtime: none.New(), APIOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return &estate{t, c, localaws.Registry(c), home, as(wire.Principal{ARN: "arn:aws:iam::123456789012:user/admin", UserID: "AIDAADMIN"})}
}

// as is a call over TLS by a principal.
func as(p wire.Principal) context.Context {
	return wire.WithCall(context.Background(), &wire.Call{RequestID: "test", Region: testRegion, Account: wire.Account, SourceIP: "127.0.0.1", Principal: p})
}

// do makes a call that must succeed.
func do[In, Out any](e *estate, ctx context.Context, op wire.Op[In, Out], in *In) *Out {
	e.Helper()
	out, err := wire.Invoke(ctx, e.calls, op, in)
	if err != nil {
		e.Fatalf("%s: %v", op, err)
	}
	return out
}

const trustAdmin = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:user/admin"},"Action":["sts:AssumeRole","sts:TagSession"]}]}`

// role makes a role with one policy of the given statements and takes it.
func (e *estate) role(name, statements string) context.Context {
	e.Helper()
	do(e, e.admin, iamapi.CreateRole, &iamapi.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: new(trustAdmin)})
	if statements != "" {
		e.put(name, statements)
	}
	return e.session(name, nil)
}

func (e *estate) put(name, statements string) {
	e.Helper()
	do(e, e.admin, iamapi.PutRolePolicy, &iamapi.PutRolePolicyInput{RoleName: &name, PolicyName: new("p"), PolicyDocument: new(document(statements))})
}

func document(statements string) string {
	return `{"Version":"2012-10-17","Statement":[` + statements + `]}`
}

// session takes a role, narrowed by a policy unless it is nil.
func (e *estate) session(name string, policy *string) context.Context {
	e.Helper()
	out := do(e, e.admin, stsapi.AssumeRole, &stsapi.AssumeRoleInput{RoleArn: new("arn:aws:iam::123456789012:role/" + name), RoleSessionName: new("test"), Policy: policy})
	return as(wire.Principal{ARN: *out.AssumedRoleUser.Arn, UserID: *out.AssumedRoleUser.AssumedRoleId, AccessKeyID: *out.Credentials.AccessKeyId})
}

func (e *estate) bucket(name string) {
	e.Helper()
	do(e, e.admin, s3api.CreateBucket, &s3api.CreateBucketInput{Bucket: &name, CreateBucketConfiguration: &s3api.CreateBucketConfiguration{LocationConstraint: new(testRegion)}})
}

// refused checks an error: "" wants none, anything else a refusal that says so.
func refused(t *testing.T, rule string, err error, want string) {
	t.Helper()
	switch {
	case want == "" && err != nil:
		t.Errorf("%s: %v", rule, err)
	case want != "" && (err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "is not authorized to perform")):
		t.Errorf("%s: %v, want a refusal with %q", rule, err, want)
	}
}

func list(e *estate, ctx context.Context, bucket string, prefix *string) error {
	_, err := wire.Invoke(ctx, e.calls, s3api.ListObjectsV2, &s3api.ListObjectsV2Input{Bucket: &bucket, Prefix: prefix})
	return err
}

func head(e *estate, ctx context.Context, bucket, key string) error {
	_, err := wire.Invoke(ctx, e.calls, s3api.HeadObject, &s3api.HeadObjectInput{Bucket: &bucket, Key: &key})
	return err
}

func TestIdentityPoliciesDecide(t *testing.T) {
	e := newEstate(t)
	e.bucket("shop")
	e.role("app", "")
	for _, c := range []struct{ rule, statements, prefix, want string }{
		{"without a policy nothing is allowed", "", "a/", "because no identity-based policy allows the s3:ListBucket action"},
		{"another action does not help", `{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}`, "a/", "no identity-based policy"},
		{"the action on the resource", `{"Effect":"Allow","Action":"s3:ListBucket","Resource":"arn:aws:s3:::shop"}`, "a/", ""},
		{"another resource does not help", `{"Effect":"Allow","Action":"s3:ListBucket","Resource":"arn:aws:s3:::shop2"}`, "a/", "no identity-based policy"},
		{"a condition that holds", `{"Effect":"Allow","Action":"s3:ListBucket","Resource":"*","Condition":{"StringLike":{"s3:prefix":"a/*"}}}`, "a/b", ""},
		{"a condition that does not", `{"Effect":"Allow","Action":"s3:ListBucket","Resource":"*","Condition":{"StringLike":{"s3:prefix":"a/*"}}}`, "b/", "no identity-based policy"},
		{"a deny outweighs", `{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"s3:ListBucket","Resource":"*"}`, "a/", "with an explicit deny in an identity-based policy"},
	} {
		if c.statements != "" {
			e.put("app", c.statements)
		}
		refused(t, c.rule, list(e, e.session("app", nil), "shop", &c.prefix), c.want)
	}
	ctx := e.session("app", nil)
	do(e, e.admin, iamapi.DeleteRolePolicy, &iamapi.DeleteRolePolicyInput{RoleName: new("app"), PolicyName: new("p")})
	refused(t, "a policy that is gone allows nothing, also in sessions that go on", list(e, ctx, "shop", nil), "no identity-based policy")
	do(e, e.admin, iamapi.DeleteRole, &iamapi.DeleteRoleInput{RoleName: new("app")})
	refused(t, "a role that is gone allows nothing", list(e, ctx, "shop", nil), "no identity-based policy")
	refused(t, "nobody is allowed nothing", list(e, as(wire.Principal{}), "shop", nil), "anonymous")
}

func TestBoundariesAndSessionsLimit(t *testing.T) {
	e := newEstate(t)
	e.bucket("shop")
	all := `{"Effect":"Allow","Action":"s3:*","Resource":"*"}`
	e.role("app", all)
	boundary := *do(e, e.admin, iamapi.CreatePolicy, &iamapi.CreatePolicyInput{PolicyName: new("limit"), PolicyDocument: new(document(`{"Effect":"Allow","Action":"s3:ListBucket","Resource":"arn:aws:s3:::shop"}`))}).Policy.Arn
	do(e, e.admin, iamapi.PutRolePermissionsBoundary, &iamapi.PutRolePermissionsBoundaryInput{RoleName: new("app"), PermissionsBoundary: &boundary})
	refused(t, "what both allow", list(e, e.session("app", nil), "shop", nil), "")
	refused(t, "what the boundary leaves out", head(e, e.session("app", nil), "shop", "k"), "because no permissions boundary allows the s3:GetObject action")
	refused(t, "what the session leaves out", list(e, e.session("app", new(document(`{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}`))), "shop", nil), "because no session policy allows the s3:ListBucket action")
	refused(t, "what the session denies", list(e, e.session("app", new(document(`{"Effect":"Deny","Action":"s3:*","Resource":"*"}`))), "shop", nil), "with an explicit deny in a session policy")
	do(e, e.admin, s3api.PutBucketPolicy, &s3api.PutBucketPolicyInput{Bucket: new("shop"), Policy: new(document(`{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:role/app"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::shop/*"}`))})
	refused(t, "a bucket's grant to a role does not lift its boundary", head(e, e.session("app", nil), "shop", "k"), "no permissions boundary")
	do(e, e.admin, s3api.PutBucketPolicy, &s3api.PutBucketPolicyInput{Bucket: new("shop"), Policy: new(document(`{"Effect":"Allow","Principal":{"AWS":"arn:aws:sts::123456789012:assumed-role/app/test"},"Action":["s3:GetObject","s3:ListBucket"],"Resource":["arn:aws:s3:::shop","arn:aws:s3:::shop/*"]}`))})
	if err := head(e, e.session("app", nil), "shop", "k"); wire.Code(err) == "AccessDenied" {
		t.Errorf("a bucket's grant to a session is not limited by the role's boundary: %v", err)
	}
}

func TestBucketsPoliciesDecide(t *testing.T) {
	e := newEstate(t)
	e.bucket("shop")
	do(e, e.admin, s3api.PutBucketPolicy, &s3api.PutBucketPolicyInput{Bucket: new("shop"), Policy: new(document(
		`{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":["arn:aws:s3:::shop","arn:aws:s3:::shop/*"],"Condition":{"Bool":{"aws:SecureTransport":"false"}}},` +
			`{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:role/reader"},"Action":"s3:ListBucket","Resource":"arn:aws:s3:::shop"}`))})
	reader, other := e.role("reader", ""), e.role("other", `{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}`)
	refused(t, "whom the bucket lets in needs no policy", list(e, reader, "shop", nil), "")
	refused(t, "whom it does not, does", list(e, other, "shop", nil), "no identity-based policy")
	for who, ctx := range map[string]context.Context{"the role": reader, "the administrator": e.admin} {
		plain := *wire.CallFrom(ctx)
		plain.Plain = true
		refused(t, "without TLS "+who+" is refused", list(e, wire.WithCall(ctx, &plain), "shop", nil), "with an explicit deny in a resource-based policy")
	}
	refused(t, "who may not list is not told that an object is missing", head(e, other, "shop", "none"), "s3:ListBucket")
	e.put("reader", `{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}`)
	if err := head(e, reader, "shop", "none"); err == nil || wire.Code(err) == "AccessDenied" {
		t.Errorf("who may list is told that an object is missing: %v", err)
	}
}

func TestServicesNeedAnInvitation(t *testing.T) {
	e := newEstate(t)
	topic := *do(e, e.admin, snsapi.CreateTopic, &snsapi.CreateTopicInput{Name: new("alarms")}).TopicArn
	queue := *do(e, e.admin, sqsapi.CreateQueue, &sqsapi.CreateQueueInput{QueueName: new("dead")}).QueueUrl
	from := func(service, source string) context.Context {
		ctx := wire.AsService(context.Background(), service, testRegion)
		wire.CallFrom(ctx).SourceARN = source
		return ctx
	}
	publish := func(ctx context.Context) error {
		_, err := wire.Invoke(ctx, e.calls, snsapi.Publish, &snsapi.PublishInput{TopicArn: &topic, Message: new("hello")})
		return err
	}
	send := func(ctx context.Context) error {
		_, err := wire.Invoke(ctx, e.calls, sqsapi.SendMessage, &sqsapi.SendMessageInput{QueueUrl: &queue, MessageBody: new("hello")})
		return err
	}
	alarms, rule := from("cloudwatch.amazonaws.com", "arn:aws:cloudwatch:eu-central-1:123456789012:alarm:cpu"), from("events.amazonaws.com", "arn:aws:events:eu-central-1:123456789012:rule/dumps")
	refused(t, "a new topic takes what services of the account say", publish(alarms), "")
	refused(t, "a new queue takes nothing of services", send(rule), "because no resource-based policy allows the sqs:SendMessage action")

	do(e, e.admin, sqsapi.SetQueueAttributes, &sqsapi.SetQueueAttributesInput{QueueUrl: &queue, Attributes: map[string]string{"Policy": document(
		`{"Effect":"Allow","Principal":{"Service":"events.amazonaws.com"},"Action":"sqs:SendMessage","Resource":"arn:aws:sqs:eu-central-1:123456789012:dead","Condition":{"ArnEquals":{"aws:SourceArn":"arn:aws:events:eu-central-1:123456789012:rule/dumps"},"StringEquals":{"aws:SourceAccount":"123456789012"}}}`)}})
	refused(t, "the rule that the queue names", send(rule), "")
	refused(t, "another rule", send(from("events.amazonaws.com", "arn:aws:events:eu-central-1:123456789012:rule/other")), "no resource-based policy")
	refused(t, "another service", send(alarms), "no resource-based policy")

	// A topic with a key of the account's needs the key's policy as well.
	key := do(e, e.admin, kmsapi.CreateKey, &kmsapi.CreateKeyInput{}).KeyMetadata
	do(e, e.admin, snsapi.SetTopicAttributes, &snsapi.SetTopicAttributesInput{TopicArn: &topic, AttributeName: new("KmsMasterKeyId"), AttributeValue: key.Arn})
	refused(t, "a key that does not know the service", publish(alarms), "kms:GenerateDataKey")
	account := `{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:root"},"Action":"kms:*","Resource":"*"}`
	do(e, e.admin, kmsapi.PutKeyPolicy, &kmsapi.PutKeyPolicyInput{KeyId: key.KeyId, Policy: new(document(account + `,{"Effect":"Allow","Principal":{"Service":"cloudwatch.amazonaws.com"},"Action":["kms:Decrypt","kms:GenerateDataKey*"],"Resource":"*"}`))})
	refused(t, "a key that does", publish(alarms), "")
}

func TestKeysAndRolesLetTheAccountIn(t *testing.T) {
	e := newEstate(t)
	key := do(e, e.admin, kmsapi.CreateKey, &kmsapi.CreateKeyInput{}).KeyMetadata
	encrypt := func(ctx context.Context) error {
		_, err := wire.Invoke(ctx, e.calls, kmsapi.Encrypt, &kmsapi.EncryptInput{KeyId: key.KeyId, Plaintext: []byte("x")})
		return err
	}
	app := e.role("app", `{"Effect":"Allow","Action":"kms:*","Resource":"*"}`)
	refused(t, "the key leaves it to the account, the account allows", encrypt(app), "")
	do(e, e.admin, kmsapi.PutKeyPolicy, &kmsapi.PutKeyPolicyInput{KeyId: key.KeyId, BypassPolicyLockoutSafetyCheck: new(true), Policy: new(document(
		`{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:user/admin"},"Action":"kms:*","Resource":"*"}`))})
	refused(t, "the key names others", encrypt(app), "because no resource-based policy allows the kms:Encrypt action")
	refused(t, "the key names the caller", encrypt(e.admin), "")

	take := func(ctx context.Context, role string) error {
		_, err := wire.Invoke(ctx, e.calls, stsapi.AssumeRole, &stsapi.AssumeRoleInput{RoleArn: new("arn:aws:iam::123456789012:role/" + role), RoleSessionName: new("test")})
		return err
	}
	do(e, e.admin, iamapi.CreateRole, &iamapi.CreateRoleInput{RoleName: new("trusting"), AssumeRolePolicyDocument: new(strings.ReplaceAll(trustAdmin, ":user/admin", ":root"))})
	refused(t, "a role that trusts the account needs the account's word", take(app, "trusting"), "sts:AssumeRole")
	e.put("app", `{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}`)
	refused(t, "the account's word", take(app, "trusting"), "")
	refused(t, "the account's word is not the role's", take(app, "app"), "sts:AssumeRole")
}

func TestWhatACallNeeds(t *testing.T) {
	e := newEstate(t)
	e.bucket("shop")
	do(e, e.admin, secretsmanagerapi.CreateSecret, &secretsmanagerapi.CreateSecretInput{Name: new("shop/db"), SecretString: new("x")})
	do(e, e.admin, secretsmanagerapi.CreateSecret, &secretsmanagerapi.CreateSecretInput{Name: new("shop/other"), SecretString: new("x")})
	app := e.role("app", "")
	const trustLambda = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":["lambda.amazonaws.com","states.amazonaws.com"]},"Action":"sts:AssumeRole"}]}`
	do(e, e.admin, iamapi.CreateRole, &iamapi.CreateRoleInput{RoleName: new("fn"), AssumeRolePolicyDocument: new(trustLambda)})
	boundary := *do(e, e.admin, iamapi.CreatePolicy, &iamapi.CreatePolicyInput{PolicyName: new("limit"), PolicyDocument: new(document(`{"Effect":"Allow","Action":"s3:*","Resource":"*"}`))}).Policy.Arn
	secret := func(id string) func() error {
		return func() error {
			_, err := wire.Invoke(app, e.calls, secretsmanagerapi.GetSecretValue, &secretsmanagerapi.GetSecretValueInput{SecretId: &id})
			return err
		}
	}
	createRole := func(limit *string) func() error {
		return func() error {
			_, err := wire.Invoke(app, e.calls, iamapi.CreateRole, &iamapi.CreateRoleInput{RoleName: new("bounded"), AssumeRolePolicyDocument: new(trustLambda), PermissionsBoundary: limit})
			return err
		}
	}
	machine := func() error {
		_, err := wire.Invoke(app, e.calls, statesapi.CreateStateMachine, &statesapi.CreateStateMachineInput{Name: new("m"), RoleArn: new("arn:aws:iam::123456789012:role/fn"),
			Definition: new(`{"StartAt":"A","States":{"A":{"Type":"Succeed"}}}`)})
		return err
	}
	for _, c := range []struct {
		rule, statements string
		call             func() error
		want             string
	}{
		{"a secret by its ARN with any ending", `{"Effect":"Allow","Action":"secretsmanager:GetSecretValue","Resource":"arn:aws:secretsmanager:eu-central-1:123456789012:secret:shop/db-??????"}`, secret("shop/db"), ""},
		{"another secret", `{"Effect":"Allow","Action":"secretsmanager:GetSecretValue","Resource":"arn:aws:secretsmanager:eu-central-1:123456789012:secret:shop/db-??????"}`, secret("shop/other"), "secret:shop/other-"},
		{"passing a role is an action of its own", `{"Effect":"Allow","Action":"states:*","Resource":"*"}`, machine, "iam:PassRole on resource: arn:aws:iam::123456789012:role/fn"},
		{"passing a role to another service", `{"Effect":"Allow","Action":"states:*","Resource":"*"},{"Effect":"Allow","Action":"iam:PassRole","Resource":"*","Condition":{"StringEquals":{"iam:PassedToService":"lambda.amazonaws.com"}}}`, machine, "iam:PassRole"},
		{"passing a role to the service", `{"Effect":"Allow","Action":"states:*","Resource":"*"},{"Effect":"Allow","Action":"iam:PassRole","Resource":"*","Condition":{"StringEquals":{"iam:PassedToService":"states.amazonaws.com"}}}`, machine, ""},
		{"a role without the boundary", `{"Effect":"Allow","Action":"iam:CreateRole","Resource":"*","Condition":{"StringEquals":{"iam:PermissionsBoundary":"` + boundary + `"}}}`, createRole(nil), "iam:CreateRole"},
		{"a role with the boundary", `{"Effect":"Allow","Action":"iam:CreateRole","Resource":"*","Condition":{"StringEquals":{"iam:PermissionsBoundary":"` + boundary + `"}}}`, createRole(&boundary), ""},
		{"a policy for a role without the boundary", `{"Effect":"Allow","Action":"iam:PutRolePolicy","Resource":"*","Condition":{"StringEquals":{"iam:PermissionsBoundary":"` + boundary + `"}}}`, func() error {
			_, err := wire.Invoke(app, e.calls, iamapi.PutRolePolicy, &iamapi.PutRolePolicyInput{RoleName: new("fn"), PolicyName: new("p"), PolicyDocument: new(document(`{"Effect":"Allow","Action":"*","Resource":"*"}`))})
			return err
		}, "iam:PutRolePolicy"},
		{"a log group by its ARN with all behind it", `{"Effect":"Allow","Action":"logs:CreateLogGroup","Resource":"arn:aws:logs:eu-central-1:123456789012:log-group:mine:*"}`, func() error {
			_, err := wire.Invoke(app, e.calls, logsapi.CreateLogGroup, &logsapi.CreateLogGroupInput{LogGroupName: new("mine")})
			return err
		}, ""},
		{"a log group by its ARN alone", `{"Effect":"Allow","Action":"logs:DeleteLogGroup","Resource":"arn:aws:logs:eu-central-1:123456789012:log-group:mine"}`, func() error {
			_, err := wire.Invoke(app, e.calls, logsapi.DeleteLogGroup, &logsapi.DeleteLogGroupInput{LogGroupName: new("mine")})
			return err
		}, "logs:DeleteLogGroup"},
		{"tags on creation are an action of their own", `{"Effect":"Allow","Action":"ec2:CreateVpc","Resource":"*"}`, func() error {
			_, err := wire.Invoke(app, e.calls, ec2api.CreateVpc, &ec2api.CreateVpcInput{CidrBlock: new("10.0.0.0/16"), TagSpecifications: []ec2api.TagSpecification{{ResourceType: new("vpc"), Tags: []ec2api.Tag{{Key: new("a"), Value: new("b")}}}}})
			return err
		}, "ec2:CreateTags on resource: arn:aws:ec2:eu-central-1:123456789012:vpc/*"},
		{"a copy reads its source", `{"Effect":"Allow","Action":"s3:PutObject","Resource":"*"}`, func() error {
			_, err := wire.Invoke(app, e.calls, s3api.CopyObject, &s3api.CopyObjectInput{Bucket: new("shop"), Key: new("to"), CopySource: new("shop/from")})
			return err
		}, `s3:GetObject on resource: "arn:aws:s3:::shop/from"`},
		{"every object of a deletion counts", `{"Effect":"Allow","Action":"s3:DeleteObject","Resource":"arn:aws:s3:::shop/a/*"}`, func() error {
			_, err := wire.Invoke(app, e.calls, s3api.DeleteObjects, &s3api.DeleteObjectsInput{Bucket: new("shop"), Delete: &s3api.Delete{Objects: []s3api.ObjectIdentifier{{Key: new("a/1")}, {Key: new("b/2")}}}})
			return err
		}, `s3:DeleteObject on resource: "arn:aws:s3:::shop/b/2"`},
		{"a function by another name of it", `{"Effect":"Allow","Action":"lambda:InvokeFunction","Resource":"arn:aws:lambda:eu-central-1:123456789012:function:mine"}`, func() error {
			_, err := wire.Invoke(app, e.calls, lambdaapi.Invoke, &lambdaapi.InvokeInput{FunctionName: new("123456789012:function:other")})
			return err
		}, "function:other"},
		{"who one is may always be asked", `{"Effect":"Deny","Action":"*","Resource":"*"}`, func() error {
			_, err := wire.Invoke(app, e.calls, stsapi.GetCallerIdentity, &stsapi.GetCallerIdentityInput{})
			return err
		}, ""},
	} {
		e.put("app", c.statements)
		refused(t, c.rule, c.call(), c.want)
	}
}
