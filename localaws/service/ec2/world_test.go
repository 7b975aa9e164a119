package ec2_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"grocery/localaws/reconcile"
	"grocery/localaws/runtime"
	"grocery/localaws/runtime/none"
	"grocery/localaws/service/ec2"
	"grocery/localaws/service/internal/apitest"
	"grocery/localaws/store"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/iamapi"
	"grocery/localaws/wire/api/stsapi"
)

// world is EC2 over a runtime that runs nothing, spoken to through AWS's SDK.
// Its loops turn only when a test says so.
type world struct {
	*sdk.Client
	t       *testing.T
	service *ec2.Service
	runtime *none.Runtime   // nil in a real world
	real    runtime.Runtime // what the service runs on
	clock   *apitest.Clock
	store   store.Store
	calls   *wire.Registry
	loops   []reconcile.Loop
}

func newWorld(t *testing.T) *world {
	rt := none.New()
	t.Cleanup(func() { rt.Close() })
	return newWorldOn(t, rt)
}

func newWorldOn(t *testing.T, rt runtime.Runtime) *world {
	w := &world{t: t, real: rt, clock: apitest.NewClock(), store: store.NewMemory(), calls: apitest.Registry()}
	w.runtime, _ = rt.(*none.Runtime)
	wire.Handle(w.calls, iamapi.GetInstanceProfile, func(_ context.Context, in *iamapi.GetInstanceProfileInput) (*iamapi.GetInstanceProfileOutput, error) {
		if *in.InstanceProfileName != "shop" {
			return nil, wire.Errorf(404, "NoSuchEntity", "Instance Profile %s cannot be found.", *in.InstanceProfileName)
		}
		return &iamapi.GetInstanceProfileOutput{InstanceProfile: &iamapi.InstanceProfile{
			Arn: new("arn:aws:iam::123456789012:instance-profile/shop"), InstanceProfileId: new("AIPATEST"),
			Roles: []iamapi.Role{{Arn: new("arn:aws:iam::123456789012:role/path/shop-role")}},
		}}, nil
	})
	assumed := 0
	wire.Handle(w.calls, stsapi.AssumeRole, func(ctx context.Context, in *stsapi.AssumeRoleInput) (*stsapi.AssumeRoleOutput, error) {
		if wire.CallFrom(ctx).Principal.Service != "ec2.amazonaws.com" {
			return nil, wire.Errorf(403, "AccessDenied", "not EC2")
		}
		assumed++
		return &stsapi.AssumeRoleOutput{Credentials: &stsapi.Credentials{
			AccessKeyId: new("ASIA" + string(rune('0'+assumed))), SecretAccessKey: new("secret"), SessionToken: in.RoleSessionName,
			Expiration: new(w.clock.Now().Add(time.Duration(*in.DurationSeconds) * time.Second)),
		}}, nil
	})
	w.start()
	w.Client = sdk.NewFromConfig(apitest.Serve(t, w.calls), func(o *sdk.Options) { o.RetryMaxAttempts = 5 }) // the SDK drops answers that come very fast
	return w
}

// start makes the service, as a new process would.
func (w *world) start() {
	w.service = ec2.New(ec2.Deps{Store: w.store, Clock: w.clock, Runtime: w.real, Calls: w.calls, Log: slog.New(slog.DiscardHandler)})
	if w.loops == nil {
		w.service.Register(w.calls)
	}
	w.loops = w.service.Loops()
}

// turn runs every loop once.
func (w *world) turn() {
	w.t.Helper()
	for _, l := range w.loops {
		if err := l.Run(w.t.Context()); err != nil {
			w.t.Fatalf("%s: %v", l.Name, err)
		}
	}
}

// until turns the loops until the condition holds.
func (w *world) until(what string, holds func() bool) {
	w.t.Helper()
	for range 400 {
		if w.turn(); holds() {
			return
		}
		time.Sleep(2 * time.Millisecond)
	}
	w.t.Fatalf("never: %s", what)
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// refused checks the code of a refusal.
func refused(t *testing.T, err error, code string) {
	t.Helper()
	if got := apitest.Code(err); got != code {
		t.Errorf("got %v, want the code %s", err, code)
	}
}

func by(name string, values ...string) types.Filter {
	return types.Filter{Name: &name, Values: values}
}

// layout is a VPC with a public and a private subnet.
type layout struct{ vpc, public, private, gateway, group string }

func (w *world) network() layout {
	t := w.t
	ctx := t.Context()
	var n layout
	n.vpc = *must[*sdk.CreateVpcOutput](t)(w.CreateVpc(ctx, &sdk.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16")})).Vpc.VpcId
	subnet := func(cidr string) string {
		return *must[*sdk.CreateSubnetOutput](t)(w.CreateSubnet(ctx, &sdk.CreateSubnetInput{VpcId: &n.vpc, CidrBlock: &cidr})).Subnet.SubnetId
	}
	n.public, n.private = subnet("10.0.1.0/24"), subnet("10.0.2.0/28")
	n.gateway = *must[*sdk.CreateInternetGatewayOutput](t)(w.CreateInternetGateway(ctx, &sdk.CreateInternetGatewayInput{})).InternetGateway.InternetGatewayId
	must[*sdk.AttachInternetGatewayOutput](t)(w.AttachInternetGateway(ctx, &sdk.AttachInternetGatewayInput{InternetGatewayId: &n.gateway, VpcId: &n.vpc}))
	table := must[*sdk.CreateRouteTableOutput](t)(w.CreateRouteTable(ctx, &sdk.CreateRouteTableInput{VpcId: &n.vpc})).RouteTable.RouteTableId
	must[*sdk.CreateRouteOutput](t)(w.CreateRoute(ctx, &sdk.CreateRouteInput{RouteTableId: table, DestinationCidrBlock: aws.String("0.0.0.0/0"), GatewayId: &n.gateway}))
	must[*sdk.AssociateRouteTableOutput](t)(w.AssociateRouteTable(ctx, &sdk.AssociateRouteTableInput{RouteTableId: table, SubnetId: &n.public}))
	n.group = w.securityGroup(n.vpc, "web")
	return n
}

func (w *world) securityGroup(vpc, name string) string {
	return *must[*sdk.CreateSecurityGroupOutput](w.t)(w.CreateSecurityGroup(w.t.Context(), &sdk.CreateSecurityGroupInput{VpcId: &vpc, GroupName: &name, Description: aws.String("of the test")})).GroupId
}

func (w *world) ami() string {
	return *must[*sdk.DescribeImagesOutput](w.t)(w.DescribeImages(w.t.Context(), &sdk.DescribeImagesInput{Owners: []string{"amazon"}})).Images[0].ImageId
}

// run starts an instance in a subnet and waits until it runs.
func (w *world) run(in *sdk.RunInstancesInput) types.Instance {
	w.t.Helper()
	in.MinCount, in.MaxCount = aws.Int32(1), aws.Int32(1)
	if in.LaunchTemplate == nil {
		in.ImageId, in.InstanceType = aws.String(w.ami()), types.InstanceTypeT3Micro
	}
	id := *must[*sdk.RunInstancesOutput](w.t)(w.RunInstances(w.t.Context(), in)).Instances[0].InstanceId
	w.until("running", func() bool { return w.instance(id).State.Name == types.InstanceStateNameRunning })
	return w.instance(id)
}

func (w *world) instance(id string) types.Instance {
	w.t.Helper()
	return must[*sdk.DescribeInstancesOutput](w.t)(w.DescribeInstances(w.t.Context(), &sdk.DescribeInstancesInput{InstanceIds: []string{id}})).Reservations[0].Instances[0]
}
