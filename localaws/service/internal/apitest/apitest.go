// Package apitest lets tests of services speak to them as clients do: through
// AWS's own SDK over HTTP, signed.
package apitest

import (
	"context"
	"errors"
	"log/slog"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go"

	"grocery/localaws/wire"
)

// Region is where the configuration that Serve returns makes its calls.
const Region = "eu-central-1"

type keys struct{}

func (keys) Credential(_ context.Context, id string) (wire.Credential, bool, error) {
	return wire.Credential{Secret: "secret", Principal: wire.Principal{ARN: "arn:aws:iam::123456789012:user/admin", UserID: "AIDATEST", AccessKeyID: id}}, id == "AKIDTEST", nil
}

// Retrieve makes keys the SDK's credentials as well.
func (keys) Retrieve(context.Context) (aws.Credentials, error) {
	return aws.Credentials{AccessKeyID: "AKIDTEST", SecretAccessKey: "secret"}, nil
}

// Registry returns an empty registry that logs nothing.
func Registry() *wire.Registry { return wire.NewRegistry(slog.New(slog.DiscardHandler)) }

// Serve serves r for the length of the test and returns the configuration of
// an SDK client that calls it.
func Serve(t testing.TB, r *wire.Registry) aws.Config {
	t.Helper()
	s := httptest.NewServer(wire.NewChain(r, wire.ChainOptions{Credentials: keys{}}))
	t.Cleanup(s.Close)
	return aws.Config{Region: Region, BaseEndpoint: &s.URL, Credentials: keys{}, RetryMaxAttempts: 3}
}

// Code returns the code of an API's error, or "" when err is none.
func Code(err error) string {
	if e, ok := errors.AsType[smithy.APIError](err); ok {
		return e.ErrorCode()
	}
	return ""
}

// Clock is a clock that stands until it is moved. After answers at once, so
// that waiting loops turn without waiting.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// NewClock makes a clock that stands at a fixed moment.
func NewClock() *Clock { return &Clock{now: time.Date(2026, 3, 2, 10, 30, 0, 0, time.UTC)} }

// Now tells the time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance moves the clock.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// After moves the clock by d and answers at once.
func (c *Clock) After(d time.Duration) <-chan time.Time {
	c.Advance(d)
	ch := make(chan time.Time, 1)
	ch <- c.Now()
	return ch
}
