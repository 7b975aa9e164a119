package logging

import (
	"io"
	"sync"
	"time"
)

// maxBehind is how many bytes may wait to be written before those who log have to wait.
const maxBehind = 1 << 20

// gathering is how long a line waits for others that are written together with it.
const gathering = time.Millisecond

// Background is a writer that passes on what it is given in the background and in order,
// within a millisecond; what comes meanwhile goes together. So nobody waits for the log, and
// under load it takes one system call for many lines. What is not written when the process is killed is
// lost: call Close before the end.
type Background struct {
	w     io.Writer
	mu    sync.Mutex
	more  sync.Cond // something waits to be written, or it has been; or Close
	lines []byte
	spare []byte
	ended bool
	done  chan struct{}
}

// NewBackground returns a writer to w, whose errors are not told.
func NewBackground(w io.Writer) *Background {
	b := &Background{w: w, done: make(chan struct{})}
	b.more.L = &b.mu
	go b.write()
	return b
}

// Write is of io.Writer. After Close it writes itself.
func (b *Background) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for len(b.lines) > maxBehind && !b.ended {
		b.more.Wait()
	}
	if b.ended {
		return b.w.Write(p)
	}
	b.lines = append(b.lines, p...)
	if len(b.lines) == len(p) {
		b.more.Broadcast()
	}
	return len(p), nil
}

func (b *Background) write() {
	defer close(b.done)
	b.mu.Lock()
	defer b.mu.Unlock()
	for {
		for len(b.lines) == 0 {
			if b.ended {
				return
			}
			b.more.Wait()
		}
		if !b.ended {
			b.mu.Unlock()
			time.Sleep(gathering)
			b.mu.Lock()
		}
		lines := b.lines
		b.lines = b.spare[:0]
		b.mu.Unlock()
		b.w.Write(lines)
		b.mu.Lock()
		b.spare = lines
		b.more.Broadcast()
	}
}

// Close returns when everything is written.
func (b *Background) Close() error {
	b.mu.Lock()
	b.ended = true
	b.more.Broadcast()
	b.mu.Unlock()
	<-b.done
	return nil
}
