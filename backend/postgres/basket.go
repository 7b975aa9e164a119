package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	shop "grocery/backend"
)

var _ shop.BasketService = (*DB)(nil)

const basketSQL = `
SELECT b.id, b.user_id, b.product_id, b.quantity, p.name, p.price_cents, p.image_url, p.is_alcohol
FROM basket_items b JOIN products p ON p.id = b.product_id
WHERE b.user_id = $1
ORDER BY b.id`

// Basket returns the user's basket in the order the lines were put in.
func (db *DB) Basket(ctx context.Context, userID int64) (items []shop.BasketItem, err error) {
	err = db.write(ctx, func(conn *pgxpool.Conn) error {
		items, err = basket(ctx, conn, userID)
		return err
	})
	return items, err
}

type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

func basket(ctx context.Context, q querier, userID int64) ([]shop.BasketItem, error) {
	rows, err := q.Query(ctx, basketSQL, userID)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (b shop.BasketItem, err error) {
		return b, row.Scan(&b.ID, &b.UserID, &b.ProductID, &b.Quantity, &b.Name, &b.Price, &b.ImageURL, &b.IsAlcohol)
	})
}

// ReplaceBasket stores the lines instead of what was there. Lines that stay keep
// their id and their place.
func (db *DB) ReplaceBasket(ctx context.Context, userID int64, lines []shop.BasketLine) error {
	lines, err := shop.MergeBasket(lines)
	if err != nil {
		return err
	}
	ids, quantities := make([]int64, len(lines)), make([]int32, len(lines))
	for i, l := range lines {
		ids[i], quantities[i] = l.ProductID, int32(l.Quantity)
	}
	err = db.writeTx(ctx, func(tx pgx.Tx) error {
		if _, err := lockUser(ctx, tx, userID); err != nil {
			return err
		}
		var unknown int64
		err := tx.QueryRow(ctx, `
			SELECT l.id FROM unnest($1::bigint[]) l(id)
			WHERE NOT EXISTS (SELECT FROM products p WHERE p.id = l.id) LIMIT 1`, ids).Scan(&unknown)
		if err == nil {
			return shop.Errorf(shop.EINVALID, "There is no product %d", unknown)
		} else if !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		if _, err := tx.Exec(ctx, "DELETE FROM basket_items WHERE user_id = $1 AND product_id <> ALL ($2)", userID, ids); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `
			INSERT INTO basket_items (user_id, product_id, quantity)
			SELECT $1, l.id, l.quantity FROM unnest($2::bigint[], $3::integer[]) WITH ORDINALITY l(id, quantity, position)
			ORDER BY l.position
			ON CONFLICT ON CONSTRAINT basket_items_once_key DO UPDATE SET quantity = EXCLUDED.quantity`, userID, ids, quantities)
		return err
	})
	if violated(err) != "" { // a product was removed in between
		return shop.Errorf(shop.EINVALID, "The basket holds a product that is no longer sold")
	}
	return err
}

// RemoveFromBasket takes a product out of the basket.
func (db *DB) RemoveFromBasket(ctx context.Context, userID, productID int64) error {
	return db.writeTx(ctx, func(tx pgx.Tx) error {
		if _, err := lockUser(ctx, tx, userID); err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, "DELETE FROM basket_items WHERE user_id = $1 AND product_id = $2", userID, productID)
		if err == nil && tag.RowsAffected() == 0 {
			return shop.Errorf(shop.ENOTFOUND, "Product not found in basket")
		}
		return err
	})
}
