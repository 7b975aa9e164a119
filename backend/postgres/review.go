package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	shop "grocery/backend"
)

var _ shop.ReviewService = (*DB)(nil)

// AddReview stores the user's first review of a product they have bought.
func (db *DB) AddReview(ctx context.Context, userID, productID int64, in shop.ReviewInput) error {
	if err := in.Validate(); err != nil {
		return err
	}
	err := db.changeCatalogue(ctx, func(tx pgx.Tx) error {
		var exists, bought bool
		if err := tx.QueryRow(ctx, `
			SELECT EXISTS (SELECT FROM products WHERE id = $2),
			       EXISTS (SELECT FROM purchases WHERE user_id = $1 AND product_id = $2)`,
			userID, productID).Scan(&exists, &bought); err != nil {
			return err
		}
		switch {
		case !exists:
			return errProductNotFound
		case !bought:
			return shop.Errorf(shop.EFORBIDDEN, "You can review a product after you have bought it")
		}
		_, err := tx.Exec(ctx, "INSERT INTO reviews (product_id, user_id, rating, comment) VALUES ($1, $2, $3, $4)",
			productID, userID, in.Rating, in.Comment)
		return err
	})
	switch violated(err) {
	case "reviews_once_key":
		return shop.Errorf(shop.ECONFLICT, "You have already reviewed this product")
	case "reviews_user_id_fkey":
		return errUserNotFound
	case "reviews_product_id_fkey":
		return errProductNotFound
	}
	return err
}

// UpdateReview changes the user's own review.
func (db *DB) UpdateReview(ctx context.Context, userID, productID int64, in shop.ReviewInput) error {
	if err := in.Validate(); err != nil {
		return err
	}
	return db.changeReview(ctx, "UPDATE reviews SET rating = $3, comment = $4 WHERE user_id = $1 AND product_id = $2",
		userID, productID, in.Rating, in.Comment)
}

// RemoveReview removes the user's own review.
func (db *DB) RemoveReview(ctx context.Context, userID, productID int64) error {
	return db.changeReview(ctx, "DELETE FROM reviews WHERE user_id = $1 AND product_id = $2", userID, productID)
}

func (db *DB) changeReview(ctx context.Context, sql string, args ...any) error {
	return db.changeCatalogue(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, sql, args...)
		if err == nil && tag.RowsAffected() == 0 {
			return shop.Errorf(shop.ENOTFOUND, "Review not found")
		}
		return err
	})
}

// changeCatalogue runs fn in a transaction and remembers the version it leads to.
func (db *DB) changeCatalogue(ctx context.Context, fn func(pgx.Tx) error) error {
	var version int64
	err := db.writeTx(ctx, func(tx pgx.Tx) error {
		if err := fn(tx); err != nil {
			return err
		}
		return tx.QueryRow(ctx, "SELECT version FROM catalogue_version").Scan(&version)
	})
	if err == nil {
		db.changed(version)
	}
	return err
}

// Reviewers lists the users who have written reviews, by name.
func (db *DB) Reviewers(ctx context.Context) (reviewers []shop.Reviewer, err error) {
	err = db.write(ctx, func(conn *pgxpool.Conn) error {
		rows, err := conn.Query(ctx, `
			SELECT u.username, u.avatar FROM users u
			WHERE EXISTS (SELECT FROM reviews r WHERE r.user_id = u.id)
			ORDER BY u.username`)
		if err != nil {
			return err
		}
		reviewers, err = pgx.CollectRows(rows, pgx.RowToStructByPos[shop.Reviewer])
		return err
	})
	return reviewers, err
}
