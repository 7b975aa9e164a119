package policy

import (
	"strings"
)

// Request is what a policy decides about.
type Request struct {
	Action   string // such as sts:AssumeRole
	Resource string // an ARN, or "" for actions without one

	// Who asks, for policies with principals (trust and resource policies).
	PrincipalARN string   // of the user, role or session
	PrincipalAs  []string // further ARNs that name the same principal, such as its role's
	Account      string   // the account of the principal
	Service      string   // such as ec2.amazonaws.com, when a service asks
	Federated    string   // the provider's ARN, when a web identity asks

	// Context holds the condition keys, in lower case, with their values.
	Context map[string][]string
}

// Decision is what a policy says about a request.
type Decision int

// The decisions. A Deny outweighs every Allow; without either the request is
// not allowed.
const (
	Nothing Decision = iota
	Allow
	Deny
)

// String names a decision.
func (d Decision) String() string { return [...]string{"nothing", "allow", "deny"}[d] }

// Evaluate decides with one policy that stands with an identity: its
// statements have no principal.
func (d *Document) Evaluate(r *Request) Decision { return d.evaluate(r, false) }

// EvaluateResource decides with a policy that stands with a resource (a trust
// policy, a bucket policy): its statements name principals.
func (d *Document) EvaluateResource(r *Request) Decision { return d.evaluate(r, true) }

func (d *Document) evaluate(r *Request, principals bool) Decision {
	decision := Nothing
	for i := range d.Statement {
		s := &d.Statement[i]
		if !s.matches(r, principals) {
			continue
		}
		if s.Effect == "Deny" {
			return Deny
		}
		decision = Allow
	}
	return decision
}

func (s *Statement) matches(r *Request, principals bool) bool {
	if principals && !s.matchesPrincipal(r) {
		return false
	}
	if len(s.NotAction) > 0 == matchesAny(append(s.Action, s.NotAction...), strings.ToLower(r.Action), strings.ToLower) {
		return false
	}
	expand := func(pattern string) string { return expandVariables(pattern, r.Context) }
	if len(s.Resource)+len(s.NotResource) > 0 &&
		len(s.NotResource) > 0 == matchesAny(append(s.Resource, s.NotResource...), r.Resource, expand) {
		return false
	}
	return s.conditionsHold(r.Context)
}

func matchesAny(patterns []string, value string, prepare func(string) string) bool {
	for _, p := range patterns {
		if Match(prepare(p), value) {
			return true
		}
	}
	return false
}

// matchesPrincipal says whether a statement is about who asks.
func (s *Statement) matchesPrincipal(r *Request) bool {
	if len(s.NotPrincipal) > 0 {
		return !s.NotPrincipal.include(r)
	}
	return s.Principal.include(r)
}

func (p Principals) include(r *Request) bool {
	if len(p["*"]) > 0 {
		return true
	}
	for _, v := range p["Service"] {
		if r.Service != "" && v == r.Service {
			return true
		}
	}
	for _, v := range p["Federated"] {
		if r.Federated != "" && v == r.Federated {
			return true
		}
	}
	for _, v := range p["AWS"] {
		switch {
		case v == "*":
			return true
		case r.Account == "":
		case v == r.Account, v == "arn:aws:iam::"+r.Account+":root":
			return true // the account delegates to its own policies
		case v == r.PrincipalARN:
			return true
		default:
			for _, also := range r.PrincipalAs {
				if v == also {
					return true
				}
			}
		}
	}
	return false
}

// Match says whether value is described by pattern, where * stands for any
// characters and ? for one.
func Match(pattern, value string) bool {
	var star, mark int = -1, 0
	i, j := 0, 0
	for j < len(value) {
		switch {
		case i < len(pattern) && pattern[i] == '*':
			star, mark = i, j
			i++
		case i < len(pattern) && (pattern[i] == '?' || pattern[i] == value[j]):
			i++
			j++
		case star >= 0:
			mark++
			i, j = star+1, mark
		default:
			return false
		}
	}
	for i < len(pattern) && pattern[i] == '*' {
		i++
	}
	return i == len(pattern)
}

// expandVariables replaces ${key} by the key's value. A variable without value
// makes the pattern match nothing.
func expandVariables(pattern string, ctx map[string][]string) string {
	if !strings.Contains(pattern, "${") {
		return pattern
	}
	var out strings.Builder
	for {
		before, rest, ok := strings.Cut(pattern, "${")
		out.WriteString(before)
		if !ok {
			return out.String()
		}
		name, after, ok := strings.Cut(rest, "}")
		if !ok {
			return out.String() + "${" + rest
		}
		name, otherwise, _ := strings.Cut(name, ",")
		switch v := ctx[strings.ToLower(strings.TrimSpace(name))]; {
		case name == "*" || name == "?" || name == "$":
			out.WriteString(name)
		case len(v) == 1:
			out.WriteString(v[0])
		case otherwise != "":
			out.WriteString(strings.Trim(strings.TrimSpace(otherwise), "'"))
		default:
			out.WriteString("\x00")
		}
		pattern = after
	}
}
