package ec2

import (
	"crypto/rand"
	"encoding/hex"
	"slices"
	"strings"

	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/store"
	"grocery/localaws/wire"
)

// kind is one kind of resource: its table, keyed by region and id, and how AWS
// speaks of it.
type kind[T any] struct {
	table    store.Table[T]
	prefix   string // of ids, such as "vpc-"
	resource string // the type in tag specifications, such as "vpc"
	notFound string // AWS's code, such as "InvalidVpcID.NotFound"
	noun     string // in messages, such as "vpc ID"
	id       func(*T) string
}

func newKind[T any](name, prefix, resource, notFound, noun string, id func(*T) string) kind[T] {
	return kind[T]{store.Table[T]{Name: "ec2." + name}, prefix, resource, notFound, noun, id}
}

func (k kind[T]) newID() string { return newID(k.prefix) }

func newID(prefix string) string {
	var b [8]byte
	rand.Read(b[:]) // never fails: crypto/rand aborts the process instead
	return prefix + "0" + hex.EncodeToString(b[:])
}

func (k kind[T]) missing(id string) error {
	return wire.Errorf(400, k.notFound, "The %s '%s' does not exist", k.noun, id)
}

func (k kind[T]) get(t *tx, id string) (T, error) {
	v, ok := k.table.Get(t.Tx, store.Key(t.region, id))
	if !ok {
		return v, k.missing(id)
	}
	return v, nil
}

func (k kind[T]) has(t *tx, id string) bool {
	_, ok := k.table.Get(t.Tx, store.Key(t.region, id))
	return ok
}

func (k kind[T]) put(t *tx, v T) { k.table.Put(t.Tx, store.Key(t.region, k.id(&v)), v) }

// remove deletes the record and its tags.
func (k kind[T]) remove(t *tx, id string) {
	k.table.Delete(t.Tx, store.Key(t.region, id))
	t.setTags(id, nil)
}

func (k kind[T]) all(t *tx) []T { return k.table.List(t.Tx, t.region+"/") }

// where returns the resources that pass.
func (k kind[T]) where(t *tx, pass func(*T) bool) []T {
	var some []T
	k.table.Each(t.Tx, t.region+"/", func(_ string, v T) bool {
		if pass(&v) {
			some = append(some, v)
		}
		return true
	})
	return some
}

// any reports whether a resource passes.
func (k kind[T]) any(t *tx, pass func(*T) bool) (found bool) {
	k.table.Each(t.Tx, t.region+"/", func(_ string, v T) bool { found = pass(&v); return !found })
	return found
}

// regions lists the regions in which the table has records.
func (k kind[T]) regions(t store.Tx) []string {
	var all []string
	k.table.Each(t, "", func(key string, _ T) bool {
		if r, _, _ := strings.Cut(key, "/"); !slices.Contains(all, r) {
			all = append(all, r)
		}
		return true
	})
	return all
}

// fields gives the values of a resource by filter name.
type fields[T any] map[string]func(*T) []string

// find returns the resources with one of the ids (all when there is none) that
// pass all filters. An id nobody has is an error, and so is a filter name that
// neither f nor the tag filters know.
func (k kind[T]) find(t *tx, ids []string, filters []filter, f fields[T]) ([]T, error) {
	var some []T
	if len(ids) > 0 {
		for _, id := range ids {
			v, err := k.get(t, id)
			if err != nil {
				return nil, err
			}
			some = append(some, v)
		}
	} else {
		some = k.all(t)
	}
	for _, x := range filters {
		name := ptr.Val(x.Name)
		values, known := f[name]
		if !known {
			tagged, err := t.tagFilter(name)
			if err != nil {
				return nil, err
			}
			values = func(v *T) []string { return tagged(k.id(v)) }
		}
		some = slices.DeleteFunc(some, func(v T) bool { return !matchAny(x.Values, values(&v)) })
	}
	return some, nil
}

func matchAny(patterns, values []string) bool {
	for _, p := range patterns {
		for _, v := range values {
			if match(p, v) {
				return true
			}
		}
	}
	return false
}

// match matches a filter value: * stands for any characters, ? for one, and a
// backslash takes the next character as it is.
func match(pattern, s string) bool {
	for len(pattern) > 0 {
		switch pattern[0] {
		case '*':
			for i := 0; i <= len(s); i++ {
				if match(pattern[1:], s[i:]) {
					return true
				}
			}
			return false
		case '?':
			if s == "" {
				return false
			}
		default:
			if pattern[0] == '\\' && len(pattern) > 1 {
				pattern = pattern[1:]
			}
			if s == "" || s[0] != pattern[0] {
				return false
			}
		}
		pattern, s = pattern[1:], s[1:]
	}
	return s == ""
}
