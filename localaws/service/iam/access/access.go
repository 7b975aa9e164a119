package access

import (
	"context"
	"log/slog"
	"sync"

	"grocery/localaws/service/iam"
	"grocery/localaws/service/iam/policy"
	"grocery/localaws/service/sts"
	"grocery/localaws/store"
	"grocery/localaws/wire"
)

// Deps are what decides.
type Deps struct {
	Store      store.Store
	Clock      store.Clock
	Identities *iam.Service
	Calls      *wire.Registry
	Log        *slog.Logger
}

// Access decides over calls.
type Access struct {
	d      Deps
	checks map[*wire.Operation][]check
	used   used

	mu     sync.Mutex
	parsed map[string]*policy.Document // by text
}

// New makes an Access for the operations that d.Calls serves by now. The error
// names the operation that no table has a line for, and every other mistake of
// a table.
func New(d Deps) (*Access, error) {
	checks, err := compile(d.Calls)
	if err != nil {
		return nil, err
	}
	a := &Access{d: d, checks: checks, parsed: map[string]*policy.Document{}}
	return a, a.remember()
}

// Authorize is the wire.Authorizer: it refuses what the policies of the caller
// and of the resource do not allow.
func (a *Access) Authorize(ctx context.Context, op *wire.Operation, in any) (hide func(error) error, err error) {
	c := wire.CallFrom(ctx)
	checks := a.checks[op]
	if len(checks) == 1 && checks[0].free {
		if c.Principal.AccessKeyID != "" {
			who, err := a.caller(c)
			if err != nil {
				return nil, err
			}
			a.used.note(who.role, checks[0].action)
		}
		return nil, nil
	}
	q := &question{call: c, op: op, in: in, calls: a.d.Calls, ctx: wire.AsService(ctx, "iam.amazonaws.com", c.Region)}
	if c.Principal.Service != "" {
		return nil, a.service(q, checks)
	}
	who, err := a.caller(c)
	if err != nil {
		return nil, err
	}
	context, asked := a.context(q, who), 0
	for i := range checks {
		n, err := a.check(q, who, &checks[i], context)
		if err != nil {
			return nil, err
		}
		asked += n
	}
	if asked == 0 { // it names nothing: so it has to be allowed for anything
		if err := a.allow(q, who, checks[0].action, "*", context); err != nil {
			return nil, err
		}
	}
	return a.hide(q, who, context), nil
}

// check decides over one line of the operation's table, and returns how many
// resources it was about.
func (a *Access) check(q *question, who *caller, c *check, context map[string][]string) (asked int, err error) {
	if c.when != nil && c.when.set(q.in) == c.unless {
		return 0, nil
	}
	for i := range c.keys {
		if v := c.keys[i].values(q); len(v) > 0 {
			context[c.keys[i].name] = v
			defer delete(context, c.keys[i].name) // it is about this line alone
		}
	}
	for i := range c.resources {
		for _, resource := range c.resources[i].values(q) {
			if err := a.allow(q, who, c.action, resource, context); err != nil {
				return 0, err
			}
			asked++
		}
	}
	return asked, nil
}

// allow refuses an action on a resource, or notes that it was used.
func (a *Access) allow(q *question, who *caller, action, resource string, context map[string][]string) error {
	reason, err := a.decide(q, who, action, resource, context)
	if err != nil {
		return err
	}
	if reason != "" {
		return refuse(q.op.Service, who.arn, action, resource, reason)
	}
	a.used.note(who.role, action)
	return nil
}

// caller is who makes a call, and what of theirs decides over it.
type caller struct {
	arn      string
	role     string // ARN of the role whose session it is
	as       []string
	held     *iam.Held
	sessions []*policy.Document // that narrow the session; nil: nothing does
	context  map[string][]string
}

// caller finds the policies of a call's principal.
func (a *Access) caller(c *wire.Call) (*caller, error) {
	who := &caller{arn: c.Principal.ARN}
	if who.arn == "" {
		return &caller{arn: "anonymous", held: &iam.Held{}}, nil
	}
	identity := who.arn
	var session sts.Session
	err := a.d.Store.View(func(tx store.Tx) (err error) {
		var temporary bool
		if session, temporary = sts.FindSession(tx, c.Principal.AccessKeyID); !temporary {
			return nil
		}
		who.context = session.Context
		if session.Role != "" {
			identity, who.role, who.as = session.Role, session.Role, []string{session.Role}
		}
		if session.Policy != "" {
			d, err := a.parse(session.Policy)
			if err != nil {
				return err
			}
			who.sessions = append(who.sessions, d)
		}
		for _, arn := range session.PolicyARNs {
			d, err := iam.Document(tx, arn)
			if wire.Code(err) == "NoSuchEntity" {
				d, err = &policy.Document{}, nil // a policy that is gone allows nothing
			}
			if err != nil {
				return err
			}
			who.sessions = append(who.sessions, d)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	held, ok, err := a.d.Identities.Held(identity)
	if !ok {
		held = &iam.Held{} // who is gone may do nothing
	}
	who.held = held
	return who, err
}

// parse reads a policy once.
func (a *Access) parse(text string) (*policy.Document, error) {
	a.mu.Lock()
	d := a.parsed[text]
	a.mu.Unlock()
	if d != nil {
		return d, nil
	}
	d, err := policy.Parse(text)
	if err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.parsed) >= 1000 { // they change rarely; nobody keeps so many
		clear(a.parsed)
	}
	a.parsed[text] = d
	return d, nil
}
