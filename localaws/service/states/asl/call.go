package asl

import (
	"encoding/json"
	"fmt"
	"strings"
)

// call is an intrinsic function with its arguments.
// See https://docs.aws.amazon.com/step-functions/latest/dg/intrinsic-functions.html.
type call struct {
	name string
	args []expression
	f    intrinsic
}

// literal is an argument that stands in the definition.
type literal struct{ v any }

func (l literal) eval(any, any) (any, error) { return l.v, nil }

func (c *call) eval(input, context any) (any, error) {
	args := make([]any, len(c.args))
	for i, a := range c.args {
		v, err := a.eval(input, context)
		if err != nil {
			return nil, err
		}
		args[i] = v
	}
	v, err := c.f.apply(args)
	if err != nil {
		return nil, failf(IntrinsicFailure, "%s: %s", c.name, err)
	}
	return v, nil
}

// maxNesting is how deep AWS lets intrinsic functions stand in each other.
const maxNesting = 10

func parseIntrinsic(text string) (expression, error) {
	c, rest, err := parseCall(text, 1)
	if err == nil && strings.TrimSpace(rest) != "" {
		err = fmt.Errorf("unexpected %q after the function", rest)
	}
	if err != nil {
		return nil, err
	}
	return c, nil
}

func parseCall(text string, depth int) (*call, string, error) {
	name, rest, ok := strings.Cut(text, "(")
	if !ok {
		return nil, "", fmt.Errorf("%q lacks its (", text)
	}
	name = strings.TrimSpace(name)
	f, ok := intrinsics[name]
	switch {
	case !ok:
		return nil, "", fmt.Errorf("there is no intrinsic function %s", name)
	case depth > maxNesting:
		return nil, "", fmt.Errorf("intrinsic functions stand more than %d deep in each other", maxNesting)
	}
	c := &call{name: name, f: f}
	rest = strings.TrimLeft(rest, " ")
	for !strings.HasPrefix(rest, ")") {
		arg, after, err := parseArgument(rest, depth)
		if err != nil {
			return nil, "", err
		}
		c.args = append(c.args, arg)
		rest = strings.TrimLeft(after, " ")
		if r, ok := strings.CutPrefix(rest, ","); ok {
			if rest = strings.TrimLeft(r, " "); strings.HasPrefix(rest, ")") {
				return nil, "", fmt.Errorf("an argument of %s is missing", name)
			}
		} else if !strings.HasPrefix(rest, ")") {
			return nil, "", fmt.Errorf("%s lacks its )", name)
		}
	}
	if n := len(c.args); n < f.min || (f.max >= 0 && n > f.max) {
		return nil, "", fmt.Errorf("%s does not take %d arguments", name, n)
	}
	return c, rest[1:], nil
}

func parseArgument(in string, depth int) (expression, string, error) {
	switch {
	case strings.HasPrefix(in, "'"):
		return parseText(in)
	case strings.HasPrefix(in, "States."):
		c, rest, err := parseCall(in, depth+1)
		return c, rest, err
	}
	end := argumentEnd(in)
	word, rest := strings.TrimSpace(in[:end]), in[end:]
	if strings.HasPrefix(word, "$") {
		p, err := ParsePath(word)
		return p, rest, err
	}
	switch word {
	case "true", "false":
		return literal{word == "true"}, rest, nil
	case "null":
		return literal{nil}, rest, nil
	}
	v, err := Decode([]byte(word))
	if _, number := v.(json.Number); err != nil || !number {
		return nil, "", fmt.Errorf("%q is no argument: a path, a number, a string in single quotes or a function is", word)
	}
	return literal{v}, rest, nil
}

// argumentEnd finds the comma or parenthesis behind an unquoted argument;
// those inside a path's brackets belong to the path.
func argumentEnd(in string) int {
	brackets, quote := 0, byte(0)
	for i := range len(in) {
		switch c := in[i]; {
		case quote != 0:
			if c == quote && in[i-1] != '\\' {
				quote = 0
			}
		case brackets > 0 && (c == '\'' || c == '"'):
			quote = c
		case c == '[':
			brackets++
		case c == ']':
			brackets--
		case brackets == 0 && (c == ',' || c == ')'):
			return i
		}
	}
	return len(in)
}

// text is a literal string. Format needs to know which braces were escaped, so
// those keep their backslash until it or plain reads them.
type text string

func (t text) eval(any, any) (any, error) { return t, nil }

func parseText(in string) (expression, string, error) {
	var b strings.Builder
	for i := 1; i < len(in); i++ {
		switch c := in[i]; {
		case c == '\\' && i+1 < len(in):
			i++
			switch in[i] {
			case '\'':
				b.WriteByte('\'')
			case '\\', '{', '}':
				b.WriteByte('\\')
				b.WriteByte(in[i])
			default:
				return nil, "", fmt.Errorf("\\%c is no escape: \\', \\{, \\} and \\\\ are", in[i])
			}
		case c == '\'':
			return text(b.String()), in[i+1:], nil
		default:
			b.WriteByte(c)
		}
	}
	return nil, "", fmt.Errorf("a closing ' is missing")
}

// plain is the text without its escapes.
func (t text) plain() string {
	var b strings.Builder
	for i := 0; i < len(t); i++ {
		if t[i] == '\\' && i+1 < len(t) {
			i++
		}
		b.WriteByte(t[i])
	}
	return b.String()
}
