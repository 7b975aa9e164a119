package wire

import (
	"bufio"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// chunkedBody reads the aws-chunked encoding, checks the chunks' signatures
// where they are signed, and keeps the trailer's headers (checksums).
// See https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html.
type chunkedBody struct {
	req      *http.Request
	r        *bufio.Reader
	sig      *signature
	signed   bool
	trailers bool
	trailer  map[string]string
	last     string // signature of the chunk before
	chunk    []byte // the rest of a verified chunk
	err      error
}

// maxChunk bounds one chunk in bytes; clients send 64 KiB to 1 MiB.
const maxChunk = 16 << 20

func newChunked(s *signature, req *http.Request) (io.ReadCloser, error) {
	c := &chunkedBody{req: req, r: bufio.NewReader(req.Body), sig: s, last: s.value}
	switch s.payload {
	case "STREAMING-AWS4-HMAC-SHA256-PAYLOAD":
		c.signed = true
	case "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER":
		c.signed, c.trailers = true, true
	case "STREAMING-UNSIGNED-PAYLOAD-TRAILER":
		c.trailers = true
	default:
		return nil, Errorf(400, "InvalidArgument", "x-amz-content-sha256 %s is not served.", s.payload)
	}
	if n, err := strconv.ParseInt(req.Header.Get("X-Amz-Decoded-Content-Length"), 10, 64); err == nil {
		req.ContentLength = n
	}
	if enc := req.Header.Get("Content-Encoding"); enc != "" { // aws-chunked is of the transfer, not of the object
		parts := slices.DeleteFunc(strings.Split(enc, ","), func(p string) bool { return strings.TrimSpace(p) == "aws-chunked" })
		req.Header.Set("Content-Encoding", strings.Join(parts, ","))
		if len(parts) == 0 {
			req.Header.Del("Content-Encoding")
		}
	}
	return c, nil
}

func (c *chunkedBody) Close() error { return c.req.Body.Close() }

func (c *chunkedBody) Read(p []byte) (int, error) {
	for len(c.chunk) == 0 {
		if c.err != nil {
			return 0, c.err
		}
		c.err = c.next()
	}
	n := copy(p, c.chunk)
	c.chunk = c.chunk[n:]
	return n, nil
}

// next reads and checks one chunk.
func (c *chunkedBody) next() error {
	line, err := c.line()
	if err != nil {
		return err
	}
	size, ext, _ := strings.Cut(line, ";")
	n, err := strconv.ParseInt(size, 16, 64)
	if err != nil || n < 0 || n > maxChunk {
		return Errorf(400, "InvalidChunkSizeError", "A chunk of the body has an invalid size.")
	}
	data := make([]byte, n)
	if _, err := io.ReadFull(c.r, data); err != nil {
		return incomplete()
	}
	if c.signed {
		sum := sha256.Sum256(data)
		want := hex.EncodeToString(mac(c.sig.key, c.sig.chunkScope("AWS4-HMAC-SHA256-PAYLOAD")+c.last+"\n"+emptySHA256+"\n"+hex.EncodeToString(sum[:])))
		got := strings.TrimPrefix(ext, "chunk-signature=")
		if subtle.ConstantTimeCompare([]byte(got), []byte(want)) != 1 {
			return Errorf(403, "SignatureDoesNotMatch", "The signature of a chunk of the body does not match.")
		}
		c.last = want
	}
	if n == 0 {
		if c.trailers {
			if err := c.readTrailers(); err != nil {
				return err
			}
		}
		return io.EOF
	}
	if end, err := c.line(); err != nil || end != "" {
		return incomplete()
	}
	c.chunk = data
	return nil
}

func (c *chunkedBody) readTrailers() error {
	var signedText strings.Builder
	for {
		line, err := c.line()
		if errors.Is(err, io.EOF) || err == nil && line == "" {
			return nil
		}
		if err != nil {
			return err
		}
		k, v, _ := strings.Cut(line, ":")
		k, v = strings.ToLower(strings.TrimSpace(k)), strings.TrimSpace(v)
		if k == "x-amz-trailer-signature" {
			sum := sha256.Sum256([]byte(signedText.String()))
			want := hex.EncodeToString(mac(c.sig.key, c.sig.chunkScope("AWS4-HMAC-SHA256-TRAILER")+c.last+"\n"+hex.EncodeToString(sum[:])))
			if subtle.ConstantTimeCompare([]byte(v), []byte(want)) != 1 {
				return Errorf(403, "SignatureDoesNotMatch", "The signature of the body's trailer does not match.")
			}
			return nil
		}
		signedText.WriteString(k + ":" + v + "\n")
		if c.trailer == nil {
			c.trailer = map[string]string{}
		}
		c.trailer[k] = v
	}
}

// Trailers returns the headers that came after a streamed body, such as
// x-amz-checksum-crc32, by lower-case name. They are known once the body has
// been read to its end.
func Trailers(body io.Reader) map[string]string {
	if c, ok := body.(*chunkedBody); ok {
		return c.trailer
	}
	return nil
}

// line reads one line without its CRLF.
func (c *chunkedBody) line() (string, error) {
	s, err := c.r.ReadSlice('\n')
	if errors.Is(err, io.EOF) && len(s) == 0 {
		return "", io.EOF
	}
	if err != nil {
		return "", incomplete()
	}
	return strings.TrimRight(string(s), "\r\n"), nil
}

func incomplete() error {
	return Errorf(400, "IncompleteBody", "You did not provide the number of bytes specified by the Content-Length HTTP header")
}
