package ec2_test

import (
	"context"
	"encoding/base64"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"grocery/localaws/runtime"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/ec2api"
)

func (w *world) container(id string) runtime.State {
	c, err := w.runtime.InspectContainer(w.t.Context(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	return c.State
}

func TestAnInstanceRunsWhenItsContainerRunsAndLeavesNothingWhenTerminated(t *testing.T) {
	w := newWorld(t)
	n := w.network()
	ctx := t.Context()
	out := must[*sdk.RunInstancesOutput](t)(w.RunInstances(ctx, &sdk.RunInstancesInput{MinCount: aws.Int32(1), MaxCount: aws.Int32(1), ImageId: aws.String(w.ami()), InstanceType: types.InstanceTypeT3Micro, SubnetId: &n.private}))
	id := *out.Instances[0].InstanceId
	if s := out.Instances[0].State.Name; s != types.InstanceStateNamePending || w.container(id) != runtime.Absent {
		t.Fatalf("a new instance is %s with its container %s", s, w.container(id))
	}
	w.until("running", func() bool { return w.instance(id).State.Name == types.InstanceStateNameRunning })
	if w.container(id) != runtime.Running || len(w.runtime.Interfaces()) != 1 {
		t.Fatalf("container %s, interfaces %v", w.container(id), w.runtime.Interfaces())
	}
	if i := w.instance(id); len(i.NetworkInterfaces) != 1 || len(i.BlockDeviceMappings) != 1 || !strings.HasPrefix(*i.PrivateDnsName, "ip-10-0-2-4.") {
		t.Errorf("%+v", i)
	}
	must[*sdk.TerminateInstancesOutput](t)(w.TerminateInstances(ctx, &sdk.TerminateInstancesInput{InstanceIds: []string{id}}))
	w.until("terminated", func() bool { return w.instance(id).State.Name == types.InstanceStateNameTerminated })
	if w.container(id) != runtime.Absent || len(w.runtime.Interfaces()) != 0 {
		t.Error("a terminated instance left its container or interface")
	}
	if v := must[*sdk.DescribeVolumesOutput](t)(w.DescribeVolumes(ctx, &sdk.DescribeVolumesInput{})).Volumes; len(v) != 0 {
		t.Errorf("volumes left: %v", v)
	}
	must[*sdk.DeleteSubnetOutput](t)(w.DeleteSubnet(ctx, &sdk.DeleteSubnetInput{SubnetId: &n.private}))
	w.clock.Advance(2 * time.Hour)
	w.until("forgotten", func() bool {
		all := must[*sdk.DescribeInstancesOutput](t)(w.DescribeInstances(ctx, &sdk.DescribeInstancesInput{}))
		return len(all.Reservations) == 0
	})
}

func TestWhatHappensToAContainerHappensToItsInstance(t *testing.T) {
	for rule, c := range map[string]struct {
		behaviour types.ShutdownBehavior
		harm      func(w *world, id string)
		want      types.InstanceStateName
	}{
		"one that shut itself down is stopped":              {types.ShutdownBehaviorStop, func(w *world, id string) { w.runtime.Kill(id, 0) }, types.InstanceStateNameStopped},
		"one that is to terminate then is terminated":       {types.ShutdownBehaviorTerminate, func(w *world, id string) { w.runtime.Kill(id, 137) }, types.InstanceStateNameTerminated},
		"one whose container was removed has lost its host": {types.ShutdownBehaviorStop, func(w *world, id string) { w.runtime.RemoveContainer(context.Background(), id) }, types.InstanceStateNameTerminated},
	} {
		t.Run(rule, func(t *testing.T) {
			w := newWorld(t)
			n := w.network()
			i := w.run(&sdk.RunInstancesInput{SubnetId: &n.private, InstanceInitiatedShutdownBehavior: c.behaviour})
			c.harm(w, *i.InstanceId)
			w.until(string(c.want), func() bool { return w.instance(*i.InstanceId).State.Name == c.want })
			if w.instance(*i.InstanceId).StateReason == nil {
				t.Error("no reason is given")
			}
		})
	}
}

func TestStoppingStartingAndRebootingKeepsTheAddress(t *testing.T) {
	w := newWorld(t)
	n := w.network()
	ctx := t.Context()
	i := w.run(&sdk.RunInstancesInput{SubnetId: &n.private})
	ids := []string{*i.InstanceId}
	must[*sdk.StopInstancesOutput](t)(w.StopInstances(ctx, &sdk.StopInstancesInput{InstanceIds: ids}))
	w.until("stopped", func() bool { return w.instance(ids[0]).State.Name == types.InstanceStateNameStopped })
	if w.container(ids[0]) != runtime.Exited {
		t.Errorf("the container of a stopped instance is %s", w.container(ids[0]))
	}
	_, err := w.RebootInstances(ctx, &sdk.RebootInstancesInput{InstanceIds: ids})
	refused(t, err, "IncorrectInstanceState")
	must[*sdk.StartInstancesOutput](t)(w.StartInstances(ctx, &sdk.StartInstancesInput{InstanceIds: ids}))
	w.until("running again", func() bool { return w.instance(ids[0]).State.Name == types.InstanceStateNameRunning })
	if got := w.instance(ids[0]).PrivateIpAddress; *got != *i.PrivateIpAddress {
		t.Errorf("its address changed to %s", *got)
	}
	before, _ := w.runtime.InspectContainer(ctx, ids[0])
	must[*sdk.RebootInstancesOutput](t)(w.RebootInstances(ctx, &sdk.RebootInstancesInput{InstanceIds: ids}))
	w.until("rebooted", func() bool {
		c, _ := w.runtime.InspectContainer(ctx, ids[0])
		return c.State == runtime.Running && c.PID != before.PID
	})
}

func TestANewProcessAdoptsWhatRuns(t *testing.T) {
	w := newWorld(t)
	n := w.network()
	i := w.run(&sdk.RunInstancesInput{SubnetId: &n.private})
	before, _ := w.runtime.InspectContainer(t.Context(), *i.InstanceId)
	w.start()
	for range 3 {
		w.turn()
	}
	if c, _ := w.runtime.InspectContainer(t.Context(), *i.InstanceId); c.PID != before.PID {
		t.Error("a running container was restarted")
	}
	w.runtime.Kill(*i.InstanceId, 137) // the machine went down with everything
	w.start()
	w.until("started again", func() bool { return w.container(*i.InstanceId) == runtime.Running })
	if s := w.instance(*i.InstanceId).State.Name; s != types.InstanceStateNameRunning {
		t.Errorf("it is %s", s)
	}
}

func TestARepeatedRequestWithATokenLaunchesOnce(t *testing.T) {
	w := newWorld(t)
	n := w.network()
	in := &sdk.RunInstancesInput{MinCount: aws.Int32(1), MaxCount: aws.Int32(1), ImageId: aws.String(w.ami()), InstanceType: types.InstanceTypeT3Micro, SubnetId: &n.private, ClientToken: aws.String("once")}
	a := must[*sdk.RunInstancesOutput](t)(w.RunInstances(t.Context(), in))
	b := must[*sdk.RunInstancesOutput](t)(w.RunInstances(t.Context(), in))
	if *a.Instances[0].InstanceId != *b.Instances[0].InstanceId {
		t.Error("two instances for one token")
	}
}

func TestAnInstanceIsWhatItsLaunchTemplateVersionSays(t *testing.T) {
	w := newWorld(t)
	n := w.network()
	ctx := t.Context()
	script := base64.StdEncoding.EncodeToString([]byte("#!/bin/sh\n"))
	lt := must[*sdk.CreateLaunchTemplateOutput](t)(w.CreateLaunchTemplate(ctx, &sdk.CreateLaunchTemplateInput{LaunchTemplateName: aws.String("shop"), LaunchTemplateData: &types.RequestLaunchTemplateData{
		ImageId: aws.String(w.ami()), InstanceType: types.InstanceTypeT3Small, UserData: &script, SecurityGroupIds: []string{n.group},
		IamInstanceProfile:  &types.LaunchTemplateIamInstanceProfileSpecificationRequest{Name: aws.String("shop")},
		MetadataOptions:     &types.LaunchTemplateInstanceMetadataOptionsRequest{HttpPutResponseHopLimit: aws.Int32(2), InstanceMetadataTags: types.LaunchTemplateInstanceMetadataTagsStateEnabled},
		BlockDeviceMappings: []types.LaunchTemplateBlockDeviceMappingRequest{{DeviceName: aws.String("/dev/xvda"), Ebs: &types.LaunchTemplateEbsBlockDeviceRequest{VolumeSize: aws.Int32(20), Encrypted: aws.Bool(true)}}},
		TagSpecifications:   []types.LaunchTemplateTagSpecificationRequest{{ResourceType: types.ResourceTypeInstance, Tags: []types.Tag{{Key: aws.String("Name"), Value: aws.String("shop")}}}},
	}})).LaunchTemplate
	must[*sdk.CreateLaunchTemplateVersionOutput](t)(w.CreateLaunchTemplateVersion(ctx, &sdk.CreateLaunchTemplateVersionInput{
		LaunchTemplateId: lt.LaunchTemplateId, SourceVersion: aws.String("1"), LaunchTemplateData: &types.RequestLaunchTemplateData{InstanceType: types.InstanceTypeT3Medium},
	}))
	for version, want := range map[string]types.InstanceType{"1": types.InstanceTypeT3Small, "$Default": types.InstanceTypeT3Small, "$Latest": types.InstanceTypeT3Medium} {
		i := w.run(&sdk.RunInstancesInput{SubnetId: &n.private, LaunchTemplate: &types.LaunchTemplateSpecification{LaunchTemplateId: lt.LaunchTemplateId, Version: &version}})
		tags := map[string]string{}
		for _, x := range i.Tags {
			tags[*x.Key] = *x.Value
		}
		if i.InstanceType != want || tags["Name"] != "shop" || tags["aws:ec2launchtemplate:id"] != *lt.LaunchTemplateId || *i.SecurityGroups[0].GroupId != n.group || *i.IamInstanceProfile.Id != "AIPATEST" {
			t.Errorf("version %s: %s %v %v", version, i.InstanceType, tags, i.SecurityGroups)
		}
		v := must[*sdk.DescribeVolumesOutput](t)(w.DescribeVolumes(ctx, &sdk.DescribeVolumesInput{Filters: []types.Filter{by("attachment.instance-id", *i.InstanceId)}})).Volumes[0]
		if *v.Size != 20 || !*v.Encrypted || v.VolumeType != types.VolumeTypeGp3 {
			t.Errorf("volume %+v", v)
		}
		data := must[*sdk.DescribeInstanceAttributeOutput](t)(w.DescribeInstanceAttribute(ctx, &sdk.DescribeInstanceAttributeInput{InstanceId: i.InstanceId, Attribute: types.InstanceAttributeNameUserData}))
		if *data.UserData.Value != script {
			t.Errorf("user data %q", *data.UserData.Value)
		}
	}
	_, err := w.RunInstances(ctx, &sdk.RunInstancesInput{MinCount: aws.Int32(1), MaxCount: aws.Int32(1), SubnetId: &n.private, LaunchTemplate: &types.LaunchTemplateSpecification{LaunchTemplateId: lt.LaunchTemplateId, Version: aws.String("9")}})
	refused(t, err, "InvalidLaunchTemplateId.VersionNotFound")
	out := must[*sdk.DeleteLaunchTemplateVersionsOutput](t)(w.DeleteLaunchTemplateVersions(ctx, &sdk.DeleteLaunchTemplateVersionsInput{LaunchTemplateId: lt.LaunchTemplateId, Versions: []string{"1", "2"}}))
	if len(out.UnsuccessfullyDeletedLaunchTemplateVersions) != 1 || len(out.SuccessfullyDeletedLaunchTemplateVersions) != 1 {
		t.Errorf("the default version is not deleted, others are: %+v", out)
	}
}

func TestMetadataKnowsTheInstanceByItsAddress(t *testing.T) {
	w := newWorld(t)
	n := w.network()
	i := w.run(&sdk.RunInstancesInput{
		SubnetId: &n.private, UserData: aws.String(base64.StdEncoding.EncodeToString([]byte{0x1f, 0x8b, 0})),
		IamInstanceProfile: &types.IamInstanceProfileSpecification{Name: aws.String("shop")},
	})
	m := w.service.Metadata()
	got, ok, err := m.Instance(t.Context(), n.vpc, netip.MustParseAddr(*i.PrivateIpAddress))
	if err != nil || !ok || got.ID != *i.InstanceId || got.Role != "shop-role" || string(got.UserData) != "\x1f\x8b\x00" || got.HopLimit != 2 || got.Tags != nil || got.ZoneID != "euc1-az1" {
		t.Errorf("%+v %v %v", got, ok, err)
	}
	if _, ok, err := m.Instance(t.Context(), "vpc-other", netip.MustParseAddr(*i.PrivateIpAddress)); ok || err != nil {
		t.Error("an address in another network is this instance")
	}
	first, err := m.Credentials(t.Context(), *i.InstanceId)
	if err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(time.Hour)
	if again, _ := m.Credentials(t.Context(), *i.InstanceId); again != first {
		t.Error("credentials changed long before their end")
	}
	w.clock.Advance(5 * time.Hour)
	if later, _ := m.Credentials(t.Context(), *i.InstanceId); later.AccessKeyID == first.AccessKeyID {
		t.Error("credentials were not renewed before their end")
	}
}

func TestThePacketFilterFollowsGroupsAndRoutes(t *testing.T) {
	w := newWorld(t)
	n := w.network()
	ctx := t.Context()
	public := w.run(&sdk.RunInstancesInput{NetworkInterfaces: []types.InstanceNetworkInterfaceSpecification{{
		DeviceIndex: aws.Int32(0), SubnetId: &n.public, Groups: []string{n.group}, AssociatePublicIpAddress: aws.Bool(true),
	}}})
	private := w.run(&sdk.RunInstancesInput{SubnetId: &n.private, SecurityGroupIds: []string{n.group}})
	w.turn()
	find := func(i types.Instance) runtime.PolicyInterface {
		for _, p := range w.runtime.Policy(n.vpc).Interfaces {
			if p.Addr.String() == *i.PrivateIpAddress {
				return p
			}
		}
		t.Fatalf("%s is not in the policy", *i.InstanceId)
		return runtime.PolicyInterface{}
	}
	if p := find(public); !p.Inbound || !p.Endpoint {
		t.Errorf("a public address behind a gateway: %+v", p)
	}
	if p := find(private); p.Inbound || p.Endpoint {
		t.Errorf("no route leads out: %+v", p)
	}
	eip := must[*sdk.AllocateAddressOutput](t)(w.AllocateAddress(ctx, &sdk.AllocateAddressInput{}))
	nat := must[*sdk.CreateNatGatewayOutput](t)(w.CreateNatGateway(ctx, &sdk.CreateNatGatewayInput{SubnetId: &n.public, AllocationId: eip.AllocationId})).NatGateway
	main := must[*sdk.DescribeRouteTablesOutput](t)(w.DescribeRouteTables(ctx, &sdk.DescribeRouteTablesInput{Filters: []types.Filter{by("association.main", "true")}})).RouteTables[0].RouteTableId
	must[*sdk.CreateRouteOutput](t)(w.CreateRoute(ctx, &sdk.CreateRouteInput{RouteTableId: main, DestinationCidrBlock: aws.String("0.0.0.0/0"), NatGatewayId: nat.NatGatewayId}))
	must[*sdk.AuthorizeSecurityGroupIngressOutput](t)(w.AuthorizeSecurityGroupIngress(ctx, &sdk.AuthorizeSecurityGroupIngressInput{GroupId: &n.group, IpPermissions: tcp(80, "0.0.0.0/0")}))
	w.turn()
	if p := find(private); p.Inbound || !p.Endpoint {
		t.Errorf("a NAT gateway leads out, not in: %+v", p)
	}
	for _, g := range w.runtime.Policy(n.vpc).Groups {
		if g.ID == n.group && (len(g.Ingress) != 1 || g.Ingress[0] != (runtime.Rule{Protocol: runtime.TCP, FromPort: 80, ToPort: 80, CIDR: netip.MustParsePrefix("0.0.0.0/0")})) {
			t.Errorf("rules %+v", g.Ingress)
		}
	}
	must[*sdk.DeleteNatGatewayOutput](t)(w.DeleteNatGateway(ctx, &sdk.DeleteNatGatewayInput{NatGatewayId: nat.NatGatewayId}))
	w.turn()
	if p := find(private); p.Endpoint {
		t.Errorf("the way out is a black hole: %+v", p)
	}
}

func TestAServicesInterfaceIsItsOwn(t *testing.T) {
	w := newWorld(t)
	n := w.network()
	elb := wire.AsService(t.Context(), "elasticloadbalancing.amazonaws.com", "eu-central-1")
	made, err := wire.Invoke(elb, w.calls, ec2api.CreateNetworkInterface, &ec2api.CreateNetworkInterfaceInput{SubnetId: &n.public, Groups: []string{n.group}, Description: new("ELB app/shop/1")})
	if err != nil {
		t.Fatal(err)
	}
	id := *made.NetworkInterface.NetworkInterfaceId
	x := must[*sdk.DescribeNetworkInterfacesOutput](t)(w.DescribeNetworkInterfaces(t.Context(), &sdk.DescribeNetworkInterfacesInput{Filters: []types.Filter{by("requester-id", "amazon-elb")}})).NetworkInterfaces[0]
	if !*x.RequesterManaged || x.Status != types.NetworkInterfaceStatusInUse || *x.Attachment.InstanceOwnerId != "amazon-elb" {
		t.Errorf("%+v", x)
	}
	_, err = w.DeleteNetworkInterface(t.Context(), &sdk.DeleteNetworkInterfaceInput{NetworkInterfaceId: &id})
	refused(t, err, "OperationNotPermitted")
	if _, err := wire.Invoke(elb, w.calls, ec2api.ModifyNetworkInterfaceAttribute, &ec2api.ModifyNetworkInterfaceAttributeInput{NetworkInterfaceId: &id, AssociatePublicIpAddress: new(true)}); err != nil {
		t.Fatal(err)
	}
	w.turn()
	if p := w.runtime.Policy(n.vpc).Interfaces; len(p) != 1 || !p[0].Inbound {
		t.Errorf("a balancer behind a gateway is not reachable: %+v", p)
	}
	if _, err := wire.Invoke(elb, w.calls, ec2api.DeleteNetworkInterface, &ec2api.DeleteNetworkInterfaceInput{NetworkInterfaceId: &id}); err != nil {
		t.Error(err)
	}
}
