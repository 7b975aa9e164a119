package dump

import (
	"bytes"
	"io"
	"time"
)

// reading is one pass over a dump.
type reading struct {
	limits Limits
	src    *source
	report *Report
	conv   *converter
	tables *tableSet
	rows   int64
}

// read passes a dump's rows, converted, to emit and fills the report. On an error the
// report is filled as far as was read.
func read(r io.Reader, limits Limits, report *Report, emit emitFunc) (*reading, error) {
	limits = limits.withDefaults()
	n := &notes{}
	rd := &reading{limits: limits, report: report, tables: newTableSet()}
	rd.conv = &converter{now: time.Now().UTC().Truncate(time.Microsecond), emit: emit, notes: n}
	report.Read = Counts{}
	src, err := newSource(r, limits)
	if err != nil {
		return rd, err
	}
	rd.src = src
	report.Compressed = src.compressed
	if err = rd.content(); err == nil {
		err = src.finish()
	}
	report.Bytes, report.PlainBytes, report.SHA256 = src.raw.n, src.bounded.n, src.sum()
	report.Notes = n.list
	if err != nil {
		return rd, err
	}
	report.Shape = rd.tables.shape
	return rd, rd.tables.complete(report.Read)
}

// content tells the kind of the dump by its first bytes and reads it.
func (rd *reading) content() error {
	head, err := rd.src.Peek(8)
	if err != nil && err != io.EOF {
		return err
	}
	switch {
	case len(head) == 0:
		return invalid(Format, 0, "the dump is empty")
	case bytes.HasPrefix(head, []byte("PGDMP")):
		rd.report.Kind = PgCustom
		return rd.archive()
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		return invalid(Format, 0, "the dump is compressed twice: unpack it once")
	case bytes.HasPrefix(head, []byte{0xff, 0xfe}), bytes.HasPrefix(head, []byte{0xfe, 0xff}):
		return invalid(Encoding, 1, "the dump is in UTF-16: save it as UTF-8")
	case bytes.HasPrefix(head, []byte("PK\x03\x04")):
		return invalid(Format, 0, "the dump is a zip file: unpack it, or compress it with gzip")
	case bytes.HasPrefix(head, []byte("BZh")), bytes.HasPrefix(head, []byte("\xfd7zXZ")), bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		return invalid(Format, 0, "the dump is compressed in a way that is not read: use gzip")
	case bytes.HasPrefix(head, []byte("SQLite f")):
		return invalid(Format, 0, "the dump is an SQLite database file: bring a plain SQL dump")
	case bytes.HasPrefix(head, []byte("\xef\xbb\xbf")):
		if _, err := rd.src.Discard(3); err != nil {
			return err
		}
	}
	rd.report.Kind = PlainSQL
	p := newParser(newLexer(rd.src.Reader, rd.limits.Value), rd.limits, rd.tables, rd.row)
	err = p.run()
	if p.pgDump || p.copies {
		rd.report.Kind = PgPlain
	}
	return err
}

// row counts and converts one row.
func (rd *reading) row(def *tableDef, columns []string, values []value, line int64) error {
	if rd.rows++; rd.rows > rd.limits.Rows {
		return invalid(TooLarge, line, "the dump has more than %d rows, which is the limit", rd.limits.Rows)
	}
	if def.ignored {
		return nil
	}
	rd.report.Read[def.name]++
	return rd.conv.row(def, columns, values, line)
}

// Inspect reads a dump and says what it holds, without a database: each row is
// checked, but not the rows against each other. The error is an *InvalidDumpError
// when the dump is at fault; the report is there in any case, as far as was read.
func Inspect(r io.Reader, limits Limits) (*Report, error) {
	report := &Report{StartedAt: time.Now().UTC(), Restored: Counts{}, Replaced: Counts{}}
	_, err := read(r, limits, report, func(string, int64, ...any) error { return nil })
	report.Durations.Read = time.Since(report.StartedAt).Milliseconds()
	report.Durations.Total = report.Durations.Read
	return report, err
}
