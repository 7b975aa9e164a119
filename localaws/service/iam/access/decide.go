package access

import (
	"slices"
	"strings"

	"grocery/localaws/service/iam/policy"
	"grocery/localaws/wire"
)

// decide asks every policy that has a say. reason is why not, in AWS's words,
// or "" when the action is allowed. See
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-denyallow.html.
func (a *Access) decide(q *question, who *caller, action, resource string, context map[string][]string) (reason string, err error) {
	r := &policy.Request{Action: action, Resource: resource, PrincipalARN: who.arn, PrincipalAs: who.as, Account: q.call.Account, Context: context}
	if who.arn == "anonymous" {
		r.PrincipalARN, r.Account = "", ""
	}
	stands, err := a.ofResource(q, action, resource)
	if err != nil {
		return "", err
	}
	grant := policy.ToNobody
	if stands != nil {
		var d policy.Decision
		if d, grant = stands.EvaluateGrant(r); d == policy.Deny {
			return denies("a resource-based policy"), nil
		}
	}
	identity := false
	for _, p := range who.held.Policies {
		switch p.Evaluate(r) {
		case policy.Deny:
			return denies("an identity-based policy"), nil
		case policy.Allow:
			identity = true
		}
	}
	bounded := true
	if who.held.Boundary != nil {
		switch who.held.Boundary.Evaluate(r) {
		case policy.Deny:
			return denies("a permissions boundary"), nil
		case policy.Nothing:
			bounded = false
		}
	}
	inSession := who.sessions == nil
	for _, p := range who.sessions {
		switch p.Evaluate(r) {
		case policy.Deny:
			return denies("a session policy"), nil
		case policy.Allow:
			inSession = true
		}
	}
	switch {
	case grant == policy.ToPrincipal:
		return "", nil
	case grant == policy.ToNobody && stands != nil && needsInvitation(action):
		return lacks("resource-based policy", action), nil
	case !identity && grant != policy.ToRole:
		return lacks("identity-based policy", action), nil
	case !bounded:
		return lacks("permissions boundary", action), nil
	case !inSession:
		return lacks("session policy", action), nil
	}
	return "", nil
}

func denies(kind string) string { return "with an explicit deny in " + kind }

func lacks(kind, action string) string {
	return "because no " + kind + " allows the " + action + " action"
}

// needsInvitation says for which actions the account's own policies are not
// enough: a key's and a role's policy must let the account in.
func needsInvitation(action string) bool {
	return strings.HasPrefix(action, "kms:") || strings.HasPrefix(action, "sts:")
}

// invited are what AWS's services do only where a resource's policy lets them:
// the rest they do to what is theirs, or with roles that they take.
var invited = []string{"sns:Publish", "sqs:SendMessage", "lambda:InvokeFunction", "kms:GenerateDataKey", "kms:Decrypt"}

// service decides over a call that a service of AWS makes on its own account.
func (a *Access) service(q *question, checks []check) error {
	var context map[string][]string
	for i := range checks {
		c := &checks[i]
		if !slices.Contains(invited, c.action) || c.when != nil && c.when.set(q.in) == c.unless {
			continue
		}
		if context == nil {
			context = a.context(q, &caller{})
		}
		for j := range c.resources {
			for _, resource := range c.resources[j].values(q) {
				d, err := a.ofResource(q, c.action, resource)
				if err != nil {
					return err
				}
				if d == nil || d.EvaluateResource(&policy.Request{Action: c.action, Resource: resource, Service: q.call.Principal.Service, Context: context}) != policy.Allow {
					return refuse(q.op.Service, q.call.Principal.Service, c.action, resource, lacks("resource-based policy", c.action))
				}
			}
		}
	}
	return nil
}

// refuse says no as the service would: https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html.
func refuse(s *wire.Service, who, action, resource, reason string) error {
	if s.SigningName == "s3" {
		resource = `"` + resource + `"`
	}
	text := "User: " + who + " is not authorized to perform: " + action + " on resource: " + resource + " " + reason
	switch {
	case s.Name == "ec2":
		return wire.Errorf(403, "UnauthorizedOperation", "You are not authorized to perform this operation. %s", text)
	case s.Name == "sns":
		return wire.Errorf(403, "AuthorizationError", "%s", text)
	case s.Protocol == wire.RestJSON:
		return wire.Errorf(403, "AccessDeniedException", "%s", text)
	case s.Protocol == wire.JSON && !s.QueryErrors:
		return wire.Errorf(400, "AccessDeniedException", "%s", text)
	}
	return wire.Errorf(403, "AccessDenied", "%s", text)
}

// hide makes S3 tell only those who may list a bucket that an object is not
// there: https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html.
func (a *Access) hide(q *question, who *caller, context map[string][]string) func(error) error {
	if q.op.Service.Name != "s3" || q.op.Name != "GetObject" && q.op.Name != "HeadObject" {
		return nil
	}
	return func(err error) error {
		if code := wire.Code(err); code != "NoSuchKey" && code != "NotFound" {
			return err
		}
		bucket := bucketOf(q.in)
		reason, failed := a.decide(q, who, "s3:ListBucket", bucket, context)
		if failed != nil {
			return failed
		}
		if reason != "" {
			return refuse(q.op.Service, who.arn, "s3:ListBucket", bucket, reason)
		}
		return err
	}
}
