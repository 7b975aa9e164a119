package asl

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// The types of states that local AWS runs.
const (
	Task    = "Task"
	Choice  = "Choice"
	Wait    = "Wait"
	Pass    = "Pass"
	Succeed = "Succeed"
	Fail    = "Fail"
)

// Machine is a definition that was read and checked.
type Machine struct {
	Comment string
	StartAt string
	Timeout int64 // seconds an execution may take; 0: no limit
	States  map[string]*State
}

// State is one state of a machine.
type State struct {
	Name, Type string
	Next       string // "" at an end
	Resource   *Resource
	Retry      []Retrier
	Catch      []Catcher

	input, output, result location
	parameters, selector  *Template
	fixed                 any // Result of a Pass state
	hasFixed              bool
	timeout               value // seconds
	wait                  value // seconds or, when waitsUntil, a timestamp
	waitsUntil            bool
	choices               []rule
	fallback              string
	err, cause            value
}

// location is an optional path: absent means all, null means nothing.
type location struct {
	path *Path
	null bool
}

// value is what a state says as it is or by a path.
type value struct {
	set  bool
	v    any
	expr expression
}

func (x value) eval(input, context any) (any, error) {
	if x.expr != nil {
		return x.expr.eval(input, context)
	}
	return x.v, nil
}

// common are the fields of every state.
var common = []string{"Type", "Comment", "QueryLanguage"}

var flow = []string{"Next", "End"}
var inOut = []string{"InputPath", "OutputPath"}

// fields of each type.
var fields = map[string][]string{
	Task:    slices.Concat(common, flow, inOut, []string{"Resource", "Parameters", "ResultSelector", "ResultPath", "Retry", "Catch", "TimeoutSeconds", "TimeoutSecondsPath"}),
	Choice:  slices.Concat(common, inOut, []string{"Choices", "Default"}),
	Wait:    slices.Concat(common, flow, inOut, []string{"Seconds", "SecondsPath", "Timestamp", "TimestampPath"}),
	Pass:    slices.Concat(common, flow, inOut, []string{"Parameters", "Result", "ResultPath"}),
	Succeed: slices.Concat(common, inOut),
	Fail:    slices.Concat(common, []string{"Error", "ErrorPath", "Cause", "CausePath"}),
}

// unsupported are features of Step Functions that local AWS refuses, so that
// nobody takes them for misspelt.
var unsupported = map[string]string{
	"Assign":               "variables",
	"Arguments":            "JSONata",
	"Output":               "JSONata",
	"Credentials":          "tasks in other accounts",
	"HeartbeatSeconds":     "heartbeats",
	"HeartbeatSecondsPath": "heartbeats",
}

// MaxDefinition is how many bytes a definition may have.
const MaxDefinition = 1 << 20

// Parse reads and checks a definition. The error is an InvalidDefinition.
func Parse(definition string) (*Machine, error) {
	p := &parser{}
	if len(definition) > MaxDefinition {
		return nil, InvalidDefinition{{"SCHEMA_VALIDATION_FAILED", fmt.Sprintf("The definition has more than %d bytes", MaxDefinition), "/"}}
	}
	v, err := Decode([]byte(definition))
	if err != nil {
		return nil, InvalidDefinition{{"INVALID_JSON_DESCRIPTION", "The definition is no JSON: " + err.Error(), "/"}}
	}
	m := p.machine(v)
	for i := range p.found {
		p.found[i].Location = or(p.found[i].Location, "/")
	}
	if len(p.found) > 0 {
		return nil, p.found
	}
	return m, nil
}

type parser struct{ found InvalidDefinition }

func (p *parser) add(at, format string, args ...any) {
	p.found = append(p.found, Diagnostic{"SCHEMA_VALIDATION_FAILED", fmt.Sprintf(format, args...), at})
}

func (p *parser) machine(v any) *Machine {
	o := p.object(v, "", []string{"Comment", "StartAt", "States", "Version", "TimeoutSeconds", "QueryLanguage"}, "a state machine")
	if o.m == nil {
		return nil
	}
	m := &Machine{States: map[string]*State{}}
	m.Comment = o.text("Comment")
	m.StartAt = o.need("StartAt")
	if t, ok := o.integer("TimeoutSeconds", 1, 99999999); ok {
		m.Timeout = t
	}
	if version, ok := o.m["Version"]; ok && version != "1.0" {
		p.add("/Version", "The value of 'Version' must be \"1.0\"")
	}
	o.jsonPath()
	states, ok := o.m["States"].(map[string]any)
	if !ok || len(states) == 0 {
		p.add("/States", "The field 'States' must be an object with at least one state")
		return m
	}
	for _, name := range slices.Sorted(maps.Keys(states)) {
		if n := len([]rune(name)); n == 0 || n > 80 {
			p.add("/States/"+name, "The name of a state has 1 to 80 characters")
		}
		m.States[name] = p.state(name, states[name])
	}
	p.transitions(m)
	return m
}

func (p *parser) state(name string, v any) *State {
	at := "/States/" + name
	s := &State{Name: name}
	raw, ok := v.(map[string]any)
	if !ok {
		p.add(at, "A state must be an object")
		return s
	}
	s.Type, _ = raw["Type"].(string)
	switch known := fields[s.Type]; {
	case s.Type == "Map" || s.Type == "Parallel":
		p.add(at+"/Type", "Local AWS does not run %s states. Use a Task for each part, one after the other", s.Type)
		return s
	case known == nil:
		p.add(at+"/Type", "The field 'Type' must be one of Task, Choice, Wait, Pass, Succeed, Fail")
		return s
	default:
		o := p.object(v, at, known, "a state of type "+s.Type)
		o.jsonPath()
		s.read(o)
	}
	return s
}

// read fills the state from its fields, whose names are checked already.
func (s *State) read(o object) {
	switch s.Type {
	case Task, Wait, Pass:
		o.next(s)
	}
	if s.Type != Fail {
		s.input, s.output = o.location("InputPath", false), o.location("OutputPath", false)
	}
	switch s.Type {
	case Task:
		s.parameters, s.selector = o.template("Parameters"), o.template("ResultSelector")
		s.result = o.location("ResultPath", true)
		s.Retry, s.Catch = o.retriers(), o.catchers()
		s.timeout = o.value("TimeoutSeconds", false)
		if _, ok := o.m["TimeoutSeconds"]; ok {
			o.integer("TimeoutSeconds", 1, 99999999)
		}
		if text := o.need("Resource"); text != "" {
			var err error
			if s.Resource, err = parseResource(text); err != nil {
				o.p.add(o.at+"/Resource", "%s", err)
			}
		}
	case Pass:
		s.parameters, s.result = o.template("Parameters"), o.location("ResultPath", true)
		s.fixed, s.hasFixed = o.m["Result"]
	case Wait:
		s.readWait(o)
	case Choice:
		s.choices, s.fallback = o.rules(), o.text("Default")
	case Fail:
		s.err, s.cause = o.value("Error", true), o.value("Cause", true)
	}
}

func (s *State) readWait(o object) {
	var given []string
	for _, f := range []string{"Seconds", "SecondsPath", "Timestamp", "TimestampPath"} {
		if _, ok := o.m[f]; ok {
			given = append(given, f)
		}
	}
	if len(given) != 1 {
		o.p.add(o.at, "A Wait state has exactly one of 'Seconds', 'SecondsPath', 'Timestamp' and 'TimestampPath'")
		return
	}
	if s.waitsUntil = strings.HasPrefix(given[0], "Timestamp"); !s.waitsUntil {
		s.wait = o.value("Seconds", false)
		if given[0] == "Seconds" {
			o.integer("Seconds", 0, 99999999)
		}
		return
	}
	s.wait = o.value("Timestamp", false)
	if given[0] == "Timestamp" {
		if _, ok := timestamp(s.wait.v); !ok {
			o.p.add(o.at+"/Timestamp", "The value must be a timestamp such as 2026-03-14T01:59:00Z")
		}
	}
}

// transitions checks that every target exists and every state is reached.
func (p *parser) transitions(m *Machine) {
	reached := map[string]bool{}
	var todo []string
	follow := func(at, name string) {
		if name == "" {
			return
		}
		if m.States[name] == nil {
			p.found = append(p.found, Diagnostic{"MISSING_TRANSITION_TARGET", fmt.Sprintf("Missing 'Next' target: %s", name), at})
		} else if !reached[name] {
			reached[name] = true
			todo = append(todo, name)
		}
	}
	follow("/StartAt", m.StartAt)
	for len(todo) > 0 {
		s := m.States[todo[0]]
		todo = todo[1:]
		at := "/States/" + s.Name
		follow(at+"/Next", s.Next)
		follow(at+"/Default", s.fallback)
		for i, c := range s.Catch {
			follow(fmt.Sprintf("%s/Catch[%d]/Next", at, i), c.Next)
		}
		for i, r := range s.choices {
			follow(fmt.Sprintf("%s/Choices[%d]/Next", at, i), r.next)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(m.States)) {
		if !reached[name] {
			p.found = append(p.found, Diagnostic{"MISSING_TRANSITION_TARGET", fmt.Sprintf("State %q is not reachable.", name), "/States/" + name})
		}
	}
}

// number64 returns a whole number of JSON.
func number64(v any) (int64, bool) {
	n, ok := v.(json.Number)
	if !ok {
		return 0, false
	}
	i, err := n.Int64()
	if err != nil {
		if f, ferr := n.Float64(); ferr == nil && f == float64(int64(f)) {
			return int64(f), true
		}
	}
	return i, err == nil
}
