// Package payment holds the providers that take money from cards for the shop. So far
// there is one, and it is a test: it takes no money from anybody.
package payment
