package lambda

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"grocery/localaws/runtime"
)

const apiPort = 9001

// maxPayload bounds requests and answers, as on AWS (6 MB).
const maxPayload = 6<<20 + 100<<10

// invocation is one event on its way through a sandbox.
type invocation struct {
	id       string
	payload  []byte
	arn      string
	deadline time.Time
	context  string // client context, base64
	done     chan outcome
}

// outcome is how an invocation ended. kind is "" for success; otherwise payload
// is the error object.
type outcome struct {
	payload []byte
	kind    string
}

// runtimeAPI is the HTTP interface that functions take their events from.
// See https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html.
type runtimeAPI struct {
	server *http.Server
	closed chan struct{}
}

// ensureAPI makes the service's network with the runtime API in it.
func (s *Service) ensureAPI(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.api != nil {
		return nil
	}
	if err := s.d.Runtime.EnsureNetwork(ctx, runtime.Network{ID: internalNetwork, CIDRs: []netip.Prefix{internalRange}}); err != nil {
		return err
	}
	if err := s.d.Runtime.Attach(ctx, runtime.Interface{ID: apiInterface, Network: internalNetwork, Addr: apiAddr, Subnet: internalRange}); err != nil {
		return err
	}
	l, err := s.d.Runtime.Listen(ctx, apiInterface, apiPort)
	if err != nil {
		return err
	}
	a := &runtimeAPI{server: &http.Server{Handler: http.HandlerFunc(s.serveRuntime), ReadHeaderTimeout: 10 * time.Second}, closed: make(chan struct{})}
	go func() {
		defer close(a.closed)
		if err := a.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			s.d.Log.Error("the functions' runtime API ended", "error", err)
		}
	}()
	s.api = a
	return nil
}

// closeAPI removes the network when no sandbox is left.
func (s *Service) closeAPI(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.sandboxes) > 0 {
		return nil
	}
	if s.api != nil {
		s.api.server.Close()
		<-s.api.closed
		s.api = nil
	}
	if err := s.d.Runtime.Detach(ctx, apiInterface); err != nil {
		return err
	}
	return s.d.Runtime.RemoveNetwork(ctx, internalNetwork)
}

// caller finds the sandbox that a request comes from, by its address.
func (s *Service) caller(r *http.Request) *sandbox {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return nil
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, x := range s.sandboxes {
		if x.Internal == addr.Unmap() {
			return x
		}
	}
	return nil
}

func (s *Service) serveRuntime(w http.ResponseWriter, r *http.Request) {
	x := s.caller(r)
	if x == nil {
		http.Error(w, "unknown sandbox", http.StatusForbidden)
		return
	}
	path, ok := strings.CutPrefix(r.URL.Path, "/2018-06-01/runtime/")
	if !ok {
		http.NotFound(w, r)
		return
	}
	switch parts := strings.Split(path, "/"); {
	case r.Method == http.MethodGet && path == "invocation/next":
		s.serveNext(w, r, x)
	case r.Method == http.MethodPost && path == "init/error":
		s.serveEnd(w, r, x, "", true)
	case r.Method == http.MethodPost && len(parts) == 3 && parts[0] == "invocation" && (parts[2] == "response" || parts[2] == "error"):
		s.serveEnd(w, r, x, parts[1], parts[2] == "error")
	default:
		http.NotFound(w, r)
	}
}

func (s *Service) serveNext(w http.ResponseWriter, r *http.Request, x *sandbox) {
	select {
	case <-r.Context().Done():
	case i := <-x.next:
		h := w.Header()
		h.Set("Content-Type", "application/json")
		h.Set("Lambda-Runtime-Aws-Request-Id", i.id)
		h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(i.deadline.UnixMilli(), 10))
		h.Set("Lambda-Runtime-Invoked-Function-Arn", i.arn)
		if i.context != "" {
			h.Set("Lambda-Runtime-Client-Context", i.context)
		}
		w.Write(i.payload) // a function that went away is seen by its container
	}
}

// serveEnd takes the answer of an invocation, or the error of the start.
func (s *Service) serveEnd(w http.ResponseWriter, r *http.Request, x *sandbox, id string, failed bool) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxPayload+1))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	out := outcome{payload: body}
	switch {
	case len(body) > maxPayload:
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		out = failure("Function.ResponseSizeTooLarge", "Response payload size exceeded maximum allowed payload size (6291556 bytes).")
	case failed:
		out.kind = "Unhandled"
		if !json.Valid(body) {
			out = failure("Runtime.Unknown", "%s", body)
		}
		w.WriteHeader(http.StatusAccepted)
	case len(body) > 0 && !json.Valid(body):
		w.WriteHeader(http.StatusAccepted)
		out = failure("Runtime.InvalidResponse", "The function's response is not JSON.")
	default:
		w.WriteHeader(http.StatusAccepted)
	}
	s.mu.Lock()
	i := x.current
	s.mu.Unlock()
	if i == nil || id != "" && i.id != id {
		return // it came too late: nobody waits any more
	}
	select {
	case i.done <- out:
	default:
	}
}

// failure is the outcome of an invocation that Lambda itself ends.
func failure(kind, format string, args ...any) outcome {
	body, err := json.Marshal(map[string]string{"errorType": kind, "errorMessage": fmt.Sprintf(format, args...)})
	if err != nil {
		body = []byte(`{"errorType":"Runtime.Unknown"}`)
	}
	return outcome{body, "Unhandled"}
}
