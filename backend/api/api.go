// Package api holds the description of the shop's HTTP API. The page's types are
// generated from it, and the server serves it. It knows nothing else.
package api

import _ "embed"

// OpenAPI is the OpenAPI 3.1 document, as YAML.
//
//go:embed openapi.yaml
var OpenAPI []byte
