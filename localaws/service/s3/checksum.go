package s3

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"hash/crc32"
	"hash/crc64"
	"io"
	"slices"

	"grocery/localaws/store"
	"grocery/localaws/wire"
)

// sums are checksums by algorithm (CRC32, CRC32C, CRC64NVME, SHA1, SHA256), in
// base64 as S3 shows them.
// See https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html.
type sums map[string]string

func (s sums) get(algorithm string) *string { return opt(s[algorithm]) }

// The polynomials in reversed bit order, as Go's hash packages take them.
const nvme = 0x9a6c9329ac4bc9b5

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
	nvmeTable  = crc64.MakeTable(nvme)
)

// algorithms makes the hash of each checksum algorithm.
var algorithms = map[string]func() hash.Hash{
	"CRC32":     func() hash.Hash { return crc32.NewIEEE() },
	"CRC32C":    func() hash.Hash { return crc32.New(castagnoli) },
	"CRC64NVME": func() hash.Hash { return crc64.New(nvmeTable) },
	"SHA1":      sha1.New,
	"SHA256":    sha256.New,
}

// claim is what a client says about a body: checksums to verify, and the
// algorithm whose checksum S3 is to keep.
type claim struct {
	md5       *string // Content-MD5
	algorithm *string
	sums      map[string]*string
}

// algorithmToKeep is the client's, or the one S3 falls back to.
func (c *claim) algorithmToKeep() (string, error) {
	chosen := str(c.algorithm)
	for a, v := range c.sums {
		if v == nil {
			continue
		}
		if raw, err := base64.StdEncoding.DecodeString(*v); err != nil || len(raw) != algorithms[a]().Size() {
			return "", wire.Errorf(400, "InvalidRequest", "Value for x-amz-checksum-%s header is invalid.", a)
		}
		chosen = a
	}
	if chosen == "" {
		chosen = "CRC64NVME"
	}
	if algorithms[chosen] == nil {
		return "", wire.Errorf(400, "InvalidRequest", "Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]")
	}
	return chosen, nil
}

// stored is a body that lies in a blob, verified.
type stored struct {
	blob string
	size int64
	etag string // MD5 in hex
	sums sums
}

// keep stores a body and verifies what the client claims about it.
func (s *Service) keep(body io.Reader, c claim) (*stored, error) {
	algorithm, err := c.algorithmToKeep()
	if err != nil {
		return nil, err
	}
	if c.md5 != nil {
		if raw, err := base64.StdEncoding.DecodeString(*c.md5); err != nil || len(raw) != md5.Size {
			return nil, wire.Errorf(400, "InvalidDigest", "The Content-MD5 you specified was invalid.")
		}
	}
	w, err := s.d.Blobs.Create()
	if err != nil {
		return nil, err
	}
	digest, sum := md5.New(), algorithms[algorithm]()
	var size int64
	if body != nil {
		if size, err = io.Copy(io.MultiWriter(w, digest, sum), body); err != nil {
			w.Abort()
			return nil, fmt.Errorf("receive the body: %w", err)
		}
	}
	got := base64.StdEncoding.EncodeToString(sum.Sum(nil))
	if want := c.sums[algorithm]; want != nil && *want != got {
		w.Abort()
		return nil, wire.Errorf(400, "BadDigest", "The %s you specified did not match the calculated checksum.", algorithm)
	}
	if c.md5 != nil && *c.md5 != base64.StdEncoding.EncodeToString(digest.Sum(nil)) {
		w.Abort()
		return nil, wire.Errorf(400, "BadDigest", "The Content-MD5 you specified did not match what we received.")
	}
	id, err := w.Commit()
	if err != nil {
		return nil, err
	}
	return &stored{blob: id, size: size, etag: hex.EncodeToString(digest.Sum(nil)), sums: sums{algorithm: got}}, nil
}

// wholeSum computes the checksum of a whole multipart object from those of its
// parts: for CRCs that of all the bytes (FULL_OBJECT), for COMPOSITE the
// checksum of the parts' checksums with their number.
func wholeSum(algorithm, sumType string, segments []segment) (string, error) {
	var raws [][]byte
	for _, x := range segments {
		raw, err := base64.StdEncoding.DecodeString(x.Sums[algorithm])
		if err != nil || len(raw) == 0 {
			return "", wire.Errorf(400, "InvalidRequest", "The upload was created using a %s checksum; part %d has none.", algorithm, x.Part)
		}
		raws = append(raws, raw)
	}
	if sumType == "COMPOSITE" {
		h := algorithms[algorithm]()
		h.Write(slices.Concat(raws...))
		return fmt.Sprintf("%s-%d", base64.StdEncoding.EncodeToString(h.Sum(nil)), len(segments)), nil
	}
	poly, width := uint64(nvme), 64
	switch algorithm {
	case "CRC32":
		poly, width = crc32.IEEE, 32
	case "CRC32C":
		poly, width = crc32.Castagnoli, 32
	}
	var all uint64
	for i, x := range segments {
		next := new(big64(raws[i]))
		if i == 0 {
			all = *next
			continue
		}
		all = combine(poly, width, all, *next, x.Size)
	}
	out := binary.BigEndian.AppendUint64(nil, all)
	return base64.StdEncoding.EncodeToString(out[8-width/8:]), nil
}

func big64(raw []byte) (v uint64) {
	for _, b := range raw {
		v = v<<8 | uint64(b)
	}
	return v
}

// combine computes the CRC of two stretches of bytes from their CRCs and the
// length of the second, by applying length zero bytes to the first: squaring a
// matrix over GF(2) as zlib's crc32_combine does.
func combine(poly uint64, width int, first, second uint64, length int64) uint64 {
	times := func(m []uint64, v uint64) (sum uint64) {
		for i := 0; v != 0; i, v = i+1, v>>1 {
			if v&1 != 0 {
				sum ^= m[i]
			}
		}
		return sum
	}
	square := func(m []uint64) []uint64 {
		sq := make([]uint64, width)
		for i := range sq {
			sq[i] = times(m, m[i])
		}
		return sq
	}
	m := make([]uint64, width) // one zero bit
	m[0] = poly
	for i := 1; i < width; i++ {
		m[i] = 1 << (i - 1)
	}
	m = square(square(square(m))) // one zero byte
	for ; length > 0; length >>= 1 {
		if length&1 != 0 {
			first = times(m, first)
		}
		m = square(m)
	}
	return first ^ second
}

// content reads the segments of an object as one stretch of bytes.
type content struct {
	blobs    *store.Blobs
	segments []segment
	skip     int64 // bytes of the first segment to leave out
	left     int64
	file     io.ReadCloser
}

// read opens the bytes [from, from+length) of an object. The first segment is
// opened at once, so that a delete that comes later does no harm to short objects.
func (s *Service) read(o *object, from, length int64) (io.ReadCloser, error) {
	c := &content{blobs: s.d.Blobs, segments: o.Segments, skip: from, left: length}
	for len(c.segments) > 0 && c.skip >= c.segments[0].Size {
		c.skip -= c.segments[0].Size
		c.segments = c.segments[1:]
	}
	if length == 0 || len(c.segments) == 0 {
		c.left = 0
		return c, nil
	}
	return c, c.next()
}

func (c *content) next() error {
	f, err := c.blobs.Open(c.segments[0].Blob)
	if err != nil {
		return fmt.Errorf("open the content of an object: %w", err)
	}
	if c.skip > 0 {
		if _, err := f.Seek(c.skip, io.SeekStart); err != nil {
			f.Close()
			return err
		}
		c.skip = 0
	}
	c.file, c.segments = f, c.segments[1:]
	return nil
}

func (c *content) Read(p []byte) (int, error) {
	for {
		if c.left == 0 {
			return 0, io.EOF
		}
		if c.file == nil {
			if len(c.segments) == 0 {
				return 0, io.ErrUnexpectedEOF
			}
			if err := c.next(); err != nil {
				return 0, err
			}
		}
		n, err := c.file.Read(p[:min(int64(len(p)), c.left)])
		c.left -= int64(n)
		if err == io.EOF {
			c.file.Close()
			c.file, err = nil, nil
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
}

func (c *content) Close() error {
	if c.file != nil {
		return c.file.Close()
	}
	return nil
}
