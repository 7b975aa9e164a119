package logging_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"grocery/internal/logging"
)

func TestLinesCarryTheRequestIDOfTheirContext(t *testing.T) {
	var buf bytes.Buffer
	log := logging.New(&buf, slog.LevelInfo).With("part", "x")
	log.InfoContext(logging.WithRequestID(t.Context(), "r-1"), "with")
	log.Info("without")
	lines := strings.Split(strings.TrimSpace(buf.String()), "\n")
	if !strings.Contains(lines[0], `"request_id":"r-1"`) || !strings.Contains(lines[0], `"part":"x"`) {
		t.Errorf("line of a request: %s", lines[0])
	}
	if strings.Contains(lines[1], "request_id") {
		t.Errorf("line outside of a request: %s", lines[1])
	}
}

func TestAnUnknownLevelIsInfo(t *testing.T) {
	for in, want := range map[string]slog.Level{"debug": slog.LevelDebug, "WARN": slog.LevelWarn, "": slog.LevelInfo, "loud": slog.LevelInfo} {
		if got := logging.ParseLevel(in); got != want {
			t.Errorf("ParseLevel(%q) = %v, want %v", in, got, want)
		}
	}
}
