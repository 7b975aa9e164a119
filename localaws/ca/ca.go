// Package ca is the certificate authority made on this machine: it signs the
// certificates of local AWS's genuine host names and of its databases. Nothing
// but what is told to (AWS_CA_BUNDLE, the instances) trusts it.
package ca

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"
)

const (
	authorityLife = 10 * 365 * 24 * time.Hour
	leafLife      = 397 * 24 * time.Hour // the longest that clients accept
	renewBefore   = 24 * time.Hour
)

// CA is the authority. It is safe for concurrent use.
type CA struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  []byte
	leaf *ecdsa.PrivateKey // one key for all served names: making one takes longer than signing

	mu    sync.Mutex
	certs map[string]*tls.Certificate
}

// Open reads the authority in dir (ca.pem, ca-key.pem) or makes one there.
func Open(dir string) (*CA, error) {
	certFile, keyFile := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "ca-key.pem")
	rawCert, err := os.ReadFile(certFile)
	if errors.Is(err, fs.ErrNotExist) {
		if err := create(certFile, keyFile); err != nil {
			return nil, fmt.Errorf("make the certificate authority: %w", err)
		}
		rawCert, err = os.ReadFile(certFile)
	}
	if err != nil {
		return nil, fmt.Errorf("read the certificate authority: %w", err)
	}
	rawKey, err := os.ReadFile(keyFile)
	if err != nil {
		return nil, fmt.Errorf("read the certificate authority's key (remove ca.pem too to make a new one): %w", err)
	}
	pair, err := tls.X509KeyPair(rawCert, rawKey)
	if err != nil {
		return nil, fmt.Errorf("the certificate authority in %s cannot be used (remove ca.pem and ca-key.pem to make a new one): %w", dir, err)
	}
	key, ok := pair.PrivateKey.(*ecdsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("the key in %s is no ECDSA key", keyFile)
	}
	leaf, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	return &CA{cert: pair.Leaf, key: key, pem: rawCert, leaf: leaf, certs: map[string]*tls.Certificate{}}, nil
}

// create writes a new authority; the key first, so that a certificate that
// exists always has one.
func create(certFile, keyFile string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	host, _ := os.Hostname() // the name serves people only
	t := template()
	t.Subject = pkix.Name{CommonName: "Local AWS on " + host, Organization: []string{"Grocery local AWS"}}
	t.NotAfter = t.NotBefore.Add(authorityLife)
	t.IsCA, t.BasicConstraintsValid, t.MaxPathLenZero = true, true, true
	t.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	der, err := x509.CreateCertificate(rand.Reader, t, t, &key.PublicKey, key)
	if err != nil {
		return err
	}
	keyPEM, err := encodeKey(key)
	if err != nil {
		return err
	}
	if err := os.WriteFile(keyFile, keyPEM, 0o600); err != nil {
		return err
	}
	tmp := certFile + ".new"
	if err := os.WriteFile(tmp, encodeCert(der), 0o644); err != nil {
		return err
	}
	return os.Rename(tmp, certFile)
}

func template() *x509.Certificate {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		panic(err) // crypto/rand does not fail
	}
	return &x509.Certificate{SerialNumber: serial, NotBefore: time.Now().Add(-time.Hour)}
}

func encodeCert(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func encodeKey(key *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), err
}

// PEM is the authority's certificate.
func (c *CA) PEM() []byte { return c.pem }

// sign makes a leaf certificate for names (host names or addresses).
func (c *CA) sign(names []string, key *ecdsa.PrivateKey) ([]byte, error) {
	if len(names) == 0 {
		return nil, errors.New("a certificate needs a name")
	}
	t := template()
	t.Subject = pkix.Name{CommonName: names[0]}
	if len(names[0]) > 64 { // X.509's bound for a common name; clients read the alternative names
		t.Subject.CommonName = ""
	}
	t.NotAfter = t.NotBefore.Add(leafLife)
	t.KeyUsage = x509.KeyUsageDigitalSignature
	t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	for _, n := range names {
		if ip := net.ParseIP(n); ip != nil {
			t.IPAddresses = append(t.IPAddresses, ip)
		} else {
			t.DNSNames = append(t.DNSNames, n)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, t, c.cert, &key.PublicKey, c.key)
	if err != nil {
		return nil, fmt.Errorf("sign a certificate for %s: %w", names[0], err)
	}
	return der, nil
}

// Issue makes a certificate with a key of its own, both as PEM.
func (c *CA) Issue(names []string) (certPEM, keyPEM []byte, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	der, err := c.sign(names, key)
	if err != nil {
		return nil, nil, err
	}
	keyPEM, err = encodeKey(key)
	return encodeCert(der), keyPEM, err
}

// Certificate returns a certificate for a server name, made once and kept.
func (c *CA) Certificate(serverName string) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if cert := c.certs[serverName]; cert != nil && time.Until(cert.Leaf.NotAfter) > renewBefore {
		return cert, nil
	}
	der, err := c.sign([]string{serverName}, c.leaf)
	if err != nil {
		return nil, err
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	if len(c.certs) > 4096 { // names come from clients
		clear(c.certs)
	}
	cert := &tls.Certificate{Certificate: [][]byte{der, c.cert.Raw}, PrivateKey: c.leaf, Leaf: leaf}
	c.certs[serverName] = cert
	return cert, nil
}

// TLS is a server configuration that answers for every name allowed admits.
func (c *CA) TLS(allowed func(serverName string) bool) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{"http/1.1"},
		GetCertificate: func(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
			if !allowed(h.ServerName) {
				return nil, fmt.Errorf("local AWS does not answer for %q", h.ServerName)
			}
			return c.Certificate(h.ServerName)
		},
	}
}
