package dump

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	shop "grocery/backend"
)

// record is one row whose values are asked for by name. The first fault is kept in
// err; what is returned after it means nothing.
type record struct {
	def     *tableDef
	columns []string
	values  []value
	line    int64
	err     error
}

// fail keeps the first fault.
func (r *record) fail(column, format string, args ...any) {
	if r.err == nil {
		r.err = &InvalidDumpError{Code: Value, Line: r.line, Table: r.def.name, Reason: column + " " + fmt.Sprintf(format, args...)}
	}
}

// has reports whether the rows have the column.
func (r *record) has(column string) bool { return slices.Contains(r.columns, column) }

// get returns a value; ok is false when it is NULL or the column is not there.
func (r *record) get(column string) (s string, ok bool) {
	i := slices.Index(r.columns, column)
	if i < 0 || r.values[i].null {
		return "", false
	}
	return r.values[i].s, true
}

// text returns a text of at most max characters, or otherwise for NULL.
func (r *record) text(column string, max int, otherwise string) string {
	s, ok := r.get(column)
	if !ok {
		return otherwise
	}
	if n := utf8.RuneCountInString(s); n > max {
		r.fail(column, "has %d characters, and the shop takes %d at most", n, max)
	}
	return s
}

// needed is text that may be neither NULL nor empty.
func (r *record) needed(column string, max int) string {
	s := r.text(column, max, "")
	if strings.TrimSpace(s) == "" {
		r.fail(column, "is empty")
	}
	return s
}

// maxID is the largest id: clients read ids as JavaScript numbers.
const maxID = 1<<53 - 1

func (r *record) id(column string) int64 { return r.integer(column, 1, maxID) }

// optionalID returns nil for NULL.
func (r *record) optionalID(column string) *int64 {
	if _, ok := r.get(column); !ok {
		return nil
	}
	id := r.id(column)
	return &id
}

func (r *record) integer(column string, least, most int64) int64 {
	s, ok := r.get(column)
	if !ok {
		r.fail(column, "is NULL")
		return 0
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < least || n > most {
		r.fail(column, "is %s, not a whole number from %d to %d", shorten(s), least, most)
	}
	return n
}

// decimal returns a number times 10^places, rounded half away from zero. The digits
// are read exactly: 0.8900000000000000133 in cents is 89.
func (r *record) decimal(column string, places int, least, most int64) int64 {
	s, ok := r.get(column)
	if !ok {
		r.fail(column, "is NULL")
		return 0
	}
	n, ok := roundDecimal(s, places)
	if !ok || n < least || n > most {
		limit := func(v int64) string { return big.NewRat(v, pow10(places)).FloatString(places) }
		r.fail(column, "is %s, not a number from %s to %s", shorten(s), limit(least), limit(most))
	}
	return n
}

// roundDecimal reads a decimal number and returns it times 10^places, rounded.
func roundDecimal(s string, places int) (int64, bool) {
	mantissa, exponent, hasExponent := strings.Cut(strings.ToLower(strings.TrimSpace(s)), "e")
	if mantissa == "" || len(mantissa) > 400 || strings.Trim(mantissa, "+-.0123456789") != "" {
		return 0, false
	}
	if hasExponent {
		if e, err := strconv.Atoi(exponent); err != nil || e < -400 || e > 30 {
			return 0, false
		}
		mantissa += "e" + exponent
	}
	x, ok := new(big.Rat).SetString(mantissa)
	if !ok {
		return 0, false
	}
	x.Mul(x, new(big.Rat).SetInt64(pow10(places)))
	half := big.NewRat(1, 2)
	if x.Sign() < 0 {
		half.Neg(half)
	}
	x.Add(x, half)
	n := new(big.Int).Quo(x.Num(), x.Denom()) // towards zero
	return n.Int64(), n.IsInt64()
}

func pow10(n int) int64 {
	p := int64(1)
	for range n {
		p *= 10
	}
	return p
}

// boolean returns a truth value in any of PostgreSQL's spellings, false for NULL.
func (r *record) boolean(column string) bool {
	s, ok := r.get(column)
	if !ok {
		return false
	}
	switch strings.ToLower(s) {
	case "t", "true", "y", "yes", "on", "1":
		return true
	case "f", "false", "n", "no", "off", "0":
		return false
	}
	r.fail(column, "is %s, neither true nor false", shorten(s))
	return false
}

// moment returns a point in time, or nil for NULL.
func (r *record) moment(column string) *time.Time {
	s, ok := r.get(column)
	if !ok {
		return nil
	}
	for _, layout := range []string{"2006-01-02 15:04:05.999999-07", "2006-01-02 15:04:05.999999-07:00", "2006-01-02 15:04:05.999999", time.RFC3339Nano} {
		if t, err := time.Parse(layout, s); err == nil && t.Year() > 0 && t.Year() < 10000 {
			return &t
		}
	}
	r.fail(column, "is %s, not a time such as 2026-01-31 12:00:00+00", shorten(s))
	return nil
}

// momentOr is moment with another value for NULL.
func (r *record) momentOr(column string, otherwise time.Time) time.Time {
	if t := r.moment(column); t != nil {
		return *t
	}
	return otherwise
}

// date returns a day, or nil for NULL.
func (r *record) date(column string) *time.Time {
	s, ok := r.get(column)
	if !ok {
		return nil
	}
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		r.fail(column, "is %s, not a date such as 2000-01-31", shorten(s))
	}
	return &t
}

// oneOf returns one of the words that are allowed, the first of them for NULL or when
// the column is not there.
func (r *record) oneOf(column string, words ...string) string {
	s, ok := r.get(column)
	if !ok {
		return words[0]
	}
	if !slices.Contains(words, s) {
		r.fail(column, "is %s, not one of %s", shorten(s), strings.Join(words, ", "))
	}
	return s
}

// matching returns a text of a form, or nil for NULL.
func (r *record) matching(column string, form *regexp.Regexp) *string {
	s, ok := r.get(column)
	if !ok {
		return nil
	}
	if !form.MatchString(s) {
		r.fail(column, "is %s, which has not the form %s", shorten(s), form)
	}
	return &s
}

// address returns an address as JSON, or nil for NULL.
func (r *record) address(column string) []byte {
	s, ok := r.get(column)
	if !ok {
		return nil
	}
	var a shop.Address
	d := json.NewDecoder(strings.NewReader(s))
	d.DisallowUnknownFields()
	if err := d.Decode(&a); err != nil || d.More() || !strings.HasPrefix(s, "{") {
		r.fail(column, "is %s, not the JSON of an address", shorten(s))
		return nil
	}
	if err := a.Validate(); err != nil {
		r.fail(column, "is not an address that the shop takes: %s", shop.ErrorMessage(err))
	}
	return []byte(s)
}

// digest returns the 32 bytes of a SHA-256 digest, or nil for NULL.
func (r *record) digest(column string) []byte {
	s, ok := r.get(column)
	if !ok {
		return nil
	}
	b, err := hex.DecodeString(strings.TrimPrefix(s, `\x`))
	if err != nil || len(b) != sha256.Size || !strings.HasPrefix(s, `\x`) {
		r.fail(column, "is %s, not a SHA-256 digest", shorten(s))
	}
	return b
}

// shorten quotes a value for a message.
func shorten(s string) string {
	if len(s) > 40 {
		s = strings.ToValidUTF8(s[:40], "") + "..."
	}
	return strconv.Quote(s)
}
