package iam

import (
	"maps"
	"slices"
	"strings"
	"time"

	"grocery/localaws/service/internal/page"
	"grocery/localaws/store"
	"grocery/localaws/wire/api/iamapi"
)

// entity is what users and roles have in common.
type entity struct {
	Name, Path, ID, ARN string
	Created             time.Time
	Tags                []iamapi.Tag
	Boundary            string            // ARN of a policy, or ""
	Inline              map[string]string // policy name -> document
	Attached            []string          // ARNs of policies, sorted
}

func (e *entity) boundary() *iamapi.AttachedPermissionsBoundary {
	if e.Boundary == "" {
		return nil
	}
	return &iamapi.AttachedPermissionsBoundary{PermissionsBoundaryArn: new(e.Boundary), PermissionsBoundaryType: new("Policy")}
}

// putInline sets an inline policy; most is the quota of all of them in characters.
func (e *entity) putInline(name, document string, quota string, most int) error {
	if _, err := checkName("policyName", name, 128, nil); err != nil {
		return err
	}
	total, err := checkPolicy(document)
	if err != nil {
		return err
	}
	for n, d := range e.Inline {
		if n != name {
			total += len(strings.Join(strings.Fields(d), ""))
		}
	}
	if total > most {
		return limitExceeded(quota, most)
	}
	if e.Inline == nil {
		e.Inline = map[string]string{}
	}
	e.Inline[name] = document
	return nil
}

func (e *entity) inline(kind, name string) (string, error) {
	d, ok := e.Inline[name]
	if !ok {
		return "", noSuchEntity("The %s policy with name %s cannot be found.", kind, name)
	}
	return d, nil
}

func (e *entity) deleteInline(kind, name string) error {
	if _, err := e.inline(kind, name); err != nil {
		return err
	}
	delete(e.Inline, name)
	return nil
}

func (e *entity) inlineNames(marker *string, limit *int64) (names []string, next *string, err error) {
	return cut(slices.Sorted(maps.Keys(e.Inline)), func(s string) string { return s }, marker, limit)
}

const maxAttached = 10

func (e *entity) attach(tx store.Tx, policyARN, quota string) error {
	p, err := findPolicy(tx, policyARN)
	if err != nil {
		return err
	}
	if slices.Contains(e.Attached, p.ARN) {
		return nil
	}
	if len(e.Attached) == maxAttached {
		return limitExceeded(quota, maxAttached)
	}
	e.Attached = append(e.Attached, p.ARN)
	slices.Sort(e.Attached)
	return nil
}

func (e *entity) detach(policyARN string) error {
	i := slices.Index(e.Attached, policyARN)
	if i < 0 {
		return noSuchEntity("Policy %s was not found.", policyARN)
	}
	e.Attached = slices.Delete(e.Attached, i, i+1)
	return nil
}

func (e *entity) attached(pathPrefix, marker *string, limit *int64) (out []iamapi.AttachedPolicy, next *string, err error) {
	var all []string
	for _, a := range e.Attached {
		if pathPrefix == nil || strings.HasPrefix(policyPath(a), *pathPrefix) {
			all = append(all, a)
		}
	}
	some, next, err := cut(all, func(s string) string { return s }, marker, limit)
	for _, a := range some {
		out = append(out, iamapi.AttachedPolicy{PolicyArn: new(a), PolicyName: new(a[strings.LastIndexByte(a, '/')+1:])})
	}
	return out, next, err
}

func (e *entity) setBoundary(tx store.Tx, policyARN *string) error {
	if policyARN == nil || *policyARN == "" {
		return nil
	}
	if _, err := findPolicy(tx, *policyARN); err != nil {
		return noSuchEntity("Scope ARN: %s does not exist or is not attachable.", *policyARN)
	}
	e.Boundary = *policyARN
	return nil
}

// cut returns a page of a sorted list; IAM's pages hold 100 entries unless told.
func cut[T any](all []T, key func(T) string, marker *string, limit *int64) ([]T, *string, error) {
	some, next, err := page.Cut(all, key, marker, limit, 1000)
	if limit == nil {
		some, next, err = page.Cut(all, key, marker, nil, 100)
	}
	if err != nil {
		return nil, nil, invalid("Invalid Marker.")
	}
	return some, next, nil
}

// tagPage cuts a list of tags.
func tagPage(tags []iamapi.Tag, marker *string, limit *int64) ([]iamapi.Tag, *string, error) {
	sorted := slices.SortedFunc(slices.Values(tags), func(a, b iamapi.Tag) int { return strings.Compare(*a.Key, *b.Key) })
	return cut(sorted, func(t iamapi.Tag) string { return *t.Key }, marker, limit)
}
