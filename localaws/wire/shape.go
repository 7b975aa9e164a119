package wire

import (
	"io"
	"reflect"
	"sync"
	"time"
	"unicode"
)

// field is one member of a generated shape, from its struct tags.
type field struct {
	index    int
	name     string // member name in the model
	as       string // locationName: the name on the wire where it differs
	loc      string // header, headers, uri, querystring, statusCode; "" is the body
	query    string // queryName (ec2 requests)
	list     string // locationName of list elements
	key, val string // locationNames of map entries
	ts       string // timestampFormat
	ns       string // "prefix uri" XML namespace
	flat     bool
	attr     bool
	payload  bool
	token    bool
	required bool
	typ      reflect.Type
}

// wireName is the member's name in JSON, XML and headers.
func (f *field) wireName() string {
	if f.as != "" {
		return f.as
	}
	return f.name
}

// ec2Name is the member's name in an ec2 query request.
func (f *field) ec2Name() string {
	switch {
	case f.query != "":
		return f.query
	case f.as != "":
		return upperFirst(f.as)
	}
	return upperFirst(f.name)
}

func upperFirst(s string) string {
	r := []rune(s)
	r[0] = unicode.ToUpper(r[0])
	return string(r)
}

var (
	timeType   = reflect.TypeFor[time.Time]()
	bytesType  = reflect.TypeFor[[]byte]()
	readerType = reflect.TypeFor[io.ReadCloser]()
	shapes     sync.Map // reflect.Type -> []*field
)

// fieldsOf returns the members of a generated struct type.
func fieldsOf(t reflect.Type) []*field {
	if v, ok := shapes.Load(t); ok {
		return v.([]*field)
	}
	all := make([]*field, 0, t.NumField())
	for i := range t.NumField() {
		sf := t.Field(i)
		g := sf.Tag.Get
		all = append(all, &field{
			index: i, name: g("name"), as: g("as"), loc: g("loc"), query: g("query"), list: g("list"), key: g("key"), val: g("value"),
			ts: g("ts"), ns: g("ns"), flat: g("flat") != "", attr: g("attr") != "", payload: g("payload") != "", token: g("token") != "",
			required: g("req") != "", typ: sf.Type,
		})
	}
	v, _ := shapes.LoadOrStore(t, all)
	return v.([]*field)
}

// payloadOf returns the member that is the whole HTTP body, or nil.
func payloadOf(t reflect.Type) *field {
	for _, f := range fieldsOf(t) {
		if f.payload {
			return f
		}
	}
	return nil
}

// isSet reports whether a member's value is present.
func isSet(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Interface:
		return !v.IsNil()
	}
	return true
}

// missing refuses a request that lacks a required member, and fills in an
// idempotency token that the client left out, as AWS's clients do.
func missing(in any) error {
	v := reflect.ValueOf(in).Elem()
	for _, f := range fieldsOf(v.Type()) {
		m := v.Field(f.index)
		if isSet(m) {
			continue
		}
		if f.token && m.Kind() == reflect.Pointer {
			m.Set(reflect.ValueOf(new(NewRequestID())))
		} else if f.required {
			return Errorf(400, "ValidationException", "The request must contain the parameter %s.", f.name)
		}
	}
	return nil
}
