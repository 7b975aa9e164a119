//go:build linux

package boot

import (
	"bytes"
	"errors"
	"os"
)

// CAFile is where the certificate of the local AWS is put before the start. An
// image without it trusts the public authorities only.
const CAFile = "/etc/localaws/ca.pem"

// bundleFile is the system's trust store, as Debian's programs read it.
const bundleFile = "/etc/ssl/certs/ca-certificates.crt"

// trustLocalCA adds the certificate to the system's bundle, once.
func trustLocalCA() error {
	ca, err := os.ReadFile(CAFile)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	bundle, err := os.ReadFile(bundleFile)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if bytes.Contains(bundle, bytes.TrimSpace(ca)) {
		return nil
	}
	if len(bundle) > 0 && !bytes.HasSuffix(bundle, []byte("\n")) {
		bundle = append(bundle, '\n')
	}
	return os.WriteFile(bundleFile, append(append(bundle, bytes.TrimSpace(ca)...), '\n'), 0o644)
}
