package elbv2

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"math/big"
	"slices"
	"strconv"

	"grocery/localaws/wire"
	"grocery/localaws/wire/api/elbv2api"
)

func str(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}

func num(p *int64) int {
	if p == nil {
		return 0
	}
	return int(*p)
}

// opt is nil for an empty string: AWS leaves such members out.
func opt(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// newID returns 16 hexadecimal digits, as the last part of an ARN.
func newID() string {
	var b [8]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// newNumber returns ten digits, as in a balancer's DNS name.
func newNumber() string {
	n, _ := rand.Int(rand.Reader, big.NewInt(9_000_000_000)) // the random source never fails
	return strconv.FormatInt(n.Int64()+1_000_000_000, 10)
}

func invalid(format string, args ...any) error {
	return wire.Errorf(400, "ValidationError", format, args...)
}

// tagMap checks tags and makes a map of them.
func tagMap(tags []elbv2api.Tag) (map[string]string, error) {
	m := map[string]string{}
	for _, t := range tags {
		k := str(t.Key)
		if _, twice := m[k]; twice {
			return nil, wire.Errorf(400, "DuplicateTagKeys", "A tag key was specified more than once: %s", k)
		}
		if k == "" || len(k) > 128 || len(str(t.Value)) > 256 {
			return nil, invalid("The tag key %q or its value has a length that is not allowed", k)
		}
		m[k] = str(t.Value)
	}
	if len(m) > 50 {
		return nil, wire.Errorf(400, "TooManyTags", "The maximum number of tags is 50")
	}
	return m, nil
}

func tagList(m map[string]string) []elbv2api.Tag {
	l := make([]elbv2api.Tag, 0, len(m))
	for k, v := range m {
		l = append(l, elbv2api.Tag{Key: new(k), Value: new(v)})
	}
	slices.SortFunc(l, func(a, b elbv2api.Tag) int { return cmp.Compare(*a.Key, *b.Key) })
	return l
}

// page cuts the part of all that a marker and a page size ask for. The marker
// is the index of the first element.
func page[T any](all []T, marker *string, size *int64) ([]T, *string, error) {
	from := 0
	if marker != nil {
		n, err := strconv.Atoi(*marker)
		if err != nil || n < 0 || n > len(all) {
			return nil, nil, invalid("The marker %q is not valid", *marker)
		}
		from = n
	}
	n := 400
	if size != nil {
		if n = num(size); n < 1 || n > 400 {
			return nil, nil, invalid("The page size must be between 1 and 400")
		}
	}
	if to := from + n; to < len(all) {
		return all[from:to], new(strconv.Itoa(to)), nil
	}
	return all[from:], nil, nil
}
