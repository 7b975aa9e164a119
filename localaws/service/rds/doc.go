// Package rds is Amazon RDS for PostgreSQL: a database instance is a PostgreSQL
// server in a container of its own, with an address in its subnet group, TLS,
// parameter groups, streaming read replicas and snapshots. Its status is true:
// available means that it accepts logins over TLS.
//
// API calls write what is wanted into the store; one reconciler per instance
// brings the container in line with it, so that a crash at any moment heals by
// itself. The package knows the store, the runtime and typed requests, never
// HTTP; it reaches other services through the registry only.
//
// Replication runs over a network that belongs to the service, as on AWS:
// security groups rule over clients, not over replicas.
package rds
