package events

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"grocery/localaws/service/events/pattern"
)

// path is the JSONPath of inputs: names, indexes and wildcards.
type path []string // a name, or "[0]", or "*"

var pathPart = regexp.MustCompile(`^(?:\.([A-Za-z0-9_/@-]+)|\[(-?[0-9]+)\]|\['([^']+)'\]|\["([^"]+)"\]|(\.\*|\[\*\]))`)

func parsePath(text string) (path, error) {
	rest, ok := strings.CutPrefix(text, "$")
	if !ok {
		return nil, fmt.Errorf("the path %q does not begin with $", text)
	}
	p := path{}
	for rest != "" {
		m := pathPart.FindStringSubmatch(rest)
		switch {
		case m == nil:
			return nil, fmt.Errorf("the path %q cannot be read at %q", text, rest)
		case m[2] != "":
			p = append(p, "["+m[2]+"]")
		case m[5] != "":
			p = append(p, "*")
		default:
			p = append(p, m[1]+m[3]+m[4])
		}
		rest = rest[len(m[0]):]
	}
	return p, nil
}

// get follows the path. A wildcard answers a list.
func (p path) get(v any) (any, bool) {
	for i, part := range p {
		switch {
		case part == "*":
			all := []any{}
			for _, x := range elements(v) {
				if y, ok := p[i+1:].get(x); ok {
					all = append(all, y)
				}
			}
			return all, true
		case strings.HasPrefix(part, "["):
			l, ok := v.([]any)
			n, err := strconv.Atoi(strings.Trim(part, "[]"))
			if n < 0 {
				n += len(l)
			}
			if !ok || err != nil || n < 0 || n >= len(l) {
				return nil, false
			}
			v = l[n]
		default:
			m, _ := v.(map[string]any)
			x, ok := m[part]
			if !ok {
				return nil, false
			}
			v = x
		}
	}
	return v, true
}

func elements(v any) []any {
	switch v := v.(type) {
	case []any:
		return v
	case map[string]any:
		all := []any{}
		for _, x := range v {
			all = append(all, x)
		}
		return all
	}
	return nil
}

var placeholder = regexp.MustCompile(`<([A-Za-z0-9_.-]+)>`)

// predefined are the variables that every input transformer has.
var predefined = map[string]bool{"aws.events.rule-arn": true, "aws.events.rule-name": true, "aws.events.event": true, "aws.events.event.json": true, "aws.events.event.ingestion-time": true}

func checkTransformer(template string, paths map[string]string) error {
	if template == "" {
		return errors.New("it is empty")
	}
	if len(paths) > 100 {
		return errors.New("it has more than 100 variables")
	}
	for name, text := range paths {
		if strings.HasPrefix(strings.ToLower(name), "aws") {
			return fmt.Errorf("the name %s is reserved", name)
		}
		if _, err := parsePath(text); err != nil {
			return err
		}
	}
	for _, m := range placeholder.FindAllStringSubmatch(template, -1) {
		if _, ok := paths[m[1]]; !ok && !predefined[m[1]] {
			return fmt.Errorf("the variable <%s> is not defined", m[1])
		}
	}
	return nil
}

// payload is what the target gets of an event.
// See https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html.
func (t *target) payload(event []byte, r *rule, received time.Time) (string, error) {
	switch {
	case t.Input != nil:
		return *t.Input, nil
	case t.InputPath == nil && t.Template == nil:
		return string(event), nil
	}
	v, err := pattern.Decode(event)
	if err != nil {
		return "", err
	}
	if t.InputPath != nil {
		p, err := parsePath(*t.InputPath)
		if err != nil {
			return "", err
		}
		x, ok := p.get(v)
		if !ok {
			return "{}", nil
		}
		return string(encode(x)), nil
	}
	return t.transform(v, r, received)
}

// transform fills the template. A variable in a JSON template stands for a JSON
// value; one inside quotes, for its text. A path that leads nowhere is null in
// a JSON template and nothing inside quotes.
func (t *target) transform(event any, r *rule, received time.Time) (string, error) {
	template := *t.Template
	var b strings.Builder
	quoted, at := false, 0
	for _, m := range placeholder.FindAllStringSubmatchIndex(template, -1) {
		quoted = inQuotes(template[at:m[0]], quoted)
		b.WriteString(template[at:m[0]])
		at = m[1]
		v, ok, err := t.variable(template[m[2]:m[3]], event, r, received)
		if err != nil {
			return "", err
		}
		s, isText := v.(string)
		switch {
		case !quoted && ok:
			b.Write(encode(v))
		case !quoted:
			b.WriteString("null")
		case isText:
			b.WriteString(escaped(s))
		case ok:
			b.WriteString(escaped(string(encode(v))))
		}
	}
	b.WriteString(template[at:])
	return b.String(), nil
}

// escaped is a text as it stands between the quotes of a JSON string.
func escaped(s string) string {
	raw := encode(s)
	return string(raw[1 : len(raw)-1])
}

// inQuotes says whether the end of s stands in a JSON string.
func inQuotes(s string, quoted bool) bool {
	for i := 0; i < len(s); i++ {
		switch {
		case quoted && s[i] == '\\':
			i++
		case s[i] == '"':
			quoted = !quoted
		}
	}
	return quoted
}

func (t *target) variable(name string, event any, r *rule, received time.Time) (v any, ok bool, err error) {
	switch name {
	case "aws.events.rule-arn":
		return r.arn(), true, nil
	case "aws.events.rule-name":
		return r.Name, true, nil
	case "aws.events.event.ingestion-time":
		return received.UTC().Format(time.RFC3339), true, nil
	case "aws.events.event.json":
		return event, true, nil
	case "aws.events.event":
		without := map[string]any{}
		if m, ok := event.(map[string]any); ok {
			for k, x := range m {
				if k != "detail" {
					without[k] = x
				}
			}
		}
		return without, true, nil
	}
	p, err := parsePath(t.Paths[name])
	if err != nil {
		return nil, false, err
	}
	v, ok = p.get(event)
	return v, ok, nil
}

// encode writes JSON without escaping what HTML would need.
func encode(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err) // values come from JSON and go back to it
	}
	return bytes.TrimRight(b.Bytes(), "\n")
}
