package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	shop "grocery/backend"
)

// What the test provider of cards remembers. See package payment.

// AddTestPayment stores an authorization unless its reference is known, and returns
// what is stored.
func (db *DB) AddTestPayment(ctx context.Context, a shop.Authorization) (*shop.Authorization, error) {
	if err := db.exec(ctx, "INSERT INTO test_payments (reference, amount_cents, state, last4) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
		a.Reference, int64(a.Amount), a.State, a.Last4); err != nil {
		return nil, err
	}
	return db.TestPayment(ctx, a.Reference)
}

// MoveTestPayment changes the state of a reference, if it is from.
func (db *DB) MoveTestPayment(ctx context.Context, reference string, from, to shop.AuthorizationState) (*shop.Authorization, error) {
	if err := db.exec(ctx, "UPDATE test_payments SET state = $3 WHERE reference = $1 AND state = $2", reference, from, to); err != nil {
		return nil, err
	}
	return db.TestPayment(ctx, reference)
}

// TestPayment returns what is stored of a reference, of state shop.Unknown if nothing is.
func (db *DB) TestPayment(ctx context.Context, reference string) (*shop.Authorization, error) {
	a := &shop.Authorization{Reference: reference, State: shop.Unknown}
	err := db.write(ctx, func(conn *pgxpool.Conn) error {
		err := conn.QueryRow(ctx, "SELECT amount_cents, state, last4 FROM test_payments WHERE reference = $1", reference).Scan(&a.Amount, &a.State, &a.Last4)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return a, nil
}
