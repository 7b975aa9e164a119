package ops_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	ebtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"grocery/backend/dump"
	"grocery/ops"
)

const shopBucket = "grocery-probe-123456789012-eu-central-1"

// machine stands for the restore's: it ends as the key of the dump says, after a
// moment in which its report is stored.
const machine = `{"StartAt": "Restore", "States": {
	"Restore": {"Type": "Wait", "Seconds": 1, "Next": "End"},
	"End": {"Type": "Choice", "Default": "Restored", "Choices": [
		{"Variable": "$.key", "StringMatches": "*bad*", "Next": "Refused"},
		{"Variable": "$.key", "StringMatches": "*gone*", "Next": "Away"}]},
	"Refused": {"Type": "Fail", "Error": "InvalidDumpError", "Cause": "{\"errorMessage\":\"invalid dump\",\"errorType\":\"InvalidDumpError\"}"},
	"Away": {"Type": "Fail", "Error": "RestoreError", "Cause": "{\"errorMessage\":\"connect to the database: refused\",\"errorType\":\"RestoreError\"}"},
	"Restored": {"Type": "Succeed"}}}`

// restorer is a cloud with the parts of a restore that do not run a function, and the
// environment that they belong to.
type restorer struct {
	*cloud
	*ops.Environment
	ev  *events
	sfn *sfn.Client
	arn string
}

func newRestorer(t *testing.T) *restorer {
	t.Helper()
	c := start(t)
	c.makeBackend(t)
	e, ev := environment(t, c)
	r := &restorer{cloud: c, Environment: e, ev: ev, sfn: sfn.NewFromConfig(c.cfg)}
	fatal := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	roles := iam.NewFromConfig(c.cfg)
	role := func(service, action string) *string {
		name := strings.Split(service, ".")[0]
		out, err := roles.CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: aws.String(
			`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":"` + service + `"}}]}`)})
		fatal(err)
		_, err = roles.PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{RoleName: &name, PolicyName: &name, PolicyDocument: aws.String(
			`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"` + action + `","Resource":"*"}]}`)})
		fatal(err)
		return out.Role.Arn
	}
	made, err := r.sfn.CreateStateMachine(t.Context(), &sfn.CreateStateMachineInput{Name: aws.String("grocery-probe-restore"), Definition: aws.String(machine), RoleArn: role("states.amazonaws.com", "s3:GetObject")})
	fatal(err)
	r.arn = *made.StateMachineArn
	name := aws.String(shopBucket)
	_, err = c.s3.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: name, CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: region}})
	fatal(err)
	_, err = c.s3.PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{Bucket: name, VersioningConfiguration: &s3types.VersioningConfiguration{Status: s3types.BucketVersioningStatusEnabled}})
	fatal(err)
	_, err = c.s3.PutBucketNotificationConfiguration(t.Context(), &s3.PutBucketNotificationConfigurationInput{Bucket: name, NotificationConfiguration: &s3types.NotificationConfiguration{EventBridgeConfiguration: &s3types.EventBridgeConfiguration{}}})
	fatal(err)
	rules := eventbridge.NewFromConfig(c.cfg)
	_, err = rules.PutRule(t.Context(), &eventbridge.PutRuleInput{Name: aws.String("dumps"), EventPattern: aws.String(
		`{"source":["aws.s3"],"detail-type":["Object Created"],"detail":{"bucket":{"name":["` + shopBucket + `"]},"object":{"key":[{"prefix":"` + ops.DumpsPrefix + `"}]}}}`)})
	fatal(err)
	_, err = rules.PutTargets(t.Context(), &eventbridge.PutTargetsInput{Rule: aws.String("dumps"), Targets: []ebtypes.Target{{Id: aws.String("restore"), Arn: &r.arn, RoleArn: role("events.amazonaws.com", "states:StartExecution"),
		InputTransformer: &ebtypes.InputTransformer{InputPathsMap: map[string]string{"bucket": "$.detail.bucket.name", "key": "$.detail.object.key", "version": "$.detail.object.version-id"},
			InputTemplate: aws.String(`{"bucket": <bucket>, "key": <key>, "version": <version>}`)}}}})
	fatal(err)
	c.put(t, stateKey, fmt.Sprintf(`{"outputs": {"bucket_name": {"value": %q}, "state_machine_arn": {"value": %q}}}`, shopBucket, r.arn))
	return r
}

// store puts an object into the environment's bucket and returns its version.
func (r *restorer) store(t *testing.T, key, body string) string {
	t.Helper()
	out, err := r.s3.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String(shopBucket), Key: &key, Body: strings.NewReader(body)})
	if err != nil {
		t.Fatal(err)
	}
	return *out.VersionId
}

// reporting stores a report for each dump that arrives, as the function does.
func (r *restorer) reporting(t *testing.T, report func(key string, x *dump.Outcome)) {
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		seen := map[string]bool{}
		for ; ctx.Err() == nil; time.Sleep(30 * time.Millisecond) {
			list, err := r.s3.ListObjectVersions(ctx, &s3.ListObjectVersionsInput{Bucket: aws.String(shopBucket), Prefix: aws.String(ops.DumpsPrefix)})
			if err != nil {
				continue
			}
			for _, v := range list.Versions {
				if seen[*v.Key+*v.VersionId] {
					continue
				}
				seen[*v.Key+*v.VersionId] = true
				x := &dump.Outcome{Report: &dump.Report{Source: "s3://" + shopBucket + "/" + *v.Key + "?versionId=" + *v.VersionId, Restored: dump.Counts{"products": *v.Size}}, Succeeded: true}
				report(*v.Key, x)
				raw, err := json.Marshal(x)
				if err != nil {
					panic(err)
				}
				key := ops.ReportsPrefix + strings.TrimPrefix(*v.Key, ops.DumpsPrefix) + ".json"
				if _, err := r.s3.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String(shopBucket), Key: &key, Body: bytes.NewReader(raw)}); err != nil && ctx.Err() == nil {
					t.Error(err)
				}
			}
		}
	}()
	t.Cleanup(func() { stop(); <-done })
}

// runs is how many executions there were for a dump.
func (r *restorer) runs(t *testing.T, key string) (n int) {
	t.Helper()
	list, err := r.sfn.ListExecutions(t.Context(), &sfn.ListExecutionsInput{StateMachineArn: &r.arn})
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range list.Executions {
		d, err := r.sfn.DescribeExecution(t.Context(), &sfn.DescribeExecutionInput{ExecutionArn: x.ExecutionArn})
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(*d.Input, `"`+key+`"`) {
			n++
		}
	}
	return n
}

func TestRestoreFollowsTheExecutionOfItsOwnUpload(t *testing.T) {
	r := newRestorer(t)
	r.reporting(t, func(key string, x *dump.Outcome) {
		if strings.Contains(key, "bad") {
			x.Succeeded, x.Fault = false, &dump.InvalidDumpError{Code: dump.Statement, Line: 7, Reason: "DROP ROLE has no place here"}
		}
	})
	file := func(name, text string) string {
		path := filepath.Join(t.TempDir(), name)
		write(t, path, text)
		return path
	}
	r.store(t, "db-dumps/somebody-elses.sql", "x") // at the same time
	r.store(t, "backups/yesterday.sql.gz", "of yesterday")
	for _, tt := range []struct {
		name, from string
		follow     bool
		bytes      int64
		says       string // of the failure; "" for success
		line       int64
	}{
		{name: "a file", from: file("old shop.sql", "four"), bytes: 4},
		{name: "a backup", from: "backups/yesterday.sql.gz", bytes: 12},
		{name: "a backup by its whole address", from: "s3://" + shopBucket + "/backups/yesterday.sql.gz", bytes: 12},
		{name: "what lies there already, followed only", from: "db-dumps/somebody-elses.sql", follow: true, bytes: 1},
		{name: "a dump that is refused", from: file("bad.sql", "x"), says: "line 7: DROP ROLE has no place here", line: 7},
		{name: "a database that is away", from: file("gone.sql", "x"), says: "connect to the database: refused"},
		{name: "nothing", from: "no-such-file.sql", says: "there is no file no-such-file.sql"},
		{name: "a key without an object", from: "backups/none", says: "there is no s3://" + shopBucket + "/backups/none"},
		{name: "a folder", from: t.TempDir(), says: "is no file"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			done, err := r.Restore(t.Context(), ops.RestoreOptions{From: tt.from, Follow: tt.follow})
			if tt.says != "" {
				if err == nil || !strings.Contains(err.Error(), tt.says) {
					t.Fatalf("error %v, want one that says %q", err, tt.says)
				}
				failed, ok := errors.AsType[*ops.RestoreError](err)
				if tt.line > 0 && (!ok || failed.Fault == nil || failed.Fault.Line != tt.line) {
					t.Errorf("%+v", failed)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if done.Report.Restored["products"] != tt.bytes || r.runs(t, done.Key) != 1 {
				t.Errorf("%+v of %d bytes, %d executions", done, done.Report.Restored["products"], r.runs(t, done.Key))
			}
		})
	}
	t.Run("interrupted, it says how to follow", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		e := &ops.Environment{Root: r.Root, Name: r.Name, Home: r.Home, Access: r.Environment.Access, Report: func(ev ops.Event) {
			if ev.Step == "restore" && strings.Contains(ev.Detail, "Restore") {
				cancel()
			}
		}}
		_, err := e.Restore(ctx, ops.RestoreOptions{From: file("long.sql", "x")})
		detached, ok := errors.AsType[*ops.DetachedError](err)
		if !ok || !strings.Contains(err.Error(), "grocery restore --follow "+detached.Key) {
			t.Fatal(err)
		}
		done, err := r.Restore(t.Context(), ops.RestoreOptions{From: detached.Key, Follow: true})
		if err != nil || r.runs(t, done.Key) != 1 {
			t.Errorf("followed again: %+v %v", done, err)
		}
	})
}

func TestInitialDataIsRestoredOnceForEachVersionOfTheDump(t *testing.T) {
	r := newRestorer(t)
	var inUse atomic.Bool
	r.reporting(t, func(_ string, x *dump.Outcome) {
		if inUse.Load() {
			x.Kept = "the shop is in use"
		}
	})
	fill := func() (ops.State, string) {
		t.Helper()
		r.ev.all = nil
		if err := r.InitialData(t.Context()); err != nil {
			return ops.Failed, err.Error()
		}
		return r.ev.last(t)
	}
	if state, said := fill(); state != ops.Skipped || !strings.Contains(said, "there is no db-dumps/initial.dump") {
		t.Errorf("without a dump: %s %s", state, said)
	}
	r.store(t, ops.InitialDump, "dump")
	if state, said := fill(); state != ops.Done || !strings.Contains(said, "execution initial-") {
		t.Errorf("the first time: %s %s", state, said)
	}
	if state, said := fill(); state != ops.Skipped || !strings.Contains(said, "was restored at") {
		t.Errorf("the second time: %s %s", state, said)
	}
	inUse.Store(true)
	r.store(t, ops.InitialDump, "another dump")
	if state, said := fill(); state != ops.Skipped || !strings.Contains(said, "keeps its data") {
		t.Errorf("a shop in use: %s %s", state, said)
	}
}
