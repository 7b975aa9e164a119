package lambda

import (
	"context"
	"regexp"
	goruntime "runtime"
	"slices"
	"strings"
	"time"

	"grocery/localaws/store"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/ec2api"
	"grocery/localaws/wire/api/iamapi"
	api "grocery/localaws/wire/api/lambdaapi"

	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/service/internal/role"
)

// function is a function: its unpublished version $LATEST and the published
// ones.
type function struct {
	Name   string `json:"name"`
	Region string `json:"region"`
	config
	Versions    []config                 `json:"versions,omitempty"` // oldest first
	NextVersion int64                    `json:"next_version"`
	Statements  []statement              `json:"statements,omitempty"`
	Reserved    *int64                   `json:"reserved,omitempty"` // concurrency
	Async       map[string]asyncSettings `json:"async,omitempty"`    // by qualifier
	Tags        map[string]string        `json:"tags,omitempty"`
}

// config is one version of a function.
type config struct {
	Version       string            `json:"version"`
	Revision      string            `json:"revision"`
	Modified      time.Time         `json:"modified"`
	Code          code              `json:"code"`
	Role          string            `json:"role"`
	Runtime       string            `json:"runtime"`
	Handler       string            `json:"handler"`
	Description   string            `json:"description,omitempty"`
	Timeout       int64             `json:"timeout"` // seconds
	Memory        int64             `json:"memory"`  // MiB
	Scratch       int64             `json:"scratch"` // MiB of /tmp
	Env           map[string]string `json:"env,omitempty"`
	Layers        []string          `json:"layers,omitempty"`
	Architectures []string          `json:"architectures"`
	Tracing       string            `json:"tracing"`
	DeadLetter    string            `json:"dead_letter,omitempty"`
	Key           string            `json:"key,omitempty"`
	LogFormat     string            `json:"log_format"`
	LogGroup      string            `json:"log_group"`
	AppLevel      string            `json:"app_level,omitempty"`
	SystemLevel   string            `json:"system_level,omitempty"`
	VPC           string            `json:"vpc,omitempty"`
	Subnets       []string          `json:"subnets,omitempty"`
	Groups        []string          `json:"groups,omitempty"`
}

const latest = "$LATEST"

var functions = store.Table[function]{Name: "lambda_functions"}

func (f *function) key() string { return store.Key(f.Region, f.Name) }

func (f *function) arn() string {
	return "arn:" + wire.Partition + ":lambda:" + f.Region + ":" + wire.Account + ":function:" + f.Name
}

var functionForm = regexp.MustCompile(`^(?:arn:aws:lambda:([a-z0-9-]+):)?(?:(\d{12}):)?(?:function:)?([A-Za-z0-9_-]{1,64})(?::(\$LATEST|[A-Za-z0-9_-]+))?$`)

// parse takes a function's name, ARN or partial ARN apart.
func parse(ctx context.Context, id, qualifier string) (key, q string, err error) {
	m := functionForm.FindStringSubmatch(id)
	c := wire.CallFrom(ctx)
	if m == nil || m[2] != "" && m[2] != c.Account || m[1] != "" && m[1] != c.Region {
		return "", "", wire.Errorf(400, "ValidationException", "1 validation error detected: Value '%s' at 'functionName' failed to satisfy constraint: it must be the name or ARN of a function in this account and region", id)
	}
	if qualifier == "" {
		qualifier = m[4]
	}
	return store.Key(c.Region, m[3]), qualifier, nil
}

func errNoFunction(c *wire.Call, key, qualifier string) error {
	arn := c.ARN("lambda", "function:"+key[strings.IndexByte(key, '/')+1:])
	if qualifier != "" {
		arn += ":" + qualifier
	}
	return wire.Errorf(404, "ResourceNotFoundException", "Function not found: %s", arn)
}

// view returns a function and the version asked for.
func (s *Service) view(ctx context.Context, id, qualifier *string) (f function, v *config, err error) {
	key, q, err := parse(ctx, ptr.Val(id), ptr.Val(qualifier))
	if err != nil {
		return f, nil, err
	}
	err = s.d.Store.View(func(tx store.Tx) error {
		var ok bool
		if f, ok = functions.Get(tx, key); !ok {
			return errNoFunction(wire.CallFrom(ctx), key, "")
		}
		return nil
	})
	if err != nil {
		return f, nil, err
	}
	if v = f.at(q); v == nil {
		return f, nil, errNoFunction(wire.CallFrom(ctx), key, q)
	}
	return f, v, nil
}

// at returns a version; an empty qualifier means the unpublished one.
func (f *function) at(qualifier string) *config {
	if qualifier == "" || qualifier == latest {
		return &f.config
	}
	for i := range f.Versions {
		if f.Versions[i].Version == qualifier {
			return &f.Versions[i]
		}
	}
	return nil
}

// edit runs change on a function and stores it.
func (s *Service) edit(ctx context.Context, id *string, change func(tx store.Tx, f *function) error) error {
	key, _, err := parse(ctx, ptr.Val(id), "")
	if err != nil {
		return err
	}
	return s.d.Store.Update(func(tx store.Tx) error {
		f, ok := functions.Get(tx, key)
		if !ok {
			return errNoFunction(wire.CallFrom(ctx), key, "")
		}
		if err := change(tx, &f); err != nil {
			return err
		}
		functions.Put(tx, key, f)
		return nil
	})
}

// touch gives the unpublished version a new revision.
func (s *Service) touch(f *function) { f.Revision, f.Modified = wire.NewRequestID(), s.d.Clock.Now() }

// architecture is what functions run on here.
func architecture() string {
	if goruntime.GOARCH == "arm64" {
		return "arm64"
	}
	return "x86_64"
}

// check refuses settings that AWS refuses or local AWS does not offer.
func (c *config) check() error {
	bad := func(format string, args ...any) error { return wire.Errorf(400, invalidValue, format, args...) }
	switch {
	case c.Runtime != "provided.al2023" && c.Runtime != "provided.al2":
		return bad("Local AWS runs the runtimes provided.al2023 and provided.al2, not %q.", c.Runtime)
	case c.Handler == "" || len(c.Handler) > 128:
		return bad("Handler is required and has at most 128 characters.")
	case c.Timeout < 1 || c.Timeout > 900:
		return bad("Timeout must be between 1 and 900 seconds, not %d.", c.Timeout)
	case c.Memory < 128 || c.Memory > 10240:
		return bad("MemorySize must be between 128 and 10240 MB, not %d.", c.Memory)
	case c.Scratch < 512 || c.Scratch > 10240:
		return bad("EphemeralStorage must be between 512 and 10240 MB, not %d.", c.Scratch)
	case len(c.Layers) > 5:
		return bad("A function has at most 5 layers.")
	case len(c.Architectures) != 1 || c.Architectures[0] != architecture():
		return bad("This machine runs functions for %s, not %v.", architecture(), c.Architectures)
	case c.Tracing != "PassThrough" && c.Tracing != "Active":
		return bad("The tracing mode %s does not exist.", c.Tracing)
	case c.LogFormat != "Text" && c.LogFormat != "JSON":
		return bad("The log format %s does not exist.", c.LogFormat)
	case c.LogFormat == "Text" && (c.AppLevel != "" || c.SystemLevel != ""):
		return bad("Log levels need the log format JSON.")
	case (len(c.Subnets) == 0) != (len(c.Groups) == 0):
		return bad("A function in a VPC needs both subnets and security groups.")
	}
	size := 0
	for k, v := range c.Env {
		size += len(k) + len(v)
		if strings.HasPrefix(k, "AWS_LAMBDA_") || slices.Contains([]string{"_HANDLER", "_X_AMZN_TRACE_ID", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_EXECUTION_ENV", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR"}, k) {
			return bad("Lambda was unable to configure your environment variables because the environment variables you have provided contains reserved keys that are currently not supported for modification. Reserved keys used in this request: %s", k)
		}
		if !envName.MatchString(k) {
			return bad("The environment variable name %q is not valid.", k)
		}
	}
	if size > 4096 {
		return bad("Lambda was unable to configure your environment variables because the environment variables you have provided exceeded the 4KB limit.")
	}
	return nil
}

var envName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*$`)

// resolve checks what a version names in other services.
func (s *Service) resolve(ctx context.Context, c *config) error {
	as := wire.AsService(ctx, "lambda.amazonaws.com", wire.CallFrom(ctx).Region)
	name := c.Role[strings.LastIndexByte(c.Role, '/')+1:]
	if !strings.HasPrefix(c.Role, "arn:aws:iam::"+wire.Account+":role/") {
		return wire.Errorf(400, "ValidationException", "1 validation error detected: Value '%s' at 'role' failed to satisfy constraint: it must be the ARN of a role", c.Role)
	}
	found, err := wire.Invoke(as, s.d.Calls, iamapi.GetRole, &iamapi.GetRoleInput{RoleName: &name})
	if err != nil || !strings.Contains(ptr.Val(found.Role.AssumeRolePolicyDocument), "lambda.amazonaws.com") {
		return wire.Errorf(400, invalidValue, "The role defined for the function cannot be assumed by Lambda.")
	}
	for _, arn := range c.Layers {
		if _, _, err := s.layer(ctx, arn); err != nil {
			return wire.Errorf(400, invalidValue, "Layer version %s does not exist.", arn)
		}
	}
	c.VPC = ""
	if len(c.Subnets) == 0 {
		return nil
	}
	subnets, err := wire.Invoke(as, s.d.Calls, ec2api.DescribeSubnets, &ec2api.DescribeSubnetsInput{SubnetIds: c.Subnets})
	if err != nil {
		return wire.Errorf(400, invalidValue, "Error occurred while DescribeSubnets. EC2 Error Message: %v", err)
	}
	groups, err := wire.Invoke(as, s.d.Calls, ec2api.DescribeSecurityGroups, &ec2api.DescribeSecurityGroupsInput{GroupIds: c.Groups})
	if err != nil {
		return wire.Errorf(400, invalidValue, "Error occurred while DescribeSecurityGroups. EC2 Error Message: %v", err)
	}
	for _, x := range subnets.Subnets {
		if c.VPC != "" && c.VPC != ptr.Val(x.VpcId) {
			return wire.Errorf(400, invalidValue, "Subnets must all be in the same VPC.")
		}
		c.VPC = ptr.Val(x.VpcId)
	}
	for _, x := range groups.SecurityGroups {
		if ptr.Val(x.VpcId) != c.VPC {
			return wire.Errorf(400, invalidValue, "Security group %s is not in %s, where the subnets are.", ptr.Val(x.GroupId), c.VPC)
		}
	}
	taken, err := role.Take(ctx, s.d.Calls, "lambda.amazonaws.com", wire.CallFrom(ctx).Region, "", c.Role, "configuration")
	if err != nil {
		return wire.Errorf(400, invalidValue, "The role defined for the function cannot be assumed by Lambda.")
	}
	return s.mayEnter(taken, c)
}

// mayEnter refuses a role that could not give the function its interfaces. ctx
// makes calls with the role.
func (s *Service) mayEnter(ctx context.Context, c *config) error {
	_, err := wire.Invoke(ctx, s.d.Calls, ec2api.CreateNetworkInterface, &ec2api.CreateNetworkInterfaceInput{SubnetId: &c.Subnets[0], Groups: c.Groups, DryRun: new(true)})
	switch wire.Code(err) {
	case "DryRunOperation":
		return nil
	case "UnauthorizedOperation":
		return wire.Errorf(400, invalidValue, "The provided execution role does not have permissions to call CreateNetworkInterface on EC2")
	}
	return err
}

// shape is a version as AWS shows it. The ARN carries the version only when it
// was asked for or is a published one.
func (s *Service) shape(tx store.Tx, f *function, c *config, qualified bool) *api.FunctionConfiguration {
	arn := f.arn()
	if qualified || c.Version != latest {
		arn += ":" + c.Version
	}
	out := &api.FunctionConfiguration{FunctionName: &f.Name, FunctionArn: &arn, Version: &c.Version, RevisionId: &c.Revision, LastModified: new(c.Modified.Format("2006-01-02T15:04:05.000-0700")),
		CodeSha256: &c.Code.SHA, CodeSize: &c.Code.Size, Role: &c.Role, Runtime: &c.Runtime, Handler: &c.Handler, Description: &c.Description, Timeout: &c.Timeout, MemorySize: &c.Memory,
		EphemeralStorage: &api.EphemeralStorage{Size: &c.Scratch}, Architectures: c.Architectures, PackageType: new("Zip"), TracingConfig: &api.TracingConfigResponse{Mode: &c.Tracing}, KMSKeyArn: ptr.NonZero(c.Key),
		State: new("Active"), LastUpdateStatus: new("Successful"), SnapStart: &api.SnapStartResponse{ApplyOn: new("None"), OptimizationStatus: new("Off")},
		RuntimeVersionConfig: &api.RuntimeVersionConfig{RuntimeVersionArn: new("arn:" + wire.Partition + ":lambda:" + f.Region + "::runtime:" + c.Runtime)},
		LoggingConfig:        &api.LoggingConfig{LogFormat: &c.LogFormat, LogGroup: &c.LogGroup, ApplicationLogLevel: ptr.NonZero(c.AppLevel), SystemLogLevel: ptr.NonZero(c.SystemLevel)},
	}
	if c.DeadLetter != "" {
		out.DeadLetterConfig = &api.DeadLetterConfig{TargetArn: &c.DeadLetter}
	}
	if len(c.Env) > 0 {
		out.Environment = &api.EnvironmentResponse{Variables: c.Env}
	}
	for _, arn := range c.Layers {
		l := api.Layer{Arn: &arn}
		if v, ok := layerVersion(tx, arn); ok {
			l.CodeSize = &v.Code.Size
		}
		out.Layers = append(out.Layers, l)
	}
	if c.VPC != "" {
		out.VpcConfig = &api.VpcConfigResponse{VpcId: &c.VPC, SubnetIds: c.Subnets, SecurityGroupIds: c.Groups, Ipv6AllowedForDualStack: new(false)}
	}
	return out
}

func (s *Service) createFunction(ctx context.Context, in *api.CreateFunctionInput) (*api.CreateFunctionOutput, error) {
	call := wire.CallFrom(ctx)
	key, q, err := parse(ctx, *in.FunctionName, "")
	if err != nil {
		return nil, err
	}
	if q != "" {
		return nil, wire.Errorf(400, "ValidationException", "A new function's name has no qualifier.")
	}
	if ptr.Or(in.PackageType, "Zip") != "Zip" {
		return nil, wire.Errorf(400, invalidValue, "Local AWS runs functions of the package type Zip.")
	}
	f := function{Name: key[len(call.Region)+1:], Region: call.Region, NextVersion: 1, Tags: in.Tags}
	f.config = config{Version: latest, Role: *in.Role, Timeout: 3, Memory: 128, Scratch: 512, Architectures: []string{"x86_64"}, Tracing: "PassThrough", LogFormat: "Text", LogGroup: "/aws/lambda/" + f.Name}
	if err := f.config.apply(&api.UpdateFunctionConfigurationInput{DeadLetterConfig: in.DeadLetterConfig, Description: in.Description, Environment: in.Environment, EphemeralStorage: in.EphemeralStorage, Handler: in.Handler,
		KMSKeyArn: in.KMSKeyArn, Layers: in.Layers, LoggingConfig: in.LoggingConfig, MemorySize: in.MemorySize, Runtime: in.Runtime, SnapStart: in.SnapStart, Timeout: in.Timeout, TracingConfig: in.TracingConfig, VpcConfig: in.VpcConfig}); err != nil {
		return nil, err
	}
	if len(in.Architectures) > 0 {
		f.Architectures = in.Architectures
	}
	if err := f.config.check(); err != nil {
		return nil, err
	}
	if err := s.resolve(ctx, &f.config); err != nil {
		return nil, err
	}
	if f.Code, err = s.codeOf(ctx, in.Code); err != nil {
		return nil, err
	}
	s.touch(&f)
	var out *api.FunctionConfiguration
	return out, s.d.Store.Update(func(tx store.Tx) error {
		if _, ok := functions.Get(tx, key); ok {
			return wire.Errorf(409, "ResourceConflictException", "Function already exist: %s", f.Name)
		}
		out = s.shape(tx, &f, &f.config, false)
		if ptr.Val(in.Publish) {
			out = s.shape(tx, &f, f.publish(nil), false)
		}
		functions.Put(tx, key, f)
		return nil
	})
}

// apply writes the members of a request that are set.
func (c *config) apply(in *api.UpdateFunctionConfigurationInput) error {
	ptr.Set(&c.Role, in.Role)
	ptr.Set(&c.Runtime, in.Runtime)
	ptr.Set(&c.Handler, in.Handler)
	ptr.Set(&c.Description, in.Description)
	ptr.Set(&c.Timeout, in.Timeout)
	ptr.Set(&c.Memory, in.MemorySize)
	ptr.Set(&c.Key, in.KMSKeyArn)
	if in.EphemeralStorage != nil {
		ptr.Set(&c.Scratch, in.EphemeralStorage.Size)
	}
	if in.Environment != nil {
		c.Env = in.Environment.Variables
	}
	if in.Layers != nil {
		c.Layers = in.Layers
	}
	if in.TracingConfig != nil {
		ptr.Set(&c.Tracing, in.TracingConfig.Mode)
	}
	if in.DeadLetterConfig != nil {
		c.DeadLetter = ptr.Val(in.DeadLetterConfig.TargetArn)
	}
	if in.SnapStart != nil && ptr.Or(in.SnapStart.ApplyOn, "None") != "None" {
		return wire.Errorf(400, invalidValue, "SnapStart is not for the runtimes that local AWS runs.")
	}
	if l := in.LoggingConfig; l != nil {
		ptr.Set(&c.LogFormat, l.LogFormat)
		ptr.Set(&c.LogGroup, l.LogGroup)
		c.AppLevel, c.SystemLevel = ptr.Val(l.ApplicationLogLevel), ptr.Val(l.SystemLogLevel)
		if c.LogFormat == "JSON" {
			c.AppLevel, c.SystemLevel = ptr.Or(l.ApplicationLogLevel, "INFO"), ptr.Or(l.SystemLogLevel, "INFO")
		}
	}
	if v := in.VpcConfig; v != nil {
		if ptr.Val(v.Ipv6AllowedForDualStack) {
			return wire.Errorf(400, invalidValue, "Local AWS has no IPv6.")
		}
		if v.SubnetIds != nil {
			c.Subnets = v.SubnetIds
		}
		if v.SecurityGroupIds != nil {
			c.Groups = v.SecurityGroupIds
		}
	}
	return nil
}
