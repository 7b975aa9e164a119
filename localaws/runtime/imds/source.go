package imds

import (
	"context"
	"net/netip"
	"time"
)

// Source tells what the service answers.
type Source interface {
	// Instance returns the instance that has an address in a network; false
	// when nobody has it.
	Instance(ctx context.Context, networkID string, addr netip.Addr) (Instance, bool, error)
	// Credentials returns current credentials of the instance's role. It is
	// asked at every request and decides itself when to renew them.
	Credentials(ctx context.Context, instanceID string) (Credentials, error)
}

// Instance is what the metadata tree is made of.
type Instance struct {
	ID            string
	ImageID       string
	Type          string
	Architecture  string // x86_64 or arm64
	AccountID     string
	Region        string
	Zone          string // eu-central-1a
	ZoneID        string // euc1-az2
	ReservationID string
	LaunchIndex   int
	LaunchedAt    time.Time
	KeyName       string // name of the key pair; empty: none

	LocalIPv4      string
	LocalHostname  string
	PublicIPv4     string // empty: none
	PublicHostname string
	MAC            string
	InterfaceID    string
	VPC            string
	VPCCIDRs       []string
	Subnet         string
	SubnetCIDR     string
	SecurityGroups []Group

	UserData []byte            // nil: none
	Tags     map[string]string // nil: tags are not shown in metadata

	// Role is the role of the instance profile; empty: none.
	Role               string
	InstanceProfileARN string
	InstanceProfileID  string

	// LifecycleState is the state the instance's Auto Scaling group wants it
	// in, e.g. InService; empty: it is in no group.
	LifecycleState string

	// Disabled turns the service off for this instance.
	Disabled bool
	// HopLimit is how many network hops a token may travel; 2 lets containers
	// inside the instance have one. 0 means 1.
	HopLimit int
}

// Group is a security group of the instance's interface.
type Group struct{ ID, Name string }

// Credentials are temporary credentials of a role.
type Credentials struct {
	AccessKeyID     string
	SecretAccessKey string
	SessionToken    string
	UpdatedAt       time.Time
	ExpiresAt       time.Time
}
