package sts

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"grocery/localaws/service/iam/policy"
	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/iamapi"
	"grocery/localaws/wire/api/stsapi"
)

func invalidToken(format string, args ...any) error {
	return wire.Errorf(400, "InvalidIdentityToken", format, args...)
}

func (s *Service) assumeRoleWithWebIdentity(ctx context.Context, in *stsapi.AssumeRoleWithWebIdentityInput) (*stsapi.AssumeRoleWithWebIdentityOutput, error) {
	if !sessionName.MatchString(*in.RoleSessionName) {
		return nil, wire.Errorf(400, "ValidationError", "1 validation error detected: Value '%s' at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]*", *in.RoleSessionName)
	}
	if in.ProviderId != nil {
		return nil, wire.Errorf(400, "ValidationError", "Local AWS takes OpenID Connect tokens only: leave ProviderId out.")
	}
	claims, issuer, err := s.verify(ctx, *in.WebIdentityToken)
	if err != nil {
		return nil, err
	}
	t, err := s.role(ctx, *in.RoleArn, "sts:AssumeRoleWithWebIdentity")
	if err != nil {
		if wire.Code(err) == "AccessDenied" {
			err = wire.Errorf(403, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")
		}
		return nil, err
	}
	host := bare(issuer)
	r := &policy.Request{Action: "sts:AssumeRoleWithWebIdentity", Resource: *in.RoleArn, Federated: providerARN(issuer), Context: map[string][]string{
		"sts:rolesessionname": {*in.RoleSessionName}, "aws:federatedprovider": {providerARN(issuer)}, "aws:currenttime": {s.d.Clock.Now().UTC().Format(time.RFC3339)},
	}}
	// The keys AWS fills from a token: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html#condition-keys-wif
	for _, k := range []string{"sub", "aud", "amr", "azp", "jti"} {
		if v := texts(claims[k]); len(v) > 0 {
			r.Context[strings.ToLower(host)+":"+k] = v
		}
	}
	if v := texts(claims["azp"]); len(v) > 0 { // takes the place of the audience
		r.Context[strings.ToLower(host)+":aud"] = v
	}
	if err := t.admits(r); err != nil {
		return nil, err
	}
	length, err := duration(in.DurationSeconds, 3600, ptr.Or(t.MaxSessionDuration, 3600))
	if err != nil {
		return nil, err
	}
	x := t.session(*in.RoleSessionName)
	x.Context = map[string][]string{"aws:federatedprovider": {r.Federated}}
	if err := x.narrow(in.Policy, in.PolicyArns); err != nil {
		return nil, err
	}
	c, err := s.issue(x, length)
	if err != nil {
		return nil, err
	}
	audience := strings.Join(texts(claims["aud"]), ",")
	subject, _ := claims["sub"].(string)
	return &stsapi.AssumeRoleWithWebIdentityOutput{
		Credentials: c, AssumedRoleUser: &stsapi.AssumedRoleUser{Arn: &x.ARN, AssumedRoleId: &x.UserID},
		Audience: &audience, Provider: &r.Federated, SubjectFromWebIdentityToken: &subject,
	}, nil
}

// texts is a claim that may be one string or several.
func texts(v any) (out []string) {
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		for _, x := range v {
			if s, ok := x.(string); ok {
				out = append(out, s)
			}
		}
	}
	return out
}

func bare(issuer string) string {
	return strings.TrimPrefix(strings.TrimPrefix(strings.TrimSuffix(issuer, "/"), "https://"), "http://")
}

func providerARN(issuer string) string {
	return "arn:" + wire.Partition + ":iam::" + wire.Account + ":oidc-provider/" + bare(issuer)
}

// verify checks a token: its issuer is a provider IAM knows, the provider's
// published keys signed it, it is meant for one of the provider's clients and
// it is valid now.
func (s *Service) verify(ctx context.Context, token string) (claims jwt.MapClaims, issuer string, err error) {
	unverified, _, err := jwt.NewParser().ParseUnverified(token, jwt.MapClaims{})
	if err != nil {
		return nil, "", invalidToken("The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)")
	}
	issuer, _ = unverified.Claims.GetIssuer()
	if issuer == "" {
		return nil, "", invalidToken("Missing a required claim: iss")
	}
	p, err := wire.Invoke(wire.AsService(ctx, "sts.amazonaws.com", wire.CallFrom(ctx).Region), s.d.Calls, iamapi.GetOpenIDConnectProvider,
		&iamapi.GetOpenIDConnectProviderInput{OpenIDConnectProviderArn: new(providerARN(issuer))})
	if wire.Code(err) == "NoSuchEntity" {
		return nil, "", invalidToken("No OpenIDConnect provider found in your account for %s", issuer)
	}
	if err != nil {
		return nil, "", err
	}
	// IAM shows https providers without scheme; a token's issuer must have the one IAM knows.
	if known := *p.Url; issuer != known && strings.TrimSuffix(issuer, "/") != "https://"+strings.TrimSuffix(known, "/") {
		return nil, "", invalidToken("No OpenIDConnect provider found in your account for %s", issuer)
	}
	find := func(t *jwt.Token) (any, error) {
		kid, _ := t.Header["kid"].(string)
		return s.key(ctx, issuer, kid)
	}
	claims = jwt.MapClaims{}
	_, err = jwt.NewParser(jwt.WithValidMethods([]string{"RS256", "RS384", "RS512", "ES256", "ES384", "ES512"}), jwt.WithExpirationRequired(),
		jwt.WithTimeFunc(s.d.Clock.Now), jwt.WithLeeway(time.Minute)).ParseWithClaims(token, claims, find)
	var fetch *fetchError
	switch {
	case errors.As(err, &fetch):
		return nil, "", wire.Errorf(400, "IDPCommunicationError", "Couldn't retrieve verification key from your identity provider: %s", fetch.err)
	case errors.Is(err, jwt.ErrTokenExpired):
		return nil, "", wire.Errorf(400, "ExpiredTokenException", "Token expired: current date/time must be before the expiration date/time")
	case err != nil:
		return nil, "", invalidToken("Couldn't verify the token: %s", err)
	}
	wanted := texts(claims["aud"])
	if azp := texts(claims["azp"]); len(azp) > 0 {
		wanted = azp
	}
	if !slices.ContainsFunc(wanted, func(a string) bool { return slices.Contains(p.ClientIDList, a) }) {
		return nil, "", invalidToken("Incorrect token audience")
	}
	if sub, _ := claims["sub"].(string); sub == "" {
		return nil, "", invalidToken("Missing a required claim: sub")
	}
	return claims, issuer, nil
}

// fetchError says that an issuer's keys could not be had.
type fetchError struct{ err error }

func (e *fetchError) Error() string { return e.err.Error() }

// keyCache holds issuers' keys for a short time.
type keyCache struct {
	mu   sync.Mutex
	sets map[string]keySet
}

type keySet struct {
	keys    map[string]crypto.PublicKey
	fetched time.Time
}

const (
	keepKeys  = 10 * time.Minute
	askAgain  = 5 * time.Second // at most this often for a key id nobody knows
	maxKeyDoc = 1 << 20
)

// key returns an issuer's key by id. An unknown id makes it ask the issuer
// again: it may have changed its keys.
func (s *Service) key(ctx context.Context, issuer, kid string) (crypto.PublicKey, error) {
	s.cache.mu.Lock()
	defer s.cache.mu.Unlock()
	set, have := s.cache.sets[issuer]
	age := s.d.Clock.Now().Sub(set.fetched)
	if k, ok := set.find(kid); have && ok && age < keepKeys {
		return k, nil
	}
	if !have || age >= askAgain {
		keys, err := s.fetchKeys(ctx, issuer)
		if err != nil {
			return nil, &fetchError{err}
		}
		set = keySet{keys, s.d.Clock.Now()}
		if s.cache.sets == nil {
			s.cache.sets = map[string]keySet{}
		}
		s.cache.sets[issuer] = set
	}
	if k, ok := set.find(kid); ok {
		return k, nil
	}
	return nil, fmt.Errorf("the issuer publishes no key with the id %q", kid)
}

func (s keySet) find(kid string) (crypto.PublicKey, bool) {
	if kid == "" && len(s.keys) == 1 {
		for _, k := range s.keys {
			return k, true
		}
	}
	k, ok := s.keys[kid]
	return k, ok
}

// fetchKeys asks an issuer for its discovery document and its keys (OpenID
// Connect Discovery 1.0, RFC 7517).
func (s *Service) fetchKeys(ctx context.Context, issuer string) (map[string]crypto.PublicKey, error) {
	var config struct {
		Issuer  string `json:"issuer"`
		JWKSURI string `json:"jwks_uri"`
	}
	if err := s.getJSON(ctx, strings.TrimSuffix(issuer, "/")+"/.well-known/openid-configuration", &config); err != nil {
		return nil, err
	}
	if config.Issuer != issuer || config.JWKSURI == "" {
		return nil, fmt.Errorf("the discovery document of %s names the issuer %q and the keys %q", issuer, config.Issuer, config.JWKSURI)
	}
	var doc struct {
		Keys []struct{ Kty, Kid, Use, N, E, Crv, X, Y string }
	}
	if err := s.getJSON(ctx, config.JWKSURI, &doc); err != nil {
		return nil, err
	}
	keys := map[string]crypto.PublicKey{}
	for _, k := range doc.Keys {
		number := func(s string) *big.Int {
			raw, _ := base64.RawURLEncoding.DecodeString(strings.TrimRight(s, "="))
			return new(big.Int).SetBytes(raw)
		}
		switch {
		case k.Use != "" && k.Use != "sig":
		case k.Kty == "RSA":
			if n, e := number(k.N), number(k.E); n.BitLen() >= 2048 && e.IsInt64() {
				keys[k.Kid] = &rsa.PublicKey{N: n, E: int(e.Int64())}
			}
		case k.Kty == "EC":
			if c := map[string]elliptic.Curve{"P-256": elliptic.P256(), "P-384": elliptic.P384(), "P-521": elliptic.P521()}[k.Crv]; c != nil {
				keys[k.Kid] = &ecdsa.PublicKey{Curve: c, X: number(k.X), Y: number(k.Y)}
			}
		}
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("%s publishes no key that can be used", config.JWKSURI)
	}
	return keys, nil
}

func (s *Service) getJSON(ctx context.Context, url string, v any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	res, err := s.d.HTTP.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", url, res.Status)
	}
	if err := json.NewDecoder(io.LimitReader(res.Body, maxKeyDoc)).Decode(v); err != nil {
		return fmt.Errorf("read %s: %w", url, err)
	}
	return nil
}
