package setup

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestPIDFileOfADeadEngineIsDropped(t *testing.T) {
	comm, err := os.ReadFile("/proc/self/comm")
	if err != nil {
		t.Fatal(err)
	}
	me := strings.TrimSpace(string(comm))
	for rule, c := range map[string]struct {
		pid, program string
		kept         bool
	}{
		"nobody has the number":          {"4194304", me, false},
		"another program has the number": {fmt.Sprint(os.Getpid()), "dockerd", false},
		"the program itself has it":      {fmt.Sprint(os.Getpid()) + "\n", me, true},
	} {
		t.Run(rule, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "x.pid")
			if err := os.WriteFile(file, []byte(c.pid), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := dropStale(file, c.program); err != nil {
				t.Fatal(err)
			}
			if _, err := os.Stat(file); errors.Is(err, os.ErrNotExist) == c.kept {
				t.Errorf("the file: %v", err)
			}
		})
	}
	if err := dropStale(filepath.Join(t.TempDir(), "absent"), "x"); err != nil {
		t.Error(err)
	}
}
