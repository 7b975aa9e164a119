package oidc_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"grocery/localaws/oidc"
)

const issuer = "https://issuer.example"

// standIn publishes one key in the name of an issuer.
func standIn(t *testing.T, name string) (*rsa.PrivateKey, string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		json.NewEncoder(w).Encode(map[string]string{"issuer": name, "jwks_uri": issuer + "/.well-known/jwks"})
	})
	mux.HandleFunc("/.well-known/jwks", func(w http.ResponseWriter, _ *http.Request) {
		b64 := func(n *big.Int) string { return base64.RawURLEncoding.EncodeToString(n.Bytes()) }
		json.NewEncoder(w).Encode(map[string]any{"keys": []any{map[string]string{"kty": "RSA", "kid": "k", "n": b64(key.N), "e": b64(big.NewInt(int64(key.E)))}}})
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return key, strings.TrimPrefix(s.URL, "http://")
}

func TestAStandInIsAskedForItsIssuersKeysAndForNoOthers(t *testing.T) {
	key, addr := standIn(t, issuer)
	s := oidc.New(time.Now, oidc.StandIn{Host: "issuer.example", Addr: addr})
	got, err := s.Key(t.Context(), issuer, "k")
	if err != nil || !key.PublicKey.Equal(got) {
		t.Errorf("the issuer's key: %v %v", got, err)
	}
	if _, err := s.Key(t.Context(), issuer, "another"); err == nil {
		t.Error("a key that is not published was found")
	}
	other := httptest.NewServer(http.NotFoundHandler())
	other.Close()
	var fetch *oidc.FetchError
	if _, err := s.Key(t.Context(), other.URL, "k"); !errors.As(err, &fetch) {
		t.Errorf("another issuer was answered for: %v", err)
	}
}

func TestAStandInThatNamesAnotherIssuerIsRefused(t *testing.T) {
	_, addr := standIn(t, "https://somebody.example")
	if _, err := oidc.New(time.Now, oidc.StandIn{Host: "issuer.example", Addr: addr}).Key(t.Context(), issuer, "k"); err == nil {
		t.Error("its keys were taken")
	}
}

func TestStandInsAreLoopbackAddresses(t *testing.T) {
	for text, want := range map[string]int{
		"": 0, "a.example=127.0.0.1:1": 1, "a.example=127.0.0.1:1, b.example=[::1]:2": 2,
		"a.example": -1, "=127.0.0.1:1": -1, "a.example=127.0.0.1": -1, "a.example=192.0.2.1:80": -1,
		"a.example=localhost:80": -1, "https://a.example=127.0.0.1:1": -1,
	} {
		got, err := oidc.ParseStandIns(text)
		if (err != nil) != (want < 0) || err == nil && len(got) != want {
			t.Errorf("%q: %v %v, want %d", text, got, err, want)
		}
	}
}
