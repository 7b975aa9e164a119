//go:build e2e

package e2e

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"
	"github.com/golang-jwt/jwt/v5"

	"grocery/localaws"
)

// The repository whose workflows the bootstrap trusts.
const (
	repository   = "octo-org/grocery"
	repositoryID = "octo-org@1/grocery@2"
	issuerHost   = "token.actions.githubusercontent.com"
	account      = "123456789012"
	region       = "eu-central-1"
)

// issuerAddr is where the test publishes keys in place of GitHub.
func issuerAddr() string { return fmt.Sprintf("127.0.0.1:%d", 4570+portOffset) }

// trustRepository makes the bootstrap create the roles of a repository.
func (c *cloud) trustRepository() error {
	text := fmt.Sprintf("github_repository = %q\ngithub_repository_ids = {\n  owner      = 1\n  repository = 2\n}\n", repository)
	return os.WriteFile(filepath.Join(c.infra, "bootstrap", "bootstrap.tfvars"), []byte(text), 0o644)
}

func roleARN(name string) string {
	return "arn:aws:iam::" + account + ":role/grocery-github-" + name
}

// issuer is what GitHub is to AWS: it signs tokens and publishes the keys.
type issuer struct {
	key *rsa.PrivateKey
	id  string // of the key: another in each run, so that a local AWS that runs on asks for it
}

// startIssuer publishes a new key where the local AWS looks for GitHub's.
func startIssuer(t *testing.T) *issuer {
	t.Helper()
	i := newIssuer(t)
	number := func(n *big.Int) string { return base64.RawURLEncoding.EncodeToString(n.Bytes()) }
	mux := http.NewServeMux()
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		json.NewEncoder(w).Encode(map[string]string{"issuer": "https://" + issuerHost, "jwks_uri": "https://" + issuerHost + "/.well-known/jwks"})
	})
	mux.HandleFunc("/.well-known/jwks", func(w http.ResponseWriter, _ *http.Request) {
		json.NewEncoder(w).Encode(map[string]any{"keys": []any{map[string]string{
			"kty": "RSA", "use": "sig", "kid": i.id, "n": number(i.key.N), "e": number(big.NewInt(int64(i.key.E))),
		}}})
	})
	l, err := net.Listen("tcp", issuerAddr())
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go s.Serve(l) // ends with Close
	t.Cleanup(func() { s.Close() })
	return i
}

// newIssuer makes a key that nobody publishes.
func newIssuer(t *testing.T) *issuer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return &issuer{key, base64.RawURLEncoding.EncodeToString(key.N.Bytes()[:12])}
}

// token is one of GitHub's for a job, with its claims changed.
// See https://docs.github.com/en/actions/reference/security/oidc.
func (i *issuer) token(t *testing.T, subject string, change func(jwt.MapClaims)) string {
	t.Helper()
	now := time.Now()
	claims := jwt.MapClaims{
		"iss": "https://" + issuerHost, "aud": "sts.amazonaws.com", "sub": subject, "repository": repository, "repository_id": "2", "repository_owner_id": "1",
		"jti": fmt.Sprint(now.UnixNano()), "iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(),
	}
	if change != nil {
		change(claims)
	}
	token := jwt.NewWithClaims(jwt.SigningMethodRS256, claims)
	token.Header["kid"] = i.id
	signed, err := token.SignedString(i.key)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// assume exchanges a token for a role's credentials, over the proxy and TLS.
func assume(ctx context.Context, role, token string) (*types.Credentials, error) {
	pem, err := os.ReadFile(filepath.Join(shared.home, "ca.pem"))
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	proxy := &url.URL{Scheme: "http", Host: fmt.Sprintf("127.0.0.1:%d", localaws.ProxyPort+portOffset)}
	c := sts.New(sts.Options{Region: region, RetryMaxAttempts: 1, Credentials: aws.AnonymousCredentials{}, HTTPClient: awshttp.NewBuildableClient().WithTransportOptions(func(tr *http.Transport) {
		tr.Proxy, tr.TLSClientConfig = http.ProxyURL(proxy), &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	})})
	name := "pipeline"
	out, err := c.AssumeRoleWithWebIdentity(ctx, &sts.AssumeRoleWithWebIdentityInput{RoleArn: &role, RoleSessionName: &name, WebIdentityToken: &token})
	if err != nil {
		return nil, err
	}
	return out.Credentials, nil
}
