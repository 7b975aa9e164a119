// Package wire speaks AWS's wire protocols, each once: query, ec2 query, json
// 1.0 and 1.1, rest-json, rest-xml and rpc-v2-cbor. It finds the operation a
// request asks for, checks its signature, decodes it into a generated Go
// shape, calls the function that serves it, and encodes what comes back.
//
// A service registers typed functions (Handle) and never sees HTTP, XML or
// JSON. Services talk to each other through the same registry (Invoke).
//
// wire knows no service: what it knows about one stands in the generated
// packages below wire/api, made from AWS's public API models by wire/gen.
package wire
