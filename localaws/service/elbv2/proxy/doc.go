// Package proxy is the data path of an application load balancer: it matches
// requests against rules, picks targets, forwards, and counts.
//
// It knows HTTP and nothing of AWS's API, of the store or of networks: who
// uses it hands it a compiled configuration, a way to dial and a clock.
package proxy
