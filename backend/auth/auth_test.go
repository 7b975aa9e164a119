package auth_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	shop "grocery/backend"
	"grocery/backend/auth"
)

const secret = "0123456789abcdef0123456789abcdef"

// A hash of the form Werkzeug makes, for "password123": computed with Python's
// hashlib.scrypt(n=32768, r=8, p=1) over the salt's characters.
const werkzeug = "scrypt:32768:8:1$abcdefgh12345678$" +
	"16edd706c503f9ed39bba173af81bbc9d8a9f8eaea957f4905a6456aaaf77e53" +
	"d7fb0fddaa369e1b3f0e8d0ea5b926677d85253557a71de2e661a7f3c2a40020"

func TestPasswords(t *testing.T) {
	h := auth.NewHasher(2, 100)
	hash, err := h.Hash(t.Context(), "correct horse")
	if err != nil || !strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Fatalf("hash %q, %v", hash, err)
	}
	again, _ := h.Hash(t.Context(), "correct horse")
	if again == hash {
		t.Error("two hashes of one password are the same: there is no salt")
	}
	for _, tt := range []struct {
		name, hash, password string
		rehash               bool
		mismatch, broken     bool
	}{
		{"the right password matches", hash, "correct horse", false, false, false},
		{"a wrong password does not", hash, "correct horsf", false, true, false},
		{"an empty password does not", hash, "", false, true, false},
		{"the old shop's hash matches and wants a fresh one", werkzeug, "password123", true, false, false},
		{"the old shop's hash refuses a wrong password", werkzeug, "password124", true, true, false},
		{"an unknown kind of hash is an error of ours", "md5:abc", "x", false, false, true},
		{"a broken argon2id hash is an error of ours", "$argon2id$v=19$m=1,t=0,p=0$$", "x", false, false, true},
		{"a hash that would eat the memory is an error of ours", "scrypt:1048576:8:1$salt$00", "x", true, false, true},
		{"of scrypt, 128 MiB are too much", "scrypt:131072:8:1$salt$00", "x", true, false, true},
		{"of scrypt, 64 MiB are not", "scrypt:65536:8:1$salt$00", "x", true, true, false},
		{"of argon2id, 128 MiB are too much", "$argon2id$v=19$m=131072,t=1,p=1$c2FsdHNhbHQ$AAAA", "x", false, false, true},
		{"of argon2id, 64 MiB are not", "$argon2id$v=19$m=65536,t=1,p=1$c2FsdHNhbHQ$AAAA", "x", false, true, false},
		{"of argon2id, a hundred passes are too many", "$argon2id$v=19$m=65536,t=100,p=1$c2FsdHNhbHQ$AAAA", "x", false, false, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rehash, err := h.Verify(t.Context(), tt.hash, tt.password)
			if errors.Is(err, auth.ErrMismatch) != tt.mismatch || (err != nil) != (tt.mismatch || tt.broken) {
				t.Fatalf("error %v", err)
			}
			if err == nil && rehash != tt.rehash {
				t.Errorf("rehash %v", rehash)
			}
		})
	}
	if err := h.VerifyNobody(t.Context(), "no password has this hash"); !errors.Is(err, auth.ErrMismatch) {
		t.Errorf("nobody's password matches: %v", err)
	}
}

func TestAHasherThatIsBusyStopsWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	h := auth.NewHasher(1, 20)
	_, err := h.Hash(ctx, "x")
	if !errors.Is(err, context.Canceled) || !errors.Is(err, auth.ErrBusy) || shop.ErrorCode(err) != shop.EUNAVAILABLE {
		t.Errorf("error %v", err)
	}
}

func TestAFewWaitForAHasherAndNoMore(t *testing.T) {
	h := auth.NewHasher(1, 20)
	var wg sync.WaitGroup
	var done, busy atomic.Int32
	for range 60 {
		wg.Go(func() {
			switch _, err := h.Hash(t.Context(), "x"); {
			case err == nil:
				done.Add(1)
			case errors.Is(err, auth.ErrBusy) && shop.ErrorCode(err) == shop.EUNAVAILABLE:
				busy.Add(1)
			default:
				t.Errorf("error %v", err)
			}
		})
	}
	wg.Wait()
	if busy.Load() == 0 || done.Load() < 21 { // one, and those who waited for it
		t.Errorf("of 60 at once, %d were done and %d refused", done.Load(), busy.Load())
	}
	if _, err := h.Hash(t.Context(), "x"); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

func TestTokenClaimsAreThoseOldClientsKnow(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	tokens, err := auth.NewTokens(secret, func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	token, err := tokens.Issue(42)
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(token, ".")
	var header, claims map[string]any
	for i, into := range []*map[string]any{&header, &claims} {
		b, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err == nil {
			err = json.Unmarshal(b, into)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if header["alg"] != "HS256" {
		t.Errorf("header %v", header)
	}
	want := map[string]any{"sub": "42", "type": "access", "iat": 1.8e9, "nbf": 1.8e9, "exp": 1.8e9 + 4*3600}
	for k, v := range want {
		if claims[k] != v {
			t.Errorf("claim %s = %v, want %v", k, claims[k], v)
		}
	}
	if jti, _ := claims["jti"].(string); len(jti) < 20 {
		t.Errorf("jti %q", jti)
	}
}

func TestTokens(t *testing.T) {
	now := time.Now()
	tokens, _ := auth.NewTokens(secret, func() time.Time { return now })
	others, _ := auth.NewTokens(strings.Repeat("z", 32), nil)
	good, _ := tokens.Issue(7)
	foreign, _ := others.Issue(7)
	later, _ := auth.NewTokens(secret, func() time.Time { return now.Add(4*time.Hour + time.Minute) })
	enc := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	none := enc(`{"alg":"none","typ":"JWT"}`) + "." + strings.Split(good, ".")[1] + "."

	for _, tt := range []struct {
		name   string
		tokens *auth.Tokens
		token  string
		err    error
	}{
		{"a fresh token is accepted", tokens, good, nil},
		{"after four hours it has expired", later, good, auth.ErrExpired},
		{"the literal null of old guests is malformed", tokens, "null", auth.ErrMalformed},
		{"garbage is malformed", tokens, "a.b.c", auth.ErrMalformed},
		{"another secret's token is rejected", tokens, foreign, auth.ErrRejected},
		{"a token without a signature is rejected", tokens, none, auth.ErrRejected},
		{"a changed token is rejected", tokens, good[:len(good)-6] + "AAAAAA", auth.ErrRejected},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.tokens.Parse(tt.token)
			if !errors.Is(err, tt.err) || err == nil && (got.UserID != 7 || !got.Issued.Equal(now.Truncate(time.Microsecond))) {
				t.Errorf("%+v, error %v", got, err)
			}
		})
	}
}

func TestAMarkStandsForATextAndASecret(t *testing.T) {
	tokens, _ := auth.NewTokens(secret, nil)
	again, _ := auth.NewTokens(secret, nil)
	others, _ := auth.NewTokens(strings.Repeat("z", 32), nil)
	mark := tokens.Mark("ann@example.com")
	if len(mark) != 16 || again.Mark("ann@example.com") != mark {
		t.Errorf("%q, and then %q", mark, again.Mark("ann@example.com"))
	}
	if tokens.Mark("bob@example.com") == mark || others.Mark("ann@example.com") == mark {
		t.Error("another text or another secret has the same mark")
	}
}

func TestAShortSecretIsRefusedWithoutBeingShown(t *testing.T) {
	_, err := auth.NewTokens("hunter2", nil)
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("error %v", err)
	}
}
