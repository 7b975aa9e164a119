package dump

import (
	"bufio"
	"io"
	"strings"
)

// For tests from outside of the package.
var (
	RoundDecimal = roundDecimal
	UnescapeCopy = unescapeCopy
	Unknown      = unknown
	StageOrder   = stageOrder
	StageTables  = stageTables
)

// Reads tells whether a dump may hold a table.
func Reads(table string) bool { return tableDefs[table] != nil && !tableDefs[table].ignored }

// TokenOf is a token as tests look at it.
type TokenOf struct {
	Kind string
	Text string
	Line int64
}

// Tokens cuts a text into tokens until its end or the first fault.
func Tokens(r io.Reader, limit int) (tokens []TokenOf, err error) {
	l := newLexer(bufio.NewReaderSize(r, 16), limit)
	names := map[kind]string{word: "word", quoted: "quoted", text: "text", dollarText: "dollar", number: "number", symbol: "symbol", meta: "meta"}
	for {
		t, err := l.next(len(tokens) == 0 || tokens[len(tokens)-1].Text == ";")
		if err != nil || t.kind == endOfDump {
			return tokens, err
		}
		tokens = append(tokens, TokenOf{names[t.kind], strings.Clone(t.s), t.line})
	}
}
