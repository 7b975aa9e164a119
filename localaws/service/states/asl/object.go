package asl

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// object is a JSON object of the definition together with where it stands.
type object struct {
	p  *parser
	at string
	m  map[string]any
}

// object checks that v is an object with none but known fields.
func (p *parser) object(v any, at string, known []string, what string) object {
	m, ok := v.(map[string]any)
	if !ok {
		p.add(or(at, "/"), "The value must be an object")
		return object{p: p, at: at}
	}
	for _, k := range slices.Sorted(maps.Keys(m)) {
		if slices.Contains(known, k) {
			continue
		}
		if feature := unsupported[k]; feature != "" {
			p.add(at+"/"+k, "Local AWS does not support %s (field '%s')", feature, k)
			continue
		}
		p.add(at+"/"+k, "Field '%s' is not supported in %s", k, what)
	}
	return object{p, at, m}
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// text returns an optional string.
func (o object) text(name string) string {
	v, ok := o.m[name]
	s, isText := v.(string)
	if ok && !isText {
		o.p.add(o.at+"/"+name, "The value of '%s' must be a string", name)
	}
	return s
}

// need returns a string that must be there.
func (o object) need(name string) string {
	if _, ok := o.m[name]; !ok {
		o.p.add(o.at, "The field '%s' is required but was missing", name)
		return ""
	}
	return o.text(name)
}

// integer returns an optional whole number between least and most.
func (o object) integer(name string, least, most int64) (int64, bool) {
	v, ok := o.m[name]
	if !ok {
		return 0, false
	}
	n, ok := number64(v)
	if !ok || n < least || n > most {
		o.p.add(o.at+"/"+name, "The value of '%s' must be a whole number from %d to %d", name, least, most)
		return 0, false
	}
	return n, true
}

// jsonPath refuses every query language but JSONPath.
func (o object) jsonPath() {
	if q, ok := o.m["QueryLanguage"]; ok && q != "JSONPath" {
		o.p.add(o.at+"/QueryLanguage", "Local AWS runs the query language JSONPath, not %v", q)
	}
}

// next reads Next and End, of which exactly one must be there.
func (o object) next(s *State) {
	s.Next = o.text("Next")
	end, hasEnd := o.m["End"]
	if hasEnd {
		if _, ok := end.(bool); !ok {
			o.p.add(o.at+"/End", "The value of 'End' must be true or false")
		}
	}
	if (end == true) == (s.Next != "") {
		o.p.add(o.at, "The state must have exactly one of 'Next' and 'End': true")
	}
}

// location reads a path that may be null; reference asks for one place.
func (o object) location(name string, reference bool) location {
	v, ok := o.m[name]
	if !ok {
		return location{}
	}
	if v == nil {
		return location{null: true}
	}
	p := o.path(name)
	if p != nil && reference && (!p.Definite() || p.context) {
		o.p.add(o.at+"/"+name, "The value of '%s' must be a reference path: one place in the input", name)
	}
	return location{path: p}
}

func (o object) path(name string) *Path {
	p, err := ParsePath(o.text(name))
	if err != nil {
		o.p.add(o.at+"/"+name, "%s", err)
		return nil
	}
	return p
}

func (o object) template(name string) *Template {
	v, ok := o.m[name]
	if !ok {
		return nil
	}
	t, err := parseTemplate(v)
	if err != nil {
		o.p.add(o.at+"/"+name, "%s", err)
	}
	return t
}

// value reads a field that stands there by itself or as a path under
// name+"Path". texts are strings, and their path may be a function.
func (o object) value(name string, texts bool) (x value) {
	v, here := o.m[name]
	path, there := o.m[name+"Path"]
	switch {
	case here && there:
		o.p.add(o.at, "The state has both '%s' and '%sPath'", name, name)
	case here:
		x = value{set: true, v: v}
		if texts {
			o.text(name)
		}
	case there:
		text, _ := path.(string)
		e, err := parseExpression(text)
		if _, isPath := e.(*Path); err == nil && !isPath && !texts {
			err = fmt.Errorf("%q must be a path", text)
		}
		if err != nil {
			o.p.add(o.at+"/"+name+"Path", "%s", err)
			return x
		}
		x = value{set: true, expr: e}
	}
	return x
}

// elements returns the objects of an optional list.
func (o object) elements(name, what string, known []string) []object {
	v, ok := o.m[name]
	if !ok {
		return nil
	}
	l, ok := v.([]any)
	if !ok {
		o.p.add(o.at+"/"+name, "The value of '%s' must be a list", name)
	}
	all := make([]object, len(l))
	for i, x := range l {
		all[i] = o.p.object(x, fmt.Sprintf("%s/%s[%d]", o.at, name, i), known, what)
	}
	return all
}

// errorNames reads ErrorEquals.
func (o object) errorNames(last bool) []string {
	l, _ := o.m["ErrorEquals"].([]any)
	var names []string
	for _, x := range l {
		s, ok := x.(string)
		if !ok {
			o.p.add(o.at+"/ErrorEquals", "The names of errors are strings")
		}
		names = append(names, s)
	}
	switch {
	case len(l) == 0:
		o.p.add(o.at+"/ErrorEquals", "The value of 'ErrorEquals' must be a list with at least one name")
	case slices.Contains(names, All) && (len(names) > 1 || !last):
		o.p.add(o.at+"/ErrorEquals", "%s must stand alone, and in the last element", All)
	}
	for _, n := range names {
		if strings.HasPrefix(n, "States.") && !slices.Contains(reserved, n) {
			o.p.add(o.at+"/ErrorEquals", "%q is no error of the language", n)
		}
	}
	return names
}

// reserved are the names of errors that begin with States.
var reserved = []string{All, DataLimitExceeded, IntrinsicFailure, NoChoiceMatched, ParameterFailure, Permissions, ResultPathFailure, Runtime, TaskFailed, Timeout,
	"States.BranchFailed", "States.ExceedToleratedFailureThreshold", "States.HeartbeatTimeout", "States.Http.Socket", "States.ItemReaderFailed", "States.ResultWriterFailed"}
