//go:build linux

package lambda_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"grocery/localaws/runtime/linux"
)

func TestAFunctionRunsAsItDoesOnAWS(t *testing.T) {
	if testing.Short() {
		t.Skip("real containers take their time")
	}
	rt, err := linux.New(linux.Options{Cloud: "lambdatest"})
	if err != nil {
		t.Fatal(err)
	}
	if err := rt.Check(t.Context()); err != nil {
		t.Skip(err)
	}
	if _, err := rt.ImageID(t.Context(), "grocery/instance"); err != nil {
		t.Skip("the instance image is missing: set-up builds it")
	}
	if err := rt.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { rt.Purge(context.Background()); rt.Close() })
	w := newWorld(t, rt)
	vpc, err := w.ec2.CreateVpc(t.Context(), &ec2.CreateVpcInput{CidrBlock: new("10.78.0.0/16")})
	if err != nil {
		t.Fatal(err)
	}
	sub, err := w.ec2.CreateSubnet(t.Context(), &ec2.CreateSubnetInput{VpcId: vpc.Vpc.VpcId, CidrBlock: new("10.78.1.0/24")})
	if err != nil {
		t.Fatal(err)
	}
	sg, err := w.ec2.CreateSecurityGroup(t.Context(), &ec2.CreateSecurityGroupInput{VpcId: vpc.Vpc.VpcId, GroupName: new("fn"), Description: new("fn")})
	if err != nil {
		t.Fatal(err)
	}
	layer, err := w.PublishLayerVersion(t.Context(), &sdk.PublishLayerVersionInput{LayerName: new("layer"), Content: &types.LayerVersionContentInput{ZipFile: zipOf(t, map[string][]byte{"layer.txt": []byte("from the layer")})}})
	if err != nil {
		t.Fatal(err)
	}
	w.create(t, buildFunction(t), func(in *sdk.CreateFunctionInput) {
		in.Layers, in.Timeout = []string{*layer.LayerVersionArn}, new(int32(2))
		in.Environment = &types.Environment{Variables: map[string]string{"GREETING": "hello"}}
		in.VpcConfig = &types.VpcConfig{SubnetIds: []string{*sub.Subnet.SubnetId}, SecurityGroupIds: []string{*sg.GroupId}}
	})

	began := time.Now()
	got, out := w.call(t, `{"Say":"first words"}`, types.LogTypeTail)
	t.Logf("the first invocation took %s", time.Since(began))
	if out.FunctionError != nil || got["say"] != "first words" || got["layer"] != "from the layer" || got["env"] != "hello" || got["region"] != "eu-central-1" || got["uid"] != float64(993) || got["key"] != true {
		t.Errorf("%v, error %v", got, out.FunctionError)
	}
	if log := tail(out); !strings.Contains(log, "said: first words") || !strings.Contains(log, "REPORT RequestId:") {
		t.Errorf("log tail %q", log)
	}
	if !w.logged("/aws/lambda/fn: said: first words") {
		t.Error("the output did not reach the log group")
	}
	began = time.Now()
	process := func() int {
		all, err := rt.ListContainers(t.Context())
		if err != nil || len(all) != 1 {
			t.Fatalf("%v %v", all, err)
		}
		return all[0].PID
	}
	warm := process()
	w.call(t, `{}`, types.LogTypeNone)
	t.Logf("the second took %s", time.Since(began))
	if now := process(); now != warm || now == 0 {
		t.Errorf("a warm function was started anew: process %d, before %d", now, warm)
	}

	got, out = w.call(t, `{"Do":"fail"}`, types.LogTypeNone)
	if out.FunctionError == nil || got["errorType"] != "refusal" || got["errorMessage"] != "refused" {
		t.Errorf("an error of the function: %v", got)
	}
	got, out = w.call(t, `{"Do":"write"}`, types.LogTypeNone)
	if out.FunctionError == nil {
		t.Errorf("the function could write its own code: %v", got)
	}
	got, _ = w.call(t, `{"Do":"exit"}`, types.LogTypeNone)
	if got["errorType"] != "Runtime.ExitError" || !strings.Contains(got["errorMessage"].(string), "exit status 3") {
		t.Errorf("an exit: %v", got)
	}
	got, _ = w.call(t, `{}`, types.LogTypeNone) // a new sandbox
	if got["layer"] != "from the layer" {
		t.Errorf("after an exit: %v", got)
	}
	got, _ = w.call(t, `{"Do":"sleep"}`, types.LogTypeNone)
	if got["errorType"] != "Sandbox.Timedout" {
		t.Errorf("a timeout: %v", got)
	}

	if _, err := w.Invoke(t.Context(), &sdk.InvokeInput{FunctionName: new("fn"), InvocationType: types.InvocationTypeEvent, Payload: []byte(`{"Say":"later"}`)}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the queued event is invoked", func() bool { return w.logged("said: later") })

	eventually(t, "eight invocations are counted, four of them as errors", func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		const of = " FunctionName=fn"
		return w.metrics["AWS/Lambda Invocations"+of] == 8 && w.metrics["AWS/Lambda Errors"+of] == 4 && w.metrics["AWS/Lambda Duration"+of] > 2000
	})

	if _, err := w.DeleteFunction(t.Context(), &sdk.DeleteFunctionInput{FunctionName: new("fn")}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the function's container and interface are gone", func() bool {
		all, err := rt.ListContainers(t.Context())
		enis, err2 := w.ec2.DescribeNetworkInterfaces(t.Context(), &ec2.DescribeNetworkInterfacesInput{})
		return err == nil && err2 == nil && len(all) == 0 && len(enis.NetworkInterfaces) == 0
	})
}
