package imds_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"grocery/localaws/runtime/imds"
)

type source struct{ now func() time.Time }

func (s source) Instance(_ context.Context, network string, addr netip.Addr) (imds.Instance, bool, error) {
	i := imds.Instance{
		ID: "i-1", ImageID: "ami-1", Type: "t3.micro", AccountID: "123456789012", Region: "eu-central-1", Zone: "eu-central-1a",
		LocalIPv4: "10.0.1.5", LocalHostname: "ip-10-0-1-5.eu-central-1.compute.internal", MAC: "06:1a:0a:00:01:05",
		SecurityGroups: []imds.Group{{ID: "sg-1", Name: "app"}}, UserData: []byte("#!/bin/sh\n"),
		Role: "grocery-dev-ec2", InstanceProfileARN: "arn:aws:iam::123456789012:instance-profile/p", LifecycleState: "InService",
		Tags: map[string]string{"Name": "grocery"},
	}
	switch addr.String() {
	case "10.0.1.5":
		return i, network == "vpc-1", nil
	case "10.0.1.6":
		i.ID, i.Role, i.UserData, i.Tags, i.LifecycleState = "i-2", "", nil, nil, ""
		return i, true, nil
	case "10.0.1.7":
		i.Disabled = true
		return i, true, nil
	}
	return imds.Instance{}, false, nil
}

func (s source) Credentials(context.Context, string) (imds.Credentials, error) {
	return imds.Credentials{AccessKeyID: "ASIA1", SecretAccessKey: "s", SessionToken: "t", UpdatedAt: s.now(), ExpiresAt: s.now().Add(time.Hour)}, nil
}

// client asks a service as an instance does.
type client struct {
	h   http.Handler
	now time.Time
}

func newClient() *client {
	c := &client{now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	now := func() time.Time { return c.now }
	c.h = imds.New(imds.Options{Source: source{now}, Now: now}).Handler("vpc-1")
	return c
}

func (c *client) do(method, path, from string, header ...string) (int, string) {
	r := httptest.NewRequest(method, path, nil)
	r.RemoteAddr = from + ":40000"
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	c.h.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

func (c *client) token(t *testing.T, from string) string {
	t.Helper()
	code, body := c.do("PUT", "/latest/api/token", from, "X-aws-ec2-metadata-token-ttl-seconds", "60")
	if code != 200 {
		t.Fatalf("token: %d %s", code, body)
	}
	return body
}

func TestTree(t *testing.T) {
	c := newClient()
	for _, x := range []struct {
		from, path string
		code       int
		want       string // contained; "=" in front: equal
	}{
		{"10.0.1.5", "/latest/meta-data/instance-id", 200, "=i-1"},
		{"10.0.1.5", "/2021-07-15/meta-data/instance-id", 200, "=i-1"},
		{"10.0.1.5", "/latest/meta-data/placement/availability-zone", 200, "=eu-central-1a"},
		{"10.0.1.5", "/latest/meta-data/placement/", 200, "=availability-zone\navailability-zone-id\nregion"},
		{"10.0.1.5", "/latest/meta-data/", 200, "iam/\n"},
		{"10.0.1.5", "/latest/", 200, "=dynamic/\nmeta-data/\nuser-data"},
		{"10.0.1.5", "/latest/meta-data/iam/security-credentials/", 200, "=grocery-dev-ec2"},
		{"10.0.1.5", "/latest/meta-data/iam/security-credentials/grocery-dev-ec2", 200, `"Expiration": "2026-01-01T01:00:00Z"`},
		{"10.0.1.5", "/latest/meta-data/iam/security-credentials/other", 404, ""},
		{"10.0.1.5", "/latest/meta-data/iam/info", 200, "instance-profile/p"},
		{"10.0.1.5", "/latest/meta-data/tags/instance/Name", 200, "=grocery"},
		{"10.0.1.5", "/latest/meta-data/autoscaling/target-lifecycle-state", 200, "=InService"},
		{"10.0.1.5", "/latest/meta-data/network/interfaces/macs/06:1a:0a:00:01:05/security-group-ids", 200, "=sg-1"},
		{"10.0.1.5", "/latest/dynamic/instance-identity/document", 200, `"accountId": "123456789012"`},
		{"10.0.1.5", "/latest/user-data", 200, "=#!/bin/sh\n"},
		{"10.0.1.5", "/latest/meta-data/no-such-thing", 404, ""},
		{"10.0.1.6", "/latest/meta-data/instance-id", 200, "=i-2"},
		{"10.0.1.6", "/latest/user-data", 404, ""},
		{"10.0.1.6", "/latest/meta-data/iam/security-credentials/", 404, ""},
		{"10.0.1.6", "/latest/meta-data/tags/instance", 404, ""},
	} {
		t.Run(x.from+x.path, func(t *testing.T) {
			code, body := c.do("GET", x.path, x.from, "X-aws-ec2-metadata-token", c.token(t, x.from))
			if code != x.code {
				t.Fatalf("status %d: %s", code, body)
			}
			if want, exact := strings.CutPrefix(x.want, "="); exact && body != want || !strings.Contains(body, want) {
				t.Errorf("got %q, want %q", body, x.want)
			}
		})
	}
}

func TestTokens(t *testing.T) {
	const ttl, tok = "X-aws-ec2-metadata-token-ttl-seconds", "X-aws-ec2-metadata-token"
	c := newClient()
	check := func(rule string, want int, method, path, from string, header ...string) {
		t.Run(rule, func(t *testing.T) {
			if code, body := c.do(method, path, from, header...); code != want {
				t.Errorf("status %d, want %d: %s", code, want, body)
			}
		})
	}
	const id = "/latest/meta-data/instance-id"
	check("without a token nothing is told", 401, "GET", id, "10.0.1.5")
	check("nor with an invented one", 401, "GET", id, "10.0.1.5", tok, "bm9uc2Vuc2Vub25zZW5zZQ==")
	check("nor with another instance's", 401, "GET", id, "10.0.1.6", tok, c.token(t, "10.0.1.5"))
	check("a token needs a lifetime", 400, "PUT", "/latest/api/token", "10.0.1.5")
	check("of six hours at most", 400, "PUT", "/latest/api/token", "10.0.1.5", ttl, "21601")
	check("and is not given through a proxy", 403, "PUT", "/latest/api/token", "10.0.1.5", ttl, "60", "X-Forwarded-For", "10.9.9.9")
	check("an unknown address is nobody", 404, "PUT", "/latest/api/token", "10.0.1.99", ttl, "60")
	check("a disabled service refuses", 403, "PUT", "/latest/api/token", "10.0.1.7", ttl, "60")
	old := c.token(t, "10.0.1.5")
	c.now = c.now.Add(61 * time.Second)
	check("a token ends", 401, "GET", id, "10.0.1.5", tok, old)
}
