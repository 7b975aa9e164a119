package access

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"grocery/localaws/reconcile"
	"grocery/localaws/service/iam/policy"
	"grocery/localaws/store"
)

// use is that a role used an action. The table keeps nothing else, so it is
// never longer than what policies can grant.
type use struct{ Role, Action string }

var uses = store.Table[use]{Name: "access.uses"}

// used remembers uses in memory, and which of them are not in the store yet.
type used struct {
	mu    sync.Mutex
	known map[use]bool
	fresh []use
}

// note remembers that a role used an action.
func (u *used) note(role, action string) {
	if role == "" {
		return
	}
	x := use{role, action}
	u.mu.Lock()
	defer u.mu.Unlock()
	if !u.known[x] {
		u.known[x] = true
		u.fresh = append(u.fresh, x)
	}
}

// remember reads what the store has.
func (a *Access) remember() error {
	a.used.known = map[use]bool{}
	return a.d.Store.View(func(tx store.Tx) error {
		for _, x := range uses.List(tx, "") {
			a.used.known[x] = true
		}
		return nil
	})
}

// Loops writes new uses into the store. A crash forgets those of the last
// second.
func (a *Access) Loops() []reconcile.Loop {
	return []reconcile.Loop{{Name: "access-uses", Every: time.Second, Run: func(context.Context) error { return a.write() }}}
}

func (a *Access) write() error {
	a.used.mu.Lock()
	fresh := a.used.fresh
	a.used.fresh = nil
	a.used.mu.Unlock()
	if len(fresh) == 0 {
		return nil
	}
	err := a.d.Store.Update(func(tx store.Tx) error {
		for _, x := range fresh {
			uses.Put(tx, store.Key(x.Role, x.Action), x)
		}
		return nil
	})
	if err != nil {
		a.used.mu.Lock()
		a.used.fresh = append(fresh, a.used.fresh...)
		a.used.mu.Unlock()
	}
	return err
}

// Unused is an action that a role's policy grants and that nobody used.
type Unused struct {
	Role   string `json:"role"`   // ARN
	Policy string `json:"policy"` // name of an inline policy, or ARN of an attached one
	Action string `json:"action"` // as the policy has it, with its wildcards
	Served bool   `json:"served"` // false: local AWS offers nothing that needs it
}

// Unused lists what the roles' policies grant and nobody used, by role. Roles
// that services made for themselves are left out.
func (a *Access) Unused() ([]Unused, error) {
	all := []Unused{}
	roles, err := a.d.Identities.Roles()
	if err != nil {
		return nil, err
	}
	a.used.mu.Lock()
	by := map[string][]string{}
	for x := range a.used.known {
		by[x.Role] = append(by[x.Role], x.Action)
	}
	a.used.mu.Unlock()
	served := a.actions()
	for _, r := range roles {
		if strings.Contains(r.ARN, ":role/aws-service-role/") {
			continue
		}
		for _, p := range r.Policies {
			for _, s := range p.Statement {
				for _, action := range s.Action {
					matches := func(x string) bool { return policy.MatchAction(action, x) }
					if s.Effect == "Allow" && !slices.ContainsFunc(by[r.ARN], matches) {
						all = append(all, Unused{r.ARN, p.Name, action, slices.ContainsFunc(served, matches)})
					}
				}
			}
		}
	}
	slices.SortFunc(all, func(x, y Unused) int {
		return strings.Compare(x.Role+" "+x.Policy+" "+x.Action, y.Role+" "+y.Policy+" "+y.Action)
	})
	return slices.Compact(all), nil
}

// actions are the IAM actions that served operations need.
func (a *Access) actions() (all []string) {
	for _, checks := range a.checks {
		for _, c := range checks {
			all = append(all, c.action)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}
