// Package boot brings an instance up and down: process 1, the services, user
// data.
//
// Init is process 1. It makes cgroups writable for the inner engine, starts
// the manager as its child, reaps orphans and passes signals on. Manage is the
// manager: it starts the enabled services, runs user data once per instance as
// cloud-init does, and stops everything in order when it is told to. Systemctl
// speaks to the manager over a socket.
package boot
