// Package ecr is the Elastic Container Registry: the API, and a real registry
// behind it that speaks the OCI distribution protocol at
// <account>.dkr.ecr.<region>.amazonaws.com.
//
// The registry is a front of the API: every pull and push is one of the API's
// own operations in the name of the principal whose token the client shows, so
// that permissions, immutability and the repository's existence are decided in
// one place.
//
// The package knows the store and its blobs; it knows neither containers nor
// how AWS's API travels.
package ecr
