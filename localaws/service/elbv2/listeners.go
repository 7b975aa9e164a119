package elbv2

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"grocery/localaws/store"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/elbv2api"
)

// defaultPolicy is the security policy of an HTTPS listener that names none.
const defaultPolicy = "ELBSecurityPolicy-2016-08"

var certificateARN = regexp.MustCompile(`^arn:[^:]+:(acm|iam):[^:]*:\d{12}:(certificate|server-certificate)/.+$`)

func errListener(arn string) error {
	return wire.Errorf(400, "ListenerNotFound", "Listener '%s' not found", arn)
}

func (s *Service) createListener(ctx context.Context, in *elbv2api.CreateListenerInput) (*elbv2api.CreateListenerOutput, error) {
	tags, err := tagMap(in.Tags)
	if err != nil {
		return nil, err
	}
	l := listener{Balancer: str(in.LoadBalancerArn), Tags: tags, RuleTags: tags, Created: s.d.Clock.Now()}
	if err := s.setListener(&l, in.Port, in.Protocol, in.SslPolicy, in.Certificates, in.AlpnPolicy, in.MutualAuthentication); err != nil {
		return nil, err
	}
	if l.Port == 0 || l.Protocol == "" {
		return nil, invalid("A port and a protocol must be specified")
	}
	l.Attributes = defaults(l.attributes())
	var b balancer
	if err := s.d.Store.View(func(tx store.Tx) (err error) { b, err = findBalancer(tx, l.Balancer); return err }); err != nil {
		return nil, err
	}
	if err := s.openFrontDoor(b, l.Port); err != nil {
		return nil, err
	}
	id := newID()
	l.ARN = childPrefix(b.ARN, ":loadbalancer/", ":listener/") + id
	l.DefaultRule = childPrefix(l.ARN, ":listener/", ":listener-rule/") + newID()
	err = s.d.Store.Update(func(tx store.Tx) error {
		if _, err := findBalancer(tx, l.Balancer); err != nil {
			return err
		}
		for _, o := range listenersOf(tx, b.ARN) {
			if o.Port == l.Port {
				return wire.Errorf(400, "DuplicateListener", "A listener already exists on this port for this load balancer '%s'", b.ARN)
			}
		}
		if l.Actions, err = checkActions(tx, b, in.DefaultActions); err != nil {
			return err
		}
		listeners.Put(tx, l.ARN, l)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &elbv2api.CreateListenerOutput{Listeners: []elbv2api.Listener{l.shape()}}, nil
}

// setListener applies the members of a request that are present and checks the whole.
func (s *Service) setListener(l *listener, port *int64, protocol, policy *string, certs []elbv2api.Certificate, alpn []string, mutual *elbv2api.MutualAuthenticationAttributes) error {
	if port != nil {
		if l.Port = int(*port); l.Port < 1 || l.Port > 65535 {
			return invalid("The port must be between 1 and 65535")
		}
	}
	if str(protocol) != "" {
		if l.Protocol = *protocol; l.Protocol != "HTTP" && l.Protocol != "HTTPS" {
			return wire.Errorf(400, "UnsupportedProtocol", "An application load balancer listens for HTTP or HTTPS, not '%s'", l.Protocol)
		}
	}
	if len(alpn) > 0 {
		return invalid("ALPN policies do not apply to application load balancers")
	}
	if mutual != nil && str(mutual.Mode) != "" && *mutual.Mode != "off" {
		return invalid("Local AWS does not offer mutual TLS authentication")
	}
	if len(certs) > 1 {
		return invalid("Exactly one default certificate must be specified")
	}
	if l.Protocol != "HTTPS" {
		if policy != nil && *policy != "" || len(certs) > 0 {
			return invalid("A certificate and a security policy need the protocol HTTPS")
		}
		l.SSLPolicy, l.Certificates = "", nil
		return nil
	}
	if l.SSLPolicy == "" {
		l.SSLPolicy = defaultPolicy
	}
	if policy != nil && *policy != "" {
		l.SSLPolicy = *policy
	}
	if _, ok := tlsPolicies[l.SSLPolicy]; !ok {
		return wire.Errorf(400, "SSLPolicyNotFound", "SSL policy '%s' not found", l.SSLPolicy)
	}
	if s.d.Certificate == nil {
		return invalid("This local AWS has no certificate authority, so it offers no HTTPS listeners")
	}
	if len(certs) == 1 {
		arn := str(certs[0].CertificateArn)
		if !certificateARN.MatchString(arn) {
			return wire.Errorf(400, "CertificateNotFound", "Certificate ARN '%s' is not valid", arn)
		}
		if rest := l.Certificates; len(rest) > 0 {
			l.Certificates = append([]string{arn}, rest[1:]...)
		} else {
			l.Certificates = []string{arn}
		}
	}
	if len(l.Certificates) == 0 {
		return wire.Errorf(400, "CertificateNotFound", "A certificate must be specified for HTTPS listeners")
	}
	return nil
}

func (l listener) attributes() []attribute {
	if l.Protocol == "HTTPS" {
		return slices.Concat(listenerAttributes, secureListenerAttributes)
	}
	return listenerAttributes
}

func (l listener) shape() elbv2api.Listener {
	x := elbv2api.Listener{ListenerArn: new(l.ARN), LoadBalancerArn: new(l.Balancer), Port: new(int64(l.Port)), Protocol: new(l.Protocol),
		SslPolicy: opt(l.SSLPolicy), DefaultActions: l.Actions}
	if len(l.Certificates) > 0 {
		x.Certificates = []elbv2api.Certificate{{CertificateArn: new(l.Certificates[0])}}
		x.MutualAuthentication = &elbv2api.MutualAuthenticationAttributes{Mode: new("off")}
	}
	return x
}

func (s *Service) describeListeners(ctx context.Context, in *elbv2api.DescribeListenersInput) (*elbv2api.DescribeListenersOutput, error) {
	var found []elbv2api.Listener
	err := s.d.Store.View(func(tx store.Tx) error {
		if in.LoadBalancerArn != nil {
			if _, err := findBalancer(tx, *in.LoadBalancerArn); err != nil {
				return err
			}
			for _, l := range listenersOf(tx, *in.LoadBalancerArn) {
				found = append(found, l.shape())
			}
			return nil
		}
		if len(in.ListenerArns) == 0 {
			return invalid("You must specify either listener ARNs or a load balancer ARN")
		}
		for _, arn := range in.ListenerArns {
			l, ok := listeners.Get(tx, arn)
			if !ok {
				return wire.Errorf(400, "ListenerNotFound", "One or more listeners not found: '%s'", arn)
			}
			found = append(found, l.shape())
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	part, next, err := page(found, in.Marker, in.PageSize)
	return &elbv2api.DescribeListenersOutput{Listeners: part, NextMarker: next}, err
}

// changeListener applies f to a listener's record.
func (s *Service) changeListener(arn string, f func(tx store.Tx, l *listener) error) (l listener, err error) {
	err = s.d.Store.Update(func(tx store.Tx) error {
		var ok bool
		if l, ok = listeners.Get(tx, arn); !ok {
			return errListener(arn)
		}
		if err := f(tx, &l); err != nil {
			return err
		}
		listeners.Put(tx, arn, l)
		return nil
	})
	return l, err
}

func (s *Service) modifyListener(ctx context.Context, in *elbv2api.ModifyListenerInput) (*elbv2api.ModifyListenerOutput, error) {
	if in.Port != nil {
		var b balancer
		if err := s.d.Store.View(func(tx store.Tx) (err error) {
			l, ok := listeners.Get(tx, str(in.ListenerArn))
			if !ok {
				return errListener(str(in.ListenerArn))
			}
			b, err = findBalancer(tx, l.Balancer)
			return err
		}); err != nil {
			return nil, err
		}
		if err := s.openFrontDoor(b, int(*in.Port)); err != nil {
			return nil, err
		}
	}
	l, err := s.changeListener(str(in.ListenerArn), func(tx store.Tx, l *listener) error {
		if err := s.setListener(l, in.Port, in.Protocol, in.SslPolicy, in.Certificates, in.AlpnPolicy, in.MutualAuthentication); err != nil {
			return err
		}
		b, err := findBalancer(tx, l.Balancer)
		if err != nil {
			return err
		}
		for _, o := range listenersOf(tx, b.ARN) {
			if o.Port == l.Port && o.ARN != l.ARN {
				return wire.Errorf(400, "DuplicateListener", "A listener already exists on this port for this load balancer '%s'", b.ARN)
			}
		}
		if len(in.DefaultActions) > 0 {
			l.Actions, err = checkActions(tx, b, in.DefaultActions)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return &elbv2api.ModifyListenerOutput{Listeners: []elbv2api.Listener{l.shape()}}, nil
}

func (s *Service) deleteListener(ctx context.Context, in *elbv2api.DeleteListenerInput) (*elbv2api.DeleteListenerOutput, error) {
	return nil, s.d.Store.Update(func(tx store.Tx) error {
		l, ok := listeners.Get(tx, str(in.ListenerArn))
		if !ok {
			return errListener(str(in.ListenerArn))
		}
		removeListener(tx, l)
		return nil
	})
}

func removeListener(tx store.Tx, l listener) {
	for _, r := range rulesOf(tx, l.ARN) {
		rules.Delete(tx, r.ARN)
	}
	listeners.Delete(tx, l.ARN)
}

func (s *Service) describeListenerAttributes(ctx context.Context, in *elbv2api.DescribeListenerAttributesInput) (*elbv2api.DescribeListenerAttributesOutput, error) {
	var out elbv2api.DescribeListenerAttributesOutput
	return &out, s.d.Store.View(func(tx store.Tx) error {
		l, ok := listeners.Get(tx, str(in.ListenerArn))
		if !ok {
			return errListener(str(in.ListenerArn))
		}
		out.Attributes = listenerPairs(l)
		return nil
	})
}

func listenerPairs(l listener) (list []elbv2api.ListenerAttribute) {
	for _, p := range listed(l.attributes(), l.Attributes) {
		list = append(list, elbv2api.ListenerAttribute{Key: new(p.key), Value: new(p.value)})
	}
	return list
}

func (s *Service) modifyListenerAttributes(ctx context.Context, in *elbv2api.ModifyListenerAttributesInput) (*elbv2api.ModifyListenerAttributesOutput, error) {
	var pairs []pair
	for _, a := range in.Attributes {
		pairs = append(pairs, pair{str(a.Key), str(a.Value)})
	}
	l, err := s.changeListener(str(in.ListenerArn), func(_ store.Tx, l *listener) error {
		return change(l.attributes(), l.Attributes, pairs)
	})
	if err != nil {
		return nil, err
	}
	return &elbv2api.ModifyListenerAttributesOutput{Attributes: listenerPairs(l)}, nil
}

func (s *Service) describeListenerCertificates(ctx context.Context, in *elbv2api.DescribeListenerCertificatesInput) (*elbv2api.DescribeListenerCertificatesOutput, error) {
	var found []elbv2api.Certificate
	if err := s.d.Store.View(func(tx store.Tx) error {
		l, ok := listeners.Get(tx, str(in.ListenerArn))
		if !ok {
			return errListener(str(in.ListenerArn))
		}
		for i, c := range l.Certificates {
			found = append(found, elbv2api.Certificate{CertificateArn: new(c), IsDefault: new(i == 0)})
		}
		return nil
	}); err != nil {
		return nil, err
	}
	part, next, err := page(found, in.Marker, in.PageSize)
	return &elbv2api.DescribeListenerCertificatesOutput{Certificates: part, NextMarker: next}, err
}

func (s *Service) addListenerCertificates(ctx context.Context, in *elbv2api.AddListenerCertificatesInput) (*elbv2api.AddListenerCertificatesOutput, error) {
	var added []elbv2api.Certificate
	_, err := s.changeListener(str(in.ListenerArn), func(_ store.Tx, l *listener) error {
		if l.Protocol != "HTTPS" {
			return invalid("Certificates need a listener with the protocol HTTPS")
		}
		for _, c := range in.Certificates {
			arn := str(c.CertificateArn)
			if !certificateARN.MatchString(arn) {
				return wire.Errorf(400, "CertificateNotFound", "Certificate ARN '%s' is not valid", arn)
			}
			if !slices.Contains(l.Certificates, arn) {
				l.Certificates = append(l.Certificates, arn)
			}
			added = append(added, elbv2api.Certificate{CertificateArn: new(arn), IsDefault: new(false)})
		}
		return nil
	})
	return &elbv2api.AddListenerCertificatesOutput{Certificates: added}, err
}

func (s *Service) removeListenerCertificates(ctx context.Context, in *elbv2api.RemoveListenerCertificatesInput) (*elbv2api.RemoveListenerCertificatesOutput, error) {
	_, err := s.changeListener(str(in.ListenerArn), func(_ store.Tx, l *listener) error {
		for _, c := range in.Certificates {
			i := slices.Index(l.Certificates, str(c.CertificateArn))
			if i == 0 {
				return wire.Errorf(400, "OperationNotPermitted", "The default certificate of a listener cannot be removed")
			}
			if i > 0 {
				l.Certificates = slices.Delete(slices.Clone(l.Certificates), i, i+1)
			}
		}
		return nil
	})
	return nil, err
}

// defaultRuleOf finds the listener whose default rule has the ARN.
func defaultRuleOf(tx store.Tx, ruleARN string) (listener, error) {
	arn := strings.Replace(ruleARN, ":listener-rule/", ":listener/", 1)
	if i := strings.LastIndex(arn, "/"); i > 0 {
		if l, ok := listeners.Get(tx, arn[:i]); ok && l.DefaultRule == ruleARN {
			return l, nil
		}
	}
	return listener{}, errRule(ruleARN)
}
