// Package postgres keeps the shop in PostgreSQL, through pgx.
//
// It holds the connection pools (primary and, optionally, a read replica), heals
// them when a database or a password changes, brings the schema up to date, loads
// the first catalogue, and implements the services that package shop declares.
// It may not know HTTP, JSON or AWS: a rotated password comes through LoginSource.
package postgres
