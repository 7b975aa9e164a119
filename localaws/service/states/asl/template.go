package asl

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// expression is a path or an intrinsic function: what may stand behind a key
// that ends in .$.
type expression interface {
	eval(input, context any) (any, error)
}

func (p *Path) eval(input, context any) (any, error) {
	v, ok := p.Get(input, context)
	if !ok {
		return nil, failf(ParameterFailure, "The JSONPath '%s' could not be found in the input '%s'", p.text, shorten(input))
	}
	return v, nil
}

// shorten writes a value for an error's text.
func shorten(v any) string {
	s := string(JSON(v))
	if len(s) > 2000 {
		s = s[:2000] + "..."
	}
	return s
}

func parseExpression(text string) (expression, error) {
	if strings.HasPrefix(text, "$") {
		return ParsePath(text)
	}
	if strings.HasPrefix(text, "States.") {
		return parseIntrinsic(text)
	}
	return nil, fmt.Errorf("%q must be a path that begins with $ or an intrinsic function such as States.Format(...)", text)
}

// Template is a payload template: any JSON in which the value of a key ending
// in .$ is computed.
type Template struct{ root any }

// parseTemplate checks a template; expressions replace their text.
func parseTemplate(v any) (*Template, error) {
	root, err := compile(v)
	if err != nil {
		return nil, err
	}
	return &Template{root}, nil
}

func compile(v any) (any, error) {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, x := range v {
			name, c, err := compileMember(k, x)
			if err != nil {
				return nil, err
			}
			if _, twice := out[name]; twice {
				return nil, fmt.Errorf("the key %q stands there twice, with and without .$", name)
			}
			out[name] = c
		}
		return out, nil
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			c, err := compile(x)
			if err != nil {
				return nil, err
			}
			out[i] = c
		}
		return out, nil
	}
	return v, nil
}

func compileMember(key string, v any) (name string, compiled any, err error) {
	name, computed := strings.CutSuffix(key, ".$")
	if !computed {
		compiled, err = compile(v)
		return key, compiled, err
	}
	text, ok := v.(string)
	if !ok {
		return "", nil, fmt.Errorf("the value for the field '%s' must be a valid JSONPath or a valid intrinsic function call", key)
	}
	e, err := parseExpression(text)
	if err != nil {
		return "", nil, fmt.Errorf("the value for the field '%s' must be a valid JSONPath or a valid intrinsic function call: %w", key, err)
	}
	return name, e, nil
}

// ParameterNames are the names at the top of a state's Parameters.
func (s *State) ParameterNames() []string {
	if s.parameters == nil {
		return nil
	}
	m, _ := s.parameters.root.(map[string]any)
	return slices.Sorted(maps.Keys(m))
}

// Eval fills the template.
func (t *Template) Eval(input, context any) (any, error) { return fill(t.root, input, context) }

func fill(v, input, context any) (any, error) {
	switch v := v.(type) {
	case expression:
		return v.eval(input, context)
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, x := range v {
			y, err := fill(x, input, context)
			if err != nil {
				return nil, err
			}
			out[k] = y
		}
		return out, nil
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			y, err := fill(x, input, context)
			if err != nil {
				return nil, err
			}
			out[i] = y
		}
		return out, nil
	}
	return v, nil
}
