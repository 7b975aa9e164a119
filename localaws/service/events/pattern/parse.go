package pattern

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
)

// Pattern is an event pattern that was read and checked.
type Pattern struct{ root *object }

// object holds for an event's object: every member holds, and each $or has one
// alternative that does.
type object struct {
	members map[string]node
	or      [][]*object
}

// node is what a pattern says of one member: another object, or the matchers of
// which one must hold.
type node struct {
	object   *object
	matchers []matcher
}

// maxSize is how many characters a pattern may have.
const maxSize = 4096

// Parse reads a pattern. The error says what is wrong with it.
func Parse(text string) (*Pattern, error) {
	if len(text) > maxSize {
		return nil, fmt.Errorf("it has more than %d characters", maxSize)
	}
	v, err := Decode([]byte(text))
	if err != nil {
		return nil, fmt.Errorf("it is no JSON: %w", err)
	}
	m, ok := v.(map[string]any)
	if !ok {
		return nil, errors.New("filter is not an object")
	}
	if len(m) == 0 {
		return nil, errors.New("empty patterns are not allowed")
	}
	root, err := parseObject(m)
	if err != nil {
		return nil, err
	}
	return &Pattern{root}, nil
}

// Decode reads one JSON value; numbers keep their digits (json.Number).
func Decode(raw []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("text follows the JSON value")
	}
	return v, nil
}

func parseObject(m map[string]any) (*object, error) {
	o := &object{members: map[string]node{}}
	for _, k := range slices.Sorted(maps.Keys(m)) {
		if alternatives, ok := m[k].([]any); ok && k == "$or" && isOr(alternatives) {
			or, err := parseOr(alternatives)
			if err != nil {
				return nil, err
			}
			o.or = append(o.or, or)
			continue
		}
		n, err := parseNode(k, m[k])
		if err != nil {
			return nil, err
		}
		o.members[k] = n
	}
	return o, nil
}

// isOr tells the operator $or from a member that happens to have that name:
// the operator has at least two alternatives, all of them objects.
func isOr(alternatives []any) bool {
	return len(alternatives) > 1 && !slices.ContainsFunc(alternatives, func(v any) bool {
		m, ok := v.(map[string]any)
		return !ok || len(m) == 0
	})
}

func parseOr(alternatives []any) ([]*object, error) {
	all := make([]*object, len(alternatives))
	for i, a := range alternatives {
		o, err := parseObject(a.(map[string]any))
		if err != nil {
			return nil, err
		}
		all[i] = o
	}
	return all, nil
}

func parseNode(name string, v any) (node, error) {
	switch v := v.(type) {
	case map[string]any:
		if len(v) == 0 {
			return node{}, errors.New("empty objects are not allowed")
		}
		o, err := parseObject(v)
		return node{object: o}, err
	case []any:
		if len(v) == 0 {
			return node{}, errors.New("empty arrays are not allowed")
		}
		var all []matcher
		for _, x := range v {
			m, err := parseMatcher(x)
			if err != nil {
				return node{}, fmt.Errorf("%w (in %q)", err, name)
			}
			all = append(all, m)
		}
		return node{matchers: all}, nil
	}
	return node{}, fmt.Errorf("%q must be an object or an array", name)
}
