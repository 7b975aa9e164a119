// Package role lets a service take the role that a resource of its gave it, as
// AWS's services do: through STS, which asks the role's trust policy.
package role

import (
	"context"
	"regexp"

	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/stsapi"
)

// Take returns a context in which calls are made with the role, by a session of
// the given name, in a region. service is the one the role has to trust, such
// as "states.amazonaws.com", and source the resource on whose behalf it asks.
// The error is AccessDenied when it does not, or when there is no such role.
func Take(ctx context.Context, calls *wire.Registry, service, region, source, roleARN, session string) (context.Context, error) {
	asService := wire.AsService(ctx, service, region)
	wire.CallFrom(asService).SourceARN = source
	out, err := wire.Invoke(asService, calls, stsapi.AssumeRole, &stsapi.AssumeRoleInput{RoleArn: &roleARN, RoleSessionName: new(sessionName(session))})
	if err != nil {
		return nil, err
	}
	return wire.WithCall(ctx, &wire.Call{RequestID: wire.NewRequestID(), Region: region, Account: wire.Account, SourceIP: service, Principal: wire.Principal{
		ARN:         ptr.Val(out.AssumedRoleUser.Arn),
		UserID:      ptr.Val(out.AssumedRoleUser.AssumedRoleId),
		AccessKeyID: ptr.Val(out.Credentials.AccessKeyId),
	}}), nil
}

var notInSession = regexp.MustCompile(`[^\w+=,.@-]`)

// sessionName makes a name that STS takes.
func sessionName(s string) string {
	if s = notInSession.ReplaceAllString(s, "-"); len(s) > 64 {
		s = s[:64]
	}
	return s
}
