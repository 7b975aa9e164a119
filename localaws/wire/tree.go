package wire

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"reflect"
	"strings"
	"time"
)

// The JSON protocols and rpc-v2-cbor share one form between Go shapes and
// bytes: a tree of map[string]any, []any, string, int64, float64, bool, []byte
// and time.Time.

// bindTree sets the shape v from a tree. useNames selects the wire names
// (JSON); otherwise the model's names count (CBOR, and calls by name from
// inside, to which it makes no difference where HTTP has a member).
func bindTree(v reflect.Value, tree any, wireNames bool, path string) error {
	if tree == nil {
		return nil
	}
	wrong := func(want string) error {
		return Errorf(400, "SerializationException", "%s must be %s, not %s.", orBody(path), want, kindName(tree))
	}
	t := v.Type()
	switch {
	case t.Kind() == reflect.Pointer:
		p := reflect.New(t.Elem())
		if err := bindTree(p.Elem(), tree, wireNames, path); err != nil {
			return err
		}
		v.Set(p)
	case t == timeType:
		switch x := tree.(type) {
		case time.Time:
			v.Set(reflect.ValueOf(x.UTC()))
		case string:
			ts, err := parseTime(x)
			if err != nil {
				return wrong("a timestamp")
			}
			v.Set(reflect.ValueOf(ts))
		default:
			n, ok := number(tree)
			if !ok {
				return wrong("a timestamp")
			}
			sec, frac := math.Modf(n)
			v.Set(reflect.ValueOf(time.Unix(int64(sec), int64(math.Round(frac*1e3))*1e6).UTC()))
		}
	case t == readerType:
		s, ok := tree.(string)
		if !ok {
			return wrong("a string")
		}
		v.Set(reflect.ValueOf(io.NopCloser(strings.NewReader(s))))
	case t == bytesType:
		switch x := tree.(type) {
		case []byte:
			v.SetBytes(x)
		case string:
			b, err := base64.StdEncoding.DecodeString(x)
			if err != nil {
				return wrong("base64")
			}
			v.SetBytes(b)
		default:
			return wrong("base64")
		}
	case t.Kind() == reflect.Struct:
		m, ok := tree.(map[string]any)
		if !ok {
			return wrong("an object")
		}
		for _, f := range fieldsOf(t) {
			name := f.name
			if wireNames {
				name = f.wireName()
			}
			if x, ok := m[name]; ok && (f.loc == "" || !wireNames) {
				if err := bindTree(v.Field(f.index), x, wireNames, path+"."+name); err != nil {
					return err
				}
			}
		}
	case t.Kind() == reflect.Slice:
		l, ok := tree.([]any)
		if !ok {
			return wrong("a list")
		}
		s := reflect.MakeSlice(t, len(l), len(l))
		for i, x := range l {
			if err := bindTree(s.Index(i), x, wireNames, fmt.Sprintf("%s[%d]", path, i)); err != nil {
				return err
			}
		}
		v.Set(s)
	case t.Kind() == reflect.Map:
		m, ok := tree.(map[string]any)
		if !ok {
			return wrong("an object")
		}
		r := reflect.MakeMapWithSize(t, len(m))
		for k, x := range m {
			e := reflect.New(t.Elem()).Elem()
			if err := bindTree(e, x, wireNames, path+"."+k); err != nil {
				return err
			}
			r.SetMapIndex(reflect.ValueOf(k), e)
		}
		v.Set(r)
	case t.Kind() == reflect.String:
		s, ok := tree.(string)
		if !ok {
			return wrong("a string")
		}
		v.SetString(s)
	case t.Kind() == reflect.Bool:
		b, ok := tree.(bool)
		if !ok {
			return wrong("true or false")
		}
		v.SetBool(b)
	case t.Kind() == reflect.Int64:
		n, ok := number(tree)
		if !ok || n != math.Trunc(n) {
			return wrong("a whole number")
		}
		if j, isJSON := tree.(json.Number); isJSON {
			if i, err := j.Int64(); err == nil {
				v.SetInt(i) // exact also beyond 2^53
				return nil
			}
		}
		v.SetInt(int64(n))
	case t.Kind() == reflect.Float64:
		n, ok := number(tree)
		if !ok {
			if s, isText := tree.(string); isText && (s == "NaN" || s == "Infinity" || s == "-Infinity") {
				n, ok = map[string]float64{"NaN": math.NaN(), "Infinity": math.Inf(1), "-Infinity": math.Inf(-1)}[s], true
			}
		}
		if !ok {
			return wrong("a number")
		}
		v.SetFloat(n)
	default:
		return fmt.Errorf("wire: cannot decode into %s", t)
	}
	return nil
}

func orBody(path string) string {
	if path == "" {
		return "The request body"
	}
	return path[1:]
}

func kindName(x any) string {
	switch x.(type) {
	case map[string]any:
		return "an object"
	case []any:
		return "a list"
	case string:
		return "a string"
	case bool:
		return "true or false"
	}
	return "a number"
}

func number(x any) (float64, bool) {
	switch n := x.(type) {
	case json.Number:
		f, err := n.Float64()
		return f, err == nil
	case float64:
		return n, true
	case float32:
		return float64(n), true
	case int64:
		return float64(n), true
	case uint64:
		return float64(n), true
	}
	return 0, false
}

// toTree turns a shape into a tree; members that are not set stay out.
func toTree(v reflect.Value, wireNames bool, f *field) any {
	t := v.Type()
	switch {
	case t.Kind() == reflect.Pointer:
		return toTree(v.Elem(), wireNames, f)
	case t == timeType:
		ts := v.Interface().(time.Time)
		if !wireNames {
			return ts // CBOR has a timestamp of its own
		}
		if f != nil && f.ts != "" && f.ts != "unixTimestamp" {
			return formatTime(ts, f.ts)
		}
		return json.Number(formatTime(ts, "unixTimestamp"))
	case t == bytesType:
		return v.Bytes() // encoding/json writes base64
	case t.Kind() == reflect.Struct:
		m := map[string]any{}
		for _, f := range fieldsOf(t) {
			if x := v.Field(f.index); isSet(x) && (!wireNames || f.loc == "" && f.typ != readerType) {
				name := f.name
				if wireNames {
					name = f.wireName()
				}
				m[name] = toTree(x, wireNames, f)
			}
		}
		return m
	case t.Kind() == reflect.Slice:
		l := make([]any, v.Len())
		for i := range l {
			l[i] = toTree(v.Index(i), wireNames, f)
		}
		return l
	case t.Kind() == reflect.Map:
		m := make(map[string]any, v.Len())
		for it := v.MapRange(); it.Next(); {
			m[it.Key().String()] = toTree(it.Value(), wireNames, f)
		}
		return m
	case t.Kind() == reflect.Float64:
		if x := v.Float(); wireNames && (math.IsNaN(x) || math.IsInf(x, 0)) {
			return map[bool]string{true: "NaN", false: map[bool]string{true: "Infinity", false: "-Infinity"}[x > 0]}[math.IsNaN(x)]
		}
		return v.Float()
	}
	return v.Interface()
}

// formatTime writes a timestamp in one of the formats of AWS's models.
func formatTime(t time.Time, format string) string {
	t = t.UTC()
	switch format {
	case "rfc822":
		return t.Format("Mon, 02 Jan 2006 15:04:05 GMT")
	case "unixTimestamp":
		if ms := t.UnixMilli(); ms%1000 != 0 {
			return fmt.Sprintf("%d.%03d", ms/1000, ms%1000)
		}
		return fmt.Sprint(t.Unix())
	}
	return t.Format("2006-01-02T15:04:05.000Z")
}

// parseTime reads any of the timestamp formats clients send as text.
func parseTime(s string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02T15:04Z", "2006-01-02", time.RFC1123, "Mon, 02 Jan 2006 15:04:05 GMT"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), nil
		}
	}
	var sec float64
	if _, err := fmt.Sscanf(s, "%g", &sec); err == nil {
		whole, frac := math.Modf(sec)
		return time.Unix(int64(whole), int64(math.Round(frac*1e3))*1e6).UTC(), nil
	}
	return time.Time{}, fmt.Errorf("%q is no timestamp", s)
}
