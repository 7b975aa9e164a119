package asl

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Path is a JSONPath: $ and what follows, in the input or, with $$, in the
// context object. Filters, functions and scripts are not offered.
type Path struct {
	text    string
	context bool
	steps   []step
}

// step is one part of a path: names or indexes, a slice, or everything.
type step struct {
	deep    bool // .. before it
	all     bool // * or [*]
	names   []string
	indexes []int
	slice   bool
	from    *int
	to      *int
}

// single reports whether a step leads to at most one value.
func (s step) single() bool {
	return !s.deep && !s.all && !s.slice && len(s.names)+len(s.indexes) == 1
}

// String is the path as it was written.
func (p *Path) String() string { return p.text }

// Definite reports whether the path leads to at most one value.
func (p *Path) Definite() bool {
	return !slices.ContainsFunc(p.steps, func(s step) bool { return !s.single() })
}

// ParsePath reads a path.
func ParsePath(text string) (*Path, error) {
	p := &Path{text: text}
	rest, ok := strings.CutPrefix(text, "$")
	if !ok {
		return nil, fmt.Errorf("%q is no path: it must begin with $", text)
	}
	if r, ok := strings.CutPrefix(rest, "$"); ok {
		p.context, rest = true, r
	}
	for rest != "" {
		var s step
		var err error
		switch {
		case strings.HasPrefix(rest, "..["):
			s, rest, err = parseBracket(rest[2:])
			s.deep = true
		case strings.HasPrefix(rest, ".."):
			s, rest, err = parseName(rest[2:])
			s.deep = true
		case rest[0] == '.':
			s, rest, err = parseName(rest[1:])
		case rest[0] == '[':
			s, rest, err = parseBracket(rest)
		default:
			err = fmt.Errorf("unexpected %q", rest)
		}
		if err != nil {
			return nil, fmt.Errorf("the path %q cannot be read: %w", text, err)
		}
		p.steps = append(p.steps, s)
	}
	return p, nil
}

func parseName(rest string) (step, string, error) {
	end := strings.IndexAny(rest, ".[")
	if end < 0 {
		end = len(rest)
	}
	name := rest[:end]
	switch {
	case name == "":
		return step{}, "", fmt.Errorf("a name is missing after the dot")
	case name == "*":
		return step{all: true}, rest[end:], nil
	case strings.ContainsAny(name, " ()'\"@?*,:]\\&|"):
		return step{}, "", fmt.Errorf("%q needs brackets and quotes, or is a function, which local AWS does not offer in paths", name)
	}
	return step{names: []string{name}}, rest[end:], nil
}

// parseBracket reads ['a','b'], [0,1], [1:3] or [*].
func parseBracket(rest string) (s step, after string, err error) {
	in := rest[1:]
	if strings.HasPrefix(in, "?") || strings.HasPrefix(in, "(") {
		return s, "", fmt.Errorf("local AWS does not offer filters and scripts in paths")
	}
	for {
		in = strings.TrimLeft(in, " ")
		switch {
		case in == "":
			return s, "", fmt.Errorf("a ] is missing")
		case in[0] == '*':
			s.all, in = true, in[1:]
		case in[0] == '\'' || in[0] == '"':
			var name string
			if name, in, err = quoted(in); err != nil {
				return s, "", err
			}
			s.names = append(s.names, name)
		default:
			end := strings.IndexAny(in, ",]")
			if end < 0 {
				return s, "", fmt.Errorf("a ] is missing")
			}
			word := strings.TrimSpace(in[:end])
			in = in[end:]
			if err := s.index(word); err != nil {
				return s, "", fmt.Errorf("%q is no index", word)
			}
		}
		in = strings.TrimLeft(in, " ")
		if in == "" || (in[0] != ',' && in[0] != ']') {
			return s, "", fmt.Errorf("a ] is missing")
		}
		more := in[0] == ','
		if in = in[1:]; !more {
			break
		}
	}
	kinds := 0
	for _, has := range []bool{s.all, s.slice, len(s.names) > 0, len(s.indexes) > 0} {
		if has {
			kinds++
		}
	}
	if kinds != 1 {
		return s, "", fmt.Errorf("brackets hold names, indexes, one slice or *, not a mixture")
	}
	return s, in, nil
}

// index reads an index or a slice.
func (s *step) index(word string) error {
	from, to, ok := strings.Cut(word, ":")
	if !ok {
		n, err := strconv.Atoi(word)
		s.indexes = append(s.indexes, n)
		return err
	}
	var err error
	s.slice = true
	if s.from, err = bound(from); err == nil {
		s.to, err = bound(to)
	}
	return err
}

func bound(s string) (*int, error) {
	if s = strings.TrimSpace(s); s == "" {
		return nil, nil
	}
	n, err := strconv.Atoi(s)
	return &n, err
}

// quoted reads a string in single or double quotes, with \ before a quote or
// a backslash.
func quoted(in string) (s, rest string, err error) {
	var b strings.Builder
	for i := 1; i < len(in); i++ {
		switch c := in[i]; {
		case c == '\\' && i+1 < len(in):
			i++
			b.WriteByte(in[i])
		case c == in[0]:
			return b.String(), in[i+1:], nil
		default:
			b.WriteByte(c)
		}
	}
	return "", "", fmt.Errorf("a closing quote is missing")
}

// Get returns what the path leads to in input, or in the context object. A
// path that may lead to several values always answers a list.
func (p *Path) Get(input, context any) (v any, ok bool) {
	root := input
	if p.context {
		root = context
	}
	found := []any{root}
	for _, s := range p.steps {
		var next []any
		for _, v := range found {
			next = s.find(v, next)
		}
		found = next
	}
	if p.Definite() {
		if len(found) == 0 {
			return nil, false
		}
		return found[0], true
	}
	if found == nil {
		found = []any{}
	}
	return found, true
}

// find appends what the step finds in v, and below it when it is a deep one.
func (s step) find(v any, found []any) []any {
	found = s.direct(v, found)
	if s.deep {
		for _, child := range children(v) {
			found = s.find(child, found)
		}
	}
	return found
}

func (s step) direct(v any, found []any) []any {
	if s.all {
		return append(found, children(v)...)
	}
	switch v := v.(type) {
	case map[string]any:
		for _, n := range s.names {
			if x, ok := v[n]; ok {
				found = append(found, x)
			}
		}
	case []any:
		for _, i := range s.indexes {
			if i < 0 {
				i += len(v)
			}
			if i >= 0 && i < len(v) {
				found = append(found, v[i])
			}
		}
		if s.slice {
			from, to := clip(s.from, 0, len(v)), clip(s.to, len(v), len(v))
			if from < to {
				found = append(found, v[from:to]...)
			}
		}
	}
	return found
}

func clip(at *int, absent, length int) int {
	if at == nil {
		return absent
	}
	n := *at
	if n < 0 {
		n += length
	}
	return max(0, min(n, length))
}

func children(v any) []any {
	switch v := v.(type) {
	case []any:
		return v
	case map[string]any:
		all := make([]any, 0, len(v))
		for _, k := range slices.Sorted(maps.Keys(v)) {
			all = append(all, v[k])
		}
		return all
	}
	return nil
}

// Set returns input with result at the path, which must be definite. Objects
// are made on the way; neither argument is changed.
func (p *Path) Set(input, result any) (any, error) {
	v, err := set(input, p.steps, result)
	if err != nil {
		return nil, fmt.Errorf("unable to apply ReferencePath %s to input: %w", p.text, err)
	}
	return v, nil
}

func set(v any, steps []step, result any) (any, error) {
	if len(steps) == 0 {
		return result, nil
	}
	if s := steps[0]; len(s.indexes) == 1 {
		list, ok := v.([]any)
		i := s.indexes[0]
		if i < 0 {
			i += len(list)
		}
		if !ok || i < 0 || i >= len(list) {
			return nil, fmt.Errorf("there is no element %d", s.indexes[0])
		}
		x, err := set(list[i], steps[1:], result)
		if err != nil {
			return nil, err
		}
		list = slices.Clone(list)
		list[i] = x
		return list, nil
	}
	name := steps[0].names[0]
	object, ok := v.(map[string]any)
	if !ok && v != nil {
		return nil, fmt.Errorf("%q would be a member of a value that is no object", name)
	}
	x, err := set(object[name], steps[1:], result)
	if err != nil {
		return nil, err
	}
	object = maps.Clone(object)
	if object == nil {
		object = map[string]any{}
	}
	object[name] = x
	return object, nil
}
