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
		if err := mayReview(ctx, tx, userID, productID); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, "INSERT INTO reviews (product_id, user_id, rating, comment) VALUES ($1, $2, $3, $4)",
			productID, userID, in.Rating, in.Comment)
		return err
	})
	return reviewFault(err)
}

// mayReview refuses a user who has not bought the product.
func mayReview(ctx context.Context, tx pgx.Tx, userID, productID int64) error {
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
		return shop.Errorf(shop.EFORBIDDEN, "You can review a product after you have bought it").Because("not_purchased")
	}
	return nil
}

// reviewFault says which rule the database held against a review.
func reviewFault(err error) error {
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

// PutReview stores the user's review, be it the first or another one. Another one
// keeps the date of the first.
func (db *DB) PutReview(ctx context.Context, userID, productID int64, in shop.ReviewInput) (review *shop.ShownReview, created bool, err error) {
	if err := in.Validate(); err != nil {
		return nil, false, err
	}
	err = db.changeCatalogue(ctx, func(tx pgx.Tx) error {
		if err := mayReview(ctx, tx, userID, productID); err != nil {
			return err
		}
		r := shop.ShownReview{Verified: true}
		// A row that was inserted has no transaction that changed it.
		err := tx.QueryRow(ctx, `
			WITH put AS (
				INSERT INTO reviews (product_id, user_id, rating, comment) VALUES ($1, $2, $3, $4)
				ON CONFLICT ON CONSTRAINT reviews_once_key DO UPDATE SET rating = excluded.rating, comment = excluded.comment
				RETURNING id, product_id, user_id, rating, comment, created_at, xmax = 0 AS created)
			SELECT put.id, put.product_id, put.user_id, u.username, u.avatar, put.rating, put.comment, put.created_at, put.created
			FROM put JOIN users u ON u.id = put.user_id`, productID, userID, in.Rating, in.Comment).
			Scan(&r.ID, &r.ProductID, &r.UserID, &r.Author, &r.Avatar, &r.Rating, &r.Comment, &r.CreatedAt, &created)
		review = &r
		return err
	})
	if err != nil {
		return nil, false, reviewFault(err)
	}
	return review, created, nil
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
