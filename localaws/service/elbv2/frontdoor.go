package elbv2

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"grocery/localaws/runtime"
	"grocery/localaws/wire"
)

// frontDoor is how the machine reaches internet-facing balancers: one port of
// the machine per listener port, shared by all balancers and told apart by the
// name the client asks for. It passes bytes, not requests: a connection belongs
// to the balancer its first request names, and everything HTTP can do
// (keep-alive, streaming, websockets, TLS) is between client and balancer.
type frontDoor struct {
	at      FrontDoor
	runtime runtime.Runtime
	log     *slog.Logger

	mu     sync.Mutex
	open   map[int]net.Listener // by listener port
	routes atomic.Pointer[[]doorRoute]
}

// doorRoute is one balancer behind the door.
type doorRoute struct {
	name, short string
	vpc         string
	zones       []zone
	ports       map[int]bool
}

// ensure opens the door for a listener port. A port that another program holds
// is an error that says so.
func (d *frontDoor) ensure(port int) error {
	if d.at.Host == "" {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.open[port] != nil {
		return nil
	}
	outside := port + d.at.Base
	if outside > 65535 {
		return wire.Errorf(400, "InvalidConfigurationRequest", "A listener on port %d cannot be reached on this machine: the front door adds %d to it", port, d.at.Base)
	}
	l, err := net.Listen("tcp", net.JoinHostPort(d.at.Host, strconv.Itoa(outside)))
	if errors.Is(err, syscall.EADDRINUSE) {
		return wire.Errorf(400, "InvalidConfigurationRequest", "Port %d of this machine, where the listener on port %d appears, is in use by another program: stop that one, or choose another base for the front door", outside, port)
	}
	if err != nil {
		return fmt.Errorf("open the front door: %w", err)
	}
	d.open[port] = l
	go d.serve(port, l)
	return nil
}

// openFrontDoor opens the door for a listener of an internet-facing balancer.
func (s *Service) openFrontDoor(b balancer, port int) error {
	if b.Scheme != "internet-facing" {
		return nil
	}
	return s.plane.door.ensure(port)
}

// route tells the door which balancers there are and closes ports nobody uses.
func (d *frontDoor) route(n *snapshot) {
	var all []doorRoute
	ports := map[int]bool{}
	for _, b := range n.balancers {
		if b.Deleting || b.Scheme != "internet-facing" {
			continue
		}
		r := doorRoute{name: b.DNSName, short: strings.ToLower(b.Name) + "." + b.Region + ".elb.localhost", vpc: b.VPC, zones: b.Zones, ports: map[int]bool{}}
		for _, l := range n.listeners[b.ARN] {
			r.ports[l.Port], ports[l.Port] = true, true
		}
		all = append(all, r)
	}
	d.routes.Store(&all)
	d.keep(ports)
}

// keep closes all ports but those named.
func (d *frontDoor) keep(ports map[int]bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for port, l := range d.open {
		if !ports[port] {
			l.Close()
			delete(d.open, port)
		}
	}
}

func (d *frontDoor) serve(port int, l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			d.log.Warn("front door", "port", port, "error", err)
			time.Sleep(100 * time.Millisecond)
			continue
		}
		go d.carry(port, c)
	}
}

// The patience of the front door.
const (
	firstRequest = 60 * time.Second // for a client's first bytes
	doorDial     = 10 * time.Second // for the balancer to accept
)

// carry connects one client with the balancer it asks for.
func (d *frontDoor) carry(port int, client net.Conn) {
	defer client.Close()
	client.SetReadDeadline(time.Now().Add(firstRequest))
	read, host, secure, err := askedFor(client)
	client.SetReadDeadline(time.Time{})
	if err != nil {
		if !errors.Is(err, io.EOF) && !secure {
			refuse(client, http.StatusBadRequest, "This is no HTTP request that names a host.")
		}
		return
	}
	r, ok := d.find(host, port)
	if !ok {
		if !secure {
			refuse(client, http.StatusNotFound, fmt.Sprintf("No internet-facing load balancer with a listener on port %d has the name %q. There are: %s.", port, host, d.list(port)))
		}
		return
	}
	balancer, err := d.dial(r, port)
	if err != nil {
		d.log.Warn("front door cannot reach the balancer", "balancer", r.name, "port", port, "error", err)
		if !secure {
			refuse(client, http.StatusGatewayTimeout, fmt.Sprintf("The load balancer %s does not accept connections on port %d from the internet. Check that its security groups admit them and that its subnets have a route to an internet gateway.", r.name, port))
		}
		return
	}
	defer balancer.Close()
	if _, err := balancer.Write(read); err != nil {
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		io.Copy(balancer, client)
		closeWrite(balancer)
	}()
	io.Copy(client, balancer)
	closeWrite(client)
	// The balancer has said all it will: what the client may still send has no reader.
	client.SetReadDeadline(time.Now())
	<-done
}

func closeWrite(c net.Conn) {
	if t, ok := c.(interface{ CloseWrite() error }); ok {
		t.CloseWrite()
		return
	}
	c.Close()
}

// dial opens a connection to the balancer from the internet's side, at one of
// its nodes after the other.
func (d *frontDoor) dial(r doorRoute, port int) (c net.Conn, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), doorDial)
	defer cancel()
	err = errors.New("it has no address yet")
	first := rand.IntN(max(1, len(r.zones)))
	for i := range r.zones {
		z := r.zones[(first+i)%len(r.zones)]
		if z.Address == "" {
			continue
		}
		each, stop := context.WithTimeout(ctx, doorDial/time.Duration(len(r.zones)))
		c, err = d.runtime.DialNetwork(each, r.vpc, "tcp", net.JoinHostPort(z.Address, strconv.Itoa(port)))
		stop()
		if err == nil {
			return c, nil
		}
	}
	return nil, err
}

// find returns the balancer of a name: its DNS name, or its own name in place
// of the DNS name's first label when only one balancer has it.
func (d *frontDoor) find(host string, port int) (doorRoute, bool) {
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	var short []doorRoute
	for _, r := range d.balancers() {
		if r.name == host {
			return r, r.ports[port]
		}
		if r.short == host && r.ports[port] {
			short = append(short, r)
		}
	}
	if len(short) == 1 {
		return short[0], true
	}
	return doorRoute{}, false
}

func (d *frontDoor) balancers() []doorRoute {
	if p := d.routes.Load(); p != nil {
		return *p
	}
	return nil
}

func (d *frontDoor) list(port int) string {
	var l []string
	for _, r := range d.balancers() {
		if r.ports[port] {
			l = append(l, r.name)
		}
	}
	if len(l) == 0 {
		return "none"
	}
	slices.Sort(l)
	return strings.Join(l, ", ")
}

// maxFirstRequest bounds the header of a connection's first request.
const maxFirstRequest = 64 << 10

// askedFor reads as much as it takes to know the name a client asks for: the
// Host of a first request, or the server name of a TLS greeting. It returns
// all that was read.
func askedFor(c net.Conn) (read []byte, host string, secure bool, err error) {
	var seen bytes.Buffer
	from := bufio.NewReaderSize(io.TeeReader(c, &seen), 4096)
	first, err := from.Peek(1)
	if err != nil {
		return nil, "", false, io.EOF // it said nothing: a browser's spare connection, to be closed without a word
	}
	if first[0] == 0x16 { // a TLS handshake record
		name, err := serverNameOf(from, c)
		return seen.Bytes(), name, true, err
	}
	var head bytes.Buffer
	for head.Len() < maxFirstRequest {
		line, err := from.ReadSlice('\n')
		head.Write(line)
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return nil, "", false, err
		}
		if s := bytes.TrimRight(line, "\r\n"); len(s) == 0 && err == nil && head.Len() > 2 {
			break
		}
	}
	req, err := http.ReadRequest(bufio.NewReader(&head))
	if err != nil {
		return nil, "", false, err
	}
	host = req.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	return seen.Bytes(), host, false, nil
}

var errGreeted = errors.New("the greeting is read")

// serverNameOf reads a TLS greeting and nothing else.
func serverNameOf(r io.Reader, c net.Conn) (name string, err error) {
	err = tls.Server(greeting{c, r}, &tls.Config{GetConfigForClient: func(h *tls.ClientHelloInfo) (*tls.Config, error) {
		name = h.ServerName
		return nil, errGreeted
	}}).Handshake()
	if errors.Is(err, errGreeted) {
		return name, nil
	}
	return "", err
}

// greeting is a connection that is read and never written to.
type greeting struct {
	net.Conn
	r io.Reader
}

func (g greeting) Read(b []byte) (int, error)  { return g.r.Read(b) }
func (g greeting) Write(b []byte) (int, error) { return len(b), nil }

// refuse answers a client that no balancer will answer.
func refuse(c net.Conn, status int, text string) {
	c.SetWriteDeadline(time.Now().Add(time.Second))
	fmt.Fprintf(c, "HTTP/1.1 %d %s\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s\n", status, http.StatusText(status), len(text)+1, text)
}
