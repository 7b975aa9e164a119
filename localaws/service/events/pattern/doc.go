// Package pattern is EventBridge's language of event patterns: it reads and
// checks a pattern, and says whether an event matches it. It knows nothing of
// rules and buses.
//
// See https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html.
package pattern
