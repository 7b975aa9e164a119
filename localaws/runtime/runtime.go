package runtime

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"time"
)

// Addresses that exist in every network, beside the resolver at base + 2 of
// each of the network's address ranges.
var (
	// MetadataAddr is where instances find the instance metadata service.
	MetadataAddr = netip.MustParseAddr("169.254.169.254")
	// ResolverAddr is the second address of the network's resolver, the same in every network.
	ResolverAddr = netip.MustParseAddr("169.254.169.253")
	// EndpointAddr is where the names of AWS's services lead to from inside a
	// network: the address the local AWS endpoint listens at on port 443.
	EndpointAddr = netip.MustParseAddr("198.18.0.2")
	// InternetAddr is the source address of traffic that comes from outside
	// the network, as DialNetwork sends it. Rules that name 0.0.0.0/0 admit it.
	InternetAddr = netip.MustParseAddr("198.18.0.1")
)

var (
	// ErrNotFound says that a named container, network or interface does not exist.
	ErrNotFound = errors.New("not found")
	// ErrNotRunning says that an operation needs a running container.
	ErrNotRunning = errors.New("not running")
	// ErrImageNotFound says that a container's image is absent from the engine.
	ErrImageNotFound = errors.New("image not found")
	// ErrUnsupported says that this implementation cannot do what was asked.
	ErrUnsupported = errors.New("not supported by this runtime")
)

// Runtime runs containers and networks for one local cloud. All methods are
// safe for concurrent use, and all that create or change something may be
// repeated. Names are the caller's; an implementation adds the cloud's name and
// label, so that several clouds live side by side on one machine and each can
// find and remove its own things after a crash.
type Runtime interface {
	// Check reports the first reason why this runtime cannot work on this
	// machine, as an error that says what to do. A nil answer means it can.
	Check(ctx context.Context) error
	Containers
	Networks
	// Purge removes every container, volume, network and interface of this
	// cloud, also those that an earlier process left behind.
	Purge(ctx context.Context) error
	// Close frees what this process holds (sockets, connections). Containers
	// and networks go on.
	Close() error
}

// Containers is the half of a Runtime that runs programs.
type Containers interface {
	// EnsureContainer creates the container if it is absent and starts it if
	// it does not run. A container that exists keeps the specification it was
	// created with; remove it first to change that. It fails with
	// ErrImageNotFound if the engine lacks the image.
	EnsureContainer(ctx context.Context, spec ContainerSpec) (ContainerStatus, error)
	// InspectContainer returns the container's state. A container that does
	// not exist is no error: its state is Absent.
	InspectContainer(ctx context.Context, name string) (ContainerStatus, error)
	// ListContainers returns this cloud's containers, running or not.
	ListContainers(ctx context.Context) ([]ContainerStatus, error)
	// StartContainer starts a stopped container. Its interfaces have to be
	// attached again: they went away with the old process.
	StartContainer(ctx context.Context, name string) error
	// StopContainer sends the stop signal and, after grace, SIGKILL. Stopping
	// a container that is absent or stopped does nothing.
	StopContainer(ctx context.Context, name string, grace time.Duration) error
	// RemoveContainer kills and removes a container with its anonymous
	// volumes. Removing one that is absent does nothing.
	RemoveContainer(ctx context.Context, name string) error
	// WaitContainer waits until the container no longer runs and returns its state.
	WaitContainer(ctx context.Context, name string) (ContainerStatus, error)
	// Exec runs a command in a running container and returns its output.
	Exec(ctx context.Context, name string, spec ExecSpec) (ExecResult, error)
	// CopyTo puts files into a container, running or not.
	CopyTo(ctx context.Context, name string, files []File) error
	// ReadFile returns one file of a container, running or not.
	ReadFile(ctx context.Context, name, path string) ([]byte, error)
	// Logs returns the last lines the container's main process wrote to
	// standard output and error; tail <= 0 means all.
	Logs(ctx context.Context, name string, tail int) ([]byte, error)
	// Stats returns one reading of what the container has used so far.
	Stats(ctx context.Context, name string) (Stats, error)
	// EnsureVolume creates a named volume if it is absent.
	EnsureVolume(ctx context.Context, name string) error
	// RemoveVolume removes a named volume. Removing one that is absent does nothing.
	RemoveVolume(ctx context.Context, name string) error
	// ImageID returns the content address of an image, or ErrImageNotFound.
	ImageID(ctx context.Context, image string) (string, error)
}

// Networks is the half of a Runtime that carries packets.
type Networks interface {
	// EnsureNetwork creates a network, or brings an existing one to this form.
	EnsureNetwork(ctx context.Context, n Network) error
	// RemoveNetwork removes a network with all its interfaces and sockets.
	// Removing one that is absent does nothing.
	RemoveNetwork(ctx context.Context, id string) error
	// Attach connects an interface to its network and container. Repeating it
	// repairs: a container that was restarted gets its interface back.
	Attach(ctx context.Context, i Interface) error
	// Detach removes an interface. Removing one that is absent does nothing.
	Detach(ctx context.Context, interfaceID string) error
	// SetPolicy replaces the network's whole packet filter at once. Traffic
	// between interfaces passes only if the policy admits it; an interface
	// that the policy does not name neither sends nor receives. Established
	// connections go on, as tracked connections do on AWS:
	// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/security-group-connection-tracking.html
	SetPolicy(ctx context.Context, networkID string, p Policy) error

	// Listen opens a TCP listener inside the namespace of a container-less
	// interface, at its own address and the given port.
	Listen(ctx context.Context, interfaceID string, port int) (net.Listener, error)
	// Dial opens a connection from the namespace of a container-less
	// interface; network and address are those of net.Dial, the address
	// numeric. The policy applies as to any guest.
	Dial(ctx context.Context, interfaceID, network, address string) (net.Conn, error)

	// ListenNetwork opens a TCP listener at an address of the network itself:
	// its resolver, the metadata service or the AWS endpoint.
	ListenNetwork(ctx context.Context, networkID string, addr netip.AddrPort) (net.Listener, error)
	// ListenPacketNetwork is ListenNetwork for UDP.
	ListenPacketNetwork(ctx context.Context, networkID string, addr netip.AddrPort) (net.PacketConn, error)
	// DialNetwork opens a connection into the network from outside, with
	// InternetAddr as its source. The policy applies: the destination must be
	// reachable from the internet and its groups must admit the source.
	DialNetwork(ctx context.Context, networkID, network, address string) (net.Conn, error)
	// HostProbe connects from the control plane's own side of the network,
	// which no group filters: whether a database in a guest accepts
	// connections is for the control plane to know. The guest's interface must
	// be named by the policy, with any groups or none; else its answers count
	// as forged and are dropped.
	HostProbe(ctx context.Context, networkID, network, address string) (net.Conn, error)
}

// ContainerSpec describes a container. It has no network but those that Attach
// gives it.
type ContainerSpec struct {
	Name       string // unique in the cloud: letters, digits, '.', '_' and '-'
	Image      string
	Hostname   string
	Entrypoint []string // nil: the image's
	Cmd        []string // nil: the image's
	Env        []string // NAME=value
	WorkingDir string
	User       string
	StopSignal string // e.g. SIGINT; empty: the image's, else SIGTERM
	Labels     map[string]string

	Files            []File            // put in place before the first start
	Volumes          map[string]string // path in the container -> named volume
	AnonymousVolumes []string          // paths; removed with the container

	MemoryBytes int64   // 0: no limit
	CPUs        float64 // 0: no limit
	SharedBytes int64   // size of /dev/shm; 0: the engine's default

	// DNS is the resolver written to /etc/resolv.conf; the zero value leaves
	// the container without one. Search is its search domain.
	DNS    netip.Addr
	Search string

	// NestedEngine lets a container engine run inside: the container gets
	// every capability the machine can give, its own cgroup namespace and,
	// without a disk, an anonymous volume at /var/lib/docker.
	NestedEngine bool

	// Disk is a file system of the container's own. The image's main process
	// has to make its root of it; see localaws/guest/boot.
	Disk Disk
}

// Disk is an ext4 file system that the container finds at Path: empty at first,
// kept from start to start, removed with the container. It takes no more of
// this machine than what is written to it.
type Disk struct {
	Path  string
	Bytes int64 // 0: none
}

// File is put into a container.
type File struct {
	Path    string // absolute; missing folders are made, owned by root, mode 0755
	Mode    uint32 // permission bits, e.g. 0o644
	UID     int
	GID     int
	Content []byte
}

// State is where a container stands in its life.
type State string

// The states of a container.
const (
	Absent  State = "absent"
	Created State = "created"
	Running State = "running"
	Exited  State = "exited"
)

// ContainerStatus is what the engine says about a container.
type ContainerStatus struct {
	Name       string // as in ContainerSpec
	Image      string
	State      State
	ExitCode   int
	OOMKilled  bool
	PID        int // of the main process, on the host; 0 unless running
	StartedAt  time.Time
	FinishedAt time.Time
	Labels     map[string]string
}

// ExecSpec is a command to run in a container.
type ExecSpec struct {
	Cmd        []string
	Env        []string
	User       string
	WorkingDir string
	Stdin      []byte
}

// ExecResult is what a command wrote and how it ended.
type ExecResult struct {
	ExitCode int
	Stdout   []byte
	Stderr   []byte
}

// Stats is one reading of a container's meters. Counters start at zero with
// the container's main process; network counters are those of its interfaces.
type Stats struct {
	At               time.Time
	CPUNanoseconds   uint64 // processor time used
	OnlineCPUs       int
	MemoryBytes      uint64 // working set: resident without reclaimable file cache
	MemoryLimitBytes uint64
	NetworkRxBytes   uint64
	NetworkTxBytes   uint64
	NetworkRxPackets uint64
	NetworkTxPackets uint64
	BlockReadBytes   uint64
	BlockWriteBytes  uint64
	BlockReadOps     uint64
	BlockWriteOps    uint64
	Processes        uint64
}

// Network is a routed network without broadcast domain: a VPC.
type Network struct {
	ID    string         // e.g. vpc-0123
	CIDRs []netip.Prefix // the resolver answers at base + 2 of each
}

// Resolver returns the address of the resolver of a range: its base plus two.
func Resolver(cidr netip.Prefix) netip.Addr { return cidr.Masked().Addr().Next().Next() }

// Gateway returns the first address of a subnet, where its guests find the router.
func Gateway(subnet netip.Prefix) netip.Addr { return subnet.Masked().Addr().Next() }

// Interface connects a container, or a namespace of its own when Container is
// empty (a balancer node), with a network.
type Interface struct {
	ID        string // e.g. eni-0123
	Network   string
	Addr      netip.Addr
	Subnet    netip.Prefix     // its first address is the guest's gateway
	MAC       net.HardwareAddr // nil: derived from the address
	Container string
	Device    string // name inside the container; empty: eth0
}

// Policy is the whole packet filter of a network.
type Policy struct {
	Interfaces []PolicyInterface
	Groups     []Group
}

// PolicyInterface is what the filter has to know about one interface.
type PolicyInterface struct {
	ID     string // of an attached interface
	Addr   netip.Addr
	Groups []string // ids; an interface without groups neither sends nor receives
	// Endpoint says that the interface's routes lead to AWS's services
	// (through an internet gateway, a NAT gateway or an endpoint).
	Endpoint bool
	// Inbound says that the interface can be reached from the internet
	// (a public address and a route to an internet gateway).
	Inbound bool
}

// Group is a security group: rules that admit, nothing that denies.
type Group struct {
	ID      string
	Ingress []Rule
	Egress  []Rule
}

// Rule admits traffic from a peer (ingress) or to a peer (egress).
type Rule struct {
	Protocol Protocol
	// FromPort and ToPort bound the destination ports of TCP and UDP,
	// inclusive. For ICMP they are type and code, -1 meaning all.
	FromPort, ToPort int
	// Exactly one of CIDR and Group is set.
	CIDR  netip.Prefix
	Group string
}

// Protocol of a rule.
type Protocol string

// The protocols a rule can name.
const (
	AllProtocols Protocol = "-1"
	TCP          Protocol = "tcp"
	UDP          Protocol = "udp"
	ICMP         Protocol = "icmp"
)
