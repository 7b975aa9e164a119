package ops

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// zipFile is one file of a zip that depends on its content alone.
type zipFile struct {
	name string
	mode os.FileMode
	data []byte
}

// makeZip writes files in the given order with one fixed time, so that the same
// content is the same zip, byte for byte, and no plan changes without cause.
func makeZip(files ...zipFile) ([]byte, error) {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	w.RegisterCompressor(zip.Deflate, func(out io.Writer) (io.WriteCloser, error) { return flate.NewWriter(out, flate.BestCompression) })
	for _, f := range files {
		h := &zip.FileHeader{Name: f.name, Method: zip.Deflate, Modified: time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)}
		h.SetMode(f.mode)
		e, err := w.CreateHeader(h)
		if err == nil {
			_, err = e.Write(f.data)
		}
		if err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil { // writes the directory
		return nil, err
	}
	return b.Bytes(), nil
}

// buildLambda builds the restore function's zip: one static binary named
// bootstrap, as provided.al2023 wants it.
func (e *Environment) buildLambda(ctx context.Context, arch string) error {
	tmp, err := os.MkdirTemp("", "grocery-lambda-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	bin := filepath.Join(tmp, "bootstrap")
	if err := e.goBuild(ctx, bin, "./aws_infra/lambda_handler", arch, "lambda.norpc"); err != nil {
		return err
	}
	raw, err := os.ReadFile(bin)
	if err != nil {
		return err
	}
	z, err := makeZip(zipFile{"bootstrap", 0o755, raw})
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(e.infra(), "lambda_handler", "lambda_function.zip"), z, 0o644)
}

// goBuild builds a static Linux binary that depends on the sources alone.
func (e *Environment) goBuild(ctx context.Context, out, pkg, arch, tags string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-tags", tags, "-ldflags", "-s -w -buildid=", "-o", out, pkg)
	cmd.Dir = e.Root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch)
	if msg, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build %s: %w\n%s", pkg, err, bytes.TrimSpace(msg))
	}
	return nil
}

// rdsBundle is where AWS publishes the authorities of RDS's certificates.
// See https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.SSL.html.
func rdsBundle(region string) string {
	return "https://truststore.pki.rds.amazonaws.com/" + region + "/" + region + "-bundle.pem"
}

// buildLayer builds the layer that holds what the restore function needs
// beside its binary: the authorities of the database's certificate.
func (e *Environment) buildLayer(ctx context.Context, region string) error {
	t, err := e.Access.transport()
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, rdsBundle(region), nil)
	if err != nil {
		return err
	}
	resp, err := (&http.Client{Transport: t, Timeout: time.Minute}).Do(req)
	if err != nil {
		return fmt.Errorf("fetch the authorities of RDS: %w", err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, 4<<20))
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %s", resp.Status)
	}
	if err == nil {
		err = checkPEM(raw)
	}
	if err != nil {
		return fmt.Errorf("fetch the authorities of RDS from %s: %w", rdsBundle(region), err)
	}
	z, err := makeZip(zipFile{"rds-ca.pem", 0o644, raw})
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(e.infra(), "layers", "rds-ca.zip"), z, 0o644)
}

// checkPEM refuses anything that is not a list of certificates.
func checkPEM(raw []byte) error {
	n := 0
	for len(bytes.TrimSpace(raw)) > 0 {
		var b *pem.Block
		if b, raw = pem.Decode(raw); b == nil {
			return fmt.Errorf("the answer is no PEM file")
		}
		if _, err := x509.ParseCertificate(b.Bytes); err != nil {
			return fmt.Errorf("certificate %d: %w", n+1, err)
		}
		n++
	}
	if n == 0 {
		return fmt.Errorf("the answer holds no certificate")
	}
	return nil
}

// goArch is Go's name for one of AWS's architectures.
func goArch(aws string) string {
	if strings.HasPrefix(aws, "arm") {
		return "arm64"
	}
	return "amd64"
}
