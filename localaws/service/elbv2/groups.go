package elbv2

import (
	"context"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"grocery/localaws/store"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/ec2api"
	"grocery/localaws/wire/api/elbv2api"
)

func errGroup(id string) error {
	return wire.Errorf(400, "TargetGroupNotFound", "Target group '%s' not found", id)
}

func (s *Service) createTargetGroup(ctx context.Context, in *elbv2api.CreateTargetGroupInput) (*elbv2api.CreateTargetGroupOutput, error) {
	c := wire.CallFrom(ctx)
	g := group{
		Name: str(in.Name), Region: c.Region, Protocol: str(in.Protocol), ProtocolVersion: "HTTP1", Port: num(in.Port), VPC: str(in.VpcId),
		TargetType: "instance", IPAddressType: "ipv4", Attributes: defaults(groupAttributes), Created: s.d.Clock.Now(),
		Check: check{Enabled: true, Protocol: "HTTP", Port: "traffic-port", Path: "/", Matcher: "200", Interval: 30, Timeout: 5, Healthy: 5, Unhealthy: 2},
	}
	if str(in.TargetType) != "" {
		g.TargetType = *in.TargetType
	}
	switch {
	case !resourceName.MatchString(g.Name):
		return nil, invalid("The target group name '%s' must have 1 to 32 letters, digits or hyphens and cannot begin or end with a hyphen", g.Name)
	case g.TargetType != "instance" && g.TargetType != "ip":
		return nil, invalid("Local AWS offers the target types 'instance' and 'ip', not '%s'", g.TargetType)
	case g.Protocol != "HTTP" && g.Protocol != "HTTPS":
		return nil, invalid("Local AWS offers the target group protocols HTTP and HTTPS, not '%s'", g.Protocol)
	case str(in.ProtocolVersion) != "" && *in.ProtocolVersion != "HTTP1":
		return nil, invalid("Local AWS offers the protocol version HTTP1 only, not '%s'", *in.ProtocolVersion)
	case str(in.IpAddressType) != "" && *in.IpAddressType != "ipv4":
		return nil, invalid("Local AWS offers the IP address type 'ipv4' only")
	case g.Port < 1 || g.Port > 65535:
		return nil, invalid("A port between 1 and 65535 must be specified for the target group '%s'", g.Name)
	case g.VPC == "":
		return nil, invalid("A VPC ID must be specified for the target group '%s'", g.Name)
	}
	tags, err := tagMap(in.Tags)
	if err != nil {
		return nil, err
	}
	g.Tags = tags
	if err := g.Check.set(in.HealthCheckEnabled, in.HealthCheckProtocol, in.HealthCheckPort, in.HealthCheckPath, in.Matcher,
		in.HealthCheckIntervalSeconds, in.HealthCheckTimeoutSeconds, in.HealthyThresholdCount, in.UnhealthyThresholdCount); err != nil {
		return nil, err
	}
	if _, err := wire.Invoke(asService(ctx, c.Region), s.d.Calls, ec2api.DescribeVpcs, &ec2api.DescribeVpcsInput{VpcIds: []string{g.VPC}}); err != nil {
		if wire.Code(err) == "InvalidVpcID.NotFound" {
			return nil, invalid("The VPC ID '%s' is not found", g.VPC)
		}
		return nil, err
	}
	g.ARN = c.ARN("elasticloadbalancing", "targetgroup/"+g.Name+"/"+newID())
	err = s.d.Store.Update(func(tx store.Tx) error {
		for _, o := range groups.List(tx, inRegion(c.Region)) {
			if o.Name != g.Name {
				continue
			}
			if o.Protocol == g.Protocol && o.Port == g.Port && o.VPC == g.VPC && o.TargetType == g.TargetType && o.Check == g.Check {
				g = o
				return nil
			}
			return wire.Errorf(400, "DuplicateTargetGroupName", "A target group with the same name '%s' exists, but with different settings", g.Name)
		}
		groups.Put(tx, g.ARN, g)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &elbv2api.CreateTargetGroupOutput{TargetGroups: []elbv2api.TargetGroup{g.shape("")}}, nil
}

// set applies the members of a request that are present and checks the whole.
func (c *check) set(enabled *bool, protocol, port, path *string, m *elbv2api.Matcher, interval, timeout, healthy, unhealthy *int64) error {
	if enabled != nil {
		if c.Enabled = *enabled; !c.Enabled {
			return invalid("Health checks must be enabled for target groups with target type 'instance' or 'ip'")
		}
	}
	for to, from := range map[*string]*string{&c.Protocol: protocol, &c.Port: port, &c.Path: path} {
		if str(from) != "" { // clients send what is not set as empty
			*to = *from
		}
	}
	for to, from := range map[*int]*int64{&c.Interval: interval, &c.Timeout: timeout, &c.Healthy: healthy, &c.Unhealthy: unhealthy} {
		if from != nil {
			*to = int(*from)
		}
	}
	if m != nil {
		if str(m.GrpcCode) != "" {
			return invalid("A gRPC matcher needs the protocol version GRPC, which local AWS does not offer")
		}
		if str(m.HttpCode) != "" {
			c.Matcher = *m.HttpCode
		}
	}
	n, err := strconv.Atoi(c.Port)
	switch {
	case c.Protocol != "HTTP" && c.Protocol != "HTTPS":
		return invalid("The health check protocol '%s' is not supported: use HTTP or HTTPS", c.Protocol)
	case c.Port != "traffic-port" && (err != nil || n < 1 || n > 65535):
		return invalid("The health check port '%s' must be 'traffic-port' or between 1 and 65535", c.Port)
	case !strings.HasPrefix(c.Path, "/") || len(c.Path) > 1024:
		return invalid("The health check path '%s' must begin with '/' and have at most 1024 characters", c.Path)
	case c.Interval < 5 || c.Interval > 300:
		return invalid("The health check interval must be between 5 and 300 seconds")
	case c.Timeout < 2 || c.Timeout > 120:
		return invalid("The health check timeout must be between 2 and 120 seconds")
	case c.Timeout >= c.Interval:
		return invalid("Health check interval must be greater than the timeout.")
	case c.Healthy < 2 || c.Healthy > 10 || c.Unhealthy < 2 || c.Unhealthy > 10:
		return invalid("The health check thresholds must be between 2 and 10")
	case !validMatcher(c.Matcher):
		return invalid("The matcher '%s' must consist of HTTP codes between 200 and 499, such as '200', '200,302' or '200-299'", c.Matcher)
	}
	return nil
}

var matcherForm = regexp.MustCompile(`^\d{3}(-\d{3})?(,\d{3}(-\d{3})?)*$`)

func validMatcher(m string) bool {
	if !matcherForm.MatchString(m) {
		return false
	}
	for _, code := range regexp.MustCompile(`\d{3}`).FindAllString(m, -1) {
		if code < "200" || code > "499" {
			return false
		}
	}
	return true
}

// matches tells whether a status satisfies a matcher.
func matches(matcher string, status int) bool {
	code := strconv.Itoa(status)
	return slices.ContainsFunc(strings.Split(matcher, ","), func(part string) bool {
		from, to, isRange := strings.Cut(part, "-")
		if !isRange {
			to = from
		}
		return from <= code && code <= to
	})
}

func (g group) shape(balancerARN string) elbv2api.TargetGroup {
	t := elbv2api.TargetGroup{
		TargetGroupArn: new(g.ARN), TargetGroupName: new(g.Name), Protocol: new(g.Protocol), ProtocolVersion: new(g.ProtocolVersion),
		Port: new(int64(g.Port)), VpcId: new(g.VPC), TargetType: new(g.TargetType), IpAddressType: new(g.IPAddressType),
		HealthCheckEnabled: new(g.Check.Enabled), HealthCheckProtocol: new(g.Check.Protocol), HealthCheckPort: new(g.Check.Port),
		HealthCheckPath: new(g.Check.Path), Matcher: &elbv2api.Matcher{HttpCode: new(g.Check.Matcher)},
		HealthCheckIntervalSeconds: new(int64(g.Check.Interval)), HealthCheckTimeoutSeconds: new(int64(g.Check.Timeout)),
		HealthyThresholdCount: new(int64(g.Check.Healthy)), UnhealthyThresholdCount: new(int64(g.Check.Unhealthy)),
		LoadBalancerArns: []string{},
	}
	if balancerARN != "" {
		t.LoadBalancerArns = append(t.LoadBalancerArns, balancerARN)
	}
	return t
}

func (s *Service) describeTargetGroups(ctx context.Context, in *elbv2api.DescribeTargetGroupsInput) (*elbv2api.DescribeTargetGroupsOutput, error) {
	region := wire.CallFrom(ctx).Region
	var found []elbv2api.TargetGroup
	err := s.d.Store.View(func(tx store.Tx) error {
		if in.LoadBalancerArn != nil {
			if _, err := findBalancer(tx, *in.LoadBalancerArn); err != nil {
				return err
			}
		}
		used, seen := balancersByGroup(tx, region), map[string]bool{}
		for _, g := range groups.List(tx, inRegion(region)) {
			switch {
			case len(in.TargetGroupArns) > 0 && !slices.Contains(in.TargetGroupArns, g.ARN):
			case len(in.Names) > 0 && !slices.Contains(in.Names, g.Name):
			case in.LoadBalancerArn != nil && used[g.ARN] != *in.LoadBalancerArn:
			default:
				seen[g.ARN], seen[g.Name] = true, true
				found = append(found, g.shape(used[g.ARN]))
			}
		}
		for _, wanted := range append(slices.Clone(in.TargetGroupArns), in.Names...) {
			if !seen[wanted] {
				return errGroup(wanted)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	part, next, err := page(found, in.Marker, in.PageSize)
	return &elbv2api.DescribeTargetGroupsOutput{TargetGroups: part, NextMarker: next}, err
}

// changeGroup applies f to a group's record.
func (s *Service) changeGroup(arn string, f func(g *group) error) (g group, balancerARN string, err error) {
	err = s.d.Store.Update(func(tx store.Tx) error {
		var ok bool
		if g, ok = groups.Get(tx, arn); !ok {
			return errGroup(arn)
		}
		if err := f(&g); err != nil {
			return err
		}
		balancerARN = balancersByGroup(tx, g.Region)[arn]
		groups.Put(tx, arn, g)
		return nil
	})
	return g, balancerARN, err
}

func (s *Service) modifyTargetGroup(ctx context.Context, in *elbv2api.ModifyTargetGroupInput) (*elbv2api.ModifyTargetGroupOutput, error) {
	g, lb, err := s.changeGroup(str(in.TargetGroupArn), func(g *group) error {
		return g.Check.set(in.HealthCheckEnabled, in.HealthCheckProtocol, in.HealthCheckPort, in.HealthCheckPath, in.Matcher,
			in.HealthCheckIntervalSeconds, in.HealthCheckTimeoutSeconds, in.HealthyThresholdCount, in.UnhealthyThresholdCount)
	})
	if err != nil {
		return nil, err
	}
	return &elbv2api.ModifyTargetGroupOutput{TargetGroups: []elbv2api.TargetGroup{g.shape(lb)}}, nil
}

func (s *Service) deleteTargetGroup(ctx context.Context, in *elbv2api.DeleteTargetGroupInput) (*elbv2api.DeleteTargetGroupOutput, error) {
	arn := str(in.TargetGroupArn)
	return nil, s.d.Store.Update(func(tx store.Tx) error {
		g, ok := groups.Get(tx, arn)
		if !ok {
			return nil // deleting what is gone succeeds
		}
		if balancersByGroup(tx, g.Region)[arn] != "" {
			return wire.Errorf(400, "ResourceInUse", "Target group '%s' is currently in use by a listener or a rule", arn)
		}
		for _, t := range groupTargets(tx, arn) {
			targets.Delete(tx, t.key())
		}
		groups.Delete(tx, arn)
		return nil
	})
}

func (s *Service) describeTargetGroupAttributes(ctx context.Context, in *elbv2api.DescribeTargetGroupAttributesInput) (*elbv2api.DescribeTargetGroupAttributesOutput, error) {
	var out elbv2api.DescribeTargetGroupAttributesOutput
	return &out, s.d.Store.View(func(tx store.Tx) error {
		g, ok := groups.Get(tx, str(in.TargetGroupArn))
		if !ok {
			return errGroup(str(in.TargetGroupArn))
		}
		out.Attributes = groupPairs(g)
		return nil
	})
}

func groupPairs(g group) (l []elbv2api.TargetGroupAttribute) {
	for _, p := range listed(groupAttributes, g.Attributes) {
		l = append(l, elbv2api.TargetGroupAttribute{Key: new(p.key), Value: new(p.value)})
	}
	return l
}

func (s *Service) modifyTargetGroupAttributes(ctx context.Context, in *elbv2api.ModifyTargetGroupAttributesInput) (*elbv2api.ModifyTargetGroupAttributesOutput, error) {
	var pairs []pair
	for _, a := range in.Attributes {
		pairs = append(pairs, pair{str(a.Key), str(a.Value)})
	}
	g, _, err := s.changeGroup(str(in.TargetGroupArn), func(g *group) error {
		if err := change(groupAttributes, g.Attributes, pairs); err != nil {
			return err
		}
		if a := g.Attributes; a["stickiness.enabled"] == "true" && a["stickiness.type"] == "app_cookie" && a["stickiness.app_cookie.cookie_name"] == "" {
			return wire.Errorf(400, "InvalidConfigurationRequest", "The attribute 'stickiness.app_cookie.cookie_name' must be set for application cookies")
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &elbv2api.ModifyTargetGroupAttributesOutput{Attributes: groupPairs(g)}, nil
}
