package dev

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

func TestEachChangeOfASourceIsSeenOnce(t *testing.T) {
	root := t.TempDir()
	write := func(name, content string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(root, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(root, "backend"), 0o755); err != nil {
		t.Fatal(err)
	}
	write("backend/a.go", "package a")
	seen := make(chan int)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	done := errors.New("enough")
	changes := 0
	go func() {
		err := watch(ctx, root, []string{"backend"}, func() error {
			changes++
			seen <- changes
			if changes == 3 {
				return done
			}
			return nil
		})
		if !errors.Is(err, done) {
			t.Errorf("watch ended with %v", err)
		}
		close(seen)
	}()
	<-seen // at the beginning
	write("backend/a.go", "package b // longer")
	<-seen
	write("backend/notes.txt", "no source")
	write("backend/b.sql", "SELECT 1")
	<-seen
	if _, more := <-seen; more {
		t.Error("a change was seen twice")
	}
}

func TestLinesOfSeveralProgramsDoNotMix(t *testing.T) {
	var out bytes.Buffer
	say := &lines{out: &out}
	a, b := say.from("a"), say.from("b")
	io.WriteString(a, "one ")
	io.WriteString(b, "two\n\n")
	io.WriteString(a, "three\nfour")
	if got, want := out.String(), "b | two\na | one three\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestTheDatabaseKeepsItsData(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "postgres")
	if err := os.Mkdir(filepath.Dir(dir)+"-private", 0o700); err != nil {
		t.Fatal(err)
	}
	dir = filepath.Join(filepath.Dir(dir)+"-private", "postgres") // where only we may enter
	for start := range 2 {
		db, err := startPostgres(t.Context(), dir, io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		conn, err := pgx.Connect(t.Context(), fmt.Sprintf("host=127.0.0.1 port=%d user=%s dbname=grocery sslmode=disable", db.port, databaseUser))
		if err != nil {
			t.Fatal(err)
		}
		if start == 0 {
			_, err = conn.Exec(t.Context(), "CREATE TABLE kept (n int)")
		} else {
			_, err = conn.Exec(t.Context(), "INSERT INTO kept VALUES (1)")
		}
		if err != nil {
			t.Error(err)
		}
		if start == 1 { // somebody else's server is not disturbed
			if _, err := startPostgres(t.Context(), dir, io.Discard); err == nil || !strings.Contains(err.Error(), "make dev") {
				t.Errorf("a second server on the same data: %v", err)
			}
		}
		conn.Close(t.Context())
		db.stop()
	}
}
