package avatar_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"grocery/backend/avatar"
	"grocery/backend/avatar/avatartest"
)

func TestFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "pictures")
	folder, err := avatar.OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	avatartest.Store(t, folder)
	left, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range left {
		if strings.HasPrefix(f.Name(), ".") {
			t.Errorf("%s is left over", f.Name())
		}
	}
	// Another server, or this one started anew, finds the same pictures.
	again, err := avatar.OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := again.Get(t.Context(), strings.Repeat("b", 32)+".jpg"); err != nil || string(got) != "second" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestAFolderThatCannotBeMadeIsNamed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := avatar.OpenFolder(filepath.Join(file, "below")); err == nil || !strings.Contains(err.Error(), "AVATAR_DIR") {
		t.Errorf("error %v", err)
	}
}
