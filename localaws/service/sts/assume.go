package sts

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"net/url"
	"regexp"
	"strings"
	"time"

	"grocery/localaws/service/iam/policy"
	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/iamapi"
	"grocery/localaws/wire/api/stsapi"
)

func newToken() string {
	var raw [192]byte
	rand.Read(raw[:])
	return "IQoJb3JpZ2luX2Vj" + base64.StdEncoding.EncodeToString(raw[:])
}

var (
	sessionName = regexp.MustCompile(`^[\w+=,.@-]{2,64}$`)
	roleARN     = regexp.MustCompile(`^arn:aws:iam::(\d{12}):role/(.*/)?([\w+=,.@-]+)$`)
)

// target is a role that somebody wants to take.
type target struct {
	*iamapi.Role
	trust *policy.Document
}

// role finds a role by ARN. AWS does not tell an absent role from a forbidden one.
func (s *Service) role(ctx context.Context, arn, action string) (*target, error) {
	denied := wire.Errorf(403, "AccessDenied", "User: %s is not authorized to perform: %s on resource: %s", wire.CallFrom(ctx).Principal, action, arn)
	m := roleARN.FindStringSubmatch(arn)
	if m == nil {
		return nil, wire.Errorf(400, "ValidationError", "%s is invalid", arn)
	}
	if m[1] != wire.Account {
		return nil, denied
	}
	out, err := wire.Invoke(wire.AsService(ctx, "sts.amazonaws.com", wire.CallFrom(ctx).Region), s.d.Calls, iamapi.GetRole, &iamapi.GetRoleInput{RoleName: &m[3]})
	if wire.Code(err) == "NoSuchEntity" {
		return nil, denied
	}
	if err != nil {
		return nil, err
	}
	if *out.Role.Arn != arn {
		return nil, denied
	}
	text, err := url.PathUnescape(*out.Role.AssumeRolePolicyDocument)
	if err != nil {
		return nil, err
	}
	doc, err := policy.Parse(text)
	if err != nil {
		return nil, err
	}
	return &target{out.Role, doc}, nil
}

// admits asks the role's trust policy.
func (t *target) admits(r *policy.Request) error {
	if t.trust.EvaluateResource(r) == policy.Allow {
		return nil
	}
	who := r.PrincipalARN
	if who == "" {
		who = r.Service
	}
	if r.Federated != "" {
		return wire.Errorf(403, "AccessDenied", "Not authorized to perform %s", r.Action)
	}
	return wire.Errorf(403, "AccessDenied", "User: %s is not authorized to perform: %s on resource: %s", who, r.Action, *t.Arn)
}

func (t *target) session(name string) Session {
	return Session{
		ARN:    "arn:" + wire.Partition + ":sts::" + wire.Account + ":assumed-role/" + *t.RoleName + "/" + name,
		UserID: *t.RoleId + ":" + name,
		Role:   *t.Arn,
	}
}

// narrow notes the session policies a caller passed.
func (x *Session) narrow(document *string, arns []stsapi.PolicyDescriptorType) error {
	if document != nil {
		if _, err := policy.Parse(*document); err != nil {
			return wire.Errorf(400, "MalformedPolicyDocument", "The session policy cannot be read: %s", err)
		}
		x.Policy = *document
	}
	for _, a := range arns {
		x.PolicyARNs = append(x.PolicyARNs, ptr.Val(a.Arn))
	}
	if len(x.PolicyARNs) > 10 {
		return wire.Errorf(400, "ValidationError", "A session takes at most 10 managed policies.")
	}
	return nil
}

// principalRequest describes the caller of ctx to a trust policy.
func principalRequest(ctx context.Context, action, resource string) *policy.Request {
	c := wire.CallFrom(ctx)
	r := &policy.Request{Action: action, Resource: resource, PrincipalARN: c.Principal.ARN, Service: c.Principal.Service, Context: map[string][]string{
		"aws:currenttime": {time.Now().UTC().Format(time.RFC3339)}, "aws:principalaccount": {c.Account}, "aws:requestedregion": {c.Region},
	}}
	if c.SourceIP != "" {
		r.Context["aws:sourceip"] = []string{c.SourceIP}
	}
	if r.Service != "" { // a service acts for somebody: here always the one account
		r.Context["aws:sourceaccount"] = []string{c.Account}
		if c.SourceARN != "" {
			r.Context["aws:sourcearn"] = []string{c.SourceARN}
		}
	}
	if r.Service == "" {
		r.Account = c.Account
		r.Context["aws:principalarn"] = []string{c.Principal.ARN}
		r.Context["aws:userid"] = []string{c.Principal.UserID}
	}
	// A session also answers to the name of its role.
	if rest, ok := strings.CutPrefix(c.Principal.ARN, "arn:"+wire.Partition+":sts::"+c.Account+":assumed-role/"); ok {
		name, _, _ := strings.Cut(rest, "/")
		role := "arn:" + wire.Partition + ":iam::" + c.Account + ":role/" + name
		r.PrincipalAs = []string{role}
		r.Context["aws:principalarn"] = []string{role}
	}
	return r
}

func (s *Service) assumeRole(ctx context.Context, in *stsapi.AssumeRoleInput) (*stsapi.AssumeRoleOutput, error) {
	switch {
	case !sessionName.MatchString(*in.RoleSessionName):
		return nil, wire.Errorf(400, "ValidationError", "1 validation error detected: Value '%s' at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]*", *in.RoleSessionName)
	case in.SerialNumber != nil || in.TokenCode != nil:
		return nil, wire.Errorf(403, "AccessDenied", "MultiFactorAuthentication failed: no MFA device is known.")
	case len(in.ProvidedContexts) > 0:
		return nil, wire.Errorf(400, "ValidationError", "Local AWS does not support provided contexts.")
	}
	t, err := s.role(ctx, *in.RoleArn, "sts:AssumeRole")
	if err != nil {
		return nil, err
	}
	r := principalRequest(ctx, "sts:AssumeRole", *in.RoleArn)
	if rest, ok := strings.CutPrefix(r.PrincipalARN, "arn:"+wire.Partition+":sts::"); ok && strings.Contains(rest, ":assumed-role/") {
		s.rolePath(ctx, r)
	}
	r.Context["sts:rolesessionname"] = []string{*in.RoleSessionName}
	if in.ExternalId != nil {
		r.Context["sts:externalid"] = []string{*in.ExternalId}
	}
	x := t.session(*in.RoleSessionName)
	x.Context = map[string][]string{}
	if in.SourceIdentity != nil {
		r.Context["sts:sourceidentity"] = []string{*in.SourceIdentity}
		x.Context["aws:sourceidentity"] = []string{*in.SourceIdentity}
	}
	for _, tag := range in.Tags {
		key := strings.ToLower(ptr.Val(tag.Key))
		r.Context["aws:requesttag/"+key] = []string{ptr.Val(tag.Value)}
		r.Context["aws:tagkeys"] = append(r.Context["aws:tagkeys"], ptr.Val(tag.Key))
		x.Context["aws:principaltag/"+key] = []string{ptr.Val(tag.Value)}
	}
	if err := t.admits(r); err != nil {
		return nil, err
	}
	if len(in.Tags) > 0 {
		r.Action = "sts:TagSession"
		if err := t.admits(r); err != nil {
			return nil, err
		}
	}
	if err := x.narrow(in.Policy, in.PolicyArns); err != nil {
		return nil, err
	}
	longest := ptr.Or(t.MaxSessionDuration, 3600)
	if len(r.PrincipalAs) > 0 {
		longest = 3600 // role chaining
	}
	length, err := duration(in.DurationSeconds, 3600, longest)
	if err != nil {
		return nil, err
	}
	c, err := s.issue(x, length)
	if err != nil {
		return nil, err
	}
	return &stsapi.AssumeRoleOutput{Credentials: c, SourceIdentity: in.SourceIdentity, AssumedRoleUser: &stsapi.AssumedRoleUser{Arn: &x.ARN, AssumedRoleId: &x.UserID}}, nil
}

// rolePath completes the ARN of a session's role: the session's own ARN leaves
// the role's path out.
func (s *Service) rolePath(ctx context.Context, r *policy.Request) {
	name := r.PrincipalAs[0][strings.LastIndexByte(r.PrincipalAs[0], '/')+1:]
	out, err := wire.Invoke(wire.AsService(ctx, "sts.amazonaws.com", wire.CallFrom(ctx).Region), s.d.Calls, iamapi.GetRole, &iamapi.GetRoleInput{RoleName: &name})
	if err == nil {
		r.PrincipalAs = []string{*out.Role.Arn}
		r.Context["aws:principalarn"] = r.PrincipalAs
	}
}
