package elbv2_test

import (
	"strings"
	"testing"

	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"grocery/localaws/service/internal/apitest"
)

func TestANewBalancerIsProvisioningAndThenActive(t *testing.T) {
	w := newWorld(t)
	made := must(w.CreateLoadBalancer(t.Context(), &elb.CreateLoadBalancerInput{Name: new("shop"), Subnets: []string{"subnet-a", "subnet-b"}, Tags: []types.Tag{{Key: new("Name"), Value: new("shop")}}}))(t).LoadBalancers[0]
	if made.State.Code != types.LoadBalancerStateEnumProvisioning || made.Scheme != types.LoadBalancerSchemeEnumInternetFacing || *made.CanonicalHostedZoneId != "Z215JYRZR1TBD5" ||
		!strings.HasPrefix(*made.LoadBalancerArn, "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/shop/") ||
		!strings.HasPrefix(*made.DNSName, "shop-") || !strings.HasSuffix(*made.DNSName, ".eu-central-1.elb.localhost") || len(made.AvailabilityZones) != 2 || made.SecurityGroups[0] != "sg-default" {
		t.Errorf("got %+v", made)
	}
	w.turn()
	got := must(w.DescribeLoadBalancers(t.Context(), &elb.DescribeLoadBalancersInput{Names: []string{"shop"}}))(t).LoadBalancers[0]
	if got.State.Code != types.LoadBalancerStateEnumActive || len(w.near.interfaces) != 2 {
		t.Errorf("the balancer is %s (%v) with %d interfaces", got.State.Code, got.State.Reason, len(w.near.interfaces))
	}
	tags := must(w.DescribeTags(t.Context(), &elb.DescribeTagsInput{ResourceArns: []string{*made.LoadBalancerArn}}))(t)
	if l := tags.TagDescriptions[0].Tags; len(l) != 1 || *l[0].Value != "shop" {
		t.Errorf("the tags are %+v", l)
	}
}

func TestDeletingABalancerLeavesNoInterface(t *testing.T) {
	w := newWorld(t)
	lb, g := w.balancer("shop"), w.group("web")
	w.listener(lb, forward(g))
	w.turn()
	if _, err := w.DeleteTargetGroup(t.Context(), &elb.DeleteTargetGroupInput{TargetGroupArn: &g}); apitest.Code(err) != "ResourceInUse" {
		t.Errorf("a group in use was deleted: %v", err)
	}
	must(w.DeleteLoadBalancer(t.Context(), &elb.DeleteLoadBalancerInput{LoadBalancerArn: lb.LoadBalancerArn}))(t)
	if len(w.near.interfaces) != 0 || len(w.runtime.Interfaces()) != 0 {
		t.Errorf("interfaces are left: %v %v", w.near.interfaces, w.runtime.Interfaces())
	}
	if _, err := w.DescribeLoadBalancers(t.Context(), &elb.DescribeLoadBalancersInput{LoadBalancerArns: []string{*lb.LoadBalancerArn}}); apitest.Code(err) != "LoadBalancerNotFound" {
		t.Errorf("got %v", err)
	}
	must(w.DeleteTargetGroup(t.Context(), &elb.DeleteTargetGroupInput{TargetGroupArn: &g}))(t)
	must(w.DeleteLoadBalancer(t.Context(), &elb.DeleteLoadBalancerInput{LoadBalancerArn: lb.LoadBalancerArn}))(t) // again
}

func TestWhatAClientSendsEmptyIsNotSet(t *testing.T) { // Terraform's provider does
	w := newWorld(t)
	g := w.group("web", func(in *elb.CreateTargetGroupInput) {
		in.ProtocolVersion, in.IpAddressType, in.HealthCheckPort, in.Matcher = new(""), "", new(""), &types.Matcher{HttpCode: new(""), GrpcCode: new("")}
	})
	got := must(w.DescribeTargetGroups(t.Context(), &elb.DescribeTargetGroupsInput{TargetGroupArns: []string{g}}))(t).TargetGroups[0]
	if *got.ProtocolVersion != "HTTP1" || *got.HealthCheckPort != "traffic-port" || *got.Matcher.HttpCode != "200" {
		t.Errorf("got %+v", got)
	}
}

func TestABalancerMovesToOtherSubnets(t *testing.T) {
	w := newWorld(t)
	lb := w.balancer("shop")
	must(w.SetSubnets(t.Context(), &elb.SetSubnetsInput{LoadBalancerArn: lb.LoadBalancerArn, Subnets: []string{"subnet-b", "subnet-c"}}))(t)
	w.turn()
	in := map[string]int{}
	for _, i := range w.near.interfaces {
		in[*i.SubnetId]++
	}
	if len(in) != 2 || in["subnet-b"] != 1 || in["subnet-c"] != 1 || w.near.made != 3 {
		t.Errorf("the interfaces are in %v, %d were made", in, w.near.made)
	}
}

func TestAttributesHaveDefaultsAndUnknownOnesAreRefused(t *testing.T) {
	w := newWorld(t)
	lb, g := w.balancer("shop"), w.group("web")
	l := w.listener(lb, forward(g))
	set := func(key, value string) error {
		_, err := w.ModifyLoadBalancerAttributes(t.Context(), &elb.ModifyLoadBalancerAttributesInput{LoadBalancerArn: lb.LoadBalancerArn, Attributes: []types.LoadBalancerAttribute{{Key: &key, Value: &value}}})
		return err
	}
	for _, c := range []struct{ name, key, value, code string }{
		{"a known value is taken", "routing.http.drop_invalid_header_fields.enabled", "true", ""},
		{"an unknown key is refused", "no.such.attribute", "true", "InvalidConfigurationRequest"},
		{"a value out of range is refused", "idle_timeout.timeout_seconds", "0", "InvalidConfigurationRequest"},
		{"what local AWS cannot do is refused, never dropped", "access_logs.s3.enabled", "true", "InvalidConfigurationRequest"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := apitest.Code(set(c.key, c.value)); got != c.code {
				t.Errorf("got %q, want %q", got, c.code)
			}
		})
	}
	got := map[string]string{}
	for _, a := range must(w.DescribeLoadBalancerAttributes(t.Context(), &elb.DescribeLoadBalancerAttributesInput{LoadBalancerArn: lb.LoadBalancerArn}))(t).Attributes {
		got[*a.Key] = *a.Value
	}
	for _, a := range must(w.DescribeTargetGroupAttributes(t.Context(), &elb.DescribeTargetGroupAttributesInput{TargetGroupArn: &g}))(t).Attributes {
		got[*a.Key] = *a.Value
	}
	for _, a := range must(w.DescribeListenerAttributes(t.Context(), &elb.DescribeListenerAttributesInput{ListenerArn: &l}))(t).Attributes {
		got[*a.Key] = *a.Value
	}
	for key, want := range map[string]string{"idle_timeout.timeout_seconds": "60", "routing.http.drop_invalid_header_fields.enabled": "true", "routing.http2.enabled": "true",
		"deregistration_delay.timeout_seconds": "300", "load_balancing.algorithm.type": "round_robin", "routing.http.response.server.enabled": "true"} {
		if got[key] != want {
			t.Errorf("%s is %q, want %q", key, got[key], want)
		}
	}
}

func TestWhatCannotBeIsRefused(t *testing.T) {
	w := newWorld(t)
	lb, g := w.balancer("shop"), w.group("web")
	l := w.listener(lb, forward(g))
	other := w.balancer("other")
	create := func(change func(*elb.CreateLoadBalancerInput)) error {
		in := &elb.CreateLoadBalancerInput{Name: new("x"), Subnets: []string{"subnet-a", "subnet-b"}}
		change(in)
		_, err := w.CreateLoadBalancer(t.Context(), in)
		return err
	}
	listen := func(change func(*elb.CreateListenerInput)) error {
		in := &elb.CreateListenerInput{LoadBalancerArn: lb.LoadBalancerArn, Port: new(int32(81)), Protocol: types.ProtocolEnumHttp, DefaultActions: forward(g)}
		change(in)
		_, err := w.CreateListener(t.Context(), in)
		return err
	}
	for _, c := range []struct {
		name string
		err  error
		code string
	}{
		{"a balancer in one subnet", create(func(in *elb.CreateLoadBalancerInput) { in.Subnets = in.Subnets[:1] }), "ValidationError"},
		{"a balancer in an unknown subnet", create(func(in *elb.CreateLoadBalancerInput) { in.Subnets[1] = "subnet-x" }), "SubnetNotFound"},
		{"a balancer with an unknown group", create(func(in *elb.CreateLoadBalancerInput) { in.SecurityGroups = []string{"x"} }), "InvalidSecurityGroup"},
		{"a network load balancer", create(func(in *elb.CreateLoadBalancerInput) { in.Type = types.LoadBalancerTypeEnumNetwork }), "ValidationError"},
		{"a second balancer of a name with other settings", create(func(in *elb.CreateLoadBalancerInput) { in.Name = new("shop") }), "DuplicateLoadBalancerName"},
		{"a second listener on a port", listen(func(in *elb.CreateListenerInput) { in.Port = new(int32(80)) }), "DuplicateListener"},
		{"a listener of an unknown balancer", listen(func(in *elb.CreateListenerInput) { in.LoadBalancerArn = new(*lb.LoadBalancerArn + "0") }), "LoadBalancerNotFound"},
		{"an unknown target group", listen(func(in *elb.CreateListenerInput) { in.DefaultActions = forward(g + "0") }), "TargetGroupNotFound"},
		{"a target group of two balancers", listen(func(in *elb.CreateListenerInput) { in.LoadBalancerArn = other.LoadBalancerArn }), "TargetGroupAssociationLimit"},
		{"HTTPS without a certificate", listen(func(in *elb.CreateListenerInput) { in.Protocol = types.ProtocolEnumHttps }), "CertificateNotFound"},
		{"a timeout as long as the interval", func() error {
			_, err := w.ModifyTargetGroup(t.Context(), &elb.ModifyTargetGroupInput{TargetGroupArn: &g, HealthCheckTimeoutSeconds: new(int32(10))})
			return err
		}(), "ValidationError"},
		{"the default rule deleted", func() error {
			r := must(w.DescribeRules(t.Context(), &elb.DescribeRulesInput{ListenerArn: &l}))(t).Rules[0]
			_, err := w.DeleteRule(t.Context(), &elb.DeleteRuleInput{RuleArn: r.RuleArn})
			return err
		}(), "OperationNotPermitted"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := apitest.Code(c.err); got != c.code {
				t.Errorf("got %v, want %s", c.err, c.code)
			}
		})
	}
}

func TestRulesKeepTheirOrderAndTradePlaces(t *testing.T) {
	w := newWorld(t)
	lb, g := w.balancer("shop"), w.group("web")
	l := w.listener(lb, forward(g))
	var arns []string
	for i, path := range []string{"/b*", "/a*"} {
		r := must(w.CreateRule(t.Context(), &elb.CreateRuleInput{ListenerArn: &l, Priority: new(int32(20 - 10*i)), Actions: forward(g), Conditions: []types.RuleCondition{{Field: new("path-pattern"), PathPatternConfig: &types.PathPatternConditionConfig{Values: []string{path}}}}}))(t)
		arns = append(arns, *r.Rules[0].RuleArn)
	}
	order := func() (s string) {
		for _, r := range must(w.DescribeRules(t.Context(), &elb.DescribeRulesInput{ListenerArn: &l}))(t).Rules {
			if s += *r.Priority; len(r.Conditions) > 0 {
				s += r.Conditions[0].PathPatternConfig.Values[0]
			}
			s += " "
		}
		return s
	}
	if got := order(); got != "10/a* 20/b* default " {
		t.Errorf("the order is %s", got)
	}
	if _, err := w.CreateRule(t.Context(), &elb.CreateRuleInput{ListenerArn: &l, Priority: new(int32(10)), Actions: forward(g), Conditions: []types.RuleCondition{{Field: new("host-header"), Values: []string{"x"}}}}); apitest.Code(err) != "PriorityInUse" {
		t.Errorf("a priority was given twice: %v", err)
	}
	must(w.SetRulePriorities(t.Context(), &elb.SetRulePrioritiesInput{RulePriorities: []types.RulePriorityPair{{RuleArn: &arns[0], Priority: new(int32(10))}, {RuleArn: &arns[1], Priority: new(int32(20))}}}))(t)
	if got := order(); got != "10/b* 20/a* default " {
		t.Errorf("after trading places the order is %s", got)
	}
	must(w.ModifyRule(t.Context(), &elb.ModifyRuleInput{RuleArn: &arns[0], Conditions: []types.RuleCondition{{Field: new("path-pattern"), Values: []string{"/c*"}}}}))(t)
	if got := order(); got != "10/c* 20/a* default " {
		t.Errorf("after the change the order is %s", got)
	}
}

func TestAForwardActionComesBackInBothForms(t *testing.T) {
	w := newWorld(t)
	lb, g := w.balancer("shop"), w.group("web")
	l := w.listener(lb, forward(g))
	a := must(w.DescribeListeners(t.Context(), &elb.DescribeListenersInput{ListenerArns: []string{l}}))(t).Listeners[0].DefaultActions[0]
	if *a.TargetGroupArn != g || len(a.ForwardConfig.TargetGroups) != 1 || *a.ForwardConfig.TargetGroups[0].Weight != 1 || *a.ForwardConfig.TargetGroupStickinessConfig.Enabled {
		t.Errorf("got %+v", a)
	}
}
