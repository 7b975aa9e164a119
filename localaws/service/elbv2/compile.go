package elbv2

import (
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"grocery/localaws/service/elbv2/proxy"
	"grocery/localaws/store"
	"grocery/localaws/wire/api/elbv2api"
)

// snapshot is one consistent reading of the tables.
type snapshot struct {
	balancers []balancer
	listeners map[string][]listener // by balancer
	rules     map[string][]rule     // by listener, in order
	groups    map[string]group
	targets   map[string][]target // by group
	used      map[string]string   // group -> balancer
}

func read(tx store.Tx) *snapshot {
	n := &snapshot{balancers: balancers.List(tx, ""), listeners: map[string][]listener{}, rules: map[string][]rule{},
		groups: map[string]group{}, targets: map[string][]target{}, used: map[string]string{}}
	for _, l := range listeners.List(tx, "") {
		n.listeners[l.Balancer] = append(n.listeners[l.Balancer], l)
		for _, g := range groupsOfActions(l.Actions) {
			n.used[g] = l.Balancer
		}
		rs := rulesOf(tx, l.ARN)
		n.rules[l.ARN] = rs
		for _, r := range rs {
			for _, g := range groupsOfActions(r.Actions) {
				n.used[g] = l.Balancer
			}
		}
	}
	for _, g := range groups.List(tx, "") {
		n.groups[g.ARN] = g
	}
	for _, t := range targets.List(tx, "") {
		n.targets[t.Group] = append(n.targets[t.Group], t)
	}
	return n
}

// compile turns a balancer's records into what proxy understands.
func (n *snapshot) compile(b balancer, shift int) proxy.Config {
	c := proxy.Config{
		IdleTimeout:       seconds(b.Attributes["idle_timeout.timeout_seconds"]),
		DropInvalidFields: b.Attributes["routing.http.drop_invalid_header_fields.enabled"] == "true",
		ForwardedFor:      b.Attributes["routing.http.xff_header_processing.mode"],
		ForwardedPort:     b.Attributes["routing.http.xff_client_port.enabled"] == "true",
		TLSHeaders:        b.Attributes["routing.http.x_amzn_tls_version_and_cipher_suite.enabled"] == "true",
	}
	if b.Scheme == "internet-facing" {
		c.PortShift = shift
	}
	for arn, by := range n.used {
		if g, ok := n.groups[arn]; ok && by == b.ARN {
			c.Groups = append(c.Groups, compileGroup(g, n.targets[arn], b))
		}
	}
	for _, l := range n.listeners[b.ARN] {
		x := proxy.Listener{Port: l.Port, Secure: l.Protocol == "HTTPS", Headers: responseHeaders(l),
			HideServer: l.Attributes["routing.http.response.server.enabled"] == "false"}
		for _, r := range n.rules[l.ARN] {
			x.Rules = append(x.Rules, proxy.Rule{Conditions: compileConditions(r.Conditions), Action: compileAction(r.Actions)})
		}
		x.Rules = append(x.Rules, proxy.Rule{Action: compileAction(l.Actions)})
		c.Listeners = append(c.Listeners, x)
	}
	return c
}

func seconds(s string) time.Duration {
	n, _ := strconv.Atoi(s)
	return time.Duration(n) * time.Second
}

func compileGroup(g group, all []target, b balancer) proxy.Group {
	a := g.Attributes
	x := proxy.Group{ID: g.ARN, Secure: g.Protocol == "HTTPS", Algorithm: a["load_balancing.algorithm.type"], SlowStart: seconds(a["slow_start.duration_seconds"])}
	x.MinHealthy, _ = strconv.Atoi(a["target_group_health.unhealthy_state_routing.minimum_healthy_targets.count"])
	x.MinHealthyPart, _ = strconv.Atoi(a["target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage"]) // "off" is 0
	if a["stickiness.enabled"] == "true" {
		x.Sticky.Duration = seconds(a["stickiness.lb_cookie.duration_seconds"])
		if a["stickiness.type"] == "app_cookie" {
			x.Sticky = proxy.Sticky{Duration: seconds(a["stickiness.app_cookie.duration_seconds"]), AppCookie: a["stickiness.app_cookie.cookie_name"]}
		}
	}
	for _, t := range all {
		h := t.verdict(b)
		if t.Address == "" || h.State == stateUnused {
			continue
		}
		x.Targets = append(x.Targets, proxy.Target{ID: t.key(), Addr: net.JoinHostPort(t.Address, strconv.Itoa(t.Port)),
			Healthy: h.State == stateHealthy, Draining: h.State == stateDraining, Since: h.Since})
	}
	return x
}

// responseHeaders are the headers a listener's attributes set on answers:
// routing.http.response.x_frame_options.header_value sets X-Frame-Options.
func responseHeaders(l listener) map[string]string {
	h := map[string]string{}
	for k, v := range l.Attributes {
		name, ok := strings.CutPrefix(k, "routing.http.response.")
		if name, ok2 := strings.CutSuffix(name, ".header_value"); ok && ok2 && v != "" {
			h[strings.ReplaceAll(name, "_", "-")] = v
		}
	}
	return h
}

func compileAction(actions []elbv2api.Action) proxy.Action {
	a := actions[0]
	switch {
	case a.FixedResponseConfig != nil && str(a.Type) == "fixed-response":
		status, _ := strconv.Atoi(str(a.FixedResponseConfig.StatusCode))
		f := &proxy.Fixed{Status: status, ContentType: str(a.FixedResponseConfig.ContentType), Body: str(a.FixedResponseConfig.MessageBody)}
		if f.ContentType == "" {
			f.ContentType = "text/plain"
		}
		return proxy.Action{Fixed: f}
	case a.RedirectConfig != nil && str(a.Type) == "redirect":
		r := a.RedirectConfig
		status, _ := strconv.Atoi(strings.TrimPrefix(str(r.StatusCode), "HTTP_"))
		return proxy.Action{Redirect: &proxy.Redirect{Status: status, Protocol: str(r.Protocol), Host: str(r.Host), Port: str(r.Port), Path: str(r.Path), Query: str(r.Query)}}
	}
	var x proxy.Action
	for _, t := range a.ForwardConfig.TargetGroups {
		x.Forward = append(x.Forward, proxy.Weighted{Group: str(t.TargetGroupArn), Weight: num(t.Weight)})
	}
	if c := a.ForwardConfig.TargetGroupStickinessConfig; c != nil && c.Enabled != nil && *c.Enabled {
		x.Sticky = time.Duration(num(c.DurationSeconds)) * time.Second
	}
	return x
}

func compileConditions(in []elbv2api.RuleCondition) []proxy.Condition {
	var out []proxy.Condition
	for _, c := range in {
		switch str(c.Field) {
		case "path-pattern":
			out = append(out, proxy.PathPattern(c.PathPatternConfig.Values))
		case "host-header":
			out = append(out, proxy.HostHeader(c.HostHeaderConfig.Values))
		case "http-header":
			out = append(out, proxy.Header(str(c.HttpHeaderConfig.HttpHeaderName), c.HttpHeaderConfig.Values))
		case "http-request-method":
			out = append(out, proxy.Method(c.HttpRequestMethodConfig.Values))
		case "query-string":
			var pairs [][2]string
			for _, q := range c.QueryStringConfig.Values {
				pairs = append(pairs, [2]string{str(q.Key), str(q.Value)})
			}
			out = append(out, proxy.Query(pairs))
		case "source-ip":
			var ranges []netip.Prefix
			for _, v := range c.SourceIpConfig.Values {
				if p, err := netip.ParsePrefix(v); err == nil { // checked when it was stored
					ranges = append(ranges, p)
				}
			}
			out = append(out, proxy.SourceIP(ranges))
		}
	}
	return out
}
