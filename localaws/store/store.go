package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Store is a transactional set of tables. All implementations pass storetest.
type Store interface {
	// View runs f in a read-only transaction that sees one state.
	View(f func(Tx) error) error
	// Update runs f in a read-write transaction. Writers take turns. When f
	// returns nil all of it is durable; otherwise none of it happened.
	Update(f func(Tx) error) error
	// Watch returns a channel that receives after a committed change to one of
	// the tables (all tables when none is named). Signals coalesce: one pending
	// signal stands for any number of changes. cancel ends the watch.
	Watch(tables ...string) (changed <-chan struct{}, cancel func())
	// Close ends the store's use; it waits for running transactions.
	Close() error
}

// Tx is one transaction. A Tx is valid only inside the function it was given
// to and only on that goroutine.
type Tx interface {
	get(table, key string) []byte
	put(table, key string, value []byte) error
	del(table, key string) error
	// each calls f in key order for the keys with prefix, until f returns false.
	each(table, prefix string, f func(key string, value []byte) bool)
}

// Table is a typed table: keys are strings, values are T as JSON.
type Table[T any] struct{ Name string }

// failure carries an error out of a transaction function through panic; View
// and Update turn it back into an error, so that the methods of Table need no
// error result. It never leaves this package.
type failure struct{ err error }

func fail(format string, args ...any) { panic(failure{fmt.Errorf(format, args...)}) }

// Get returns the value at key.
func (t Table[T]) Get(tx Tx, key string) (v T, ok bool) {
	raw := tx.get(t.Name, key)
	if raw == nil {
		return v, false
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		fail("table %s, key %s: %w", t.Name, key, err)
	}
	return v, true
}

// Put writes v at key, which must not be empty.
func (t Table[T]) Put(tx Tx, key string, v T) {
	if key == "" {
		fail("table %s: a value needs a key", t.Name)
	}
	raw, err := json.Marshal(v)
	if err == nil {
		err = tx.put(t.Name, key, raw)
	}
	if err != nil {
		fail("table %s, key %s: %w", t.Name, key, err)
	}
}

// Delete removes key; an absent key is no error.
func (t Table[T]) Delete(tx Tx, key string) {
	if err := tx.del(t.Name, key); err != nil {
		fail("table %s, key %s: %w", t.Name, key, err)
	}
}

// Each calls f for the entries whose key starts with prefix, in key order,
// until f returns false. f must not write to the table.
func (t Table[T]) Each(tx Tx, prefix string, f func(key string, v T) bool) {
	tx.each(t.Name, prefix, func(key string, raw []byte) bool {
		var v T
		if err := json.Unmarshal(raw, &v); err != nil {
			fail("table %s, key %s: %w", t.Name, key, err)
		}
		return f(key, v)
	})
}

// List returns the values whose key starts with prefix, in key order.
func (t Table[T]) List(tx Tx, prefix string) []T {
	var all []T
	t.Each(tx, prefix, func(_ string, v T) bool { all = append(all, v); return true })
	return all
}

// Key joins parts with "/": the usual form is Key(region, id).
func Key(parts ...string) string { return strings.Join(parts, "/") }

// guard runs f and turns a failure panic into an error.
func guard(tx Tx, f func(Tx) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			x, ok := p.(failure)
			if !ok {
				panic(p)
			}
			err = x.err
		}
	}()
	return f(tx)
}

// ErrClosed is returned by transactions on a closed store.
var ErrClosed = errors.New("store is closed")
