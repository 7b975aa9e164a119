package ops

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
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
	Region      string // AWS region where the tfvars file names none; "" takes the environment's
	Proxy       string // URL of an HTTPS proxy that AWS's host names go through; "" for none
	CABundle    string // path of a PEM file with the authorities to trust; "" for that of AWS_CA_BUNDLE, or else the system's
	AccessKeyID string
	SecretKey   string
	Token       string // session token of a temporary key; "" for a lasting one
}

// harmless are the AWS variables that say nothing about whose AWS is meant.
var harmless = []string{"AWS_PAGER", "AWS_DEFAULT_OUTPUT", "AWS_MAX_ATTEMPTS", "AWS_RETRY_MODE"}

// Vars are the environment variables that give this access to another program:
// Terraform, the AWS CLI, an SDK. An empty value stands for a variable that
// must not be set there: with a key of its own, an access takes nothing from
// the account that this process's environment or its configuration files are
// for, and with a proxy no host goes past it.
func (a Access) Vars() map[string]string {
	v := map[string]string{}
	if a.AccessKeyID != "" {
		for _, kv := range os.Environ() {
			if k, _, _ := strings.Cut(kv, "="); strings.HasPrefix(k, "AWS_") && !strings.HasPrefix(k, "AWS_CLI_") && !slices.Contains(harmless, k) {
				v[k] = ""
			}
		}
		v["AWS_PROFILE"], v["AWS_SESSION_TOKEN"], v["AWS_ENDPOINT_URL"], v["AWS_EC2_METADATA_DISABLED"] = "", "", "", "true"
		v["AWS_CONFIG_FILE"], v["AWS_SHARED_CREDENTIALS_FILE"] = os.DevNull, os.DevNull
	}
	if a.Proxy != "" {
		v["NO_PROXY"], v["no_proxy"] = "", ""
	}
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
	set(a.Token, "AWS_SESSION_TOKEN")
	return v
}

// environ is the process's environment with Vars over it.
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
	if bundle := a.caBundle(); bundle != "" {
		pem, err := os.ReadFile(bundle)
		if err != nil {
			return nil, fmt.Errorf("the authorities to trust: %w", err)
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s holds no certificate", bundle)
		}
		t.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	return t, nil
}

// caBundle is the file with the authorities to trust. An access with a key of
// its own takes none of the environment's, see Vars.
func (a Access) caBundle() string {
	if a.CABundle == "" && a.AccessKeyID == "" {
		return os.Getenv("AWS_CA_BUNDLE")
	}
	return a.CABundle
}

// aws makes the SDK's configuration.
func (a Access) aws(ctx context.Context) (aws.Config, error) {
	t, err := a.transport()
	if err != nil {
		return aws.Config{}, err
	}
	var client aws.HTTPClient
	if a.Proxy != "" || a.CABundle != "" {
		client = awshttp.NewBuildableClient().WithTimeout(5 * time.Minute).WithTransportOptions(func(mine *http.Transport) {
			mine.Proxy, mine.TLSClientConfig = t.Proxy, t.TLSClientConfig
		})
	}
	const attempts = 5
	if a.AccessKeyID != "" { // and nothing from the environment, see Vars
		cfg := aws.Config{Region: a.Region, HTTPClient: client, RetryMaxAttempts: attempts, Credentials: credentials.NewStaticCredentialsProvider(a.AccessKeyID, a.SecretKey, a.Token)}
		return cfg, checkRegion(cfg)
	}
	opts := []func(*config.LoadOptions) error{config.WithRetryMaxAttempts(attempts)}
	if a.Region != "" {
		opts = append(opts, config.WithRegion(a.Region))
	}
	if client != nil {
		opts = append(opts, config.WithHTTPClient(client))
	}
	cfg, err := config.LoadDefaultConfig(ctx, opts...)
	if err != nil {
		return aws.Config{}, fmt.Errorf("the AWS configuration: %w", err)
	}
	return cfg, checkRegion(cfg)
}

func checkRegion(cfg aws.Config) error {
	if cfg.Region == "" {
		return errors.New("no AWS region is set: set AWS_REGION, or region in the tfvars file")
	}
	return nil
}
