package access

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"grocery/localaws/service/internal/strict"
)

// path leads to a member of a request, through structures, lists and maps.
type path []int

// compilePath finds the member that a dotted name means in a request's shape.
func compilePath(t reflect.Type, name string) (p path, err error) {
	for part := range strings.SplitSeq(name, ".") {
		t = inner(t)
		if t.Kind() != reflect.Struct {
			return nil, fmt.Errorf("%s has no members", t)
		}
		f, ok := t.FieldByName(part)
		if !ok {
			return nil, fmt.Errorf("%s has no member %s", t, part)
		}
		p, t = append(p, f.Index[0]), f.Type
	}
	return p, nil
}

// inner is what pointers and lists of a type hold.
func inner(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	return t
}

// reach calls f with every value the path leads to.
func (p path) reach(v reflect.Value, f func(reflect.Value)) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			p.reach(v.Elem(), f)
		}
	case reflect.Slice:
		for i := range v.Len() {
			p.reach(v.Index(i), f)
		}
	default:
		if len(p) == 0 {
			f(v)
			return
		}
		p[1:].reach(v.Field(p[0]), f)
	}
}

// strings are the values the path leads to, as policies compare them; of a map,
// its keys.
func (p path) strings(in any) (out []string) {
	p.reach(reflect.ValueOf(in), func(v reflect.Value) {
		switch v.Kind() {
		case reflect.String:
			if v.Len() > 0 {
				out = append(out, v.String())
			}
		case reflect.Bool:
			out = append(out, strconv.FormatBool(v.Bool()))
		case reflect.Int64:
			out = append(out, strconv.FormatInt(v.Int(), 10))
		case reflect.Map:
			for _, k := range v.MapKeys() {
				out = append(out, k.String())
			}
			slices.Sort(out)
		}
	})
	return out
}

// set says whether the member is there and says something.
func (p path) set(in any) bool {
	v := reflect.ValueOf(in).Elem()
	for _, i := range p {
		if v.Kind() == reflect.Pointer {
			if v.IsNil() {
				return false
			}
			v = v.Elem()
		}
		v = v.Field(i)
	}
	return !strict.Zero(v)
}
