package wire

import (
	"encoding/base64"
	"net/url"
	"reflect"
	"sort"
	"strconv"
	"strings"
	"time"
)

// bindQuery sets a shape from the form of a query or ec2 request. The two
// differ in names and in that ec2's lists are always flat.
func bindQuery(v reflect.Value, form url.Values, ec2 bool) error {
	return bindForm(v, indexForm(form), ec2, nil, "")
}

// node is one level of the dotted names of a form.
type node struct {
	value *string
	next  map[string]*node
}

func indexForm(form url.Values) *node {
	root := &node{}
	for name, values := range form {
		n := root
		for part := range strings.SplitSeq(name, ".") {
			if n.next == nil {
				n.next = map[string]*node{}
			}
			if n.next[part] == nil {
				n.next[part] = &node{}
			}
			n = n.next[part]
		}
		if len(values) > 0 {
			n.value = &values[0]
		}
	}
	return root
}

// numbered returns the children named 1, 2, ... in order.
func (n *node) numbered() []*node {
	var idx []int
	for k := range n.next {
		if i, err := strconv.Atoi(k); err == nil {
			idx = append(idx, i)
		}
	}
	sort.Ints(idx)
	all := make([]*node, len(idx))
	for i, k := range idx {
		all[i] = n.next[strconv.Itoa(k)]
	}
	return all
}

func bindForm(v reflect.Value, n *node, ec2 bool, f *field, path string) error {
	t := v.Type()
	switch {
	case t.Kind() == reflect.Pointer:
		p := reflect.New(t.Elem())
		if err := bindForm(p.Elem(), n, ec2, f, path); err != nil {
			return err
		}
		v.Set(p)
	case t == timeType || t == bytesType || t.Kind() != reflect.Struct && t.Kind() != reflect.Slice && t.Kind() != reflect.Map:
		if n.value == nil {
			return Errorf(400, "MalformedInput", "%s must be a value, not a structure.", path)
		}
		return setText(v, *n.value, path)
	case t.Kind() == reflect.Struct:
		for _, f := range fieldsOf(t) {
			name := f.wireName()
			if ec2 {
				name = f.ec2Name()
			}
			if !ec2 && f.flat && f.list != "" {
				name = f.list // a flat list goes by its elements' name
			}
			if c := n.next[name]; c != nil {
				if err := bindForm(v.Field(f.index), c, ec2, f, strings.TrimPrefix(path+"."+name, ".")); err != nil {
					return err
				}
			}
		}
	case t.Kind() == reflect.Slice:
		src := n
		if !ec2 && (f == nil || !f.flat) {
			name := "member"
			if f != nil && f.list != "" {
				name = f.list
			}
			if src = n.next[name]; src == nil {
				src = n.next["member"] // clients that always say member
			}
		}
		items := reflect.MakeSlice(t, 0, 0)
		if src != nil {
			for i, c := range src.numbered() {
				e := reflect.New(t.Elem()).Elem()
				if err := bindForm(e, c, ec2, nil, path+"."+strconv.Itoa(i+1)); err != nil {
					return err
				}
				items = reflect.Append(items, e)
			}
		}
		v.Set(items)
	case t.Kind() == reflect.Map:
		key, val, src := "key", "value", n
		if f != nil && f.key != "" {
			key = f.key
		}
		if f != nil && f.val != "" {
			val = f.val
		}
		if !ec2 && (f == nil || !f.flat) {
			src = n.next["entry"]
		}
		m := reflect.MakeMap(t)
		if src != nil {
			for _, c := range src.numbered() {
				k, x := c.next[key], c.next[val]
				if k == nil || k.value == nil || x == nil {
					return Errorf(400, "MalformedInput", "%s must have keys and values.", path)
				}
				e := reflect.New(t.Elem()).Elem()
				if err := bindForm(e, x, ec2, nil, path+"."+*k.value); err != nil {
					return err
				}
				m.SetMapIndex(reflect.ValueOf(*k.value), e)
			}
		}
		v.Set(m)
	}
	return nil
}

// setText sets a scalar from its text form, as forms, XML, headers and query
// strings carry it.
func setText(v reflect.Value, s, path string) error {
	t := v.Type()
	wrong := func(want string) error {
		return Errorf(400, "InvalidParameterValue", "Value (%s) for parameter %s is invalid: expected %s.", s, path, want)
	}
	switch {
	case t.Kind() == reflect.Pointer:
		p := reflect.New(t.Elem())
		if err := setText(p.Elem(), s, path); err != nil {
			return err
		}
		v.Set(p)
	case t == timeType:
		ts, err := parseTime(s)
		if err != nil {
			return wrong("a timestamp")
		}
		v.Set(reflect.ValueOf(ts))
	case t == bytesType:
		b, err := base64.StdEncoding.DecodeString(s)
		if err != nil {
			return wrong("base64")
		}
		v.SetBytes(b)
	case t.Kind() == reflect.String:
		v.SetString(s)
	case t.Kind() == reflect.Bool:
		b, err := strconv.ParseBool(s)
		if err != nil {
			return wrong("true or false")
		}
		v.SetBool(b)
	case t.Kind() == reflect.Int64:
		i, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return wrong("a whole number")
		}
		v.SetInt(i)
	case t.Kind() == reflect.Float64:
		x, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return wrong("a number")
		}
		v.SetFloat(x)
	default:
		return wrong("a single value")
	}
	return nil
}

// text is the text form of a scalar; ts is its timestamp format.
func text(v reflect.Value, ts string) string {
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	switch x := v.Interface().(type) {
	case time.Time:
		return formatTime(x, ts)
	case []byte:
		return base64.StdEncoding.EncodeToString(x)
	case string:
		return x
	case bool:
		return strconv.FormatBool(x)
	case int64:
		return strconv.FormatInt(x, 10)
	case float64:
		return strconv.FormatFloat(x, 'g', -1, 64)
	}
	return v.String()
}
