package ops_test

import (
	"archive/zip"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"strings"
	"testing"
	"time"

	"grocery/ops"
)

func TestZipDependsOnItsContentAlone(t *testing.T) {
	one, err := ops.Zip("bootstrap", 0o755, []byte("content"))
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(2 * time.Second) // a zip's times are even seconds
	two, err := ops.Zip("bootstrap", 0o755, []byte("content"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(one, two) {
		t.Error("the same content made two zips")
	}
	for name, make := range map[string]func() ([]byte, error){
		"content": func() ([]byte, error) { return ops.Zip("bootstrap", 0o755, []byte("other")) },
		"name":    func() ([]byte, error) { return ops.Zip("other", 0o755, []byte("content")) },
		"mode":    func() ([]byte, error) { return ops.Zip("bootstrap", 0o644, []byte("content")) },
	} {
		if other, err := make(); err != nil || bytes.Equal(one, other) {
			t.Errorf("another %s made the same zip (%v)", name, err)
		}
	}
}

func TestZipIsWhole(t *testing.T) {
	content := strings.Repeat("content ", 100_000)
	raw, err := ops.Zip("bootstrap", 0o755, []byte(content))
	if err != nil {
		t.Fatal(err)
	}
	r, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		t.Fatal(err)
	}
	if len(r.File) != 1 || r.File[0].Name != "bootstrap" || r.File[0].Mode() != 0o755 {
		t.Fatalf("%+v", r.File)
	}
	f, err := r.File[0].Open()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(f); err != nil || string(got) != content {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if len(raw) > len(content)/10 {
		t.Errorf("%d bytes: not compressed", len(raw))
	}
}

func TestArchitectureOfAWSIsNamedAsGoDoes(t *testing.T) {
	for aws, want := range map[string]string{"arm64": "arm64", "x86_64": "amd64", "amd64": "amd64", "": "amd64"} {
		if got := ops.GoArch(aws); got != want {
			t.Errorf("%q is %s, want %s", aws, got, want)
		}
	}
}

func TestOnlyCertificatesPassAsAuthorities(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	rawKey, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	cert := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	for _, test := range []struct{ name, text, err string }{
		{"one", cert, ""},
		{"several, with space around", "\n" + cert + "\n\n" + cert + "\n", ""},
		{"nothing", "", "holds no certificate"},
		{"space", " \n\n", "holds no certificate"},
		{"a page of HTML", "<html>error</html>", "no PEM file"},
		{"a certificate and a rest", cert + "rest", "no PEM file"},
		{"a key", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: rawKey})), "certificate 1"},
		{"a broken second one", cert + string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der[:40]})), "certificate 2"},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := ops.CheckPEM([]byte(test.text))
			if test.err == "" && err != nil || test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)) {
				t.Errorf("error %v, want %q", err, test.err)
			}
		})
	}
}
