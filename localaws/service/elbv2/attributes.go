package elbv2

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"grocery/localaws/wire"
)

// attribute describes one attribute of a balancer, group or listener: what it
// is when nobody set it, and which values it takes.
type attribute struct {
	key, value string
	valid      func(string) bool
}

func boolean(v string) bool { return v == "true" || v == "false" }
func anyText(v string) bool { return len(v) <= 1024 }

// only accepts the listed values: used where local AWS does not do what other
// values ask for, so that they are refused and never silently dropped.
func only(values ...string) func(string) bool {
	return func(v string) bool { return slices.Contains(values, v) }
}

func between(min, max int) func(string) bool {
	return func(v string) bool {
		n, err := strconv.Atoi(v)
		return err == nil && n >= min && n <= max
	}
}

func either(fs ...func(string) bool) func(string) bool {
	return func(v string) bool { return slices.ContainsFunc(fs, func(f func(string) bool) bool { return f(v) }) }
}

var headerName = regexp.MustCompile(`^[A-Za-z0-9-]{1,127}$`).MatchString

// balancerAttributes are those of an application load balancer, in the order
// AWS lists them. See
// https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_LoadBalancerAttribute.html.
// Log delivery to S3 is not offered, so it can only be off.
var balancerAttributes = []attribute{
	{"access_logs.s3.enabled", "false", only("false")},
	{"access_logs.s3.bucket", "", anyText},
	{"access_logs.s3.prefix", "", anyText},
	{"idle_timeout.timeout_seconds", "60", between(1, 4000)},
	{"deletion_protection.enabled", "false", boolean},
	{"routing.http2.enabled", "true", boolean},
	{"routing.http.drop_invalid_header_fields.enabled", "false", boolean},
	{"routing.http.xff_client_port.enabled", "false", boolean},
	{"routing.http.preserve_host_header.enabled", "false", boolean},
	{"routing.http.xff_header_processing.mode", "append", only("append", "preserve", "remove")},
	{"load_balancing.cross_zone.enabled", "true", only("true")},
	{"routing.http.desync_mitigation_mode", "defensive", only("monitor", "defensive", "strictest")},
	{"client_keep_alive.seconds", "3600", between(60, 604800)},
	{"waf.fail_open.enabled", "false", boolean},
	{"routing.http.x_amzn_tls_version_and_cipher_suite.enabled", "false", boolean},
	{"connection_logs.s3.enabled", "false", only("false")},
	{"connection_logs.s3.bucket", "", anyText},
	{"connection_logs.s3.prefix", "", anyText},
	{"health_check_logs.s3.enabled", "false", only("false")},
	{"health_check_logs.s3.bucket", "", anyText},
	{"health_check_logs.s3.prefix", "", anyText},
	{"zonal_shift.config.enabled", "false", boolean},
	{"ipv6.deny_all_igw_traffic", "false", boolean},
}

// groupAttributes are those of a group of instances or addresses behind an
// application load balancer. See
// https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetGroupAttribute.html.
var groupAttributes = []attribute{
	{"deregistration_delay.timeout_seconds", "300", between(0, 3600)},
	{"stickiness.enabled", "false", boolean},
	{"stickiness.type", "lb_cookie", only("lb_cookie", "app_cookie")},
	{"stickiness.lb_cookie.duration_seconds", "86400", between(1, 604800)},
	{"stickiness.app_cookie.cookie_name", "", cookieName},
	{"stickiness.app_cookie.duration_seconds", "86400", between(1, 604800)},
	{"slow_start.duration_seconds", "0", either(only("0"), between(30, 900))},
	{"load_balancing.algorithm.type", "round_robin", only("round_robin", "least_outstanding_requests", "weighted_random")},
	{"load_balancing.algorithm.anomaly_mitigation", "off", only("off")},
	{"load_balancing.cross_zone.enabled", "use_load_balancer_configuration", only("use_load_balancer_configuration", "true")},
	{"target_group_health.dns_failover.minimum_healthy_targets.count", "1", either(only("off"), between(1, 1000))},
	{"target_group_health.dns_failover.minimum_healthy_targets.percentage", "off", either(only("off"), between(1, 100))},
	{"target_group_health.unhealthy_state_routing.minimum_healthy_targets.count", "1", between(1, 1000)},
	{"target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage", "off", either(only("off"), between(1, 100))},
}

func cookieName(v string) bool { return len(v) <= 256 && !strings.HasPrefix(v, "AWSALB") }

// listenerAttributes are those of an HTTP listener; see
// https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_ListenerAttribute.html.
var listenerAttributes = []attribute{
	{"routing.http.response.server.enabled", "true", boolean},
	{"routing.http.response.strict_transport_security.header_value", "", anyText},
	{"routing.http.response.access_control_allow_origin.header_value", "", anyText},
	{"routing.http.response.access_control_allow_methods.header_value", "", anyText},
	{"routing.http.response.access_control_allow_headers.header_value", "", anyText},
	{"routing.http.response.access_control_allow_credentials.header_value", "", either(only(""), boolean)},
	{"routing.http.response.access_control_expose_headers.header_value", "", anyText},
	{"routing.http.response.access_control_max_age.header_value", "", anyText},
	{"routing.http.response.content_security_policy.header_value", "", anyText},
	{"routing.http.response.x_content_type_options.header_value", "", either(only(""), only("nosniff"))},
	{"routing.http.response.x_frame_options.header_value", "", anyText},
}

// secureListenerAttributes are added for HTTPS listeners.
var secureListenerAttributes = []attribute{
	{"routing.http.request.x_amzn_mtls_clientcert_serial_number.header_name", "X-Amzn-Mtls-Clientcert-Serial-Number", headerName},
	{"routing.http.request.x_amzn_mtls_clientcert_issuer.header_name", "X-Amzn-Mtls-Clientcert-Issuer", headerName},
	{"routing.http.request.x_amzn_mtls_clientcert_subject.header_name", "X-Amzn-Mtls-Clientcert-Subject", headerName},
	{"routing.http.request.x_amzn_mtls_clientcert_validity.header_name", "X-Amzn-Mtls-Clientcert-Validity", headerName},
	{"routing.http.request.x_amzn_mtls_clientcert_leaf.header_name", "X-Amzn-Mtls-Clientcert-Leaf", headerName},
	{"routing.http.request.x_amzn_mtls_clientcert.header_name", "X-Amzn-Mtls-Clientcert", headerName},
	{"routing.http.request.x_amzn_tls_version.header_name", "X-Amzn-Tls-Version", headerName},
	{"routing.http.request.x_amzn_tls_cipher_suite.header_name", "X-Amzn-Tls-Cipher-Suite", headerName},
}

// pair is one attribute as it travels.
type pair struct{ key, value string }

// defaults returns what is set when nobody sets anything.
func defaults(specs []attribute) map[string]string {
	m := make(map[string]string, len(specs))
	for _, a := range specs {
		m[a.key] = a.value
	}
	return m
}

// listed returns the attributes in AWS's order; what a record lacks, because
// it is older than the attribute, has its default.
func listed(specs []attribute, m map[string]string) []pair {
	l := make([]pair, 0, len(specs))
	for _, a := range specs {
		v, ok := m[a.key]
		if !ok {
			v = a.value
		}
		l = append(l, pair{a.key, v})
	}
	return l
}

// change checks the pairs and writes them into m. An unknown key and a value
// that is not offered are refused, and nothing is changed then.
func change(specs []attribute, m map[string]string, pairs []pair) error {
	for _, p := range pairs {
		i := slices.IndexFunc(specs, func(a attribute) bool { return a.key == p.key })
		if i < 0 {
			return wire.Errorf(400, "InvalidConfigurationRequest", "Load balancer attribute key '%s' is not recognized", p.key)
		}
		if !specs[i].valid(p.value) {
			return wire.Errorf(400, "InvalidConfigurationRequest", "The value '%s' is not supported for the attribute '%s'", p.value, p.key)
		}
	}
	for _, p := range pairs {
		m[p.key] = p.value
	}
	return nil
}
