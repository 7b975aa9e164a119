package avatar

import (
	"context"
	"errors"
	"regexp"
)

// Store keeps pictures by their names. Its methods may be called at the same time, and
// by several servers on one store.
type Store interface {
	// Put stores a picture; one of that name is replaced.
	Put(ctx context.Context, name string, data []byte) error
	// Get returns a picture; ErrNotFound when there is none of that name.
	Get(ctx context.Context, name string) ([]byte, error)
	// Delete removes a picture. There need not be one.
	Delete(ctx context.Context, name string) error
}

// ErrNotFound says that there is no picture of a name, or that it is no name of one.
var ErrNotFound = errors.New("there is no such picture")

var nameForm = regexp.MustCompile(`^[0-9a-f]{32}\.(png|jpg)$`)

// ContentType returns what a picture of that name is sent as, "" when it is no name of a
// picture.
func ContentType(name string) string {
	switch m := nameForm.FindStringSubmatch(name); {
	case m == nil:
		return ""
	case m[1] == "png":
		return "image/png"
	default:
		return "image/jpeg"
	}
}
