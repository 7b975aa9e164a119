// Package api holds the description of the shop's HTTP API. The page's types are
// generated from it, and the server serves it. It knows nothing else.
package api
