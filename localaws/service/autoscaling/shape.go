package autoscaling

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

type pair struct{ key, value string }

func sortedKeys(m map[string]string) (all []pair) {
	for _, k := range slices.Sorted(maps.Keys(m)) {
		all = append(all, pair{k, m[k]})
	}
	return all
}

// invert turns the order of hexadecimal ids round.
func invert(id string) string {
	const digits = "0123456789abcdef"
	return strings.Map(func(r rune) rune {
		if i := strings.IndexRune(digits, r); i >= 0 {
			return rune(digits[15-i])
		}
		return r
	}, id)
}

// reshape copies one of AWS's shapes into another with the same members.
func reshape[To any](from any) (to To) {
	raw, err := json.Marshal(from)
	if err == nil {
		err = json.Unmarshal(raw, &to)
	}
	if err != nil {
		panic(err) // the shapes are known at build time
	}
	return to
}
