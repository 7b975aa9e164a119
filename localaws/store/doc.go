// Package store keeps local AWS's state: typed tables in transactions over one
// crash-safe file (or in memory, for tests), large objects as files beside it,
// and the clock. It knows neither AWS nor HTTP.
//
// A process that dies at any moment leaves the state of the last committed
// transaction. Reconcilers watch tables (Store.Watch) and bring the world in
// line with them.
package store
