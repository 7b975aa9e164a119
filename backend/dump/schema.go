package dump

import (
	"slices"
	"strings"
)

// The statements that describe the schema. The shop has its own schema, so they are
// passed over; CREATE TABLE tells the order of the columns.

// create accepts what pg_dump writes for the shop's tables.
func (p *parser) create(begin token) error {
	t, err := p.next(false)
	if err != nil {
		return err
	}
	switch {
	case t.is("table"):
		return p.createTable()
	case t.is("index"), t.is("sequence"):
		return p.skip()
	case t.is("unique"):
		if err := p.expect("index"); err != nil {
			return err
		}
		return p.skip()
	case t.is("function"):
		name, err := p.name()
		if err != nil {
			return err
		}
		if !slices.Contains(functions, name.s) {
			return p.refused(begin, " FUNCTION "+name.s)
		}
		return p.skip()
	case t.is("extension"):
		return p.extension(begin)
	case t.is("trigger"):
		if t, err = p.next(false); err != nil {
			return err
		}
		if !slices.Contains([]string{"products_version", "reviews_version", "users_version"}, t.s) {
			return p.refused(begin, " TRIGGER "+t.describe())
		}
		return p.skip()
	case t.is("schema"):
		if t, err = p.next(false); err != nil {
			return err
		}
		if t.s != "public" {
			return p.refused(begin, " SCHEMA "+t.describe())
		}
		return p.skip()
	}
	return p.refused(begin, " "+t.describe())
}

// functions and extensions are those of the shop's schema.
var (
	functions  = []string{"bump_catalogue_version", "search_document", "search_fold", "search_likeness", "search_sound"}
	extensions = []string{"fuzzystrmatch", "pg_trgm", "plpgsql", "unaccent"}
)

// extension accepts CREATE EXTENSION of what the shop's schema uses.
func (p *parser) extension(begin token) error {
	t, err := p.next(false)
	for err == nil && (t.is("if") || t.is("not") || t.is("exists")) {
		t, err = p.next(false)
	}
	if err != nil {
		return err
	}
	if !slices.Contains(extensions, t.s) {
		return p.refused(begin, " EXTENSION "+t.describe())
	}
	return p.skip()
}

// createTable remembers the columns in their order.
func (p *parser) createTable() error {
	t, err := p.next(false)
	if err != nil {
		return err
	}
	if t.is("if") {
		for _, s := range []string{"not", "exists"} {
			if err := p.expect(s); err != nil {
				return err
			}
		}
		if t, err = p.next(false); err != nil {
			return err
		}
	}
	if t, err = p.nameFrom(t); err != nil {
		return err
	}
	def, err := p.tables.find(t)
	if err != nil {
		return err
	}
	if _, twice := p.tables.created[def.name]; twice {
		return invalid(Table, t.line, "the table %s is created twice", def.name)
	}
	if err := p.expect("("); err != nil {
		return err
	}
	var columns []string
	for closed := false; !closed; {
		first, err := p.next(false)
		if err != nil {
			return err
		}
		if first.kind != word && first.kind != quoted {
			return p.unexpected(first, "the name of a column")
		}
		constraint := first.kind == word && slices.Contains([]string{"constraint", "primary", "foreign", "unique", "check", "exclude", "like"}, first.s)
		if !constraint {
			if !def.ignored && !def.knows(first.s) {
				return invalid(Column, first.line, "the shop's table %s has no column %s", def.name, first.describe())
			}
			if slices.Contains(columns, first.s) || len(columns) > 100 {
				return invalid(Column, first.line, "the column %s stands twice in the table %s, or it has too many", first.describe(), def.name)
			}
			columns = append(columns, first.s)
		}
		if closed, err = p.endOfColumn(); err != nil {
			return err
		}
	}
	p.tables.created[def.name] = columns
	return p.skip()
}

// endOfColumn skips a column's definition; closed says that it was the last.
func (p *parser) endOfColumn() (closed bool, err error) {
	for depth, n := 0, 0; ; n++ {
		t, err := p.next(false)
		switch {
		case err != nil:
			return false, err
		case t.kind == endOfDump, t.is(";"):
			return false, p.unexpected(t, "a closing parenthesis")
		case n > 10_000:
			return false, invalid(TooLarge, t.line, "the definition of a column has more than 10000 words")
		case t.is("("):
			if depth++; depth > maxDepth {
				return false, invalid(Syntax, t.line, "parentheses are nested more than %d deep", maxDepth)
			}
		case t.is(")"):
			if depth == 0 {
				return true, nil
			}
			depth--
		case t.is(",") && depth == 0:
			return false, nil
		}
	}
}

// alter accepts changes of tables and sequences that leave the columns as they are.
func (p *parser) alter(begin token) error {
	t, err := p.next(false)
	if err != nil {
		return err
	}
	switch {
	case t.is("table"):
	case t.is("sequence"), t.is("index"), t.is("function"), t.is("schema"), t.is("default"):
		return p.skip()
	default:
		return p.refused(begin, " "+t.describe())
	}
	for {
		if t, err = p.next(false); err != nil {
			return err
		}
		if t.is("if") || t.is("exists") || t.is("only") {
			continue
		}
		break
	}
	name, err := p.nameFrom(t)
	if err != nil {
		return err
	}
	if t, err = p.next(false); err != nil {
		return err
	}
	// Sequences are altered by ALTER TABLE too; such a statement holds OWNER TO.
	if !t.is("owner") {
		if _, err := p.tables.find(name); err != nil {
			return err
		}
	}
	if change := t.s; t.is("add") || t.is("drop") {
		if t, err = p.next(false); err != nil {
			return err
		}
		if t.is("constraint") {
			return p.skip()
		}
		if change == "drop" || !t.is("primary") && !t.is("foreign") && !t.is("unique") && !t.is("check") {
			return p.refused(begin, " TABLE ... "+strings.ToUpper(change)+" "+t.describe())
		}
		return p.skip()
	}
	if !t.is("owner") && !t.is("alter") && !t.is("replica") && !t.is("cluster") {
		return p.refused(begin, " TABLE ... "+t.describe())
	}
	return p.skip()
}

// set checks the settings that change how the dump is to be read.
func (p *parser) set(begin token) error {
	t, err := p.next(false)
	if err != nil {
		return err
	}
	if t.is("local") {
		if t, err = p.next(false); err != nil {
			return err
		}
	}
	if t.kind != word || t.is("role") || t.is("session") || t.is("constraints") {
		return p.refused(begin, " "+t.describe())
	}
	setting := t.s
	if t, err = p.next(false); err != nil {
		return err
	}
	if !t.is("=") && !t.is("to") {
		return p.unexpected(t, "=")
	}
	if t, err = p.next(false); err != nil {
		return err
	}
	switch {
	case setting == "client_encoding" && !slices.Contains([]string{"UTF8", "utf8", "UTF-8", "utf-8", "UNICODE", "unicode"}, t.s):
		return invalid(Encoding, t.line, "the dump is in the encoding %s: make it with pg_dump -E UTF8", shorten(t.s))
	case setting == "standard_conforming_strings" && t.s != "on":
		return invalid(Format, t.line, "standard_conforming_strings is not on, so texts would have to be read in another way: make the dump anew")
	}
	return p.skipFrom(t)
}

// selectFunction accepts the two functions that pg_dump calls.
func (p *parser) selectFunction(begin token) error {
	t, err := p.next(false)
	if err != nil {
		return err
	}
	if t.is("pg_catalog") {
		if err := p.expect("."); err != nil {
			return err
		}
		if t, err = p.next(false); err != nil {
			return err
		}
	}
	if !t.is("setval") && !t.is("set_config") {
		return p.refused(begin, " "+t.describe())
	}
	return p.skip()
}

// drop accepts what empties the place for the tables, as pg_dump --clean has it.
func (p *parser) drop(begin token) error {
	t, err := p.next(false)
	if err != nil {
		return err
	}
	if len(p.tables.used) > 0 {
		return p.refused(begin, " after rows")
	}
	if begin.s == "drop" && !slices.ContainsFunc([]string{"table", "index", "sequence", "trigger", "function", "extension"}, t.is) || begin.s == "truncate" && !t.is("table") {
		return p.refused(begin, " "+t.describe())
	}
	return p.skip()
}

// describeObject accepts comments on objects and grants on objects; membership in a
// role is none of a dump's business.
func (p *parser) describeObject(begin token) error {
	for n := 0; n < 200; n++ {
		t, err := p.next(false)
		if err != nil {
			return err
		}
		switch {
		case t.kind == endOfDump:
			return p.unexpected(t, ";")
		case t.is("on"):
			return p.skip()
		case t.is(";"):
			return p.refused(begin, " of a role")
		}
	}
	return p.refused(begin, "")
}
