package pattern

import "slices"

// Match reports whether an event, as Decode reads it, matches the pattern.
func (p *Pattern) Match(event any) bool { return p.root.holds(event) }

// holds compares with an event's value; in an array one element has to hold.
func (o *object) holds(v any) bool {
	if l, ok := v.([]any); ok {
		return slices.ContainsFunc(l, o.holds)
	}
	m, ok := v.(map[string]any)
	if !ok {
		m = nil // only patterns of absence can hold
	}
	for name, n := range o.members {
		x, present := m[name]
		if !n.holds(x, present) {
			return false
		}
	}
	for _, alternatives := range o.or {
		if !slices.ContainsFunc(alternatives, func(a *object) bool { return a.holds(v) }) {
			return false
		}
	}
	return true
}

func (n node) holds(v any, present bool) bool {
	if n.object != nil {
		return n.object.holds(v)
	}
	return slices.ContainsFunc(n.matchers, func(m matcher) bool {
		if m.exists != nil {
			// Exists works on leaves: an object is none.
			_, isObject := v.(map[string]any)
			return *m.exists == (present && !isObject)
		}
		return present && leaf(m.test, v)
	})
}

// leaf tests a value, or the elements of an array.
func leaf(test func(any) bool, v any) bool {
	switch v := v.(type) {
	case []any:
		return slices.ContainsFunc(v, func(x any) bool { return leaf(test, x) })
	case map[string]any:
		return false
	}
	return test(v)
}
