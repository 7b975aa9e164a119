package store

import (
	"bytes"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
)

// memory is the Store without a file.
type memory struct {
	mu     sync.RWMutex
	tables map[string]map[string][]byte
	closed bool
	watchers
}

// NewMemory makes a store that lives as long as the process, for tests.
func NewMemory() Store { return &memory{tables: map[string]map[string][]byte{}} }

func (s *memory) View(f func(Tx) error) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return ErrClosed
	}
	return guard(&memoryTx{s: s}, f)
}

func (s *memory) Update(f func(Tx) error) error {
	t := &memoryTx{s: s, draft: map[string]map[string][]byte{}}
	err := func() error {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.closed {
			return ErrClosed
		}
		if err := guard(t, f); err != nil {
			return err
		}
		maps.Copy(s.tables, t.draft)
		return nil
	}()
	if err == nil {
		s.notify(t.changed)
	}
	return err
}

func (s *memory) Watch(tables ...string) (<-chan struct{}, func()) { return s.watch(tables) }

func (s *memory) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return nil
}

// memoryTx writes into copies of the tables it touches (draft).
type memoryTx struct {
	s       *memory
	draft   map[string]map[string][]byte
	changed map[string]bool
}

func (t *memoryTx) table(name string) map[string][]byte {
	if d, ok := t.draft[name]; ok {
		return d
	}
	return t.s.tables[name]
}

func (t *memoryTx) write(name string) (map[string][]byte, error) {
	if t.draft == nil {
		return nil, errors.New("write in a read-only transaction")
	}
	if t.draft[name] == nil {
		t.draft[name] = map[string][]byte{}
		maps.Copy(t.draft[name], t.s.tables[name])
	}
	if t.changed == nil {
		t.changed = map[string]bool{}
	}
	return t.draft[name], nil
}

func (t *memoryTx) get(table, key string) []byte { return t.table(table)[key] }

func (t *memoryTx) put(table, key string, value []byte) error {
	m, err := t.write(table)
	if err != nil || bytes.Equal(m[key], value) {
		return err
	}
	m[key], t.changed[table] = value, true
	return nil
}

func (t *memoryTx) del(table, key string) error {
	m, err := t.write(table)
	if _, there := m[key]; err != nil || !there {
		return err
	}
	delete(m, key)
	t.changed[table] = true
	return nil
}

func (t *memoryTx) each(table, prefix string, f func(string, []byte) bool) {
	m := t.table(table)
	for _, k := range slices.Sorted(maps.Keys(m)) {
		if strings.HasPrefix(k, prefix) && !f(k, m[k]) {
			return
		}
	}
}
