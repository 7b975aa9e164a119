package elbv2_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"grocery/localaws/runtime"
	"grocery/localaws/runtime/none"
	"grocery/localaws/service/elbv2"
	"grocery/localaws/service/internal/apitest"
	"grocery/localaws/store"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/cloudwatchapi"
	"grocery/localaws/wire/api/ec2api"
)

const vpc = "vpc-1"

// neighbours stands in for the services that balancers call.
type neighbours struct {
	mu         sync.Mutex
	interfaces map[string]ec2api.NetworkInterface
	instances  map[string]string // id -> state
	metrics    []cloudwatchapi.MetricDatum
	made       int
	certified  []string
	tls        *tls.Certificate
}

func (n *neighbours) register(r *wire.Registry) {
	wire.Handle(r, ec2api.DescribeSubnets, func(_ context.Context, in *ec2api.DescribeSubnetsInput) (*ec2api.DescribeSubnetsOutput, error) {
		var out ec2api.DescribeSubnetsOutput
		for _, id := range in.SubnetIds {
			switch id {
			case "subnet-a", "subnet-b", "subnet-c":
				z := id[len(id)-1:]
				out.Subnets = append(out.Subnets, ec2api.Subnet{SubnetId: &id, VpcId: new(vpc), AvailabilityZone: new("eu-central-1" + z), CidrBlock: new(fmt.Sprintf("10.0.%d.0/24", z[0]-'a'))})
			default:
				return nil, wire.Errorf(400, "InvalidSubnetID.NotFound", "The subnet ID '%s' does not exist", id)
			}
		}
		return &out, nil
	})
	wire.Handle(r, ec2api.DescribeInternetGateways, func(context.Context, *ec2api.DescribeInternetGatewaysInput) (*ec2api.DescribeInternetGatewaysOutput, error) {
		return &ec2api.DescribeInternetGatewaysOutput{InternetGateways: make([]ec2api.InternetGateway, 1)}, nil
	})
	wire.Handle(r, ec2api.DescribeSecurityGroups, func(_ context.Context, in *ec2api.DescribeSecurityGroupsInput) (*ec2api.DescribeSecurityGroupsOutput, error) {
		var out ec2api.DescribeSecurityGroupsOutput
		for _, id := range append(slices.Clone(in.GroupIds), map[bool][]string{true: {"sg-default"}}[len(in.GroupIds) == 0]...) {
			if !strings.HasPrefix(id, "sg-") {
				return nil, wire.Errorf(400, "InvalidGroup.NotFound", "The security group '%s' does not exist", id)
			}
			out.SecurityGroups = append(out.SecurityGroups, ec2api.SecurityGroup{GroupId: &id, VpcId: new(vpc)})
		}
		return &out, nil
	})
	wire.Handle(r, ec2api.DescribeVpcs, func(_ context.Context, in *ec2api.DescribeVpcsInput) (*ec2api.DescribeVpcsOutput, error) {
		if in.VpcIds[0] != vpc {
			return nil, wire.Errorf(400, "InvalidVpcID.NotFound", "no")
		}
		return nil, nil
	})
	wire.Handle(r, ec2api.DescribeInstances, func(_ context.Context, in *ec2api.DescribeInstancesInput) (*ec2api.DescribeInstancesOutput, error) {
		n.mu.Lock()
		defer n.mu.Unlock()
		var list []ec2api.Instance
		for _, id := range in.Filters[0].Values {
			if state, ok := n.instances[id]; ok {
				list = append(list, ec2api.Instance{InstanceId: new(id), VpcId: new(vpc), PrivateIpAddress: new("10.0.0.77"), State: &ec2api.InstanceState{Name: &state},
					Placement: &ec2api.Placement{AvailabilityZone: new("eu-central-1a")}})
			}
		}
		return &ec2api.DescribeInstancesOutput{Reservations: []ec2api.Reservation{{Instances: list}}}, nil
	})
	wire.Handle(r, ec2api.DescribeNetworkInterfaces, func(_ context.Context, in *ec2api.DescribeNetworkInterfacesInput) (*ec2api.DescribeNetworkInterfacesOutput, error) {
		n.mu.Lock()
		defer n.mu.Unlock()
		var out ec2api.DescribeNetworkInterfacesOutput
		for _, i := range n.interfaces {
			if *i.Description == in.Filters[0].Values[0] && *i.SubnetId == in.Filters[1].Values[0] {
				out.NetworkInterfaces = append(out.NetworkInterfaces, i)
			}
		}
		return &out, nil
	})
	wire.Handle(r, ec2api.CreateNetworkInterface, func(_ context.Context, in *ec2api.CreateNetworkInterfaceInput) (*ec2api.CreateNetworkInterfaceOutput, error) {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.made++
		i := ec2api.NetworkInterface{NetworkInterfaceId: new(fmt.Sprintf("eni-%d", n.made)), SubnetId: in.SubnetId, Description: in.Description,
			PrivateIpAddress: new(fmt.Sprintf("10.0.%d.%d", (*in.SubnetId)[7]-'a', 10+n.made))}
		n.interfaces[*i.NetworkInterfaceId] = i
		return &ec2api.CreateNetworkInterfaceOutput{NetworkInterface: &i}, nil
	})
	wire.Handle(r, ec2api.DeleteNetworkInterface, func(_ context.Context, in *ec2api.DeleteNetworkInterfaceInput) (*ec2api.DeleteNetworkInterfaceOutput, error) {
		n.mu.Lock()
		defer n.mu.Unlock()
		delete(n.interfaces, *in.NetworkInterfaceId)
		return nil, nil
	})
	wire.Handle(r, ec2api.ModifyNetworkInterfaceAttribute, func(context.Context, *ec2api.ModifyNetworkInterfaceAttributeInput) (*ec2api.ModifyNetworkInterfaceAttributeOutput, error) {
		return nil, nil
	})
	wire.Handle(r, cloudwatchapi.PutMetricData, func(_ context.Context, in *cloudwatchapi.PutMetricDataInput) (*cloudwatchapi.PutMetricDataOutput, error) {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.metrics = append(n.metrics, in.MetricData...)
		return nil, nil
	})
}

// world is a service with its neighbours, reached through the SDK.
type world struct {
	*elb.Client
	t       testing.TB
	clock   *apitest.Clock
	near    *neighbours
	runtime *none.Runtime
	store   store.Store
	service *elbv2.Service
	door    int
}

func newWorld(t testing.TB) *world {
	w := &world{t: t, clock: apitest.NewClock(), runtime: none.New(), store: store.NewMemory(),
		near: &neighbours{interfaces: map[string]ec2api.NetworkInterface{}, instances: map[string]string{}}}
	if err := w.runtime.EnsureNetwork(t.Context(), runtime.Network{ID: vpc, CIDRs: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/16")}}); err != nil {
		t.Fatal(err)
	}
	w.door = freeBase(t)
	w.start()
	return w
}

// freeBase finds a base for the front door whose ports of HTTP and HTTPS are free. They
// lie below those that the kernel gives to outgoing connections.
func freeBase(t testing.TB) int {
	t.Helper()
	for range 100 {
		base := 20_000 + rand.IntN(10_000)
		http, err1 := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", base+80))
		https, err2 := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", base+443))
		for _, l := range []net.Listener{http, https} {
			if l != nil {
				l.Close()
			}
		}
		if err1 == nil && err2 == nil {
			return base
		}
	}
	t.Fatal("no free ports from 20000 to 30000")
	return 0
}

// start starts the service, as at the begin or after a restart.
func (w *world) start() {
	if w.service != nil {
		w.service.Close()
	}
	r := apitest.Registry()
	w.service = elbv2.New(elbv2.Deps{Store: w.store, Clock: w.clock, Runtime: w.runtime, Calls: r, Log: slog.New(slog.DiscardHandler),
		FrontDoor: elbv2.FrontDoor{Host: "127.0.0.1", Base: w.door}, Certificate: w.certificate})
	w.service.Register(r)
	w.near.register(r)
	w.t.Cleanup(w.service.Close)
	w.Client = elb.NewFromConfig(apitest.Serve(w.t, r))
}

// certificate stands in for the local CA: it answers one certificate and
// remembers for which name.
func (w *world) certificate(name string) (*tls.Certificate, error) {
	w.near.mu.Lock()
	defer w.near.mu.Unlock()
	w.near.certified = append(w.near.certified, name)
	if w.near.tls == nil {
		s := httptest.NewTLSServer(nil)
		defer s.Close()
		w.near.tls = &s.TLS.Certificates[0]
	}
	return w.near.tls, nil
}

// turn runs every loop once, which is what time and changes do outside a test.
func (w *world) turn() {
	w.t.Helper()
	for _, l := range w.service.Loops() {
		if err := l.Run(w.t.Context()); err != nil {
			w.t.Fatalf("%s: %v", l.Name, err)
		}
	}
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func (w *world) balancer(name string) types.LoadBalancer {
	w.t.Helper()
	out := must(w.CreateLoadBalancer(w.t.Context(), &elb.CreateLoadBalancerInput{Name: &name, Subnets: []string{"subnet-a", "subnet-b"}, SecurityGroups: []string{"sg-1"}}))(w.t)
	w.turn()
	return out.LoadBalancers[0]
}

func (w *world) group(name string, change ...func(*elb.CreateTargetGroupInput)) string {
	w.t.Helper()
	in := &elb.CreateTargetGroupInput{Name: &name, Protocol: types.ProtocolEnumHttp, Port: new(int32(80)), VpcId: new(vpc), TargetType: types.TargetTypeEnumIp,
		HealthCheckIntervalSeconds: new(int32(10)), UnhealthyThresholdCount: new(int32(2)), HealthyThresholdCount: new(int32(2)), HealthCheckPath: new("/health")}
	for _, f := range change {
		f(in)
	}
	return *must(w.CreateTargetGroup(w.t.Context(), in))(w.t).TargetGroups[0].TargetGroupArn
}

func forward(group string) []types.Action {
	return []types.Action{{Type: types.ActionTypeEnumForward, TargetGroupArn: &group}}
}

func (w *world) listener(lb types.LoadBalancer, actions []types.Action) string {
	w.t.Helper()
	out := must(w.CreateListener(w.t.Context(), &elb.CreateListenerInput{LoadBalancerArn: lb.LoadBalancerArn, Port: new(int32(80)), Protocol: types.ProtocolEnumHttp, DefaultActions: actions}))(w.t)
	return *out.Listeners[0].ListenerArn
}

// guest runs a server that is reached at an address of the VPC.
func (w *world) guest(addr string, h http.HandlerFunc) *httptest.Server {
	s := httptest.NewServer(h)
	w.t.Cleanup(s.Close)
	w.runtime.Serve(vpc, netip.MustParseAddrPort(addr+":80"), s.Listener.Addr())
	return s
}

func (w *world) target(group, addr string) {
	w.t.Helper()
	must(w.RegisterTargets(w.t.Context(), &elb.RegisterTargetsInput{TargetGroupArn: &group, Targets: []types.TargetDescription{{Id: &addr}}}))(w.t)
}

// health is "state reason" of a group's only target, or of the named one.
func (w *world) health(group string, id ...string) string {
	w.t.Helper()
	in := &elb.DescribeTargetHealthInput{TargetGroupArn: &group}
	for _, i := range id {
		in.Targets = append(in.Targets, types.TargetDescription{Id: &i})
	}
	var all []string
	for _, d := range must(w.DescribeTargetHealth(w.t.Context(), in))(w.t).TargetHealthDescriptions {
		all = append(all, strings.TrimSpace(string(d.TargetHealth.State)+" "+string(d.TargetHealth.Reason)))
	}
	return strings.Join(all, ", ")
}

// until turns the loops, moving the clock a check's interval at a time, until
// ok answers true.
func (w *world) until(what string, ok func() bool) {
	w.t.Helper()
	for range 100 {
		w.turn()
		for range 20 {
			if ok() {
				w.turn()
				return
			}
			time.Sleep(time.Millisecond)
		}
		w.clock.Advance(10 * time.Second)
	}
	w.t.Fatalf("%s: it never happened", what)
}

// get asks the balancer for a path through the front door.
func (w *world) get(lb types.LoadBalancer, path string, change ...func(*http.Request)) *http.Response {
	w.t.Helper()
	req, _ := http.NewRequestWithContext(w.t.Context(), "GET", fmt.Sprintf("http://127.0.0.1:%d%s", 80+w.door, path), nil)
	req.Host = *lb.DNSName
	for _, f := range change {
		f(req)
	}
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { resp.Body.Close() })
	return resp
}
