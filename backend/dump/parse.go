package dump

import (
	"slices"
	"strings"
)

// value is one value of a row as the dump has it.
type value struct {
	null    bool
	ignored bool // DEFAULT: the database would have computed it
	s       string
}

// rowFunc receives the rows of a dump one by one; values are valid until it returns.
type rowFunc func(t *tableDef, columns []string, values []value, line int64) error

// parser reads the statements of a dump. It executes nothing: it hands out rows.
type parser struct {
	*lexer
	limits Limits
	row    rowFunc
	tables *tableSet

	pgDump      bool // the comment that pg_dump begins with was seen
	complete    bool // the comment that it ends with was seen
	transaction bool // within BEGIN and COMMIT
	copies      bool
	statements  int64
}

func newParser(l *lexer, limits Limits, tables *tableSet, row rowFunc) *parser {
	p := &parser{lexer: l, limits: limits, row: row, tables: tables}
	l.comment = func(s string) {
		switch s {
		case "PostgreSQL database dump":
			p.pgDump = true
		case "PostgreSQL database dump complete":
			p.complete = true
		}
	}
	return p
}

// run reads all statements.
func (p *parser) run() error {
	for {
		t, err := p.next(true)
		if err != nil {
			return err
		}
		switch {
		case t.kind == endOfDump:
			return p.end(t.line)
		case t.is(";"):
			continue
		case t.kind == meta:
			err = p.command(t)
		case t.kind == word:
			p.statements++
			err = p.statement(t)
		default:
			err = invalid(Syntax, t.line, "a statement cannot begin with %s", t.describe())
		}
		if err != nil {
			return err
		}
	}
}

// end checks what tells a whole dump from the beginning of one.
func (p *parser) end(line int64) error {
	switch {
	case p.statements == 0:
		return invalid(Format, line, "the dump holds no SQL statement")
	case p.pgDump && !p.complete:
		return invalid(Truncated, line, "the closing comment of pg_dump is missing: the dump was cut off")
	case p.transaction:
		return invalid(Truncated, line, "the COMMIT to the BEGIN is missing: the dump was cut off")
	}
	return nil
}

// command accepts the two commands that pg_dump itself writes.
func (p *parser) command(t token) error {
	name, key, _ := strings.Cut(t.s, " ")
	if name != "restrict" && name != "unrestrict" || strings.ContainsFunc(key, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	}) {
		return invalid(Statement, t.line, "%s is a command for psql, which a dump of the shop has no need of", t.describe())
	}
	return nil
}

func (p *parser) statement(t token) error {
	switch t.s {
	case "insert":
		return p.insert(t)
	case "copy":
		return p.copyRows(t)
	case "create":
		return p.create(t)
	case "alter":
		return p.alter(t)
	case "set":
		return p.set(t)
	case "select":
		return p.selectFunction(t)
	case "begin", "start", "commit", "end":
		p.transaction = t.s == "begin" || t.s == "start"
		return p.skip()
	case "drop", "truncate":
		return p.drop(t)
	case "comment", "grant", "revoke":
		return p.describeObject(t)
	}
	return p.refused(t, "")
}

// refused is the error for a statement that is not read.
func (p *parser) refused(t token, more string) error {
	return invalid(Statement, t.line, "the statement %s%s has no place in a dump of the shop: make the dump with pg_dump, of the shop's tables only",
		strings.ToUpper(t.s), more)
}

// expect reads one token that must be s.
func (p *parser) expect(s string) error {
	t, err := p.next(false)
	if err == nil && !t.is(s) {
		err = p.unexpected(t, strings.ToUpper(s))
	}
	return err
}

func (p *parser) unexpected(t token, wanted string) error {
	if t.kind == endOfDump {
		return invalid(Truncated, t.line, "the dump ends within a statement")
	}
	return invalid(Syntax, t.line, "%s where %s is expected", t.describe(), wanted)
}

// skip reads to the end of a statement that is passed over.
func (p *parser) skip() error {
	t, err := p.next(false)
	if err != nil {
		return err
	}
	return p.skipFrom(t)
}

// skipFrom is skip, t being read already.
func (p *parser) skipFrom(t token) (err error) {
	depth := 0
	for n := 0; ; n++ {
		switch {
		case t.kind == endOfDump:
			return p.unexpected(t, ";")
		case n > 100_000:
			return invalid(TooLarge, t.line, "a statement of more than 100000 words")
		case t.is("("):
			if depth++; depth > maxDepth {
				return invalid(Syntax, t.line, "parentheses are nested more than %d deep", maxDepth)
			}
		case t.is(")"):
			if depth--; depth < 0 {
				return invalid(Syntax, t.line, "a parenthesis closes that was not opened")
			}
		case t.is(";") && depth == 0:
			return nil
		}
		if t, err = p.next(false); err != nil {
			return err
		}
	}
}

// name reads a name that may be qualified by the schema public.
func (p *parser) name() (token, error) {
	t, err := p.next(false)
	if err != nil {
		return t, err
	}
	return p.nameFrom(t)
}

func (p *parser) nameFrom(t token) (token, error) {
	if t.kind != word && t.kind != quoted {
		return t, p.unexpected(t, "a name")
	}
	following, err := p.peek()
	if err != nil || following != '.' {
		return t, err
	}
	if t.s != "public" {
		return t, invalid(Table, t.line, "the schema %s: the shop's tables are in the schema public", t.describe())
	}
	if _, err = p.next(false); err != nil {
		return t, err
	}
	if t, err = p.next(false); err == nil && t.kind != word && t.kind != quoted {
		err = p.unexpected(t, "a name")
	}
	return t, err
}

// table reads the name of a table of the shop.
func (p *parser) table() (*tableDef, token, error) {
	t, err := p.name()
	if err != nil {
		return nil, t, err
	}
	def, err := p.tables.find(t)
	return def, t, err
}

// columnList reads names up to the closing parenthesis.
func (p *parser) columnList() (columns []string, err error) {
	for {
		t, err := p.next(false)
		if err != nil {
			return nil, err
		}
		if t.kind != word && t.kind != quoted {
			return nil, p.unexpected(t, "the name of a column")
		}
		if slices.Contains(columns, t.s) {
			return nil, invalid(Column, t.line, "the column %s is named twice", t.describe())
		}
		columns = append(columns, t.s)
		if t, err = p.next(false); err != nil {
			return nil, err
		}
		switch {
		case t.is(")"):
			return columns, nil
		case len(columns) > 100:
			return nil, invalid(TooLarge, t.line, "more than 100 columns")
		case !t.is(","):
			return nil, p.unexpected(t, "a comma")
		}
	}
}

// insert reads INSERT INTO t [(columns)] VALUES (...), ...;
func (p *parser) insert(begin token) error {
	if err := p.expect("into"); err != nil {
		return err
	}
	def, _, err := p.table()
	if err != nil {
		return err
	}
	columns := p.tables.created[def.name]
	t, err := p.next(false)
	if err != nil {
		return err
	}
	if t.is("(") {
		if columns, err = p.columnList(); err != nil {
			return err
		}
		if t, err = p.next(false); err != nil {
			return err
		}
	}
	if columns == nil {
		return invalid(Column, begin.line, "INSERT INTO %s names no columns and no CREATE TABLE stands before it: it cannot be known which value is which", def.name)
	}
	if err := p.tables.use(def, columns, begin.line); err != nil {
		return err
	}
	if t.is("overriding") {
		for _, s := range []string{"system", "value"} {
			if err := p.expect(s); err != nil {
				return err
			}
		}
		if t, err = p.next(false); err != nil {
			return err
		}
	}
	if !t.is("values") {
		return p.unexpected(t, "VALUES")
	}
	values := make([]value, 0, len(columns))
	for {
		if values, err = p.tuple(values[:0], len(columns), def); err != nil {
			return err
		}
		if err := p.row(def, columns, values, p.line); err != nil {
			return err
		}
		if t, err = p.next(false); err != nil {
			return err
		}
		switch {
		case t.is(","):
		case t.is(";"):
			return nil
		case t.is("on"):
			for _, s := range []string{"conflict", "do", "nothing", ";"} {
				if err := p.expect(s); err != nil {
					return err
				}
			}
			return nil
		default:
			return p.unexpected(t, "a comma or a semicolon")
		}
	}
}

// tuple reads one (value, ...).
func (p *parser) tuple(values []value, want int, def *tableDef) ([]value, error) {
	if err := p.expect("("); err != nil {
		return nil, err
	}
	for {
		v, err := p.literal()
		if err != nil {
			return nil, err
		}
		values = append(values, v)
		t, err := p.next(false)
		switch {
		case err != nil:
			return nil, err
		case t.is(")"):
			if len(values) != want {
				return nil, invalid(Column, t.line, "a row of %s has %d values for %d columns", def.name, len(values), want)
			}
			return values, nil
		case !t.is(","):
			return nil, p.unexpected(t, "a comma: only plain values are read, no expressions,")
		case len(values) >= want:
			return nil, invalid(Column, t.line, "a row of %s has more than %d values", def.name, want)
		}
	}
}

// literal reads one constant.
func (p *parser) literal() (value, error) {
	t, err := p.next(false)
	if err != nil {
		return value{}, err
	}
	switch {
	case t.kind == text, t.kind == number:
		return value{s: t.s}, nil
	case t.is("null"):
		return value{null: true}, nil
	case t.is("true"), t.is("false"):
		return value{s: t.s}, nil
	case t.is("default"):
		return value{null: true, ignored: true}, nil
	case t.is("-"), t.is("+"):
		sign := t.s
		if t, err = p.next(false); err == nil && t.kind != number {
			err = p.unexpected(t, "a number")
		}
		return value{s: sign + t.s}, err
	case t.kind == dollarText:
		return value{}, invalid(Syntax, t.line, "a value quoted by dollar signs: pg_dump writes '...'")
	case t.kind == endOfDump:
		return value{}, p.unexpected(t, "a value")
	}
	return value{}, invalid(Syntax, t.line, "%s where a plain value is expected: expressions and functions are not read", t.describe())
}
