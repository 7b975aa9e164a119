//go:build !linux

package linux

import (
	"errors"
	"log/slog"

	"grocery/localaws/runtime"
)

// Options configure a Runtime; see the Linux half of this package.
type Options struct {
	Cloud string
	Host  string
	Log   *slog.Logger
}

// New fails: networks are built from Linux's network namespaces.
func New(Options) (runtime.Runtime, error) {
	return nil, errors.New("local AWS runs instances and networks on Linux only: use a Linux machine (or a Linux virtual machine), or the runtime \"none\" to serve the API alone")
}
