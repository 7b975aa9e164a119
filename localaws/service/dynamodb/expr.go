package dynamodb

import (
	"strconv"
	"strings"
)

// The grammar is that of
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.OperatorsAndFunctions.html.

// names are the placeholders of a request's expressions, with the use made of
// them: a placeholder that nothing uses is an error.
type names struct {
	attributes map[string]string
	values     map[string]value
	usedName   map[string]bool
	usedValue  map[string]bool
}

func newNames(attributes map[string]string, values map[string]value) *names {
	return &names{attributes, values, map[string]bool{}, map[string]bool{}}
}

// done complains about placeholders that no expression used.
func (n *names) done() error {
	for k := range n.attributes {
		if !n.usedName[k] {
			return invalid("Value provided in ExpressionAttributeNames unused in expressions: keys: {%s}", k)
		}
	}
	for k, v := range n.values {
		if !n.usedValue[k] {
			return invalid("Value provided in ExpressionAttributeValues unused in expressions: keys: {%s}", k)
		}
		if err := check(&v); err != nil {
			return err
		}
	}
	return nil
}

// step is one step of a document path: an attribute or a list index.
type step struct {
	name  string
	index int // -1 for a name
}

type path []step

func (p path) get(i item) (value, bool) {
	v := value{M: i}
	for _, s := range p {
		switch {
		case s.index < 0 && v.M != nil:
			x, ok := v.M[s.name]
			if !ok {
				return value{}, false
			}
			v = x
		case s.index >= 0 && s.index < len(v.L):
			v = v.L[s.index]
		default:
			return value{}, false
		}
	}
	return v, true
}

// operand is what yields a value: a path, a placeholder, a function.
type operand func(i item) (value, bool)

// parser reads one expression.
type parser struct {
	what   string // such as ConditionExpression, for messages
	tokens []string
	at     int
	n      *names
}

// token characters that stand alone.
const single = "(),.[]+-="

func lex(what, text string) ([]string, error) {
	var out []string
	for i := 0; i < len(text); {
		c := text[i]
		switch {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			i++
		case c == '<' || c == '>':
			n := 1
			if i+1 < len(text) && (text[i+1] == '=' || c == '<' && text[i+1] == '>') {
				n = 2
			}
			out, i = append(out, text[i:i+n]), i+n
		case strings.IndexByte(single, c) >= 0:
			out, i = append(out, text[i:i+1]), i+1
		case c == '#' || c == ':' || word(c):
			j := i + 1
			for j < len(text) && word(text[j]) {
				j++
			}
			out, i = append(out, text[i:j]), j
		default:
			return nil, invalid("Invalid %s: Syntax error; token: %q", what, string(c))
		}
	}
	return out, nil
}

func word(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

func newParser(what, text string, n *names) (*parser, error) {
	if strings.TrimSpace(text) == "" {
		return nil, invalid("Invalid %s: The expression can not be empty;", what)
	}
	tokens, err := lex(what, text)
	return &parser{what: what, tokens: tokens, n: n}, err
}

func (p *parser) peek() string {
	if p.at < len(p.tokens) {
		return p.tokens[p.at]
	}
	return ""
}

func (p *parser) next() string {
	t := p.peek()
	p.at++
	return t
}

// keyword consumes a word, whatever its case.
func (p *parser) keyword(w string) bool {
	if strings.EqualFold(p.peek(), w) {
		p.at++
		return true
	}
	return false
}

func (p *parser) expect(t string) error {
	if p.peek() != t {
		return p.syntax()
	}
	p.at++
	return nil
}

func (p *parser) syntax() error {
	t := p.peek()
	if t == "" {
		t = "<EOF>"
	}
	return invalid("Invalid %s: Syntax error; token: %q", p.what, t)
}

// path reads a document path such as a.#b[2].c.
func (p *parser) path() (path, error) {
	var out path
	for {
		t := p.next()
		switch {
		case strings.HasPrefix(t, "#"):
			full, ok := p.n.attributes[t]
			if !ok {
				return nil, invalid("Invalid %s: An expression attribute name used in the document path is not defined; attribute name: %s", p.what, t)
			}
			p.n.usedName[t] = true
			t = full
		case t == "" || !word(t[0]) || t[0] >= '0' && t[0] <= '9':
			p.at--
			return nil, p.syntax()
		}
		out = append(out, step{t, -1})
		for p.peek() == "[" {
			p.at++
			i, err := strconv.Atoi(p.next())
			if err != nil || i < 0 {
				return nil, p.syntax()
			}
			if err := p.expect("]"); err != nil {
				return nil, err
			}
			out = append(out, step{index: i})
		}
		if p.peek() != "." {
			return out, nil
		}
		p.at++
	}
}

// value reads a placeholder such as :v.
func (p *parser) value() (value, error) {
	t := p.next()
	v, ok := p.n.values[t]
	if !ok {
		return v, invalid("Invalid %s: An expression attribute value used in expression is not defined; attribute value: %s", p.what, t)
	}
	p.n.usedValue[t] = true
	return v, nil
}

// operand reads a path, a placeholder or size(path).
func (p *parser) operand() (operand, error) {
	if strings.HasPrefix(p.peek(), ":") {
		v, err := p.value()
		return func(item) (value, bool) { return v, true }, err
	}
	if strings.EqualFold(p.peek(), "size") && p.at+1 < len(p.tokens) && p.tokens[p.at+1] == "(" {
		p.at += 2
		inner, err := p.operand()
		if err != nil {
			return nil, err
		}
		return func(i item) (value, bool) {
			v, ok := inner(i)
			if !ok {
				return v, false
			}
			var n int
			switch typeOf(v) {
			case "S":
				n = len(*v.S)
			case "B":
				n = len(v.B)
			case "SS", "NS", "BS":
				n = len(members(v))
			case "L":
				n = len(v.L)
			case "M":
				n = len(v.M)
			default:
				return v, false
			}
			return value{N: new(strconv.Itoa(n))}, true
		}, p.expect(")")
	}
	at, err := p.path()
	return at.get, err
}
