package iam

import (
	"strings"
	"sync"
	"sync/atomic"

	"grocery/localaws/service/iam/policy"
	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/store"
)

// Held is what IAM holds of a user or role that decides over its calls.
type Held struct {
	ARN      string
	Policies []Granted
	Boundary *policy.Document // nil: none
	Tags     map[string]string
}

// Granted is one policy of a user or role.
type Granted struct {
	Name string // of an inline policy, or the ARN of an attached one
	*policy.Document
}

// held keeps what Held found until IAM changes.
type held struct {
	mu         sync.Mutex
	generation int64
	byARN      map[string]*Held
}

// counted is a store that counts its changes.
type counted struct {
	store.Store
	changes atomic.Int64
}

// Update counts the change before anybody can have seen it answered.
func (c *counted) Update(f func(store.Tx) error) error {
	defer c.changes.Add(1)
	return c.Store.Update(f)
}

// Held returns what is held of the user or role with an ARN; ok is false when
// there is none. The result is shared and must not be changed.
func (s *Service) Held(arn string) (h *Held, ok bool, err error) {
	now := s.changed.changes.Load()
	s.held.mu.Lock()
	if s.held.generation != now || s.held.byARN == nil {
		s.held.generation, s.held.byARN = now, map[string]*Held{}
	}
	h, ok = s.held.byARN[arn]
	s.held.mu.Unlock()
	if ok {
		return h, h != nil, nil
	}
	err = s.d.Store.View(func(tx store.Tx) error {
		h, err = holding(tx, arn)
		return err
	})
	if err != nil {
		return nil, false, err
	}
	s.held.mu.Lock()
	if s.held.generation == now {
		s.held.byARN[arn] = h
	}
	s.held.mu.Unlock()
	return h, h != nil, nil
}

// Roles returns what is held of every role, by name.
func (s *Service) Roles() (all []*Held, err error) {
	err = s.d.Store.View(func(tx store.Tx) error {
		for _, r := range roles.List(tx, "") {
			h, err := holding(tx, r.ARN)
			if err != nil {
				return err
			}
			all = append(all, h)
		}
		return nil
	})
	return all, err
}

// holding reads what is held of a user or role, nil when there is none.
func holding(tx store.Tx, arn string) (*Held, error) {
	name := arn[strings.LastIndexByte(arn, '/')+1:]
	var e entity
	if r, ok := roles.Get(tx, name); ok && r.ARN == arn {
		e = r.entity
	} else if u, ok := users.Get(tx, name); ok && u.ARN == arn {
		e = u.entity
	} else {
		return nil, nil
	}
	h := &Held{ARN: arn, Tags: map[string]string{}}
	for _, t := range e.Tags {
		h.Tags[ptr.Val(t.Key)] = ptr.Val(t.Value)
	}
	for name, text := range e.Inline {
		d, err := policy.Parse(text)
		if err != nil {
			return nil, err
		}
		h.Policies = append(h.Policies, Granted{name, d})
	}
	for _, a := range e.Attached {
		d, err := Document(tx, a)
		if err != nil {
			return nil, err
		}
		h.Policies = append(h.Policies, Granted{a, d})
	}
	if e.Boundary != "" {
		var err error
		if h.Boundary, err = Document(tx, e.Boundary); err != nil {
			return nil, err
		}
	}
	return h, nil
}

// Document returns the version in effect of a managed policy.
func Document(tx store.Tx, arn string) (*policy.Document, error) {
	p, err := findPolicy(tx, arn)
	if err != nil {
		return nil, err
	}
	v, err := p.version(p.Default)
	if err != nil {
		return nil, err
	}
	return policy.Parse(v.Document)
}
