package seal_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"grocery/localaws/seal"
)

func TestSealedValueOpensAfterARestartAndShowsNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	first, err := seal.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	sealed := first.Seal([]byte("hunter2"), "db")
	if bytes.Contains(sealed, []byte("hunter2")) {
		t.Fatal("the value stands readable in what was sealed")
	}
	again, err := seal.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := again.Open(sealed, "db")
	if err != nil || string(plain) != "hunter2" {
		t.Fatalf("opened %q, %v", plain, err)
	}
	if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o600 {
		t.Fatalf("the key file is not its owner's alone: %v, %v", st.Mode(), err)
	}
}

func TestSealedValueOpensOnlyAtItsPlaceWithItsKey(t *testing.T) {
	k := seal.New()
	sealed := k.Seal([]byte("x"), "a")
	if _, err := k.Open(sealed, "b"); err == nil {
		t.Error("a value moved to another place opened")
	}
	if _, err := seal.New().Open(sealed, "a"); err == nil {
		t.Error("another key opened the value")
	}
}

func TestDamagedKeyFileIsReportedAndKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(path, []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := seal.Open(path); err == nil {
		t.Fatal("a damaged key was accepted")
	}
	if raw, _ := os.ReadFile(path); string(raw) != "short" {
		t.Fatal("the damaged key was overwritten")
	}
}
