package dynamodb

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"encoding/json"
	"math/big"
	"slices"
	"strings"

	api "grocery/localaws/wire/api/dynamodbapi"
)

// value and item are DynamoDB's data.
type (
	value = api.AttributeValue
	item  = map[string]value
)

// typeOf is the type letter of a value, "" for one that has none or several.
func typeOf(v value) string {
	var types []string
	for _, t := range []struct {
		set  bool
		name string
	}{{v.S != nil, "S"}, {v.N != nil, "N"}, {v.B != nil, "B"}, {v.BOOL != nil, "BOOL"}, {v.NULL != nil, "NULL"}, {v.M != nil, "M"}, {v.L != nil, "L"}, {v.SS != nil, "SS"}, {v.NS != nil, "NS"}, {v.BS != nil, "BS"}} {
		if t.set {
			types = append(types, t.name)
		}
	}
	if len(types) != 1 {
		return ""
	}
	return types[0]
}

// number reads a DynamoDB number: up to 38 significant digits.
func number(s string) (*big.Rat, error) {
	mantissa, exponent, _ := strings.Cut(strings.ToLower(s), "e")
	if len(exponent) > 4 || strings.ContainsAny(s, "/_xX") {
		return nil, invalid("The parameter cannot be converted to a numeric value: %s", s)
	}
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		return nil, invalid("The parameter cannot be converted to a numeric value: %s", s)
	}
	digits := strings.Trim(strings.NewReplacer("-", "", "+", "", ".", "").Replace(mantissa), "0")
	if len(digits) > 38 {
		return nil, invalid("Attempting to store more than 38 significant digits in a Number")
	}
	return r, nil
}

// show writes a number as DynamoDB does: without exponent or needless zeros.
func show(r *big.Rat) string {
	if r.IsInt() {
		return r.Num().String()
	}
	s := strings.TrimRight(r.FloatString(130), "0")
	return strings.TrimRight(s, ".")
}

// check validates a value that is to be stored and gives numbers their one form.
func check(v *value) error {
	switch typeOf(*v) {
	case "":
		return invalid("Supplied AttributeValue is empty, must contain exactly one of the supported datatypes")
	case "N":
		r, err := number(*v.N)
		if err != nil {
			return err
		}
		v.N = new(show(r))
	case "M":
		for k, x := range v.M {
			if err := check(&x); err != nil {
				return err
			}
			v.M[k] = x
		}
	case "L":
		for i := range v.L {
			if err := check(&v.L[i]); err != nil {
				return err
			}
		}
	case "NS":
		for i, n := range v.NS {
			r, err := number(n)
			if err != nil {
				return err
			}
			v.NS[i] = show(r)
		}
		return checkSet(v.NS)
	case "SS":
		return checkSet(v.SS)
	case "BS":
		var all []string
		for _, b := range v.BS {
			all = append(all, string(b))
		}
		return checkSet(all)
	}
	return nil
}

func checkSet(s []string) error {
	if len(s) == 0 {
		return invalid("One or more parameter values were invalid: An set may not be empty")
	}
	sorted := slices.Sorted(slices.Values(s))
	if len(slices.Compact(sorted)) != len(s) {
		return invalid("One or more parameter values were invalid: Input collection contains duplicates.")
	}
	return nil
}

const maxItem = 400 << 10 // bytes

func checkItem(i item) error {
	for k, v := range i {
		if k == "" {
			return invalid("One or more parameter values were invalid: An attribute name must not be empty")
		}
		if err := check(&v); err != nil {
			return err
		}
		i[k] = v
	}
	if size(value{M: i}) > maxItem {
		return invalid("Item size has exceeded the maximum allowed size")
	}
	return nil
}

// size is about what DynamoDB counts for a value, in bytes.
func size(v value) (n int) {
	switch typeOf(v) {
	case "S":
		return len(*v.S)
	case "N":
		return len(*v.N)/2 + 1
	case "B":
		return len(v.B)
	case "M":
		for k, x := range v.M {
			n += len(k) + size(x) + 1
		}
		return n + 3
	case "L":
		for _, x := range v.L {
			n += size(x) + 1
		}
		return n + 3
	case "SS", "NS":
		for _, x := range append(v.SS, v.NS...) {
			n += len(x)
		}
		return n
	case "BS":
		for _, x := range v.BS {
			n += len(x)
		}
		return n
	}
	return 1
}

// equal compares two values; the order in a set says nothing.
func equal(a, b value) bool {
	t := typeOf(a)
	if t != typeOf(b) {
		return false
	}
	switch t {
	case "N":
		c, ok := compare(a, b)
		return ok && c == 0
	case "M":
		if len(a.M) != len(b.M) {
			return false
		}
		for k, x := range a.M {
			if y, ok := b.M[k]; !ok || !equal(x, y) {
				return false
			}
		}
		return true
	case "L":
		return slices.EqualFunc(a.L, b.L, equal)
	case "SS", "NS", "BS":
		return slices.Equal(members(a), members(b))
	}
	x, _ := json.Marshal(a)
	y, _ := json.Marshal(b)
	return bytes.Equal(x, y)
}

// members are a set's elements, sorted, in one form for all kinds of sets.
func members(v value) (all []string) {
	for _, n := range v.NS {
		r, err := number(n)
		if err == nil {
			n = show(r)
		}
		all = append(all, n)
	}
	all = append(all, v.SS...)
	for _, b := range v.BS {
		all = append(all, string(b))
	}
	slices.Sort(all)
	return all
}

// compare orders two values of one scalar type; ok is false for others.
func compare(a, b value) (c int, ok bool) {
	if typeOf(a) != typeOf(b) {
		return 0, false
	}
	switch typeOf(a) {
	case "S":
		return cmp.Compare(*a.S, *b.S), true
	case "B":
		return bytes.Compare(a.B, b.B), true
	case "N":
		x, err1 := number(*a.N)
		y, err2 := number(*b.N)
		if err1 != nil || err2 != nil {
			return 0, false
		}
		return x.Cmp(y), true
	}
	return 0, false
}

// keyText writes a key value as a part of a row's key.
func keyText(v value) string {
	switch typeOf(v) {
	case "S":
		return "S" + hex.EncodeToString([]byte(*v.S))
	case "B":
		return "B" + hex.EncodeToString(v.B)
	case "N":
		if r, err := number(*v.N); err == nil {
			return "N" + r.RatString()
		}
	}
	return ""
}

// clone copies a value deeply, so that an update never touches what it read.
func clone(v value) value {
	if v.M != nil {
		m := make(item, len(v.M))
		for k, x := range v.M {
			m[k] = clone(x)
		}
		v.M = m
	}
	if v.L != nil {
		l := make([]value, len(v.L))
		for i, x := range v.L {
			l[i] = clone(x)
		}
		v.L = l
	}
	v.SS, v.NS, v.BS = slices.Clone(v.SS), slices.Clone(v.NS), slices.Clone(v.BS)
	return v
}
