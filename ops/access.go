package ops

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// Access is how to reach AWS. The zero value takes everything from the
// process's environment, as the AWS CLI does.
type Access struct {
	Region      string // AWS region; "" takes the environment's
	Proxy       string // URL of an HTTPS proxy that AWS's host names go through; "" for none
	CABundle    string // path of a PEM file with the authorities to trust; "" for the system's
	AccessKeyID string
	SecretKey   string
}

// Vars are the environment variables that give this access to another program:
// Terraform, the AWS CLI, an SDK.
func (a Access) Vars() map[string]string {
	v := map[string]string{}
	set := func(value string, names ...string) {
		for _, n := range names {
			if value != "" {
				v[n] = value
			}
		}
	}
	set(a.Region, "AWS_REGION", "AWS_DEFAULT_REGION")
	set(a.Proxy, "HTTPS_PROXY", "https_proxy")
	set(a.CABundle, "AWS_CA_BUNDLE")
	set(a.AccessKeyID, "AWS_ACCESS_KEY_ID")
	set(a.SecretKey, "AWS_SECRET_ACCESS_KEY")
	if a.AccessKeyID != "" { // nothing of another account may get in between
		v["AWS_PROFILE"], v["AWS_SESSION_TOKEN"], v["AWS_ENDPOINT_URL"], v["AWS_EC2_METADATA_DISABLED"] = "", "", "", "true"
	}
	return v
}

// environ is the process's environment with Vars over it, as "k=v" and as a
// map. An empty value removes the variable.
func (a Access) environ() map[string]string {
	env := map[string]string{}
	for _, kv := range os.Environ() {
		if k, v, ok := strings.Cut(kv, "="); ok {
			env[k] = v
		}
	}
	for k, v := range a.Vars() {
		if v == "" {
			delete(env, k)
			continue
		}
		env[k] = v
	}
	return env
}

// transport is an HTTP transport that goes the way of this access.
func (a Access) transport() (*http.Transport, error) {
	t := http.DefaultTransport.(*http.Transport).Clone()
	if a.Proxy != "" {
		u, err := url.Parse(a.Proxy)
		if err != nil {
			return nil, fmt.Errorf("the proxy's address: %w", err)
		}
		t.Proxy = http.ProxyURL(u)
	}
	if a.CABundle != "" {
		pem, err := os.ReadFile(a.CABundle)
		if err != nil {
			return nil, fmt.Errorf("the authorities to trust: %w", err)
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s holds no certificate", a.CABundle)
		}
		t.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	return t, nil
}

// aws makes the SDK's configuration.
func (a Access) aws(ctx context.Context) (aws.Config, error) {
	t, err := a.transport()
	if err != nil {
		return aws.Config{}, err
	}
	opts := []func(*config.LoadOptions) error{config.WithRetryMaxAttempts(5)}
	if a.Region != "" {
		opts = append(opts, config.WithRegion(a.Region))
	}
	if a.Proxy != "" || a.CABundle != "" {
		client := awshttp.NewBuildableClient().WithTimeout(5 * time.Minute).WithTransportOptions(func(mine *http.Transport) {
			mine.Proxy, mine.TLSClientConfig = t.Proxy, t.TLSClientConfig
		})
		opts = append(opts, config.WithHTTPClient(client))
	}
	if a.AccessKeyID != "" {
		opts = append(opts, config.WithCredentialsProvider(credentials.NewStaticCredentialsProvider(a.AccessKeyID, a.SecretKey, "")))
	}
	cfg, err := config.LoadDefaultConfig(ctx, opts...)
	if err != nil {
		return aws.Config{}, fmt.Errorf("the AWS configuration: %w", err)
	}
	if cfg.Region == "" {
		return aws.Config{}, fmt.Errorf("no AWS region is set: set AWS_REGION, or region in the tfvars file")
	}
	return cfg, nil
}
