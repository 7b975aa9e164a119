package policy_test

import (
	"testing"

	"grocery/localaws/service/iam/policy"
)

func TestDecisions(t *testing.T) {
	const github = "token.actions.githubusercontent.com"
	req := func(action, resource string, ctx map[string][]string) *policy.Request {
		return &policy.Request{Action: action, Resource: resource, Context: ctx}
	}
	one := func(k, v string) map[string][]string { return map[string][]string{k: {v}} }
	for _, c := range []struct {
		rule, statements string
		req              *policy.Request
		want             policy.Decision
	}{
		{"an action's case says nothing", `{"Effect":"Allow","Action":"S3:getobject","Resource":"*"}`, req("s3:GetObject", "arn:aws:s3:::b/k", nil), policy.Allow},
		{"a wildcard in the action", `{"Effect":"Allow","Action":["ec2:*","s3:Get*"],"Resource":"*"}`, req("s3:GetObject", "arn:aws:s3:::b/k", nil), policy.Allow},
		{"another action", `{"Effect":"Allow","Action":"s3:Get*","Resource":"*"}`, req("s3:PutObject", "arn:aws:s3:::b/k", nil), policy.Nothing},
		{"a deny outweighs", `{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"s3:*","Resource":"arn:aws:s3:::b/*"}`, req("s3:GetObject", "arn:aws:s3:::b/k", nil), policy.Deny},
		{"a resource's case matters", `{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::B/*"}`, req("s3:GetObject", "arn:aws:s3:::b/k", nil), policy.Nothing},
		{"not this action", `{"Effect":"Allow","NotAction":"iam:*","Resource":"*"}`, req("s3:GetObject", "arn:aws:s3:::b/k", nil), policy.Allow},
		{"not this resource", `{"Effect":"Allow","Action":"*","NotResource":"arn:aws:s3:::b/*"}`, req("s3:GetObject", "arn:aws:s3:::b/k", nil), policy.Nothing},
		{"a variable", `{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::b/${aws:userid}/*"}`, req("s3:GetObject", "arn:aws:s3:::b/U/k", one("aws:userid", "U")), policy.Allow},
		{"a variable without value", `{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::b/${aws:userid}*"}`, req("s3:GetObject", "arn:aws:s3:::b/", nil), policy.Nothing},
		{"a condition that holds", `{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"` + github + `:aud":"sts.amazonaws.com"},"StringLike":{"` + github + `:sub":["repo:o/r:*"]}}}`,
			req("x:y", "", map[string][]string{github + ":aud": {"sts.amazonaws.com"}, github + ":sub": {"repo:o/r:ref:refs/heads/main"}}), policy.Allow},
		{"one condition of two fails", `{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"a":"1","b":"2"}}}`, req("x:y", "", map[string][]string{"a": {"1"}, "b": {"3"}}), policy.Nothing},
		{"StringEquals knows no wildcard", `{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"a":"*"}}}`, req("x:y", "", one("a", "1")), policy.Nothing},
		{"a missing key fails", `{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"a":"1"}}}`, req("x:y", "", nil), policy.Nothing},
		{"a missing key satisfies IfExists", `{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEqualsIfExists":{"a":"1"}}}`, req("x:y", "", nil), policy.Allow},
		{"a missing key satisfies a negation", `{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringNotEquals":{"a":"1"}}}`, req("x:y", "", nil), policy.Allow},
		{"a negation needs all values to differ", `{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringNotEquals":{"a":["1","2"]}}}`, req("x:y", "", one("a", "2")), policy.Nothing},
		{"Null asks for absence", `{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"Null":{"a":"true"}}}`, req("x:y", "", one("a", "1")), policy.Nothing},
		{"Bool", `{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":false}}}`, req("x:y", "", one("aws:securetransport", "false")), policy.Deny},
		{"numbers compare as numbers", `{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"NumericLessThan":{"a":"10"}}}`, req("x:y", "", one("a", "9")), policy.Allow},
		{"dates compare as dates", `{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"DateGreaterThan":{"a":"2026-01-01T00:00:00Z"}}}`, req("x:y", "", one("a", "2026-03-01T00:00:00Z")), policy.Allow},
		{"addresses match ranges", `{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}}`, req("x:y", "", one("aws:sourceip", "10.1.2.3")), policy.Allow},
		{"a wildcard stays in its part of an ARN", `{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"ArnLike":{"a":"arn:aws:sns:*:topic"}}}`, req("x:y", "", one("a", "arn:aws:sns:r:1:topic")), policy.Nothing},
		{"ForAllValues", `{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"ForAllValues:StringEquals":{"aws:TagKeys":["a","b"]}}}`, req("x:y", "", map[string][]string{"aws:tagkeys": {"a", "c"}}), policy.Nothing},
		{"ForAnyValue", `{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"ForAnyValue:StringEquals":{"aws:TagKeys":["a","b"]}}}`, req("x:y", "", map[string][]string{"aws:tagkeys": {"c", "a"}}), policy.Allow},
	} {
		doc, err := policy.Parse(`{"Version":"2012-10-17","Statement":[` + c.statements + `]}`)
		if err != nil {
			t.Errorf("%s: %v", c.rule, err)
			continue
		}
		if got := doc.Evaluate(c.req); got != c.want {
			t.Errorf("%s: %s, want %s", c.rule, got, c.want)
		}
	}
}

func TestPrincipals(t *testing.T) {
	const role = "arn:aws:iam::123456789012:role/app"
	user := &policy.Request{Action: "sts:AssumeRole", Account: "123456789012", PrincipalARN: "arn:aws:iam::123456789012:user/u"}
	session := &policy.Request{Action: "sts:AssumeRole", Account: "123456789012", PrincipalARN: "arn:aws:sts::123456789012:assumed-role/app/s", PrincipalAs: []string{role}}
	service := &policy.Request{Action: "sts:AssumeRole", Service: "ec2.amazonaws.com"}
	web := &policy.Request{Action: "sts:AssumeRole", Federated: "arn:aws:iam::123456789012:oidc-provider/x"}
	for _, c := range []struct {
		principal string
		allowed   []*policy.Request
	}{
		{`"Principal":"*"`, []*policy.Request{user, session, service, web}},
		{`"Principal":{"AWS":"*"}`, []*policy.Request{user, session, service, web}},
		{`"Principal":{"AWS":"arn:aws:iam::123456789012:root"}`, []*policy.Request{user, session}},
		{`"Principal":{"AWS":"123456789012"}`, []*policy.Request{user, session}},
		{`"Principal":{"AWS":["` + role + `"]}`, []*policy.Request{session}},
		{`"Principal":{"AWS":"arn:aws:iam::123456789012:user/u"}`, []*policy.Request{user}},
		{`"Principal":{"Service":["ec2.amazonaws.com","lambda.amazonaws.com"]}`, []*policy.Request{service}},
		{`"Principal":{"Federated":"arn:aws:iam::123456789012:oidc-provider/x"}`, []*policy.Request{web}},
		{`"NotPrincipal":{"AWS":"` + role + `"}`, []*policy.Request{user, service, web}},
	} {
		doc, err := policy.Parse(`{"Statement":{"Effect":"Allow",` + c.principal + `,"Action":"sts:AssumeRole"}}`)
		if err != nil {
			t.Errorf("%s: %v", c.principal, err)
			continue
		}
		for name, r := range map[string]*policy.Request{"user": user, "session": session, "service": service, "web identity": web} {
			want := false
			for _, a := range c.allowed {
				want = want || a == r
			}
			if got := doc.EvaluateResource(r) == policy.Allow; got != want {
				t.Errorf("%s for a %s: %v, want %v", c.principal, name, got, want)
			}
		}
	}
}
