package asl

import (
	"crypto/md5"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	mrand "math/rand/v2"
	"reflect"
	"strconv"
	"strings"
)

// intrinsic is one function: how many arguments it takes (max -1: any number)
// and what it does. Texts come to f without escapes unless raw is set.
type intrinsic struct {
	min, max int
	raw      bool
	f        func(args []any) (any, error)
}

func (i intrinsic) apply(args []any) (any, error) {
	if !i.raw {
		for n, a := range args {
			if t, ok := a.(text); ok {
				args[n] = t.plain()
			}
		}
	}
	return i.f(args)
}

var intrinsics map[string]intrinsic

func init() {
	intrinsics = map[string]intrinsic{
		"States.Array":          {0, -1, false, func(a []any) (any, error) { return append([]any{}, a...), nil }},
		"States.ArrayContains":  {2, 2, false, arrayContains},
		"States.ArrayGetItem":   {2, 2, false, arrayGetItem},
		"States.ArrayLength":    {1, 1, false, arrayLength},
		"States.ArrayPartition": {2, 2, false, arrayPartition},
		"States.ArrayRange":     {3, 3, false, arrayRange},
		"States.ArrayUnique":    {1, 1, false, arrayUnique},
		"States.Base64Decode":   {1, 1, false, base64Decode},
		"States.Base64Encode":   {1, 1, false, base64Encode},
		"States.Format":         {1, -1, true, format},
		"States.Hash":           {2, 2, false, hash},
		"States.JsonMerge":      {3, 3, false, jsonMerge},
		"States.JsonToString":   {1, 1, false, func(a []any) (any, error) { return string(JSON(a[0])), nil }},
		"States.MathAdd":        {2, 2, false, mathAdd},
		"States.MathRandom":     {2, 3, false, mathRandom},
		"States.StringSplit":    {2, 2, false, stringSplit},
		"States.StringToJson":   {1, 1, false, stringToJSON},
		"States.UUID":           {0, 0, false, uuid},
	}
}

// limit is the longest text some functions take, in characters.
const limit = 10000

func list(v any) ([]any, error) {
	l, ok := v.([]any)
	if !ok {
		return nil, errors.New("the first argument must be an array")
	}
	return l, nil
}

func str(v any, most int) (string, error) {
	s, ok := v.(string)
	switch {
	case !ok:
		return "", errors.New("the argument must be a string")
	case most > 0 && len([]rune(s)) > most:
		return "", fmt.Errorf("the string has more than %d characters", most)
	}
	return s, nil
}

// whole returns an integer; AWS rounds a fraction.
func whole(v any) (int64, error) {
	f, ok := float(v)
	if !ok {
		return 0, errors.New("the argument must be a number")
	}
	if n, ok := v.(json.Number); ok {
		if i, err := n.Int64(); err == nil {
			return i, nil
		}
	}
	if math.Abs(f) > math.MaxInt32 {
		return 0, errors.New("the number is out of range")
	}
	return int64(math.Round(f)), nil
}

func number(n int64) json.Number { return json.Number(strconv.FormatInt(n, 10)) }

// equal compares values; numbers are equal whatever they are written as.
func equal(a, b any) bool {
	if x, ok := float(a); ok {
		y, ok := float(b)
		return ok && x == y
	}
	switch x := a.(type) {
	case []any:
		y, ok := b.([]any)
		if !ok || len(x) != len(y) {
			return false
		}
		for i := range x {
			if !equal(x[i], y[i]) {
				return false
			}
		}
		return true
	case map[string]any:
		y, ok := b.(map[string]any)
		return ok && maps.EqualFunc(x, y, equal)
	}
	return reflect.DeepEqual(a, b)
}

func arrayContains(a []any) (any, error) {
	l, err := list(a[0])
	for _, v := range l {
		if equal(v, a[1]) {
			return true, nil
		}
	}
	return false, err
}

func arrayGetItem(a []any) (any, error) {
	l, err := list(a[0])
	if err != nil {
		return nil, err
	}
	i, err := whole(a[1])
	if err != nil || i < 0 || i >= int64(len(l)) {
		return nil, fmt.Errorf("there is no element %v in an array of %d", a[1], len(l))
	}
	return l[i], nil
}

func arrayLength(a []any) (any, error) {
	l, err := list(a[0])
	return number(int64(len(l))), err
}

func arrayPartition(a []any) (any, error) {
	l, err := list(a[0])
	if err != nil {
		return nil, err
	}
	n, err := whole(a[1])
	if err != nil || n < 1 {
		return nil, errors.New("the size of a part must be a positive integer")
	}
	out := []any{}
	for int64(len(l)) > n {
		out, l = append(out, l[:n:n]), l[n:]
	}
	if len(l) > 0 {
		out = append(out, l)
	}
	return out, nil
}

func arrayRange(a []any) (any, error) {
	var n [3]int64
	for i, v := range a {
		var err error
		if n[i], err = whole(v); err != nil {
			return nil, err
		}
	}
	from, to, by := n[0], n[1], n[2]
	if by == 0 {
		return nil, errors.New("the step must not be 0")
	}
	out := []any{}
	for i := from; (by > 0 && i <= to) || (by < 0 && i >= to); i += by {
		if len(out) == 1000 {
			return nil, errors.New("the array would have more than 1000 elements")
		}
		out = append(out, number(i))
	}
	return out, nil
}

func arrayUnique(a []any) (any, error) {
	l, err := list(a[0])
	out := []any{}
next:
	for _, v := range l {
		for _, w := range out {
			if equal(v, w) {
				continue next
			}
		}
		out = append(out, v)
	}
	return out, err
}

func base64Encode(a []any) (any, error) {
	s, err := str(a[0], limit)
	return base64.StdEncoding.EncodeToString([]byte(s)), err
}

func base64Decode(a []any) (any, error) {
	s, err := str(a[0], limit)
	if err != nil {
		return nil, err
	}
	raw, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		return nil, errors.New("the string is no base64")
	}
	return string(raw), nil
}

// format puts the arguments into the places of {}.
func format(a []any) (any, error) {
	var template string
	escapes := false
	switch t := a[0].(type) {
	case text:
		template, escapes = string(t), true
	case string:
		template = t
	default:
		return nil, errors.New("the first argument must be a string")
	}
	var b strings.Builder
	args := a[1:]
	for i := 0; i < len(template); i++ {
		switch c := template[i]; {
		case c == '\\' && escapes && i+1 < len(template):
			i++
			b.WriteByte(template[i])
		case c == '{' && strings.HasPrefix(template[i:], "{}"):
			i++
			if len(args) == 0 {
				return nil, errors.New("there are more {} than arguments")
			}
			switch v := args[0].(type) {
			case text:
				b.WriteString(v.plain())
			case string:
				b.WriteString(v)
			default:
				b.Write(JSON(v))
			}
			args = args[1:]
		default:
			b.WriteByte(c)
		}
	}
	if len(args) > 0 {
		return nil, errors.New("there are more arguments than {}")
	}
	return b.String(), nil
}

func hash(a []any) (any, error) {
	data, ok := a[0].(string)
	if !ok {
		data = string(JSON(a[0]))
	}
	if len([]rune(data)) > limit {
		return nil, fmt.Errorf("the data has more than %d characters", limit)
	}
	raw := []byte(data)
	var sum []byte
	switch a[1] {
	case "MD5":
		x := md5.Sum(raw)
		sum = x[:]
	case "SHA-1":
		x := sha1.Sum(raw)
		sum = x[:]
	case "SHA-256":
		x := sha256.Sum256(raw)
		sum = x[:]
	case "SHA-384":
		x := sha512.Sum384(raw)
		sum = x[:]
	case "SHA-512":
		x := sha512.Sum512(raw)
		sum = x[:]
	default:
		return nil, fmt.Errorf("%v is no algorithm: MD5, SHA-1, SHA-256, SHA-384 and SHA-512 are", a[1])
	}
	return hex.EncodeToString(sum), nil
}

func jsonMerge(a []any) (any, error) {
	first, ok1 := a[0].(map[string]any)
	second, ok2 := a[1].(map[string]any)
	switch {
	case !ok1 || !ok2:
		return nil, errors.New("the first two arguments must be objects")
	case a[2] != false:
		return nil, errors.New("only the shallow merge is offered: the third argument must be false")
	}
	out := maps.Clone(first)
	maps.Copy(out, second)
	return out, nil
}

func mathAdd(a []any) (any, error) {
	x, err := whole(a[0])
	if err != nil {
		return nil, err
	}
	y, err := whole(a[1])
	return number(x + y), err
}

// mathRandom answers a number from the first argument up to, not including,
// the second.
func mathRandom(a []any) (any, error) {
	from, err := whole(a[0])
	if err != nil {
		return nil, err
	}
	to, err := whole(a[1])
	if err != nil || to <= from {
		return nil, errors.New("the end must be a number greater than the start")
	}
	if len(a) == 3 {
		seed, err := whole(a[2])
		return number(from + mrand.New(mrand.NewPCG(uint64(seed), 0)).Int64N(max(to-from, 1))), err
	}
	return number(from + mrand.Int64N(to-from)), nil
}

// stringSplit splits at every character of the second argument; empty parts
// are left out.
func stringSplit(a []any) (any, error) {
	s, err := str(a[0], 0)
	if err != nil {
		return nil, err
	}
	at, err := str(a[1], 0)
	out := []any{}
	for _, part := range strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(at, r) }) {
		out = append(out, part)
	}
	return out, err
}

func stringToJSON(a []any) (any, error) {
	s, err := str(a[0], 0)
	if err != nil {
		return nil, err
	}
	v, err := Decode([]byte(s))
	if err != nil {
		return nil, errors.New("the string is no JSON")
	}
	return v, nil
}

func uuid([]any) (any, error) {
	var b [16]byte
	rand.Read(b[:]) // never fails: crypto/rand aborts the process instead
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	h := hex.EncodeToString(b[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:], nil
}
