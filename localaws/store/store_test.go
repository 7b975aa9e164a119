package store_test

import (
	"bytes"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"grocery/localaws/store"
	"grocery/localaws/store/storetest"
)

func TestFile(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store {
		s, err := store.Open(filepath.Join(t.TempDir(), "store.db"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		return s
	})
}

func TestMemory(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store { return store.NewMemory() })
}

func TestOpenFileTwiceSaysWhoHoldsIt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	s, err := store.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := store.Open(path); err == nil || !strings.Contains(err.Error(), "grocery down") {
		t.Errorf("error = %v", err)
	}
}

func TestFileKeepsStateOverReopening(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	table := store.Table[int]{Name: "n"}
	s, err := store.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Update(func(tx store.Tx) error { table.Put(tx, "k", 7); return nil }); err != nil {
		t.Fatal(err)
	}
	s.Close()
	if s, err = store.Open(path); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	s.View(func(tx store.Tx) error {
		if v, ok := table.Get(tx, "k"); !ok || v != 7 {
			t.Errorf("got %v %v", v, ok)
		}
		return nil
	})
}

func TestBlobs(t *testing.T) {
	b, err := store.OpenBlobs(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	id, n, err := b.Put(strings.NewReader("hello"))
	if err != nil || n != 5 {
		t.Fatal(n, err)
	}
	kept, _, _ := b.Put(strings.NewReader("kept"))
	w, err := b.Create()
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(w, "unfinished")
	f, err := b.Open(id)
	if err != nil {
		t.Fatal(err)
	}
	got, _ := io.ReadAll(f)
	f.Close()
	if !bytes.Equal(got, []byte("hello")) {
		t.Errorf("content = %q", got)
	}
	if err := b.Sweep(func(x string) bool { return x == kept }); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Open(id); err == nil {
		t.Error("swept blob is still there")
	}
	if f, err := b.Open(kept); err != nil {
		t.Error("kept blob is gone")
	} else {
		f.Close()
	}
	if err := b.Delete(kept); err != nil {
		t.Error(err)
	}
	if err := b.Delete(kept); err != nil {
		t.Error("deleting twice:", err)
	}
}
