package auth_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"grocery/backend/auth"
)

func TestRefreshTokensAreRandomAndKnownByTheirHash(t *testing.T) {
	token, hash := auth.NewRefreshToken()
	other, _ := auth.NewRefreshToken()
	if len(token) != 43 || token == other {
		t.Fatalf("%q, %q", token, other)
	}
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if want := sha256.Sum256(raw); err != nil || !bytes.Equal(hash, want[:]) {
		t.Errorf("hash %x of %x, %v", hash, raw, err)
	}
	if got, err := auth.RefreshHash(token); err != nil || !bytes.Equal(got, hash) {
		t.Errorf("%x, %v", got, err)
	}
	for _, bad := range []string{"", "null", token[:42], token + "A", token[:42] + "=", strings.Repeat("!", 43), token[:20] + "\n" + token[20:]} {
		if _, err := auth.RefreshHash(bad); !errors.Is(err, auth.ErrMalformed) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func FuzzRefreshToken(f *testing.F) {
	token, _ := auth.NewRefreshToken()
	for _, s := range []string{token, "", "null", strings.Repeat("A", 43), strings.Repeat("_", 43)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		hash, err := auth.RefreshHash(s)
		if (err == nil) != (len(hash) == sha256.Size) {
			t.Fatalf("hash of %d bytes, %v", len(hash), err)
		}
		// One text per token: two texts of one hash would be two tokens of one use.
		if err == nil {
			raw, err := base64.RawURLEncoding.DecodeString(s)
			if err != nil || base64.RawURLEncoding.EncodeToString(raw) != s {
				t.Fatalf("%q is accepted and is not how its bytes are written", s)
			}
		}
	})
}

func FuzzAccessToken(f *testing.F) {
	now := time.Unix(1_800_000_000, 0)
	tokens, err := auth.NewTokens(secret, func() time.Time { return now })
	if err != nil {
		f.Fatal(err)
	}
	good, err := tokens.Issue(7)
	if err != nil {
		f.Fatal(err)
	}
	parts := strings.Split(good, ".")
	for _, s := range []string{good, "null", "", "..", "a.b.c", parts[0] + "." + parts[1] + ".", good + "=", good + "\r", good[:len(good)-5] + "\n" + good[len(good)-5:], strings.ToUpper(good), good[:len(good)-1] + "B", good[:len(good)-1] + "9",
		base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + parts[1] + "."} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		access, err := tokens.Parse(s)
		switch {
		case err == nil && (access.UserID != 7 || !access.Issued.Equal(now)):
			t.Fatalf("%q is accepted as %+v", s, access)
		case err == nil && !signed(s):
			t.Fatalf("%q is accepted though nobody signed it", s)
		case err != nil && !errors.Is(err, auth.ErrExpired) && !errors.Is(err, auth.ErrMalformed) && !errors.Is(err, auth.ErrRejected):
			t.Fatalf("%q: %v", s, err)
		}
	})
}

// signed checks a token's signature by HS256's definition, RFC 7515 appendix A.1.
func signed(token string) bool {
	i := strings.LastIndexByte(token, '.')
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(token[:max(i, 0)]))
	return i > 0 && base64.RawURLEncoding.EncodeToString(mac.Sum(nil)) == token[i+1:]
}
