package dynamodb

import "strings"

// predicate is a condition on an item.
type predicate func(i item) bool

// parseCondition reads a whole condition or filter.
func parseCondition(what string, text *string, n *names) (predicate, error) {
	if text == nil {
		return func(item) bool { return true }, nil
	}
	p, err := newParser(what, *text, n)
	if err != nil {
		return nil, err
	}
	c, err := p.or()
	if err == nil && p.at < len(p.tokens) {
		err = p.syntax()
	}
	return c, err
}

func (p *parser) or() (predicate, error) {
	left, err := p.and()
	for err == nil && p.keyword("OR") {
		var right predicate
		l := left
		right, err = p.and()
		left = func(i item) bool { return l(i) || right(i) }
	}
	return left, err
}

func (p *parser) and() (predicate, error) {
	left, err := p.not()
	for err == nil && p.keyword("AND") {
		var right predicate
		l := left
		right, err = p.not()
		left = func(i item) bool { return l(i) && right(i) }
	}
	return left, err
}

func (p *parser) not() (predicate, error) {
	if p.keyword("NOT") {
		c, err := p.not()
		return func(i item) bool { return !c(i) }, err
	}
	if p.peek() == "(" {
		p.at++
		c, err := p.or()
		if err != nil {
			return nil, err
		}
		return c, p.expect(")")
	}
	if p.at+1 < len(p.tokens) && p.tokens[p.at+1] == "(" && !strings.EqualFold(p.peek(), "size") {
		return p.function()
	}
	return p.comparison()
}

func (p *parser) function() (predicate, error) {
	name := strings.ToLower(p.next())
	p.at++ // the parenthesis
	if name == "attribute_exists" || name == "attribute_not_exists" {
		at, err := p.path()
		if err != nil {
			return nil, err
		}
		return func(i item) bool { _, ok := at.get(i); return ok == (name == "attribute_exists") }, p.expect(")")
	}
	first, err := p.operand()
	if err != nil {
		return nil, err
	}
	if err := p.expect(","); err != nil {
		return nil, err
	}
	second, err := p.operand()
	if err != nil {
		return nil, err
	}
	test := map[string]func(a, b value) bool{"attribute_type": hasType, "begins_with": beginsWith, "contains": contains}[name]
	if test == nil {
		return nil, invalid("Invalid %s: Invalid function name; function: %s", p.what, name)
	}
	return func(i item) bool {
		a, ok1 := first(i)
		b, ok2 := second(i)
		return ok1 && ok2 && test(a, b)
	}, p.expect(")")
}

func hasType(v, t value) bool { return t.S != nil && typeOf(v) == *t.S }

func beginsWith(v, prefix value) bool {
	switch {
	case v.S != nil && prefix.S != nil:
		return strings.HasPrefix(*v.S, *prefix.S)
	case v.B != nil && prefix.B != nil:
		return strings.HasPrefix(string(v.B), string(prefix.B))
	}
	return false
}

func contains(v, x value) bool {
	switch typeOf(v) {
	case "S":
		return x.S != nil && strings.Contains(*v.S, *x.S)
	case "B":
		return x.B != nil && strings.Contains(string(v.B), string(x.B))
	case "L":
		for _, y := range v.L {
			if equal(x, y) {
				return true
			}
		}
		return false
	case "SS", "NS", "BS":
		one := value{}
		switch t := typeOf(x); {
		case t == "S" && v.SS != nil:
			one.SS = []string{*x.S}
		case t == "N" && v.NS != nil:
			one.NS = []string{*x.N}
		case t == "B" && v.BS != nil:
			one.BS = [][]byte{x.B}
		default:
			return false
		}
		wanted := members(one)[0]
		for _, m := range members(v) {
			if m == wanted {
				return true
			}
		}
	}
	return false
}

// comparison reads a = b, a BETWEEN b AND c or a IN (b, c).
func (p *parser) comparison() (predicate, error) {
	a, err := p.operand()
	if err != nil {
		return nil, err
	}
	switch {
	case p.keyword("BETWEEN"):
		low, err := p.operand()
		if err != nil {
			return nil, err
		}
		if !p.keyword("AND") {
			return nil, p.syntax()
		}
		high, err := p.operand()
		return func(i item) bool { return holds(">=", i, a, low) && holds("<=", i, a, high) }, err
	case p.keyword("IN"):
		if err := p.expect("("); err != nil {
			return nil, err
		}
		var list []operand
		for {
			x, err := p.operand()
			if err != nil {
				return nil, err
			}
			if list = append(list, x); p.peek() != "," {
				break
			}
			p.at++
		}
		return func(i item) bool {
			for _, x := range list {
				if holds("=", i, a, x) {
					return true
				}
			}
			return false
		}, p.expect(")")
	}
	op := p.peek()
	switch op {
	case "=", "<>", "<", "<=", ">", ">=":
		p.at++
	default:
		return nil, p.syntax()
	}
	b, err := p.operand()
	return func(i item) bool { return holds(op, i, a, b) }, err
}

func holds(op string, i item, a, b operand) bool {
	x, ok1 := a(i)
	y, ok2 := b(i)
	if !ok1 || !ok2 {
		return op == "<>" && ok1 != ok2
	}
	switch op {
	case "=":
		return equal(x, y)
	case "<>":
		return !equal(x, y)
	}
	c, ok := compare(x, y)
	switch op {
	case "<":
		return ok && c < 0
	case "<=":
		return ok && c <= 0
	case ">":
		return ok && c > 0
	}
	return ok && c >= 0
}
