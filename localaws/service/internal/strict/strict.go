// Package strict registers operations together with the request members they
// honour, so that a member nobody implements is refused instead of ignored.
package strict

import (
	"context"
	"fmt"
	"reflect"
	"strings"

	"grocery/localaws/wire"
)

// All stands for every member of a request.
const All = "*"

// Handle registers h for op. members names, separated by spaces, the members of
// the request that h honours; a request that sets another one is refused with
// code. A member that is false, zero or empty counts as not set. The member
// DryRun is served here: it ends the call as AWS does.
func Handle[In, Out any](r *wire.Registry, op wire.Op[In, Out], code, members string, h func(context.Context, *In) (*Out, error)) {
	t := reflect.TypeFor[In]()
	honoured := map[string]bool{}
	for name := range strings.FieldsSeq(members) {
		if _, ok := t.FieldByName(name); !ok && name != All {
			panic(fmt.Sprintf("strict: %s has no member %s", t, name))
		}
		honoured[name] = true
	}
	wire.Handle(r, op, func(ctx context.Context, in *In) (*Out, error) {
		v := reflect.ValueOf(in).Elem()
		for i := range t.NumField() {
			name := t.Field(i).Name
			if Zero(v.Field(i)) {
				continue
			}
			if name == "DryRun" {
				return nil, wire.Errorf(412, "DryRunOperation", "Request would have succeeded, but DryRun flag is set.")
			}
			if !honoured[name] && !honoured[All] {
				return nil, wire.Errorf(400, code, "Local AWS does not support the parameter %s of %s.", name, op.Name)
			}
		}
		return h(ctx, in)
	})
}

// Zero reports whether a member is absent or holds nothing: nil, an empty
// list, or a pointer to false, 0 or "".
func Zero(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return true
		}
		if e := v.Elem(); e.Kind() != reflect.Struct {
			return e.IsZero()
		}
		return false
	case reflect.Slice, reflect.Map:
		return v.Len() == 0
	}
	return v.IsZero()
}
