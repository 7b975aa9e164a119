// Package sqs is the Simple Queue Service: standard queues whose messages are
// durable, come at least once, hide while somebody works on them, and move to a
// dead-letter queue when nobody manages to.
//
// It knows the store and nothing else.
package sqs
