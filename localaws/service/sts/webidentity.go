package sts

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"grocery/localaws/oidc"
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
		return s.d.Issuers.Key(ctx, issuer, kid)
	}
	claims = jwt.MapClaims{}
	_, err = jwt.NewParser(jwt.WithValidMethods([]string{"RS256", "RS384", "RS512", "ES256", "ES384", "ES512"}), jwt.WithExpirationRequired(),
		jwt.WithTimeFunc(s.d.Clock.Now), jwt.WithLeeway(time.Minute)).ParseWithClaims(token, claims, find)
	var fetch *oidc.FetchError
	switch {
	case errors.As(err, &fetch):
		return nil, "", wire.Errorf(400, "IDPCommunicationError", "Couldn't retrieve verification key from your identity provider: %s", fetch)
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
