package dump

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Verification is what was found of a restore afterwards.
type Verification struct {
	ID         string    `json:"id"`
	RestoredAt time.Time `json:"restored_at"`
	Superseded bool      `json:"superseded"` // another restore came after it
	Rows       Counts    `json:"rows"`       // at present
}

// VerifyError says that a restore is not what its report says.
type VerifyError struct{ Reason string }

// Error returns the reason.
func (e *VerifyError) Error() string { return "the restore does not hold: " + e.Reason }

// Verify looks at the live database from outside of the restore: the restore is on
// record, the catalogue is the one it brought, everything can be read, and new rows
// would get unused ids. What shoppers have changed since is no fault.
func Verify(ctx context.Context, conn *pgx.Conn, id string) (*Verification, error) {
	v := &Verification{ID: id, Rows: Counts{}}
	err := pgx.BeginTxFunc(ctx, conn, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		return v.look(ctx, tx)
	})
	return v, err
}

func (v *Verification) look(ctx context.Context, tx pgx.Tx) error {
	var recorded Counts
	err := tx.QueryRow(ctx, `SELECT r.rows, r.restored_at, EXISTS (SELECT FROM restores o WHERE o.restored_at > r.restored_at)
		FROM restores r WHERE r.id = $1`, v.ID).Scan(&recorded, &v.RestoredAt, &v.Superseded)
	if errors.Is(err, pgx.ErrNoRows) {
		return &VerifyError{"the database has no record of the restore " + v.ID}
	}
	if err != nil {
		return fmt.Errorf("look for the restore: %w", err)
	}
	for _, name := range stageOrder {
		var n int64
		// Reading every row as text proves that each can be read.
		if err := tx.QueryRow(ctx, "SELECT count(octet_length(t::text)) FROM "+name+" t").Scan(&n); err != nil {
			return fmt.Errorf("read %s: %w", name, err)
		}
		v.Rows[name] = n
	}
	for _, name := range sequences {
		var behind bool
		if err := tx.QueryRow(ctx, "SELECT max(id) > pg_sequence_last_value(pg_get_serial_sequence('"+name+"', 'id')::regclass) IS TRUE FROM "+name).Scan(&behind); err != nil {
			return fmt.Errorf("read the sequence of %s: %w", name, err)
		}
		if behind {
			return &VerifyError{"the next id of " + name + " is in use already"}
		}
	}
	// Nothing but a restore changes the products.
	if !v.Superseded && v.Rows["products"] != recorded["products"] {
		return &VerifyError{fmt.Sprintf("there are %d products, and the dump had %d", v.Rows["products"], recorded["products"])}
	}
	return nil
}
