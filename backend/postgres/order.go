package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	shop "grocery/backend"
)

var _ shop.OrderService = (*DB)(nil)

// Purchase turns the user's basket into an order and empties it, in one transaction.
// Purchases of one user happen one after the other: of two at once, one finds the
// basket empty.
func (db *DB) Purchase(ctx context.Context, userID int64) (order *shop.Order, err error) {
	err = db.writeTx(ctx, func(tx pgx.Tx) error {
		user, err := lockUser(ctx, tx, userID)
		if err != nil {
			return err
		}
		items, err := basket(ctx, tx, userID)
		if err != nil {
			return err
		}
		order, err = shop.NewOrder(user, items, time.Now())
		if err != nil {
			return err
		}
		if err := insertOrder(ctx, tx, order); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, "DELETE FROM basket_items WHERE user_id = $1", userID)
		return err
	})
	if err != nil {
		return nil, err
	}
	return order, nil
}

func insertOrder(ctx context.Context, tx pgx.Tx, o *shop.Order) error {
	err := tx.QueryRow(ctx, `
		INSERT INTO orders (user_id, subtotal_cents, delivery_cents) VALUES ($1, $2, $3) RETURNING id, created_at`,
		o.UserID, int64(o.Subtotal), int64(o.Delivery)).Scan(&o.ID, &o.CreatedAt)
	if err != nil {
		return err
	}
	n := len(o.Items)
	ids, names, prices, quantities := make([]int64, n), make([]string, n), make([]int64, n), make([]int32, n)
	for i, it := range o.Items {
		ids[i], names[i], prices[i], quantities[i] = it.ProductID, it.Name, int64(it.Price), int32(it.Quantity)
	}
	if _, err := tx.Exec(ctx, `
		INSERT INTO order_items (order_id, position, product_id, name, price_cents, quantity)
		SELECT $1, l.position, l.id, l.name, l.price, l.quantity
		FROM unnest($2::bigint[], $3::text[], $4::bigint[], $5::integer[]) WITH ORDINALITY l(id, name, price, quantity, position)`,
		o.ID, ids, names, prices, quantities); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `
		INSERT INTO purchases (user_id, product_id)
		SELECT $1, l.id FROM unnest($2::bigint[]) WITH ORDINALITY l(id, position) ORDER BY l.position
		ON CONFLICT DO NOTHING`, o.UserID, ids)
	return err
}

// PurchasedProducts returns the ids of the products the user has ever bought, in the
// order of the first purchase.
func (db *DB) PurchasedProducts(ctx context.Context, userID int64) ([]int64, error) {
	return db.ids(ctx, "SELECT product_id FROM purchases WHERE user_id = $1 ORDER BY purchased_at, product_id", userID)
}

// ids runs a query that returns one column of ids.
func (db *DB) ids(ctx context.Context, sql string, args ...any) (ids []int64, err error) {
	err = db.write(ctx, func(conn *pgxpool.Conn) error {
		rows, err := conn.Query(ctx, sql, args...)
		if err != nil {
			return err
		}
		ids, err = pgx.CollectRows(rows, pgx.RowTo[int64])
		return err
	})
	return ids, err
}
