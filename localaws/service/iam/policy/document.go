package policy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Document is a policy.
type Document struct {
	Version   string
	ID        string `json:"Id"`
	Statement []Statement
}

// Statement is one rule of a policy.
type Statement struct {
	Sid          string
	Effect       string // Allow or Deny
	Principal    Principals
	NotPrincipal Principals
	Action       Strings
	NotAction    Strings
	Resource     Strings
	NotResource  Strings
	Condition    map[string]map[string]Strings // operator -> key -> values
}

// Strings is a value of JSON that may be one string or a list of them.
type Strings []string

// UnmarshalJSON accepts strings, numbers and booleans, alone or in a list.
func (s *Strings) UnmarshalJSON(b []byte) error {
	var v any
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return err
	}
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	*s = Strings{}
	for _, x := range list {
		switch x := x.(type) {
		case string:
			*s = append(*s, x)
		case json.Number:
			*s = append(*s, x.String())
		case bool:
			*s = append(*s, strconv.FormatBool(x))
		default:
			return errors.New("a string or a list of strings is needed")
		}
	}
	return nil
}

// Principals are who a statement is about, by kind (AWS, Service, Federated,
// CanonicalUser); the kind "*" stands for everybody.
type Principals map[string]Strings

// UnmarshalJSON accepts "*" and an object of kinds.
func (p *Principals) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		var s string
		if err := json.Unmarshal(b, &s); err != nil {
			return err
		}
		if s != "*" {
			return fmt.Errorf("the principal %q is neither * nor an object", s)
		}
		*p = Principals{"*": {"*"}}
		return nil
	}
	m := map[string]Strings{}
	if err := json.Unmarshal(b, &m); err != nil {
		return err
	}
	for k := range m {
		switch k {
		case "AWS", "Service", "Federated", "CanonicalUser":
		default:
			return fmt.Errorf("the principal kind %q is none of AWS, Service, Federated, CanonicalUser", k)
		}
	}
	*p = m
	return nil
}

// Anyone says whether the principals include everybody.
func (p Principals) Anyone() bool {
	for _, kind := range []string{"*", "AWS"} {
		for _, v := range p[kind] {
			if v == "*" {
				return true
			}
		}
	}
	return false
}

// Parse reads a policy document and refuses one that AWS would refuse.
func Parse(text string) (*Document, error) {
	var raw struct {
		Version   string
		ID        string `json:"Id"`
		Statement json.RawMessage
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&raw); err != nil {
		return nil, fmt.Errorf("read the policy: %w", err)
	}
	if d.More() {
		return nil, errors.New("read the policy: something follows its end")
	}
	doc := &Document{Version: raw.Version, ID: raw.ID}
	switch raw.Version {
	case "", "2008-10-17", "2012-10-17":
	default:
		return nil, fmt.Errorf("the policy version %q is neither 2012-10-17 nor 2008-10-17", raw.Version)
	}
	list := bytes.TrimSpace(raw.Statement)
	if len(list) > 0 && list[0] == '{' {
		list = append(append([]byte{'['}, list...), ']')
	}
	d = json.NewDecoder(bytes.NewReader(list))
	d.DisallowUnknownFields()
	if err := d.Decode(&doc.Statement); err != nil {
		return nil, fmt.Errorf("read the policy's statements: %w", err)
	}
	if len(doc.Statement) == 0 {
		return nil, errors.New("the policy has no statement")
	}
	for i, s := range doc.Statement {
		if err := s.check(); err != nil {
			return nil, fmt.Errorf("statement %d: %w", i+1, err)
		}
	}
	return doc, nil
}

func (s *Statement) check() error {
	switch {
	case s.Effect != "Allow" && s.Effect != "Deny":
		return fmt.Errorf("the effect %q is neither Allow nor Deny", s.Effect)
	case len(s.Action)+len(s.NotAction) == 0:
		return errors.New("it names no action")
	case len(s.Action) > 0 && len(s.NotAction) > 0:
		return errors.New("it has both Action and NotAction")
	case len(s.Resource) > 0 && len(s.NotResource) > 0:
		return errors.New("it has both Resource and NotResource")
	case len(s.Principal) > 0 && len(s.NotPrincipal) > 0:
		return errors.New("it has both Principal and NotPrincipal")
	}
	for _, a := range append(append(Strings{}, s.Action...), s.NotAction...) {
		if vendor, name, ok := strings.Cut(a, ":"); a != "*" && (!ok || vendor == "" || name == "") {
			return fmt.Errorf("the action %q is not of the form service:Action", a)
		}
	}
	for op := range s.Condition {
		if _, err := operator(op); err != nil {
			return err
		}
	}
	return nil
}
