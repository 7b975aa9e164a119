package policy

import (
	"slices"
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

// Grant says to whom the policy of a resource speaks when it allows.
type Grant int

// The grants, from the least to the most direct. One to the account only lets
// the account's own policies decide; one to a role is still limited by the
// role's boundary and session; one to the principal itself is final.
const (
	ToNobody Grant = iota
	ToAccount
	ToRole
	ToPrincipal
)

// Evaluate decides with one policy that stands with an identity: its
// statements have no principal.
func (d *Document) Evaluate(r *Request) Decision {
	decision, _ := d.evaluate(r, false)
	return decision
}

// EvaluateResource decides with a policy that stands with a resource (a trust
// policy, a bucket policy): its statements name principals. A grant to the
// principal's account counts as one to the principal.
func (d *Document) EvaluateResource(r *Request) Decision {
	decision, _ := d.evaluate(r, true)
	return decision
}

// EvaluateGrant is EvaluateResource that also says whom the policy allows.
func (d *Document) EvaluateGrant(r *Request) (Decision, Grant) { return d.evaluate(r, true) }

func (d *Document) evaluate(r *Request, principals bool) (decision Decision, most Grant) {
	action := strings.ToLower(r.Action)
	for i := range d.Statement {
		s := &d.Statement[i]
		grant := ToPrincipal
		if principals {
			grant = s.grants(r)
		}
		if grant == ToNobody || !s.matches(r, action) {
			continue
		}
		if s.Effect == "Deny" {
			return Deny, ToNobody
		}
		decision, most = Allow, max(most, grant)
	}
	return decision, most
}

// matches says whether a statement is about an action (in lower case) and the
// resource, and its conditions hold.
func (s *Statement) matches(r *Request, action string) bool {
	if len(s.NotAction) > 0 == matchesAction(append(s.Action, s.NotAction...), action) {
		return false
	}
	expand := func(pattern string) string { return expandVariables(pattern, r.Context) }
	if len(s.Resource)+len(s.NotResource) > 0 &&
		len(s.NotResource) > 0 == matchesAny(append(s.Resource, s.NotResource...), r.Resource, expand) {
		return false
	}
	return s.conditionsHold(r.Context)
}

// matchesAction says whether one of the patterns describes an action, whose
// case says nothing.
func matchesAction(patterns []string, action string) bool {
	for _, p := range patterns {
		if matchFold(p, action) {
			return true
		}
	}
	return false
}

// MatchAction says whether a pattern such as "s3:Get*" describes an action.
func MatchAction(pattern, action string) bool { return matchFold(pattern, strings.ToLower(action)) }

func matchesAny(patterns []string, value string, prepare func(string) string) bool {
	for _, p := range patterns {
		if Match(prepare(p), value) {
			return true
		}
	}
	return false
}

// grants says in which capacity a statement is about who asks.
func (s *Statement) grants(r *Request) Grant {
	if len(s.NotPrincipal) == 0 {
		return s.Principal.include(r)
	}
	if s.NotPrincipal.include(r) == ToNobody {
		return ToPrincipal
	}
	return ToNobody
}

func (p Principals) include(r *Request) (most Grant) {
	if len(p["*"]) > 0 || r.Service != "" && slices.Contains(p["Service"], r.Service) || r.Federated != "" && slices.Contains(p["Federated"], r.Federated) {
		return ToPrincipal
	}
	for _, v := range p["AWS"] {
		switch {
		case v == "*":
			return ToPrincipal
		case r.Account == "":
		case v == r.PrincipalARN:
			return ToPrincipal
		case slices.Contains(r.PrincipalAs, v):
			most = max(most, ToRole)
		case v == r.Account, v == "arn:aws:iam::"+r.Account+":root":
			most = max(most, ToAccount)
		}
	}
	return most
}

// Match says whether value is described by pattern, where * stands for any
// characters and ? for one.
func Match(pattern, value string) bool {
	return match(pattern, value, func(c byte) byte { return c })
}

// matchFold is Match for a value in lower case and a pattern in any.
func matchFold(pattern, value string) bool {
	return match(pattern, value, func(c byte) byte {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		return c
	})
}

func match(pattern, value string, fold func(byte) byte) bool {
	var star, mark int = -1, 0
	i, j := 0, 0
	for j < len(value) {
		switch {
		case i < len(pattern) && pattern[i] == '*':
			star, mark = i, j
			i++
		case i < len(pattern) && (pattern[i] == '?' || fold(pattern[i]) == value[j]):
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
