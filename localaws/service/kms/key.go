package kms

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"grocery/localaws/service/internal/page"
	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/store"
	"grocery/localaws/wire"
	api "grocery/localaws/wire/api/kmsapi"
)

// The states of a key.
const (
	enabled  = "Enabled"
	disabled = "Disabled"
	pending  = "PendingDeletion"
)

// key is one symmetric key with all its generations.
type key struct {
	ID          string            `json:"id"`
	Region      string            `json:"region"`
	Created     time.Time         `json:"created"`
	Description string            `json:"description,omitempty"`
	State       string            `json:"state"`
	Deletion    *time.Time        `json:"deletion,omitempty"`
	Policy      string            `json:"policy"`
	Tags        map[string]string `json:"tags,omitempty"`
	Period      int64             `json:"period,omitempty"` // days between rotations; 0: none
	Turned      time.Time         `json:"turned"`           // when rotation was switched on or last done
	Material    [][]byte          `json:"material"`         // sealed, oldest first
}

// alias is another name of a key.
type alias struct {
	Name    string    `json:"name"`
	Region  string    `json:"region"`
	Target  string    `json:"target"`
	Created time.Time `json:"created"`
	Updated time.Time `json:"updated"`
}

var (
	keys    = store.Table[key]{Name: "kms_keys"}
	aliases = store.Table[alias]{Name: "kms_aliases"}
)

func (k *key) key() string   { return store.Key(k.Region, k.ID) }
func (a *alias) key() string { return store.Key(a.Region, a.Name) }

func (k *key) arn() string {
	return "arn:" + wire.Partition + ":kms:" + k.Region + ":" + wire.Account + ":key/" + k.ID
}

func (k *key) place() string { return "kms key " + k.ID }

// rotation is when the key is to be rotated next, nil when it is not.
func (k *key) rotation() *time.Time {
	if k.Period == 0 || k.State != enabled {
		return nil
	}
	return new(k.Turned.AddDate(0, 0, int(k.Period)))
}

// turn adds a generation of key material.
func (s *Service) turn(k *key) {
	raw := make([]byte, 32)
	rand.Read(raw) // never fails: crypto/rand aborts the process instead
	k.Material = append(k.Material, s.d.Key.Seal(raw, k.place()))
	k.Turned = s.d.Clock.Now()
}

func (k *key) shape() *api.KeyMetadata {
	return &api.KeyMetadata{AWSAccountId: new(wire.Account), Arn: new(k.arn()), KeyId: &k.ID, CreationDate: &k.Created, Description: &k.Description, Enabled: new(k.State == enabled), KeyState: &k.State, DeletionDate: k.Deletion,
		KeyManager: new("CUSTOMER"), KeySpec: new(symmetric), CustomerMasterKeySpec: new(symmetric), KeyUsage: new("ENCRYPT_DECRYPT"), Origin: new("AWS_KMS"), EncryptionAlgorithms: []string{symmetric}, MultiRegion: new(false)}
}

// symmetric is the only kind of key, and its only algorithm.
const symmetric = "SYMMETRIC_DEFAULT"

func errNoKey(arn string) error {
	return wire.Errorf(400, "NotFoundException", "Key '%s' does not exist", arn)
}

// find returns the key an id, ARN, alias or alias ARN names.
func find(ctx context.Context, tx store.Tx, id string) (key, error) {
	c := wire.CallFrom(ctx)
	name := id
	if strings.HasPrefix(id, "arn:") {
		part := strings.SplitN(id, ":", 6)
		if len(part) != 6 || part[2] != "kms" || part[3] != c.Region || part[4] != c.Account {
			return key{}, wire.Errorf(400, "NotFoundException", "Invalid arn %s", id)
		}
		name = strings.TrimPrefix(part[5], "key/")
	}
	if strings.HasPrefix(name, "alias/") {
		a, ok := aliases.Get(tx, store.Key(c.Region, name))
		if !ok {
			return key{}, wire.Errorf(400, "NotFoundException", "Alias %s is not found.", c.ARN("kms", name))
		}
		name = a.Target
	}
	k, ok := keys.Get(tx, store.Key(c.Region, name))
	if !ok {
		return k, errNoKey(c.ARN("kms", "key/"+name))
	}
	return k, nil
}

func (s *Service) view(ctx context.Context, id *string) (k key, err error) {
	return k, s.d.Store.View(func(tx store.Tx) (err error) { k, err = find(ctx, tx, ptr.Val(id)); return err })
}

// edit runs f on a key that does not wait for its deletion and stores it.
func (s *Service) edit(ctx context.Context, id *string, f func(k *key) error) error {
	return s.d.Store.Update(func(tx store.Tx) error {
		k, err := find(ctx, tx, ptr.Val(id))
		if err != nil {
			return err
		}
		if k.State == pending {
			return wire.Errorf(400, "KMSInvalidStateException", "%s is pending deletion.", k.arn())
		}
		if err := f(&k); err != nil {
			return err
		}
		keys.Put(tx, k.key(), k)
		return nil
	})
}

// defaultPolicy leaves the key to the account's IAM.
func defaultPolicy() string {
	return `{"Version":"2012-10-17","Id":"key-default-1","Statement":[{"Sid":"Enable IAM User Permissions","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::` + wire.Account + `:root"},"Action":"kms:*","Resource":"*"}]}`
}

func checkPolicy(policy string) error {
	var doc struct{ Statement json.RawMessage }
	if err := json.Unmarshal([]byte(policy), &doc); err != nil || len(doc.Statement) == 0 || len(policy) > 32768 {
		return wire.Errorf(400, "MalformedPolicyDocumentException", "The key policy is no policy document.")
	}
	return nil
}

func (s *Service) createKey(ctx context.Context, in *api.CreateKeyInput) (*api.CreateKeyOutput, error) {
	spec := ptr.Or(in.KeySpec, ptr.Or(in.CustomerMasterKeySpec, symmetric))
	if spec != symmetric || ptr.Or(in.KeyUsage, "ENCRYPT_DECRYPT") != "ENCRYPT_DECRYPT" || ptr.Or(in.Origin, "AWS_KMS") != "AWS_KMS" {
		return nil, wire.Errorf(400, "UnsupportedOperationException", "Local AWS offers symmetric encryption keys with material of its own.")
	}
	now := s.d.Clock.Now()
	k := key{ID: wire.NewRequestID(), Region: wire.CallFrom(ctx).Region, Created: now, Description: ptr.Val(in.Description), State: enabled, Policy: ptr.Or(in.Policy, defaultPolicy()), Tags: map[string]string{}}
	if err := checkPolicy(k.Policy); err != nil {
		return nil, err
	}
	for _, t := range in.Tags {
		k.Tags[ptr.Val(t.TagKey)] = ptr.Val(t.TagValue)
	}
	s.turn(&k)
	return &api.CreateKeyOutput{KeyMetadata: k.shape()}, s.d.Store.Update(func(tx store.Tx) error {
		keys.Put(tx, k.key(), k)
		return nil
	})
}

func (s *Service) describeKey(ctx context.Context, in *api.DescribeKeyInput) (*api.DescribeKeyOutput, error) {
	k, err := s.view(ctx, in.KeyId)
	return &api.DescribeKeyOutput{KeyMetadata: k.shape()}, err
}

func (s *Service) listKeys(ctx context.Context, in *api.ListKeysInput) (*api.ListKeysOutput, error) {
	out := &api.ListKeysOutput{}
	return out, s.d.Store.View(func(tx store.Tx) error {
		all, next, err := cut(keys.List(tx, wire.CallFrom(ctx).Region+"/"), func(k key) string { return k.ID }, in.Marker, in.Limit)
		for _, k := range all {
			out.Keys = append(out.Keys, api.KeyListEntry{KeyId: &k.ID, KeyArn: new(k.arn())})
		}
		out.NextMarker, out.Truncated = next, new(next != nil)
		return err
	})
}

func cut[T any](all []T, key func(T) string, marker *string, limit *int64) ([]T, *string, error) {
	got, next, err := page.Cut(all, key, marker, limit, 100)
	if err != nil {
		return nil, nil, wire.Errorf(400, "InvalidMarkerException", "Could not deserialize marker '%s'", ptr.Val(marker))
	}
	return got, next, nil
}

func (s *Service) updateKeyDescription(ctx context.Context, in *api.UpdateKeyDescriptionInput) (*api.UpdateKeyDescriptionOutput, error) {
	return nil, s.edit(ctx, in.KeyId, func(k *key) error { k.Description = *in.Description; return nil })
}

func (s *Service) enableKey(ctx context.Context, in *api.EnableKeyInput) (*api.EnableKeyOutput, error) {
	return nil, s.edit(ctx, in.KeyId, func(k *key) error { k.State = enabled; return nil })
}

func (s *Service) disableKey(ctx context.Context, in *api.DisableKeyInput) (*api.DisableKeyOutput, error) {
	return nil, s.edit(ctx, in.KeyId, func(k *key) error { k.State = disabled; return nil })
}

func (s *Service) enableKeyRotation(ctx context.Context, in *api.EnableKeyRotationInput) (*api.EnableKeyRotationOutput, error) {
	days := ptr.Or(in.RotationPeriodInDays, 365)
	if days < 90 || days > 2560 {
		return nil, wire.Errorf(400, "ValidationException", "RotationPeriodInDays must be between 90 and 2560.")
	}
	return nil, s.edit(ctx, in.KeyId, func(k *key) error {
		if k.State != enabled {
			return wire.Errorf(400, "DisabledException", "%s is disabled.", k.arn())
		}
		if k.Period == 0 {
			k.Turned = s.d.Clock.Now()
		}
		k.Period = days
		return nil
	})
}

func (s *Service) disableKeyRotation(ctx context.Context, in *api.DisableKeyRotationInput) (*api.DisableKeyRotationOutput, error) {
	return nil, s.edit(ctx, in.KeyId, func(k *key) error { k.Period = 0; return nil })
}

func (s *Service) getKeyRotationStatus(ctx context.Context, in *api.GetKeyRotationStatusInput) (*api.GetKeyRotationStatusOutput, error) {
	k, err := s.view(ctx, in.KeyId)
	return &api.GetKeyRotationStatusOutput{KeyId: &k.ID, KeyRotationEnabled: new(k.Period != 0), RotationPeriodInDays: ptr.NonZero(k.Period), NextRotationDate: k.rotation()}, err
}

func (s *Service) getKeyPolicy(ctx context.Context, in *api.GetKeyPolicyInput) (*api.GetKeyPolicyOutput, error) {
	k, err := s.view(ctx, in.KeyId)
	if err == nil && ptr.Or(in.PolicyName, "default") != "default" {
		err = wire.Errorf(400, "NotFoundException", "No such policy exists")
	}
	return &api.GetKeyPolicyOutput{Policy: &k.Policy, PolicyName: new("default")}, err
}

func (s *Service) listKeyPolicies(ctx context.Context, in *api.ListKeyPoliciesInput) (*api.ListKeyPoliciesOutput, error) {
	_, err := s.view(ctx, in.KeyId)
	return &api.ListKeyPoliciesOutput{PolicyNames: []string{"default"}, Truncated: new(false)}, err
}

func (s *Service) putKeyPolicy(ctx context.Context, in *api.PutKeyPolicyInput) (*api.PutKeyPolicyOutput, error) {
	if err := checkPolicy(*in.Policy); err != nil {
		return nil, err
	}
	if ptr.Or(in.PolicyName, "default") != "default" {
		return nil, wire.Errorf(400, "ValidationException", "The only key policy is named default.")
	}
	return nil, s.edit(ctx, in.KeyId, func(k *key) error { k.Policy = *in.Policy; return nil })
}

func (s *Service) scheduleKeyDeletion(ctx context.Context, in *api.ScheduleKeyDeletionInput) (*api.ScheduleKeyDeletionOutput, error) {
	days := ptr.Or(in.PendingWindowInDays, 30)
	if days < 7 || days > 30 {
		return nil, wire.Errorf(400, "ValidationException", "PendingWindowInDays must be between 7 and 30.")
	}
	when := s.d.Clock.Now().AddDate(0, 0, int(days))
	out := &api.ScheduleKeyDeletionOutput{DeletionDate: &when, KeyState: new(pending), PendingWindowInDays: &days}
	return out, s.edit(ctx, in.KeyId, func(k *key) error {
		k.State, k.Deletion = pending, &when
		out.KeyId = new(k.arn())
		return nil
	})
}

// cancelKeyDeletion leaves the key disabled, as AWS does.
func (s *Service) cancelKeyDeletion(ctx context.Context, in *api.CancelKeyDeletionInput) (*api.CancelKeyDeletionOutput, error) {
	out := &api.CancelKeyDeletionOutput{}
	return out, s.d.Store.Update(func(tx store.Tx) error {
		k, err := find(ctx, tx, *in.KeyId)
		if err != nil {
			return err
		}
		if k.State != pending {
			return wire.Errorf(400, "KMSInvalidStateException", "%s is not pending deletion.", k.arn())
		}
		k.State, k.Deletion = disabled, nil
		keys.Put(tx, k.key(), k)
		out.KeyId = new(k.arn())
		return nil
	})
}

func (s *Service) tagResource(ctx context.Context, in *api.TagResourceInput) (*api.TagResourceOutput, error) {
	return nil, s.edit(ctx, in.KeyId, func(k *key) error {
		for _, t := range in.Tags {
			k.Tags = maps.Clone(k.Tags)
			if k.Tags == nil {
				k.Tags = map[string]string{}
			}
			k.Tags[ptr.Val(t.TagKey)] = ptr.Val(t.TagValue)
		}
		return nil
	})
}

func (s *Service) untagResource(ctx context.Context, in *api.UntagResourceInput) (*api.UntagResourceOutput, error) {
	return nil, s.edit(ctx, in.KeyId, func(k *key) error {
		for _, t := range in.TagKeys {
			delete(k.Tags, t)
		}
		return nil
	})
}

func (s *Service) listResourceTags(ctx context.Context, in *api.ListResourceTagsInput) (*api.ListResourceTagsOutput, error) {
	k, err := s.view(ctx, in.KeyId)
	if err != nil {
		return nil, err
	}
	names, next, err := cut(slices.Sorted(maps.Keys(k.Tags)), func(n string) string { return n }, in.Marker, in.Limit)
	out := &api.ListResourceTagsOutput{NextMarker: next, Truncated: new(next != nil)}
	for _, n := range names {
		out.Tags = append(out.Tags, api.Tag{TagKey: &n, TagValue: new(k.Tags[n])})
	}
	return out, err
}
