package main

import (
	"net"
	"net/http"
	"sync"
)

// wholeAnswers is a listener whose connections send the beginning of an answer together
// with its rest: one packet train and one system call where net/http makes two of any answer
// that is larger than its buffer.
type wholeAnswers struct{ net.Listener }

// Accept is of net.Listener.
func (l wholeAnswers) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &conn{Conn: c}, nil
}

// httpBuffer is the size of net/http's buffer of a connection. When it passes on exactly
// that much, more follows at once: the rest of the answer, or its end (see answered).
const httpBuffer = 4 << 10

// conn holds back a full buffer until what follows it.
type conn struct {
	net.Conn
	mu   sync.Mutex
	held []byte
}

// Write is of net.Conn.
func (c *conn) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(p) == httpBuffer && len(c.held) == 0 {
		c.held = append(c.held, p...)
		return len(p), nil
	}
	return c.send(p)
}

// send sends what is held, and p.
func (c *conn) send(p []byte) (int, error) {
	if len(c.held) == 0 {
		return c.Conn.Write(p)
	}
	held := int64(len(c.held))
	n, err := (&net.Buffers{c.held, p}).WriteTo(c.Conn)
	c.held = c.held[:0]
	return int(max(n-held, 0)), err
}

// flush sends what is held.
func (c *conn) flush() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.held) == 0 {
		return nil
	}
	_, err := c.send(nil)
	return err
}

// CloseWrite lets net/http end an answer before it hangs up on who still sends.
func (c *conn) CloseWrite() error {
	c.flush()
	if tcp, ok := c.Conn.(*net.TCPConn); ok {
		return tcp.CloseWrite()
	}
	return nil
}

// Close is of net.Conn.
func (c *conn) Close() error {
	c.flush()
	return c.Conn.Close()
}

// answered sends what is left of an answer that ends with a full buffer. It is the
// server's ConnState: an answer is followed by StateIdle, or by Close.
func answered(c net.Conn, state http.ConnState) {
	if c, ok := c.(*conn); ok && state == http.StateIdle {
		c.flush()
	}
}
