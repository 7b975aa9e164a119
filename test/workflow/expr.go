package workflow

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
)

// Scope is what an expression can refer to: contexts by name (github, vars,
// inputs, env, steps), and how the job went so far.
type Scope struct {
	Contexts map[string]any
	Failed   bool // a step before this one failed
}

// Eval evaluates an expression without its ${{ }}. A context or function that
// the scope does not have is an error; a property that a context lacks is
// null, as on GitHub.
// See https://docs.github.com/en/actions/reference/workflows-and-actions/expressions.
func (s Scope) Eval(text string) (any, error) {
	tokens, err := tokenize(text)
	if err != nil {
		return nil, fmt.Errorf("expression %q: %w", text, err)
	}
	p := &parser{tokens: tokens, scope: s}
	v, err := p.or()
	if err == nil && p.peek() != "" {
		err = fmt.Errorf("%q is not expected", p.peek())
	}
	if err != nil {
		return nil, fmt.Errorf("expression %q: %w", text, err)
	}
	return v, nil
}

var status = regexp.MustCompile(`\b(success|failure|cancelled|always)\(\)`)

// If decides a condition of a job or a step. One that asks for no status
// holds only as long as nothing failed.
func (s Scope) If(condition string) (bool, error) {
	condition = strings.TrimSpace(condition)
	if inner, ok := strings.CutPrefix(condition, "${{"); ok && strings.HasSuffix(inner, "}}") {
		condition = strings.TrimSuffix(inner, "}}")
	}
	if condition == "" {
		return !s.Failed, nil
	}
	v, err := s.Eval(condition)
	if err != nil {
		return false, err
	}
	return truth(v) && (status.MatchString(condition) || !s.Failed), nil
}

var placeholder = regexp.MustCompile(`\$\{\{(.*?)\}\}`)

// Expand replaces the expressions in a text by their values.
func (s Scope) Expand(text string) (string, error) {
	var first error
	out := placeholder.ReplaceAllStringFunc(text, func(m string) string {
		v, err := s.Eval(placeholder.FindStringSubmatch(m)[1])
		if err != nil && first == nil {
			first = err
		}
		return format(v)
	})
	return out, first
}

var token = regexp.MustCompile(`^\s*('(?:[^']|'')*'|[A-Za-z_][A-Za-z0-9_-]*|[0-9]+|&&|\|\||==|!=|[!().])`)

func tokenize(text string) ([]string, error) {
	var all []string
	for strings.TrimSpace(text) != "" {
		m := token.FindStringSubmatch(text)
		if m == nil {
			return nil, fmt.Errorf("%q is not understood here", strings.TrimSpace(text))
		}
		all = append(all, m[1])
		text = text[len(m[0]):]
	}
	return all, nil
}

type parser struct {
	tokens []string
	scope  Scope
}

func (p *parser) peek() string {
	if len(p.tokens) == 0 {
		return ""
	}
	return p.tokens[0]
}

func (p *parser) take(want string) bool {
	if p.peek() != want {
		return false
	}
	p.tokens = p.tokens[1:]
	return true
}

func (p *parser) or() (any, error) {
	left, err := p.and()
	for err == nil && p.take("||") {
		var right any
		if right, err = p.and(); !truth(left) {
			left = right
		}
	}
	return left, err
}

func (p *parser) and() (any, error) {
	left, err := p.comparison()
	for err == nil && p.take("&&") {
		var right any
		if right, err = p.comparison(); truth(left) {
			left = right
		}
	}
	return left, err
}

func (p *parser) comparison() (any, error) {
	left, err := p.unary()
	for err == nil && (p.peek() == "==" || p.peek() == "!=") {
		want := p.take("==") || !p.take("!=")
		var right any
		right, err = p.unary()
		left = equal(left, right) == want
	}
	return left, err
}

func (p *parser) unary() (any, error) {
	if p.take("!") {
		v, err := p.unary()
		return !truth(v), err
	}
	return p.primary()
}

func (p *parser) primary() (any, error) {
	t := p.peek()
	if t == "" {
		return nil, fmt.Errorf("it ends too early")
	}
	p.tokens = p.tokens[1:]
	switch {
	case t == "(":
		v, err := p.or()
		if err == nil && !p.take(")") {
			err = fmt.Errorf("a bracket is not closed")
		}
		return v, err
	case t[0] == '\'':
		return strings.ReplaceAll(t[1:len(t)-1], "''", "'"), nil
	case t[0] >= '0' && t[0] <= '9':
		return strconv.ParseFloat(t, 64)
	case t == "true", t == "false":
		return t == "true", nil
	case t == "null":
		return nil, nil
	case p.take("("):
		if !p.take(")") {
			return nil, fmt.Errorf("the function %s with arguments is not known here", t)
		}
		switch t {
		case "success":
			return !p.scope.Failed, nil
		case "failure":
			return p.scope.Failed, nil
		case "cancelled":
			return false, nil
		case "always":
			return true, nil
		}
		return nil, fmt.Errorf("the function %s is not known here", t)
	case !regexp.MustCompile(`^[A-Za-z_]`).MatchString(t):
		return nil, fmt.Errorf("%q is not expected", t)
	}
	v, ok := p.scope.Contexts[t]
	if !ok {
		return nil, fmt.Errorf("the context %s is not known here", t)
	}
	for p.take(".") {
		name := p.peek()
		if !regexp.MustCompile(`^[A-Za-z_]`).MatchString(name) {
			return nil, fmt.Errorf("%q is no property", name)
		}
		p.tokens = p.tokens[1:]
		switch x := v.(type) {
		case nil:
		case map[string]any:
			v = x[name]
		case map[string]string:
			if s, ok := x[name]; ok {
				v = s
			} else {
				v = nil
			}
		default:
			return nil, fmt.Errorf("%s has no properties", name)
		}
	}
	return v, nil
}

func truth(v any) bool {
	switch x := v.(type) {
	case nil:
		return false
	case bool:
		return x
	case string:
		return x != ""
	case float64:
		return x != 0
	}
	return true
}

// equal compares as GitHub does: texts without regard to case, and different
// types as numbers.
func equal(a, b any) bool {
	x, xs := a.(string)
	y, ys := b.(string)
	if xs && ys {
		return strings.EqualFold(x, y)
	}
	return number(a) == number(b)
}

func number(v any) float64 {
	switch x := v.(type) {
	case nil:
		return 0
	case bool:
		if x {
			return 1
		}
		return 0
	case float64:
		return x
	case string:
		if x == "" {
			return 0
		}
		if n, err := strconv.ParseFloat(x, 64); err == nil {
			return n
		}
	}
	return math.NaN()
}

func format(v any) string {
	switch x := v.(type) {
	case nil:
		return ""
	case string:
		return x
	case float64:
		return strconv.FormatFloat(x, 'f', -1, 64)
	}
	return fmt.Sprint(v)
}
