// Package page cuts lists into the pages that AWS's list operations return.
package page

import (
	"encoding/base64"
	"errors"
)

// ErrToken says that a page token was not made by Cut.
var ErrToken = errors.New("invalid page token")

// Cut returns the page of all that begins after token, at most limit entries
// (def when limit is nil or out of range), and the token of the next page, nil
// on the last. key orders and names an entry: all must be sorted by it, so
// that a page token stays right while entries come and go.
func Cut[T any](all []T, key func(T) string, token *string, limit *int64, def int) (page []T, next *string, err error) {
	start := 0
	if token != nil && *token != "" {
		after, err := base64.RawURLEncoding.DecodeString(*token)
		if err != nil {
			return nil, nil, ErrToken
		}
		for start < len(all) && key(all[start]) <= string(after) {
			start++
		}
	}
	n := def
	if limit != nil && *limit > 0 && *limit < int64(def) {
		n = int(*limit)
	}
	page = all[start:]
	if len(page) > n {
		page = page[:n]
		next = new(base64.RawURLEncoding.EncodeToString([]byte(key(page[n-1]))))
	}
	return page, next, nil
}
