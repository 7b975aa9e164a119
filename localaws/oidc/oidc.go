// Package oidc asks OpenID Connect issuers for the keys that verify their
// tokens. It knows neither tokens nor AWS.
//
// A server on this machine can stand in for an issuer that is out of reach
// (StandIn). Only the address that keys are fetched from changes: the issuer
// keeps its name, its documents must name it, and every token must be signed
// by one of the keys they publish.
package oidc

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"strings"
	"sync"
	"time"
)

// FetchError says that an issuer's keys could not be had.
type FetchError struct{ Err error }

// Error is what went wrong.
func (e *FetchError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *FetchError) Unwrap() error { return e.Err }

// Issuers fetches issuers' keys and holds them for a short time.
type Issuers struct {
	client   *http.Client
	now      func() time.Time
	standIns map[string]StandIn

	mu   sync.Mutex
	sets map[string]keySet
}

// New makes an Issuers that tells the time with now and asks the stand-ins in
// place of the hosts they stand in for.
func New(now func() time.Time, standIns ...StandIn) *Issuers {
	s := &Issuers{client: &http.Client{Timeout: 10 * time.Second}, now: now, standIns: map[string]StandIn{}, sets: map[string]keySet{}}
	for _, x := range standIns {
		s.standIns[x.Host] = x
	}
	return s
}

type keySet struct {
	keys    map[string]crypto.PublicKey
	fetched time.Time
}

const (
	keepKeys  = 10 * time.Minute
	askAgain  = 5 * time.Second // at most this often for a key id nobody knows
	maxKeyDoc = 1 << 20
)

// Key returns an issuer's key by id. An unknown id makes it ask the issuer
// again: it may have changed its keys. An
// error that is a FetchError says that it could not be asked.
func (s *Issuers) Key(ctx context.Context, issuer, kid string) (crypto.PublicKey, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	set, have := s.sets[issuer]
	age := s.now().Sub(set.fetched)
	if k, ok := set.find(kid); have && ok && age < keepKeys {
		return k, nil
	}
	if !have || age >= askAgain {
		keys, err := s.fetchKeys(ctx, issuer)
		if err != nil {
			return nil, &FetchError{err}
		}
		set = keySet{keys, s.now()}
		s.sets[issuer] = set
	}
	if k, ok := set.find(kid); ok {
		return k, nil
	}
	return nil, fmt.Errorf("the issuer publishes no key with the id %q", kid)
}

func (s keySet) find(kid string) (crypto.PublicKey, bool) {
	if kid == "" && len(s.keys) == 1 {
		for _, k := range s.keys {
			return k, true
		}
	}
	k, ok := s.keys[kid]
	return k, ok
}

// fetchKeys asks an issuer for its discovery document and its keys (OpenID
// Connect Discovery 1.0, RFC 7517).
func (s *Issuers) fetchKeys(ctx context.Context, issuer string) (map[string]crypto.PublicKey, error) {
	var config struct {
		Issuer  string `json:"issuer"`
		JWKSURI string `json:"jwks_uri"`
	}
	if err := s.getJSON(ctx, strings.TrimSuffix(issuer, "/")+"/.well-known/openid-configuration", &config); err != nil {
		return nil, err
	}
	if config.Issuer != issuer || config.JWKSURI == "" {
		return nil, fmt.Errorf("the discovery document of %s names the issuer %q and the keys %q", issuer, config.Issuer, config.JWKSURI)
	}
	var doc struct {
		Keys []struct{ Kty, Kid, Use, N, E, Crv, X, Y string }
	}
	if err := s.getJSON(ctx, config.JWKSURI, &doc); err != nil {
		return nil, err
	}
	keys := map[string]crypto.PublicKey{}
	for _, k := range doc.Keys {
		number := func(s string) *big.Int {
			raw, _ := base64.RawURLEncoding.DecodeString(strings.TrimRight(s, "="))
			return new(big.Int).SetBytes(raw)
		}
		switch {
		case k.Use != "" && k.Use != "sig":
		case k.Kty == "RSA":
			if n, e := number(k.N), number(k.E); n.BitLen() >= 2048 && e.IsInt64() {
				keys[k.Kid] = &rsa.PublicKey{N: n, E: int(e.Int64())}
			}
		case k.Kty == "EC":
			if c := map[string]elliptic.Curve{"P-256": elliptic.P256(), "P-384": elliptic.P384(), "P-521": elliptic.P521()}[k.Crv]; c != nil {
				size := (c.Params().BitSize + 7) / 8
				point := make([]byte, 1+2*size)
				point[0] = 4 // uncompressed: X and Y follow
				x, y := number(k.X), number(k.Y)
				if x.BitLen() > 8*size || y.BitLen() > 8*size {
					continue
				}
				x.FillBytes(point[1 : 1+size])
				y.FillBytes(point[1+size:])
				if key, err := ecdsa.ParseUncompressedPublicKey(c, point); err == nil { // a point beside the curve is no key
					keys[k.Kid] = key
				}
			}
		}
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("%s publishes no key that can be used", config.JWKSURI)
	}
	return keys, nil
}

func (s *Issuers) getJSON(ctx context.Context, url string, v any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	if x, ok := s.standIns[strings.ToLower(req.URL.Host)]; ok {
		req.URL.Scheme, req.URL.Host = "http", x.Addr
	}
	res, err := s.client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", url, res.Status)
	}
	if err := json.NewDecoder(io.LimitReader(res.Body, maxKeyDoc)).Decode(v); err != nil {
		return fmt.Errorf("read %s: %w", url, err)
	}
	return nil
}
