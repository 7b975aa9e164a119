package states_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"grocery/localaws/reconcile"
	"grocery/localaws/service/internal/apitest"
	"grocery/localaws/service/states"
	"grocery/localaws/store"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/stsapi"
)

const (
	roleARN = "arn:aws:iam::123456789012:role/machine"
	groupAr = "arn:aws:logs:eu-central-1:123456789012:log-group:/aws/vendedlogs/states/m:*"
	pass    = `{"StartAt":"A","States":{"A":{"Type":"Pass","End":true}}}`
)

// trusting answers AssumeRole as STS does for a role named machine.
func trusting(r *wire.Registry) {
	wire.Handle(r, stsapi.AssumeRole, func(ctx context.Context, in *stsapi.AssumeRoleInput) (*stsapi.AssumeRoleOutput, error) {
		if *in.RoleArn != roleARN || wire.CallFrom(ctx).Principal.Service != "states.amazonaws.com" {
			return nil, wire.Errorf(403, "AccessDenied", "not authorized")
		}
		return &stsapi.AssumeRoleOutput{
			AssumedRoleUser: &stsapi.AssumedRoleUser{Arn: new("arn:aws:sts::123456789012:assumed-role/machine/" + *in.RoleSessionName), AssumedRoleId: new("AROA:" + *in.RoleSessionName)},
			Credentials:     &stsapi.Credentials{AccessKeyId: new("ASIAMACHINE")},
		}, nil
	})
}

func newAPI(t *testing.T) *sfn.Client {
	r := apitest.Registry()
	trusting(r)
	states.New(states.Deps{Store: store.NewMemory(), Clock: apitest.NewClock(), Calls: r}).Register(r)
	return sfn.NewFromConfig(apitest.Serve(t, r))
}

func create(t *testing.T, c *sfn.Client, name, definition string) string {
	t.Helper()
	out, err := c.CreateStateMachine(t.Context(), &sfn.CreateStateMachineInput{Name: &name, RoleArn: new(roleARN), Definition: &definition})
	if err != nil {
		t.Fatal(err)
	}
	return *out.StateMachineArn
}

func TestAMachineIsDescribedAsItWasMade(t *testing.T) {
	c := newAPI(t)
	in := &sfn.CreateStateMachineInput{
		Name: new("m"), RoleArn: new(roleARN), Definition: new(pass), Tags: []types.Tag{{Key: new("a"), Value: new("1")}},
		LoggingConfiguration: &types.LoggingConfiguration{Level: types.LogLevelAll, IncludeExecutionData: true, Destinations: []types.LogDestination{{CloudWatchLogsLogGroup: &types.CloudWatchLogsLogGroup{LogGroupArn: new(groupAr)}}}},
	}
	out, err := c.CreateStateMachine(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	d, err := c.DescribeStateMachine(t.Context(), &sfn.DescribeStateMachineInput{StateMachineArn: out.StateMachineArn})
	if err != nil {
		t.Fatal(err)
	}
	switch {
	case *d.Definition != pass, *d.RoleArn != roleARN, d.Status != types.StateMachineStatusActive, d.Type != types.StateMachineTypeStandard:
		t.Errorf("%+v", d)
	case d.LoggingConfiguration.Level != types.LogLevelAll, *d.LoggingConfiguration.Destinations[0].CloudWatchLogsLogGroup.LogGroupArn != groupAr:
		t.Errorf("logging %+v", d.LoggingConfiguration)
	case d.TracingConfiguration.Enabled, d.EncryptionConfiguration.Type != types.EncryptionTypeAwsOwnedKey:
		t.Errorf("tracing %+v, encryption %+v", d.TracingConfiguration, d.EncryptionConfiguration)
	}
	if again, err := c.CreateStateMachine(t.Context(), in); err != nil || *again.StateMachineArn != *out.StateMachineArn {
		t.Errorf("the same request again: %v", err)
	}
	in.Definition = new(strings.ReplaceAll(pass, `"A"`, `"B"`))
	if _, err := c.CreateStateMachine(t.Context(), in); apitest.Code(err) != "StateMachineAlreadyExists" {
		t.Errorf("another machine of the same name: %v", err)
	}
}

func TestAMachineWithoutSettingsHasAWSsDefaults(t *testing.T) {
	c := newAPI(t)
	arn := create(t, c, "m", pass)
	d, err := c.DescribeStateMachine(t.Context(), &sfn.DescribeStateMachineInput{StateMachineArn: &arn})
	if err != nil || d.LoggingConfiguration.Level != types.LogLevelOff || d.LoggingConfiguration.IncludeExecutionData || len(d.LoggingConfiguration.Destinations) != 0 {
		t.Fatalf("%+v, %v", d.LoggingConfiguration, err)
	}
}

func TestWhatCannotRunIsRefusedAtCreation(t *testing.T) {
	c := newAPI(t)
	for name, x := range map[string]struct {
		in         sfn.CreateStateMachineInput
		code, says string
	}{
		"a map state":                      {sfn.CreateStateMachineInput{Definition: new(`{"StartAt":"A","States":{"A":{"Type":"Map","End":true}}}`)}, "InvalidDefinition", "Map"},
		"a missing target":                 {sfn.CreateStateMachineInput{Definition: new(`{"StartAt":"A","States":{"A":{"Type":"Pass","Next":"B"}}}`)}, "InvalidDefinition", "Missing 'Next' target: B at /States/A/Next"},
		"JSONata":                          {sfn.CreateStateMachineInput{Definition: new(`{"QueryLanguage":"JSONata","StartAt":"A","States":{"A":{"Type":"Pass","End":true}}}`)}, "InvalidDefinition", "JSONPath"},
		"an express machine":               {sfn.CreateStateMachineInput{Type: types.StateMachineTypeExpress}, "StateMachineTypeNotSupported", "STANDARD"},
		"a role that does not trust it":    {sfn.CreateStateMachineInput{RoleArn: new("arn:aws:iam::123456789012:role/other")}, "AccessDeniedException", "authorized to assume the provided role"},
		"a key of one's own":               {sfn.CreateStateMachineInput{EncryptionConfiguration: &types.EncryptionConfiguration{Type: types.EncryptionTypeCustomerManagedKmsKey, KmsKeyId: new("k")}}, "InvalidEncryptionConfiguration", "AWS_OWNED_KEY"},
		"logging without a destination":    {sfn.CreateStateMachineInput{LoggingConfiguration: &types.LoggingConfiguration{Level: types.LogLevelAll}}, "InvalidLoggingConfiguration", "exactly one"},
		"a log group without its :*":       {sfn.CreateStateMachineInput{LoggingConfiguration: &types.LoggingConfiguration{Level: types.LogLevelAll, Destinations: []types.LogDestination{{CloudWatchLogsLogGroup: &types.CloudWatchLogsLogGroup{LogGroupArn: new(strings.TrimSuffix(groupAr, ":*"))}}}}}, "InvalidLoggingConfiguration", ":*"},
		"a name with a space":              {sfn.CreateStateMachineInput{Name: new("a b")}, "InvalidName", ""},
		"a description without publishing": {sfn.CreateStateMachineInput{VersionDescription: new("x")}, "ValidationException", "publish"},
	} {
		if x.in.Name == nil {
			x.in.Name = new("m")
		}
		if x.in.RoleArn == nil {
			x.in.RoleArn = new(roleARN)
		}
		if x.in.Definition == nil {
			x.in.Definition = new(pass)
		}
		if _, err := c.CreateStateMachine(t.Context(), &x.in); apitest.Code(err) != x.code || !strings.Contains(err.Error(), x.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if out, err := c.ListStateMachines(t.Context(), &sfn.ListStateMachinesInput{}); err != nil || len(out.StateMachines) != 0 {
		t.Errorf("refused machines exist: %v, %v", out, err)
	}
}

func TestValidationNamesEveryFault(t *testing.T) {
	c := newAPI(t)
	good, err := c.ValidateStateMachineDefinition(t.Context(), &sfn.ValidateStateMachineDefinitionInput{Definition: new(pass)})
	if err != nil || good.Result != types.ValidateStateMachineDefinitionResultCodeOk || len(good.Diagnostics) != 0 {
		t.Fatalf("%+v, %v", good, err)
	}
	bad, err := c.ValidateStateMachineDefinition(t.Context(), &sfn.ValidateStateMachineDefinitionInput{Definition: new(`{"StartAt":"A","States":{"A":{"Type":"Pass","Nxt":"B","End":true},"C":{"Type":"Succeed"}}}`)})
	if err != nil || bad.Result != types.ValidateStateMachineDefinitionResultCodeFail || len(bad.Diagnostics) != 2 || *bad.Diagnostics[0].Location != "/States/A/Nxt" || *bad.Diagnostics[1].Location != "/States/C" {
		t.Fatalf("%+v, %v", bad, err)
	}
}

func TestAnUpdateKeepsWhatItDoesNotNameAndVersionsKeepTheirs(t *testing.T) {
	c := newAPI(t)
	arn := create(t, c, "m", pass)
	v, err := c.PublishStateMachineVersion(t.Context(), &sfn.PublishStateMachineVersionInput{StateMachineArn: &arn, RevisionId: new("INITIAL")})
	if err != nil {
		t.Fatal(err)
	}
	next := strings.ReplaceAll(pass, `"A"`, `"B"`)
	u, err := c.UpdateStateMachine(t.Context(), &sfn.UpdateStateMachineInput{StateMachineArn: &arn, Definition: &next, Publish: true})
	if err != nil || *u.StateMachineVersionArn != arn+":2" {
		t.Fatalf("%+v, %v", u, err)
	}
	for arn, want := range map[string]string{arn: next, arn + ":1": pass, *v.StateMachineVersionArn: pass, arn + ":2": next} {
		if d, err := c.DescribeStateMachine(t.Context(), &sfn.DescribeStateMachineInput{StateMachineArn: &arn}); err != nil || *d.Definition != want || *d.RoleArn != roleARN {
			t.Errorf("%s: %+v, %v", arn, d, err)
		}
	}
	l, err := c.ListStateMachineVersions(t.Context(), &sfn.ListStateMachineVersionsInput{StateMachineArn: &arn})
	if err != nil || len(l.StateMachineVersions) != 2 || *l.StateMachineVersions[0].StateMachineVersionArn != arn+":2" {
		t.Fatalf("%+v, %v", l, err)
	}
	if _, err := c.DeleteStateMachineVersion(t.Context(), &sfn.DeleteStateMachineVersionInput{StateMachineVersionArn: new(arn + ":1")}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.DescribeStateMachine(t.Context(), &sfn.DescribeStateMachineInput{StateMachineArn: new(arn + ":1")}); apitest.Code(err) != "StateMachineDoesNotExist" {
		t.Errorf("a deleted version: %v", err)
	}
}

func TestTagsComeAndGo(t *testing.T) {
	c := newAPI(t)
	arn := create(t, c, "m", pass)
	if _, err := c.TagResource(t.Context(), &sfn.TagResourceInput{ResourceArn: &arn, Tags: []types.Tag{{Key: new("a"), Value: new("1")}, {Key: new("b"), Value: new("2")}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.UntagResource(t.Context(), &sfn.UntagResourceInput{ResourceArn: &arn, TagKeys: []string{"a"}}); err != nil {
		t.Fatal(err)
	}
	out, err := c.ListTagsForResource(t.Context(), &sfn.ListTagsForResourceInput{ResourceArn: &arn})
	if err != nil || len(out.Tags) != 1 || *out.Tags[0].Key != "b" {
		t.Fatalf("%+v, %v", out, err)
	}
	if _, err := c.TagResource(t.Context(), &sfn.TagResourceInput{ResourceArn: &arn, Tags: []types.Tag{{Key: new("aws:x"), Value: new("1")}}}); apitest.Code(err) != "ValidationException" {
		t.Errorf("a reserved tag: %v", err)
	}
	if _, err := c.ListTagsForResource(t.Context(), &sfn.ListTagsForResourceInput{ResourceArn: new(arn + "x")}); apitest.Code(err) != "ResourceNotFound" {
		t.Errorf("tags of nothing: %v", err)
	}
}

func TestADeletedMachineIsGone(t *testing.T) {
	c := newAPI(t)
	arn := create(t, c, "m", pass)
	for range 2 { // deleting what is gone is no error
		if _, err := c.DeleteStateMachine(t.Context(), &sfn.DeleteStateMachineInput{StateMachineArn: &arn}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.DescribeStateMachine(t.Context(), &sfn.DescribeStateMachineInput{StateMachineArn: &arn}); apitest.Code(err) != "StateMachineDoesNotExist" {
		t.Fatal(err)
	}
}

func TestAnExecutionIsSeenThroughTheSDK(t *testing.T) {
	r := apitest.Registry()
	trusting(r)
	st := store.NewMemory()
	s := states.New(states.Deps{Store: st, Clock: store.System, Calls: r, Log: slog.New(slog.DiscardHandler)})
	s.Register(r)
	c := sfn.NewFromConfig(apitest.Serve(t, r))
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		reconcile.Run(ctx, slog.New(slog.DiscardHandler), st, store.System, s.Loops()...)
	}()
	defer func() { stop(); <-done }()

	arn := create(t, c, "m", `{"StartAt":"A","States":{"A":{"Type":"Pass","Result":{"x":1},"Next":"B"},"B":{"Type":"Fail","Error":"E","Cause":"C"}}}`)
	run, err := c.StartExecution(t.Context(), &sfn.StartExecutionInput{StateMachineArn: &arn, Input: new(`{"k":"v"}`)})
	if err != nil {
		t.Fatal(err)
	}
	var d *sfn.DescribeExecutionOutput
	for range 500 {
		if d, err = c.DescribeExecution(t.Context(), &sfn.DescribeExecutionInput{ExecutionArn: run.ExecutionArn}); err != nil {
			t.Fatal(err)
		}
		if d.Status != types.ExecutionStatusRunning {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if d.Status != types.ExecutionStatusFailed || *d.Error != "E" || *d.Cause != "C" || *d.Input != `{"k":"v"}` || d.StopDate == nil {
		t.Fatalf("%+v", d)
	}
	var kinds []string
	p := sfn.NewGetExecutionHistoryPaginator(c, &sfn.GetExecutionHistoryInput{ExecutionArn: run.ExecutionArn, ReverseOrder: true, MaxResults: 2})
	for p.HasMorePages() {
		out, err := p.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range out.Events {
			kinds = append(kinds, string(e.Type))
			if e.Type == types.HistoryEventTypePassStateExited && *e.StateExitedEventDetails.Output != `{"x":1}` {
				t.Errorf("%+v", e.StateExitedEventDetails)
			}
		}
	}
	if got := strings.Join(kinds, " "); got != "ExecutionFailed FailStateEntered PassStateExited PassStateEntered ExecutionStarted" {
		t.Error(got)
	}
	l, err := c.ListExecutions(t.Context(), &sfn.ListExecutionsInput{StateMachineArn: &arn})
	if err != nil || len(l.Executions) != 1 || l.Executions[0].Status != types.ExecutionStatusFailed {
		t.Errorf("%+v, %v", l, err)
	}
}
