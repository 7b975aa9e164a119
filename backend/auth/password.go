package auth

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/scrypt"

	shop "grocery/backend"
)

// Parameters of new hashes: the OWASP recommendation for argon2id.
const (
	argonMemory  = 19 * 1024 // KiB
	argonTime    = 2
	argonThreads = 1
	argonSalt    = 16 // bytes
	argonKey     = 32 // bytes
)

// Bounds of hashes that come from elsewhere: what verifying one may take.
const (
	maxMemory     = 64 << 20 // bytes
	maxArgonTime  = 10
	maxScryptCost = maxMemory / 128 // N r p, of which memory and time are multiples
)

// Failures of a Hasher.
var (
	// ErrMismatch says that a password does not belong to a hash.
	ErrMismatch = errors.New("password does not match")
	// ErrBusy is the cause of a shop.EUNAVAILABLE: too many passwords are worked on, or
	// it was not this one's turn in time.
	ErrBusy = errors.New("too many passwords are worked on")
)

// Hasher hashes and verifies passwords. It bounds how many are worked on at once,
// because each costs 19 MiB (32 MiB for old hashes) and a core, and how many wait.
type Hasher struct {
	slots   chan struct{}
	queue   int32
	waiting atomic.Int32
	dummy   string
}

// NewHasher returns a Hasher that works on at most n passwords at a time, while at most
// queue others wait.
func NewHasher(n, queue int) *Hasher {
	h := &Hasher{slots: make(chan struct{}, max(n, 1)), queue: int32(queue)}
	h.slots <- struct{}{}
	defer h.leave()
	h.dummy = hashArgon2id("no password has this hash", make([]byte, argonSalt))
	return h
}

// Hash returns the argon2id hash of a password in PHC string format. The error is
// shop.EUNAVAILABLE because of ErrBusy.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	if err := h.enter(ctx); err != nil {
		return "", err
	}
	defer h.leave()
	salt := make([]byte, argonSalt)
	rand.Read(salt)
	return hashArgon2id(password, salt), nil
}

// Verify checks a password against a stored hash. It returns ErrMismatch for a
// wrong password, else errors are those of Hash; rehash tells that the hash should be
// replaced by a fresh one.
func (h *Hasher) Verify(ctx context.Context, hash, password string) (rehash bool, err error) {
	if err := h.enter(ctx); err != nil {
		return false, err
	}
	defer h.leave()
	switch {
	case strings.HasPrefix(hash, "$argon2id$"):
		return verifyArgon2id(hash, password)
	case strings.HasPrefix(hash, "scrypt:"):
		return true, verifyWerkzeug(hash, password)
	}
	return false, errors.New("stored password hash is of an unknown kind")
}

// VerifyNobody costs as much as Verify for a wrong password. It is for the login of
// an unknown user, so that the time taken does not tell who exists.
func (h *Hasher) VerifyNobody(ctx context.Context, password string) error {
	if _, err := h.Verify(ctx, h.dummy, password); err != nil && !errors.Is(err, ErrMismatch) {
		return err
	}
	return ErrMismatch
}

func (h *Hasher) enter(ctx context.Context) error {
	busy := func() error { return shop.Unavailable(fmt.Errorf("%w: %w", ErrBusy, ctx.Err())) }
	if ctx.Err() != nil {
		return busy()
	}
	select {
	case h.slots <- struct{}{}:
		return nil
	default:
	}
	defer h.waiting.Add(-1)
	if h.waiting.Add(1) > h.queue {
		return shop.Unavailable(ErrBusy)
	}
	select {
	case h.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return busy()
	}
}

// leave lets the next one in, who finds the memory free: by itself the collector would
// come only after it was taken a second time.
func (h *Hasher) leave() {
	runtime.GC()
	<-h.slots
}

func hashArgon2id(password string, salt []byte) string {
	key := argon2.IDKey([]byte(password), salt, argonTime, argonMemory, argonThreads, argonKey)
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version,
		argonMemory, argonTime, argonThreads, b64.EncodeToString(salt), b64.EncodeToString(key))
}

func verifyArgon2id(hash, password string) (rehash bool, err error) {
	var version, memory, time, threads int
	parts := strings.Split(hash, "$") // "", argon2id, v=, m=..., salt, key
	if len(parts) != 6 {
		return false, errors.New("stored argon2id hash is malformed")
	}
	if _, err := fmt.Sscanf(parts[2]+" "+parts[3], "v=%d m=%d,t=%d,p=%d", &version, &memory, &time, &threads); err != nil {
		return false, fmt.Errorf("stored argon2id hash is malformed: %w", err)
	}
	salt, err1 := base64.RawStdEncoding.DecodeString(parts[4])
	key, err2 := base64.RawStdEncoding.DecodeString(parts[5])
	if err := errors.Join(err1, err2); err != nil || len(key) == 0 || version != argon2.Version ||
		memory < 8 || memory > maxMemory>>10 || time < 1 || time > maxArgonTime || threads < 1 || threads > 64 {
		return false, errors.New("stored argon2id hash has unusable parameters")
	}
	got := argon2.IDKey([]byte(password), salt, uint32(time), uint32(memory), uint8(threads), uint32(len(key)))
	if subtle.ConstantTimeCompare(got, key) != 1 {
		return false, ErrMismatch
	}
	return memory != argonMemory || time != argonTime || threads != argonThreads || len(key) != argonKey, nil
}

// verifyWerkzeug checks a hash of the old shop, scrypt:N:r:p$salt$hex, where the
// salt's characters are used as they are.
func verifyWerkzeug(hash, password string) error {
	method, rest, _ := strings.Cut(hash, "$")
	salt, digest, ok := strings.Cut(rest, "$")
	params := strings.Split(method, ":")
	if !ok || len(params) != 4 {
		return errors.New("stored scrypt hash is malformed")
	}
	var n [3]int
	for i := range n {
		v, err := strconv.Atoi(params[i+1])
		if err != nil || v < 1 || v > 1<<17 {
			return errors.New("stored scrypt hash has unusable parameters")
		}
		n[i] = v
	}
	want, err := hex.DecodeString(digest)
	if err != nil || len(want) == 0 || n[0]*n[1]*n[2] > maxScryptCost {
		return errors.New("stored scrypt hash has unusable parameters")
	}
	got, err := scrypt.Key([]byte(password), []byte(salt), n[0], n[1], n[2], len(want))
	if err != nil {
		return fmt.Errorf("stored scrypt hash has unusable parameters: %w", err)
	}
	if subtle.ConstantTimeCompare(got, want) != 1 {
		return ErrMismatch
	}
	return nil
}
