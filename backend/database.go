package shop

import (
	"context"
	"time"
)

// DatabaseState is what was last seen of the databases.
type DatabaseState struct {
	Primary string // "up", "down", or "starting" until the schema is up to date
	Replica string // "up", "down", or "none"
}

// DatabaseService tells how the database is.
type DatabaseService interface {
	// State answers at once, without asking the database.
	State() DatabaseState
	// Ready asks the database and returns nil when the shop can sell.
	Ready(ctx context.Context) error
	// RestoredAt returns when a dump replaced the shop's data last, zero when none did.
	// Accounts from before that may have the ids of others now.
	RestoredAt(ctx context.Context) (time.Time, error)
}
