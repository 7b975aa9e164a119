package logging_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"grocery/internal/logging"
)

// slow is a writer that takes its time.
type slow struct {
	mu     sync.Mutex
	writes int
	bytes.Buffer
}

func (s *slow) Write(p []byte) (int, error) {
	time.Sleep(time.Millisecond)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writes++
	return s.Buffer.Write(p)
}

func TestEveryLineIsWrittenInOrderAndManyAtATime(t *testing.T) {
	out := &slow{}
	b := logging.NewBackground(out)
	var all sync.WaitGroup
	for who := range 4 {
		all.Go(func() {
			for i := range 500 {
				fmt.Fprintf(b, "%d %03d\n", who, i)
			}
		})
	}
	all.Wait()
	b.Close()
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	slices.SortStableFunc(lines, func(a, b string) int { return int(a[0]) - int(b[0]) })
	if len(lines) != 2000 || !slices.IsSorted(lines) || out.writes > 1000 {
		t.Errorf("%d lines in %d writes, in order: %v", len(lines), out.writes, slices.IsSorted(lines))
	}
}

func TestALineIsWrittenWithoutAnother(t *testing.T) {
	out := &slow{}
	b := logging.NewBackground(out)
	fmt.Fprintln(b, "alone")
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
		out.mu.Lock()
		written := out.String()
		out.mu.Unlock()
		if written == "alone\n" {
			break
		}
		if time.Now().After(end) {
			t.Fatal("the line waits")
		}
	}
	b.Close()
	fmt.Fprintln(b, "late")
	if got := out.String(); got != "alone\nlate\n" {
		t.Errorf("after the end: %q", got)
	}
}

func TestWhoLogsTooMuchWaits(t *testing.T) {
	out := &slow{}
	b := logging.NewBackground(out)
	line := bytes.Repeat([]byte("x"), 1<<20)
	for range 5 {
		b.Write(line)
	}
	b.Close()
	if out.Len() != 5<<20 || out.writes < 2 {
		t.Errorf("%d bytes in %d writes", out.Len(), out.writes)
	}
}
