package wire

import (
	"context"
	"crypto/rand"
	"encoding/hex"
)

// Account is the only account of a local cloud: the number AWS's own
// documentation uses.
const Account = "123456789012"

// Partition is the ARN partition of a local cloud.
const Partition = "aws"

// Principal is who makes a call.
type Principal struct {
	ARN         string // such as arn:aws:iam::123456789012:user/admin; "" for an anonymous call
	UserID      string // AIDA..., AROA...:session
	AccessKeyID string // empty when a service calls on its own account
	Service     string // such as "autoscaling.amazonaws.com" when a service calls
}

// String names the principal for logs.
func (p Principal) String() string {
	switch {
	case p.Service != "":
		return p.Service
	case p.ARN != "":
		return p.ARN
	}
	return "anonymous"
}

// Call is the context of one API call.
type Call struct {
	RequestID string
	Service   string // localaws's name of the service
	Operation string
	Region    string
	Account   string
	Principal Principal
	SourceIP  string
	SourceARN string // the resource on whose behalf a service calls: IAM's aws:SourceArn
	Host      string // the host name the client used, "" for an in-process call
	Plain     bool   // came without TLS: IAM's aws:SecureTransport is false
}

// ARN composes an ARN in the call's region and account.
func (c *Call) ARN(service, resource string) string {
	return "arn:" + Partition + ":" + service + ":" + c.Region + ":" + c.Account + ":" + resource
}

type callKey struct{}

// CallFrom returns the call that ctx belongs to. It never returns nil: outside
// a call it answers the default account in us-east-1, AWS's own default.
func CallFrom(ctx context.Context) *Call {
	if c, ok := ctx.Value(callKey{}).(*Call); ok {
		return c
	}
	return &Call{Region: "us-east-1", Account: Account}
}

// WithCall returns a context that carries c.
func WithCall(ctx context.Context, c *Call) context.Context {
	return context.WithValue(ctx, callKey{}, c)
}

// AsService returns a context in which calls are made by an AWS service
// itself, such as "autoscaling.amazonaws.com", in a region.
func AsService(ctx context.Context, service, region string) context.Context {
	return WithCall(ctx, &Call{RequestID: NewRequestID(), Region: region, Account: Account, Principal: Principal{Service: service}, SourceIP: service})
}

// NewRequestID returns a random id in the form AWS uses (a version 4 UUID).
func NewRequestID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails: crypto/rand aborts the process instead
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	h := hex.EncodeToString(b[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}
