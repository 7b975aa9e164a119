package wire

import (
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// target is what a request is addressed to, as far as its host says.
type target struct {
	service *Service
	region  string
	bucket  string // virtual-hosted S3
	account string // account label of S3 Control
}

// Suffix ends every genuine host name of AWS's commercial regions.
const Suffix = ".amazonaws.com"

var regionLabel = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-\d$`)

// byHost reads service, region and bucket from a genuine AWS host name.
func (r *Registry) byHost(host string) (t target, ok bool) {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	name, isAWS := strings.CutSuffix(host, Suffix)
	if !isAWS {
		return t, false
	}
	labels := strings.Split(name, ".")
	if n := len(labels); n > 0 && regionLabel.MatchString(labels[n-1]) {
		t.region = labels[n-1]
		labels = labels[:n-1]
	}
	if n := len(labels); n > 0 && labels[n-1] == "dualstack" {
		labels = labels[:n-1]
	}
	for i := range labels {
		prefix := strings.Join(labels[i:], ".")
		for _, s := range r.services {
			if s.EndpointPrefix != prefix {
				continue
			}
			t.service = s
			switch front := strings.Join(labels[:i], "."); {
			case s.EndpointPrefix == "s3":
				t.bucket = front
			case s.EndpointPrefix == "s3-control":
				t.account = front
			case front != "":
				t.service = nil
				continue
			}
			return t, true
		}
	}
	return t, false
}

// bySignature finds the service of a request that came to the endpoint
// address, where the host says nothing.
func (r *Registry) bySignature(req *http.Request, sig *signature) *Service {
	control := strings.HasPrefix(req.URL.Path, "/v20180820/")
	var found *Service
	for _, name := range r.serviceNames() {
		s := r.services[name]
		if s.SigningName != sig.service {
			continue
		}
		if s.SigningName == "s3" && (s.EndpointPrefix == "s3-control") != control {
			continue
		}
		found = s
	}
	return found
}

// byContent finds the service of an unsigned request to the endpoint address.
func (r *Registry) byContent(req *http.Request, form url.Values) *Service {
	if prefix, _, ok := strings.Cut(req.Header.Get("X-Amz-Target"), "."); ok {
		for _, s := range r.services {
			if s.TargetPrefix == prefix {
				return s
			}
		}
	}
	if action := form.Get("Action"); action != "" {
		for _, name := range r.serviceNames() {
			s := r.services[name]
			if s.APIVersion == form.Get("Version") && (s.Protocol == Query || s.Protocol == EC2) {
				return s
			}
		}
	}
	if req.Header.Get("X-Amz-Target") == "" && len(form) == 0 {
		return r.services["s3"]
	}
	return nil
}
