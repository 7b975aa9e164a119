package lambda_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"grocery/localaws/reconcile"
	"grocery/localaws/runtime"
	"grocery/localaws/runtime/none"
	ec2service "grocery/localaws/service/ec2"
	iamservice "grocery/localaws/service/iam"
	"grocery/localaws/service/internal/apitest"
	"grocery/localaws/service/lambda"
	stsservice "grocery/localaws/service/sts"
	"grocery/localaws/store"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/cloudwatchapi"
	"grocery/localaws/wire/api/logsapi"
)

// world is a local cloud of Lambda and what it stands on.
type world struct {
	*sdk.Client
	ec2  *ec2.Client
	role string

	mu      sync.Mutex
	logs    []string
	metrics map[string]float64 // sums, by "namespace name function"
}

func newWorld(t *testing.T, rt runtime.Runtime) *world {
	t.Helper()
	st := store.NewMemory()
	blobs, err := store.OpenBlobs(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	w, calls, quiet := &world{metrics: map[string]float64{}}, apitest.Registry(), slog.New(slog.DiscardHandler)
	log := quiet
	if testing.Verbose() {
		log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	network := ec2service.New(ec2service.Deps{Store: st, Clock: store.System, Runtime: rt, Calls: calls, Log: quiet})
	functions := lambda.New(lambda.Deps{Store: st, Blobs: blobs, Clock: store.System, Calls: calls, Log: log, Runtime: rt, Image: "grocery/instance"})
	network.Register(calls)
	functions.Register(calls)
	iamservice.New(iamservice.Deps{Store: st, Clock: store.System}).Register(calls)
	stsservice.New(stsservice.Deps{Store: st, Clock: store.System, Calls: calls}).Register(calls)
	wire.Handle(calls, logsapi.PutLogEvents, func(_ context.Context, in *logsapi.PutLogEventsInput) (*logsapi.PutLogEventsOutput, error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, e := range in.LogEvents {
			w.logs = append(w.logs, *in.LogGroupName+": "+*e.Message)
		}
		return nil, nil
	})
	wire.Handle(calls, cloudwatchapi.PutMetricData, func(_ context.Context, in *cloudwatchapi.PutMetricDataInput) (*cloudwatchapi.PutMetricDataOutput, error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, d := range in.MetricData {
			for _, x := range d.Dimensions {
				w.metrics[*in.Namespace+" "+*d.MetricName+" "+*x.Name+"="+*x.Value] += *d.Value
			}
		}
		return nil, nil
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		reconcile.Run(ctx, log, st, store.System, append(network.Loops(), functions.Loops()...)...)
	}()
	t.Cleanup(func() { cancel(); <-done })
	cfg := apitest.Serve(t, calls)
	w.Client, w.ec2 = sdk.NewFromConfig(cfg), ec2.NewFromConfig(cfg)
	role, err := iam.NewFromConfig(cfg).CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: new("fn"), AssumeRolePolicyDocument: new(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`)})
	if err != nil {
		t.Fatal(err)
	}
	w.role = *role.Role.Arn
	return w
}

func zipOf(t *testing.T, files map[string][]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, content := range files {
		h := &zip.FileHeader{Name: name, Method: zip.Store}
		h.SetMode(0o755)
		f, err := z.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		f.Write(content)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func (w *world) create(t *testing.T, code []byte, change func(*sdk.CreateFunctionInput)) *sdk.CreateFunctionOutput {
	t.Helper()
	in := &sdk.CreateFunctionInput{FunctionName: new("fn"), Role: &w.role, Runtime: types.RuntimeProvidedal2023, Handler: new("bootstrap"), Code: &types.FunctionCode{ZipFile: code}}
	if change != nil {
		change(in)
	}
	out, err := w.CreateFunction(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestAFunctionIsShownAsItWasMade(t *testing.T) {
	w := newWorld(t, none.New())
	code := zipOf(t, map[string][]byte{"bootstrap": []byte("#!/bin/sh\n")})
	layer, err := w.PublishLayerVersion(t.Context(), &sdk.PublishLayerVersionInput{LayerName: new("ca"), Content: &types.LayerVersionContentInput{ZipFile: code}, CompatibleRuntimes: []types.Runtime{types.RuntimeProvidedal2023}})
	if err != nil || layer.Version != 1 {
		t.Fatalf("%+v, %v", layer, err)
	}
	made := w.create(t, code, func(in *sdk.CreateFunctionInput) {
		in.Layers, in.Tags = []string{*layer.LayerVersionArn}, map[string]string{"a": "b"}
		in.Environment = &types.Environment{Variables: map[string]string{"K": "v"}}
		in.LoggingConfig = &types.LoggingConfig{LogFormat: types.LogFormatJson, LogGroup: new("/x")}
	})
	got, err := w.GetFunction(t.Context(), &sdk.GetFunctionInput{FunctionName: made.FunctionArn})
	if err != nil {
		t.Fatal(err)
	}
	c := got.Configuration
	if c.State != types.StateActive || *c.CodeSha256 != *layer.Content.CodeSha256 || c.Environment.Variables["K"] != "v" || *c.LoggingConfig.LogGroup != "/x" || *c.Layers[0].Arn != *layer.LayerVersionArn || got.Tags["a"] != "b" || *c.Timeout != 3 {
		t.Errorf("%+v", c)
	}
	one, err := w.PublishVersion(t.Context(), &sdk.PublishVersionInput{FunctionName: new("fn")})
	again, err2 := w.PublishVersion(t.Context(), &sdk.PublishVersionInput{FunctionName: new("fn")})
	if err != nil || err2 != nil || *one.Version != "1" || *again.Version != "1" {
		t.Errorf("published %v, then without a change %v: %v, %v", one, again, err, err2)
	}
	if _, err := w.UpdateFunctionConfiguration(t.Context(), &sdk.UpdateFunctionConfigurationInput{FunctionName: new("fn"), Timeout: new(int32(10))}); err != nil {
		t.Fatal(err)
	}
	if two, err := w.PublishVersion(t.Context(), &sdk.PublishVersionInput{FunctionName: new("fn")}); err != nil || *two.Version != "2" {
		t.Errorf("published after a change: %v, %v", two, err)
	}
	all, err := w.ListVersionsByFunction(t.Context(), &sdk.ListVersionsByFunctionInput{FunctionName: new("fn")})
	if err != nil || len(all.Versions) != 3 {
		t.Errorf("%d versions, %v", len(all.Versions), err)
	}
}

func TestPermissionsMakeAPolicy(t *testing.T) {
	w := newWorld(t, none.New())
	w.create(t, zipOf(t, map[string][]byte{"bootstrap": nil}), nil)
	in := &sdk.AddPermissionInput{FunctionName: new("fn"), StatementId: new("s1"), Action: new("lambda:InvokeFunction"), Principal: new("events.amazonaws.com"), SourceArn: new("arn:aws:events:eu-central-1:123456789012:rule/r")}
	if _, err := w.AddPermission(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	if _, err := w.AddPermission(t.Context(), in); apitest.Code(err) != "ResourceConflictException" {
		t.Errorf("the same statement again: %v", err)
	}
	p, err := w.GetPolicy(t.Context(), &sdk.GetPolicyInput{FunctionName: new("fn")})
	if err != nil || !strings.Contains(*p.Policy, `"Service":"events.amazonaws.com"`) || !strings.Contains(*p.Policy, "AWS:SourceArn") {
		t.Errorf("%+v, %v", p, err)
	}
	if _, err := w.RemovePermission(t.Context(), &sdk.RemovePermissionInput{FunctionName: new("fn"), StatementId: new("s1")}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.GetPolicy(t.Context(), &sdk.GetPolicyInput{FunctionName: new("fn")}); apitest.Code(err) != "ResourceNotFoundException" {
		t.Errorf("an empty policy: %v", err)
	}
}

func TestBadFunctionsAreRefused(t *testing.T) {
	w := newWorld(t, none.New())
	good := zipOf(t, map[string][]byte{"bootstrap": nil})
	for name, change := range map[string]func(*sdk.CreateFunctionInput){
		"a runtime that is not offered": func(in *sdk.CreateFunctionInput) { in.Runtime = types.RuntimePython312 },
		"a role that does not exist":    func(in *sdk.CreateFunctionInput) { in.Role = new("arn:aws:iam::123456789012:role/none") },
		"code that is no zip file":      func(in *sdk.CreateFunctionInput) { in.Code.ZipFile = []byte("x") },
		"paths that lead outside":       func(in *sdk.CreateFunctionInput) { in.Code.ZipFile = zipOf(t, map[string][]byte{"../x": nil}) },
		"a layer that does not exist": func(in *sdk.CreateFunctionInput) {
			in.Layers = []string{"arn:aws:lambda:eu-central-1:123456789012:layer:x:1"}
		},
		"a reserved environment variable": func(in *sdk.CreateFunctionInput) {
			in.Environment = &types.Environment{Variables: map[string]string{"AWS_REGION": "x"}}
		},
		"a timeout beyond 15 minutes":     func(in *sdk.CreateFunctionInput) { in.Timeout = new(int32(901)) },
		"subnets without security groups": func(in *sdk.CreateFunctionInput) { in.VpcConfig = &types.VpcConfig{SubnetIds: []string{"subnet-1"}} },
	} {
		in := &sdk.CreateFunctionInput{FunctionName: new("fn"), Role: &w.role, Runtime: types.RuntimeProvidedal2023, Handler: new("bootstrap"), Code: &types.FunctionCode{ZipFile: good}}
		change(in)
		if _, err := w.CreateFunction(t.Context(), in); apitest.Code(err) != "InvalidParameterValueException" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := w.GetFunction(t.Context(), &sdk.GetFunctionInput{FunctionName: new("fn")}); apitest.Code(err) != "ResourceNotFoundException" {
		t.Errorf("a refused function exists: %v", err)
	}
}

// buildFunction compiles the test's function.
func buildFunction(t *testing.T) []byte {
	t.Helper()
	out := filepath.Join(t.TempDir(), "bootstrap")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", out, "./testdata/function")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	raw, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return zipOf(t, map[string][]byte{"bootstrap": raw})
}

// call invokes the function and returns its answer and error.
func (w *world) call(t *testing.T, event string, log types.LogType) (answer map[string]any, out *sdk.InvokeOutput) {
	t.Helper()
	out, err := w.Invoke(t.Context(), &sdk.InvokeInput{FunctionName: new("fn"), Payload: []byte(event), LogType: log})
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(out.Payload, &answer); err != nil {
		t.Fatalf("%q: %v", out.Payload, err)
	}
	return answer, out
}

func (w *world) logged(text string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.ContainsFunc(w.logs, func(l string) bool { return strings.Contains(l, text) })
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not in time: %s", what)
		}
	}
}

func tail(out *sdk.InvokeOutput) string {
	b, _ := base64.StdEncoding.DecodeString(*out.LogResult)
	return string(b)
}
