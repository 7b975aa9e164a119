package secretsmanager

import (
	"bytes"
	"context"
	"slices"
	"time"

	"grocery/localaws/wire"
	api "grocery/localaws/wire/api/secretsmanagerapi"

	"grocery/localaws/service/internal/page"
	"grocery/localaws/service/internal/ptr"
)

const maxValue = 65536 // bytes, AWS's limit

// draft is a value on its way in.
type draft struct {
	id     string
	plain  []byte
	binary bool
}

// newVersion reads the value of a request; nil when the request has none.
func newVersion(text *string, binary []byte, token *string) (*draft, error) {
	v := &draft{id: ptr.Val(token)}
	switch {
	case text != nil && binary != nil:
		return nil, wire.Errorf(400, invalidParameter, "You can't specify both a binary secret value and a string secret value in the same secret.")
	case text != nil:
		v.plain = []byte(*text)
	case binary != nil:
		v.plain, v.binary = binary, true
	default:
		return nil, nil
	}
	if len(v.plain) > maxValue {
		return nil, wire.Errorf(400, "ValidationException", "The secret value is longer than %d bytes.", maxValue)
	}
	if len(v.id) < 32 || len(v.id) > 64 {
		return nil, wire.Errorf(400, invalidParameter, "ClientRequestToken must be 32-64 characters long.")
	}
	return v, nil
}

// add seals v into x as a new version with the given labels.
func (s *Service) add(x *secret, v draft, stages []string) {
	now := s.d.Clock.Now()
	x.Versions = append(x.Versions, version{ID: v.id, Created: now, Binary: v.binary, Sealed: s.d.Key.Seal(v.plain, x.place(v.id))})
	for _, stage := range stages {
		x.move(stage, v.id)
	}
	if x.byStage(current) == nil { // the first value is always current
		x.move(current, v.id)
	}
	x.Changed = now
	x.trim()
}

// same accepts a repeated request and refuses another value under a used token.
func (s *Service) same(x *secret, v draft) error {
	old := x.byID(v.id)
	plain, err := s.d.Key.Open(old.Sealed, x.place(v.id))
	if err != nil {
		return err
	}
	if old.Binary == v.binary && bytes.Equal(plain, v.plain) {
		return nil
	}
	return wire.Errorf(400, "ResourceExistsException", "You can't use ClientRequestToken %s because that value is already in use for a version of secret %s.", v.id, x.ARN)
}

// putSecretValue adds a version.
// See https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_PutSecretValue.html.
func (s *Service) putSecretValue(ctx context.Context, in *api.PutSecretValueInput) (*api.PutSecretValueOutput, error) {
	v, err := newVersion(in.SecretString, in.SecretBinary, in.ClientRequestToken)
	if err != nil {
		return nil, err
	}
	if v == nil {
		return nil, wire.Errorf(400, "InvalidRequestException", "You must provide either SecretString or SecretBinary.")
	}
	stages := in.VersionStages
	if len(stages) == 0 {
		stages = []string{current}
	}
	out := &api.PutSecretValueOutput{VersionId: &v.id}
	return out, s.edit(ctx, *in.SecretId, false, func(x *secret) error {
		if x.byID(v.id) == nil {
			s.add(x, *v, stages)
		} else if err := s.same(x, *v); err != nil {
			return err
		}
		out.ARN, out.Name, out.VersionStages = &x.ARN, &x.Name, x.byID(v.id).Stages
		return nil
	})
}

func (s *Service) getSecretValue(ctx context.Context, in *api.GetSecretValueInput) (*api.GetSecretValueOutput, error) {
	var out *api.GetSecretValueOutput
	today := s.d.Clock.Now().UTC().Truncate(24 * time.Hour)
	fresh := false // the day of the last access is noted already
	err := s.view(ctx, *in.SecretId, func(x *secret) (err error) {
		if x.Deleted != nil {
			return errDeleted
		}
		v, err := x.pick(in)
		if err != nil {
			return err
		}
		fresh = x.Accessed != nil && x.Accessed.Equal(today) && v.Accessed != nil && v.Accessed.Equal(today)
		plain, err := s.d.Key.Open(v.Sealed, x.place(v.ID))
		if err != nil {
			return err
		}
		out = &api.GetSecretValueOutput{ARN: &x.ARN, Name: &x.Name, CreatedDate: &v.Created, VersionId: &v.ID, VersionStages: v.Stages}
		if v.Binary {
			out.SecretBinary = plain
		} else {
			out.SecretString = new(string(plain))
		}
		return nil
	})
	if err != nil || fresh {
		return out, err
	}
	return out, s.edit(ctx, *in.SecretId, true, func(x *secret) error {
		x.Accessed = &today
		if v := x.byID(*out.VersionId); v != nil {
			v.Accessed = &today
		}
		return nil
	})
}

// pick returns the version a request asks for.
func (x *secret) pick(in *api.GetSecretValueInput) (*version, error) {
	stage := ptr.Val(in.VersionStage)
	if id := ptr.Val(in.VersionId); id != "" {
		v := x.byID(id)
		if v == nil || len(v.Stages) == 0 {
			return nil, wire.Errorf(400, "ResourceNotFoundException", "Secrets Manager can't find the specified secret value for VersionId: %s", id)
		}
		if stage != "" && !slices.Contains(v.Stages, stage) {
			return nil, wire.Errorf(400, "InvalidRequestException", "You provided a VersionStage that is not associated to the provided VersionId.")
		}
		return v, nil
	}
	if stage == "" {
		stage = current
	}
	if v := x.byStage(stage); v != nil {
		return v, nil
	}
	return nil, wire.Errorf(400, "ResourceNotFoundException", "Secrets Manager can't find the specified secret value for staging label: %s", stage)
}

func (s *Service) batchGetSecretValue(ctx context.Context, in *api.BatchGetSecretValueInput) (*api.BatchGetSecretValueOutput, error) {
	if (len(in.Filters) == 0) == (len(in.SecretIdList) == 0) {
		return nil, wire.Errorf(400, invalidParameter, "Specify either Filters or SecretIdList.")
	}
	ids, out := in.SecretIdList, &api.BatchGetSecretValueOutput{}
	if len(in.Filters) > 0 {
		found, err := s.search(ctx, in.Filters, false)
		if err != nil {
			return nil, err
		}
		found, out.NextToken, err = page.Cut(found, func(x secret) string { return x.Name }, in.NextToken, in.MaxResults, 20)
		if err != nil {
			return nil, wire.Errorf(400, "InvalidNextTokenException", "The NextToken value is invalid.")
		}
		for _, x := range found {
			ids = append(ids, x.ARN)
		}
	} else if len(ids) > 20 {
		return nil, wire.Errorf(400, "ValidationException", "SecretIdList has more than 20 entries.")
	}
	for _, id := range ids {
		v, err := s.getSecretValue(ctx, &api.GetSecretValueInput{SecretId: &id})
		if code := wire.Code(err); code != "" {
			out.Errors = append(out.Errors, api.APIErrorType{ErrorCode: &code, Message: new(err.Error()), SecretId: &id})
			continue
		} else if err != nil {
			return nil, err
		}
		out.SecretValues = append(out.SecretValues, api.SecretValueEntry(*v))
	}
	return out, nil
}

func (s *Service) listSecretVersionIds(ctx context.Context, in *api.ListSecretVersionIdsInput) (*api.ListSecretVersionIdsOutput, error) {
	out := &api.ListSecretVersionIdsOutput{}
	return out, s.view(ctx, *in.SecretId, func(x *secret) (err error) {
		out.ARN, out.Name = &x.ARN, &x.Name
		all := slices.DeleteFunc(x.Versions, func(v version) bool { return len(v.Stages) == 0 && !ptr.Val(in.IncludeDeprecated) })
		all, out.NextToken, err = page.Cut(all, func(v version) string { return v.Created.Format(time.RFC3339Nano) + v.ID }, in.NextToken, in.MaxResults, 100)
		if err != nil {
			return wire.Errorf(400, "InvalidNextTokenException", "The NextToken value is invalid.")
		}
		for _, v := range all {
			out.Versions = append(out.Versions, api.SecretVersionsListEntry{CreatedDate: &v.Created, LastAccessedDate: v.Accessed, VersionId: &v.ID, VersionStages: v.Stages})
		}
		return nil
	})
}

// updateSecretVersionStage moves a label.
// See https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_UpdateSecretVersionStage.html.
func (s *Service) updateSecretVersionStage(ctx context.Context, in *api.UpdateSecretVersionStageInput) (*api.UpdateSecretVersionStageOutput, error) {
	stage, from, to := *in.VersionStage, ptr.Val(in.RemoveFromVersionId), ptr.Val(in.MoveToVersionId)
	out := &api.UpdateSecretVersionStageOutput{}
	return out, s.edit(ctx, *in.SecretId, false, func(x *secret) error {
		out.ARN, out.Name = &x.ARN, &x.Name
		holder := x.byStage(stage)
		switch {
		case from == "" && to == "":
			return wire.Errorf(400, invalidParameter, "You must provide RemoveFromVersionId or MoveToVersionId.")
		case from != "" && (holder == nil || holder.ID != from):
			return wire.Errorf(400, invalidParameter, "The staging label %s is not currently attached to version %s.", stage, from)
		case to != "" && x.byID(to) == nil:
			return wire.Errorf(400, "ResourceNotFoundException", "Secrets Manager can't find the specified secret version %s.", to)
		case to != "" && from == "" && holder != nil && holder.ID != to:
			return wire.Errorf(400, invalidParameter, "The parameter RemoveFromVersionId can't be empty. Staging label %s is currently attached to version %s, so you must explicitly reference that version in RemoveFromVersionId.", stage, holder.ID)
		case to == "" && stage == current:
			return wire.Errorf(400, invalidParameter, "You can't remove AWSCURRENT from a version; move it to another one.")
		case to == "":
			holder.Stages = slices.DeleteFunc(holder.Stages, func(l string) bool { return l == stage })
		default:
			x.move(stage, to)
		}
		x.Changed = s.d.Clock.Now()
		return nil
	})
}
