package ec2

import (
	"context"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"

	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/ec2api"
	"grocery/localaws/wire/api/iamapi"
)

// maxUserData is the largest user data, in bytes before encoding.
const maxUserData = 16 << 10

var tooMuchUserData = wire.Errorf(400, "InvalidParameterValue", "User data is limited to 16384 bytes")

// runInstances stores instances as pending; the machine loop makes them run.
func (s *Service) runInstances(ctx context.Context, in *ec2api.RunInstancesInput) (*ec2api.RunInstancesOutput, error) {
	if err := s.refreshCatalogue(ctx); err != nil {
		return nil, err
	}
	full := *in
	if err := s.view(ctx, func(t *tx) error {
		for _, x := range in.TagSpecifications {
			if err := t.checkReserved(x.Tags); err != nil {
				return err
			}
		}
		if in.LaunchTemplate == nil {
			return nil
		}
		return t.fillFromTemplate(&full)
	}); err != nil {
		return nil, err
	}
	in = &full
	profile, err := s.profile(ctx, in.IamInstanceProfile)
	if err != nil {
		return nil, err
	}
	out := &ec2api.RunInstancesOutput{}
	return out, s.update(ctx, func(t *tx) error {
		if token := ptr.Val(in.ClientToken); token != "" {
			if known := instances.where(t, func(i *instance) bool { return i.Token == token }); len(known) > 0 {
				out.ReservationId, out.OwnerId = new(known[0].Reservation), new(t.Account)
				for _, i := range known {
					out.Instances = append(out.Instances, t.shownInstance(i))
				}
				return nil
			}
		}
		reservation := newID("r-")
		out.ReservationId, out.OwnerId, out.Groups = &reservation, new(t.Account), []ec2api.GroupIdentifier{}
		count := max(ptr.Val(in.MaxCount), ptr.Val(in.MinCount), 1)
		for index := range count {
			i, err := t.launch(in, profile, reservation, index)
			if err != nil {
				return err
			}
			out.Instances = append(out.Instances, t.shownInstance(i))
		}
		return nil
	})
}

// fillFromTemplate completes a request from the launch template it names.
func (t *tx) fillFromTemplate(in *ec2api.RunInstancesInput) error {
	l := in.LaunchTemplate
	x, err := t.template(l.LaunchTemplateId, l.LaunchTemplateName)
	if err != nil {
		return err
	}
	v, err := t.version(x, ptr.Val(l.Version))
	if err != nil {
		return err
	}
	from := reshape[ec2api.RunInstancesInput](v.LaunchTemplateData)
	asked := in.TagSpecifications
	if len(in.SecurityGroupIds) > 0 && len(from.NetworkInterfaces) > 0 || in.SubnetId != nil && len(from.NetworkInterfaces) > 0 {
		// AWS refuses this of a caller, but Auto Scaling chooses the subnet of a
		// template's first interface.
		if in.SubnetId != nil && len(in.SecurityGroupIds) == 0 {
			from.NetworkInterfaces[0].SubnetId, in.SubnetId = in.SubnetId, nil
		} else {
			return wire.Errorf(400, "InvalidParameterCombination", "Network interfaces and an instance-level security groups may not be specified on the same request")
		}
	}
	underlay(in, &from)
	// Tags of both are kept; the request's win.
	in.TagSpecifications = append(slices.Clone(from.TagSpecifications), asked...)
	set := func(key, value string) {
		in.TagSpecifications = append(in.TagSpecifications, ec2api.TagSpecification{ResourceType: new("instance"), Tags: []ec2api.Tag{{Key: &key, Value: &value}}})
	}
	set(templateIDTag, *x.LaunchTemplateId)
	set(templateVersionTag, strconv.FormatInt(*v.VersionNumber, 10))
	return nil
}

// AWS tags an instance with the template it was launched from.
const (
	templateIDTag      = "aws:ec2launchtemplate:id"
	templateVersionTag = "aws:ec2launchtemplate:version"
)

// profile finds the instance profile that a request names. The message for one
// that does not exist is AWS's: clients wait on it for IAM to catch up.
func (s *Service) profile(ctx context.Context, want *ec2api.IamInstanceProfileSpecification) (ec2api.IamInstanceProfile, error) {
	if want == nil || ptr.Val(want.Arn) == "" && ptr.Val(want.Name) == "" {
		return ec2api.IamInstanceProfile{}, nil
	}
	name, parameter := ptr.Val(want.Name), "iamInstanceProfile.name"
	if arn := ptr.Val(want.Arn); arn != "" {
		name, parameter = arn[strings.LastIndex(arn, "/")+1:], "iamInstanceProfile.arn"
	}
	found, err := wire.Invoke(wire.AsService(ctx, service, wire.CallFrom(ctx).Region), s.d.Calls, iamapi.GetInstanceProfile, &iamapi.GetInstanceProfileInput{InstanceProfileName: &name})
	if wire.Code(err) == "NoSuchEntity" {
		return ec2api.IamInstanceProfile{}, wire.Errorf(400, "InvalidParameterValue", "Value (%s) for parameter %s is invalid. Invalid IAM Instance Profile name", name, parameter)
	}
	if err != nil {
		return ec2api.IamInstanceProfile{}, err
	}
	return ec2api.IamInstanceProfile{Arn: found.InstanceProfile.Arn, Id: found.InstanceProfile.InstanceProfileId}, nil
}

// launch stores one new instance with its interfaces and volumes.
func (t *tx) launch(in *ec2api.RunInstancesInput, profile ec2api.IamInstanceProfile, reservation string, index int64) (instance, error) {
	if ptr.Val(in.ImageId) == "" {
		return instance{}, wire.Errorf(400, "MissingParameter", "The request must contain the parameter ImageId")
	}
	from, err := images.get(t, *in.ImageId)
	if err != nil {
		return instance{}, wire.Errorf(400, "InvalidAMIID.NotFound", "The image id '[%s]' does not exist", *in.ImageId)
	}
	kind, ok := instanceTypes[ptr.Val(or(in.InstanceType, "t2.micro"))]
	if !ok {
		return instance{}, wire.Errorf(400, "InvalidParameterValue", "Invalid value '%s' for InstanceType.", *in.InstanceType)
	}
	if kind.arch != architecture() {
		return instance{}, wire.Errorf(400, "InvalidParameterValue", "The architecture '%s' of the specified instance type does not match the architecture '%s' of the specified AMI. Specify an instance type and an AMI that have matching architectures, and try again.", kind.arch, architecture())
	}
	if h := in.HibernationOptions; h != nil && ptr.Val(h.Configured) {
		return instance{}, wire.Errorf(400, "UnsupportedHibernationConfiguration", "Local AWS does not hibernate instances.")
	}
	if e := in.EnclaveOptions; e != nil && ptr.Val(e.Enabled) {
		return instance{}, wire.Errorf(400, "UnsupportedOperation", "Local AWS has no Nitro Enclaves.")
	}
	if raw, err := base64.StdEncoding.DecodeString(ptr.Val(in.UserData)); err != nil {
		return instance{}, wire.Errorf(400, "InvalidParameterValue", "Invalid BASE64 encoding of user data.")
	} else if len(raw) > maxUserData {
		return instance{}, tooMuchUserData
	}
	if in.KeyName != nil {
		if _, ok := t.keyPairByName(*in.KeyName); !ok {
			return instance{}, wire.Errorf(400, "InvalidKeyPair.NotFound", "The key pair '%s' does not exist", *in.KeyName)
		}
	}
	i := instance{
		ID: instances.newID(), Reservation: reservation, Token: ptr.Val(in.ClientToken), Index: index, Image: from.ID, Type: kind.name, Key: ptr.Val(in.KeyName),
		UserData: ptr.Val(in.UserData), Launched: t.now, Profile: profile, Metadata: metadataOptions(in.MetadataOptions),
		Monitored: in.Monitoring != nil && ptr.Val(in.Monitoring.Enabled), EBSOptimized: ptr.Val(in.EbsOptimized), KeepRunning: ptr.Val(in.DisableApiStop),
		Protected: ptr.Val(in.DisableApiTermination), OnShutdown: ptr.Val(or(in.InstanceInitiatedShutdownBehavior, "stop")), Tenancy: "default", Recovery: "default",
	}
	if profile.Arn != nil {
		i.ProfileAssociation = newID("iip-assoc-")
	}
	if kind.burstable {
		i.Credits = "unlimited"
		if strings.HasPrefix(kind.name, "t2.") {
			i.Credits = "standard"
		}
		if c := in.CreditSpecification; c != nil {
			i.Credits = ptr.Val(or(c.CpuCredits, i.Credits))
		}
	}
	if m := in.MaintenanceOptions; m != nil {
		i.Recovery = ptr.Val(or(m.AutoRecovery, "default"))
	}
	if err := t.connect(&i, in); err != nil {
		return instance{}, err
	}
	if err := t.addVolumes(i, from, in.BlockDeviceMappings, tagsFor(in.TagSpecifications, "volume")); err != nil {
		return instance{}, err
	}
	t.turn(&i, pending, "", "")
	for _, x := range in.TagSpecifications {
		switch ptr.Val(x.ResourceType) {
		case "instance", "volume", "network-interface", "spot-instances-request":
		default:
			return instance{}, wire.Errorf(400, "InvalidParameterValue", "'%s' is not a valid taggable resource type for this operation.", ptr.Val(x.ResourceType))
		}
	}
	if err := t.addTags(i.ID, tagsFor(in.TagSpecifications, "instance")); err != nil {
		return instance{}, err
	}
	return i, nil
}

// tagsFor collects the tags for one type of resource.
func tagsFor(specs []ec2api.TagSpecification, resource string) (all []ec2api.Tag) {
	for _, x := range specs {
		if ptr.Val(x.ResourceType) == resource {
			all = append(all, x.Tags...)
		}
	}
	return all
}

func metadataOptions(m *ec2api.InstanceMetadataOptionsRequest) ec2api.InstanceMetadataOptionsResponse {
	if m == nil {
		m = &ec2api.InstanceMetadataOptionsRequest{}
	}
	return ec2api.InstanceMetadataOptionsResponse{
		State: new("applied"), HttpEndpoint: or(m.HttpEndpoint, "enabled"), HttpTokens: or(m.HttpTokens, "required"),
		HttpPutResponseHopLimit: or(m.HttpPutResponseHopLimit, 2), InstanceMetadataTags: or(m.InstanceMetadataTags, "disabled"), HttpProtocolIpv6: or(m.HttpProtocolIpv6, "disabled"),
	}
}

// connect gives a new instance its network interfaces.
func (t *tx) connect(i *instance, in *ec2api.RunInstancesInput) error {
	specs := slices.Clone(in.NetworkInterfaces)
	if len(specs) == 0 {
		specs = []ec2api.InstanceNetworkInterfaceSpecification{{
			DeviceIndex: new(int64(0)), SubnetId: in.SubnetId, Groups: in.SecurityGroupIds, PrivateIpAddress: in.PrivateIpAddress, DeleteOnTermination: new(true),
		}}
		if specs[0].Groups == nil && len(in.SecurityGroups) > 0 {
			return wire.Errorf(400, "VPCIdNotSpecified", "No default VPC for this user. GroupName is only supported for EC2-Classic and default VPC.")
		}
	} else if len(in.SecurityGroupIds) > 0 || in.SubnetId != nil {
		return wire.Errorf(400, "InvalidParameterCombination", "Network interfaces and an instance-level subnet ID or security groups may not be specified on the same request")
	}
	slices.SortFunc(specs, func(a, b ec2api.InstanceNetworkInterfaceSpecification) int {
		return int(ptr.Val(a.DeviceIndex) - ptr.Val(b.DeviceIndex))
	})
	for _, n := range specs {
		var x networkInterface
		var err error
		if n.NetworkInterfaceId != nil {
			if x, err = interfaces.get(t, *n.NetworkInterfaceId); err != nil {
				return err
			}
			if x.status() == "in-use" {
				return wire.Errorf(400, "InvalidNetworkInterface.InUse", "Interface: [%s] in use.", x.ID)
			}
		} else {
			if ptr.Val(n.SubnetId) == "" {
				return wire.Errorf(400, "VPCIdNotSpecified", "No default VPC for this user. Name a subnet.")
			}
			sub, err := subnets.get(t, *n.SubnetId)
			if err != nil {
				return err
			}
			if x, err = t.newInterface(sub, newInterface{Description: ptr.Val(n.Description), Type: "interface", Addr: ptr.Val(n.PrivateIpAddress), Groups: n.Groups}); err != nil {
				return err
			}
			if ptr.Val(or(n.AssociatePublicIpAddress, ptr.Val(sub.MapPublicIpOnLaunch))) {
				if x.PublicIP, err = t.freePublicAddress(); err != nil {
					return err
				}
			}
			if err := t.addTags(x.ID, tagsFor(in.TagSpecifications, "network-interface")); err != nil {
				return err
			}
		}
		if ptr.Val(n.DeviceIndex) == 0 {
			i.VPC, i.Subnet, i.Zone = x.VPC, x.Subnet, x.Zone
		} else if x.VPC != i.VPC || x.Zone != i.Zone {
			return wire.Errorf(400, "InvalidParameterCombination", "All network interfaces of an instance are in one VPC and one Availability Zone.")
		}
		t.attach(&x, i.ID, ptr.Val(n.DeviceIndex), ptr.Val(or(n.DeleteOnTermination, n.NetworkInterfaceId == nil)))
	}
	if i.VPC == "" {
		return wire.Errorf(400, "InvalidParameterCombination", "One network interface must have the device index 0.")
	}
	return nil
}
