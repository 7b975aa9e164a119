package lambda

import (
	"archive/zip"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"grocery/localaws/runtime"
	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/store"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/ec2api"
	"grocery/localaws/wire/api/stsapi"
)

// The network over which sandboxes reach the runtime API: the service's own.
const internalNetwork = "lambda"

var (
	internalRange = netip.MustParsePrefix("198.19.128.0/17")
	apiAddr       = netip.MustParseAddr("198.19.128.10") // where the runtime API listens
)

// apiInterface is the node of the runtime API in that network.
const apiInterface = "lambda-runtime-api"

//go:embed start.sh
var startScript []byte

// row is what outlives the process about a sandbox, so that the next one can
// remove what it left.
type row struct {
	Name      string     `json:"name"`
	Region    string     `json:"region"`
	Internal  netip.Addr `json:"internal"`
	Interface string     `json:"interface,omitempty"` // in the function's VPC
}

var rows = store.Table[row]{Name: "lambda_sandboxes"}

// sandbox is a container that runs one version of a function, one invocation
// at a time.
type sandbox struct {
	row
	function string // key
	revision string
	group    string // of the logs
	stream   string
	born     time.Time
	idle     time.Time // since when; zero while it works
	busy     bool
	dead     bool
	seen     int // bytes of output already reported
	next     chan *invocation
	current  *invocation
	reports  chan func()    // what is to be logged, in order
	used     uint64         // MiB at most; the worker of reports alone sets it
	as       wire.Principal // the session of the function's role
}

// create makes a sandbox for a version of a function. Its bootstrap starts by
// itself as soon as the interfaces are there.
func (s *Service) create(ctx context.Context, f *function, c *config) (x *sandbox, err error) {
	x = &sandbox{function: f.key(), revision: c.Revision, group: c.LogGroup, born: s.d.Clock.Now(), busy: true, next: make(chan *invocation, 1), reports: make(chan func(), 64)}
	id := strings.ReplaceAll(wire.NewRequestID(), "-", "")
	x.Name, x.Region = "lambda-"+f.Name+"-"+id[:12], f.Region
	x.stream = x.born.Format("2006/01/02") + "/[" + c.Version + "]" + id
	ctx = wire.AsService(ctx, "lambda.amazonaws.com", f.Region)

	err = s.d.Store.Update(func(tx store.Tx) error {
		used := map[netip.Addr]bool{apiAddr: true}
		for _, r := range rows.List(tx, "") {
			used[r.Internal] = true
		}
		for a := apiAddr.Next(); internalRange.Contains(a); a = a.Next() {
			if !used[a] {
				x.Internal = a
				rows.Put(tx, x.Name, x.row)
				s.mu.Lock() // before the row can be seen, so that reap leaves it alone
				s.sandboxes[x.Name] = x
				s.mu.Unlock()
				go x.work()
				return nil
			}
		}
		return wire.Errorf(429, "TooManyRequestsException", "Rate Exceeded.")
	})
	if err != nil {
		return nil, err
	}
	made := x // which a failure's return forgets
	defer func() {
		if err != nil {
			err = errors.Join(err, s.remove(context.WithoutCancel(ctx), made.row))
		}
	}()
	session, err := s.assume(ctx, f, c)
	if err != nil {
		return nil, err
	}
	x.as = wire.Principal{ARN: *session.AssumedRoleUser.Arn, UserID: *session.AssumedRoleUser.AssumedRoleId, AccessKeyID: *session.Credentials.AccessKeyId}
	home := runtime.Interface{ID: x.Name, Network: internalNetwork, Addr: x.Internal, Subnet: internalRange, Container: x.Name, Device: "eth0"}
	ways, dns := []runtime.Interface{home}, runtime.Resolver(internalRange)
	if c.VPC != "" {
		if err := s.mayEnter(asRole(ctx, x.as), c); err != nil {
			return nil, err
		}
		eth0, resolver, err := s.enter(ctx, f, c, x)
		if err != nil {
			return nil, err
		}
		ways[0].Device = "eth1"
		ways, dns = append(ways, eth0), resolver
	}
	spec, err := s.spec(f, c, x, session.Credentials, len(ways))
	if err != nil {
		return nil, err
	}
	spec.DNS = dns
	if err := s.ensureAPI(ctx); err != nil {
		return nil, err
	}
	if _, err := s.d.Runtime.EnsureContainer(ctx, spec); err != nil {
		return nil, err
	}
	for _, way := range ways {
		if err := s.d.Runtime.Attach(ctx, way); err != nil {
			return nil, err
		}
	}
	return x, s.setPolicy(ctx)
}

// work logs one invocation after the other until the sandbox is removed.
func (x *sandbox) work() {
	for report := range x.reports {
		report()
	}
}

// assume takes the function's role.
func (s *Service) assume(ctx context.Context, f *function, c *config) (*stsapi.AssumeRoleOutput, error) {
	out, err := wire.Invoke(ctx, s.d.Calls, stsapi.AssumeRole, &stsapi.AssumeRoleInput{RoleArn: &c.Role, RoleSessionName: &f.Name})
	if err != nil {
		return nil, wire.Errorf(403, "AccessDeniedException", "Lambda was unable to assume the role %s: %v", c.Role, err)
	}
	return out, nil
}

// asRole is ctx with calls made by a session of the function's role: what
// Lambda does for a function, it does with what the role allows. See
// https://docs.aws.amazon.com/lambda/latest/dg/lambda-intro-execution-role.html.
func asRole(ctx context.Context, session wire.Principal) context.Context {
	c := *wire.CallFrom(ctx)
	c.Principal = session
	return wire.WithCall(ctx, &c)
}

// enter gives a sandbox an interface in the function's VPC.
func (s *Service) enter(ctx context.Context, f *function, c *config, x *sandbox) (i runtime.Interface, resolver netip.Addr, err error) {
	out, err := wire.Invoke(ctx, s.d.Calls, ec2api.CreateNetworkInterface, &ec2api.CreateNetworkInterfaceInput{
		SubnetId: &c.Subnets[int(x.born.UnixNano()/1000)%len(c.Subnets)], Groups: c.Groups, Description: new("AWS Lambda VPC ENI-" + f.Name + "-" + wire.NewRequestID()), InterfaceType: new("lambda"),
	})
	if err != nil {
		return i, resolver, err
	}
	eni := out.NetworkInterface
	x.Interface = *eni.NetworkInterfaceId
	if err := s.d.Store.Update(func(tx store.Tx) error { rows.Put(tx, x.Name, x.row); return nil }); err != nil {
		return i, resolver, err
	}
	subnet, err := wire.Invoke(ctx, s.d.Calls, ec2api.DescribeSubnets, &ec2api.DescribeSubnetsInput{SubnetIds: []string{*eni.SubnetId}})
	if err != nil {
		return i, resolver, err
	}
	vpc, err := wire.Invoke(ctx, s.d.Calls, ec2api.DescribeVpcs, &ec2api.DescribeVpcsInput{VpcIds: []string{c.VPC}})
	if err != nil {
		return i, resolver, err
	}
	prefix, err1 := netip.ParsePrefix(ptr.Val(subnet.Subnets[0].CidrBlock))
	whole, err2 := netip.ParsePrefix(ptr.Val(vpc.Vpcs[0].CidrBlock))
	addr, err3 := netip.ParseAddr(ptr.Val(eni.PrivateIpAddress))
	if err := errors.Join(err1, err2, err3); err != nil {
		return i, resolver, err
	}
	return runtime.Interface{ID: x.Interface, Network: c.VPC, Addr: addr, Subnet: prefix, Container: x.Name, Device: "eth0"}, runtime.Resolver(whole), nil
}

// spec is the container of a sandbox.
func (s *Service) spec(f *function, c *config, x *sandbox, role *stsapi.Credentials, devices int) (spec runtime.ContainerSpec, err error) {
	env := map[string]string{
		"SANDBOX_DEVICES": strings.Join([]string{"eth0", "eth1"}[:devices], " "), "AWS_LAMBDA_RUNTIME_API": netip.AddrPortFrom(apiAddr, apiPort).String(), "_HANDLER": c.Handler,
		"AWS_REGION": f.Region, "AWS_DEFAULT_REGION": f.Region, "AWS_ACCESS_KEY_ID": *role.AccessKeyId, "AWS_SECRET_ACCESS_KEY": *role.SecretAccessKey, "AWS_SESSION_TOKEN": *role.SessionToken,
		"AWS_LAMBDA_FUNCTION_NAME": f.Name, "AWS_LAMBDA_FUNCTION_VERSION": c.Version, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": strconv.FormatInt(c.Memory, 10), "AWS_LAMBDA_LOG_GROUP_NAME": c.LogGroup, "AWS_LAMBDA_LOG_STREAM_NAME": x.stream,
		"AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand", "AWS_LAMBDA_LOG_FORMAT": c.LogFormat, "AWS_EXECUTION_ENV": "AWS_Lambda_" + c.Runtime, "LAMBDA_TASK_ROOT": "/var/task", "LAMBDA_RUNTIME_DIR": "/var/runtime",
		"LD_LIBRARY_PATH": "/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib", "PATH": "/usr/local/bin:/usr/bin:/bin:/opt/bin", "LANG": "en_US.UTF-8", "TZ": ":UTC", "HOME": "/tmp",
	}
	if c.LogFormat == "JSON" {
		env["AWS_LAMBDA_LOG_LEVEL"] = c.AppLevel
	}
	maps.Copy(env, c.Env)
	spec = runtime.ContainerSpec{
		Name: x.Name, Image: s.d.Image, Hostname: "169-254-0-1", Entrypoint: []string{"/bin/sh", "/etc/lambda/start.sh"}, MemoryBytes: c.Memory << 20, CPUs: max(1, float64(c.Memory)/1769),
		Labels: map[string]string{"lambda.function": f.Name},
		Files:  []runtime.File{{Path: "/etc/lambda/start.sh", Mode: 0o755, Content: startScript}, {Path: "/etc/lambda/ca.pem", Mode: 0o644, Content: s.d.CA}},
	}
	for _, k := range slices.Sorted(maps.Keys(env)) {
		spec.Env = append(spec.Env, k+"="+env[k])
	}
	var layers []code
	err = s.d.Store.View(func(tx store.Tx) error {
		for _, arn := range c.Layers {
			v, ok := layerVersion(tx, arn)
			if !ok {
				return fmt.Errorf("the layer version %s is gone: update the function's layers", arn)
			}
			layers = append(layers, v.Code)
		}
		return nil
	})
	if err != nil {
		return spec, err
	}
	for _, l := range layers {
		if spec.Files, err = s.unzip(spec.Files, l, "/opt"); err != nil {
			return spec, err
		}
	}
	spec.Files, err = s.unzip(spec.Files, c.Code, "/var/task")
	return spec, err
}

// unzip adds the files of a zip file to files, below dir.
func (s *Service) unzip(files []runtime.File, c code, dir string) ([]runtime.File, error) {
	b, err := s.d.Blobs.Open(c.Blob)
	if err != nil {
		return nil, err
	}
	defer b.Close()
	z, err := zip.NewReader(b, c.Size)
	if err != nil {
		return nil, err
	}
	for _, f := range z.File {
		if f.FileInfo().IsDir() {
			continue
		}
		r, err := f.Open()
		if err != nil {
			return nil, err
		}
		content, err := io.ReadAll(r)
		if err = errors.Join(err, r.Close()); err != nil {
			return nil, fmt.Errorf("unzip %s: %w", f.Name, err)
		}
		mode := uint32(f.Mode().Perm())
		if mode == 0 {
			mode = 0o644
		}
		files = append(files, runtime.File{Path: path.Join(dir, f.Name), Mode: mode | 0o444, Content: content})
	}
	return files, nil
}

// remove undoes create. It may be repeated.
func (s *Service) remove(ctx context.Context, r row) error {
	s.mu.Lock()
	if x := s.sandboxes[r.Name]; x != nil {
		x.dead = true
		close(x.reports)
		r = x.row
		delete(s.sandboxes, r.Name)
	}
	s.mu.Unlock()
	if err := s.d.Runtime.RemoveContainer(ctx, r.Name); err != nil {
		return err
	}
	if err := s.d.Runtime.Detach(ctx, r.Name); err != nil {
		return err
	}
	if r.Interface != "" {
		if err := s.d.Runtime.Detach(ctx, r.Interface); err != nil {
			return err
		}
		_, err := wire.Invoke(wire.AsService(ctx, "lambda.amazonaws.com", r.Region), s.d.Calls, ec2api.DeleteNetworkInterface, &ec2api.DeleteNetworkInterfaceInput{NetworkInterfaceId: &r.Interface})
		if err != nil && wire.Code(err) != "InvalidNetworkInterfaceID.NotFound" {
			return err
		}
	}
	return s.d.Store.Update(func(tx store.Tx) error { rows.Delete(tx, r.Name); return nil })
}

// setPolicy lets sandboxes reach the runtime API, and AWS's services; not each
// other.
func (s *Service) setPolicy(ctx context.Context) error {
	any := netip.MustParsePrefix("0.0.0.0/0")
	p := runtime.Policy{
		Interfaces: []runtime.PolicyInterface{{ID: apiInterface, Addr: apiAddr, Groups: []string{"api"}}},
		Groups: []runtime.Group{
			{ID: "api", Ingress: []runtime.Rule{{Protocol: runtime.TCP, FromPort: apiPort, ToPort: apiPort, Group: "sandbox"}}},
			{ID: "sandbox", Egress: []runtime.Rule{{Protocol: runtime.AllProtocols, CIDR: any}}},
		},
	}
	s.mu.Lock()
	defer s.mu.Unlock() // policies are set in the order in which they were made
	for _, name := range slices.Sorted(maps.Keys(s.sandboxes)) {
		x := s.sandboxes[name]
		p.Interfaces = append(p.Interfaces, runtime.PolicyInterface{ID: x.Name, Addr: x.Internal, Groups: []string{"sandbox"}, Endpoint: x.Interface == ""})
	}
	return s.d.Runtime.SetPolicy(ctx, internalNetwork, p)
}

// How long sandboxes live.
const (
	idleFor = 5 * time.Minute
	oldAt   = 45 * time.Minute // before its credentials expire
)

// reap removes sandboxes that stood idle for long, that are of a version no
// longer there, or that an earlier process left, and the network after the last.
func (s *Service) reap(ctx context.Context) error {
	var left []row
	present := map[string]map[string]bool{}
	err := s.d.Store.View(func(tx store.Tx) error {
		left = rows.List(tx, "")
		for _, f := range functions.List(tx, "") {
			all := map[string]bool{f.Revision: true}
			for _, v := range f.Versions {
				all[v.Revision] = true
			}
			present[f.key()] = all
		}
		return nil
	})
	if err != nil {
		return err
	}
	now := s.d.Clock.Now()
	var errs []error
	removed := false
	for _, r := range left {
		s.mu.Lock()
		x := s.sandboxes[r.Name]
		keep := x != nil && (x.busy || now.Sub(x.idle) < idleFor && now.Sub(x.born) < oldAt && present[x.function][x.revision])
		if x != nil && !keep {
			x.busy = true // nobody takes it any more
		}
		s.mu.Unlock()
		if keep {
			continue
		}
		errs = append(errs, s.remove(ctx, r))
		removed = true
	}
	s.mu.Lock()
	empty := len(s.sandboxes) == 0
	s.mu.Unlock()
	if removed && empty {
		errs = append(errs, s.closeAPI(ctx))
	}
	return errors.Join(errs...)
}
