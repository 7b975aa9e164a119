package httpapi

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"

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
	b, err := base64.RawURLEncoding.DecodeString(cursor)
	digest := scopeDigest(scope)
	if err != nil || len(cursor) > 1000 || !bytes.HasPrefix(b, digest) {
		return errCursor
	}
	d := json.NewDecoder(bytes.NewReader(b[len(digest):]))
	d.DisallowUnknownFields()
	if d.Decode(key) != nil || d.More() {
		return errCursor
	}
	return nil
}

func scopeDigest(scope string) []byte {
	sum := sha256.Sum256([]byte(scope))
	return sum[:6]
}
