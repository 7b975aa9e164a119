package dump

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// escaped reads the rest of E'...'. See section 4.1.2.2 of
// https://www.postgresql.org/docs/15/sql-syntax-lexical.html
func (l *lexer) escaped(begin int64) (string, error) {
	l.buf = l.buf[:0]
	for {
		b, ok, err := l.get()
		if err != nil {
			return "", err
		}
		if !ok {
			return "", invalid(Truncated, begin, "the dump ends within a quoted text that begins here")
		}
		switch b {
		case '\'':
			following, err := l.peek()
			if err != nil {
				return "", err
			}
			if following != '\'' {
				return l.validText(begin)
			}
			if _, _, err := l.get(); err != nil {
				return "", err
			}
			err = l.append('\'', begin)
			if err != nil {
				return "", err
			}
		case '\\':
			if err := l.escape(begin); err != nil {
				return "", err
			}
		default:
			if err := l.append(b, begin); err != nil {
				return "", err
			}
		}
	}
}

// escape reads what follows a backslash within E'...'.
func (l *lexer) escape(begin int64) error {
	b, ok, err := l.get()
	if err != nil {
		return err
	}
	if !ok {
		return invalid(Truncated, begin, "the dump ends within a quoted text that begins here")
	}
	var code uint64
	switch {
	case b == 'u' || b == 'U':
		digits := map[byte]int{'u': 4, 'U': 8}[b]
		code, err = l.digits(digits, digits, 16)
		if err == nil && (code == 0 || code > utf8.MaxRune || !utf8.ValidRune(rune(code))) {
			err = invalid(Encoding, l.line, `the escape \%c names no character`, b)
		}
		if err != nil {
			return err
		}
		for _, b := range utf8.AppendRune(nil, rune(code)) {
			if err := l.append(b, begin); err != nil {
				return err
			}
		}
		return nil
	case b == 'x':
		code, err = l.digits(1, 2, 16)
	case b >= '0' && b <= '7':
		l.unget(b)
		code, err = l.digits(1, 3, 8)
	default:
		if i := strings.IndexByte("bfnrt", b); i >= 0 {
			b = "\b\f\n\r\t"[i]
		}
		return l.append(b, begin)
	}
	if err == nil && (code == 0 || code > 255) {
		err = invalid(Encoding, l.line, "an escape stands for the byte %d", code)
	}
	if err != nil {
		return err
	}
	return l.append(byte(code), begin)
}

// digits reads from least to most digits of a base.
func (l *lexer) digits(least, most, base int) (uint64, error) {
	var s []byte
	for len(s) < most {
		b, err := l.peek()
		if err != nil {
			return 0, err
		}
		if _, err := strconv.ParseUint(string(b), base, 8); err != nil {
			break
		}
		if _, _, err := l.get(); err != nil {
			return 0, err
		}
		s = append(s, b)
	}
	if len(s) < least {
		return 0, invalid(Syntax, l.line, "an escape lacks digits")
	}
	return strconv.ParseUint(string(s), base, 64)
}
