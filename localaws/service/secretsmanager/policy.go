package secretsmanager

import (
	"context"
	"encoding/json"

	"grocery/localaws/wire"
	api "grocery/localaws/wire/api/secretsmanagerapi"

	"grocery/localaws/service/internal/ptr"
)

// checkPolicy refuses what is no policy document.
func checkPolicy(policy string) error {
	var doc struct {
		Version   string
		Statement json.RawMessage
	}
	if err := json.Unmarshal([]byte(policy), &doc); err != nil || len(doc.Statement) == 0 {
		return wire.Errorf(400, "MalformedPolicyDocumentException", "This resource policy contains invalid Json.")
	}
	return nil
}

func (s *Service) putResourcePolicy(ctx context.Context, in *api.PutResourcePolicyInput) (*api.PutResourcePolicyOutput, error) {
	if err := checkPolicy(*in.ResourcePolicy); err != nil {
		return nil, err
	}
	out := &api.PutResourcePolicyOutput{}
	return out, s.edit(ctx, *in.SecretId, false, func(x *secret) error {
		out.ARN, out.Name, x.Policy = &x.ARN, &x.Name, *in.ResourcePolicy
		return nil
	})
}

func (s *Service) getResourcePolicy(ctx context.Context, in *api.GetResourcePolicyInput) (*api.GetResourcePolicyOutput, error) {
	out := &api.GetResourcePolicyOutput{}
	return out, s.view(ctx, *in.SecretId, func(x *secret) error {
		out.ARN, out.Name, out.ResourcePolicy = &x.ARN, &x.Name, ptr.NonZero(x.Policy)
		return nil
	})
}

func (s *Service) deleteResourcePolicy(ctx context.Context, in *api.DeleteResourcePolicyInput) (*api.DeleteResourcePolicyOutput, error) {
	out := &api.DeleteResourcePolicyOutput{}
	return out, s.edit(ctx, *in.SecretId, true, func(x *secret) error {
		out.ARN, out.Name, x.Policy = &x.ARN, &x.Name, ""
		return nil
	})
}

func (s *Service) validateResourcePolicy(_ context.Context, in *api.ValidateResourcePolicyInput) (*api.ValidateResourcePolicyOutput, error) {
	if err := checkPolicy(*in.ResourcePolicy); err != nil {
		return nil, err
	}
	return &api.ValidateResourcePolicyOutput{PolicyValidationPassed: new(true)}, nil
}

// tagMap returns old with more put over it.
func tagMap(old map[string]string, more []api.Tag) map[string]string {
	all := map[string]string{}
	for k, v := range old {
		all[k] = v
	}
	for _, t := range more {
		all[ptr.Val(t.Key)] = ptr.Val(t.Value)
	}
	return all
}

func (s *Service) tagResource(ctx context.Context, in *api.TagResourceInput) (*api.TagResourceOutput, error) {
	return nil, s.edit(ctx, *in.SecretId, false, func(x *secret) error {
		x.Tags = tagMap(x.Tags, in.Tags)
		return nil
	})
}

func (s *Service) untagResource(ctx context.Context, in *api.UntagResourceInput) (*api.UntagResourceOutput, error) {
	return nil, s.edit(ctx, *in.SecretId, false, func(x *secret) error {
		for _, k := range in.TagKeys {
			delete(x.Tags, k)
		}
		return nil
	})
}
