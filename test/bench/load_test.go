package bench

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// clients is how many connections a load has, all kept alive.
const clients = 32

// get returns the bytes of a request.
func get(path string, headers ...string) []byte {
	r := "GET " + path + " HTTP/1.1\r\nHost: shop\r\n"
	for i := 0; i < len(headers); i += 2 {
		r += headers[i] + ": " + headers[i+1] + "\r\n"
	}
	return []byte(r + "\r\n")
}

// post returns the bytes of a request with a body of JSON.
func post(path, body string) []byte {
	return fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", path, len(body), body)
}

// client is one connection. It does as little as it can: the machine is the servers'.
type client struct {
	net.Conn
	buf [64 << 10]byte
}

func dial(addr string) (*client, error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	return &client{Conn: conn}, nil
}

// do sends a request and reads the answer, which has to be a success with a
// Content-Length. It returns the length of its body.
func (c *client) do(request []byte) (int, error) {
	if _, err := c.Write(request); err != nil {
		return 0, err
	}
	for n := 0; ; {
		m, err := c.Read(c.buf[n:])
		if err != nil {
			return 0, err
		}
		n += m
		end := bytes.Index(c.buf[:n], []byte("\r\n\r\n"))
		if end < 0 {
			continue
		}
		head := c.buf[:end+2]
		_, length, _ := bytes.Cut(head, []byte("\r\nContent-Length: "))
		length, _, _ = bytes.Cut(length, []byte("\r\n"))
		body, err := strconv.Atoi(string(length))
		if err != nil || !bytes.HasPrefix(head, []byte("HTTP/1.1 20")) {
			return 0, fmt.Errorf("the answer is %q", c.buf[:n])
		}
		if rest := end + 4 + body - n; rest > 0 {
			if _, err := io.CopyN(io.Discard, c.Conn, int64(rest)); err != nil {
				return 0, err
			}
		}
		return body, nil
	}
}

// saturate asks a server as fast as it answers, for a while, and returns how many
// requests a second that were.
func saturate(b *testing.B, p *process, requests [][]byte, while time.Duration) float64 {
	b.Helper()
	var count atomic.Int64
	begin := time.Now()
	crowd(b, p, func(c *client, i int) error {
		for n := i; time.Since(begin) < while; n++ {
			if _, err := c.do(requests[n%len(requests)]); err != nil {
				return err
			}
			count.Add(1)
		}
		return nil
	})
	return float64(count.Load()) / time.Since(begin).Seconds()
}

// pace asks a server at a fixed rate, whether it keeps up or not, and returns how long
// each answer took from the moment the request was due.
func pace(b *testing.B, p *process, requests [][]byte, rate float64, while time.Duration) []time.Duration {
	b.Helper()
	total := int(rate * while.Seconds())
	due := make(chan time.Time, total)
	go func() {
		defer close(due)
		runtime.LockOSThread() // for sleeps that are short
		defer runtime.UnlockOSThread()
		begin := time.Now()
		for n := range total {
			if wait := time.Until(begin.Add(time.Duration(float64(n) / rate * 1e9))); wait > 0 {
				unix.Nanosleep(new(unix.NsecToTimespec(int64(wait))), nil)
			}
			due <- time.Now()
		}
	}()
	var mu sync.Mutex
	all := make([]time.Duration, 0, total)
	crowd(b, p, func(c *client, i int) error {
		var took []time.Duration
		for n := i; ; n++ {
			at, ok := <-due
			if !ok {
				break
			}
			if _, err := c.do(requests[n%len(requests)]); err != nil {
				return err
			}
			took = append(took, time.Since(at))
		}
		mu.Lock()
		defer mu.Unlock()
		all = append(all, took...)
		return nil
	})
	return all
}

// crowd runs fn for each of the clients at once.
func crowd(b *testing.B, p *process, fn func(c *client, i int) error) {
	b.Helper()
	var all sync.WaitGroup
	for i := range clients {
		c, err := dial(p.addr)
		if err != nil {
			b.Fatal(err)
		}
		defer c.Close()
		all.Go(func() {
			if err := fn(c, i); err != nil {
				b.Errorf("%s: %v", p.cmd.Path, err)
			}
		})
	}
	all.Wait()
	if b.Failed() {
		b.Fatalf("the log ends with: %s", p.tail())
	}
}

// percentile returns the value that p percent of the times do not exceed.
func percentile(times []time.Duration, p int) time.Duration {
	sorted := slices.Sorted(slices.Values(times))
	return sorted[(len(sorted)-1)*p/100]
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}
