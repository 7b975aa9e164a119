package proxy

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Dial opens a connection to a target (address:port) from one of the
// balancer's nodes.
type Dial func(ctx context.Context, node, addr string) (net.Conn, error)

// Balancer carries the requests of one balancer. Set gives it something to do.
type Balancer struct {
	Stats Stats

	dial    Dial
	now     func() time.Time
	current atomic.Pointer[compiled]

	mu     sync.Mutex
	groups map[string]*group
	nodes  map[string]*httputil.ReverseProxy
	idle   []func()
}

// compiled is a configuration ready for use.
type compiled struct {
	Config
	listeners map[int]*Listener
	groups    map[string]*liveGroup
}

type liveGroup struct {
	*Group
	state *group
}

// connectTimeout is how long a balancer waits for a connection to a target.
const connectTimeout = 10 * time.Second

// New makes a balancer without listeners. It dials targets with dial.
func New(dial Dial, now func() time.Time) *Balancer {
	b := &Balancer{dial: dial, now: now, groups: map[string]*group{}, nodes: map[string]*httputil.ReverseProxy{}}
	b.Set(Config{})
	return b
}

// Set replaces the configuration. Requests under way go on as they began; those
// at targets that are no longer named are cut off.
func (b *Balancer) Set(c Config) {
	if c.IdleTimeout <= 0 {
		c.IdleTimeout = time.Minute
	}
	n := &compiled{Config: c, listeners: map[int]*Listener{}, groups: map[string]*liveGroup{}}
	for i := range c.Listeners {
		n.listeners[c.Listeners[i].Port] = &c.Listeners[i]
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range c.Groups {
		g := &c.Groups[i]
		s := b.groups[g.ID]
		if s == nil {
			s = &group{targets: map[string]*target{}, stats: b.Stats.Group(g.ID)}
			b.groups[g.ID] = s
		}
		s.update(g)
		n.groups[g.ID] = &liveGroup{g, s}
	}
	for id, s := range b.groups {
		if n.groups[id] == nil {
			s.update(&Group{})
			delete(b.groups, id)
		}
	}
	b.current.Store(n)
}

// Close cuts all requests off.
func (b *Balancer) Close() {
	b.Set(Config{})
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, f := range b.idle {
		f()
	}
}

// Handler serves what arrives at a port of one of the balancer's nodes.
func (b *Balancer) Handler(node string, port int) http.Handler {
	forward := b.node(node)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := b.current.Load()
		l := c.listeners[port]
		if l == nil {
			panic(http.ErrAbortHandler) // the listener is gone: close the connection
		}
		b.Stats.Requests.Add(1)
		for i := range l.Rules {
			if l.Rules[i].holds(r) {
				b.act(w, r, c, l, &l.Rules[i].Action, forward)
				return
			}
		}
		b.fail(w, l, http.StatusServiceUnavailable)
	})
}

func (r *Rule) holds(req *http.Request) bool {
	for _, c := range r.Conditions {
		if !c(req) {
			return false
		}
	}
	return true
}

func (b *Balancer) act(w http.ResponseWriter, r *http.Request, c *compiled, l *Listener, a *Action, forward *httputil.ReverseProxy) {
	switch {
	case a.Fixed != nil:
		b.answer(w, l, a.Fixed.Status, a.Fixed.ContentType, a.Fixed.Body)
	case a.Redirect != nil:
		w.Header().Set("Location", a.Redirect.location(r, l, c.PortShift))
		b.answer(w, l, a.Redirect.Status, "text/html", "")
	default:
		b.forward(w, r, c, l, a, forward)
	}
}

// exchange is one forwarded request.
type exchange struct {
	*compiled
	listener *Listener
	group    *liveGroup
	to       *Target
	sticky   time.Duration // of the group; 0: the group was no choice
	start    time.Time
	stop     func() bool // stops the timer that waits for the answer
}

type exchangeKey struct{}

var errIdle = errors.New("the target did not answer in time")

func (b *Balancer) forward(w http.ResponseWriter, r *http.Request, c *compiled, l *Listener, a *Action, proxy *httputil.ReverseProxy) {
	id := a.Forward[0].Group
	if len(a.Forward) > 1 {
		kept := ""
		if a.Sticky > 0 {
			kept = cookie(r, groupCookie)
		}
		id = choose(a.Forward, kept)
	}
	g := c.groups[id]
	if g == nil {
		b.fail(w, l, http.StatusServiceUnavailable)
		return
	}
	t := g.pick(g.state, g.sticky(r), b.now())
	if t == nil {
		b.fail(w, l, http.StatusServiceUnavailable)
		return
	}
	state := g.state.target(t.ID)
	if state == nil { // taken away this moment
		b.fail(w, l, http.StatusServiceUnavailable)
		return
	}
	state.outstanding.Add(1)
	defer state.outstanding.Add(-1)
	g.state.stats.Requests.Add(1)

	ctx, cancel := context.WithCancelCause(r.Context())
	defer cancel(nil)
	defer context.AfterFunc(state.gone, func() { cancel(context.Canceled) })()
	x := &exchange{compiled: c, listener: l, group: g, to: t, start: time.Now()}
	if len(a.Forward) > 1 {
		x.sticky = a.Sticky
	}
	timer := time.AfterFunc(c.IdleTimeout, func() { cancel(errIdle) })
	x.stop = timer.Stop
	defer timer.Stop()
	proxy.ServeHTTP(w, r.WithContext(context.WithValue(ctx, exchangeKey{}, x)))
}

// node returns the reverse proxy of a node; each has a pool of connections of
// its own, because it dials from an address of its own.
func (b *Balancer) node(node string) *httputil.ReverseProxy {
	b.mu.Lock()
	defer b.mu.Unlock()
	if p := b.nodes[node]; p != nil {
		return p
	}
	transport := &http.Transport{
		DialContext: func(ctx context.Context, _, addr string) (net.Conn, error) {
			ctx, cancel := context.WithTimeout(ctx, connectTimeout)
			defer cancel()
			return b.dial(ctx, node, addr)
		},
		TLSClientConfig:     &tls.Config{InsecureSkipVerify: true}, // balancers do not verify targets
		TLSHandshakeTimeout: connectTimeout,
		MaxIdleConnsPerHost: 256,
		IdleConnTimeout:     time.Minute,
		DisableCompression:  true,
		ReadBufferSize:      16 << 10,
		WriteBufferSize:     16 << 10,
	}
	p := &httputil.ReverseProxy{
		Rewrite:        rewrite,
		Transport:      transport,
		ModifyResponse: b.answered,
		ErrorHandler:   b.failed,
		BufferPool:     buffers{},
		ErrorLog:       log.New(io.Discard, "", 0), // failures are counted and answered
	}
	b.nodes[node] = p
	b.idle = append(b.idle, transport.CloseIdleConnections)
	return p
}

// rewrite makes the request that the target gets.
func rewrite(p *httputil.ProxyRequest) {
	x := p.In.Context().Value(exchangeKey{}).(*exchange)
	out, in := p.Out, p.In
	out.URL.Scheme, out.URL.Host, out.Host = "http", x.to.Addr, in.Host
	if x.group.Secure {
		out.URL.Scheme = "https"
	}
	if x.DropInvalidFields {
		for k := range out.Header {
			if strings.ContainsFunc(k, notFieldChar) {
				delete(out.Header, k)
			}
		}
	}
	out.URL.RawQuery = in.URL.RawQuery              // as it came, also what Go would not parse
	if v, ok := in.Header["X-Forwarded-Host"]; ok { // not the balancer's business
		out.Header["X-Forwarded-Host"] = v
	}
	if v, ok := in.Header["Forwarded"]; ok {
		out.Header["Forwarded"] = v
	}
	forwardedFor(x, in, out.Header)
	protocol := "http"
	if x.listener.Secure {
		protocol = "https"
	}
	out.Header.Set("X-Forwarded-Proto", protocol)
	out.Header.Set("X-Forwarded-Port", fmt.Sprint(x.listener.Port))
	out.Header.Set("X-Amzn-Trace-Id", traceID(in.Header.Get("X-Amzn-Trace-Id"), time.Now()))
	if x.TLSHeaders && in.TLS != nil {
		out.Header.Set("X-Amzn-Tls-Version", strings.Replace(tls.VersionName(in.TLS.Version), "TLS 1", "TLSv1", 1))
		out.Header.Set("X-Amzn-Tls-Cipher-Suite", tls.CipherSuiteName(in.TLS.CipherSuite))
	}
	if _, ok := out.Header["User-Agent"]; !ok {
		out.Header.Set("User-Agent", "") // else Go's own would be sent
	}
}

func notFieldChar(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-'
}

func forwardedFor(x *exchange, in *http.Request, h http.Header) {
	before := in.Header["X-Forwarded-For"]
	switch x.ForwardedFor {
	case "remove":
		return
	case "preserve":
		if before != nil {
			h["X-Forwarded-For"] = before
		}
		return
	}
	client := in.RemoteAddr
	if ap, err := netip.ParseAddrPort(client); err == nil {
		client = ap.Addr().Unmap().String()
		if x.ForwardedPort {
			client = netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port()).String()
		}
	}
	h.Set("X-Forwarded-For", strings.Join(append(before[:len(before):len(before)], client), ", "))
}

// traceID extends or starts a trace; see
// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-request-tracing.html.
func traceID(given string, now time.Time) string {
	var b [12]byte
	rand.Read(b[:])
	id := fmt.Sprintf("1-%08x-%s", now.Unix(), hex.EncodeToString(b[:]))
	switch {
	case given == "":
		return "Root=" + id
	case strings.Contains(given, "Root="):
		return "Self=" + id + ";" + given
	}
	return given + ";Root=" + id
}

// answered takes a target's answer on its way to the client.
func (b *Balancer) answered(r *http.Response) error {
	x := r.Request.Context().Value(exchangeKey{}).(*exchange)
	x.stop()
	x.group.state.stats.answered(r.StatusCode, time.Since(x.start))
	if r.ContentLength > 0 {
		b.Stats.Bytes.Add(r.ContentLength)
	}
	x.listener.setHeaders(r.Header)
	x.setCookies(r, b.now())
	return nil
}

// failed answers when a target did not.
func (b *Balancer) failed(w http.ResponseWriter, r *http.Request, err error) {
	x := r.Context().Value(exchangeKey{}).(*exchange)
	cause := context.Cause(r.Context())
	var network net.Error
	switch {
	case errors.Is(cause, errIdle):
		b.fail(w, x.listener, http.StatusGatewayTimeout)
	case r.Context().Err() != nil && !errors.Is(cause, errIdle) && x.group.state.target(x.to.ID) != nil:
		b.Stats.own(460) // the client went away
		panic(http.ErrAbortHandler)
	case errors.As(err, &network) && network.Timeout():
		x.group.state.stats.ConnectionErrors.Add(1)
		b.fail(w, x.listener, http.StatusGatewayTimeout)
	default:
		x.group.state.stats.ConnectionErrors.Add(1)
		b.fail(w, x.listener, http.StatusBadGateway)
	}
}

// buffers lends the reverse proxies memory to copy bodies with.
type buffers struct{}

var bufferPool = sync.Pool{New: func() any { return new([32 << 10]byte) }}

func (buffers) Get() []byte  { return bufferPool.Get().(*[32 << 10]byte)[:] }
func (buffers) Put(b []byte) { bufferPool.Put((*[32 << 10]byte)(b)) }
