package access

import (
	"errors"
	"net/url"
	"strings"

	"grocery/localaws/service/iam/policy"
	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/ecrapi"
	"grocery/localaws/wire/api/kmsapi"
	"grocery/localaws/wire/api/lambdaapi"
	"grocery/localaws/wire/api/s3api"
	"grocery/localaws/wire/api/secretsmanagerapi"
	"grocery/localaws/wire/api/snsapi"
	"grocery/localaws/wire/api/sqsapi"
)

// ofResource returns the policy that stands with a resource and has a say over
// an action, or nil when there is none.
func (a *Access) ofResource(q *question, action, resource string) (*policy.Document, error) {
	service, _, _ := strings.Cut(action, ":")
	read := policies[service]
	if read == nil || resource == "*" || strings.HasSuffix(resource, "/*") {
		return nil, nil
	}
	parts := strings.SplitN(resource, ":", 6)
	if len(parts) != 6 {
		return nil, nil
	}
	text, err := read(q, resource, parts[5])
	if e, ok := errors.AsType[*wire.Error](err); ok && e.Status < 500 {
		return nil, nil // the resource, or its policy, is not there
	}
	if err != nil || ptr.Val(text) == "" {
		return nil, err
	}
	d, err := a.parse(*text)
	if err != nil {
		return nil, err
	}
	return d, nil
}

// policies read the policy of a resource, by the service of the action. name is
// the part of the ARN behind the account.
var policies = map[string]func(q *question, arn, name string) (*string, error){
	"s3": func(q *question, _, name string) (*string, error) {
		bucket, _, _ := strings.Cut(name, "/")
		out, err := wire.Ask(q.ctx, q.calls, s3api.GetBucketPolicy, &s3api.GetBucketPolicyInput{Bucket: &bucket})
		if err != nil {
			return nil, err
		}
		return out.Policy, nil
	},
	"sqs": func(q *question, _, name string) (*string, error) {
		out, err := wire.Ask(q.ctx, q.calls, sqsapi.GetQueueAttributes, &sqsapi.GetQueueAttributesInput{QueueUrl: new("/" + q.call.Account + "/" + name), AttributeNames: []string{"Policy"}})
		if err != nil {
			return nil, err
		}
		return new(out.Attributes["Policy"]), nil
	},
	"sns": func(q *question, arn, _ string) (*string, error) {
		out, err := wire.Ask(q.ctx, q.calls, snsapi.GetTopicAttributes, &snsapi.GetTopicAttributesInput{TopicArn: &arn})
		if err != nil {
			return nil, err
		}
		return new(out.Attributes["Policy"]), nil
	},
	"kms": func(q *question, arn, name string) (*string, error) {
		if !strings.HasPrefix(name, "key/") {
			return nil, nil // an alias has no policy
		}
		out, err := wire.Ask(q.ctx, q.calls, kmsapi.GetKeyPolicy, &kmsapi.GetKeyPolicyInput{KeyId: &arn})
		if err != nil {
			return nil, err
		}
		return out.Policy, nil
	},
	"lambda": func(q *question, _, name string) (*string, error) {
		function, ok := strings.CutPrefix(name, "function:")
		if !ok {
			return nil, nil
		}
		function, _, _ = strings.Cut(function, ":")
		out, err := wire.Ask(q.ctx, q.calls, lambdaapi.GetPolicy, &lambdaapi.GetPolicyInput{FunctionName: &function})
		if err != nil {
			return nil, err
		}
		return out.Policy, nil
	},
	"secretsmanager": func(q *question, arn, name string) (*string, error) {
		if !strings.HasPrefix(name, "secret:") {
			return nil, nil
		}
		out, err := wire.Ask(q.ctx, q.calls, secretsmanagerapi.GetResourcePolicy, &secretsmanagerapi.GetResourcePolicyInput{SecretId: &arn})
		if err != nil {
			return nil, err
		}
		return out.ResourcePolicy, nil
	},
	"ecr": func(q *question, _, name string) (*string, error) {
		out, err := wire.Ask(q.ctx, q.calls, ecrapi.GetRepositoryPolicy, &ecrapi.GetRepositoryPolicyInput{RepositoryName: new(strings.TrimPrefix(name, "repository/"))})
		if err != nil {
			return nil, err
		}
		return out.PolicyText, nil
	},
	"sts": func(q *question, _, name string) (*string, error) {
		r, ok := q.askRole(name[strings.LastIndexByte(name, '/')+1:])
		if !ok {
			return nil, nil
		}
		text, err := url.PathUnescape(ptr.Val(r.AssumeRolePolicyDocument))
		return &text, err
	},
}
