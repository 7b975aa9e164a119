package postgres_test

import (
	"io"
	"net"
	"sync/atomic"
	"testing"
)

// relay passes TCP connections on and counts what comes back.
type relay struct {
	bytes atomic.Int64
	to    atomic.Pointer[string]
}

// lead makes connections from now on go to another address.
func (r *relay) lead(to string) { r.to.Store(&to) }

func newRelay(t *testing.T, listen, to string) *relay {
	t.Helper()
	l, err := net.Listen("tcp", listen)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	r := &relay{}
	r.lead(to)
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			go r.pass(in, *r.to.Load())
		}
	}()
	return r
}

func (r *relay) pass(in net.Conn, to string) {
	defer in.Close()
	out, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer out.Close()
	go func() {
		io.Copy(out, in)
		out.Close()
	}()
	buf := make([]byte, 32<<10)
	for {
		n, err := out.Read(buf)
		r.bytes.Add(int64(n))
		if n > 0 {
			in.Write(buf[:n])
		}
		if err != nil {
			return
		}
	}
}
