package main

import (
	"strings"
	"testing"
)

func TestAFullDiskIsSaidBeforeAnythingBegins(t *testing.T) {
	if err := roomFor(t.TempDir(), 1); err != nil {
		t.Errorf("one byte: %v", err)
	}
	err := roomFor(t.TempDir(), 1<<62)
	if err == nil || !strings.Contains(err.Error(), "MB free") || !strings.Contains(err.Error(), "make room") {
		t.Errorf("no disk is that large: %v", err)
	}
}
