package access

import (
	"bufio"
	"embed"
	"errors"
	"fmt"
	"strings"

	"grocery/localaws/wire"
)

//go:embed tables/*.txt
var tables embed.FS

// A table says of each operation of a service what a caller needs:
//
//	prefix PREFIX                        of the service's actions, if not its name
//	kind NAME TEMPLATE                   ARNs; {1} is the first argument
//	kind NAME @RESOLVER                  ARNs that resolvers.go finds
//	OPERATION...: [ACTION] RESOURCE... [if:[!]FIELD] [KEY=SOURCE]...
//
// ACTION is PREFIX:OPERATION unless it is named. RESOURCE is "*", or
// KIND(FIELD,...), where a field without value stands for "*"; a "?" behind it
// says that without the last field there is no such resource, and nothing to
// allow. The lines of one operation must all be allowed. "-" needs nothing. KEY
// is a condition key; SOURCE a field, 'text', or @RESOLVER(FIELD,...).

// check is one line of a table for one operation.
type check struct {
	action    string
	resources []source
	when      path // nil: always
	unless    bool // when is to be absent
	keys      []key
	free      bool // it needs nothing
}

// source makes values from a request: text, a field's, a template filled with
// fields, or what a resolver finds.
type source struct {
	text     string
	template string
	find     resolver
	args     []path
	optional bool
}

type key struct {
	name string // in lower case
	source
}

type kind struct {
	template string
	find     resolver
}

// compile reads the table of every service that r has operations of. Each
// served operation must have a line, and each line a served operation.
func compile(r *wire.Registry) (map[*wire.Operation][]check, error) {
	all := map[*wire.Operation][]check{}
	served := map[string]bool{}
	for _, op := range r.Operations() {
		served[op.Service.Name] = true
	}
	for service := range served {
		raw, err := tables.ReadFile("tables/" + service + ".txt")
		if err != nil {
			return nil, fmt.Errorf("the service %s has no table of IAM actions: %w", service, err)
		}
		t := &table{service: service, prefix: service, kinds: map[string]kind{"arn": {template: "{1}"}}, r: r, all: all}
		for lines, n := bufio.NewScanner(strings.NewReader(string(raw))), 1; lines.Scan(); n++ {
			if err := t.line(lines.Text()); err != nil {
				return nil, fmt.Errorf("tables/%s.txt, line %d: %w", service, n, err)
			}
		}
	}
	var without []string
	for _, op := range r.Operations() {
		if len(all[op]) == 0 {
			without = append(without, op.String())
		}
	}
	if without != nil {
		return nil, fmt.Errorf("localaws/service/iam/access/tables says for each served operation which IAM actions it needs, and has no line for %s", strings.Join(without, ", "))
	}
	return all, nil
}

type table struct {
	service, prefix string
	kinds           map[string]kind
	r               *wire.Registry
	all             map[*wire.Operation][]check
}

func (t *table) line(text string) error {
	words := strings.Fields(text)
	switch {
	case len(words) == 0 || strings.HasPrefix(words[0], "#"):
		return nil
	case words[0] == "prefix":
		t.prefix = words[1]
		return nil
	case words[0] == "kind":
		return t.kind(words[1], words[2])
	}
	names, rest, ok := strings.Cut(text, ": ")
	if !ok {
		return errors.New("a line is OPERATION...: RULE")
	}
	for name := range strings.FieldsSeq(names) {
		op, ok := t.r.Lookup(t.service, name)
		if !ok {
			return fmt.Errorf("%s is not served", name)
		}
		if err := t.rule(op, strings.Fields(rest)); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func (t *table) kind(name, means string) error {
	if find, ok := strings.CutPrefix(means, "@"); ok {
		if resolvers[find] == nil {
			return fmt.Errorf("there is no resolver %s", find)
		}
		t.kinds[name] = kind{find: resolvers[find]}
		return nil
	}
	t.kinds[name] = kind{template: means}
	return nil
}

// rule adds one line's rule for an operation.
func (t *table) rule(op *wire.Operation, words []string) (err error) {
	c := check{action: t.prefix + ":" + op.Name}
	if len(words) == 1 && words[0] == "-" {
		c.free = true
		t.all[op] = append(t.all[op], c)
		return nil
	}
	for _, w := range words {
		switch before, after, isKey := strings.Cut(w, "="); {
		case strings.HasPrefix(w, "if:"):
			name, not := strings.CutPrefix(w[3:], "!")
			c.unless = not
			c.when, err = compilePath(op.Input(), name)
		case isKey:
			var k source
			k, err = t.value(op, after)
			c.keys = append(c.keys, key{strings.ToLower(before), k})
		case w == "*":
			c.resources = append(c.resources, source{text: "*"})
		case strings.Contains(w, "("):
			var r source
			r, err = t.call(op, w)
			c.resources = append(c.resources, r)
		case strings.Contains(w, ":"):
			c.action = w
		default:
			err = errors.New("it is none of ACTION, RESOURCE, if: and KEY=")
		}
		if err != nil {
			return fmt.Errorf("%s: %w", w, err)
		}
	}
	if len(c.resources) == 0 {
		return errors.New("the line names no resource")
	}
	t.all[op] = append(t.all[op], c)
	return nil
}

// value reads the SOURCE of a condition key.
func (t *table) value(op *wire.Operation, word string) (source, error) {
	if text, ok := strings.CutPrefix(word, "'"); ok {
		return source{text: strings.ReplaceAll(strings.TrimSuffix(text, "'"), "{operation}", op.Name)}, nil
	}
	if strings.HasPrefix(word, "@") {
		return t.call(op, word)
	}
	p, err := compilePath(op.Input(), word)
	return source{args: []path{p}, optional: true}, err
}

// call reads KIND(FIELD,...) or @RESOLVER(FIELD,...), with or without "?".
func (t *table) call(op *wire.Operation, word string) (s source, err error) {
	word, s.optional = strings.CutSuffix(word, "?")
	name, args, _ := strings.Cut(strings.TrimSuffix(word, ")"), "(")
	if find, ok := strings.CutPrefix(name, "@"); ok {
		s.find = resolvers[find]
	} else {
		s.template, s.find = t.kinds[name].template, t.kinds[name].find
	}
	if s.template == "" && s.find == nil {
		return s, fmt.Errorf("there is no %s", name)
	}
	for arg := range strings.SplitSeq(args, ",") {
		if arg == "" {
			continue
		}
		p, err := compilePath(op.Input(), arg)
		if err != nil {
			return s, err
		}
		s.args = append(s.args, p)
	}
	return s, nil
}

// values makes the source's values for a request.
func (s *source) values(q *question) []string {
	if s.text != "" {
		return []string{s.text}
	}
	args := make([][]string, len(s.args))
	for i, p := range s.args {
		args[i] = p.strings(q.in)
	}
	if s.optional && s.find == nil && len(args) > 0 && len(args[len(args)-1]) == 0 {
		return nil
	}
	switch {
	case s.find != nil:
		return s.find(q, args)
	case s.template == "":
		return args[0]
	}
	return q.fill(s.template, args)
}
