package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

const keySize = 32 // AES-256

// Key encrypts and decrypts small values. It is safe for concurrent use.
type Key struct{ aead cipher.AEAD }

// Open reads the key in the file at path and makes the file, readable by its
// owner alone, when it is absent. Without that file sealed values are lost.
func Open(path string) (*Key, error) {
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		raw, err = create(path)
	}
	if err != nil {
		return nil, fmt.Errorf("open the encryption key: %w", err)
	}
	if len(raw) != keySize {
		return nil, fmt.Errorf("the encryption key in %s has %d bytes instead of %d: restore that file, or remove the whole state folder to begin anew", path, len(raw), keySize)
	}
	return newKey(raw)
}

// New makes a key that lives as long as the process, for tests.
func New() *Key {
	raw := make([]byte, keySize)
	rand.Read(raw) // never fails: crypto/rand aborts the process instead
	k, err := newKey(raw)
	if err != nil {
		panic("seal: " + err.Error()) // the key's size is right
	}
	return k
}

// create writes a new key. A file half written by a process that died is never
// seen under the key's name.
func create(path string) ([]byte, error) {
	raw := make([]byte, keySize)
	rand.Read(raw)
	f, err := os.CreateTemp(filepath.Dir(path), ".key-*") // mode 0600
	if err != nil {
		return nil, err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(raw)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return nil, err
	}
	return raw, os.Rename(f.Name(), path)
}

func newKey(raw []byte) (*Key, error) {
	block, err := aes.NewCipher(raw)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, err
	}
	return &Key{aead}, nil
}

// Seal encrypts plain and binds it to a place, such as a record's name: it
// opens only with the same place.
func (k *Key) Seal(plain []byte, place string) []byte {
	return k.aead.Seal(nil, nil, plain, []byte(place))
}

// Open decrypts what Seal made for the same place.
func (k *Key) Open(sealed []byte, place string) ([]byte, error) {
	plain, err := k.aead.Open(nil, nil, sealed, []byte(place))
	if err != nil {
		return nil, fmt.Errorf("decrypt %s: the value was sealed with another key or is damaged: %w", place, err)
	}
	return plain, nil
}
