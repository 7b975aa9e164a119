// Package apitest holds answers against openapi.yaml, for the tests of whatever serves the
// shop's API. It knows the document only, not what serves it.
package apitest
