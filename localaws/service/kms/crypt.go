package kms

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"maps"
	"slices"

	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/store"
	"grocery/localaws/wire"
	api "grocery/localaws/wire/api/kmsapi"
)

// A ciphertext is: the form (1), the key's id (36 bytes), the generation of its
// material (4 bytes), and what AES-256-GCM made, the encryption context and
// all that stands before it bound to it.
const (
	form   = 1
	header = 1 + 36 + 4
)

// KeyOf returns the id of the key that made a ciphertext, or "" when none did.
func KeyOf(ciphertext []byte) string {
	if len(ciphertext) < header || ciphertext[0] != form {
		return ""
	}
	return string(ciphertext[1:37])
}

var errCiphertext = wire.Errorf(400, "InvalidCiphertextException", "The ciphertext is not one that this key made for this encryption context.")

// aead opens one generation of a key's material.
func (s *Service) aead(k *key, generation int) (cipher.AEAD, error) {
	raw, err := s.d.Key.Open(k.Material[generation], k.place())
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(raw)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// bound is the header together with an encryption context, unambiguously.
func bound(head []byte, context map[string]string) []byte {
	out := slices.Clone(head)
	for _, k := range slices.Sorted(maps.Keys(context)) {
		for _, x := range []string{k, context[k]} {
			out = binary.BigEndian.AppendUint32(out, uint32(len(x)))
			out = append(out, x...)
		}
	}
	return out
}

func usable(k *key) error {
	switch k.State {
	case disabled:
		return wire.Errorf(400, "DisabledException", "%s is disabled.", k.arn())
	case pending:
		return wire.Errorf(400, "KMSInvalidStateException", "%s is pending deletion.", k.arn())
	}
	return nil
}

func checkAlgorithm(a *string) error {
	if ptr.Or(a, symmetric) != symmetric {
		return wire.Errorf(400, "ValidationException", "The algorithm of symmetric keys is %s.", symmetric)
	}
	return nil
}

func (s *Service) seal(k *key, plain []byte, context map[string]string) ([]byte, error) {
	if err := usable(k); err != nil {
		return nil, err
	}
	generation := len(k.Material) - 1
	a, err := s.aead(k, generation)
	if err != nil {
		return nil, err
	}
	head := append([]byte{form}, k.ID...)
	head = binary.BigEndian.AppendUint32(head, uint32(generation))
	return a.Seal(slices.Clone(head), nil, plain, bound(head, context)), nil
}

func (s *Service) encrypt(ctx context.Context, in *api.EncryptInput) (*api.EncryptOutput, error) {
	if err := checkAlgorithm(in.EncryptionAlgorithm); err != nil {
		return nil, err
	}
	if len(in.Plaintext) == 0 || len(in.Plaintext) > 4096 {
		return nil, wire.Errorf(400, "ValidationException", "A plaintext has 1 to 4096 bytes.")
	}
	k, err := s.view(ctx, in.KeyId)
	if err != nil {
		return nil, err
	}
	sealed, err := s.seal(&k, in.Plaintext, in.EncryptionContext)
	return &api.EncryptOutput{CiphertextBlob: sealed, KeyId: new(k.arn()), EncryptionAlgorithm: new(symmetric)}, err
}

func (s *Service) decrypt(ctx context.Context, in *api.DecryptInput) (*api.DecryptOutput, error) {
	if err := checkAlgorithm(in.EncryptionAlgorithm); err != nil {
		return nil, err
	}
	blob := in.CiphertextBlob
	if len(blob) < header || blob[0] != form {
		return nil, errCiphertext
	}
	var k key
	err := s.d.Store.View(func(tx store.Tx) error {
		var ok bool
		if k, ok = keys.Get(tx, store.Key(wire.CallFrom(ctx).Region, string(blob[1:37]))); !ok {
			return errCiphertext
		}
		if in.KeyId == nil {
			return nil
		}
		want, err := find(ctx, tx, *in.KeyId)
		if err == nil && want.ID != k.ID {
			err = wire.Errorf(400, "IncorrectKeyException", "The key ID in the request does not identify a CMK that can perform this operation.")
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := usable(&k); err != nil {
		return nil, err
	}
	generation := int(binary.BigEndian.Uint32(blob[37:header]))
	if generation >= len(k.Material) {
		return nil, errCiphertext
	}
	a, err := s.aead(&k, generation)
	if err != nil {
		return nil, err
	}
	plain, err := a.Open(nil, nil, blob[header:], bound(blob[:header], in.EncryptionContext))
	if err != nil {
		return nil, errCiphertext
	}
	return &api.DecryptOutput{Plaintext: plain, KeyId: new(k.arn()), EncryptionAlgorithm: new(symmetric)}, nil
}

func (s *Service) generateDataKey(ctx context.Context, in *api.GenerateDataKeyInput) (*api.GenerateDataKeyOutput, error) {
	size := ptr.Val(in.NumberOfBytes)
	switch spec := ptr.Val(in.KeySpec); {
	case (spec == "") == (in.NumberOfBytes == nil):
		return nil, wire.Errorf(400, "ValidationException", "Please specify either number of bytes or key spec.")
	case spec == "AES_256":
		size = 32
	case spec == "AES_128":
		size = 16
	case spec != "" || size < 1 || size > 1024:
		return nil, wire.Errorf(400, "ValidationException", "A data key is AES_256, AES_128 or 1 to 1024 bytes.")
	}
	k, err := s.view(ctx, in.KeyId)
	if err != nil {
		return nil, err
	}
	plain := make([]byte, size)
	rand.Read(plain)
	sealed, err := s.seal(&k, plain, in.EncryptionContext)
	if err != nil {
		return nil, err
	}
	return &api.GenerateDataKeyOutput{CiphertextBlob: sealed, Plaintext: plain, KeyId: new(k.arn())}, nil
}

func (s *Service) generateDataKeyWithoutPlaintext(ctx context.Context, in *api.GenerateDataKeyWithoutPlaintextInput) (*api.GenerateDataKeyWithoutPlaintextOutput, error) {
	out, err := s.generateDataKey(ctx, &api.GenerateDataKeyInput{EncryptionContext: in.EncryptionContext, KeyId: in.KeyId, KeySpec: in.KeySpec, NumberOfBytes: in.NumberOfBytes})
	if err != nil {
		return nil, err
	}
	return &api.GenerateDataKeyWithoutPlaintextOutput{CiphertextBlob: out.CiphertextBlob, KeyId: out.KeyId}, nil
}
