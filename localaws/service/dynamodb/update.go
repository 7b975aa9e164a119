package dynamodb

import (
	"math/big"
	"slices"
	"strings"
)

// change alters an item; old is the item before any change of the same
// expression.
type change func(old, now item) error

// update is a parsed UpdateExpression.
type update struct {
	changes []change
	paths   []path // that it writes
}

// parseUpdate reads an UpdateExpression:
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.UpdateExpressions.html.
func parseUpdate(text *string, n *names) (*update, error) {
	u := &update{}
	if text == nil {
		return u, nil
	}
	p, err := newParser("UpdateExpression", *text, n)
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for p.at < len(p.tokens) {
		clause := strings.ToUpper(p.next())
		read := map[string]func(path) (change, error){"SET": p.set, "REMOVE": p.remove, "ADD": p.add, "DELETE": p.del}[clause]
		if read == nil {
			p.at--
			return nil, p.syntax()
		}
		if seen[clause] {
			return nil, invalid("Invalid UpdateExpression: The %q section can only be used once in an update expression;", clause)
		}
		seen[clause] = true
		for {
			at, err := p.path()
			if err != nil {
				return nil, err
			}
			for _, other := range u.paths {
				if overlap(at, other) {
					return nil, invalid("Invalid UpdateExpression: Two document paths overlap with each other; must remove or rewrite one of these paths;")
				}
			}
			c, err := read(at)
			if err != nil {
				return nil, err
			}
			u.changes, u.paths = append(u.changes, c), append(u.paths, at)
			if p.peek() != "," {
				break
			}
			p.at++
		}
	}
	return u, nil
}

func overlap(a, b path) bool {
	n := min(len(a), len(b))
	return slices.Equal(a[:n], b[:n])
}

func (u *update) apply(old item) (item, error) {
	now := clone(value{M: old}).M
	if now == nil {
		now = item{}
	}
	for _, c := range u.changes {
		if err := c(old, now); err != nil {
			return nil, err
		}
	}
	return now, nil
}

// errPath says that a path leads through what is not there.
func errPath() error {
	return invalid("The document path provided in the update expression is invalid for update")
}

// put sets the value at a path whose parent exists.
func (p path) put(i item, v value) error {
	_, err := putIn(value{M: i}, p, v)
	return err
}

func putIn(in value, p path, v value) (value, error) {
	if len(p) == 0 {
		return v, nil
	}
	s := p[0]
	if s.index < 0 {
		if in.M == nil {
			return in, errPath()
		}
		x, ok := in.M[s.name]
		if !ok && len(p) > 1 {
			return in, errPath()
		}
		x, err := putIn(x, p[1:], v)
		in.M[s.name] = x
		return in, err
	}
	switch {
	case in.L == nil, s.index >= len(in.L) && len(p) > 1:
		return in, errPath()
	case s.index >= len(in.L):
		in.L = append(in.L, v)
		return in, nil
	}
	x, err := putIn(in.L[s.index], p[1:], v)
	in.L[s.index] = x
	return in, err
}

// drop removes what is at a path; an absent one is no error.
func (p path) drop(in value) value {
	s := p[0]
	switch {
	case s.index < 0 && in.M != nil:
		x, ok := in.M[s.name]
		if !ok {
			return in
		}
		if len(p) == 1 {
			delete(in.M, s.name)
		} else {
			in.M[s.name] = p[1:].drop(x)
		}
	case s.index >= 0 && s.index < len(in.L):
		if len(p) == 1 {
			in.L = slices.Delete(in.L, s.index, s.index+1)
		} else {
			in.L[s.index] = p[1:].drop(in.L[s.index])
		}
	}
	return in
}

func (p *parser) set(at path) (change, error) {
	if err := p.expect("="); err != nil {
		return nil, err
	}
	a, err := p.setOperand()
	if err != nil {
		return nil, err
	}
	sign := p.peek()
	if sign != "+" && sign != "-" {
		return func(old, now item) error {
			v, err := a(old)
			if err != nil {
				return err
			}
			return at.put(now, clone(v))
		}, nil
	}
	p.at++
	b, err := p.setOperand()
	return func(old, now item) error {
		x, err := a(old)
		if err != nil {
			return err
		}
		y, err := b(old)
		if err != nil {
			return err
		}
		v, err := sum(x, y, sign == "-")
		if err != nil {
			return err
		}
		return at.put(now, v)
	}, err
}

func sum(x, y value, minus bool) (value, error) {
	if x.N == nil || y.N == nil {
		return value{}, invalid("An operand in the update expression has an incorrect data type")
	}
	a, err := number(*x.N)
	if err != nil {
		return value{}, err
	}
	b, err := number(*y.N)
	if err != nil {
		return value{}, err
	}
	r := new(big.Rat)
	if minus {
		r.Sub(a, b)
	} else {
		r.Add(a, b)
	}
	return value{N: new(show(r))}, nil
}

// source yields a value for SET, or says why there is none.
type source func(old item) (value, error)

func (p *parser) setOperand() (source, error) {
	name := strings.ToLower(p.peek())
	if p.at+1 < len(p.tokens) && p.tokens[p.at+1] == "(" && (name == "if_not_exists" || name == "list_append") {
		p.at += 2
		if name == "if_not_exists" {
			at, err := p.path()
			if err != nil {
				return nil, err
			}
			if err := p.expect(","); err != nil {
				return nil, err
			}
			otherwise, err := p.setOperand()
			if err != nil {
				return nil, err
			}
			return func(old item) (value, error) {
				if v, ok := at.get(old); ok {
					return v, nil
				}
				return otherwise(old)
			}, p.expect(")")
		}
		a, err := p.setOperand()
		if err != nil {
			return nil, err
		}
		if err := p.expect(","); err != nil {
			return nil, err
		}
		b, err := p.setOperand()
		if err != nil {
			return nil, err
		}
		return func(old item) (value, error) {
			x, err := a(old)
			if err != nil {
				return x, err
			}
			y, err := b(old)
			if err != nil {
				return y, err
			}
			if x.L == nil || y.L == nil {
				return x, invalid("An operand in the update expression has an incorrect data type")
			}
			return value{L: slices.Concat(x.L, y.L)}, nil
		}, p.expect(")")
	}
	if p.peek() == "(" {
		p.at++
		inner, err := p.setOperand()
		if err != nil {
			return nil, err
		}
		return inner, p.expect(")")
	}
	x, err := p.operand()
	return func(old item) (value, error) {
		v, ok := x(old)
		if !ok {
			return v, invalid("The provided expression refers to an attribute that does not exist in the item")
		}
		return v, nil
	}, err
}

func (p *parser) remove(at path) (change, error) {
	return func(_, now item) error { at.drop(value{M: now}); return nil }, nil
}

// add adds to a number or a set; what is absent begins as zero or empty.
func (p *parser) add(at path) (change, error) {
	v, err := p.value()
	if err != nil {
		return nil, err
	}
	t := typeOf(v)
	if t != "N" && t != "SS" && t != "NS" && t != "BS" {
		return nil, invalid("Invalid UpdateExpression: Incorrect operand type for operator or function; operator: ADD, operand type: %s", t)
	}
	return func(old, now item) error {
		x, ok := at.get(old)
		if !ok {
			return at.put(now, clone(v))
		}
		if typeOf(x) != t {
			return invalid("An operand in the update expression has an incorrect data type")
		}
		if t == "N" {
			r, err := sum(x, v, false)
			if err != nil {
				return err
			}
			return at.put(now, r)
		}
		x = clone(x)
		for _, s := range v.SS {
			if !slices.Contains(x.SS, s) {
				x.SS = append(x.SS, s)
			}
		}
		for _, s := range v.NS {
			if !contains(x, value{N: &s}) {
				x.NS = append(x.NS, s)
			}
		}
		for _, b := range v.BS {
			if !contains(x, value{B: b}) {
				x.BS = append(x.BS, b)
			}
		}
		return at.put(now, x)
	}, nil
}

// del takes elements out of a set; an empty set goes with its attribute.
func (p *parser) del(at path) (change, error) {
	v, err := p.value()
	if err != nil {
		return nil, err
	}
	t := typeOf(v)
	if t != "SS" && t != "NS" && t != "BS" {
		return nil, invalid("Invalid UpdateExpression: Incorrect operand type for operator or function; operator: DELETE, operand type: %s", t)
	}
	return func(old, now item) error {
		x, ok := at.get(old)
		if !ok {
			return nil
		}
		if typeOf(x) != t {
			return invalid("An operand in the update expression has an incorrect data type")
		}
		x = clone(x)
		x.SS = slices.DeleteFunc(x.SS, func(s string) bool { return contains(v, value{S: &s}) })
		x.NS = slices.DeleteFunc(x.NS, func(s string) bool { return contains(v, value{N: &s}) })
		x.BS = slices.DeleteFunc(x.BS, func(b []byte) bool { return contains(v, value{B: b}) })
		if len(members(x)) == 0 {
			at.drop(value{M: now})
			return nil
		}
		return at.put(now, x)
	}, nil
}
