package access

import (
	"context"
	"strings"

	"grocery/localaws/wire"
)

// question is one call that is decided over.
type question struct {
	ctx   context.Context // asks as IAM itself
	call  *wire.Call
	op    *wire.Operation
	in    any
	calls *wire.Registry
}

// arn composes an ARN in the call's region and account.
func (q *question) arn(service, resource string) string { return q.call.ARN(service, resource) }

// fill makes ARNs from a template. The last argument may have several values,
// each of which makes one; what has no value is "*", and what is an ARN already
// stays as it is.
func (q *question) fill(template string, args [][]string) []string {
	template = strings.NewReplacer("{region}", q.call.Region, "{account}", q.call.Account).Replace(template)
	last := []string{"*"}
	for i, arg := range args {
		if i == len(args)-1 {
			if len(arg) > 0 {
				last = arg
			}
			break
		}
		template = strings.ReplaceAll(template, numbered(i), first(arg, "*"))
	}
	out := make([]string, 0, len(last))
	for _, v := range last {
		if strings.HasPrefix(v, "arn:") {
			out = append(out, v)
			continue
		}
		out = append(out, strings.ReplaceAll(template, numbered(max(len(args), 1)-1), v))
	}
	return out
}

func numbered(i int) string { return "{" + string(rune('1'+i)) + "}" }

// first is the first value, or otherwise.
func first(values []string, otherwise string) string {
	if len(values) == 0 {
		return otherwise
	}
	return values[0]
}

// arg is the only value of the argument at i, or "".
func arg(args [][]string, i int) string {
	if i >= len(args) {
		return ""
	}
	return first(args[i], "")
}
