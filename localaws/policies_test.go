package localaws_test

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"grocery/localaws"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/autoscalingapi"
	"grocery/localaws/wire/api/cloudwatchapi"
	"grocery/localaws/wire/api/ecrapi"
	"grocery/localaws/wire/api/iamapi"
	"grocery/localaws/wire/api/lambdaapi"
	"grocery/localaws/wire/api/logsapi"
	"grocery/localaws/wire/api/rdsapi"
	"grocery/localaws/wire/api/s3api"
	"grocery/localaws/wire/api/secretsmanagerapi"
	"grocery/localaws/wire/api/ssmapi"
	"grocery/localaws/wire/api/statesapi"
)

// roles is a root with every role of the bootstrap and of one environment.
const roles = `
terraform {
  required_providers { aws = { source = "hashicorp/aws" } }
}
provider "aws" { region = "eu-central-1" }
module "bootstrap" {
  source            = "./aws_infra/bootstrap"
  github_repository = "octo-org/grocery"
}
module "iam" {
  source                    = "./aws_infra/modules/iam"
  name                      = "grocery-dev"
  region                    = "eu-central-1"
  bucket_name               = "grocery-dev-123456789012-eu-central-1"
  ecr_repository_name       = "grocery-app"
  db_identifier             = "grocery-dev-db"
  db_secret_name            = "grocery-dev/db"
  app_secret_name           = "grocery-dev/app"
  asg_name                  = "grocery-dev-asg"
  lambda_function_name      = "grocery-dev-restore"
  state_machine_name        = "grocery-dev-restore"
  instance_log_group_name   = "/grocery-dev/instances"
  lambda_log_group_name     = "/aws/lambda/grocery-dev-restore"
  permissions_boundary_name = module.bootstrap.workload_boundary_name
}
`

// applied is a cloud in which Terraform made the roles that stand in aws_infra.
func applied(t *testing.T) *estate {
	t.Helper()
	dir := t.TempDir()
	tf := terraform(t, dir)
	c := start(t, filepath.Join(dir, "home"))
	root := filepath.Join(dir, "root")
	for _, part := range []string{"bootstrap", "modules/iam", "modules/remote_backend"} {
		files, err := filepath.Glob(filepath.Join("../aws_infra", part, "*.tf"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d files, %v", part, len(files), err)
		}
		to := filepath.Join(root, "aws_infra", part)
		if err := os.MkdirAll(to, 0o755); err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			text, err := os.ReadFile(f)
			if err == nil {
				err = os.WriteFile(filepath.Join(to, filepath.Base(f)), text, 0o644)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := os.WriteFile(filepath.Join(root, "main.tf"), []byte(roles), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"init", "-input=false", "-no-color"}, {"apply", "-auto-approve", "-input=false", "-no-color"}} {
		cmd := exec.Command(tf.Path, args...)
		cmd.Dir, cmd.Env = root, c.env(tf.Vars())
		if args[0] == "init" && tf.Mirror == "" { // providers come from outside
			cmd.Env = append(cmd.Env, "NO_PROXY=registry.terraform.io,releases.hashicorp.com")
		}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("terraform %s: %v\n%s", args[0], err, out)
		}
	}
	e := &estate{t, c.local, localaws.Registry(c.local), c.home, as(wire.Principal{ARN: "arn:aws:iam::123456789012:user/admin", UserID: "AIDAADMIN"})}
	for _, name := range []string{"grocery-dev-ec2", "grocery-dev-lambda", "grocery-dev-step-functions", "grocery-dev-event-bridge", "grocery-dev-rds-monitoring", "grocery-github-plan", "grocery-github-drift", "grocery-github-apply"} {
		do(e, e.admin, iamapi.UpdateAssumeRolePolicy, &iamapi.UpdateAssumeRolePolicyInput{RoleName: &name, PolicyDocument: new(trustAdmin)})
	}
	e.bucket("grocery-dev-123456789012-eu-central-1")
	for _, key := range []string{"avatars/1.png", "db-dumps/x.sql"} { // who may not list is not told what is missing
		do(e, e.admin, s3api.PutObject, &s3api.PutObjectInput{Bucket: new("grocery-dev-123456789012-eu-central-1"), Key: &key, Body: io.NopCloser(strings.NewReader("x"))})
	}
	for _, name := range []string{"grocery-dev/db", "grocery-dev/app", "grocery-prod/db"} {
		do(e, e.admin, secretsmanagerapi.CreateSecret, &secretsmanagerapi.CreateSecretInput{Name: &name, SecretString: new("x")})
	}
	return e
}

// allowed says whether a call got past the decision, whatever came of it then.
func allowed(err error) bool {
	return err == nil || !strings.Contains(err.Error(), "is not authorized to perform")
}

func TestTheRolesOfAwsInfraMayDoWhatTheyNeedAndNoMore(t *testing.T) {
	e := applied(t)
	const bucket = "grocery-dev-123456789012-eu-central-1"
	type call func(ctx context.Context) error
	get := func(key string) call {
		return func(ctx context.Context) error {
			out, err := wire.Invoke(ctx, e.calls, s3api.GetObject, &s3api.GetObjectInput{Bucket: new(bucket), Key: &key})
			if err == nil {
				out.Body.Close()
			}
			return err
		}
	}
	put := func(bucket, key string) call {
		return func(ctx context.Context) error {
			_, err := wire.Invoke(ctx, e.calls, s3api.PutObject, &s3api.PutObjectInput{Bucket: &bucket, Key: &key, Body: io.NopCloser(strings.NewReader("x")), ContentLength: new(int64(1))})
			return err
		}
	}
	lists := func(prefix string) call {
		return func(ctx context.Context) error { return list(e, ctx, bucket, &prefix) }
	}
	secret := func(id string) call {
		return func(ctx context.Context) error {
			_, err := wire.Invoke(ctx, e.calls, secretsmanagerapi.GetSecretValue, &secretsmanagerapi.GetSecretValueInput{SecretId: &id})
			return err
		}
	}
	pull := func(repository string) call {
		return func(ctx context.Context) error {
			_, err := wire.Invoke(ctx, e.calls, ecrapi.BatchGetImage, &ecrapi.BatchGetImageInput{RepositoryName: &repository, ImageIds: []ecrapi.ImageIdentifier{{ImageTag: new("x")}}})
			return err
		}
	}
	push := func(repository string) call {
		return func(ctx context.Context) error {
			_, err := wire.Invoke(ctx, e.calls, ecrapi.PutImage, &ecrapi.PutImageInput{RepositoryName: &repository, ImageManifest: new("{}")})
			return err
		}
	}
	measure := func(namespace string) call {
		return func(ctx context.Context) error {
			_, err := wire.Invoke(ctx, e.calls, cloudwatchapi.PutMetricData, &cloudwatchapi.PutMetricDataInput{Namespace: &namespace})
			return err
		}
	}
	logs := func(group string) call {
		return func(ctx context.Context) error {
			_, err := wire.Invoke(ctx, e.calls, logsapi.PutLogEvents, &logsapi.PutLogEventsInput{LogGroupName: &group, LogStreamName: new("s")})
			return err
		}
	}
	booted := func(group string) call {
		return func(ctx context.Context) error {
			_, err := wire.Invoke(ctx, e.calls, autoscalingapi.CompleteLifecycleAction, &autoscalingapi.CompleteLifecycleActionInput{AutoScalingGroupName: &group, LifecycleHookName: new("h"), LifecycleActionResult: new("CONTINUE")})
			return err
		}
	}
	parameter := func(ctx context.Context) error {
		_, err := wire.Invoke(ctx, e.calls, ssmapi.GetParameter, &ssmapi.GetParameterInput{Name: new("/mine")})
		return err
	}
	describe := func(id string) call {
		return func(ctx context.Context) error {
			_, err := wire.Invoke(ctx, e.calls, rdsapi.DescribeDBInstances, &rdsapi.DescribeDBInstancesInput{DBInstanceIdentifier: &id})
			return err
		}
	}
	invoke := func(name string) call {
		return func(ctx context.Context) error {
			_, err := wire.Invoke(ctx, e.calls, lambdaapi.Invoke, &lambdaapi.InvokeInput{FunctionName: &name})
			return err
		}
	}
	begin := func(name string) call {
		return func(ctx context.Context) error {
			_, err := wire.Invoke(ctx, e.calls, statesapi.StartExecution, &statesapi.StartExecutionInput{StateMachineArn: new("arn:aws:states:eu-central-1:123456789012:stateMachine:" + name)})
			return err
		}
	}
	createGroup := func(name string) call {
		return func(ctx context.Context) error {
			_, err := wire.Invoke(ctx, e.calls, logsapi.CreateLogGroup, &logsapi.CreateLogGroupInput{LogGroupName: &name})
			return err
		}
	}
	deleteSubnets := func(name string) call {
		return func(ctx context.Context) error {
			_, err := wire.Invoke(ctx, e.calls, rdsapi.DeleteDBSubnetGroup, &rdsapi.DeleteDBSubnetGroupInput{DBSubnetGroupName: &name})
			return err
		}
	}
	inline := func(role string) call {
		return func(ctx context.Context) error {
			_, err := wire.Invoke(ctx, e.calls, iamapi.PutRolePolicy, &iamapi.PutRolePolicyInput{RoleName: &role, PolicyName: new("more"), PolicyDocument: new(document(`{"Effect":"Allow","Action":"*","Resource":"*"}`))})
			return err
		}
	}
	newRole := func(name, boundary string) call {
		return func(ctx context.Context) error {
			in := &iamapi.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: new(trustAdmin)}
			if boundary != "" {
				in.PermissionsBoundary = new("arn:aws:iam::123456789012:policy/" + boundary)
			}
			_, err := wire.Invoke(ctx, e.calls, iamapi.CreateRole, in)
			return err
		}
	}
	unbind := func(ctx context.Context) error {
		_, err := wire.Invoke(ctx, e.calls, iamapi.DeleteRolePermissionsBoundary, &iamapi.DeleteRolePermissionsBoundaryInput{RoleName: new("grocery-dev-ec2")})
		return err
	}
	widen := func(ctx context.Context) error {
		_, err := wire.Invoke(ctx, e.calls, iamapi.CreatePolicyVersion, &iamapi.CreatePolicyVersionInput{PolicyArn: new("arn:aws:iam::123456789012:policy/grocery-boundary"), PolicyDocument: new(document(`{"Effect":"Allow","Action":"*","Resource":"*"}`)), SetAsDefault: new(true)})
		return err
	}
	pass := func(role string) call {
		return func(ctx context.Context) error {
			_, err := wire.Invoke(ctx, e.calls, statesapi.CreateStateMachine, &statesapi.CreateStateMachineInput{Name: new("grocery-dev-x"), RoleArn: new("arn:aws:iam::123456789012:role/" + role), Definition: new(`{}`)})
			return err
		}
	}
	const state = "grocery-tfstate-123456789012-eu-central-1"
	for _, c := range []struct {
		role    string
		may     map[string]call
		mustNot map[string]call
	}{
		{"grocery-dev-ec2",
			map[string]call{"read a picture": get("avatars/1.png"), "write a picture": put(bucket, "avatars/1.png"), "list pictures": lists("avatars/"), "read its login": secret("grocery-dev/db"), "read its keys": secret("grocery-dev/app"),
				"pull": pull("grocery-app"), "measure": measure("CWAgent"), "log": logs("/grocery-dev/instances"), "report its boot": booted("grocery-dev-asg")},
			map[string]call{"read a dump": get("db-dumps/initial.dump"), "write a layer": put(bucket, "layers/rds-ca.zip"), "list all": lists(""), "read another's login": secret("grocery-prod/db"), "pull another's image": pull("other"), "push": push("grocery-app"),
				"measure for AWS": measure("AWS/EC2"), "log for another": logs("/aws/lambda/grocery-dev-restore"), "report another's boot": booted("other-asg"), "read a parameter": parameter, "give itself more": inline("grocery-dev-ec2")}},
		{"grocery-dev-lambda",
			map[string]call{"read a dump": get("db-dumps/x.sql"), "write a report": put(bucket, "restore-reports/x.json"), "read the login": secret("grocery-dev/db"), "log": logs("/aws/lambda/grocery-dev-restore")},
			map[string]call{"write a layer": put(bucket, "layers/rds-ca.zip"), "write a dump": put(bucket, "db-dumps/x.sql"), "read a picture": get("avatars/1.png"), "read the application's keys": secret("grocery-dev/app"), "log for instances": logs("/grocery-dev/instances"), "list": lists("db-dumps/")}},
		{"grocery-dev-step-functions",
			map[string]call{"see the database": describe("grocery-dev-db"), "restore": invoke("grocery-dev-restore"), "see a dump": get("db-dumps/x.sql")},
			map[string]call{"see another database": describe("other"), "see all databases": describe(""), "call another function": invoke("other"), "write": put(bucket, "db-dumps/x.sql"), "read the login": secret("grocery-dev/db")}},
		{"grocery-dev-event-bridge",
			map[string]call{"start the restore": begin("grocery-dev-restore")},
			map[string]call{"start another": begin("other"), "call the function": invoke("grocery-dev-restore")}},
		{"grocery-dev-rds-monitoring",
			map[string]call{"make its group": createGroup("RDSOSMetrics")},
			map[string]call{"make another": createGroup("mine")}},
		{"grocery-github-apply",
			map[string]call{"write its state": put(state, "grocery/dev/terraform.tfstate"), "make a limited role and give it a policy": func(ctx context.Context) error {
				if err := newRole("grocery-dev-new", "grocery-boundary")(ctx); err != nil {
					return err
				}
				return inline("grocery-dev-new")(ctx)
			}, "push": push("grocery-app"),
				"delete the subnet group": deleteSubnets("grocery-dev"), "hand a role to its machine": pass("grocery-dev-step-functions")},
			map[string]call{"write the bootstrap's state": put(state, "grocery/bootstrap/terraform.tfstate"), "make an unlimited role": newRole("grocery-dev-free", ""), "make a role of another limit": newRole("grocery-dev-free", "grocery-deploy-boundary"),
				"make another's role": newRole("other", "grocery-boundary"), "lift a limit": unbind, "widen the limit": widen, "give itself more": inline("grocery-github-apply"), "give the plan role more": inline("grocery-github-plan"),
				"hand itself to a machine": pass("grocery-github-apply"), "delete another's subnet group": deleteSubnets("grocery-prod"), "push to another": push("other"), "write a picture of production": put("grocery-prod-123456789012-eu-central-1", "avatars/1.png")}},
	} {
		ctx := e.session(c.role, nil)
		for what, f := range c.may {
			if err := f(ctx); !allowed(err) {
				t.Errorf("%s may not %s: %v", c.role, what, err)
			}
		}
		for what, f := range c.mustNot {
			if err := f(ctx); allowed(err) {
				t.Errorf("%s may %s (%v)", c.role, what, err)
			}
		}
	}

	for _, role := range []string{"grocery-github-plan", "grocery-github-drift"} {
		t.Run(role+" changes nothing", func(t *testing.T) { e.changesNothing(t, e.session(role, nil)) })
	}
	if err := secret("grocery-dev/db")(e.session("grocery-github-plan", nil)); allowed(err) {
		t.Error("the plan role, which runs code that nobody has read, may read a secret")
	}
}

// changesNothing makes every served call that changes something: about nothing,
// and about what carries the environment's name.
func (e *estate) changesNothing(t *testing.T, ctx context.Context) {
	tried := 0
	for _, op := range e.calls.Operations() {
		if reading(op) {
			continue
		}
		tried++
		for _, in := range []map[string]any{{}, plausible(op.Input(), 3).(map[string]any)} {
			if _, err := e.calls.InvokeJSON(ctx, op.Service.Name, op.Name, in); allowed(err) {
				t.Errorf("%s is allowed (%v)", op, err)
			}
		}
	}
	if tried < 300 {
		t.Errorf("only %d calls were tried", tried)
	}
}

// reading says whether an operation changes nothing.
func reading(op *wire.Operation) bool {
	switch op.String() {
	case "sts:AssumeRoleWithWebIdentity", "sts:GetSessionToken": // nobody needs a permission for these
		return true
	}
	for _, p := range []string{"Describe", "List", "Get", "Head", "BatchGet", "BatchCheck", "Download", "Filter", "Query", "Scan", "Test", "TransactGet", "ValidateStateMachineDefinition"} {
		if strings.HasPrefix(op.Name, p) {
			return true
		}
	}
	return false
}

// plausible fills a request with what carries the environment's name.
func plausible(t reflect.Type, deep int) any {
	switch t.Kind() {
	case reflect.Pointer:
		return plausible(t.Elem(), deep)
	case reflect.Slice:
		if x := plausible(t.Elem(), deep); x != nil && t.Elem().Kind() != reflect.Uint8 {
			return []any{x}
		}
	case reflect.String:
		return "grocery-dev-x"
	case reflect.Struct:
		if t == reflect.TypeFor[time.Time]() {
			return nil
		}
		all := map[string]any{}
		for i := range t.NumField() {
			f := t.Field(i)
			switch name := f.Tag.Get("name"); {
			case name == "Bucket" && f.Type == reflect.TypeFor[*string]():
				all[name] = "grocery-tfstate-123456789012-eu-central-1"
			case name == "Key" && f.Type == reflect.TypeFor[*string]():
				all[name] = "grocery/dev/terraform.tfstate"
			case name == "TableName":
				all[name] = "grocery-tfstate-lock"
			case name == "SecretId":
				all[name] = "grocery-dev/db"
			case deep > 0 && name != "":
				if x := plausible(f.Type, deep-1); x != nil {
					all[name] = x
				}
			}
		}
		return all
	}
	return nil
}
