package ec2

import (
	"context"
	"slices"
	"strconv"
	"time"

	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/ec2api"
)

// instance is an instance. Its addresses and groups are those of its network
// interfaces, its disks the volumes attached to it.
type instance struct {
	ID, Reservation, Token string
	Index                  int64 // in its reservation
	Image                  string
	Type                   string
	VPC, Subnet, Zone      string
	Key                    string
	UserData               string // base64
	Launched               time.Time
	State                  string
	Since                  time.Time // of the state
	Reason                 ec2api.StateReason
	Transition             string // why the state last changed, as a sentence
	Reboot                 bool   // wanted

	Profile            ec2api.IamInstanceProfile // no Arn: none
	ProfileAssociation string
	Metadata           ec2api.InstanceMetadataOptionsResponse
	Monitored          bool
	EBSOptimized       bool
	Credits            string
	KeepRunning        bool // DisableApiStop
	Protected          bool // DisableApiTermination
	OnShutdown         string
	Tenancy            string
	Recovery           string
}

// The states of an instance.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-instance-lifecycle.html
const (
	pending      = "pending"
	running      = "running"
	shuttingDown = "shutting-down"
	terminated   = "terminated"
	stopping     = "stopping"
	stopped      = "stopped"
)

var stateCodes = map[string]int64{pending: 0, running: 16, shuttingDown: 32, terminated: 48, stopping: 64, stopped: 80}

func shownState(state string) *ec2api.InstanceState {
	return &ec2api.InstanceState{Name: &state, Code: new(stateCodes[state])}
}

var instances = newKind("instances", "i-", "instance", "InvalidInstanceID.NotFound", "instance ID", func(i *instance) string { return i.ID })

func (i *instance) alive() bool { return i.State != terminated && i.State != shuttingDown }

// turn moves an instance into a state and says why.
func (t *tx) turn(i *instance, state, code, message string) {
	i.State, i.Since, i.Reason, i.Transition = state, t.now, ec2api.StateReason{}, ""
	if code != "" {
		i.Reason = ec2api.StateReason{Code: new(code), Message: new(code + ": " + message)}
		i.Transition = message + " (" + t.now.UTC().Format("2006-01-02 15:04:05 MST") + ")"
	}
	instances.put(t, *i)
}

// shownInstance is an instance as DescribeInstances shows it.
func (t *tx) shownInstance(i instance) ec2api.Instance {
	kind := instanceTypes[i.Type]
	x := ec2api.Instance{
		InstanceId: &i.ID, ImageId: &i.Image, InstanceType: &i.Type, AmiLaunchIndex: &i.Index, Architecture: new(architecture()), LaunchTime: &i.Launched,
		State: shownState(i.State), StateTransitionReason: &i.Transition, Tags: t.tags(i.ID), Placement: &ec2api.Placement{AvailabilityZone: &i.Zone, GroupName: new(""), Tenancy: &i.Tenancy},
		Monitoring: &ec2api.Monitoring{State: new(monitoring(i.Monitored))}, EbsOptimized: &i.EBSOptimized, EnaSupport: new(true), Hypervisor: new("xen"), VirtualizationType: new("hvm"),
		RootDeviceName: new(rootDevice), RootDeviceType: new("ebs"), ProductCodes: []ec2api.ProductCode{}, PlatformDetails: new("Linux/UNIX"), UsageOperation: new("RunInstances"),
		UsageOperationUpdateTime: &i.Launched, BootMode: new("uefi-preferred"), CurrentInstanceBootMode: new("uefi"), SourceDestCheck: new(true),
		CpuOptions: &ec2api.CpuOptions{CoreCount: new(kind.cores), ThreadsPerCore: new(kind.vcpus / max(kind.cores, 1))}, ClientToken: &i.Token,
		HibernationOptions: &ec2api.HibernationOptions{Configured: new(false)}, EnclaveOptions: &ec2api.EnclaveOptions{Enabled: new(false)},
		CapacityReservationSpecification: &ec2api.CapacityReservationSpecificationResponse{CapacityReservationPreference: new("open")},
		MaintenanceOptions:               &ec2api.InstanceMaintenanceOptions{AutoRecovery: &i.Recovery}, MetadataOptions: &i.Metadata, PrivateDnsName: new(""), PublicDnsName: new(""),
	}
	if i.Key != "" {
		x.KeyName = &i.Key
	}
	if i.Profile.Arn != nil {
		x.IamInstanceProfile = &i.Profile
	}
	if i.Reason.Code != nil {
		x.StateReason = &i.Reason
	}
	if i.State == terminated {
		return x
	}
	x.VpcId, x.SubnetId = &i.VPC, &i.Subnet
	x.PrivateDnsNameOptions = &ec2api.PrivateDnsNameOptionsResponse{HostnameType: new("ip-name"), EnableResourceNameDnsARecord: new(false), EnableResourceNameDnsAAAARecord: new(false)}
	for _, n := range t.interfacesOf(i.ID) {
		shown := t.shownInterface(n)
		x.NetworkInterfaces = append(x.NetworkInterfaces, reshape[ec2api.InstanceNetworkInterface](shown))
		if n.Device != 0 {
			continue
		}
		x.PrivateIpAddress, x.PrivateDnsName, x.SecurityGroups, x.SourceDestCheck = shown.PrivateIpAddress, shown.PrivateDnsName, shown.Groups, shown.SourceDestCheck
		if a := shown.Association; a != nil {
			x.PublicIpAddress, x.PublicDnsName = a.PublicIp, a.PublicDnsName
		}
	}
	for _, v := range t.volumesOf(i.ID) {
		a := v.Attachments[0]
		x.BlockDeviceMappings = append(x.BlockDeviceMappings, ec2api.InstanceBlockDeviceMapping{DeviceName: a.Device, Ebs: &ec2api.EbsInstanceBlockDevice{
			VolumeId: v.VolumeId, Status: a.State, AttachTime: a.AttachTime, DeleteOnTermination: a.DeleteOnTermination,
		}})
	}
	return x
}

func monitoring(on bool) string {
	if on {
		return "enabled"
	}
	return "disabled"
}

// instanceFilters are the filters of DescribeInstances.
func (t *tx) instanceFilters() fields[instance] {
	each := func(f func(*networkInterface) []string) func(*instance) []string {
		return func(i *instance) (all []string) {
			for _, n := range t.interfacesOf(i.ID) {
				all = append(all, f(&n)...)
			}
			return all
		}
	}
	groupNames := each(func(n *networkInterface) (names []string) {
		for _, g := range t.groupIdentifiers(n.Groups) {
			names = append(names, *g.GroupName)
		}
		return names
	})
	groupIDs := each(func(n *networkInterface) []string { return n.Groups })
	private := each(func(n *networkInterface) []string { return one(n.Addr.String()) })
	public := each(func(n *networkInterface) []string { return one(t.publicAddress(n)) })
	return fields[instance]{
		"instance-id":                            func(i *instance) []string { return one(i.ID) },
		"instance-state-name":                    func(i *instance) []string { return one(i.State) },
		"instance-state-code":                    func(i *instance) []string { return one(strconv.FormatInt(stateCodes[i.State], 10)) },
		"instance-type":                          func(i *instance) []string { return one(i.Type) },
		"image-id":                               func(i *instance) []string { return one(i.Image) },
		"vpc-id":                                 func(i *instance) []string { return one(i.VPC) },
		"subnet-id":                              func(i *instance) []string { return one(i.Subnet) },
		"availability-zone":                      func(i *instance) []string { return one(i.Zone) },
		"key-name":                               func(i *instance) []string { return one(i.Key) },
		"reservation-id":                         func(i *instance) []string { return one(i.Reservation) },
		"client-token":                           func(i *instance) []string { return one(i.Token) },
		"architecture":                           func(*instance) []string { return one(architecture()) },
		"owner-id":                               func(*instance) []string { return one(t.Account) },
		"tenancy":                                func(i *instance) []string { return one(i.Tenancy) },
		"monitoring-state":                       func(i *instance) []string { return one(monitoring(i.Monitored)) },
		"root-device-name":                       func(*instance) []string { return one(rootDevice) },
		"root-device-type":                       func(*instance) []string { return one("ebs") },
		"iam-instance-profile.arn":               func(i *instance) []string { return one(ptr.Val(i.Profile.Arn)) },
		"iam-instance-profile.id":                func(i *instance) []string { return one(ptr.Val(i.Profile.Id)) },
		"private-ip-address":                     private,
		"ip-address":                             public,
		"private-dns-name":                       each(func(n *networkInterface) []string { return one(privateName(n.Addr, t.region)) }),
		"instance.group-id":                      groupIDs,
		"group-id":                               groupIDs,
		"instance.group-name":                    groupNames,
		"group-name":                             groupNames,
		"network-interface.network-interface-id": each(func(n *networkInterface) []string { return one(n.ID) }),
		"network-interface.subnet-id":            each(func(n *networkInterface) []string { return one(n.Subnet) }),
		"network-interface.vpc-id":               each(func(n *networkInterface) []string { return one(n.VPC) }),
		"network-interface.group-id":             groupIDs,
		"network-interface.addresses.private-ip-address":    private,
		"network-interface.addresses.association.public-ip": public,
	}
}

func (s *Service) describeInstances(ctx context.Context, in *ec2api.DescribeInstancesInput) (*ec2api.DescribeInstancesOutput, error) {
	out := &ec2api.DescribeInstancesOutput{}
	return out, s.view(ctx, func(t *tx) error {
		some, err := instances.find(t, in.InstanceIds, in.Filters, t.instanceFilters())
		if err != nil {
			return err
		}
		slices.SortFunc(some, func(a, b instance) int { return a.Launched.Compare(b.Launched) })
		for _, i := range some {
			at := slices.IndexFunc(out.Reservations, func(r ec2api.Reservation) bool { return *r.ReservationId == i.Reservation })
			if at < 0 {
				at = len(out.Reservations)
				out.Reservations = append(out.Reservations, ec2api.Reservation{ReservationId: new(i.Reservation), OwnerId: new(t.Account), Groups: []ec2api.GroupIdentifier{}})
			}
			out.Reservations[at].Instances = append(out.Reservations[at].Instances, t.shownInstance(i))
		}
		out.Reservations, out.NextToken, err = page(out.Reservations, in.MaxResults, in.NextToken)
		return err
	})
}

// describeInstanceStatus shows running instances, all with IncludeAllInstances.
func (s *Service) describeInstanceStatus(ctx context.Context, in *ec2api.DescribeInstanceStatusInput) (*ec2api.DescribeInstanceStatusOutput, error) {
	out := &ec2api.DescribeInstanceStatusOutput{}
	return out, s.view(ctx, func(t *tx) error {
		known := t.instanceFilters()
		known["instance-status.status"] = func(i *instance) []string { return one(checked(i.State)) }
		known["system-status.status"] = known["instance-status.status"]
		some, err := instances.find(t, in.InstanceIds, in.Filters, known)
		if err != nil {
			return err
		}
		for _, i := range some {
			if i.State != running && !ptr.Val(in.IncludeAllInstances) {
				continue
			}
			summary := &ec2api.InstanceStatusSummary{Status: new(checked(i.State))}
			if i.State == running {
				summary.Details = []ec2api.InstanceStatusDetails{{Name: new("reachability"), Status: new("passed")}}
			}
			out.InstanceStatuses = append(out.InstanceStatuses, ec2api.InstanceStatus{
				InstanceId: new(i.ID), AvailabilityZone: new(i.Zone), InstanceState: shownState(i.State), InstanceStatus: summary, SystemStatus: summary,
			})
		}
		out.InstanceStatuses, out.NextToken, err = page(out.InstanceStatuses, in.MaxResults, in.NextToken)
		return err
	})
}

// checked is the result of the status checks in a state.
func checked(state string) string {
	switch state {
	case running:
		return "ok"
	case pending:
		return "initializing"
	}
	return "not-applicable"
}

func (s *Service) registerInstances(r *wire.Registry) {
	serve(r, ec2api.RunInstances, "BlockDeviceMappings ClientToken CreditSpecification CapacityReservationSpecification CpuOptions DisableApiStop DisableApiTermination EbsOptimized EnclaveOptions HibernationOptions IamInstanceProfile ImageId InstanceInitiatedShutdownBehavior InstanceType KeyName LaunchTemplate MaintenanceOptions MaxCount MetadataOptions MinCount Monitoring NetworkInterfaces Placement PrivateDnsNameOptions PrivateIpAddress SecurityGroupIds SecurityGroups SubnetId TagSpecifications UserData", s.runInstances)
	serve(r, ec2api.DescribeInstances, "InstanceIds Filters MaxResults NextToken", s.describeInstances)
	serve(r, ec2api.DescribeInstanceStatus, "InstanceIds Filters IncludeAllInstances MaxResults NextToken", s.describeInstanceStatus)
	serve(r, ec2api.StartInstances, "InstanceIds", s.startInstances)
	serve(r, ec2api.StopInstances, "InstanceIds Force", s.stopInstances)
	serve(r, ec2api.RebootInstances, "InstanceIds", s.rebootInstances)
	serve(r, ec2api.TerminateInstances, "InstanceIds", s.terminateInstances)
	serve(r, ec2api.GetConsoleOutput, "InstanceId Latest", s.getConsoleOutput)
	serve(r, ec2api.DescribeVolumes, "VolumeIds Filters MaxResults NextToken", s.describeVolumes)
}
