package elbv2

import (
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"grocery/localaws/store"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/elbv2api"
)

var (
	fixedStatus  = regexp.MustCompile(`^[245]\d\d$`)
	redirectCode = regexp.MustCompile(`^HTTP_30[12]$`)
	redirectPort = regexp.MustCompile(`^(#\{port\}|\d{1,5})$`)
	fixedTypes   = []string{"text/plain", "text/css", "text/html", "application/javascript", "application/json"}
)

// checkActions checks the actions of a rule of balancer b and returns them in
// the form AWS answers with. Exactly one action is needed: authentication,
// which could stand before it, is not offered.
func checkActions(tx store.Tx, b balancer, in []elbv2api.Action) ([]elbv2api.Action, error) {
	if len(in) != 1 {
		for _, a := range in {
			if strings.HasPrefix(str(a.Type), "authenticate-") {
				return nil, invalid("Local AWS does not offer the action type '%s'", str(a.Type))
			}
		}
		return nil, invalid("You must specify exactly one action of the type forward, redirect or fixed-response")
	}
	a := in[0]
	var err error
	switch str(a.Type) {
	case "forward":
		err = checkForward(tx, b, &a)
	case "redirect":
		err = checkRedirect(&a)
	case "fixed-response":
		f := a.FixedResponseConfig
		switch {
		case f == nil || !fixedStatus.MatchString(str(f.StatusCode)):
			err = invalid("A fixed response must have a status code of the form 2XX, 4XX or 5XX")
		case str(f.ContentType) != "" && !slices.Contains(fixedTypes, *f.ContentType):
			err = invalid("The content type '%s' of a fixed response must be one of %s", *f.ContentType, strings.Join(fixedTypes, ", "))
		case len(str(f.MessageBody)) > 1024:
			err = invalid("The message body of a fixed response must have at most 1024 characters")
		}
	default:
		err = invalid("Local AWS offers the action types forward, redirect and fixed-response, not '%s'", str(a.Type))
	}
	if err != nil {
		return nil, err
	}
	return []elbv2api.Action{a}, nil
}

func checkForward(tx store.Tx, b balancer, a *elbv2api.Action) error {
	if a.ForwardConfig == nil {
		if str(a.TargetGroupArn) == "" {
			return invalid("A target group ARN must be specified for a forward action")
		}
		a.ForwardConfig = &elbv2api.ForwardActionConfig{TargetGroups: []elbv2api.TargetGroupTuple{{TargetGroupArn: a.TargetGroupArn}}}
	}
	f := *a.ForwardConfig
	f.TargetGroups = slices.Clone(f.TargetGroups)
	a.ForwardConfig = &f
	if n := len(f.TargetGroups); n < 1 || n > 5 {
		return invalid("A forward action must name 1 to 5 target groups")
	}
	if f.TargetGroupStickinessConfig == nil {
		f.TargetGroupStickinessConfig = &elbv2api.TargetGroupStickinessConfig{Enabled: new(false)}
	} else if c := f.TargetGroupStickinessConfig; c.Enabled != nil && *c.Enabled && (num(c.DurationSeconds) < 1 || num(c.DurationSeconds) > 604800) {
		return invalid("The stickiness duration of a forward action must be between 1 and 604800 seconds")
	}
	used := balancersByGroup(tx, b.Region)
	for i := range f.TargetGroups {
		t := &f.TargetGroups[i]
		g, ok := groups.Get(tx, str(t.TargetGroupArn))
		if !ok {
			return errGroup(str(t.TargetGroupArn))
		}
		if g.VPC != b.VPC {
			return wire.Errorf(400, "InvalidConfigurationRequest", "The following target groups must be in the VPC '%s' of the load balancer: '%s'", b.VPC, g.ARN)
		}
		if by := used[g.ARN]; by != "" && by != b.ARN {
			return wire.Errorf(400, "TargetGroupAssociationLimit", "The following target groups cannot be associated with more than one load balancer: %s", g.ARN)
		}
		if t.Weight == nil {
			t.Weight = new(int64(1))
		} else if *t.Weight < 0 || *t.Weight > 999 {
			return invalid("The weight of a target group must be between 0 and 999")
		}
	}
	if len(f.TargetGroups) == 1 {
		if str(a.TargetGroupArn) != "" && *a.TargetGroupArn != *f.TargetGroups[0].TargetGroupArn {
			return invalid("A forward action must name the same target group in TargetGroupArn and ForwardConfig")
		}
		a.TargetGroupArn = f.TargetGroups[0].TargetGroupArn
	} else {
		a.TargetGroupArn = nil
	}
	a.ForwardConfig = &f
	return nil
}

func checkRedirect(a *elbv2api.Action) error {
	if a.RedirectConfig == nil || !redirectCode.MatchString(str(a.RedirectConfig.StatusCode)) {
		return invalid("A redirect must have the status code HTTP_301 or HTTP_302")
	}
	r := *a.RedirectConfig
	for _, d := range []struct {
		to    **string
		value string
	}{{&r.Protocol, "#{protocol}"}, {&r.Host, "#{host}"}, {&r.Port, "#{port}"}, {&r.Path, "/#{path}"}, {&r.Query, "#{query}"}} {
		if str(*d.to) == "" {
			*d.to = new(d.value)
		}
	}
	a.RedirectConfig = &r
	switch {
	case !slices.Contains([]string{"HTTP", "HTTPS", "#{protocol}"}, *r.Protocol):
		return invalid("The protocol '%s' of a redirect must be HTTP, HTTPS or #{protocol}", *r.Protocol)
	case !redirectPort.MatchString(*r.Port):
		return invalid("The port '%s' of a redirect must be a number or #{port}", *r.Port)
	case !strings.HasPrefix(*r.Path, "/"):
		return invalid("The path '%s' of a redirect must begin with '/'", *r.Path)
	case *r.Protocol == "#{protocol}" && *r.Host == "#{host}" && *r.Port == "#{port}" && *r.Path == "/#{path}":
		return wire.Errorf(400, "InvalidLoadBalancerAction", "The redirect configuration must change at least one of protocol, host, port and path, or it would loop")
	}
	return nil
}

// checkConditions checks the conditions of a rule and returns them in the form
// AWS answers with: path and host conditions stand in Values as well.
func checkConditions(in []elbv2api.RuleCondition) ([]elbv2api.RuleCondition, error) {
	if len(in) == 0 {
		return nil, invalid("A condition must be specified")
	}
	out, values := slices.Clone(in), 0
	for i := range out {
		c := &out[i]
		var vs []string
		switch str(c.Field) {
		case "path-pattern":
			if c.PathPatternConfig == nil {
				c.PathPatternConfig = &elbv2api.PathPatternConditionConfig{Values: c.Values}
			}
			vs = c.PathPatternConfig.Values
			c.Values = vs
			for _, v := range vs {
				if !strings.HasPrefix(v, "/") && !strings.HasPrefix(v, "*") {
					return nil, invalid("The path pattern '%s' must begin with '/' or '*'", v)
				}
			}
		case "host-header":
			if c.HostHeaderConfig == nil {
				c.HostHeaderConfig = &elbv2api.HostHeaderConditionConfig{Values: c.Values}
			}
			vs = c.HostHeaderConfig.Values
			c.Values = vs
		case "http-header":
			if c.HttpHeaderConfig == nil || str(c.HttpHeaderConfig.HttpHeaderName) == "" {
				return nil, invalid("A condition on 'http-header' needs the name of a header")
			}
			vs = c.HttpHeaderConfig.Values
		case "http-request-method":
			if c.HttpRequestMethodConfig != nil {
				vs = c.HttpRequestMethodConfig.Values
			}
		case "source-ip":
			if c.SourceIpConfig != nil {
				vs = c.SourceIpConfig.Values
			}
			for _, v := range vs {
				if _, err := netip.ParsePrefix(v); err != nil {
					return nil, invalid("The source '%s' must be a CIDR block", v)
				}
			}
		case "query-string":
			if c.QueryStringConfig != nil {
				for _, q := range c.QueryStringConfig.Values {
					vs = append(vs, str(q.Key)+"="+str(q.Value))
				}
			}
		default:
			return nil, invalid("Condition field '%s' must be one of '[path-pattern, host-header, http-header, http-request-method, query-string, source-ip]'", str(c.Field))
		}
		if len(vs) == 0 {
			return nil, invalid("A condition value must be specified for '%s'", str(c.Field))
		}
		for _, v := range vs {
			if len(v) > 128 {
				return nil, invalid("Condition value '%s' contains more than 128 characters", v)
			}
		}
		values += len(vs)
	}
	if values > 5 {
		return nil, invalid("A rule can have at most 5 condition values, not %d", values)
	}
	return out, nil
}
