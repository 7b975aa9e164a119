// Package events is EventBridge: buses, rules with event patterns or schedules,
// and the delivery of events to targets.
//
// An event that was accepted is in the store before the caller hears so, and
// stays there until each target took it, its retries ran out, or its dead-letter
// queue holds it: a crash loses none. It knows the store and typed requests,
// never HTTP.
package events
