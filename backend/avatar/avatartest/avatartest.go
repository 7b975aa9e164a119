// Package avatartest holds what every store of pictures must do.
package avatartest

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"grocery/backend/avatar"
)

// Store holds a store against what package avatar promises of each.
func Store(t *testing.T, s avatar.Store) {
	t.Helper()
	ctx := t.Context()
	name := func(digit, ext string) string { return strings.Repeat(digit, 32) + "." + ext }
	put := func(t *testing.T, name string, data []byte) {
		t.Helper()
		if err := s.Put(ctx, name, data); err != nil {
			t.Fatalf("put %s: %v", name, err)
		}
	}
	t.Run("what was put is got, byte for byte", func(t *testing.T) {
		data := bytes.Repeat([]byte("\x00\xff\r\n"), 50_000)
		put(t, name("a", "png"), data)
		if got, err := s.Get(ctx, name("a", "png")); err != nil || !bytes.Equal(got, data) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
	})
	t.Run("a picture of the same name is replaced", func(t *testing.T) {
		put(t, name("b", "jpg"), []byte("first, and longer"))
		put(t, name("b", "jpg"), []byte("second"))
		if got, err := s.Get(ctx, name("b", "jpg")); err != nil || string(got) != "second" {
			t.Errorf("%q, %v", got, err)
		}
	})
	t.Run("an unknown name is not found", func(t *testing.T) {
		if _, err := s.Get(ctx, name("0", "png")); !errors.Is(err, avatar.ErrNotFound) {
			t.Errorf("%v", err)
		}
	})
	t.Run("what was deleted is not found, and may be deleted again", func(t *testing.T) {
		put(t, name("c", "png"), []byte("x"))
		for range 2 {
			if err := s.Delete(ctx, name("c", "png")); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := s.Get(ctx, name("c", "png")); !errors.Is(err, avatar.ErrNotFound) {
			t.Errorf("%v", err)
		}
	})
	t.Run("what is no name of a picture leads nowhere", func(t *testing.T) {
		for _, bad := range []string{"", ".", "..", "../secret", "user_default.png", name("a", "svg"), name("A", "png"), "x/" + name("a", "png"), name("a", "png") + "/", name("a", "png") + "\x00"} {
			if _, err := s.Get(ctx, bad); !errors.Is(err, avatar.ErrNotFound) {
				t.Errorf("get %q: %v", bad, err)
			}
			if err := s.Put(ctx, bad, []byte("x")); !errors.Is(err, avatar.ErrNotFound) {
				t.Errorf("put %q: %v", bad, err)
			}
			if err := s.Delete(ctx, bad); err != nil {
				t.Errorf("delete %q: %v", bad, err)
			}
		}
	})
	t.Run("readers beside writers see one picture or the other", func(t *testing.T) {
		pictures := [][]byte{bytes.Repeat([]byte("1"), 100_000), bytes.Repeat([]byte("2"), 50_000)}
		put(t, name("d", "png"), pictures[0])
		var wg sync.WaitGroup
		failed := make(chan error, 100)
		for i := range 10 {
			wg.Go(func() {
				if err := s.Put(ctx, name("d", "png"), pictures[i%2]); err != nil {
					failed <- err
				}
			})
			wg.Go(func() {
				got, err := s.Get(ctx, name("d", "png"))
				if err != nil || !bytes.Equal(got, pictures[0]) && !bytes.Equal(got, pictures[1]) {
					failed <- fmt.Errorf("%d bytes, %v", len(got), err)
				}
			})
		}
		wg.Wait()
		close(failed)
		for err := range failed {
			t.Error(err)
		}
	})
}
