// Package storetest holds the rules that every store.Store must keep, as tests
// that each implementation runs.
package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"grocery/localaws/store"
)

type thing struct {
	N    int
	Name string
}

var things = store.Table[thing]{Name: "things"}

// Run runs the suite. open returns a new, empty store for each test.
func Run(t *testing.T, open func(t *testing.T) store.Store) {
	update := func(t *testing.T, s store.Store, f func(store.Tx)) {
		t.Helper()
		if err := s.Update(func(tx store.Tx) error { f(tx); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	get := func(t *testing.T, s store.Store, key string) (v thing, ok bool) {
		t.Helper()
		if err := s.View(func(tx store.Tx) error { v, ok = things.Get(tx, key); return nil }); err != nil {
			t.Fatal(err)
		}
		return v, ok
	}

	t.Run("what is put is got, what is deleted is gone", func(t *testing.T) {
		s := open(t)
		if _, ok := get(t, s, "a"); ok {
			t.Fatal("an empty store has a value")
		}
		update(t, s, func(tx store.Tx) { things.Put(tx, "a", thing{1, "x"}) })
		if v, ok := get(t, s, "a"); !ok || v != (thing{1, "x"}) {
			t.Fatalf("got %v %v", v, ok)
		}
		update(t, s, func(tx store.Tx) { things.Delete(tx, "a"); things.Delete(tx, "never there") })
		if _, ok := get(t, s, "a"); ok {
			t.Fatal("deleted value is still there")
		}
	})

	t.Run("a transaction sees its own writes", func(t *testing.T) {
		s := open(t)
		update(t, s, func(tx store.Tx) {
			things.Put(tx, "a", thing{N: 1})
			if v, ok := things.Get(tx, "a"); !ok || v.N != 1 {
				t.Error("own write not seen")
			}
			things.Delete(tx, "a")
			if _, ok := things.Get(tx, "a"); ok {
				t.Error("own delete not seen")
			}
		})
	})

	t.Run("an error undoes all of a transaction", func(t *testing.T) {
		s := open(t)
		update(t, s, func(tx store.Tx) { things.Put(tx, "a", thing{N: 1}) })
		boom := errors.New("boom")
		err := s.Update(func(tx store.Tx) error {
			things.Put(tx, "a", thing{N: 2})
			things.Put(tx, "b", thing{N: 3})
			return boom
		})
		if !errors.Is(err, boom) {
			t.Fatalf("error = %v", err)
		}
		if v, _ := get(t, s, "a"); v.N != 1 {
			t.Errorf("a = %v", v)
		}
		if _, ok := get(t, s, "b"); ok {
			t.Error("b exists")
		}
	})

	t.Run("entries come in key order and by prefix", func(t *testing.T) {
		s := open(t)
		update(t, s, func(tx store.Tx) {
			for _, k := range []string{"b/2", "a/9", "b/1", "c", "b/10"} {
				things.Put(tx, k, thing{Name: k})
			}
		})
		var got []string
		if err := s.View(func(tx store.Tx) error {
			for _, v := range things.List(tx, "b/") {
				got = append(got, v.Name)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if want := []string{"b/1", "b/10", "b/2"}; !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	})

	t.Run("a write in a view is an error and changes nothing", func(t *testing.T) {
		s := open(t)
		if err := s.View(func(tx store.Tx) error { things.Put(tx, "a", thing{}); return nil }); err == nil {
			t.Error("no error")
		}
		if _, ok := get(t, s, "a"); ok {
			t.Error("the write happened")
		}
	})

	t.Run("a value that does not fit the type is an error that names table and key", func(t *testing.T) {
		s := open(t)
		update(t, s, func(tx store.Tx) { (store.Table[string]{Name: "things"}).Put(tx, "odd", "text") })
		err := s.View(func(tx store.Tx) error { things.Get(tx, "odd"); return nil })
		if err == nil || !strings.Contains(err.Error(), "things") || !strings.Contains(err.Error(), "odd") {
			t.Fatalf("error = %v", err)
		}
	})

	t.Run("an empty key is refused", func(t *testing.T) {
		s := open(t)
		if err := s.Update(func(tx store.Tx) error { things.Put(tx, "", thing{}); return nil }); err == nil {
			t.Error("no error")
		}
	})

	t.Run("watchers hear of changes to their tables, and only of changes", func(t *testing.T) {
		s := open(t)
		mine, cancel := s.Watch("things")
		defer cancel()
		other, cancelOther := s.Watch("other")
		defer cancelOther()
		update(t, s, func(tx store.Tx) { things.Put(tx, "a", thing{N: 1}) })
		select {
		case <-mine:
		case <-time.After(5 * time.Second):
			t.Fatal("no signal")
		}
		update(t, s, func(tx store.Tx) { things.Put(tx, "a", thing{N: 1}) }) // the same value again
		select {
		case <-mine:
			t.Error("signal without a change")
		case <-other:
			t.Error("signal for another table")
		default:
		}
	})

	t.Run("writers take turns", func(t *testing.T) {
		s := open(t)
		const n = 20
		var wg sync.WaitGroup
		for range n {
			wg.Go(func() {
				if err := s.Update(func(tx store.Tx) error {
					v, _ := things.Get(tx, "count")
					v.N++
					things.Put(tx, "count", v)
					return nil
				}); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if v, _ := get(t, s, "count"); v.N != n {
			t.Errorf("count = %d, want %d", v.N, n)
		}
	})

	t.Run("a closed store says so", func(t *testing.T) {
		s := open(t)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if err := s.Update(func(store.Tx) error { return nil }); !errors.Is(err, store.ErrClosed) {
			t.Errorf("error = %v", err)
		}
		if err := s.View(func(store.Tx) error { return nil }); !errors.Is(err, store.ErrClosed) {
			t.Errorf("error = %v", err)
		}
	})

	t.Run("many tables stay apart", func(t *testing.T) {
		s := open(t)
		update(t, s, func(tx store.Tx) {
			for i := range 5 {
				(store.Table[thing]{Name: fmt.Sprint("t", i)}).Put(tx, "k", thing{N: i})
			}
		})
		if err := s.View(func(tx store.Tx) error {
			for i := range 5 {
				if v, _ := (store.Table[thing]{Name: fmt.Sprint("t", i)}).Get(tx, "k"); v.N != i {
					t.Errorf("t%d = %v", i, v)
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	})
}
