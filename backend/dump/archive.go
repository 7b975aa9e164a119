package dump

import (
	"bufio"
	"bytes"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// Archives of pg_dump -Fc. The format is what PostgreSQL's
// src/bin/pg_dump/pg_backup_archiver.c and pg_backup_custom.c write: a head, a table
// of contents, and a block of data for each table, in one pass.

// Versions of the format that are read: those of PostgreSQL 10 to 18.
const (
	archive12 = 0x010c // the search path is part of the archive
	archive14 = 0x010e // a table's access method
	archive15 = 0x010f // the algorithm of compression
	archive16 = 0x0110 // the kind of relation
)

// maxEntries bounds the table of contents; the shop's has about 60 entries.
const maxEntries = 10_000

// archiveEntry is a line of the table of contents.
type archiveEntry struct {
	tag, desc, defn, copyStmt, namespace string
	data, seen                           bool
}

// archiveReader reads the numbers and texts of an archive.
type archiveReader struct {
	r                *bufio.Reader
	version, intSize int
	offSize          int
	limit            int
	compressed       bool
}

// archive reads an archive of pg_dump -Fc.
func (rd *reading) archive() error {
	a := &archiveReader{r: rd.src.Reader, limit: rd.limits.Value}
	if err := a.head(); err != nil {
		return err
	}
	entries, err := a.contents()
	if err != nil {
		return err
	}
	p := newParser(newLexer(nil, 0), rd.limits, rd.tables, rd.row)
	for _, id := range slices.Sorted(maps.Keys(entries)) {
		if err := rd.archiveEntry(p, entries[id]); err != nil {
			return err
		}
	}
	// What counts is the size of the data, not that of the archive.
	plain := &bounded{raw: rd.src.raw, limits: rd.limits, compressed: true}
	defer func() { rd.src.bounded.n = plain.n }()
	for {
		kind, err := a.r.ReadByte()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		id, err := a.int()
		if err != nil {
			return err
		}
		e := entries[id]
		if kind != 1 || e == nil || !e.data || e.seen {
			return invalid(Format, 0, "the archive holds data (block %d of kind %d) that its table of contents does not announce", id, kind)
		}
		e.seen = true
		if err := rd.archiveData(p, a, e, plain); err != nil {
			return err
		}
	}
	for _, e := range entries {
		if e.data && !e.seen {
			return &InvalidDumpError{Code: Truncated, Table: e.tag, Reason: "the archive ends before the data of this table: it was cut off"}
		}
	}
	return nil
}

// archiveEntry checks an entry of the table of contents. Only tables matter: nothing
// of an archive is executed.
func (rd *reading) archiveEntry(p *parser, e *archiveEntry) error {
	switch e.desc {
	case "BLOBS", "BLOB", "BLOB METADATA":
		return invalid(Statement, 0, "the archive holds large objects, which the shop does not have")
	case "ENCODING", "STDSTRINGS": // settings that change how rows are to be read
		return rd.onText(p, e.defn).run()
	case "TABLE", "TABLE DATA":
	default:
		return nil
	}
	if _, err := rd.tables.find(token{kind: quoted, s: e.tag}); err != nil || e.namespace != "public" {
		return invalid(Table, 0, "the shop has no table %s.%s: dump the shop's tables only", shorten(e.namespace), shorten(e.tag))
	}
	if e.desc == "TABLE" { // for the order of the columns
		return archiveFault(e, rd.onText(p, e.defn).run())
	}
	return nil
}

// archiveData reads the block of data of one table.
func (rd *reading) archiveData(p *parser, a *archiveReader, e *archiveEntry, plain *bounded) error {
	chunks := &chunkReader{a: a}
	plain.r = chunks
	if a.compressed {
		z, err := zlib.NewReader(chunks)
		if err != nil {
			return archiveFault(e, err)
		}
		plain.r = z
	}
	content := bufio.NewReaderSize(plain, 64<<10)
	if err := rd.archiveRows(p, e, content); err != nil {
		return archiveFault(e, err)
	}
	rest, err := io.ReadAll(io.LimitReader(content, 1024))
	if err == nil && len(bytes.TrimSpace(rest)) > 0 {
		err = invalid(Format, 0, "something follows the rows")
	}
	if err == nil {
		_, err = io.Copy(io.Discard, chunks)
	}
	return archiveFault(e, err)
}

// onText lets the parser read a text of the archive.
func (rd *reading) onText(p *parser, s string) *parser {
	p.lexer = newLexer(bufio.NewReader(strings.NewReader(s)), rd.limits.Value)
	return p
}

func (rd *reading) archiveRows(p *parser, e *archiveEntry, content *bufio.Reader) error {
	if e.copyStmt == "" { // pg_dump --inserts
		p.lexer, p.statements = newLexer(content, rd.limits.Value), 1 // of an empty table there is none
		return p.run()
	}
	begin, err := rd.onText(p, e.copyStmt).next(true)
	if err != nil {
		return err
	}
	if !begin.is("copy") {
		return p.unexpected(begin, "COPY")
	}
	def, columns, err := p.copyHead(begin)
	if err != nil {
		return err
	}
	if def.name != e.tag {
		return invalid(Table, 0, "the rows are said to be those of %s as well", def.name)
	}
	c := copyReader{r: content, limit: rd.limits.Value, line: 1}
	return c.rows(def, columns, true, p.row)
}

// archiveFault adds the table to a fault and turns those of zlib into ours.
func archiveFault(e *archiveEntry, err error) error {
	if err == nil {
		return nil
	}
	if fault, ok := errors.AsType[*InvalidDumpError](err); ok {
		if fault.Table == "" {
			fault.Table = e.tag
		}
		return fault
	}
	if errors.Is(err, zlib.ErrHeader) || errors.Is(err, zlib.ErrChecksum) || strings.HasPrefix(err.Error(), "flate:") || errors.Is(err, io.ErrUnexpectedEOF) {
		return &InvalidDumpError{Code: Format, Table: e.tag, Reason: fmt.Sprintf("the compressed data is damaged (%v): make the dump anew", err)}
	}
	return err
}

// head reads what the archive says of itself.
func (a *archiveReader) head() error {
	var b [11]byte
	if _, err := io.ReadFull(a.r, b[:]); err != nil {
		return a.cut(err)
	}
	major, minor, format := int(b[5]), int(b[6]), b[10]
	a.version, a.intSize, a.offSize = major<<8|minor, int(b[8]), int(b[9])
	switch {
	case a.version < archive12 || a.version > archive16:
		return invalid(Format, 0, "the archive has version %d.%d, which is not read: turn it into a plain file with pg_restore -f dump.sql", major, minor)
	case format != 1:
		return invalid(Format, 0, "the archive is not of the custom format: make it with pg_dump -Fc")
	case a.intSize != 4 || a.offSize != 8 && a.offSize != 4:
		return invalid(Format, 0, "the archive has numbers of %d and offsets of %d bytes, as no pg_dump writes them", a.intSize, a.offSize)
	}
	if a.version >= archive15 {
		algorithm, err := a.r.ReadByte()
		if err != nil {
			return a.cut(err)
		}
		if algorithm > 1 {
			return invalid(Format, 0, "the archive is compressed by LZ4 or Zstandard: make it with pg_dump -Fc --compress=gzip")
		}
		a.compressed = algorithm == 1
	} else {
		level, err := a.int()
		if err != nil {
			return err
		}
		a.compressed = level != 0
	}
	for range 7 { // when it was made
		if _, err := a.int(); err != nil {
			return err
		}
	}
	for range 3 { // database, versions of server and pg_dump
		if _, _, err := a.str(); err != nil {
			return err
		}
	}
	return nil
}

// contents reads the table of contents.
func (a *archiveReader) contents() (map[int]*archiveEntry, error) {
	n, err := a.int()
	if err != nil {
		return nil, err
	}
	if n < 0 || n > maxEntries {
		return nil, invalid(TooLarge, 0, "the archive's table of contents has %d entries, and %d are the limit", n, maxEntries)
	}
	entries := map[int]*archiveEntry{}
	for range n {
		id, e, err := a.entry()
		if err != nil {
			return nil, err
		}
		if entries[id] != nil {
			return nil, invalid(Duplicate, 0, "the archive's table of contents has the entry %d twice", id)
		}
		entries[id] = e
	}
	return entries, nil
}

func (a *archiveReader) entry() (id int, e *archiveEntry, err error) {
	e = &archiveEntry{}
	str := func(into *string) {
		if err == nil {
			var s string
			if s, _, err = a.str(); err == nil && into != nil {
				*into = s
			}
		}
	}
	num := func() (n int) {
		if err == nil {
			n, err = a.int()
		}
		return n
	}
	id = num()
	hadData := num()
	str(nil) // oid of the catalogue
	str(nil) // oid of the object
	str(&e.tag)
	str(&e.desc)
	num() // section
	str(&e.defn)
	str(nil) // how to drop it
	str(&e.copyStmt)
	str(&e.namespace)
	str(nil) // tablespace
	if a.version >= archive14 {
		str(nil) // table access method
	}
	if a.version >= archive16 {
		num() // kind of relation
	}
	str(nil) // owner
	str(nil) // WITH OIDS
	for n, more := 0, true; err == nil && more; n++ {
		if _, more, err = a.str(); n > maxEntries {
			return 0, nil, invalid(TooLarge, 0, "an entry of the archive depends on more than %d others", maxEntries)
		}
	}
	if err == nil {
		_, err = a.r.Discard(1 + a.offSize) // where the data is; it is read as it comes
		err = a.cut(err)
	}
	e.data = hadData != 0 && e.desc == "TABLE DATA"
	if err == nil && hadData != 0 && !e.data {
		err = invalid(Format, 0, "the archive has data for %s, which is no table", shorten(e.desc))
	}
	return id, e, err
}

// int reads a number: a byte for the sign, then the bytes from the lowest on.
func (a *archiveReader) int() (int, error) {
	var b [5]byte
	if _, err := io.ReadFull(a.r, b[:]); err != nil {
		return 0, a.cut(err)
	}
	n := int(b[1]) | int(b[2])<<8 | int(b[3])<<16 | int(b[4])<<24
	if b[0] != 0 {
		n = -n
	}
	return n, nil
}

// str reads a text; ok is false for NULL.
func (a *archiveReader) str() (s string, ok bool, err error) {
	n, err := a.int()
	if err != nil || n < 0 {
		return "", false, err
	}
	if n > a.limit {
		return "", false, invalid(TooLarge, 0, "a text of the archive has %d bytes, and %d are the limit", n, a.limit)
	}
	b := make([]byte, n)
	_, err = io.ReadFull(a.r, b)
	return string(b), true, a.cut(err)
}

// cut turns the end of the file into a fault.
func (a *archiveReader) cut(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return invalid(Truncated, 0, "the archive was cut off")
	}
	return err
}

// chunkReader reads the chunks of a block of data up to the empty one.
type chunkReader struct {
	a    *archiveReader
	left int
	end  bool
}

func (c *chunkReader) Read(p []byte) (int, error) {
	for c.left == 0 {
		if c.end {
			return 0, io.EOF
		}
		n, err := c.a.int()
		if err != nil {
			return 0, err
		}
		if n < 0 {
			return 0, invalid(Format, 0, "a chunk of the archive has %d bytes", n)
		}
		c.left, c.end = n, n == 0
	}
	n, err := c.a.r.Read(p[:min(len(p), c.left)])
	c.left -= n
	return n, c.a.cut(err)
}
