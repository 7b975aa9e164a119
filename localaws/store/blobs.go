package store

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Blobs keeps large values as files in a folder. A blob is written once and
// never changed; it exists from the moment Commit returns, which also makes it
// durable. Its id goes into a table; a blob no table names is garbage that
// Sweep removes.
type Blobs struct{ dir string }

// OpenBlobs opens or creates a folder of blobs.
func OpenBlobs(dir string) (*Blobs, error) {
	if err := os.MkdirAll(filepath.Join(dir, "new"), 0o700); err != nil {
		return nil, fmt.Errorf("open the blob folder: %w", err)
	}
	return &Blobs{dir}, nil
}

// Writer receives the content of one new blob.
type Writer struct {
	*os.File
	id  string
	dir string
}

// Create starts a blob. Finish with Commit, or give up with Abort.
func (b *Blobs) Create() (*Writer, error) {
	var raw [16]byte
	rand.Read(raw[:])
	id := hex.EncodeToString(raw[:])
	f, err := os.OpenFile(filepath.Join(b.dir, "new", id), os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("create a blob: %w", err)
	}
	return &Writer{f, id, b.dir}, nil
}

// Commit makes the blob durable and returns its id.
func (w *Writer) Commit() (id string, err error) {
	defer os.Remove(filepath.Join(w.dir, "new", w.id)) // gone already when all went well
	if err := errors.Join(w.Sync(), w.Close()); err != nil {
		return "", fmt.Errorf("write a blob: %w", err)
	}
	to := filepath.Join(w.dir, w.id[:2])
	if err := os.MkdirAll(to, 0o700); err != nil {
		return "", fmt.Errorf("write a blob: %w", err)
	}
	if err := os.Rename(filepath.Join(w.dir, "new", w.id), filepath.Join(to, w.id)); err != nil {
		return "", fmt.Errorf("write a blob: %w", err)
	}
	if d, err := os.Open(to); err == nil {
		d.Sync() // the rename is durable with the folder
		d.Close()
	}
	return w.id, nil
}

// Abort drops an unfinished blob.
func (w *Writer) Abort() {
	w.Close()
	os.Remove(filepath.Join(w.dir, "new", w.id))
}

// Put stores all of r and returns the blob's id and size in bytes.
func (b *Blobs) Put(r io.Reader) (id string, size int64, err error) {
	w, err := b.Create()
	if err != nil {
		return "", 0, err
	}
	if size, err = io.Copy(w, r); err != nil {
		w.Abort()
		return "", 0, err
	}
	id, err = w.Commit()
	return id, size, err
}

// Open opens a blob for reading.
func (b *Blobs) Open(id string) (*os.File, error) {
	if len(id) < 2 {
		return nil, fs.ErrNotExist
	}
	return os.Open(filepath.Join(b.dir, id[:2], id))
}

// Delete removes a blob; an absent one is no error.
func (b *Blobs) Delete(id string) error {
	if len(id) < 2 {
		return nil
	}
	if err := os.Remove(filepath.Join(b.dir, id[:2], id)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Sweep removes the blobs for which keep answers false, and every unfinished
// one. It must run before anything writes, so at start.
func (b *Blobs) Sweep(keep func(id string) bool) error {
	return filepath.WalkDir(b.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if id := d.Name(); filepath.Base(filepath.Dir(path)) == "new" || !keep(id) {
			return os.Remove(path)
		}
		return nil
	})
}
