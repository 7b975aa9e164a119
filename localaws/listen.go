package localaws

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"time"

	"grocery/localaws/proxy"
	"grocery/localaws/reconcile"
	"grocery/localaws/wire"
)

// HealthPath answers on the endpoint with a Health once the cloud serves.
const HealthPath = "/_localaws/health"

// UnusedPath answers on the endpoint with a list of access.Unused.
const UnusedPath = "/_localaws/iam/unused"

// Health tells who answers.
type Health struct {
	Name  string `json:"name"`
	Home  string `json:"home"`
	PID   int    `json:"pid"`
	Proxy string `json:"proxy"`
}

// serves reports whether host (lower case, no port) is one the cloud answers
// for: AWS's own names and no others.
func serves(host string) bool { return strings.HasSuffix(host, wire.Suffix) }

// Run opens the ways in, runs the reconcilers, and returns when ctx has ended
// and running calls are done. ready is called once calls are served.
func (c *Cloud) Run(ctx context.Context, ready func()) error {
	endpoint, err := listen(ctx, "endpoint", c.o.Endpoint)
	if err != nil {
		return err
	}
	defer endpoint.Close()
	proxyListener, err := listen(ctx, "proxy", c.o.Proxy)
	if err != nil {
		return err
	}
	defer proxyListener.Close()

	p := proxy.New(c.chain, serves, c.ca.TLS(serves), c.o.Log)
	servers := []*http.Server{
		{Handler: c.Handler(), ReadHeaderTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute},
		{Handler: p, ReadHeaderTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute},
	}
	failed := make(chan error, len(servers))
	for i, l := range []net.Listener{endpoint, proxyListener} {
		go func() { failed <- servers[i].Serve(l) }()
	}
	loopCtx, stopLoops := context.WithCancel(ctx)
	loopsDone := make(chan struct{})
	go func() {
		reconcile.Run(loopCtx, c.o.Log, c.store, c.o.Clock, c.loops...)
		close(loopsDone)
	}()
	if ready != nil {
		ready()
	}
	select {
	case <-ctx.Done():
		err = nil
	case err = <-failed:
	}
	stopLoops()
	stopCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	for _, s := range servers {
		err = errors.Join(err, ignoreDeadline(s.Shutdown(stopCtx)))
	}
	err = errors.Join(err, ignoreDeadline(p.Shutdown(stopCtx)), p.Close())
	<-loopsDone
	return err
}

// ignoreDeadline: calls that still run when the cloud stops are cut off.
func ignoreDeadline(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return nil
	}
	return err
}

// listen opens one of the cloud's ports; a busy one is an error that says what
// to do.
func listen(ctx context.Context, what, addr string) (net.Listener, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("the %s's address %s is in use by another program: stop that one, or move this local AWS with GROCERY_PORT_OFFSET=1000", what, addr)
	}
	if err != nil {
		return nil, fmt.Errorf("open the %s: %w", what, err)
	}
	return l, nil
}

// Handler is the endpoint: all services, and what the cloud says of itself.
func (c *Cloud) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case HealthPath:
			answer(w, Health{Name: Name(c.o.Home), Home: c.o.Home, PID: os.Getpid(), Proxy: c.o.Proxy})
		case UnusedPath:
			unused, err := c.access.Unused()
			if err != nil {
				c.o.Log.Error("list what nobody used", "error", err)
				http.Error(w, "An internal error occurred; local AWS wrote the cause to its log.", http.StatusInternalServerError)
				return
			}
			answer(w, unused)
		default:
			c.chain.ServeHTTP(w, r)
		}
	})
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(v) // a client that went away is no error of ours
}
