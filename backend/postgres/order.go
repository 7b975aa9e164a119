package postgres

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	shop "grocery/backend"
)

var _ shop.OrderService = (*DB)(nil)

// Every transaction here takes its locks in this order, so that none waits for another
// in a circle: the user, the order, the products by id.

// Purchase turns the user's basket into an order paid in cash.
func (db *DB) Purchase(ctx context.Context, userID int64) (*shop.Order, error) {
	o, _, err := db.OpenOrder(ctx, userID, &shop.OrderRequest{})
	return o, err
}

// OpenOrder turns the user's basket into an order. Those of one user happen one after
// the other: of two at once, one finds the basket empty, or the order of the other.
func (db *DB) OpenOrder(ctx context.Context, userID int64, r *shop.OrderRequest) (o *shop.Order, replayed bool, err error) {
	err = db.writeTx(ctx, func(tx pgx.Tx) error {
		o, replayed = nil, false
		user, err := lockUser(ctx, tx, userID)
		if err != nil {
			return err
		}
		hash := r.Hash()
		if r.Key != "" {
			if o, err = orderOfKey(ctx, tx, userID, r.Key, hash[:]); o != nil || err != nil {
				replayed = o != nil
				return err
			}
		}
		b, err := readBasket(ctx, tx, basketSQL, userID)
		if err != nil {
			return err
		}
		if err := lockProducts(ctx, tx, b); err != nil {
			return err
		}
		if o, err = shop.NewOrder(user, b, db.now()); err != nil {
			return err
		}
		switch {
		case r.BasketVersion != nil && *r.BasketVersion != b.Version:
			return shop.ErrBasketChanged(shop.ECONFLICT)
		case r.ExpectedTotal != nil && *r.ExpectedTotal != o.Total:
			return shop.Errorf(shop.ECONFLICT, "The total is %s EUR now. Please look at your basket again.", o.Total).
				Because("total_changed").With("total_cents", int64(o.Total))
		}
		if err := shop.CheckStock(b); err != nil {
			return err
		}
		o.Address = r.Address
		if r.Method == shop.Card {
			o.Status = shop.Pending
			o.Payment = shop.Payment{Method: shop.Card, Status: shop.PaymentPending, Reference: rand.Text()}
		}
		if err := insertOrder(ctx, tx, o, r.Key, hash[:]); err != nil {
			return err
		}
		if err := takeFromStock(ctx, tx, o.ID); err != nil {
			return err
		}
		return storeBasket(ctx, tx, userID, nil)
	})
	if err != nil {
		return nil, false, err
	}
	return o, replayed, nil
}

// orderOfKey returns the order that was made with a key, nil if there is none.
func orderOfKey(ctx context.Context, tx pgx.Tx, userID int64, key string, hash []byte) (*shop.Order, error) {
	var id int64
	var same bool
	err := tx.QueryRow(ctx, "SELECT id, request_sha256 = $3 FROM orders WHERE user_id = $1 AND idempotency_key = $2", userID, key, hash).Scan(&id, &same)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil, nil
	case err != nil:
		return nil, err
	case !same:
		return nil, shop.ErrKeyReused
	}
	return readOrder(ctx, tx, "o.id = $1", id)
}

// lockProducts holds the products of a basket, in the order of their ids, and writes
// into the basket what they cost now and how many there are.
func lockProducts(ctx context.Context, tx pgx.Tx, b *shop.Basket) error {
	ids, _ := unzip(b.Lines())
	rows, err := tx.Query(ctx, "SELECT id, name, price_cents, stock, is_alcohol, image_url FROM products WHERE id = ANY ($1) ORDER BY id FOR NO KEY UPDATE", ids)
	if err != nil {
		return err
	}
	now := make(map[int64]shop.Product, len(ids))
	var p shop.Product
	if _, err := pgx.ForEachRow(rows, []any{&p.ID, &p.Name, &p.Price, &p.Stock, &p.IsAlcohol, &p.ImageURL}, func() error {
		now[p.ID] = p
		return nil
	}); err != nil {
		return err
	}
	for i := range b.Items {
		p, ok := now[b.Items[i].Product.ID]
		if !ok { // removed since the basket was read
			return shop.ErrBasketChanged(shop.ECONFLICT)
		}
		b.Items[i].Product = p
	}
	return nil
}

// takeFromStock takes what is ordered from products that are locked.
func takeFromStock(ctx context.Context, tx pgx.Tx, orderID int64) error {
	_, err := tx.Exec(ctx, `
		UPDATE products p SET stock = p.stock - i.quantity
		FROM order_items i WHERE i.order_id = $1 AND p.id = i.product_id`, orderID)
	return err
}

func insertOrder(ctx context.Context, tx pgx.Tx, o *shop.Order, key string, hash []byte) error {
	var address []byte
	if o.Address != nil {
		var err error
		if address, err = json.Marshal(o.Address); err != nil {
			return err
		}
	}
	if key == "" {
		hash = nil
	}
	err := tx.QueryRow(ctx, `
		INSERT INTO orders (user_id, status, subtotal_cents, delivery_cents, address, payment_method, payment_status,
		                    payment_reference, idempotency_key, request_sha256)
		VALUES ($1, $2, $3, $4, $5, $6, $7, nullif($8, ''), nullif($9, ''), $10) RETURNING id, created_at`,
		o.UserID, o.Status, int64(o.Subtotal), int64(o.Delivery), address, o.Payment.Method, o.Payment.Status,
		o.Payment.Reference, key, hash).Scan(&o.ID, &o.CreatedAt)
	if err != nil {
		return err
	}
	n := len(o.Items)
	ids, names, images, prices, quantities := make([]int64, n), make([]string, n), make([]string, n), make([]int64, n), make([]int32, n)
	for i, it := range o.Items {
		ids[i], names[i], images[i], prices[i], quantities[i] = it.ProductID, it.Name, it.ImageURL, int64(it.Price), int32(it.Quantity)
	}
	if _, err := tx.Exec(ctx, `
		INSERT INTO order_items (order_id, position, product_id, name, image_url, price_cents, quantity)
		SELECT $1, l.position, l.id, l.name, l.image, l.price, l.quantity
		FROM unnest($2::bigint[], $3::text[], $4::text[], $5::bigint[], $6::integer[]) WITH ORDINALITY l(id, name, image, price, quantity, position)`,
		o.ID, ids, names, images, prices, quantities); err != nil {
		return err
	}
	if o.Status == shop.Placed {
		return rememberPurchases(ctx, tx, o.ID)
	}
	return nil
}

// rememberPurchases makes the buyer of a placed order one who has bought its products.
func rememberPurchases(ctx context.Context, tx pgx.Tx, orderID int64) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO purchases (user_id, product_id)
		SELECT o.user_id, i.product_id FROM orders o JOIN order_items i ON i.order_id = o.id
		WHERE o.id = $1 AND o.user_id IS NOT NULL AND i.product_id IS NOT NULL ORDER BY i.position
		ON CONFLICT DO NOTHING`, orderID)
	return err
}

// lockOrder holds an order, and before it its buyer. It returns the buyer, 0 when the
// account is gone, and the order's status, "" when there is no such order.
func lockOrder(ctx context.Context, tx pgx.Tx, id int64) (userID int64, status shop.OrderStatus, err error) {
	err = tx.QueryRow(ctx, "SELECT u.id FROM users u JOIN orders o ON o.user_id = u.id WHERE o.id = $1 FOR NO KEY UPDATE OF u", id).Scan(&userID)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return 0, "", err
	}
	err = tx.QueryRow(ctx, "SELECT status FROM orders WHERE id = $1 FOR NO KEY UPDATE", id).Scan(&status)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, "", nil
	}
	return userID, status, err
}

// PlaceOrder makes a pending order a placed one.
func (db *DB) PlaceOrder(ctx context.Context, id int64, a *shop.Authorization) (status shop.OrderStatus, err error) {
	err = db.writeTx(ctx, func(tx pgx.Tx) error {
		if _, status, err = lockOrder(ctx, tx, id); err != nil || status != shop.Pending {
			return err
		}
		status = shop.Placed
		if _, err := tx.Exec(ctx, "UPDATE orders SET status = $2, payment_status = $3, card_last4 = nullif($4, '') WHERE id = $1",
			id, shop.Placed, shop.PaymentAuthorized, a.Last4); err != nil {
			return err
		}
		return rememberPurchases(ctx, tx, id)
	})
	return status, err
}

// CancelOrder cancels a pending order and gives back its goods.
func (db *DB) CancelOrder(ctx context.Context, id int64, payment shop.PaymentStatus) (cancelled bool, err error) {
	err = db.writeTx(ctx, func(tx pgx.Tx) error {
		userID, status, err := lockOrder(ctx, tx, id)
		if err != nil || status != shop.Pending {
			cancelled = false
			return err
		}
		cancelled = true
		if _, err := tx.Exec(ctx, "UPDATE orders SET status = $2, payment_status = $3 WHERE id = $1", id, shop.Cancelled, payment); err != nil {
			return err
		}
		o, err := readOrder(ctx, tx, "o.id = $1", id)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `
			SELECT FROM products WHERE id IN (SELECT product_id FROM order_items WHERE order_id = $1) ORDER BY id FOR NO KEY UPDATE`, id); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `
			UPDATE products p SET stock = least(p.stock::bigint + i.quantity, 2147483647)
			FROM order_items i WHERE i.order_id = $1 AND p.id = i.product_id`, id); err != nil {
			return err
		}
		if userID == 0 {
			return nil
		}
		return putBack(ctx, tx, userID, o.Items)
	})
	return cancelled && err == nil, err
}

// putBack puts the goods of an order into the basket again, as far as there is room.
func putBack(ctx context.Context, tx pgx.Tx, userID int64, items []shop.OrderItem) error {
	b, err := readBasket(ctx, tx, basketSQL, userID)
	if err != nil {
		return err
	}
	lines := b.Lines()
	for _, it := range items {
		if it.ProductID == 0 {
			continue
		}
		more, err := shop.Union(lines, []shop.BasketLine{{ProductID: it.ProductID, Quantity: it.Quantity}})
		if err != nil {
			continue // the basket is full
		}
		lines = more
	}
	return storeBasket(ctx, tx, userID, lines)
}

// SetPaymentStatus moves a payment on.
func (db *DB) SetPaymentStatus(ctx context.Context, id int64, from, to shop.PaymentStatus) error {
	return db.exec(ctx, "UPDATE orders SET payment_status = $3 WHERE id = $1 AND payment_status = $2", id, from, to)
}

// An order that is pending is asked for until it is settled; money that is promised or to
// be given back for the last time when shop.GiveUpTime ($3) is over.
const claimSQL = `
UPDATE orders SET checked_at = now() WHERE id IN (
    SELECT id FROM orders
    WHERE payment_status IN ('pending', 'authorized', 'voiding') AND created_at <= now() - $1::interval
      AND (checked_at IS NULL OR checked_at <= now() - least($1::interval, interval '1 minute'))
      AND (payment_status = 'pending' OR checked_at IS NULL OR checked_at < created_at + $3::interval)
    ORDER BY created_at LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED)
RETURNING id`

// UnsettledOrders returns orders whose payment has to be looked after.
func (db *DB) UnsettledOrders(ctx context.Context, age time.Duration, limit int) (orders []*shop.Order, err error) {
	err = db.write(ctx, func(conn *pgxpool.Conn) error {
		rows, err := conn.Query(ctx, claimSQL, age, limit, shop.GiveUpTime)
		if err != nil {
			return err
		}
		ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
		if err != nil || len(ids) == 0 {
			return err
		}
		orders, err = readOrders(ctx, conn, "o.id = ANY ($1) ORDER BY o.id", ids)
		return err
	})
	return orders, err
}

// ordersSQL reads orders with their items, in one snapshot.
const ordersSQL = `
SELECT o.id, COALESCE(o.user_id, 0), o.status, o.subtotal_cents, o.delivery_cents, o.total_cents, o.address, o.payment_method, o.payment_status,
       COALESCE(o.payment_reference, ''), COALESCE(o.card_last4, ''), o.created_at,
       (SELECT json_agg(json_build_object('ProductID', COALESCE(i.product_id, 0), 'Name', i.name, 'ImageURL', i.image_url,
               'Cents', i.price_cents, 'Quantity', i.quantity) ORDER BY i.position)
        FROM order_items i WHERE i.order_id = o.id)
FROM orders o WHERE `

type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

func readOrders(ctx context.Context, q querier, where string, args ...any) ([]*shop.Order, error) {
	rows, err := q.Query(ctx, ordersSQL+where, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scanOrder)
}

func scanOrder(r pgx.CollectableRow) (*shop.Order, error) {
	o := &shop.Order{}
	var address, raw []byte
	if err := r.Scan(&o.ID, &o.UserID, &o.Status, &o.Subtotal, &o.Delivery, &o.Total, &address, &o.Payment.Method, &o.Payment.Status,
		&o.Payment.Reference, &o.Payment.Last4, &o.CreatedAt, &raw); err != nil {
		return nil, err
	}
	var items []struct {
		shop.OrderItem
		Cents int64
	}
	for what, into := range map[*[]byte]any{&address: &o.Address, &raw: &items} {
		if *what == nil {
			continue
		}
		if err := json.Unmarshal(*what, into); err != nil {
			return nil, fmt.Errorf("read order %d: %w", o.ID, err)
		}
	}
	for _, it := range items {
		it.Price = shop.Cents(it.Cents)
		o.Items = append(o.Items, it.OrderItem)
	}
	return o, nil
}

// readOrder returns one order, or shop.ErrOrderNotFound.
func readOrder(ctx context.Context, q querier, where string, args ...any) (*shop.Order, error) {
	orders, err := readOrders(ctx, q, where, args...)
	if err != nil {
		return nil, err
	}
	if len(orders) == 0 {
		return nil, shop.ErrOrderNotFound
	}
	return orders[0], nil
}

// Order returns one of the user's orders.
func (db *DB) Order(ctx context.Context, userID, id int64) (o *shop.Order, err error) {
	err = db.read(ctx, func(ctx context.Context, conn *pgxpool.Conn, _ bool) error {
		o, err = readOrder(ctx, conn, "o.id = $1 AND o.user_id = $2", id, userID)
		return err
	})
	return o, err
}

// Orders returns a page of the user's orders, the newest first.
func (db *DB) Orders(ctx context.Context, userID, before int64, limit int) (orders []*shop.Order, err error) {
	err = db.read(ctx, func(ctx context.Context, conn *pgxpool.Conn, _ bool) error {
		orders, err = readOrders(ctx, conn, "o.user_id = $1 AND ($2::bigint = 0 OR o.id < $2) ORDER BY o.id DESC LIMIT $3", userID, before, limit)
		return err
	})
	return orders, err
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
