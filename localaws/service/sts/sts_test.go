package sts_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"
	awssts "github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/golang-jwt/jwt/v5"

	"grocery/localaws/service/iam"
	"grocery/localaws/service/internal/apitest"
	"grocery/localaws/service/sts"
	"grocery/localaws/store"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/iamapi"
	"grocery/localaws/wire/api/stsapi"
)

type bench struct {
	ctx   context.Context
	calls *wire.Registry
	clock *apitest.Clock
	iam   *iam.Service
	sts   *sts.Service
	url   string
}

// credentials finds users' keys in IAM and sessions in STS.
type credentials struct{ b *bench }

func (c credentials) Credential(ctx context.Context, id string) (wire.Credential, bool, error) {
	if x, ok, err := c.b.iam.Credential(ctx, id); ok || err != nil {
		return x, ok, err
	}
	return c.b.sts.Credential(ctx, id)
}

func start(t *testing.T) *bench {
	t.Helper()
	// The SDK signs with the machine's time, so the clock starts there.
	clock := apitest.NewClock()
	clock.Advance(time.Since(clock.Now()))
	b := &bench{ctx: t.Context(), calls: apitest.Registry(), clock: clock}
	st := store.NewMemory()
	b.iam = iam.New(iam.Deps{Store: st, Clock: clock})
	b.sts = sts.New(sts.Deps{Store: st, Clock: clock, Calls: b.calls})
	b.iam.Register(b.calls)
	b.sts.Register(b.calls)
	srv := httptest.NewServer(wire.NewChain(b.calls, wire.ChainOptions{Credentials: credentials{b}, Now: clock.Now}))
	t.Cleanup(srv.Close)
	b.url = srv.URL
	return b
}

func (b *bench) config(id, secret, token string) aws.Config {
	return aws.Config{Region: apitest.Region, BaseEndpoint: &b.url, RetryMaxAttempts: 1, Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: id, SecretAccessKey: secret, SessionToken: token}, nil
	})}
}

func (b *bench) admin(t *testing.T) aws.Config {
	t.Helper()
	id, secret, err := b.iam.EnsureAdmin(b.ctx)
	if err != nil {
		t.Fatal(err)
	}
	return b.config(id, secret, "")
}

func (b *bench) role(t *testing.T, name, principal, rest string) string {
	t.Helper()
	trust := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":` + principal + `,"Action":["sts:AssumeRole","sts:AssumeRoleWithWebIdentity"]` + rest + `}]}`
	out, err := awsiam.NewFromConfig(b.admin(t)).CreateRole(b.ctx, &awsiam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: &trust, Path: aws.String("/p/")})
	if err != nil {
		t.Fatal(err)
	}
	return *out.Role.Arn
}

func wantCode(t *testing.T, err error, code string) {
	t.Helper()
	if got := apitest.Code(err); got != code {
		t.Errorf("error %v, want code %q", err, code)
	}
}

func TestARoleIsTakenByWhomItsTrustAdmits(t *testing.T) {
	b := start(t)
	c := awssts.NewFromConfig(b.admin(t))
	mine := b.role(t, "mine", `{"AWS":"arn:aws:iam::123456789012:root"}`, "")
	forEC2 := b.role(t, "forec2", `{"Service":"ec2.amazonaws.com"}`, "")
	withID := b.role(t, "withid", `{"AWS":"*"}`, `,"Condition":{"StringEquals":{"sts:ExternalId":"42"}}`)
	in := func(arn string) *awssts.AssumeRoleInput {
		return &awssts.AssumeRoleInput{RoleArn: &arn, RoleSessionName: aws.String("me")}
	}
	out, err := c.AssumeRole(b.ctx, in(mine))
	if err != nil || *out.AssumedRoleUser.Arn != "arn:aws:sts::123456789012:assumed-role/mine/me" {
		t.Fatalf("%v: %+v", err, out)
	}
	session := awssts.NewFromConfig(b.config(*out.Credentials.AccessKeyId, *out.Credentials.SecretAccessKey, *out.Credentials.SessionToken))
	who, err := session.GetCallerIdentity(b.ctx, nil)
	if err != nil || *who.Arn != *out.AssumedRoleUser.Arn || *who.Account != "123456789012" {
		t.Errorf("%v: %+v", err, who)
	}
	_, err = awssts.NewFromConfig(b.config(*out.Credentials.AccessKeyId, *out.Credentials.SecretAccessKey, "forged")).GetCallerIdentity(b.ctx, nil)
	if err == nil {
		t.Error("a forged session token was taken")
	}
	_, err = c.AssumeRole(b.ctx, in(forEC2))
	wantCode(t, err, "AccessDenied")
	_, err = c.AssumeRole(b.ctx, in("arn:aws:iam::123456789012:role/absent"))
	wantCode(t, err, "AccessDenied")
	_, err = c.AssumeRole(b.ctx, in(withID))
	wantCode(t, err, "AccessDenied")
	external := in(withID)
	external.ExternalId = aws.String("42")
	if _, err = c.AssumeRole(b.ctx, external); err != nil {
		t.Error(err)
	}
	long := in(mine)
	long.DurationSeconds = aws.Int32(7200)
	_, err = c.AssumeRole(b.ctx, long)
	wantCode(t, err, "ValidationError")

	asEC2 := wire.AsService(b.ctx, "ec2.amazonaws.com", apitest.Region)
	if _, err := wire.Invoke(asEC2, b.calls, stsapi.AssumeRole, &stsapi.AssumeRoleInput{RoleArn: &forEC2, RoleSessionName: aws.String("i-0123")}); err != nil {
		t.Errorf("the service it is for: %v", err)
	}

	onlyMine := b.role(t, "chained", `{"AWS":"`+mine+`"}`, "")
	if _, err := session.AssumeRole(b.ctx, in(onlyMine)); err != nil {
		t.Errorf("a session of the role that is trusted: %v", err)
	}
	_, err = c.AssumeRole(b.ctx, in(onlyMine))
	wantCode(t, err, "AccessDenied")

	b.clock.Advance(61 * time.Minute)
	_, err = wire.Invoke(asEC2, b.calls, stsapi.GetCallerIdentity, &stsapi.GetCallerIdentityInput{})
	if err != nil {
		t.Error(err)
	}
	cred, ok, err := b.sts.Credential(b.ctx, *out.Credentials.AccessKeyId)
	if err != nil || !ok || !cred.Expires.Before(b.clock.Now()) {
		t.Errorf("expired credentials: %v %v %v", cred.Expires, ok, err)
	}
}

// issuer is an OpenID Connect issuer on loopback.
type issuer struct {
	*httptest.Server
	key *rsa.PrivateKey
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	i := &issuer{key: key}
	mux := http.NewServeMux()
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		json.NewEncoder(w).Encode(map[string]string{"issuer": i.URL, "jwks_uri": i.URL + "/keys"})
	})
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) {
		b64 := func(n *big.Int) string { return base64.RawURLEncoding.EncodeToString(n.Bytes()) }
		json.NewEncoder(w).Encode(map[string]any{"keys": []any{map[string]string{"kty": "RSA", "kid": "k1", "use": "sig", "n": b64(i.key.N), "e": b64(big.NewInt(int64(i.key.E)))}}})
	})
	i.Server = httptest.NewServer(mux)
	t.Cleanup(i.Close)
	return i
}

func (i *issuer) token(t *testing.T, b *bench, change func(jwt.MapClaims)) string {
	t.Helper()
	c := jwt.MapClaims{"iss": i.URL, "aud": "sts.amazonaws.com", "sub": "repo:o/r:environment:dev", "exp": b.clock.Now().Add(5 * time.Minute).Unix(), "iat": b.clock.Now().Unix()}
	if change != nil {
		change(c)
	}
	tok := jwt.NewWithClaims(jwt.SigningMethodRS256, c)
	tok.Header["kid"] = "k1"
	s, err := tok.SignedString(i.key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestWebIdentitiesAreVerified(t *testing.T) {
	b := start(t)
	good, forged, unknown := newIssuer(t), newIssuer(t), newIssuer(t)
	forged.URL = good.URL
	p, err := awsiam.NewFromConfig(b.admin(t)).CreateOpenIDConnectProvider(b.ctx, &awsiam.CreateOpenIDConnectProviderInput{Url: &good.URL, ClientIDList: []string{"sts.amazonaws.com"}})
	if err != nil {
		t.Fatal(err)
	}
	host := good.URL[len("http://"):]
	role := b.role(t, "deploy", `{"Federated":"`+*p.OpenIDConnectProviderArn+`"}`, `,"Condition":{"StringEquals":{"`+host+`:aud":"sts.amazonaws.com"},"StringLike":{"`+host+`:sub":["repo:o/r:environment:*","repo:o@1/r@2:*"]}}`)
	c := awssts.NewFromConfig(aws.Config{Region: apitest.Region, BaseEndpoint: &b.url, RetryMaxAttempts: 1, Credentials: aws.AnonymousCredentials{}})
	take := func(token string) error {
		_, err := c.AssumeRoleWithWebIdentity(b.ctx, &awssts.AssumeRoleWithWebIdentityInput{RoleArn: &role, RoleSessionName: aws.String("ci"), WebIdentityToken: &token})
		return err
	}
	for _, x := range []struct{ rule, token, code string }{
		{"a good token", good.token(t, b, nil), ""},
		{"the other subject form", good.token(t, b, func(c jwt.MapClaims) { c["sub"] = "repo:o@1/r@2:ref:refs/heads/main" }), ""},
		{"another repository", good.token(t, b, func(c jwt.MapClaims) { c["sub"] = "repo:o/other:environment:dev" }), "AccessDenied"},
		{"another audience", good.token(t, b, func(c jwt.MapClaims) { c["aud"] = "somebody" }), "InvalidIdentityToken"},
		{"an expired token", good.token(t, b, func(c jwt.MapClaims) { c["exp"] = b.clock.Now().Add(-time.Hour).Unix() }), "ExpiredTokenException"},
		{"a token without end", good.token(t, b, func(c jwt.MapClaims) { delete(c, "exp") }), "InvalidIdentityToken"},
		{"a forged signature", forged.token(t, b, nil), "InvalidIdentityToken"},
		{"an issuer nobody registered", unknown.token(t, b, nil), "InvalidIdentityToken"},
		{"no token at all", "abc", "InvalidIdentityToken"},
		{"no signature", func() string {
			s, _ := jwt.NewWithClaims(jwt.SigningMethodNone, jwt.MapClaims{"iss": good.URL, "aud": "sts.amazonaws.com", "sub": "repo:o/r:environment:dev", "exp": b.clock.Now().Add(time.Minute).Unix()}).SignedString(jwt.UnsafeAllowNoneSignatureType)
			return s
		}(), "InvalidIdentityToken"},
	} {
		if got := apitest.Code(take(x.token)); got != x.code {
			t.Errorf("%s: code %q, want %q", x.rule, got, x.code)
		}
	}
	good.Close()
	b.clock.Advance(20 * time.Minute)
	wantCode(t, take(good.token(t, b, nil)), "IDPCommunicationError")
}

func TestAServiceTakesARoleForTheAccountItActsFor(t *testing.T) {
	for rule, c := range map[string]struct {
		condition string
		want      string
	}{
		"the own account":         {`{"StringEquals":{"aws:SourceAccount":"123456789012"}}`, ""},
		"somebody else's account": {`{"StringEquals":{"aws:SourceAccount":"999999999999"}}`, "AccessDenied"},
		"the named resource":      {`{"ArnLike":{"aws:SourceArn":"arn:aws:states:eu-central-1:123456789012:stateMachine:*"}}`, ""},
		"another resource":        {`{"ArnLike":{"aws:SourceArn":"arn:aws:states:eu-central-1:123456789012:stateMachine:other"}}`, "AccessDenied"},
	} {
		t.Run(rule, func(t *testing.T) {
			r := wire.NewRegistry(slog.New(slog.DiscardHandler))
			st := store.NewMemory()
			iam.New(iam.Deps{Store: st, Clock: store.System}).Register(r)
			sts.New(sts.Deps{Store: st, Clock: store.System, Calls: r}).Register(r)
			ctx := wire.AsService(t.Context(), "states.amazonaws.com", "eu-central-1")
			wire.CallFrom(ctx).SourceARN = "arn:aws:states:eu-central-1:123456789012:stateMachine:mine"
			trust := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":"states.amazonaws.com"},"Condition":` + c.condition + `}]}`
			role, err := wire.Invoke(ctx, r, iamapi.CreateRole, &iamapi.CreateRoleInput{RoleName: new("r"), AssumeRolePolicyDocument: &trust})
			if err != nil {
				t.Fatal(err)
			}
			_, err = wire.Invoke(ctx, r, stsapi.AssumeRole, &stsapi.AssumeRoleInput{RoleArn: role.Role.Arn, RoleSessionName: new("run")})
			if wire.Code(err) != c.want {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}
