package policy

import (
	"encoding/base64"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// conditionsHold says whether all conditions of a statement hold.
func (s *Statement) conditionsHold(ctx map[string][]string) bool {
	for name, keys := range s.Condition {
		op, err := operator(name)
		if err != nil {
			return false // Parse refused it before
		}
		for key, wanted := range keys {
			if !op.holds(ctx, strings.ToLower(key), wanted) {
				return false
			}
		}
	}
	return true
}

// test compares one value of the request with one of the policy.
type test func(have, want string) bool

// op is a condition operator:
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html.
type op struct {
	test     test
	negated  bool   // true when no value may match
	ifExists bool   // a missing key satisfies it
	set      string // "", "forallvalues" or "foranyvalue"
	null     bool
}

func operator(name string) (op, error) {
	o, base := op{}, strings.ToLower(name)
	if set, rest, ok := strings.Cut(base, ":"); ok {
		if set != "forallvalues" && set != "foranyvalue" {
			return o, fmt.Errorf("unknown condition operator %q", name)
		}
		o.set, base = set, rest
	}
	base, o.ifExists = strings.CutSuffix(base, "ifexists")
	if base == "null" {
		o.null = true
		return o, nil
	}
	if positive := negations[base]; positive != "" {
		o.negated, base = true, positive
	}
	if o.test = tests[base]; o.test == nil {
		return o, fmt.Errorf("unknown condition operator %q", name)
	}
	return o, nil
}

var negations = map[string]string{
	"stringnotequals": "stringequals", "stringnotequalsignorecase": "stringequalsignorecase", "stringnotlike": "stringlike",
	"numericnotequals": "numericequals", "datenotequals": "dateequals", "notipaddress": "ipaddress", "arnnotequals": "arnequals", "arnnotlike": "arnlike",
}

var tests = map[string]test{
	"stringequals":           func(have, want string) bool { return have == want },
	"stringequalsignorecase": strings.EqualFold,
	"stringlike":             func(have, want string) bool { return Match(want, have) },
	"arnequals":              arnLike,
	"arnlike":                arnLike,
	"bool":                   strings.EqualFold,
	"binaryequals": func(have, want string) bool {
		_, err := base64.StdEncoding.DecodeString(want)
		return err == nil && have == want
	},
	"ipaddress":                inRange,
	"numericequals":            numeric(func(d float64) bool { return d == 0 }),
	"numericlessthan":          numeric(func(d float64) bool { return d < 0 }),
	"numericlessthanequals":    numeric(func(d float64) bool { return d <= 0 }),
	"numericgreaterthan":       numeric(func(d float64) bool { return d > 0 }),
	"numericgreaterthanequals": numeric(func(d float64) bool { return d >= 0 }),
	"dateequals":               date(func(c int) bool { return c == 0 }),
	"datelessthan":             date(func(c int) bool { return c < 0 }),
	"datelessthanequals":       date(func(c int) bool { return c <= 0 }),
	"dategreaterthan":          date(func(c int) bool { return c > 0 }),
	"dategreaterthanequals":    date(func(c int) bool { return c >= 0 }),
}

func (o op) holds(ctx map[string][]string, key string, wanted Strings) bool {
	have, there := ctx[key]
	there = there && len(have) > 0
	if o.null {
		for _, w := range wanted {
			if strings.EqualFold(w, "true") == !there {
				return true
			}
		}
		return false
	}
	if !there {
		// A negated operator is satisfied by absence, as is ForAllValues.
		return o.ifExists || o.negated && o.set != "foranyvalue" || o.set == "forallvalues"
	}
	one := func(h string) bool {
		for _, w := range wanted {
			if o.test(h, expandVariables(w, ctx)) {
				return !o.negated
			}
		}
		return o.negated
	}
	if o.set == "foranyvalue" || o.set == "" && !o.negated {
		for _, h := range have {
			if one(h) {
				return true
			}
		}
		return false
	}
	for _, h := range have {
		if !one(h) {
			return false
		}
	}
	return true
}

// arnLike compares ARNs part by part: a wildcard does not reach across colons,
// but the last part may hold any.
func arnLike(have, want string) bool {
	h, w := strings.SplitN(have, ":", 6), strings.SplitN(want, ":", 6)
	if len(h) != 6 || len(w) != 6 {
		return want == "*"
	}
	for i := range w {
		if !Match(w[i], h[i]) {
			return false
		}
	}
	return true
}

func inRange(have, want string) bool {
	a, err := netip.ParseAddr(have)
	if err != nil {
		return false
	}
	if p, err := netip.ParsePrefix(want); err == nil {
		return p.Contains(a.Unmap())
	}
	b, err := netip.ParseAddr(want)
	return err == nil && a.Unmap() == b.Unmap()
}

func numeric(ok func(difference float64) bool) test {
	return func(have, want string) bool {
		h, err1 := strconv.ParseFloat(have, 64)
		w, err2 := strconv.ParseFloat(want, 64)
		return err1 == nil && err2 == nil && ok(h-w)
	}
}

func date(ok func(order int) bool) test {
	parse := func(s string) (time.Time, error) {
		if n, err := strconv.ParseInt(s, 10, 64); err == nil {
			return time.Unix(n, 0), nil
		}
		if t, err := time.Parse(time.RFC3339, s); err == nil {
			return t, nil
		}
		return time.Parse("2006-01-02", s)
	}
	return func(have, want string) bool {
		h, err1 := parse(have)
		w, err2 := parse(want)
		return err1 == nil && err2 == nil && ok(h.Compare(w))
	}
}
