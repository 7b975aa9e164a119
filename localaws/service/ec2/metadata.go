package ec2

import (
	"context"
	"encoding/base64"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"grocery/localaws/runtime/imds"
	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/store"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/autoscalingapi"
	"grocery/localaws/wire/api/iamapi"
	"grocery/localaws/wire/api/stsapi"
)

// Metadata is what the metadata service answers from.
type Metadata struct {
	s     *Service
	mu    sync.Mutex
	creds map[string]imds.Credentials // by instance id
}

var _ imds.Source = (*Metadata)(nil)

// Metadata returns the source of instance metadata.
func (s *Service) Metadata() *Metadata { return &Metadata{s: s, creds: map[string]imds.Credentials{}} }

// Instance returns the instance that has an address in a VPC.
func (m *Metadata) Instance(ctx context.Context, networkID string, addr netip.Addr) (imds.Instance, bool, error) {
	var x imds.Instance
	var i instance
	region := ""
	err := m.s.d.Store.View(func(st store.Tx) error {
		var n networkInterface
		interfaces.table.Each(st, "", func(key string, v networkInterface) bool {
			if v.VPC == networkID && v.Addr == addr && v.Instance != "" {
				n, region = v, strings.TrimSuffix(key, "/"+v.ID)
			}
			return region == ""
		})
		if region == "" {
			return nil
		}
		t := &tx{Tx: st, Call: wire.CallFrom(wire.AsService(ctx, service, region)), region: region}
		var err error
		if i, err = instances.get(t, n.Instance); err != nil {
			return err
		}
		x = imds.Instance{
			ID: i.ID, ImageID: i.Image, Type: i.Type, Architecture: architecture(), AccountID: t.Account, Region: region, Zone: i.Zone, ReservationID: i.Reservation,
			LaunchIndex: int(i.Index), LaunchedAt: i.Launched, KeyName: i.Key, LocalIPv4: n.Addr.String(), LocalHostname: privateName(n.Addr, region),
			MAC: n.mac().String(), InterfaceID: n.ID, VPC: n.VPC, Subnet: n.Subnet, Disabled: ptr.Val(i.Metadata.HttpEndpoint) == "disabled", HopLimit: int(ptr.Val(i.Metadata.HttpPutResponseHopLimit)),
			InstanceProfileARN: ptr.Val(i.Profile.Arn), InstanceProfileID: ptr.Val(i.Profile.Id),
		}
		for _, z := range zones(region) {
			if z.name == i.Zone {
				x.ZoneID = z.id
			}
		}
		if v, err := vpcs.get(t, n.VPC); err == nil {
			x.VPCCIDRs = []string{*v.CidrBlock}
		}
		if sub, err := subnets.get(t, n.Subnet); err == nil {
			x.SubnetCIDR = *sub.CidrBlock
		}
		if ip := t.publicAddress(&n); ip != "" {
			x.PublicIPv4, x.PublicHostname = ip, *t.publicNameIn(n.VPC, ip)
		}
		for _, g := range t.groupIdentifiers(n.Groups) {
			x.SecurityGroups = append(x.SecurityGroups, imds.Group{ID: *g.GroupId, Name: ptr.Val(g.GroupName)})
		}
		if i.UserData != "" {
			if x.UserData, err = base64.StdEncoding.DecodeString(i.UserData); err != nil {
				return err
			}
		}
		if ptr.Val(i.Metadata.InstanceMetadataTags) == "enabled" {
			x.Tags = t.tagMap(i.ID)
		}
		return nil
	})
	if err != nil || region == "" {
		return x, false, err
	}
	ctx = wire.AsService(ctx, service, region)
	if x.InstanceProfileARN != "" {
		arn, err := m.role(ctx, x.InstanceProfileARN)
		if err != nil {
			return x, false, err
		}
		x.Role = arn[strings.LastIndex(arn, "/")+1:]
	}
	out, err := wire.Invoke(ctx, m.s.d.Calls, autoscalingapi.DescribeAutoScalingInstances, &autoscalingapi.DescribeAutoScalingInstancesInput{InstanceIds: []string{x.ID}})
	if err == nil && len(out.AutoScalingInstances) > 0 {
		x.LifecycleState = targetState(ptr.Val(out.AutoScalingInstances[0].LifecycleState))
	}
	return x, true, nil
}

// targetState is where a lifecycle state leads.
// https://docs.aws.amazon.com/autoscaling/ec2/userguide/retrieving-target-lifecycle-state-through-imds.html
func targetState(state string) string {
	switch {
	case strings.HasPrefix(state, "Terminat"):
		return "Terminated"
	case state == "EnteringStandby":
		return "Standby"
	case state == "Detaching":
		return "Detached"
	case strings.HasPrefix(state, "Pending"):
		return "InService"
	}
	return state
}

// role returns the ARN of an instance profile's role, "" when it has none.
func (m *Metadata) role(ctx context.Context, profileARN string) (string, error) {
	name := profileARN[strings.LastIndex(profileARN, "/")+1:]
	out, err := wire.Invoke(ctx, m.s.d.Calls, iamapi.GetInstanceProfile, &iamapi.GetInstanceProfileInput{InstanceProfileName: &name})
	if wire.Code(err) == "NoSuchEntity" || err == nil && len(out.InstanceProfile.Roles) == 0 {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return ptr.Val(out.InstanceProfile.Roles[0].Arn), nil
}

const (
	credentialLife = 6 * time.Hour
	// renewBefore is how long before their end credentials are replaced.
	renewBefore = time.Hour
)

// Credentials returns the current credentials of an instance's role.
func (m *Metadata) Credentials(ctx context.Context, instanceID string) (imds.Credentials, error) {
	now := m.s.d.Clock.Now()
	m.mu.Lock()
	defer m.mu.Unlock()
	if c, ok := m.creds[instanceID]; ok && now.Add(renewBefore).Before(c.ExpiresAt) {
		return c, nil
	}
	var region string
	var i instance
	err := m.s.d.Store.View(func(st store.Tx) error {
		for _, r := range instances.regions(st) {
			if v, ok := instances.table.Get(st, store.Key(r, instanceID)); ok {
				i, region = v, r
			}
		}
		return nil
	})
	if err != nil {
		return imds.Credentials{}, err
	}
	if i.Profile.Arn == nil {
		return imds.Credentials{}, wire.Errorf(404, "NoInstanceProfile", "The instance '%s' has no instance profile.", instanceID)
	}
	ctx = wire.AsService(ctx, service, region)
	role, err := m.role(ctx, *i.Profile.Arn)
	if err != nil {
		return imds.Credentials{}, err
	}
	if role == "" {
		return imds.Credentials{}, wire.Errorf(404, "NoInstanceProfile", "The instance profile %s has no role.", *i.Profile.Arn)
	}
	c, err := m.assume(ctx, role, instanceID)
	if err != nil {
		return imds.Credentials{}, err
	}
	c.UpdatedAt = now
	m.creds[instanceID] = c
	m.drop()
	return c, nil
}

// assume asks for credentials as long-lived as the role allows.
func (m *Metadata) assume(ctx context.Context, role, session string) (c imds.Credentials, err error) {
	for _, life := range []time.Duration{credentialLife, time.Hour} {
		var out *stsapi.AssumeRoleOutput
		out, err = wire.Invoke(ctx, m.s.d.Calls, stsapi.AssumeRole, &stsapi.AssumeRoleInput{
			RoleArn: &role, RoleSessionName: &session, DurationSeconds: new(int64(life / time.Second)),
		})
		if err == nil {
			k := out.Credentials
			return imds.Credentials{AccessKeyID: ptr.Val(k.AccessKeyId), SecretAccessKey: ptr.Val(k.SecretAccessKey), SessionToken: ptr.Val(k.SessionToken), ExpiresAt: ptr.Val(k.Expiration)}, nil
		}
		if wire.Code(err) != "ValidationError" {
			break
		}
	}
	return c, err
}

// drop forgets the credentials of instances that are no more.
func (m *Metadata) drop() {
	var known []string
	_ = m.s.d.Store.View(func(st store.Tx) error {
		instances.table.Each(st, "", func(_ string, i instance) bool {
			if i.alive() {
				known = append(known, i.ID)
			}
			return true
		})
		return nil
	})
	for id := range m.creds {
		if !slices.Contains(known, id) {
			delete(m.creds, id)
		}
	}
}
