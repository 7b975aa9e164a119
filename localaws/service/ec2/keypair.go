package ec2

import (
	"context"
	"crypto/ed25519"
	"crypto/md5"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/ec2api"
)

// keyPair is the public half of a key pair.
type keyPair struct {
	ID, Name, Type, Fingerprint string
	Public                      string // as in authorized_keys
	Created                     time.Time
}

var keyPairs = newKind("key-pairs", "key-", "key-pair", "InvalidKeyPair.NotFound", "key pair", func(k *keyPair) string { return k.ID })

var keyPairFields = fields[keyPair]{
	"key-pair-id": func(k *keyPair) []string { return one(k.ID) },
	"key-name":    func(k *keyPair) []string { return one(k.Name) },
	"fingerprint": func(k *keyPair) []string { return one(k.Fingerprint) },
}

func (s *Service) registerKeyPairs(r *wire.Registry) {
	serve(r, ec2api.ImportKeyPair, "KeyName PublicKeyMaterial TagSpecifications", s.importKeyPair)
	serve(r, ec2api.CreateKeyPair, "KeyName KeyType KeyFormat TagSpecifications", s.createKeyPair)
	serve(r, ec2api.DeleteKeyPair, "KeyName KeyPairId", s.deleteKeyPair)
	serve(r, ec2api.DescribeKeyPairs, "KeyNames KeyPairIds Filters IncludePublicKey", s.describeKeyPairs)
}

func (t *tx) keyPairByName(name string) (found keyPair, ok bool) {
	ok = keyPairs.any(t, func(k *keyPair) bool { found = *k; return k.Name == name })
	return found, ok
}

func (t *tx) addKeyPair(k *keyPair, tags []ec2api.TagSpecification) error {
	if k.Name == "" || len(k.Name) > 255 {
		return wire.Errorf(400, "MissingParameter", "The request must contain the parameter KeyName, of at most 255 characters")
	}
	if _, taken := t.keyPairByName(k.Name); taken {
		return wire.Errorf(400, "InvalidKeyPair.Duplicate", "The keypair already exists: %s", k.Name)
	}
	k.ID, k.Created = keyPairs.newID(), t.now
	keyPairs.put(t, *k)
	return t.specify(k.ID, keyPairs.resource, tags)
}

func colons(sum []byte) string {
	var parts []string
	for _, b := range sum {
		parts = append(parts, fmt.Sprintf("%02x", b))
	}
	return strings.Join(parts, ":")
}

func (s *Service) importKeyPair(ctx context.Context, in *ec2api.ImportKeyPairInput) (*ec2api.ImportKeyPairOutput, error) {
	public, _, _, _, err := ssh.ParseAuthorizedKey(in.PublicKeyMaterial)
	if err != nil {
		return nil, wire.Errorf(400, "InvalidKey.Format", "Key is not in valid OpenSSH public key format")
	}
	k := keyPair{Name: ptr.Val(in.KeyName), Public: strings.TrimSpace(string(in.PublicKeyMaterial))}
	switch public.Type() {
	case ssh.KeyAlgoRSA:
		der, err := x509.MarshalPKIXPublicKey(public.(ssh.CryptoPublicKey).CryptoPublicKey())
		if err != nil {
			return nil, err
		}
		sum := md5.Sum(der)
		k.Type, k.Fingerprint = "rsa", colons(sum[:])
	case ssh.KeyAlgoED25519:
		k.Type, k.Fingerprint = "ed25519", strings.TrimPrefix(ssh.FingerprintSHA256(public), "SHA256:")+"="
	default:
		return nil, wire.Errorf(400, "InvalidKey.Format", "Keys are of type ssh-rsa or ssh-ed25519, not %s.", public.Type())
	}
	out := &ec2api.ImportKeyPairOutput{}
	return out, s.update(ctx, func(t *tx) error {
		err := t.addKeyPair(&k, in.TagSpecifications)
		out.KeyName, out.KeyPairId, out.KeyFingerprint, out.Tags = &k.Name, &k.ID, &k.Fingerprint, t.tags(k.ID)
		return err
	})
}

// createKeyPair makes a key pair and shows the private half this once.
func (s *Service) createKeyPair(ctx context.Context, in *ec2api.CreateKeyPairInput) (*ec2api.CreateKeyPairOutput, error) {
	if f := ptr.Val(or(in.KeyFormat, "pem")); f != "pem" {
		return nil, wire.Errorf(400, "UnsupportedOperation", "Local AWS makes keys in the format pem, not %s.", f)
	}
	k := keyPair{Name: ptr.Val(in.KeyName), Type: ptr.Val(or(in.KeyType, "rsa"))}
	var private *pem.Block
	var public ssh.PublicKey
	switch k.Type {
	case "rsa":
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			return nil, err
		}
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			return nil, err
		}
		sum := sha1.Sum(der)
		k.Fingerprint = colons(sum[:])
		private = &pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}
		if public, err = ssh.NewPublicKey(&key.PublicKey); err != nil {
			return nil, err
		}
	case "ed25519":
		pub, key, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			return nil, err
		}
		if private, err = ssh.MarshalPrivateKey(key, ""); err != nil {
			return nil, err
		}
		if public, err = ssh.NewPublicKey(pub); err != nil {
			return nil, err
		}
		sum := sha256.Sum256(public.Marshal())
		k.Fingerprint = base64.StdEncoding.EncodeToString(sum[:])
	default:
		return nil, wire.Errorf(400, "InvalidParameterValue", "Value (%s) for parameter KeyType is invalid.", k.Type)
	}
	k.Public = strings.TrimSpace(string(ssh.MarshalAuthorizedKey(public))) + " " + k.Name
	out := &ec2api.CreateKeyPairOutput{KeyMaterial: new(string(pem.EncodeToMemory(private)))}
	return out, s.update(ctx, func(t *tx) error {
		err := t.addKeyPair(&k, in.TagSpecifications)
		out.KeyName, out.KeyPairId, out.KeyFingerprint, out.Tags = &k.Name, &k.ID, &k.Fingerprint, t.tags(k.ID)
		return err
	})
}

// deleteKeyPair succeeds also when there is no such key pair, as AWS does.
func (s *Service) deleteKeyPair(ctx context.Context, in *ec2api.DeleteKeyPairInput) (*ec2api.DeleteKeyPairOutput, error) {
	return &ec2api.DeleteKeyPairOutput{Return: new(true), KeyPairId: in.KeyPairId}, s.update(ctx, func(t *tx) error {
		if k, ok := t.keyPairByName(ptr.Val(in.KeyName)); ok && in.KeyName != nil {
			keyPairs.remove(t, k.ID)
		} else if in.KeyPairId != nil {
			keyPairs.remove(t, *in.KeyPairId)
		}
		return nil
	})
}

func (s *Service) describeKeyPairs(ctx context.Context, in *ec2api.DescribeKeyPairsInput) (*ec2api.DescribeKeyPairsOutput, error) {
	out := &ec2api.DescribeKeyPairsOutput{}
	return out, s.view(ctx, func(t *tx) error {
		ids := in.KeyPairIds
		for _, name := range in.KeyNames {
			k, ok := t.keyPairByName(name)
			if !ok {
				return keyPairs.missing(name)
			}
			ids = append(ids, k.ID)
		}
		some, err := keyPairs.find(t, ids, in.Filters, keyPairFields)
		if err != nil {
			return err
		}
		for _, k := range some {
			x := ec2api.KeyPairInfo{
				KeyPairId: &k.ID, KeyName: &k.Name, KeyType: &k.Type, KeyFingerprint: &k.Fingerprint, CreateTime: &k.Created, Tags: t.tags(k.ID),
			}
			if ptr.Val(in.IncludePublicKey) {
				x.PublicKey = &k.Public
			}
			out.KeyPairs = append(out.KeyPairs, x)
		}
		return nil
	})
}
