package dump

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
	"unicode/utf8"
)

// copyRows reads COPY t (columns) FROM stdin; and the rows that follow.
func (p *parser) copyRows(begin token) error {
	def, columns, err := p.copyHead(begin)
	if err != nil {
		return err
	}
	p.copies = true
	rest, err := p.restOfLine()
	if err != nil {
		return err
	}
	if strings.TrimSpace(rest) != "" {
		return invalid(Syntax, p.line-1, "something stands between COPY and its rows")
	}
	c := copyReader{r: p.r, limit: p.limits.Value, line: p.line}
	err = c.rows(def, columns, true, p.row)
	p.line = c.line
	return p.at(err)
}

// copyHead reads a COPY statement after its first word, with its semicolon.
func (p *parser) copyHead(begin token) (*tableDef, []string, error) {
	t, err := p.next(false)
	if err != nil {
		return nil, nil, err
	}
	if t.is("(") {
		return nil, nil, p.refused(begin, " of a query")
	}
	name, err := p.nameFrom(t)
	if err != nil {
		return nil, nil, err
	}
	if t, err = p.next(false); err != nil {
		return nil, nil, err
	}
	var columns []string
	if t.is("(") {
		if columns, err = p.columnList(); err != nil {
			return nil, nil, err
		}
		if t, err = p.next(false); err != nil {
			return nil, nil, err
		}
	}
	if t.is("to") {
		return nil, nil, p.refused(begin, " ... TO, which writes files or starts programs on the server,")
	}
	if !t.is("from") {
		return nil, nil, p.unexpected(t, "FROM")
	}
	if t, err = p.next(false); err != nil {
		return nil, nil, err
	}
	if !t.is("stdin") {
		return nil, nil, p.refused(begin, " ... FROM "+map[bool]string{true: "PROGRAM", false: "a file"}[t.is("program")]+", which reads from the server,")
	}
	if t, err = p.next(false); err != nil {
		return nil, nil, err
	}
	if !t.is(";") {
		return nil, nil, p.unexpected(t, "a semicolon: options of COPY are not read")
	}
	def, err := p.tables.find(name)
	if err != nil {
		return nil, nil, err
	}
	if columns == nil {
		if columns = p.tables.created[def.name]; columns == nil {
			return nil, nil, invalid(Column, begin.line, "COPY %s names no columns and no CREATE TABLE stands before it", def.name)
		}
	}
	return def, columns, p.tables.use(def, columns, begin.line)
}

// copyReader reads the text format of COPY. See
// https://www.postgresql.org/docs/15/sql-copy.html
type copyReader struct {
	r     *bufio.Reader
	limit int
	line  int64
	buf   []byte
}

// rows hands out rows up to the line \. ; within an archive their end is the end of
// the data as well.
func (c *copyReader) rows(def *tableDef, columns []string, marked bool, row rowFunc) error {
	values := make([]value, 0, len(columns))
	for {
		begin := c.line
		data, end, err := c.readLine()
		if err != nil {
			return err
		}
		if string(data) == `\.` {
			return nil
		}
		if end {
			if marked || len(data) > 0 {
				return invalid(Truncated, c.line, `the dump ends within the rows of %s: the line "\." is missing`, def.name)
			}
			return nil
		}
		if !utf8.Valid(data) {
			return invalid(Encoding, begin, "text that is not UTF-8: make the dump with pg_dump -E UTF8")
		}
		values = values[:0]
		for field := range strings.SplitSeq(string(data), "\t") {
			if len(values) == len(columns) {
				return invalid(Column, begin, "a row of %s has more than %d values", def.name, len(columns))
			}
			v := value{null: field == `\N`}
			if !v.null {
				if v.s, err = unescapeCopy(field); err != nil {
					return invalid(Encoding, begin, "%v", err)
				}
			}
			values = append(values, v)
		}
		if len(values) != len(columns) {
			return invalid(Column, begin, "a row of %s has %d values for %d columns", def.name, len(values), len(columns))
		}
		if err := row(def, columns, values, begin); err != nil {
			return err
		}
	}
}

// readLine returns one line without its end; end is true when the data ends before
// the line does.
func (c *copyReader) readLine() (data []byte, end bool, err error) {
	c.buf = c.buf[:0]
	for {
		part, err := c.r.ReadSlice('\n')
		if bytes.IndexByte(part, 0) >= 0 {
			return nil, false, invalid(Encoding, c.line, "a NUL byte, which no text has")
		}
		if len(c.buf)+len(part) > c.limit {
			return nil, false, invalid(TooLarge, c.line, "a line has more than %d bytes, which is the limit", c.limit)
		}
		c.buf = append(c.buf, part...)
		switch {
		case err == nil:
			c.line++
			data = c.buf[:len(c.buf)-1]
			if n := len(data); n > 0 && data[n-1] == '\r' { // a file that went through Windows
				data = data[:n-1]
			}
			return data, false, nil
		case err == io.EOF:
			return c.buf, true, nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, false, err
		}
	}
}

// unescapeCopy resolves the backslashes of one value.
func unescapeCopy(s string) (string, error) {
	if strings.IndexByte(s, '\\') < 0 {
		return s, nil
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		b := s[i]
		if b != '\\' {
			out = append(out, b)
			continue
		}
		if i++; i == len(s) {
			return "", errors.New("a value ends with a single backslash")
		}
		b = s[i]
		if j := strings.IndexByte("bfnrtv", b); j >= 0 {
			out = append(out, "\b\f\n\r\t\v"[j])
			continue
		}
		base, most, start := 0, 0, i
		switch {
		case b >= '0' && b <= '7':
			base, most = 8, 3
		case b == 'x' && i+1 < len(s) && digit(s[i+1], 16) >= 0:
			base, most, start = 16, 2, i+1
		default:
			out = append(out, b)
			continue
		}
		code, end := 0, start
		for end < len(s) && end < start+most && digit(s[end], base) >= 0 {
			code = code*base + digit(s[end], base)
			end++
		}
		if code == 0 || code > 255 {
			return "", errors.New("an escape stands for a byte that no text has")
		}
		out = append(out, byte(code))
		i = end - 1
	}
	if !utf8.Valid(out) {
		return "", errors.New("text that is not UTF-8")
	}
	return string(out), nil
}

// digit returns the value of a digit, or -1.
func digit(b byte, base int) int {
	v := -1
	switch {
	case b >= '0' && b <= '9':
		v = int(b - '0')
	case b >= 'a' && b <= 'f':
		v = int(b-'a') + 10
	case b >= 'A' && b <= 'F':
		v = int(b-'A') + 10
	}
	if v >= base {
		return -1
	}
	return v
}
