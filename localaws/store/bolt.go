package store

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// file is the Store over one bbolt file.
type file struct {
	db *bolt.DB
	watchers
}

// Open opens or creates the store in the file at path. A second process that
// opens the same file gets an error that says so.
func Open(path string) (Store, error) {
	db, err := bolt.Open(path, 0o600, &bolt.Options{Timeout: time.Second})
	if errors.Is(err, bolterrors.ErrTimeout) {
		return nil, fmt.Errorf("%s is in use by another local AWS: stop that one first (grocery down)", path)
	}
	if err != nil {
		return nil, fmt.Errorf("open the state in %s: %w", path, err)
	}
	return &file{db: db}, nil
}

func (s *file) View(f func(Tx) error) error {
	return closed(s.db.View(func(tx *bolt.Tx) error { return guard(&boltTx{tx: tx}, f) }))
}

func (s *file) Update(f func(Tx) error) error {
	t := &boltTx{changed: map[string]bool{}}
	err := s.db.Update(func(tx *bolt.Tx) error { t.tx = tx; return guard(t, f) })
	if err == nil {
		s.notify(t.changed)
	}
	return closed(err)
}

func (s *file) Watch(tables ...string) (<-chan struct{}, func()) { return s.watch(tables) }

func (s *file) Close() error { return s.db.Close() }

func closed(err error) error {
	if errors.Is(err, bolterrors.ErrDatabaseNotOpen) {
		return ErrClosed
	}
	return err
}

type boltTx struct {
	tx      *bolt.Tx
	changed map[string]bool
}

func (t *boltTx) get(table, key string) []byte {
	if b := t.tx.Bucket([]byte(table)); b != nil {
		return b.Get([]byte(key))
	}
	return nil
}

func (t *boltTx) put(table, key string, value []byte) error {
	b, err := t.tx.CreateBucketIfNotExists([]byte(table))
	if err != nil {
		return err
	}
	if bytes.Equal(b.Get([]byte(key)), value) {
		return nil // no change, so nobody is woken
	}
	t.changed[table] = true
	return b.Put([]byte(key), value)
}

func (t *boltTx) del(table, key string) error {
	b := t.tx.Bucket([]byte(table))
	if b == nil || b.Get([]byte(key)) == nil {
		return nil
	}
	t.changed[table] = true
	return b.Delete([]byte(key))
}

func (t *boltTx) each(table, prefix string, f func(string, []byte) bool) {
	b := t.tx.Bucket([]byte(table))
	if b == nil {
		return
	}
	c := b.Cursor()
	for k, v := c.Seek([]byte(prefix)); k != nil && bytes.HasPrefix(k, []byte(prefix)); k, v = c.Next() {
		if !f(string(k), v) {
			return
		}
	}
}
