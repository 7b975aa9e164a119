package ec2

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"strconv"
	"time"

	"grocery/localaws/reconcile"
	"grocery/localaws/runtime"
	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/service/internal/strict"
	"grocery/localaws/store"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/ec2api"
)

// Deps is what the service needs.
type Deps struct {
	Store   store.Store
	Clock   store.Clock
	Runtime runtime.Runtime
	Calls   *wire.Registry
	Log     *slog.Logger
	// Guest returns the files an instance's container gets before it first
	// starts: what makes it trust this cloud. It may be nil.
	Guest func() []runtime.File
}

// Service is EC2.
type Service struct {
	d        Deps
	networks *networks
	machines *machines
	meters   *meters
}

// New makes the service.
func New(d Deps) *Service {
	s := &Service{d: d}
	s.networks = newNetworks(s)
	s.machines = newMachines(s)
	s.meters = newMeters(s)
	return s
}

// Loops returns the reconcilers.
func (s *Service) Loops() []reconcile.Loop {
	return []reconcile.Loop{s.networks.loop(), s.machines.loop(), s.meters.loop()}
}

// Register adds the operations to r.
func (s *Service) Register(r *wire.Registry) {
	s.registerVpcs(r)
	s.registerSubnets(r)
	s.registerGateways(r)
	s.registerAddresses(r)
	s.registerRoutes(r)
	s.registerEndpoints(r)
	s.registerGroups(r)
	s.registerRules(r)
	s.registerInterfaces(r)
	s.registerCatalogue(r)
	s.registerKeyPairs(r)
	s.registerTags(r)
	s.registerTemplates(r)
	s.registerInstances(r)
	s.registerInstanceAttributes(r)
}

// serve registers an operation with the members of its request it honours.
func serve[In, Out any](r *wire.Registry, op wire.Op[In, Out], members string, h func(context.Context, *In) (*Out, error)) {
	strict.Handle(r, op, "UnsupportedOperation", members, h)
}

// tx is a store transaction in the region of one call.
type tx struct {
	store.Tx
	*wire.Call
	region string
	now    time.Time
}

func (s *Service) transaction(ctx context.Context, run func(func(store.Tx) error) error, f func(*tx) error) error {
	c := wire.CallFrom(ctx)
	return run(func(t store.Tx) error {
		return f(&tx{Tx: t, Call: c, region: c.Region, now: s.d.Clock.Now().Truncate(time.Second)})
	})
}

func (s *Service) view(ctx context.Context, f func(*tx) error) error {
	return s.transaction(ctx, s.d.Store.View, f)
}

func (s *Service) update(ctx context.Context, f func(*tx) error) error {
	return s.transaction(ctx, s.d.Store.Update, f)
}

// filter is what every Describe takes.
type filter = ec2api.Filter

// or returns p, or a pointer to v when p is nil.
func or[T any](p *T, v T) *T {
	if p == nil {
		return &v
	}
	return p
}

// one is the list of a single filter value; the empty string gives none.
func one(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

func yesNo(b bool) []string { return []string{strconv.FormatBool(b)} }

// reshape copies one of AWS's shapes into another with the same members.
func reshape[To any](from any) (to To) {
	raw, err := json.Marshal(from)
	if err == nil {
		err = json.Unmarshal(raw, &to)
	}
	if err != nil {
		panic(err) // the shapes are known at build time
	}
	return to
}

// page cuts a list for MaxResults and NextToken. The token is the index of the
// next element.
func page[T any](all []T, max *int64, token *string) ([]T, *string, error) {
	start := 0
	if ptr.Val(token) != "" {
		raw, err := base64.RawURLEncoding.DecodeString(*token)
		if err == nil {
			start, err = strconv.Atoi(string(raw))
		}
		if err != nil || start < 0 {
			return nil, nil, wire.Errorf(400, "InvalidNextToken", "The token '%s' is invalid", *token)
		}
	}
	start = min(start, len(all))
	end := len(all)
	if m := int(ptr.Val(max)); m > 0 && start+m < end {
		end = start + m
		return all[start:end], new(base64.RawURLEncoding.EncodeToString([]byte(strconv.Itoa(end)))), nil
	}
	return all[start:end], nil, nil
}
