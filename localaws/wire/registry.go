package wire

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sort"
	"strings"
	"time"
)

// Handler serves one operation with untyped shapes; in and out are pointers to
// the operation's types.
type Handler func(ctx context.Context, in any) (out any, err error)

type entry struct {
	op      *Operation
	handler Handler
	route   *route // REST protocols only
}

// Registry holds the served operations and is the one way to them, from the
// network (Chain) and from inside (Invoke).
type Registry struct {
	log       *slog.Logger
	byName    map[string]map[string]*entry // service name -> operation -> entry
	services  map[string]*Service
	authorize Authorizer
	observe   []func(Record)
}

// Authorizer decides whether the call in ctx may run op with the decoded
// request in. A returned error refuses the call. hide, unless it is nil, is
// given the error that an allowed call ends with and says what of it the caller
// may learn.
type Authorizer func(ctx context.Context, op *Operation, in any) (hide func(error) error, err error)

// Record is one finished call, as it goes to the log and to observers.
type Record struct {
	Service, Action string
	Principal       string
	Decision        string // "allow" or the code the call was refused or failed with
	Status          int
	Duration        time.Duration
}

// NewRegistry makes an empty registry that logs every call to log.
func NewRegistry(log *slog.Logger) *Registry {
	return &Registry{log: log, byName: map[string]map[string]*entry{}, services: map[string]*Service{}}
}

// Authorize sets what decides over calls. Without it every call whose
// principal is known is allowed.
func (r *Registry) Authorize(a Authorizer) { r.authorize = a }

// Observe adds a function that is told of every finished call.
func (r *Registry) Observe(f func(Record)) { r.observe = append(r.observe, f) }

// Handle registers the function that serves op. Registering an operation twice
// is a programming error and panics at start.
func Handle[In, Out any](r *Registry, op Op[In, Out], h func(context.Context, *In) (*Out, error)) {
	s := op.Service
	if r.byName[s.Name] == nil {
		r.byName[s.Name] = map[string]*entry{}
		r.services[s.Name] = s
	}
	if r.byName[s.Name][op.Name] != nil {
		panic("wire: " + op.String() + " registered twice")
	}
	e := &entry{op: op.Operation, handler: func(ctx context.Context, in any) (any, error) {
		out, err := h(ctx, in.(*In))
		if err != nil {
			return nil, err
		}
		if out == nil {
			out = new(Out)
		}
		return out, nil
	}}
	if s.Protocol == RestJSON || s.Protocol == RestXML {
		e.route = routeOf(op.Operation)
	}
	r.byName[s.Name][op.Name] = e
}

// Invoke calls an operation from inside, with the same checks and the same log
// as a call from the network. The principal is ctx's (see AsService).
func Invoke[In, Out any](ctx context.Context, r *Registry, op Op[In, Out], in *In) (*Out, error) {
	out, err := r.call(ctx, op.Operation, in)
	if err != nil {
		return nil, err
	}
	return out.(*Out), nil
}

// Ask calls an operation without asking whether it is allowed, and without a
// trace in the log: for what decides about calls, and needs to know something
// to do so.
func Ask[In, Out any](ctx context.Context, r *Registry, op Op[In, Out], in *In) (*Out, error) {
	e := r.byName[op.Service.Name][op.Name]
	if e == nil {
		return nil, notServed(op.Service.Name, op.Name)
	}
	out, err := e.handler(ctx, in)
	if err != nil {
		return nil, err
	}
	return out.(*Out), nil
}

// call runs one operation of the registry for the principal in ctx.
func (r *Registry) call(ctx context.Context, op *Operation, in any) (out any, err error) {
	start := time.Now()
	outer := CallFrom(ctx)
	c := *outer
	c.Service, c.Operation = op.Service.Name, op.Name
	ctx = WithCall(ctx, &c)
	e := r.byName[op.Service.Name][op.Name]
	var hide func(error) error
	switch {
	case e == nil:
		err = notServed(op.Service.Name, op.Name)
	case r.authorize != nil:
		hide, err = r.authorize(ctx, op, in)
	}
	if err == nil {
		err = missing(in)
	}
	if err == nil {
		if out, err = e.handler(ctx, in); err != nil && hide != nil {
			err = hide(err)
		}
	}
	r.finish(&c, start, err)
	return out, err
}

// finish logs a call and tells the observers.
func (r *Registry) finish(c *Call, start time.Time, err error) {
	rec := Record{Service: c.Service, Action: c.Operation, Principal: c.Principal.String(), Decision: "allow", Status: 200, Duration: time.Since(start)}
	level := slog.LevelDebug
	attrs := []any{"service", c.Service, "action", c.Operation, "principal", rec.Principal, "ms", rec.Duration.Milliseconds(), "request_id", c.RequestID}
	if err != nil {
		shown := asError(err)
		rec.Decision, rec.Status = shown.Code, shown.Status
		level = slog.LevelInfo
		if shown.Status >= 500 {
			level = slog.LevelError
		}
		attrs = append(attrs, "error", err.Error())
	} else if !reads(c.Operation) {
		level = slog.LevelInfo
	}
	r.log.Log(context.Background(), level, "call", append(attrs, "decision", rec.Decision)...)
	for _, f := range r.observe {
		f(rec)
	}
}

// reads reports whether an operation's name says that it changes nothing.
func reads(op string) bool {
	for _, p := range []string{"Describe", "List", "Get", "Head", "Batch"} {
		if strings.HasPrefix(op, p) {
			return true
		}
	}
	return false
}

// Actions lists the served actions, "service:Operation", sorted.
func (r *Registry) Actions() []string {
	var all []string
	for s, ops := range r.byName {
		for name := range ops {
			all = append(all, s+":"+name)
		}
	}
	sort.Strings(all)
	return all
}

// Operations returns the served operations in the order of Actions.
func (r *Registry) Operations() []*Operation {
	var all []*Operation
	for _, a := range r.Actions() {
		service, name, _ := strings.Cut(a, ":")
		all = append(all, r.byName[service][name].op)
	}
	return all
}

// Lookup returns a served operation by service and operation name.
func (r *Registry) Lookup(service, operation string) (*Operation, bool) {
	if e := r.byName[service][operation]; e != nil {
		return e.op, true
	}
	return nil, false
}

// serviceNames lists the registered services, sorted.
func (r *Registry) serviceNames() []string {
	names := make([]string, 0, len(r.services))
	for n := range r.services {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// notServed answers an operation that this local cloud does not offer. It is a
// 4xx: a 5xx would make clients retry for minutes.
func notServed(service, operation string) *Error {
	return Errorf(400, "NotImplemented", "Local AWS does not serve %s.", fmt.Sprintf("%s:%s", service, operation))
}
