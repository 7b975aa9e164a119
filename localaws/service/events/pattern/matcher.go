package pattern

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// matcher is one element of a pattern's array.
type matcher struct {
	exists *bool
	test   func(v any) bool
}

// parseMatcher reads a literal or an operator such as {"prefix": "x"}.
func parseMatcher(x any) (matcher, error) {
	o, ok := x.(map[string]any)
	if !ok {
		test, err := literal(x)
		return matcher{test: test}, err
	}
	if len(o) != 1 {
		return matcher{}, errors.New("only one key allowed in match expression")
	}
	for operator, operand := range o {
		if operator == "exists" {
			b, ok := operand.(bool)
			if !ok {
				return matcher{}, errors.New("exists match pattern must be either true or false")
			}
			return matcher{exists: &b}, nil
		}
		parse, ok := operators[operator]
		if !ok {
			return matcher{}, fmt.Errorf("unrecognized match type %s", operator)
		}
		test, err := parse(operand)
		return matcher{test: test}, err
	}
	return matcher{}, nil
}

type test = func(v any) bool

var operators map[string]func(operand any) (test, error)

func init() {
	operators = map[string]func(any) (test, error){
		"prefix":             affix("prefix", strings.HasPrefix),
		"suffix":             affix("suffix", strings.HasSuffix),
		"equals-ignore-case": ignoreCase,
		"wildcard":           wildcard,
		"anything-but":       anythingBut,
		"numeric":            numeric,
		"cidr":               cidr,
	}
}

// literal matches a string, a number, true, false or null.
func literal(want any) (test, error) {
	switch w := want.(type) {
	case json.Number:
		f, err := w.Float64()
		return func(v any) bool {
			n, ok := number(v)
			return ok && n == f
		}, err
	case string, bool, nil:
		return func(v any) bool { return v == want }, nil
	}
	return nil, errors.New("match value must be String, number, true, false, or null")
}

func number(v any) (float64, bool) {
	n, ok := v.(json.Number)
	if !ok {
		return 0, false
	}
	f, err := n.Float64()
	return f, err == nil
}

// affix is prefix and suffix, whose operand may be {"equals-ignore-case": s}.
func affix(name string, has func(s, part string) bool) func(any) (test, error) {
	return func(operand any) (test, error) {
		if o, ok := operand.(map[string]any); ok {
			part, ok := o["equals-ignore-case"].(string)
			if !ok || len(o) != 1 {
				return nil, fmt.Errorf("%s match pattern must be a string", name)
			}
			part = strings.ToLower(part)
			return func(v any) bool { s, ok := v.(string); return ok && has(strings.ToLower(s), part) }, nil
		}
		part, ok := operand.(string)
		if !ok {
			return nil, fmt.Errorf("%s match pattern must be a string", name)
		}
		return func(v any) bool { s, ok := v.(string); return ok && has(s, part) }, nil
	}
}

func ignoreCase(operand any) (test, error) {
	want, ok := operand.(string)
	if !ok {
		return nil, errors.New("equals-ignore-case match pattern must be a string")
	}
	return func(v any) bool { s, ok := v.(string); return ok && strings.EqualFold(s, want) }, nil
}

// wildcard matches a text in which * stands for any characters; \* and \\ are
// those characters themselves.
func wildcard(operand any) (test, error) {
	text, ok := operand.(string)
	if !ok {
		return nil, errors.New("wildcard match pattern must be a string")
	}
	parts := []string{""} // the texts between the stars
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\':
			if i++; i == len(text) || (text[i] != '*' && text[i] != '\\') {
				return nil, fmt.Errorf("invalid escape character at pos %d", i-1)
			}
			parts[len(parts)-1] += text[i : i+1]
		case c == '*' && i > 0 && text[i-1] == '*' && parts[len(parts)-1] == "" && len(parts) > 1:
			return nil, fmt.Errorf("consecutive wildcard characters at pos %d", i-1)
		case c == '*':
			parts = append(parts, "")
		default:
			parts[len(parts)-1] += text[i : i+1]
		}
	}
	return func(v any) bool { s, ok := v.(string); return ok && between(parts, s) }, nil
}

// between reports whether s consists of the parts with anything between them.
func between(parts []string, s string) bool {
	last := len(parts) - 1
	if last == 0 {
		return s == parts[0]
	}
	s, ok := strings.CutPrefix(s, parts[0])
	if !ok {
		return false
	}
	for _, p := range parts[1:last] {
		i := strings.Index(s, p)
		if i < 0 {
			return false
		}
		s = s[i+len(p):]
	}
	return strings.HasSuffix(s, parts[last])
}

// anythingBut matches every value but those given: literals, or one of prefix,
// suffix, equals-ignore-case and wildcard, with one operand or several.
func anythingBut(operand any) (test, error) {
	var parse func(any) (test, error) = literalText
	if o, ok := operand.(map[string]any); ok {
		if len(o) != 1 {
			return nil, errors.New("only one key allowed in match expression")
		}
		for operator, x := range o {
			if !slices.Contains([]string{"prefix", "suffix", "equals-ignore-case", "wildcard"}, operator) {
				return nil, fmt.Errorf("unsupported anything-but pattern: %s", operator)
			}
			parse, operand = operators[operator], x
		}
	}
	list, ok := operand.([]any)
	if !ok {
		list = []any{operand}
	}
	if len(list) == 0 {
		return nil, errors.New("empty arrays are not allowed")
	}
	tests := make([]test, len(list))
	for i, x := range list {
		var err error
		if tests[i], err = parse(x); err != nil {
			return nil, err
		}
	}
	return func(v any) bool {
		return !slices.ContainsFunc(tests, func(t test) bool { return t(v) })
	}, nil
}

func literalText(x any) (test, error) {
	switch x.(type) {
	case string, json.Number:
		return literal(x)
	}
	return nil, errors.New("inside anything-but list, start|null|boolean is not supported")
}

// numeric matches comparisons such as [">", 0, "<=", 5].
func numeric(operand any) (test, error) {
	list, ok := operand.([]any)
	if !ok || len(list) == 0 || len(list)%2 != 0 || len(list) > 4 {
		return nil, errors.New("value of numeric must be an array of one or two comparisons, such as [\">\", 0, \"<=\", 5]")
	}
	var tests []func(float64) bool
	var operators []string
	for i := 0; i < len(list); i += 2 {
		bound, isNumber := number(list[i+1])
		if !isNumber || bound < -5e9 || bound > 5e9 {
			return nil, errors.New("value of a numeric comparison must be a number between -5.0e9 and 5.0e9")
		}
		operator, _ := list[i].(string)
		switch operator {
		case "=":
			tests = append(tests, func(f float64) bool { return f == bound })
		case "<":
			tests = append(tests, func(f float64) bool { return f < bound })
		case "<=":
			tests = append(tests, func(f float64) bool { return f <= bound })
		case ">":
			tests = append(tests, func(f float64) bool { return f > bound })
		case ">=":
			tests = append(tests, func(f float64) bool { return f >= bound })
		default:
			return nil, fmt.Errorf("unrecognized numeric range operator: %v", list[i])
		}
		operators = append(operators, operator)
	}
	if len(operators) == 2 && (!strings.HasPrefix(operators[0], ">") || !strings.HasPrefix(operators[1], "<")) {
		return nil, errors.New("a numeric range has its lower bound first, then its upper")
	}
	return func(v any) bool {
		f, ok := number(v)
		return ok && !slices.ContainsFunc(tests, func(t func(float64) bool) bool { return !t(f) })
	}, nil
}

// cidr matches IPv4 and IPv6 addresses in a block.
func cidr(operand any) (test, error) {
	text, ok := operand.(string)
	if !ok {
		return nil, errors.New("cidr match pattern must be a string")
	}
	block, err := netip.ParsePrefix(text)
	if err != nil {
		return nil, fmt.Errorf("malformed CIDR, one '/' required: %s", text)
	}
	return func(v any) bool {
		s, ok := v.(string)
		addr, err := netip.ParseAddr(s)
		return ok && err == nil && block.Contains(addr)
	}, nil
}
