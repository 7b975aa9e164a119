// Package javanames turns names of AWS's API models into those of AWS's Java
// SDK, version 2, which Step Functions uses in its SDK integrations: the
// model's DBInstanceIdentifier is DbInstanceIdentifier there.
package javanames

import (
	"regexp"
	"strings"
)

var (
	notWord    = regexp.MustCompile(`[^A-Za-z0-9]+`)
	smallV     = regexp.MustCompile(`([^a-z]{2,})v([0-9]+)`)
	capitalV   = regexp.MustCompile(`([^A-Z]{2,})V([0-9]+)`)
	acronym    = regexp.MustCompile(`([A-Z]+)([A-Z][a-z])`)
	afterDigit = regexp.MustCompile(`([0-9])([a-zA-Z])`)
)

// Member is the name of a structure's member: capitals at its beginning become
// one, those inside stay (TargetGroupARNs).
func Member(name string) string {
	b := []byte(name)
	for i := range b {
		if i == 0 {
			b[i] = upper(b[i])
			continue
		}
		if !isUpper(b[i]) || (i+1 < len(b) && small(b[i+1])) {
			break
		}
		b[i] += 'a' - 'A'
	}
	return string(b)
}

// Exception is the name of an error's class.
func Exception(shape string) string {
	if base, ok := strings.CutSuffix(shape, "Fault"); ok {
		return pascal(base) + "Exception"
	}
	if strings.HasSuffix(shape, "Exception") {
		return pascal(shape)
	}
	return pascal(shape) + "Exception"
}

// pascal splits a name into words, as the SDK's code generator does, and writes
// each with one capital.
func pascal(name string) string {
	s := notWord.ReplaceAllString(name, " ")
	s = smallV.ReplaceAllString(s, "$1 v$2 ")
	s = capitalV.ReplaceAllString(s, "$1 V$2 ")
	s = betweenCases(s)
	s = acronym.ReplaceAllString(s, "$1 $2")
	s = afterDigit.ReplaceAllString(s, "$1 $2")
	var b strings.Builder
	for _, w := range strings.Fields(s) {
		b.WriteString(strings.ToUpper(w[:1]) + strings.ToLower(w[1:]))
	}
	return b.String()
}

// betweenCases puts a space between a small letter and a capital that another
// letter or digit follows.
func betweenCases(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if i > 0 && i+1 < len(s) && small(s[i-1]) && isUpper(s[i]) && s[i+1] != ' ' {
			b.WriteByte(' ')
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func small(c byte) bool   { return c >= 'a' && c <= 'z' }
func isUpper(c byte) bool { return c >= 'A' && c <= 'Z' }

func upper(c byte) byte {
	if small(c) {
		c -= 'a' - 'A'
	}
	return c
}
