package iam_test

import (
	"context"
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"grocery/localaws/service/iam"
	"grocery/localaws/service/internal/apitest"
	"grocery/localaws/store"
)

const (
	ec2Trust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
	readAll  = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]}`
	ssmCore  = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
)

func start(t *testing.T) (*awsiam.Client, *iam.Service, context.Context) {
	t.Helper()
	svc := iam.New(iam.Deps{Store: store.NewMemory(), Clock: apitest.NewClock()})
	r := apitest.Registry()
	svc.Register(r)
	return awsiam.NewFromConfig(apitest.Serve(t, r)), svc, t.Context()
}

func role(t *testing.T, c *awsiam.Client, name string) *types.Role {
	t.Helper()
	out, err := c.CreateRole(t.Context(), &awsiam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: aws.String(ec2Trust), Path: aws.String("/app/"), Tags: []types.Tag{{Key: aws.String("a"), Value: aws.String("1")}}})
	if err != nil {
		t.Fatal(err)
	}
	return out.Role
}

func wantCode(t *testing.T, err error, code string) {
	t.Helper()
	if got := apitest.Code(err); got != code {
		t.Errorf("error %v, want code %q", err, code)
	}
}

func TestARoleComesBackAsItWasMade(t *testing.T) {
	c, _, ctx := start(t)
	made := role(t, c, "app")
	got, err := c.GetRole(ctx, &awsiam.GetRoleInput{RoleName: aws.String("app")})
	if err != nil {
		t.Fatal(err)
	}
	r := got.Role
	trust, _ := url.QueryUnescape(*r.AssumeRolePolicyDocument)
	if *r.Arn != "arn:aws:iam::123456789012:role/app/app" || *r.RoleId != *made.RoleId || !strings.HasPrefix(*r.RoleId, "AROA") || trust != ec2Trust || *r.MaxSessionDuration != 3600 || len(r.Tags) != 1 {
		t.Errorf("%+v", r)
	}
	_, err = c.CreateRole(ctx, &awsiam.CreateRoleInput{RoleName: aws.String("app"), AssumeRolePolicyDocument: aws.String(ec2Trust)})
	wantCode(t, err, "EntityAlreadyExists")
	_, err = c.GetRole(ctx, &awsiam.GetRoleInput{RoleName: aws.String("absent")})
	wantCode(t, err, "NoSuchEntity")
}

func TestBadDocumentsAreRefused(t *testing.T) {
	c, _, ctx := start(t)
	for rule, doc := range map[string]string{
		"no JSON":                `{"Version"`,
		"no statement":           `{"Version":"2012-10-17","Statement":[]}`,
		"no principal":           `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole"}]}`,
		"an action that is none": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject"}]}`,
		"an absent role":         `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:role/absent"},"Action":"sts:AssumeRole"}]}`,
		"an unknown condition":   `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole","Condition":{"StringIs":{"a":"b"}}}]}`,
		"a misspelt element":     `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principals":"*","Action":"sts:AssumeRole"}]}`,
	} {
		_, err := c.CreateRole(ctx, &awsiam.CreateRoleInput{RoleName: aws.String("r"), AssumeRolePolicyDocument: &doc})
		if apitest.Code(err) != "MalformedPolicyDocument" {
			t.Errorf("trust with %s: %v", rule, err)
		}
	}
	for rule, doc := range map[string]string{
		"a principal": strings.Replace(readAll, `"Action"`, `"Principal":"*","Action"`, 1),
		"no resource": strings.Replace(readAll, `,"Resource":"*"`, "", 1),
		"no ARN":      strings.Replace(readAll, `"*"`, `"my-bucket"`, 1),
	} {
		_, err := c.CreatePolicy(ctx, &awsiam.CreatePolicyInput{PolicyName: aws.String("p"), PolicyDocument: &doc})
		if apitest.Code(err) != "MalformedPolicyDocument" {
			t.Errorf("policy with %s: %v", rule, err)
		}
	}
	long := strings.Replace(readAll, `"*"`, `["`+strings.Repeat(`arn:aws:s3:::bucket/key","`, 300)+`*"]`, 1)
	_, err := c.CreatePolicy(ctx, &awsiam.CreatePolicyInput{PolicyName: aws.String("p"), PolicyDocument: &long})
	wantCode(t, err, "LimitExceeded")
}

func TestDeletesConflictAsOnAWS(t *testing.T) {
	c, _, ctx := start(t)
	role(t, c, "app")
	p, err := c.CreatePolicy(ctx, &awsiam.CreatePolicyInput{PolicyName: aws.String("read"), PolicyDocument: aws.String(readAll)})
	if err != nil {
		t.Fatal(err)
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	del := func() error {
		_, err := c.DeleteRole(ctx, &awsiam.DeleteRoleInput{RoleName: aws.String("app")})
		return err
	}
	_, err = c.AttachRolePolicy(ctx, &awsiam.AttachRolePolicyInput{RoleName: aws.String("app"), PolicyArn: p.Policy.Arn})
	must(err)
	_, err = c.AttachRolePolicy(ctx, &awsiam.AttachRolePolicyInput{RoleName: aws.String("app"), PolicyArn: aws.String(ssmCore)})
	must(err)
	list, err := c.ListAttachedRolePolicies(ctx, &awsiam.ListAttachedRolePoliciesInput{RoleName: aws.String("app")})
	if err != nil || len(list.AttachedPolicies) != 2 {
		t.Errorf("%v: %+v", err, list)
	}
	_, err = c.DeletePolicy(ctx, &awsiam.DeletePolicyInput{PolicyArn: p.Policy.Arn})
	wantCode(t, err, "DeleteConflict")
	wantCode(t, del(), "DeleteConflict")
	for _, a := range list.AttachedPolicies {
		_, err = c.DetachRolePolicy(ctx, &awsiam.DetachRolePolicyInput{RoleName: aws.String("app"), PolicyArn: a.PolicyArn})
		must(err)
	}
	_, err = c.DeletePolicy(ctx, &awsiam.DeletePolicyInput{PolicyArn: p.Policy.Arn})
	must(err)
	_, err = c.PutRolePolicy(ctx, &awsiam.PutRolePolicyInput{RoleName: aws.String("app"), PolicyName: aws.String("in"), PolicyDocument: aws.String(readAll)})
	must(err)
	wantCode(t, del(), "DeleteConflict")
	_, err = c.DeleteRolePolicy(ctx, &awsiam.DeleteRolePolicyInput{RoleName: aws.String("app"), PolicyName: aws.String("in")})
	must(err)
	_, err = c.CreateInstanceProfile(ctx, &awsiam.CreateInstanceProfileInput{InstanceProfileName: aws.String("app")})
	must(err)
	_, err = c.AddRoleToInstanceProfile(ctx, &awsiam.AddRoleToInstanceProfileInput{InstanceProfileName: aws.String("app"), RoleName: aws.String("app")})
	must(err)
	_, err = c.AddRoleToInstanceProfile(ctx, &awsiam.AddRoleToInstanceProfileInput{InstanceProfileName: aws.String("app"), RoleName: aws.String("app")})
	wantCode(t, err, "LimitExceeded")
	wantCode(t, del(), "DeleteConflict")
	_, err = c.DeleteInstanceProfile(ctx, &awsiam.DeleteInstanceProfileInput{InstanceProfileName: aws.String("app")})
	wantCode(t, err, "DeleteConflict")
	_, err = c.RemoveRoleFromInstanceProfile(ctx, &awsiam.RemoveRoleFromInstanceProfileInput{InstanceProfileName: aws.String("app"), RoleName: aws.String("app")})
	must(err)
	must(del())
}

func TestPolicyVersions(t *testing.T) {
	c, _, ctx := start(t)
	p, err := c.CreatePolicy(ctx, &awsiam.CreatePolicyInput{PolicyName: aws.String("read"), PolicyDocument: aws.String(readAll)})
	if err != nil {
		t.Fatal(err)
	}
	for range 4 {
		if _, err := c.CreatePolicyVersion(ctx, &awsiam.CreatePolicyVersionInput{PolicyArn: p.Policy.Arn, PolicyDocument: aws.String(readAll), SetAsDefault: true}); err != nil {
			t.Fatal(err)
		}
	}
	_, err = c.CreatePolicyVersion(ctx, &awsiam.CreatePolicyVersionInput{PolicyArn: p.Policy.Arn, PolicyDocument: aws.String(readAll)})
	wantCode(t, err, "LimitExceeded")
	_, err = c.DeletePolicyVersion(ctx, &awsiam.DeletePolicyVersionInput{PolicyArn: p.Policy.Arn, VersionId: aws.String("v5")})
	wantCode(t, err, "DeleteConflict")
	if _, err = c.DeletePolicyVersion(ctx, &awsiam.DeletePolicyVersionInput{PolicyArn: p.Policy.Arn, VersionId: aws.String("v1")}); err != nil {
		t.Error(err)
	}
	got, err := c.GetPolicy(ctx, &awsiam.GetPolicyInput{PolicyArn: p.Policy.Arn})
	if err != nil || *got.Policy.DefaultVersionId != "v5" {
		t.Errorf("%v: %+v", err, got)
	}
	_, err = c.DeletePolicy(ctx, &awsiam.DeletePolicyInput{PolicyArn: p.Policy.Arn})
	wantCode(t, err, "DeleteConflict")
}

func TestTheFirstUserMayComeIn(t *testing.T) {
	c, svc, ctx := start(t)
	id, secret, err := svc.EnsureAdmin(ctx)
	if err != nil || len(secret) != 40 || !strings.HasPrefix(id, "AKIA") || len(id) != 20 {
		t.Fatalf("%v: %s %s", err, id, secret)
	}
	if again, _, err := svc.EnsureAdmin(ctx); err != nil || again != id {
		t.Errorf("a second start made another key: %v", err)
	}
	cred, ok, err := svc.Credential(ctx, id)
	if err != nil || !ok || cred.Secret != secret || cred.Principal.ARN != "arn:aws:iam::123456789012:user/admin" {
		t.Errorf("%v: %+v", err, cred)
	}
	if _, err := c.UpdateAccessKey(ctx, &awsiam.UpdateAccessKeyInput{UserName: aws.String("admin"), AccessKeyId: &id, Status: types.StatusTypeInactive}); err != nil {
		t.Fatal(err)
	}
	if _, ok, _ := svc.Credential(ctx, id); ok {
		t.Error("an inactive key still opens")
	}
	_, err = c.DeleteUser(ctx, &awsiam.DeleteUserInput{UserName: aws.String("admin")})
	wantCode(t, err, "DeleteConflict")
	got, err := c.GetUser(ctx, &awsiam.GetUserInput{})
	if err != nil || *got.User.UserName != "admin" {
		t.Errorf("the caller is %+v, %v", got, err)
	}
}

func TestServiceLinkedRolesBelongToTheirService(t *testing.T) {
	c, _, ctx := start(t)
	out, err := c.CreateServiceLinkedRole(ctx, &awsiam.CreateServiceLinkedRoleInput{AWSServiceName: aws.String("autoscaling.amazonaws.com")})
	if err != nil || *out.Role.RoleName != "AWSServiceRoleForAutoScaling" || *out.Role.Path != "/aws-service-role/autoscaling.amazonaws.com/" {
		t.Fatalf("%v: %+v", err, out)
	}
	_, err = c.DeleteRole(ctx, &awsiam.DeleteRoleInput{RoleName: out.Role.RoleName})
	wantCode(t, err, "UnmodifiableEntity")
	del, err := c.DeleteServiceLinkedRole(ctx, &awsiam.DeleteServiceLinkedRoleInput{RoleName: out.Role.RoleName})
	if err != nil {
		t.Fatal(err)
	}
	st, err := c.GetServiceLinkedRoleDeletionStatus(ctx, &awsiam.GetServiceLinkedRoleDeletionStatusInput{DeletionTaskId: del.DeletionTaskId})
	if err != nil || st.Status != types.DeletionTaskStatusTypeSucceeded {
		t.Errorf("%v: %+v", err, st)
	}
}
