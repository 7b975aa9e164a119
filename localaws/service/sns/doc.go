// Package sns is the Simple Notification Service: topics, subscriptions that
// have to be confirmed, and delivery that survives a crash.
//
// E-mail goes into a local mailbox, a folder of files, one for each message:
// that is also where the tokens arrive that confirm a subscription. Queues and
// functions are reached through the registry.
package sns
