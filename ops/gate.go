package ops

import (
	"fmt"
	"slices"
	"strings"
)

// harm is how much a change takes away.
type harm int

const (
	harmNone    harm = iota
	harmReplace      // the resource goes and comes back
	harmDestroy      // the resource goes, or Terraform forgets it
)

func (h harm) String() string { return [...]string{"keep", "replace", "destroy"}[h] }

// harm tells what a change takes away.
func (c Change) harm() harm {
	switch {
	case !slices.Contains(c.Actions, "delete") && !slices.Contains(c.Actions, "forget"):
		return harmNone
	case slices.Contains(c.Actions, "create"):
		return harmReplace
	}
	return harmDestroy
}

// renewed are the resources that a new password or new keys replace, by the
// nature of the provider: the value of a secret's version cannot be changed.
// Nothing is lost by it, since Secrets Manager keeps the previous version.
var renewed = []string{secretVersion, appSecretVersion}

// ReviewError says that a fresh plan is not what was reviewed. Nothing was
// changed.
type ReviewError struct {
	Reasons []string
}

func (e *ReviewError) Error() string {
	return "the reviewed plan does not allow this, and nothing was changed: " + strings.Join(e.Reasons, "; ") + ". Plan again (grocery plan --out) and have that reviewed"
}

// allows checks a fresh plan against a reviewed one. Resources may be added and
// changed; what is destroyed or replaced must be in the reviewed plan, with a
// replacement less than a destruction. A state that began after the review is
// allowed, since phase 1 begins it.
func (reviewed *Plan) allows(fresh *Plan) error {
	var reasons []string
	if reviewed.Commit != fresh.Commit {
		reasons = append(reasons, fmt.Sprintf("it is of commit %.12s, and the sources are of %.12s", reviewed.Commit, fresh.Commit))
	}
	if reviewed.Lineage != "" && reviewed.Lineage != fresh.Lineage {
		reasons = append(reasons, fmt.Sprintf("it is of another state (lineage %s, not %s)", reviewed.Lineage, fresh.Lineage))
	}
	known := map[string]harm{}
	for _, c := range reviewed.Changes {
		known[c.Address] = c.harm()
	}
	for _, c := range fresh.Changes {
		h := c.harm()
		if h > known[c.Address] && !(h == harmReplace && slices.Contains(renewed, c.Address)) {
			reasons = append(reasons, fmt.Sprintf("%s is to %s now, and was to %s", c.Address, h, known[c.Address]))
		}
	}
	if reasons != nil {
		return &ReviewError{reasons}
	}
	return nil
}
