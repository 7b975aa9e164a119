package asl

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// rule is one rule of a Choice state: a comparison, or And, Or or Not over
// others.
type rule struct {
	next     string
	all, any []rule
	not      *rule
	variable *Path
	operator string
	operand  any
	path     *Path // the operand's place, for operators ending in Path
}

func (o object) rules() []rule {
	l, _ := o.m["Choices"].([]any)
	if len(l) == 0 {
		o.p.add(o.at+"/Choices", "The field 'Choices' must be a list with at least one rule")
	}
	all := o.elements("Choices", "a choice rule", ruleFields)
	out := make([]rule, len(all))
	for i, x := range all {
		out[i] = x.rule(true)
	}
	return out
}

// ruleFields are what a rule may hold: init adds the comparisons.
var ruleFields []string

func pathOperators() (all []string) {
	for name, c := range comparisons {
		if c.byPath {
			all = append(all, name+"Path")
		}
	}
	return all
}

func (o object) rule(top bool) (r rule) {
	if _, ok := o.m["Next"]; ok && !top {
		o.p.add(o.at+"/Next", "Only a rule at the top has 'Next'")
	}
	if top {
		r.next = o.need("Next")
	}
	kinds := 0
	for _, k := range slices.Sorted(maps.Keys(o.m)) {
		switch k {
		case "Comment", "Next", "Variable":
			continue
		case "And", "Or":
			kinds++
			parts := o.elements(k, "a choice rule", ruleFields)
			if len(parts) == 0 {
				o.p.add(o.at+"/"+k, "The value of '%s' must be a list with at least one rule", k)
			}
			for _, x := range parts {
				if k == "And" {
					r.all = append(r.all, x.rule(false))
				} else {
					r.any = append(r.any, x.rule(false))
				}
			}
		case "Not":
			kinds++
			x := o.p.object(o.m[k], o.at+"/Not", ruleFields, "a choice rule").rule(false)
			r.not = &x
		default:
			name, byPath := strings.CutSuffix(k, "Path")
			c, ok := comparisons[name]
			if !ok || (byPath && !c.byPath) {
				continue // refused already as an unknown field
			}
			kinds++
			if _, ok := o.m["Variable"]; !ok {
				o.p.add(o.at, "The field 'Variable' is required but was missing")
			} else if r.variable = o.path("Variable"); r.variable != nil && !r.variable.Definite() {
				o.p.add(o.at+"/Variable", "The value of 'Variable' must be a reference path: one place in the input")
			}
			r.operator = name
			if byPath {
				r.path = o.path(k)
			} else if r.operand = o.m[k]; !c.takes(r.operand) {
				o.p.add(o.at+"/"+k, "The value of '%s' must be %s", k, c.wants)
			}
		}
	}
	if kinds != 1 {
		o.p.add(o.at, "A choice rule has exactly one comparison, 'And', 'Or' or 'Not'")
	}
	return r
}

// Choose returns the state a Choice leads to.
func (s *State) Choose(raw, context any) (next string, err error) {
	input, err := s.input.take(raw, context, "InputPath")
	if err != nil {
		return "", err
	}
	for _, r := range s.choices {
		ok, err := r.holds(input, context)
		if err != nil {
			return "", err
		}
		if ok {
			return r.next, nil
		}
	}
	if s.fallback == "" {
		return "", failf(NoChoiceMatched, "No choice rule of state '%s' matched the input and it has no Default", s.Name)
	}
	return s.fallback, nil
}

func (r *rule) holds(input, context any) (bool, error) {
	switch {
	case r.all != nil:
		for i := range r.all {
			if ok, err := r.all[i].holds(input, context); !ok || err != nil {
				return false, err
			}
		}
		return true, nil
	case r.any != nil:
		for i := range r.any {
			if ok, err := r.any[i].holds(input, context); ok || err != nil {
				return ok, err
			}
		}
		return false, nil
	case r.not != nil:
		ok, err := r.not.holds(input, context)
		return !ok, err
	}
	v, present := r.variable.Get(input, context)
	if r.operator == "IsPresent" {
		return present == r.operand, nil
	}
	if !present {
		return false, failf(Runtime, "Invalid path '%s': The choice state's condition path references an invalid value.", r.variable)
	}
	operand := r.operand
	if r.path != nil {
		var ok bool
		if operand, ok = r.path.Get(input, context); !ok {
			return false, failf(Runtime, "Invalid path '%s': The choice state's condition path references an invalid value.", r.path)
		}
	}
	return comparisons[r.operator].holds(v, operand), nil
}

// comparison is one operator. Values of the wrong type make it false.
type comparison struct {
	byPath bool // has a variant whose operand is a path
	takes  func(operand any) bool
	wants  string
	holds  func(v, operand any) bool
}

func isText(v any) bool   { _, ok := v.(string); return ok }
func isNumber(v any) bool { _, ok := float(v); return ok }
func isBool(v any) bool   { _, ok := v.(bool); return ok }
func isTime(v any) bool   { _, ok := timestamp(v); return ok }

var comparisons = map[string]comparison{
	"BooleanEquals": {true, isBool, "true or false", func(v, x any) bool { return isBool(v) && v == x }},
	"StringMatches": {false, isText, "a string", func(v, x any) bool {
		s, ok := v.(string)
		return ok && wildcard(x.(string), s)
	}},
	"IsPresent":   {false, isBool, "true or false", nil}, // Choose asks before there is a value
	"IsNull":      is(func(v any) bool { return v == nil }),
	"IsString":    is(isText),
	"IsNumeric":   is(isNumber),
	"IsBoolean":   is(isBool),
	"IsTimestamp": is(isTime),
}

func is(f func(any) bool) comparison {
	return comparison{false, isBool, "true or false", func(v, x any) bool { return f(v) == x }}
}

func init() {
	for name, wants := range map[string]func(order int) bool{
		"Equals":            func(o int) bool { return o == 0 },
		"LessThan":          func(o int) bool { return o < 0 },
		"GreaterThan":       func(o int) bool { return o > 0 },
		"LessThanEquals":    func(o int) bool { return o <= 0 },
		"GreaterThanEquals": func(o int) bool { return o >= 0 },
	} {
		comparisons["String"+name] = comparison{true, isText, "a string", func(v, x any) bool {
			a, ok := v.(string)
			b, ok2 := x.(string)
			return ok && ok2 && wants(strings.Compare(a, b))
		}}
		comparisons["Numeric"+name] = comparison{true, isNumber, "a number", func(v, x any) bool {
			a, ok := float(v)
			b, ok2 := float(x)
			return ok && ok2 && wants(order(a, b))
		}}
		comparisons["Timestamp"+name] = comparison{true, isTime, "a timestamp such as 2026-03-14T01:59:00Z", func(v, x any) bool {
			a, ok := timestamp(v)
			b, ok2 := timestamp(x)
			return ok && ok2 && wants(time.Time.Compare(a, b))
		}}
	}
	ruleFields = slices.Concat([]string{"Comment", "Next", "Variable", "And", "Or", "Not"}, slices.Collect(maps.Keys(comparisons)), pathOperators())
}

func order(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// wildcard matches a pattern in which * stands for any text and \* for itself.
func wildcard(pattern, s string) bool {
	var parts []string // the texts between the stars
	var b strings.Builder
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; {
		case c == '\\' && i+1 < len(pattern):
			i++
			b.WriteByte(pattern[i])
		case c == '*':
			parts = append(parts, b.String())
			b.Reset()
		default:
			b.WriteByte(c)
		}
	}
	last := b.String()
	if len(parts) == 0 {
		return s == last
	}
	s, ok := strings.CutPrefix(s, parts[0])
	if !ok {
		return false
	}
	for _, p := range parts[1:] {
		i := strings.Index(s, p)
		if i < 0 {
			return false
		}
		s = s[i+len(p):]
	}
	return strings.HasSuffix(s, last)
}
