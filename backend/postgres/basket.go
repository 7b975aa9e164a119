package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	shop "grocery/backend"
)

var _ shop.BasketService = (*DB)(nil)

// basketItem is a line of a basket as JSON from the database.
type basketItem struct {
	Item     int64
	Quantity int
	row
}

// basketProduct are the columns of a product in a basket and where its rating comes
// from.
const basketProduct = `p.id, p.name, p.category, p.description, p.pack, p.price_cents, p.image_url, p.is_alcohol, p.stock, g.reviews, g.average
    FROM products p
    CROSS JOIN LATERAL (SELECT count(*) AS reviews, round(avg(r.rating), 1) AS average FROM reviews r WHERE r.product_id = p.id) g `

// One statement, which is one snapshot: the version is that of the lines.
const basketSQL = `
SELECT u.basket_version, coalesce((SELECT json_agg(i ORDER BY i.item) FROM (
    SELECT b.id AS item, b.quantity, ` + basketProduct + `JOIN basket_items b ON b.product_id = p.id WHERE b.user_id = u.id) i), '[]')
FROM users u WHERE u.id = $1`

// Its version is that of the catalogue.
const quoteSQL = `
SELECT (SELECT version FROM catalogue_version), coalesce(json_agg(i ORDER BY i.item), '[]') FROM (
    SELECT l.position AS item, l.quantity, ` + basketProduct + `JOIN unnest($1::bigint[], $2::integer[]) WITH ORDINALITY l(id, quantity, position) ON l.id = p.id) i`

type queryRower interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// Basket returns the user's basket, an empty one when there is no such user.
func (db *DB) Basket(ctx context.Context, userID int64) (b *shop.Basket, err error) {
	err = db.read(ctx, func(ctx context.Context, conn *pgxpool.Conn, _ bool) error {
		b, err = readBasket(ctx, conn, basketSQL, userID)
		return err
	})
	return b, err
}

func readBasket(ctx context.Context, q queryRower, sql string, args ...any) (*shop.Basket, error) {
	b := &shop.Basket{}
	var raw []byte
	if err := q.QueryRow(ctx, sql, args...).Scan(&b.Version, &raw); err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return nil, err
	}
	var items []basketItem
	if raw != nil {
		if err := json.Unmarshal(raw, &items); err != nil {
			return nil, fmt.Errorf("read a basket: %w", err)
		}
	}
	for _, it := range items {
		b.Items = append(b.Items, shop.BasketItem{ID: it.Item, Quantity: it.Quantity, Product: it.product()})
	}
	return b, nil
}

// Quote returns what the lines would be as a basket, and the products that do not exist.
func (db *DB) Quote(ctx context.Context, lines []shop.BasketLine) (b *shop.Basket, unknown []int64, err error) {
	if lines, err = shop.Union(nil, lines); err != nil {
		return nil, nil, err
	}
	ids, quantities := unzip(lines)
	err = db.read(ctx, func(ctx context.Context, conn *pgxpool.Conn, replica bool) error {
		known := db.minimum.Load()
		if b, err = readBasket(ctx, conn, quoteSQL, ids, quantities); err != nil {
			return err
		}
		version := b.Version
		b.Version = 0
		return db.fresh(version, known, replica)
	})
	if err != nil {
		return nil, nil, err
	}
	for _, id := range ids {
		if !slices.ContainsFunc(b.Items, func(it shop.BasketItem) bool { return it.Product.ID == id }) {
			unknown = append(unknown, id)
		}
	}
	return b, unknown, nil
}

// EditBasket changes the user's basket. Lines that stay keep their id and their place.
func (db *DB) EditBasket(ctx context.Context, userID int64, edit shop.BasketEdit) (b *shop.Basket, err error) {
	err = db.writeTx(ctx, func(tx pgx.Tx) error {
		if _, err := lockUser(ctx, tx, userID); err != nil {
			return err
		}
		if b, err = readBasket(ctx, tx, basketSQL, userID); err != nil {
			return err
		}
		if edit.Versions != nil && !slices.Contains(edit.Versions, b.Version) {
			return shop.ErrBasketChanged(shop.EPRECONDITION)
		}
		have := b.Lines()
		lines, err := edit.Lines(have)
		if err != nil {
			return err
		}
		unknown, err := unknownProducts(ctx, tx, lines)
		if err != nil {
			return err
		}
		if len(unknown) > 0 && edit.Unknown != nil {
			if err := edit.Unknown(unknown); err != nil {
				return err
			}
		}
		lines = slices.DeleteFunc(slices.Clone(lines), func(l shop.BasketLine) bool { return slices.Contains(unknown, l.ProductID) })
		if slices.Equal(lines, have) {
			return nil
		}
		if err := storeBasket(ctx, tx, userID, lines); err != nil {
			return err
		}
		b, err = readBasket(ctx, tx, basketSQL, userID)
		return err
	})
	if violated(err) != "" { // a product was removed in between
		return nil, shop.Errorf(shop.EINVALID, "The basket holds a product that is no longer sold")
	}
	if err != nil {
		return nil, err
	}
	return b, nil
}

// unknownProducts returns which of the products do not exist, in the order of the lines.
func unknownProducts(ctx context.Context, tx pgx.Tx, lines []shop.BasketLine) ([]int64, error) {
	ids, _ := unzip(lines)
	rows, err := tx.Query(ctx, `
		SELECT l.id FROM unnest($1::bigint[]) WITH ORDINALITY l(id, position)
		WHERE NOT EXISTS (SELECT FROM products p WHERE p.id = l.id) ORDER BY l.position`, ids)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[int64])
}

// storeBasket makes the lines the basket of a user who is locked.
func storeBasket(ctx context.Context, tx pgx.Tx, userID int64, lines []shop.BasketLine) error {
	ids, quantities := unzip(lines)
	if _, err := tx.Exec(ctx, "DELETE FROM basket_items WHERE user_id = $1 AND product_id <> ALL ($2)", userID, ids); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `
		INSERT INTO basket_items (user_id, product_id, quantity)
		SELECT $1, l.id, l.quantity FROM unnest($2::bigint[], $3::integer[]) WITH ORDINALITY l(id, quantity, position)
		ORDER BY l.position
		ON CONFLICT ON CONSTRAINT basket_items_once_key DO UPDATE SET quantity = EXCLUDED.quantity`, userID, ids, quantities); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, "UPDATE users SET basket_version = basket_version + 1 WHERE id = $1", userID)
	return err
}

func unzip(lines []shop.BasketLine) (ids []int64, quantities []int32) {
	ids, quantities = make([]int64, len(lines)), make([]int32, len(lines))
	for i, l := range lines {
		ids[i], quantities[i] = l.ProductID, int32(l.Quantity)
	}
	return ids, quantities
}

// ReplaceBasket stores the lines, added up, instead of what was there.
func (db *DB) ReplaceBasket(ctx context.Context, userID int64, lines []shop.BasketLine) error {
	_, err := db.EditBasket(ctx, userID, shop.BasketEdit{
		Lines:   func([]shop.BasketLine) ([]shop.BasketLine, error) { return shop.AddUp(lines) },
		Unknown: func(ids []int64) error { return shop.Errorf(shop.EINVALID, "There is no product %d", ids[0]) },
	})
	return err
}

// RemoveFromBasket takes a product out of the basket.
func (db *DB) RemoveFromBasket(ctx context.Context, userID, productID int64) error {
	_, err := db.EditBasket(ctx, userID, shop.BasketEdit{
		Lines: func(have []shop.BasketLine) ([]shop.BasketLine, error) {
			rest, found := shop.Without(have, productID)
			if !found {
				return nil, shop.Errorf(shop.ENOTFOUND, "Product not found in basket")
			}
			return rest, nil
		},
	})
	return err
}
