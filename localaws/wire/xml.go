package wire

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// xmlWriter writes AWS's XML. Text is escaped by encoding/xml.
type xmlWriter struct {
	bytes.Buffer
	ec2 bool // the ec2 protocol's names for list elements
}

func (w *xmlWriter) open(name, attrs string) { w.WriteString("<" + name + attrs + ">") }
func (w *xmlWriter) close(name string)       { w.WriteString("</" + name + ">") }

func (w *xmlWriter) text(s string) { xml.EscapeText(&w.Buffer, []byte(s)) } // a Buffer never fails

func (w *xmlWriter) element(name, s string) {
	w.open(name, "")
	w.text(s)
	w.close(name)
}

// members writes the body members of a struct.
func (w *xmlWriter) members(v reflect.Value) {
	for _, f := range fieldsOf(v.Type()) {
		if x := v.Field(f.index); f.loc == "" && !f.attr && isSet(x) {
			w.member(f, x)
		}
	}
}

func (w *xmlWriter) member(f *field, v reflect.Value) {
	name := f.wireName()
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	t := v.Type()
	switch {
	case t.Kind() == reflect.Slice && t != bytesType:
		item := f.list
		if item == "" {
			item = "member"
			if w.ec2 {
				item = "item"
			}
		}
		if f.flat {
			if f.as == "" && f.list != "" {
				name = f.list
			}
			for i := range v.Len() {
				w.value(name, f, v.Index(i))
			}
			return
		}
		w.open(name, "")
		for i := range v.Len() {
			w.value(item, f, v.Index(i))
		}
		w.close(name)
	case t.Kind() == reflect.Map:
		key, val := f.key, f.val
		if key == "" {
			key = "key"
		}
		if val == "" {
			val = "value"
		}
		entry := "entry"
		if f.flat {
			entry = name
		} else {
			w.open(name, "")
		}
		for _, k := range slices.Sorted(maps.Keys(mapKeys(v))) {
			w.open(entry, "")
			w.element(key, k)
			w.value(val, f, v.MapIndex(reflect.ValueOf(k)))
			w.close(entry)
		}
		if !f.flat {
			w.close(name)
		}
	default:
		w.value(name, f, v)
	}
}

func mapKeys(v reflect.Value) map[string]bool {
	m := map[string]bool{}
	for _, k := range v.MapKeys() {
		m[k.String()] = true
	}
	return m
}

// value writes one element: a scalar, a structure, or a list in a list.
func (w *xmlWriter) value(name string, f *field, v reflect.Value) {
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	t := v.Type()
	switch {
	case t == timeType:
		ts := f.ts
		w.element(name, text(v, ts))
	case t.Kind() == reflect.Struct:
		attrs := ""
		if f.ns != "" {
			prefix, uri, two := strings.Cut(f.ns, " ")
			if two {
				attrs = ` xmlns:` + prefix + `="` + uri + `"`
			} else {
				attrs = ` xmlns="` + prefix + `"`
			}
		}
		for _, sub := range fieldsOf(t) {
			if x := v.Field(sub.index); sub.attr && isSet(x) {
				var b bytes.Buffer
				xml.EscapeText(&b, []byte(text(x, "")))
				attrs += " " + sub.wireName() + `="` + b.String() + `"`
			}
		}
		w.open(name, attrs)
		w.members(v)
		w.close(name)
	case t.Kind() == reflect.Slice && t != bytesType:
		w.open(name, "")
		for i := range v.Len() {
			w.value("member", &field{}, v.Index(i))
		}
		w.close(name)
	default:
		w.element(name, text(v, f.ts))
	}
}

// xmlNode is an element of a request body.
type xmlNode struct {
	name     string
	attrs    map[string]string
	text     string
	children []*xmlNode
}

// parseXML reads one document; depth is bounded so that no document can
// exhaust the stack.
func parseXML(r io.Reader) (*xmlNode, error) {
	d := xml.NewDecoder(r)
	var stack []*xmlNode
	root := &xmlNode{}
	stack = append(stack, root)
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, Errorf(400, "MalformedXML", "The XML you provided was not well-formed: %v", err)
		}
		top := stack[len(stack)-1]
		switch x := tok.(type) {
		case xml.StartElement:
			if len(stack) > 64 {
				return nil, Errorf(400, "MalformedXML", "The XML you provided is nested too deeply.")
			}
			n := &xmlNode{name: x.Name.Local, attrs: map[string]string{}}
			for _, a := range x.Attr {
				n.attrs[a.Name.Local] = a.Value
			}
			top.children = append(top.children, n)
			stack = append(stack, n)
		case xml.EndElement:
			stack = stack[:len(stack)-1]
		case xml.CharData:
			top.text += string(x)
		}
	}
	if len(root.children) != 1 {
		return nil, Errorf(400, "MalformedXML", "The request body must be one XML document.")
	}
	return root.children[0], nil
}

func (n *xmlNode) named(name string) []*xmlNode {
	var all []*xmlNode
	for _, c := range n.children {
		if c.name == name {
			all = append(all, c)
		}
	}
	return all
}

// bindXML sets a shape from an element.
func bindXML(v reflect.Value, n *xmlNode, path string) error {
	t := v.Type()
	switch {
	case t.Kind() == reflect.Pointer:
		p := reflect.New(t.Elem())
		if err := bindXML(p.Elem(), n, path); err != nil {
			return err
		}
		v.Set(p)
		return nil
	case t.Kind() != reflect.Struct || t == timeType:
		return setText(v, strings.TrimSpace(n.text), path)
	}
	for _, f := range fieldsOf(t) {
		x, name := v.Field(f.index), f.wireName()
		sub := strings.TrimPrefix(path+"."+name, ".")
		switch {
		case f.loc != "" || f.payload:
		case f.attr:
			_, local, ok := strings.Cut(name, ":")
			if !ok {
				local = name
			}
			if s, ok := n.attrs[local]; ok {
				if err := setText(x, s, sub); err != nil {
					return err
				}
			}
		case x.Kind() == reflect.Slice && f.typ != bytesType:
			var items []*xmlNode
			if f.flat {
				if f.as == "" && f.list != "" {
					name = f.list
				}
				items = n.named(name)
				if items == nil {
					continue
				}
			} else {
				outer := n.named(name)
				if outer == nil {
					continue
				}
				item := f.list
				if item == "" {
					item = "member"
				}
				items = outer[0].named(item)
			}
			l := reflect.MakeSlice(f.typ, len(items), len(items))
			for i, c := range items {
				if err := bindXML(l.Index(i), c, sub); err != nil {
					return err
				}
			}
			x.Set(l)
		default:
			if c := n.named(name); c != nil {
				if f.typ == reflect.TypeFor[*string]() {
					x.Set(reflect.ValueOf(new(c[0].text))) // white space in a string counts
				} else if err := bindXML(x, c[0], sub); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
