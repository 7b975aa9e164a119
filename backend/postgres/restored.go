package postgres

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// restoredFor is how long what is known of the last restore is believed.
const restoredFor = time.Second

// restored remembers when the last restore happened.
type restored struct {
	mu    sync.Mutex
	asked time.Time
	at    time.Time
}

// RestoredAt returns when a dump replaced the shop's data last, zero when none did. It
// asks the primary at most once a second.
func (db *DB) RestoredAt(ctx context.Context) (time.Time, error) {
	r := &db.restored
	r.mu.Lock()
	at, fresh := r.at, time.Since(r.asked) < restoredFor
	r.mu.Unlock()
	if fresh {
		return at, nil
	}
	asked := time.Now()
	var newest *time.Time
	err := db.write(ctx, func(conn *pgxpool.Conn) error {
		return conn.QueryRow(ctx, "SELECT max(restored_at) FROM restores").Scan(&newest)
	})
	if err != nil {
		return time.Time{}, fmt.Errorf("look for the last restore: %w", err)
	}
	at = time.Time{}
	if newest != nil {
		at = *newest
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if asked.After(r.asked) {
		r.asked, r.at = asked, at
	}
	return at, nil
}
