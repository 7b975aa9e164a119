package kms_test

import (
	"bytes"
	"context"
	"log/slog"
	"testing"
	"time"

	"grocery/localaws/seal"
	"grocery/localaws/service/internal/apitest"
	"grocery/localaws/service/kms"
	"grocery/localaws/store"
	"grocery/localaws/wire"
	api "grocery/localaws/wire/api/kmsapi"
)

type world struct {
	r     *wire.Registry
	ctx   context.Context
	clock *apitest.Clock
	tend  func(context.Context) error
}

func newWorld() world {
	w := world{apitest.Registry(), wire.AsService(context.Background(), "test", apitest.Region), apitest.NewClock(), nil}
	s := kms.New(kms.Deps{Store: store.NewMemory(), Clock: w.clock, Key: seal.New(), Log: slog.New(slog.DiscardHandler)})
	s.Register(w.r)
	w.tend = s.Loops()[0].Run
	return w
}

func do[In, Out any](t *testing.T, w world, op wire.Op[In, Out], in In) *Out {
	t.Helper()
	out, err := wire.Invoke(w.ctx, w.r, op, &in)
	if err != nil {
		t.Fatalf("%s: %v", op, err)
	}
	return out
}

func refuse[In, Out any](t *testing.T, w world, op wire.Op[In, Out], in In, code string) {
	t.Helper()
	if _, err := wire.Invoke(w.ctx, w.r, op, &in); wire.Code(err) != code {
		t.Errorf("%s: %v instead of %s", op, err, code)
	}
}

func TestWhatAKeyEncryptedItDecryptsForTheSameContextOnly(t *testing.T) {
	w := newWorld()
	k := do(t, w, api.CreateKey, api.CreateKeyInput{}).KeyMetadata
	do(t, w, api.CreateAlias, api.CreateAliasInput{AliasName: new("alias/app"), TargetKeyId: k.KeyId})
	sealed := do(t, w, api.Encrypt, api.EncryptInput{KeyId: new("alias/app"), Plaintext: []byte("hello"), EncryptionContext: map[string]string{"a": "b"}}).CiphertextBlob
	if got := do(t, w, api.Decrypt, api.DecryptInput{CiphertextBlob: sealed, EncryptionContext: map[string]string{"a": "b"}}); string(got.Plaintext) != "hello" || *got.KeyId != *k.Arn {
		t.Errorf("decrypted %q", got.Plaintext)
	}
	refuse(t, w, api.Decrypt, api.DecryptInput{CiphertextBlob: sealed}, "InvalidCiphertextException")
	refuse(t, w, api.Decrypt, api.DecryptInput{CiphertextBlob: []byte("no")}, "InvalidCiphertextException")
	data := do(t, w, api.GenerateDataKey, api.GenerateDataKeyInput{KeyId: k.Arn, KeySpec: new("AES_256")})
	if got := do(t, w, api.Decrypt, api.DecryptInput{CiphertextBlob: data.CiphertextBlob}); !bytes.Equal(got.Plaintext, data.Plaintext) || len(data.Plaintext) != 32 {
		t.Error("the data key does not decrypt to itself")
	}
}

func TestRotationKeepsOldCiphertextsReadable(t *testing.T) {
	w := newWorld()
	k := do(t, w, api.CreateKey, api.CreateKeyInput{}).KeyMetadata
	do(t, w, api.EnableKeyRotation, api.EnableKeyRotationInput{KeyId: k.KeyId})
	old := do(t, w, api.Encrypt, api.EncryptInput{KeyId: k.KeyId, Plaintext: []byte("x")}).CiphertextBlob
	before := do(t, w, api.GetKeyRotationStatus, api.GetKeyRotationStatusInput{KeyId: k.KeyId})
	w.clock.Advance(366 * 24 * time.Hour)
	if err := w.tend(w.ctx); err != nil {
		t.Fatal(err)
	}
	after := do(t, w, api.GetKeyRotationStatus, api.GetKeyRotationStatusInput{KeyId: k.KeyId})
	if !*before.KeyRotationEnabled || !after.NextRotationDate.After(*before.NextRotationDate) {
		t.Errorf("next rotation %v, then %v", before.NextRotationDate, after.NextRotationDate)
	}
	if got := do(t, w, api.Decrypt, api.DecryptInput{CiphertextBlob: old}).Plaintext; string(got) != "x" {
		t.Errorf("an old ciphertext decrypts to %q", got)
	}
}

func TestAKeyThatWaitsForItsDeletionIsUselessAndThenGone(t *testing.T) {
	w := newWorld()
	k := do(t, w, api.CreateKey, api.CreateKeyInput{Tags: []api.Tag{{TagKey: new("a"), TagValue: new("b")}}}).KeyMetadata
	do(t, w, api.CreateAlias, api.CreateAliasInput{AliasName: new("alias/app"), TargetKeyId: k.KeyId})
	do(t, w, api.ScheduleKeyDeletion, api.ScheduleKeyDeletionInput{KeyId: k.KeyId, PendingWindowInDays: new(int64(7))})
	if got := do(t, w, api.DescribeKey, api.DescribeKeyInput{KeyId: k.KeyId}).KeyMetadata; *got.KeyState != "PendingDeletion" {
		t.Errorf("the key is %s", *got.KeyState)
	}
	refuse(t, w, api.Encrypt, api.EncryptInput{KeyId: k.KeyId, Plaintext: []byte("x")}, "KMSInvalidStateException")
	refuse(t, w, api.EnableKey, api.EnableKeyInput{KeyId: k.KeyId}, "KMSInvalidStateException")
	w.clock.Advance(7 * 24 * time.Hour)
	if err := w.tend(w.ctx); err != nil {
		t.Fatal(err)
	}
	refuse(t, w, api.DescribeKey, api.DescribeKeyInput{KeyId: k.KeyId}, "NotFoundException")
	if got := do(t, w, api.ListAliases, api.ListAliasesInput{}).Aliases; len(got) != 0 {
		t.Errorf("aliases of a deleted key: %v", got)
	}
}

func TestUnsupportedKeysAreRefused(t *testing.T) {
	w := newWorld()
	for name, in := range map[string]api.CreateKeyInput{
		"asymmetric":      {KeySpec: new("RSA_2048")},
		"of many regions": {MultiRegion: new(true)},
		"imported":        {Origin: new("EXTERNAL")},
	} {
		if _, err := wire.Invoke(w.ctx, w.r, api.CreateKey, &in); wire.Code(err) != "UnsupportedOperationException" {
			t.Errorf("%s: %v", name, err)
		}
	}
	refuse(t, w, api.CreateKey, api.CreateKeyInput{Policy: new("{")}, "MalformedPolicyDocumentException")
}
