package dump

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
)

// Limits bound what a dump may cost. The zero value of each means the default.
type Limits struct {
	Bytes int64 // uncompressed; 2 GiB
	Ratio int64 // uncompressed per compressed byte, from 16 MiB on; 200
	Value int   // bytes of one value or one line of COPY data; 1 MiB
	Rows  int64 // 20 million
}

func (l Limits) withDefaults() Limits {
	def := func(v *int64, d int64) {
		if *v <= 0 {
			*v = d
		}
	}
	def(&l.Bytes, 2<<30)
	def(&l.Ratio, 200)
	def(&l.Rows, 20_000_000)
	if l.Value <= 0 {
		l.Value = 1 << 20
	}
	return l
}

// ratioFrom is the size from which on a suspicious ratio of compression counts.
const ratioFrom = 16 << 20

// source is a dump as it is stored, uncompressed if need be, within limits.
type source struct {
	*bufio.Reader // what to read: the text or the archive

	raw        *counter
	bounded    *bounded
	compressed bool
}

// newSource looks at the first bytes and returns a reader of the content.
func newSource(r io.Reader, limits Limits) (*source, error) {
	s := &source{raw: &counter{r: r, hash: sha256.New()}}
	raw := bufio.NewReaderSize(s.raw, 64<<10)
	head, err := raw.Peek(2)
	if err != nil && err != io.EOF {
		return nil, err
	}
	var content io.Reader = raw
	if bytes.Equal(head, []byte{0x1f, 0x8b}) {
		s.compressed = true
		z, err := gzip.NewReader(raw)
		if err != nil {
			return nil, s.gzipError(err)
		}
		content = &unzipped{z, s}
	}
	s.bounded = &bounded{r: content, raw: s.raw, limits: limits, compressed: s.compressed}
	s.Reader = bufio.NewReaderSize(s.bounded, 64<<10)
	return s, nil
}

// finish reads what may follow the content, so that a checksum or an end that is
// missing is noticed and the hash covers the whole.
func (s *source) finish() error {
	if _, err := io.Copy(io.Discard, s.Reader); err != nil {
		return err
	}
	_, err := io.Copy(io.Discard, s.raw)
	return err
}

// sum returns the SHA-256 of the dump as it is stored.
func (s *source) sum() string { return hex.EncodeToString(s.raw.hash.Sum(nil)) }

// gzipError tells a broken file from a broken connection.
func (s *source) gzipError(err error) error {
	switch {
	case s.raw.err != nil:
		return &SourceError{s.raw.err}
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return invalid(Truncated, 0, "the gzip file ends too early: it was cut off, upload it again")
	default:
		return invalid(Format, 0, "the gzip file is damaged (%v): make the dump anew", err)
	}
}

// counter counts and hashes the bytes of the stored dump and keeps its failure.
type counter struct {
	r    io.Reader
	hash hash.Hash
	n    int64
	err  error
}

func (c *counter) Read(p []byte) (int, error) {
	if c.err != nil {
		return 0, &SourceError{c.err}
	}
	n, err := c.r.Read(p)
	c.n += int64(n)
	c.hash.Write(p[:n])
	if err != nil && err != io.EOF {
		c.err = err
		err = &SourceError{err}
	}
	return n, err
}

type unzipped struct {
	r *gzip.Reader
	s *source
}

func (u *unzipped) Read(p []byte) (int, error) {
	n, err := u.r.Read(p)
	if err != nil && err != io.EOF {
		err = u.s.gzipError(err)
	}
	return n, err
}

// bounded ends a content that is larger than allowed.
type bounded struct {
	r          io.Reader
	raw        *counter
	limits     Limits
	compressed bool
	n          int64
}

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	b.n += int64(n)
	if b.n > b.limits.Bytes {
		return 0, invalid(TooLarge, 0, "the dump has more than %d bytes when it is not compressed, which is the limit", b.limits.Bytes)
	}
	if b.compressed && b.n > ratioFrom && b.n/max(b.raw.n, 1) > b.limits.Ratio {
		return 0, invalid(TooLarge, 0, "each compressed byte becomes more than %d: no dump is like that, so this is taken for an attack", b.limits.Ratio)
	}
	return n, err
}
