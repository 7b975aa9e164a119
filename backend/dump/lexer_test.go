package dump_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"grocery/backend/dump"
)

func TestTokens(t *testing.T) {
	for _, tt := range []struct{ name, sql, want string }{
		{"words become lower case, quoted names do not", `Select "Select" _x9$`, "word select|quoted Select|word _x9$"},
		{"a doubled quote stands for one", `'it''s' '' '''' "a""b"`, "text it's|text |text '|quoted a\"b"},
		{"a backslash is itself in a plain text", `'a\' 'b\\'`, `text a\|text b\\`},
		{"E texts know escapes", `E'a\'b\\c\n\t\x41\101\u00e9\U0001F34E''' e'x'`, "text a'b\\c\n\tAA\u00e9\U0001F34E'|text x"},
		{"comments separate and vanish", "a--x\nb/*y*/c/* /* ' */ -- */d-e/f", "word a|word b|word c|word d|symbol -|word e|symbol /|word f"},
		{"quotes protect comment signs", `'--' "/*" '*/'`, "text --|quoted /*|text */"},
		{"dollar quotes protect everything", `$$a'b$$ $x$ $$ $y$ $x$`, "dollar a'b|dollar  $$ $y$ "},
		{"numbers", "1 1.5 .5 1e9 1E-9 0.8900000000000000133 1-2", "number 1|number 1.5|number .5|number 1e9|number 1E-9|number 0.8900000000000000133|number 1|symbol -|number 2"},
		{"commands of psql begin a statement", "\\restrict abc\r\nx", `meta restrict abc|word x`},
		{"texts may hold anything", "'\u20ac\n\tz;--'", "text \u20ac\n\tz;--"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tokens, err := dump.Tokens(strings.NewReader(tt.sql), 1<<20)
			var got []string
			for _, k := range tokens {
				got = append(got, k.Kind+" "+k.Text)
			}
			if err != nil || strings.Join(got, "|") != tt.want {
				t.Errorf("got  %q, %v\nwant %q", strings.Join(got, "|"), err, tt.want)
			}
		})
	}
}

func TestTokensThatAreNone(t *testing.T) {
	for _, sql := range []string{`b'01'`, `x'ff'`, `N'a'`, `'a`, `"a`, `""`, `E'\u00'`, `E'\x00'`, `E'\ud800'`, `E'\`, `$1`, `$a`, `/*`, "a\\b", "\x01", "'\xff'", "\xff", "E'\\xff'"} {
		if tokens, err := dump.Tokens(strings.NewReader(sql), 1<<20); err == nil {
			t.Errorf("%q is read as %v", sql, tokens)
		} else {
			invalidDump(t, err)
		}
	}
}

func TestLinesAreCountedFromOne(t *testing.T) {
	tokens, err := dump.Tokens(strings.NewReader("a\n'b\nc' d\n/*\n*/ -- x\n e"), 100)
	if err != nil {
		t.Fatal(err)
	}
	var got []int64
	for _, k := range tokens {
		got = append(got, k.Line)
	}
	if fmt.Sprint(got) != "[1 2 3 6]" {
		t.Errorf("lines %v", got)
	}
}

func TestNumbersAreRoundedExactly(t *testing.T) {
	for _, tt := range []struct {
		s    string
		want int64
		ok   bool
	}{
		{"0.8900000000000000133", 89, true}, {"0.89999997615814209", 90, true}, {"1.005", 101, true}, {"1.00499999999999999999", 100, true},
		{"-1.005", -101, true}, {"2", 200, true}, {"2.", 200, true}, {".5", 50, true}, {"1e2", 10000, true}, {"1.5E-1", 15, true}, {"4.9899998", 499, true},
		{"1e400", 0, false}, {"1e-400", 0, true}, {"NaN", 0, false}, {"Infinity", 0, false}, {"", 0, false}, {"1/3", 0, false}, {"0x10", 0, false}, {"1_000", 0, false}, {"1e", 0, false}, {"--1", 0, false}, {"99999999999999999999", 0, false},
	} {
		if got, ok := dump.RoundDecimal(tt.s, 2); ok != tt.ok || ok && got != tt.want {
			t.Errorf("%q is %d, %v; want %d, %v", tt.s, got, ok, tt.want, tt.ok)
		}
	}
}

// FuzzTokens holds the tokenizer to its promises for any input: it ends, a fault is
// one of the dump, no token is longer than the limit, all is UTF-8, lines only grow.
func FuzzTokens(f *testing.F) {
	for _, s := range []string{`INSERT INTO t VALUES(1,'it''s',E'\x41',NULL);`, "$$x$$ $a$ $$ $a$", "/* /* */ */ -- x\n\"q\"", "\\restrict x\n", "1.5e-3,-2;"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		const limit = 64
		tokens, err := dump.Tokens(bytes.NewReader(data), limit)
		if err != nil {
			invalidDump(t, err)
		}
		line := int64(1)
		for _, k := range tokens {
			if len(k.Text) > 2*limit+1 || k.Line < line || !utf8.ValidString(k.Text) {
				t.Errorf("token %+v after line %d", k, line)
			}
			line = k.Line
		}
	})
}

// FuzzQuoting writes any text as PostgreSQL does and reads it again.
func FuzzQuoting(f *testing.F) {
	f.Add("it's", "a\\b\t\n")
	f.Fuzz(func(t *testing.T, a, b string) {
		if !utf8.ValidString(a) || !utf8.ValidString(b) || strings.ContainsRune(a+b, 0) {
			return // PostgreSQL has no such text
		}
		quoted := "'" + strings.ReplaceAll(a, "'", "''") + "'"
		escaped := "E'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`, "\n", `\n`).Replace(b) + "'"
		tokens, err := dump.Tokens(strings.NewReader(quoted+" "+escaped), 1<<20)
		if err != nil || len(tokens) != 2 || tokens[0].Text != a || tokens[1].Text != b {
			t.Errorf("%q and %q are read as %v, %v", a, b, tokens, err)
		}
		copied := strings.NewReplacer(`\`, `\\`, "\t", `\t`, "\n", `\n`, "\r", `\r`, "\v", `\v`, "\f", `\f`, "\b", `\b`).Replace(b)
		if got, err := dump.UnescapeCopy(copied); err != nil || got != b {
			t.Errorf("%q is read from COPY as %q, %v", b, got, err)
		}
	})
}

// FuzzInspect holds the whole reader to it: any input is read or refused as a fault
// of the dump.
func FuzzInspect(f *testing.F) {
	f.Add(small(1))
	f.Add(zipped(small(2)))
	f.Add(append(small(1), "COPY products (id, name, price, category) FROM stdin;\n2\tTea\t1.5\t\\N\n\\.\n"...))
	for _, h := range hostile {
		if data := h.data(); len(data) < 4096 {
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		report, err := dump.Inspect(bytes.NewReader(data), dump.Limits{Bytes: 1 << 20, Value: 1 << 12})
		if err != nil {
			invalidDump(t, err)
		} else if report.Read["products"] == 0 {
			t.Errorf("accepted without products: %+v", report)
		}
	})
}
