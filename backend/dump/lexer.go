package dump

import (
	"bufio"
	"io"
	"strings"
	"unicode/utf8"
)

type kind uint8

const (
	endOfDump  kind = iota
	word            // unquoted identifier or keyword, in lower case
	quoted          // "identifier"
	text            // 'literal', E'literal'
	dollarText      // $tag$literal$tag$
	number
	symbol // one character
	meta   // \command of psql, at the beginning of a statement
)

type token struct {
	kind kind
	s    string
	line int64
}

func (t token) is(s string) bool { return (t.kind == word || t.kind == symbol) && t.s == s }

// describe returns the token as it is named to a person, shortened.
func (t token) describe() string {
	s := t.s
	if len(s) > 40 {
		s = strings.ToValidUTF8(s[:40], "") + "..."
	}
	switch t.kind {
	case endOfDump:
		return "the end of the dump"
	case text, dollarText:
		return "a text"
	case meta:
		return `\` + s
	default:
		return `"` + s + `"`
	}
}

const (
	maxWord  = 128 // bytes of an identifier or number; PostgreSQL's identifiers have 63
	maxDepth = 32  // of comments and parentheses
)

// lexer cuts SQL into tokens. It keeps one token in memory, never more.
type lexer struct {
	r     *bufio.Reader
	line  int64
	limit int // bytes of a token
	buf   []byte

	// comment is called with the beginning of each -- comment.
	comment func(s string)
}

func newLexer(r *bufio.Reader, limit int) *lexer { return &lexer{r: r, line: 1, limit: limit} }

// get returns the next byte; ok is false at the end.
func (l *lexer) get() (b byte, ok bool, err error) {
	b, err = l.r.ReadByte()
	if err == io.EOF {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, l.at(err)
	}
	switch b {
	case '\n':
		l.line++
	case 0:
		return 0, false, invalid(Encoding, l.line, "a NUL byte: this is no text, or text in UTF-16; save the dump as UTF-8")
	}
	return b, true, nil
}

// unget gives the last byte back.
func (l *lexer) unget(b byte) {
	if l.r.UnreadByte() == nil && b == '\n' {
		l.line--
	}
}

// peek returns the next byte, or 0 at the end.
func (l *lexer) peek() (byte, error) {
	p, err := l.r.Peek(1)
	if len(p) == 1 {
		return p[0], nil
	}
	if err == io.EOF {
		return 0, nil
	}
	return 0, l.at(err)
}

// at adds the line to a fault that lacks it.
func (l *lexer) at(err error) error {
	if e, ok := err.(*InvalidDumpError); ok && e.Line == 0 {
		e.Line = l.line
	}
	return err
}

// next returns the next token that is no comment. start says that a statement may
// begin here: only there psql's commands are known.
func (l *lexer) next(start bool) (token, error) {
	for {
		b, ok, err := l.get()
		if err != nil {
			return token{}, err
		}
		if !ok {
			return token{kind: endOfDump, line: l.line}, nil
		}
		t := token{line: l.line}
		switch {
		case b == ' ' || b == '\t' || b == '\r' || b == '\n' || b == '\f' || b == '\v':
			continue
		case b == '-' || b == '/':
			following, err := l.peek()
			if err != nil {
				return t, err
			}
			if b == '-' && following == '-' {
				err = l.lineComment()
			} else if b == '/' && following == '*' {
				err = l.blockComment()
			} else {
				t.kind, t.s = symbol, string(b)
				return t, nil
			}
			if err != nil {
				return t, err
			}
			continue
		case b == '\'':
			t.kind = text
			t.s, err = l.quoted(b, t.line)
		case b == '"':
			t.kind = quoted
			if t.s, err = l.quoted(b, t.line); err == nil && (t.s == "" || len(t.s) > maxWord) {
				err = invalid(Syntax, t.line, "a quoted name of %d bytes", len(t.s))
			}
		case b == '$':
			return l.dollar(t)
		case b == '\\' && start:
			t.kind = meta
			t.s, err = l.restOfLine()
		case isWordStart(b):
			return l.word(t, b)
		case b >= '0' && b <= '9' || b == '.':
			return l.number(t, b)
		case b > ' ' && b < 0x7f && b != '\\':
			t.kind, t.s = symbol, string(b)
		default:
			return t, invalid(Syntax, t.line, "the character %q has no place here", rune(b))
		}
		return t, err
	}
}

func isWordStart(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b == '_' || b >= 0x80
}

func (l *lexer) lineComment() error {
	l.buf = l.buf[:0]
	for {
		b, ok, err := l.get()
		if err != nil {
			return err
		}
		if !ok || b == '\n' {
			break
		}
		if len(l.buf) < 64 {
			l.buf = append(l.buf, b)
		}
	}
	if l.comment != nil {
		l.comment(strings.TrimSpace(strings.TrimPrefix(string(l.buf), "-")))
	}
	return nil
}

// blockComment skips a comment; such comments nest.
func (l *lexer) blockComment() error {
	begin, depth := l.line, 0
	last := byte('/')
	for {
		b, ok, err := l.get()
		switch {
		case err != nil:
			return err
		case !ok:
			return invalid(Truncated, begin, "a comment begins here and never ends")
		case last == '/' && b == '*':
			if depth++; depth > maxDepth {
				return invalid(Syntax, l.line, "comments are nested more than %d deep", maxDepth)
			}
			last = 0
		case last == '*' && b == '/':
			if depth--; depth == 0 {
				return nil
			}
			last = 0
		default:
			last = b
		}
	}
}

// quoted reads until the closing quote; a doubled quote stands for one.
func (l *lexer) quoted(quote byte, begin int64) (string, error) {
	l.buf = l.buf[:0]
	for {
		b, ok, err := l.get()
		if err != nil {
			return "", err
		}
		if !ok {
			return "", invalid(Truncated, begin, "the dump ends within a quoted text that begins here")
		}
		if b == quote {
			following, err := l.peek()
			if err != nil {
				return "", err
			}
			if following != quote {
				return l.validText(begin)
			}
			if _, _, err := l.get(); err != nil {
				return "", err
			}
		}
		if err := l.append(b, begin); err != nil {
			return "", err
		}
	}
}

func (l *lexer) append(b byte, begin int64) error {
	if len(l.buf) >= l.limit {
		return invalid(TooLarge, begin, "a value has more than %d bytes, which is the limit", l.limit)
	}
	l.buf = append(l.buf, b)
	return nil
}

func (l *lexer) validText(begin int64) (string, error) {
	if !utf8.Valid(l.buf) {
		return "", invalid(Encoding, begin, "text that is not UTF-8: convert the dump (for example with iconv -f LATIN1 -t UTF-8)")
	}
	return string(l.buf), nil
}

// dollar reads $tag$...$tag$.
func (l *lexer) dollar(t token) (token, error) {
	l.buf = append(l.buf[:0], '$')
	for {
		b, ok, err := l.get()
		if err != nil {
			return t, err
		}
		if !ok || len(l.buf) > maxWord {
			return t, invalid(Syntax, t.line, "a $ that begins no quoted text")
		}
		l.buf = append(l.buf, b)
		if b == '$' {
			break
		}
		if !isWordStart(b) && (b < '0' || b > '9' || len(l.buf) == 2) {
			return t, invalid(Syntax, t.line, "a $ that begins no quoted text")
		}
	}
	tag := string(l.buf)
	l.buf = l.buf[:0]
	for !strings.HasSuffix(string(l.buf[max(0, len(l.buf)-len(tag)):]), tag) {
		b, ok, err := l.get()
		if err != nil {
			return t, err
		}
		if !ok {
			return t, invalid(Truncated, t.line, "the dump ends within a text quoted by %s that begins here", tag)
		}
		if err := l.append(b, t.line); err != nil {
			return t, err
		}
	}
	l.buf = l.buf[:len(l.buf)-len(tag)]
	var err error
	t.kind = dollarText
	t.s, err = l.validText(t.line)
	return t, err
}

func (l *lexer) restOfLine() (string, error) {
	l.buf = l.buf[:0]
	begin := l.line
	for {
		b, ok, err := l.get()
		if err != nil {
			return "", err
		}
		if !ok || b == '\n' {
			s, err := l.validText(begin)
			return strings.TrimRight(s, "\r"), err
		}
		if err := l.append(b, begin); err != nil {
			return "", err
		}
	}
}

// word reads an identifier or keyword. Directly before a quote it says how the text
// is written: E'..' knows escapes, others are not read.
func (l *lexer) word(t token, first byte) (token, error) {
	l.buf = append(l.buf[:0], first)
	if err := l.span(t.line, func(b byte) bool { return isWordStart(b) || b >= '0' && b <= '9' || b == '$' }); err != nil {
		return t, err
	}
	s, err := l.validText(t.line)
	if err != nil {
		return t, err
	}
	t.kind, t.s = word, strings.ToLower(s)
	following, err := l.peek()
	if err != nil || following != '\'' {
		return t, err
	}
	if t.s != "e" {
		return t, invalid(Syntax, t.line, "a text written as %s'...': only '...' and E'...' are read", t.s)
	}
	t.kind = text
	if _, _, err = l.get(); err == nil {
		t.s, err = l.escaped(t.line)
	}
	return t, err
}

func (l *lexer) number(t token, first byte) (token, error) {
	l.buf = append(l.buf[:0], first)
	previous := first
	err := l.span(t.line, func(b byte) bool {
		ok := b >= '0' && b <= '9' || b == '.' || b == 'e' || b == 'E' ||
			(b == '+' || b == '-') && (previous == 'e' || previous == 'E')
		previous = b
		return ok
	})
	t.kind, t.s = number, string(l.buf)
	if t.s == "." {
		t.kind = symbol
	}
	return t, err
}

// span appends the bytes that belong to the token.
func (l *lexer) span(begin int64, belongs func(byte) bool) error {
	for {
		b, ok, err := l.get()
		if err != nil || !ok {
			return err
		}
		if !belongs(b) {
			l.unget(b)
			return nil
		}
		if len(l.buf) >= maxWord {
			return invalid(Syntax, begin, "a name or number of more than %d bytes", maxWord)
		}
		l.buf = append(l.buf, b)
	}
}
