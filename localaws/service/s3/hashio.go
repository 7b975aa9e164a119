package s3

import (
	"encoding/base64"
	"hash"
	"io"
)

// teeReader feeds what is read from r into h as well; a nil body stays nil.
func teeReader(r io.Reader, h hash.Hash) io.Reader {
	if r == nil {
		return nil
	}
	return io.TeeReader(r, h)
}

func base64Of(h hash.Hash) string { return base64.StdEncoding.EncodeToString(h.Sum(nil)) }
