//go:build linux

package ec2_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"grocery/localaws/ca"
	"grocery/localaws/gateway"
	"grocery/localaws/runtime"
	"grocery/localaws/runtime/linux"
	"grocery/localaws/service/ec2"
)

// newRealWorld is EC2 over real containers and networks; the test is skipped
// where there is no engine or no image.
func newRealWorld(t *testing.T) (*world, *gateway.Gateway) {
	t.Helper()
	if testing.Short() {
		t.Skip("real instances take their time")
	}
	rt, err := linux.New(linux.Options{Cloud: "ec2test"})
	if err != nil {
		t.Fatal(err)
	}
	if err := rt.Check(t.Context()); err != nil {
		t.Skip(err)
	}
	if _, err := rt.ImageID(t.Context(), ec2.InstanceImage); err != nil {
		t.Skip("the instance image is missing: set-up builds it")
	}
	if err := rt.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	authority, err := ca.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	inside := gateway.Wrap(rt, gateway.Options{
		Lookup: func(string, string) ([]netip.Addr, bool) { return nil, false }, API: http.NotFoundHandler(), TLS: authority.TLS(func(string) bool { return true }), Log: slog.New(slog.DiscardHandler),
	})
	t.Cleanup(func() {
		if err := rt.Purge(context.Background()); err != nil {
			t.Error(err)
		}
		inside.Close()
	})
	w := newWorldOn(t, inside)
	inside.Metadata(w.service.Metadata())
	return w, inside
}

// get fetches a page of an instance from the internet.
func (w *world) get(rt *gateway.Gateway, vpc, address string) (string, error) {
	client := http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return rt.DialNetwork(ctx, vpc, network, address)
		},
	}}
	r, err := client.Get("http://" + address + "/")
	if err != nil {
		return "", err
	}
	defer r.Body.Close()
	page, err := io.ReadAll(r.Body)
	return strings.TrimSpace(string(page)), err
}

// patiently turns the loops in real time until the condition holds.
func (w *world) patiently(what string, holds func() bool) {
	w.t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if w.turn(); holds() {
			return
		}
	}
	w.t.Fatalf("never: %s", what)
}

// An instance runs its user data, which has the metadata service and its
// role's name; security groups admit and cut while it runs.
func TestARealInstance(t *testing.T) {
	w, rt := newRealWorld(t)
	n := w.network()
	ctx := t.Context()
	script := `#!/bin/bash
set -e
token=$(curl -sf -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' http://169.254.169.254/latest/api/token)
md() { curl -sf -H "X-aws-ec2-metadata-token: $token" "http://169.254.169.254/latest/meta-data/$1"; }
mkdir -p /srv/www
echo "$(md instance-id) $(md iam/security-credentials/) $(hostname)" >/srv/www/index.html
setsid python3 -m http.server 80 --directory /srv/www >/dev/null 2>&1 </dev/null &
`
	began := time.Now()
	i := *must[*sdk.RunInstancesOutput](t)(w.RunInstances(ctx, &sdk.RunInstancesInput{
		MinCount: aws.Int32(1), MaxCount: aws.Int32(1), ImageId: aws.String(w.ami()), InstanceType: types.InstanceTypeT3Micro,
		UserData: aws.String(base64.StdEncoding.EncodeToString([]byte(script))), IamInstanceProfile: &types.IamInstanceProfileSpecification{Name: aws.String("shop")},
		NetworkInterfaces: []types.InstanceNetworkInterfaceSpecification{{DeviceIndex: aws.Int32(0), SubnetId: &n.public, Groups: []string{n.group}, AssociatePublicIpAddress: aws.Bool(true)}},
	})).Instances[0].InstanceId
	w.patiently("running", func() bool { return w.instance(i).State.Name == types.InstanceStateNameRunning })
	address := net.JoinHostPort(*w.instance(i).PrivateIpAddress, "80")
	t.Logf("running after %v", time.Since(began))

	if _, err := w.get(rt, n.vpc, address); err == nil {
		t.Error("a group without rules admits the internet")
	}
	must[*sdk.AuthorizeSecurityGroupIngressOutput](t)(w.AuthorizeSecurityGroupIngress(ctx, &sdk.AuthorizeSecurityGroupIngressInput{GroupId: &n.group, IpPermissions: tcp(80, "0.0.0.0/0")}))
	var page string
	w.patiently("user data's page is served", func() (ok bool) {
		var err error
		page, err = w.get(rt, n.vpc, address)
		return err == nil
	})
	t.Logf("served after %v", time.Since(began))
	if want := fmt.Sprintf("%s shop-role %s", i, *w.instance(i).PrivateDnsName); page != want {
		t.Errorf("the page says %q, want %q", page, want)
	}

	before := must[runtime.ContainerStatus](t)(w.real.InspectContainer(ctx, i))
	w.start() // as after a crash
	w.turn()
	if after := must[runtime.ContainerStatus](t)(w.real.InspectContainer(ctx, i)); after.PID != before.PID {
		t.Error("a new process restarted the instance")
	}
	if _, err := w.get(rt, n.vpc, address); err != nil {
		t.Error("a new process cut the instance off:", err)
	}

	must[*sdk.RevokeSecurityGroupIngressOutput](t)(w.RevokeSecurityGroupIngress(ctx, &sdk.RevokeSecurityGroupIngressInput{GroupId: &n.group, IpPermissions: tcp(80, "0.0.0.0/0")}))
	w.turn()
	if _, err := w.get(rt, n.vpc, address); err == nil {
		t.Error("a revoked rule still admits")
	}

	must[*sdk.TerminateInstancesOutput](t)(w.TerminateInstances(ctx, &sdk.TerminateInstancesInput{InstanceIds: []string{i}}))
	w.patiently("terminated", func() bool { return w.instance(i).State.Name == types.InstanceStateNameTerminated })
	if left, err := w.real.ListContainers(ctx); err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
	t.Logf("terminated after %v", time.Since(began))
}
