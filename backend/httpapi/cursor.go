package httpapi

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"

	shop "grocery/backend"
)

var errCursor = shop.Errorf(shop.EINVALID, "cursor is not of this list: begin without one")

// A cursor says where the next page of a list begins: a digest of the list it belongs
// to, and the key of the last item that was sent. It is no secret and gives access to
// nothing; the digest keeps somebody from reading on in another list by mistake.

func newCursor(scope string, key any) string {
	b, err := json.Marshal(key)
	if err != nil { // a bug: keys are made of texts and numbers
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(append(scopeDigest(scope), b...))
}

// readCursor reads a cursor of the list that scope names into key. A foreign or broken
// one is EINVALID.
func readCursor(cursor, scope string, key any) error {
	if len(cursor) > 1000 {
		return errCursor
	}
	b, err := base64.RawURLEncoding.DecodeString(cursor)
	digest := scopeDigest(scope)
	// The decoder overlooks line ends and spare bits: a cursor is written in one way only.
	if err != nil || base64.RawURLEncoding.EncodeToString(b) != cursor || !bytes.HasPrefix(b, digest) {
		return errCursor
	}
	d := json.NewDecoder(bytes.NewReader(b[len(digest):]))
	d.DisallowUnknownFields()
	if d.Decode(key) != nil {
		return errCursor
	}
	if _, err := d.Token(); err != io.EOF { // something follows
		return errCursor
	}
	return nil
}

func scopeDigest(scope string) []byte {
	sum := sha256.Sum256([]byte(scope))
	return sum[:6]
}
