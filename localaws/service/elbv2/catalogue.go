package elbv2

import (
	"context"
	"crypto/tls"
	"maps"
	"slices"

	"grocery/localaws/wire"
	"grocery/localaws/wire/api/elbv2api"
)

// limits are AWS's default quotas; see
// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html.
var limits = []elbv2api.Limit{
	{Name: new("application-load-balancers"), Max: new("50")},
	{Name: new("target-groups"), Max: new("3000")},
	{Name: new("listeners-per-application-load-balancer"), Max: new("50")},
	{Name: new("rules-per-application-load-balancer"), Max: new("100")},
	{Name: new("targets-per-application-load-balancer"), Max: new("1000")},
	{Name: new("certificates-per-application-load-balancer"), Max: new("25")},
	{Name: new("target-groups-per-action-on-application-load-balancer"), Max: new("5")},
	{Name: new("condition-values-per-alb-rule"), Max: new("5")},
}

func (s *Service) describeAccountLimits(ctx context.Context, in *elbv2api.DescribeAccountLimitsInput) (*elbv2api.DescribeAccountLimitsOutput, error) {
	part, next, err := page(limits, in.Marker, in.PageSize)
	return &elbv2api.DescribeAccountLimitsOutput{Limits: part, NextMarker: next}, err
}

// tlsPolicies are the security policies on offer, by the oldest protocol they
// accept; see
// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/describe-ssl-policies.html.
var tlsPolicies = map[string]uint16{
	"ELBSecurityPolicy-2016-08":               tls.VersionTLS10,
	"ELBSecurityPolicy-TLS13-1-0-2021-06":     tls.VersionTLS10,
	"ELBSecurityPolicy-TLS-1-1-2017-01":       tls.VersionTLS11,
	"ELBSecurityPolicy-TLS13-1-1-2021-06":     tls.VersionTLS11,
	"ELBSecurityPolicy-TLS-1-2-2017-01":       tls.VersionTLS12,
	"ELBSecurityPolicy-TLS-1-2-Ext-2018-06":   tls.VersionTLS12,
	"ELBSecurityPolicy-FS-1-2-2019-08":        tls.VersionTLS12,
	"ELBSecurityPolicy-FS-1-2-Res-2020-10":    tls.VersionTLS12,
	"ELBSecurityPolicy-TLS13-1-2-2021-06":     tls.VersionTLS12,
	"ELBSecurityPolicy-TLS13-1-2-Res-2021-06": tls.VersionTLS12,
	"ELBSecurityPolicy-TLS13-1-3-2021-06":     tls.VersionTLS13,
}

var protocolNames = []struct {
	version uint16
	name    string
}{{tls.VersionTLS10, "TLSv1"}, {tls.VersionTLS11, "TLSv1.1"}, {tls.VersionTLS12, "TLSv1.2"}, {tls.VersionTLS13, "TLSv1.3"}}

func (s *Service) describeSSLPolicies(ctx context.Context, in *elbv2api.DescribeSSLPoliciesInput) (*elbv2api.DescribeSSLPoliciesOutput, error) {
	var found []elbv2api.SslPolicy
	names := in.Names
	if len(names) == 0 {
		names = slices.Sorted(maps.Keys(tlsPolicies))
	}
	for _, n := range names {
		oldest, ok := tlsPolicies[n]
		if !ok {
			return nil, wire.Errorf(400, "SSLPolicyNotFound", "SSL policy '%s' not found", n)
		}
		p := elbv2api.SslPolicy{Name: new(n), SupportedLoadBalancerTypes: []string{"application"}}
		for _, v := range protocolNames {
			if v.version >= oldest {
				p.SslProtocols = append(p.SslProtocols, v.name)
			}
		}
		for _, c := range tls.CipherSuites() { // what the listeners really offer
			if slices.ContainsFunc(c.SupportedVersions, func(v uint16) bool { return v >= oldest }) {
				p.Ciphers = append(p.Ciphers, elbv2api.Cipher{Name: new(c.Name), Priority: new(int64(len(p.Ciphers) + 1))})
			}
		}
		found = append(found, p)
	}
	part, next, err := page(found, in.Marker, in.PageSize)
	return &elbv2api.DescribeSSLPoliciesOutput{SslPolicies: part, NextMarker: next}, err
}
