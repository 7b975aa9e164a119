package ec2

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/ec2api"
)

// networkInterface is an elastic network interface. It is in use when it is
// attached to an instance, or by a service for something of its own: a NAT
// gateway, an endpoint, a balancer, a database, a function.
type networkInterface struct {
	ID, VPC, Subnet, Zone string
	Addr                  netip.Addr
	Groups                []string
	Description, Type     string
	Requester             string // who asked for it, when that was a service
	InUse                 bool   // by a service
	PublicIP              string // assigned at launch; goes away with the interface
	SourceDestCheck       bool

	Instance            string
	Attachment          string // id
	AttachTime          time.Time
	Device              int64
	DeleteOnTermination bool
}

var interfaces = newKind("network-interfaces", "eni-", "network-interface", "InvalidNetworkInterfaceID.NotFound", "networkInterface ID",
	func(i *networkInterface) string { return i.ID })

var interfaceFields = fields[networkInterface]{
	"network-interface-id":             func(i *networkInterface) []string { return one(i.ID) },
	"vpc-id":                           func(i *networkInterface) []string { return one(i.VPC) },
	"subnet-id":                        func(i *networkInterface) []string { return one(i.Subnet) },
	"availability-zone":                func(i *networkInterface) []string { return one(i.Zone) },
	"description":                      func(i *networkInterface) []string { return one(i.Description) },
	"group-id":                         func(i *networkInterface) []string { return i.Groups },
	"interface-type":                   func(i *networkInterface) []string { return one(i.Type) },
	"mac-address":                      func(i *networkInterface) []string { return one(i.mac().String()) },
	"private-ip-address":               func(i *networkInterface) []string { return one(i.Addr.String()) },
	"addresses.private-ip-address":     func(i *networkInterface) []string { return one(i.Addr.String()) },
	"addresses.primary":                func(i *networkInterface) []string { return one("true") },
	"requester-id":                     func(i *networkInterface) []string { return one(i.Requester) },
	"requester-managed":                func(i *networkInterface) []string { return yesNo(i.Requester != "") },
	"source-dest-check":                func(i *networkInterface) []string { return yesNo(i.SourceDestCheck) },
	"status":                           func(i *networkInterface) []string { return one(i.status()) },
	"attachment.attachment-id":         func(i *networkInterface) []string { return one(i.Attachment) },
	"attachment.instance-id":           func(i *networkInterface) []string { return one(i.Instance) },
	"attachment.instance-owner-id":     func(i *networkInterface) []string { return one(i.attachedBy()) },
	"attachment.device-index":          func(i *networkInterface) []string { return one(strconv.FormatInt(i.Device, 10)) },
	"attachment.delete-on-termination": func(i *networkInterface) []string { return yesNo(i.DeleteOnTermination) },
	"attachment.status": func(i *networkInterface) []string {
		if i.Attachment == "" {
			return nil
		}
		return one("attached")
	},
}

func (s *Service) registerInterfaces(r *wire.Registry) {
	serve(r, ec2api.CreateNetworkInterface, "ClientToken Description Groups InterfaceType PrivateIpAddress PrivateIpAddresses SubnetId TagSpecifications", s.createNetworkInterface)
	serve(r, ec2api.DeleteNetworkInterface, "NetworkInterfaceId", s.deleteNetworkInterface)
	serve(r, ec2api.DescribeNetworkInterfaces, "NetworkInterfaceIds Filters MaxResults NextToken", s.describeNetworkInterfaces)
	serve(r, ec2api.AttachNetworkInterface, "DeviceIndex InstanceId NetworkInterfaceId", s.attachNetworkInterface)
	serve(r, ec2api.DetachNetworkInterface, "AttachmentId Force", s.detachNetworkInterface)
	serve(r, ec2api.ModifyNetworkInterfaceAttribute, "NetworkInterfaceId AssociatePublicIpAddress Attachment Description Groups SourceDestCheck", s.modifyNetworkInterfaceAttribute)
}

// mac is the hardware address: locally administered, the rest is the IP address.
func (i *networkInterface) mac() net.HardwareAddr {
	return append(net.HardwareAddr{0x02, 0x0a}, i.Addr.AsSlice()...)
}

func (i *networkInterface) status() string {
	if i.InUse || i.Attachment != "" {
		return "in-use"
	}
	return "available"
}

// attachedBy is the owner of what the interface is attached to.
func (i *networkInterface) attachedBy() string {
	switch {
	case i.Attachment == "":
		return ""
	case i.Requester != "":
		return i.Requester
	}
	return wire.Account
}

// newInterface is what to make an interface of.
type newInterface struct {
	Description, Type, Addr string
	Groups                  []string
	Requester               string
	InUse                   bool
}

// newInterface makes and stores an interface in a subnet.
func (t *tx) newInterface(sub subnet, n newInterface) (networkInterface, error) {
	if len(n.Groups) == 0 && n.Type != "nat_gateway" {
		n.Groups = []string{*t.defaultGroup(*sub.VpcId).GroupId}
	}
	if err := t.checkGroups(*sub.VpcId, n.Groups); err != nil {
		return networkInterface{}, err
	}
	addr, err := t.takeAddress(sub, n.Addr)
	if err != nil {
		return networkInterface{}, err
	}
	i := networkInterface{
		ID: interfaces.newID(), VPC: *sub.VpcId, Subnet: *sub.SubnetId, Zone: *sub.AvailabilityZone, Addr: addr, Groups: n.Groups,
		Description: n.Description, Type: n.Type, Requester: n.Requester, InUse: n.InUse, SourceDestCheck: n.Type != "nat_gateway",
	}
	if i.InUse {
		i.Attachment, i.AttachTime, i.Device = newID("eni-attach-"), t.now, 1
	}
	interfaces.put(t, i)
	return i, nil
}

// dropInterface removes an interface and frees its elastic address.
func (t *tx) dropInterface(id string) {
	if a, ok := t.elastic(id); ok {
		t.unbind(a)
	}
	interfaces.remove(t, id)
}

// publicAddress is the public address of an interface, or "".
func (t *tx) publicAddress(i *networkInterface) string {
	if a, ok := t.elastic(i.ID); ok {
		return *a.PublicIp
	}
	return i.PublicIP
}

// requesters are the names under which AWS's services ask for interfaces.
var requesters = map[string]string{
	"elasticloadbalancing.amazonaws.com": "amazon-elb", "rds.amazonaws.com": "amazon-rds", "lambda.amazonaws.com": "amazon-aws",
}

// createNetworkInterface also serves other services: an interface that one of
// them makes is its own (requester-managed) and in use from the start.
func (s *Service) createNetworkInterface(ctx context.Context, in *ec2api.CreateNetworkInterfaceInput) (*ec2api.CreateNetworkInterfaceOutput, error) {
	out := &ec2api.CreateNetworkInterfaceOutput{ClientToken: in.ClientToken}
	return out, s.update(ctx, func(t *tx) error {
		sub, err := subnets.get(t, ptr.Val(in.SubnetId))
		if err != nil {
			return err
		}
		n := newInterface{Description: ptr.Val(in.Description), Type: ptr.Val(or(in.InterfaceType, "interface")), Addr: ptr.Val(in.PrivateIpAddress), Groups: in.Groups}
		for i, a := range in.PrivateIpAddresses {
			if i > 0 || !ptr.Val(or(a.Primary, true)) {
				return wire.Errorf(400, "UnsupportedOperation", "Local AWS gives a network interface one private address.")
			}
			n.Addr = ptr.Val(a.PrivateIpAddress)
		}
		if by := t.Principal.Service; by != "" {
			n.Requester, n.InUse = by, true
			if r, ok := requesters[by]; ok {
				n.Requester = r
			}
		} else if n.Type != "interface" {
			return wire.Errorf(400, "InvalidParameterValue", "Value (%s) for parameter interfaceType is invalid. Local AWS supports 'interface'.", n.Type)
		}
		i, err := t.newInterface(sub, n)
		if err != nil {
			return err
		}
		if err := t.specify(i.ID, interfaces.resource, in.TagSpecifications); err != nil {
			return err
		}
		out.NetworkInterface = new(t.shownInterface(i))
		return nil
	})
}

func (s *Service) deleteNetworkInterface(ctx context.Context, in *ec2api.DeleteNetworkInterfaceInput) (*ec2api.DeleteNetworkInterfaceOutput, error) {
	return nil, s.update(ctx, func(t *tx) error {
		i, err := interfaces.get(t, ptr.Val(in.NetworkInterfaceId))
		if err != nil {
			return err
		}
		if i.Requester != "" && t.Principal.Service == "" {
			return wire.Errorf(400, "OperationNotPermitted", "The network interface '%s' belongs to %s, which deletes it with what it serves.", i.ID, i.Requester)
		}
		if i.Instance != "" {
			return wire.Errorf(400, "InvalidParameterValue", "Network interface '%s' is currently in use.", i.ID)
		}
		t.dropInterface(i.ID)
		return nil
	})
}

// association shows the public address of an interface.
func (t *tx) association(i *networkInterface) *ec2api.NetworkInterfaceAssociation {
	if a, ok := t.elastic(i.ID); ok {
		return &ec2api.NetworkInterfaceAssociation{
			AllocationId: a.AllocationId, AssociationId: a.AssociationId, IpOwnerId: new(t.Account), PublicIp: a.PublicIp, PublicDnsName: t.publicNameIn(i.VPC, *a.PublicIp),
		}
	}
	if i.PublicIP == "" {
		return nil
	}
	owner := "amazon"
	if strings.HasPrefix(i.Requester, "amazon-") {
		owner = i.Requester
	}
	return &ec2api.NetworkInterfaceAssociation{IpOwnerId: &owner, PublicIp: &i.PublicIP, PublicDnsName: t.publicNameIn(i.VPC, i.PublicIP)}
}

// publicNameIn is the public name of an address; only a VPC with DNS hostnames has any.
func (t *tx) publicNameIn(vpcID, ip string) *string {
	if v, err := vpcs.get(t, vpcID); err != nil || !v.DNSHostnames {
		return new("")
	}
	return new(publicName(ip, t.region))
}

func (t *tx) shownInterface(i networkInterface) ec2api.NetworkInterface {
	x := ec2api.NetworkInterface{
		NetworkInterfaceId: &i.ID, VpcId: &i.VPC, SubnetId: &i.Subnet, AvailabilityZone: &i.Zone, Description: &i.Description, InterfaceType: &i.Type,
		MacAddress: new(i.mac().String()), OwnerId: new(t.Account), PrivateIpAddress: new(i.Addr.String()), SourceDestCheck: &i.SourceDestCheck,
		PrivateDnsName: new(privateName(i.Addr, t.region)), RequesterManaged: new(i.Requester != ""), Status: new(i.status()),
		Groups: t.groupIdentifiers(i.Groups), Association: t.association(&i), TagSet: t.tags(i.ID), Ipv6Native: new(false),
	}
	if i.Requester != "" {
		x.RequesterId = &i.Requester
	}
	x.PrivateIpAddresses = []ec2api.NetworkInterfacePrivateIpAddress{{
		Primary: new(true), PrivateIpAddress: x.PrivateIpAddress, PrivateDnsName: x.PrivateDnsName, Association: x.Association,
	}}
	if i.Attachment != "" {
		x.Attachment = &ec2api.NetworkInterfaceAttachment{
			AttachmentId: &i.Attachment, AttachTime: &i.AttachTime, DeviceIndex: &i.Device, DeleteOnTermination: &i.DeleteOnTermination,
			InstanceOwnerId: new(i.attachedBy()), NetworkCardIndex: new(int64(0)), Status: new("attached"),
		}
		if i.Instance != "" {
			x.Attachment.InstanceId = &i.Instance
		}
	}
	return x
}

func (s *Service) describeNetworkInterfaces(ctx context.Context, in *ec2api.DescribeNetworkInterfacesInput) (*ec2api.DescribeNetworkInterfacesOutput, error) {
	out := &ec2api.DescribeNetworkInterfacesOutput{}
	return out, s.view(ctx, func(t *tx) error {
		known := fields[networkInterface]{
			"group-name": func(i *networkInterface) (names []string) {
				for _, g := range t.groupIdentifiers(i.Groups) {
					names = append(names, *g.GroupName)
				}
				return names
			},
			"association.public-ip":     func(i *networkInterface) []string { return one(t.publicAddress(i)) },
			"association.allocation-id": func(i *networkInterface) []string { a, _ := t.elastic(i.ID); return one(ptr.Val(a.AllocationId)) },
			"owner-id":                  func(*networkInterface) []string { return one(t.Account) },
			"private-dns-name":          func(i *networkInterface) []string { return one(privateName(i.Addr, t.region)) },
		}
		for name, f := range interfaceFields {
			known[name] = f
		}
		some, err := interfaces.find(t, in.NetworkInterfaceIds, in.Filters, known)
		if err != nil {
			return err
		}
		for _, i := range some {
			out.NetworkInterfaces = append(out.NetworkInterfaces, t.shownInterface(i))
		}
		out.NetworkInterfaces, out.NextToken, err = page(out.NetworkInterfaces, in.MaxResults, in.NextToken)
		return err
	})
}

// interfacesOf returns an instance's interfaces by device index.
func (t *tx) interfacesOf(instanceID string) []networkInterface {
	all := interfaces.where(t, func(i *networkInterface) bool { return i.Instance == instanceID })
	slices.SortFunc(all, func(a, b networkInterface) int { return int(a.Device - b.Device) })
	return all
}

func (t *tx) primaryInterface(instanceID string) (networkInterface, bool) {
	if all := t.interfacesOf(instanceID); len(all) > 0 && all[0].Device == 0 {
		return all[0], true
	}
	return networkInterface{}, false
}

// attach connects an interface to an instance.
func (t *tx) attach(i *networkInterface, instanceID string, device int64, deleteOnTermination bool) {
	i.Instance, i.Device, i.DeleteOnTermination = instanceID, device, deleteOnTermination
	i.Attachment, i.AttachTime = newID("eni-attach-"), t.now
	interfaces.put(t, *i)
	if a, ok := t.elastic(i.ID); ok {
		a.InstanceId = &instanceID
		addresses.put(t, a)
	}
}

func (s *Service) attachNetworkInterface(ctx context.Context, in *ec2api.AttachNetworkInterfaceInput) (*ec2api.AttachNetworkInterfaceOutput, error) {
	out := &ec2api.AttachNetworkInterfaceOutput{NetworkCardIndex: new(int64(0))}
	return out, s.update(ctx, func(t *tx) error {
		i, err := interfaces.get(t, ptr.Val(in.NetworkInterfaceId))
		if err != nil {
			return err
		}
		x, err := instances.get(t, ptr.Val(in.InstanceId))
		if err != nil {
			return err
		}
		primary, ok := t.primaryInterface(x.ID)
		switch {
		case i.status() == "in-use":
			return wire.Errorf(400, "InvalidNetworkInterface.InUse", "Interface: [%s] in use.", i.ID)
		case !ok:
			return wire.Errorf(400, "IncorrectInstanceState", "The instance '%s' is not in a valid state for this operation.", x.ID)
		case primary.Zone != i.Zone || primary.VPC != i.VPC:
			return wire.Errorf(400, "InvalidParameterCombination", "You may not attach a network interface to an instance if they are not in the same availability zone")
		case slices.ContainsFunc(t.interfacesOf(x.ID), func(o networkInterface) bool { return o.Device == ptr.Val(in.DeviceIndex) }):
			return wire.Errorf(400, "InvalidParameterValue", "Instance '%s' already has an interface attached at device index '%d'.", x.ID, ptr.Val(in.DeviceIndex))
		}
		t.attach(&i, x.ID, ptr.Val(in.DeviceIndex), false)
		out.AttachmentId = &i.Attachment
		return nil
	})
}

func (s *Service) detachNetworkInterface(ctx context.Context, in *ec2api.DetachNetworkInterfaceInput) (*ec2api.DetachNetworkInterfaceOutput, error) {
	return nil, s.update(ctx, func(t *tx) error {
		for _, i := range interfaces.all(t) {
			if i.Attachment == "" || i.Attachment != ptr.Val(in.AttachmentId) {
				continue
			}
			switch {
			case i.Requester != "" && t.Principal.Service == "":
				return wire.Errorf(400, "OperationNotPermitted", "You are not allowed to manage '%s' attachments.", i.Requester)
			case i.Instance != "" && i.Device == 0:
				return wire.Errorf(400, "OperationNotPermitted", "The network interface at device index 0 cannot be detached.")
			}
			i.Instance, i.Attachment, i.Device, i.InUse, i.DeleteOnTermination = "", "", 0, false, false
			interfaces.put(t, i)
			return nil
		}
		return wire.Errorf(400, "InvalidAttachmentID.NotFound", "The network interface attachment '%s' does not exist", ptr.Val(in.AttachmentId))
	})
}

func (s *Service) modifyNetworkInterfaceAttribute(ctx context.Context, in *ec2api.ModifyNetworkInterfaceAttributeInput) (*ec2api.ModifyNetworkInterfaceAttributeOutput, error) {
	return nil, s.update(ctx, func(t *tx) error {
		i, err := interfaces.get(t, ptr.Val(in.NetworkInterfaceId))
		if err != nil {
			return err
		}
		if i.Requester != "" && t.Principal.Service == "" {
			return wire.Errorf(400, "OperationNotPermitted", "The network interface '%s' belongs to %s.", i.ID, i.Requester)
		}
		if len(in.Groups) > 0 {
			if err := t.checkGroups(i.VPC, in.Groups); err != nil {
				return err
			}
			i.Groups = in.Groups
		}
		if in.Description != nil {
			i.Description = ptr.Val(in.Description.Value)
		}
		if in.SourceDestCheck != nil {
			i.SourceDestCheck = ptr.Val(in.SourceDestCheck.Value)
		}
		if a := in.Attachment; a != nil && ptr.Val(a.AttachmentId) == i.Attachment {
			i.DeleteOnTermination = ptr.Val(a.DeleteOnTermination)
		}
		if p := in.AssociatePublicIpAddress; p != nil {
			if !*p {
				i.PublicIP = ""
			} else if i.PublicIP == "" {
				if i.PublicIP, err = t.freePublicAddress(); err != nil {
					return err
				}
			}
		}
		interfaces.put(t, i)
		return nil
	})
}
