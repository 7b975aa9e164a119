package secretsmanager

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"time"

	"grocery/localaws/store"
	"grocery/localaws/wire"
	api "grocery/localaws/wire/api/secretsmanagerapi"

	"grocery/localaws/service/internal/page"
	"grocery/localaws/service/internal/ptr"
)

var validName = regexp.MustCompile(`^[A-Za-z0-9/_+=.@-]{1,512}$`)

func (s *Service) createSecret(ctx context.Context, in *api.CreateSecretInput) (*api.CreateSecretOutput, error) {
	c := wire.CallFrom(ctx)
	name := *in.Name
	if !validName.MatchString(name) {
		return nil, wire.Errorf(400, "ValidationException", "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!")
	}
	v, err := newVersion(in.SecretString, in.SecretBinary, in.ClientRequestToken)
	if err != nil {
		return nil, err
	}
	now := s.d.Clock.Now()
	x := secret{Name: name, Region: c.Region, ARN: c.ARN("secretsmanager", "secret:"+name+"-"+suffix()),
		Description: ptr.Val(in.Description), KMSKey: ptr.Val(in.KmsKeyId), Created: now, Changed: now, Tags: tagMap(nil, in.Tags)}
	if v != nil {
		s.add(&x, *v, []string{current})
	}
	err = s.d.Store.Update(func(tx store.Tx) error {
		old, ok := secrets.Get(tx, x.key())
		switch {
		case !ok:
			secrets.Put(tx, x.key(), x)
			return nil
		case old.Deleted != nil:
			return wire.Errorf(400, "InvalidRequestException", "You can't create this secret because a secret with this name is already scheduled for deletion.")
		}
		if v != nil && old.byID(v.id) != nil { // the same request again
			x = old
			return s.same(&old, *v)
		}
		return wire.Errorf(400, "ResourceExistsException", "The operation failed because the secret %s already exists.", name)
	})
	if err != nil {
		return nil, err
	}
	out := &api.CreateSecretOutput{ARN: &x.ARN, Name: &x.Name}
	if v != nil {
		out.VersionId = &v.id
	}
	return out, nil
}

func (s *Service) updateSecret(ctx context.Context, in *api.UpdateSecretInput) (*api.UpdateSecretOutput, error) {
	v, err := newVersion(in.SecretString, in.SecretBinary, in.ClientRequestToken)
	if err != nil {
		return nil, err
	}
	out := &api.UpdateSecretOutput{}
	err = s.edit(ctx, *in.SecretId, false, func(x *secret) error {
		out.ARN, out.Name = &x.ARN, &x.Name
		ptr.Set(&x.Description, in.Description)
		ptr.Set(&x.KMSKey, in.KmsKeyId)
		x.Changed = s.d.Clock.Now()
		if v == nil {
			return nil
		}
		out.VersionId = &v.id
		if x.byID(v.id) != nil {
			return s.same(x, *v)
		}
		s.add(x, *v, []string{current})
		return nil
	})
	return out, err
}

// deleteSecret schedules the deletion, or deletes at once when forced.
// See https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_DeleteSecret.html.
func (s *Service) deleteSecret(ctx context.Context, in *api.DeleteSecretInput) (*api.DeleteSecretOutput, error) {
	force := ptr.Val(in.ForceDeleteWithoutRecovery)
	if force && in.RecoveryWindowInDays != nil {
		return nil, wire.Errorf(400, invalidParameter, "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.")
	}
	days := ptr.Or(in.RecoveryWindowInDays, 30)
	if days < 7 || days > 30 {
		return nil, wire.Errorf(400, invalidParameter, "The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).")
	}
	now := s.d.Clock.Now()
	out := &api.DeleteSecretOutput{}
	err := s.d.Store.Update(func(tx store.Tx) error {
		x, err := find(tx, wire.CallFrom(ctx).Region, *in.SecretId)
		if err != nil {
			return err
		}
		if x.Deleted != nil && !force {
			return errDeleted
		}
		when := now.AddDate(0, 0, int(days))
		if force {
			when = now
		}
		out.ARN, out.Name, out.DeletionDate = &x.ARN, &x.Name, &when
		if force {
			secrets.Delete(tx, x.key())
			return nil
		}
		x.Deleted = &when
		secrets.Put(tx, x.key(), x)
		return nil
	})
	return out, err
}

func (s *Service) restoreSecret(ctx context.Context, in *api.RestoreSecretInput) (*api.RestoreSecretOutput, error) {
	out := &api.RestoreSecretOutput{}
	return out, s.edit(ctx, *in.SecretId, true, func(x *secret) error {
		out.ARN, out.Name, x.Deleted = &x.ARN, &x.Name, nil
		return nil
	})
}

func (s *Service) describeSecret(ctx context.Context, in *api.DescribeSecretInput) (*api.DescribeSecretOutput, error) {
	out := &api.DescribeSecretOutput{}
	return out, s.view(ctx, *in.SecretId, func(x *secret) error {
		*out = api.DescribeSecretOutput{ARN: &x.ARN, Name: &x.Name, Description: ptr.NonZero(x.Description), KmsKeyId: ptr.NonZero(x.KMSKey),
			CreatedDate: &x.Created, LastChangedDate: &x.Changed, LastAccessedDate: x.Accessed, DeletedDate: x.Deleted,
			Tags: x.tags(), VersionIdsToStages: x.stages()}
		return nil
	})
}

func (s *Service) listSecrets(ctx context.Context, in *api.ListSecretsInput) (*api.ListSecretsOutput, error) {
	found, err := s.search(ctx, in.Filters, ptr.Val(in.IncludePlannedDeletion))
	if err != nil {
		return nil, err
	}
	slices.SortFunc(found, func(a, b secret) int { return strings.Compare(listKey(a), listKey(b)) })
	pageOf, next, err := page.Cut(found, listKey, in.NextToken, in.MaxResults, 100)
	if err != nil {
		return nil, wire.Errorf(400, "InvalidNextTokenException", "The NextToken value is invalid.")
	}
	if ptr.Val(in.SortOrder) == "desc" && next == nil && in.NextToken == nil {
		slices.Reverse(pageOf)
	}
	out := &api.ListSecretsOutput{NextToken: next}
	for _, x := range pageOf {
		out.SecretList = append(out.SecretList, api.SecretListEntry{ARN: &x.ARN, Name: &x.Name, Description: ptr.NonZero(x.Description), KmsKeyId: ptr.NonZero(x.KMSKey),
			CreatedDate: &x.Created, LastChangedDate: &x.Changed, LastAccessedDate: x.Accessed, DeletedDate: x.Deleted,
			Tags: x.tags(), SecretVersionsToStages: x.stages()})
	}
	return out, nil
}

// listKey orders secrets by creation, as AWS's lists do.
func listKey(x secret) string { return x.Created.UTC().Format(time.RFC3339Nano) + " " + x.Name }

// search returns the secrets of the call's region that all filters admit.
func (s *Service) search(ctx context.Context, filters []api.Filter, deletedToo bool) (found []secret, err error) {
	for _, f := range filters {
		if !slices.Contains([]string{"description", "name", "tag-key", "tag-value", "all"}, ptr.Val(f.Key)) {
			return nil, wire.Errorf(400, invalidParameter, "Local AWS does not filter secrets by %q.", ptr.Val(f.Key))
		}
	}
	err = s.d.Store.View(func(tx store.Tx) error {
		found = slices.DeleteFunc(secrets.List(tx, wire.CallFrom(ctx).Region+"/"), func(x secret) bool {
			return x.Deleted != nil && !deletedToo || slices.ContainsFunc(filters, func(f api.Filter) bool { return !x.matches(f) })
		})
		return nil
	})
	return found, err
}

// matches reports whether one of a filter's values, or with a leading "!" none
// of them, is a prefix of the filtered field.
func (x *secret) matches(f api.Filter) bool {
	var fields []string
	key := ptr.Val(f.Key)
	if key == "name" || key == "all" {
		fields = append(fields, x.Name)
	}
	if key == "description" || key == "all" {
		fields = append(fields, x.Description)
	}
	for k, v := range x.Tags {
		if key == "tag-key" || key == "all" {
			fields = append(fields, k)
		}
		if key == "tag-value" || key == "all" {
			fields = append(fields, v)
		}
	}
	for _, want := range f.Values {
		want, not := strings.CutPrefix(want, "!")
		if slices.ContainsFunc(fields, func(have string) bool { return strings.HasPrefix(have, want) }) != not {
			return true
		}
	}
	return false
}
