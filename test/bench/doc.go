// Package bench holds the shop to its figures. Speed is a ratio within one run: the real
// server, in a process of its own over TCP, takes turns with a peer under the same load,
// so that the machine does not matter; size, memory and start are limits.
//
//	go test -run '^$' -bench . ./test/bench
//
// A benchmark that misses its limit fails.
package bench
