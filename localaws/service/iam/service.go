package iam

import (
	"crypto/rand"
	"net/url"
	"regexp"
	"strings"

	"grocery/localaws/service/iam/policy"
	"grocery/localaws/store"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/iamapi"
)

// Deps is what the service needs.
type Deps struct {
	Store store.Store
	Clock store.Clock
}

// Service is IAM.
type Service struct {
	d       Deps
	changed *counted
	held    held
}

// New makes the service.
func New(d Deps) *Service {
	c := &counted{Store: d.Store}
	d.Store = c
	return &Service{d: d, changed: c}
}

// Register offers IAM's operations.
func (s *Service) Register(r *wire.Registry) {
	s.registerRoles(r)
	s.registerUsers(r)
	s.registerPolicies(r)
	s.registerProfiles(r)
	s.registerProviders(r)
}

// The codes are IAM's: https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html.

func noSuchEntity(format string, args ...any) error {
	return wire.Errorf(404, "NoSuchEntity", format, args...)
}

func alreadyExists(format string, args ...any) error {
	return wire.Errorf(409, "EntityAlreadyExists", format, args...)
}

func deleteConflict(format string, args ...any) error {
	return wire.Errorf(409, "DeleteConflict", format, args...)
}

func limitExceeded(quota string, n int) error {
	return wire.Errorf(409, "LimitExceeded", "Cannot exceed quota for %s: %d", quota, n)
}

func invalid(format string, args ...any) error {
	return wire.Errorf(400, "ValidationError", format, args...)
}

// newID makes a unique id with IAM's prefix for the kind of thing, such as AROA.
func newID(prefix string) string { return prefix + rand.Text()[:17] }

func arn(kind, path, name string) string {
	return "arn:" + wire.Partition + ":iam::" + wire.Account + ":" + kind + path + name
}

var (
	validName = regexp.MustCompile(`^[\w+=,.@-]+$`)
	validPath = regexp.MustCompile(`^/$|^/[!-~]+/$`)
)

// checkName validates the name and path of a new thing and returns the path.
func checkName(what, name string, longest int, path *string) (string, error) {
	if len(name) > longest || !validName.MatchString(name) {
		return "", invalid("The specified value for %s is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_- and be at most %d characters long", what, longest)
	}
	p := "/"
	if path != nil && *path != "" {
		p = *path
	}
	if len(p) > 512 || !validPath.MatchString(p) {
		return "", invalid("The specified value for path is invalid. It must begin and end with / and contain only alphanumeric characters and/or / characters.")
	}
	return p, nil
}

// checkPolicy validates a policy that is to stand with an identity and returns
// its size as IAM counts it: without white space.
func checkPolicy(text string) (size int, err error) {
	doc, err := policy.Parse(text)
	if err != nil {
		return 0, wire.Errorf(400, "MalformedPolicyDocument", "Syntax errors in policy: %s", err)
	}
	for _, st := range doc.Statement {
		if len(st.Principal)+len(st.NotPrincipal) > 0 {
			return 0, wire.Errorf(400, "MalformedPolicyDocument", "Policy document should not specify a principal.")
		}
		if len(st.Resource)+len(st.NotResource) == 0 {
			return 0, wire.Errorf(400, "MalformedPolicyDocument", "Policy statement must contain resources.")
		}
		for _, r := range append(append([]string{}, st.Resource...), st.NotResource...) {
			if r != "*" && strings.Count(r, ":") < 5 && !strings.HasPrefix(r, "arn:*") && !strings.HasPrefix(r, "*") {
				return 0, wire.Errorf(400, "MalformedPolicyDocument", "Resource %s must be in ARN format or \"*\".", r)
			}
		}
	}
	return len(strings.Join(strings.Fields(text), "")), nil
}

// encode writes a document as IAM's answers carry it: URL-encoded (RFC 3986).
func encode(document string) *string {
	return new(strings.ReplaceAll(url.QueryEscape(document), "+", "%20"))
}

const maxTags = 50

// merge adds tags to those a thing has; a key that is there gets a new value.
func merge(have, more []iamapi.Tag) ([]iamapi.Tag, error) {
	out := append([]iamapi.Tag{}, have...)
next:
	for _, t := range more {
		if t.Key == nil || *t.Key == "" || len(*t.Key) > 128 || t.Value == nil || len(*t.Value) > 256 {
			return nil, invalid("A tag needs a key of 1 to 128 and a value of at most 256 characters.")
		}
		if strings.HasPrefix(strings.ToLower(*t.Key), "aws:") {
			return nil, wire.Errorf(400, "InvalidInput", "Tag keys that start with aws: are reserved.")
		}
		for i := range out {
			if *out[i].Key == *t.Key {
				out[i] = t
				continue next
			}
		}
		out = append(out, t)
	}
	if len(out) > maxTags {
		return nil, limitExceeded("TagsPerResource", maxTags)
	}
	return out, nil
}

func without(tags []iamapi.Tag, keys []string) []iamapi.Tag {
	var out []iamapi.Tag
next:
	for _, t := range tags {
		for _, k := range keys {
			if *t.Key == k {
				continue next
			}
		}
		out = append(out, t)
	}
	return out
}
