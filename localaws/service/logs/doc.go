// Package logs is CloudWatch Logs: groups with retention, streams, events that
// are kept in the order of their time, filter patterns of terms, tags and
// resource policies.
//
// It knows the store and nothing else.
package logs
