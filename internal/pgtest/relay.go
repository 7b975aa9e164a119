package pgtest

import (
	"io"
	"net"
	"strconv"
	"sync/atomic"
	"testing"
)

// Relay passes TCP connections on and counts what comes back.
type Relay struct {
	Bytes atomic.Int64
	to    atomic.Pointer[string]
}

// Lead makes connections from now on go to another address.
func (r *Relay) Lead(to string) { r.to.Store(&to) }

// NewRelay starts a relay from one address to another, such as 127.0.0.2:5432. It ends
// with the test.
func NewRelay(t testing.TB, listen, to string) *Relay {
	t.Helper()
	l, err := net.Listen("tcp", listen)
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	t.Cleanup(func() { l.Close() })
	r := &Relay{}
	r.Lead(to)
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

func (r *Relay) pass(in net.Conn, to string) {
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
		r.Bytes.Add(int64(n))
		if n > 0 {
			in.Write(buf[:n])
		}
		if err != nil {
			return
		}
	}
}

// ReplicaHost is where NewPair's replica is reached, on the port of its primary.
const ReplicaHost = "127.0.0.2"

// NewPair starts a primary and a replica of it. They have the same port, as on RDS: the
// replica is reached through the relay, on ReplicaHost. All of them end with the test.
func NewPair(t testing.TB) (primary, replica *Server, relay *Relay) {
	t.Helper()
	primary, err := Start()
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	t.Cleanup(primary.Stop)
	if replica, err = primary.Replica(); err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	t.Cleanup(replica.Stop)
	return primary, replica, NewRelay(t, ReplicaHost+":"+strconv.Itoa(primary.Port), "127.0.0.1:"+strconv.Itoa(replica.Port))
}

// Own returns the server's own database, for tests that need no other.
func (s *Server) Own() *Database { return &Database{s, "127.0.0.1", strconv.Itoa(s.Port), "postgres"} }
