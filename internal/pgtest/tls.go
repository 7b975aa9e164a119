package pgtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// writeCertificates puts server.crt and server.key into dir and returns the file of
// the authority that signed them.
func writeCertificates(dir string, owner *syscall.Credential) (ca string, err error) {
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", err
	}
	authority := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "pgtest authority"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	server := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "localhost"},
		NotBefore: authority.NotBefore, NotAfter: authority.NotAfter,
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	caDER, err1 := x509.CreateCertificate(rand.Reader, authority, authority, caKey.Public(), caKey)
	crtDER, err2 := x509.CreateCertificate(rand.Reader, server, authority, key.Public(), caKey)
	keyDER, err3 := x509.MarshalPKCS8PrivateKey(key)
	if err := errors.Join(err1, err2, err3); err != nil {
		return "", err
	}
	ca = filepath.Join(dir, "ca.pem")
	keyFile := filepath.Join(dir, "server.key")
	err = errors.Join(
		writePEM(ca, "CERTIFICATE", caDER, 0o644),
		writePEM(filepath.Join(dir, "server.crt"), "CERTIFICATE", crtDER, 0o644),
		writePEM(keyFile, "PRIVATE KEY", keyDER, 0o600))
	if owner != nil {
		err = errors.Join(err, os.Chown(keyFile, int(owner.Uid), int(owner.Gid)))
	}
	return ca, err
}

func writePEM(path, kind string, der []byte, mode os.FileMode) error {
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), mode)
}
