package avatar

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// Folder is a Store in a folder.
type Folder struct{ root *os.Root }

// OpenFolder returns the store in a folder, which is made when it is not there.
func OpenFolder(path string) (*Folder, error) {
	if err := os.MkdirAll(path, 0o750); err != nil {
		return nil, fmt.Errorf("AVATAR_DIR: %w", err)
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, fmt.Errorf("AVATAR_DIR: %w", err)
	}
	return &Folder{root}, nil
}

// Put stores a picture: all of it, or nothing.
func (f *Folder) Put(_ context.Context, name string, data []byte) error {
	if ContentType(name) == "" {
		return ErrNotFound
	}
	temporary := "." + name + "." + rand.Text()
	if err := f.root.WriteFile(temporary, data, 0o640); err != nil {
		f.root.Remove(temporary)
		return fmt.Errorf("store a picture: %w", err)
	}
	if err := f.root.Rename(temporary, name); err != nil {
		f.root.Remove(temporary)
		return fmt.Errorf("store a picture: %w", err)
	}
	return nil
}

// Get returns a picture.
func (f *Folder) Get(_ context.Context, name string) ([]byte, error) {
	if ContentType(name) == "" {
		return nil, ErrNotFound
	}
	b, err := f.root.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("read a picture: %w", err)
	}
	return b, nil
}

// Delete removes a picture.
func (f *Folder) Delete(_ context.Context, name string) error {
	if ContentType(name) == "" {
		return nil
	}
	if err := f.root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove a picture: %w", err)
	}
	return nil
}
