package postgres

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	shop "grocery/backend"
)

// reviewOrders are the sign of the rating in each order of reviews.
var reviewOrders = map[shop.ReviewSort]string{shop.ReviewsNewest: "0 * ", shop.ReviewsHighest: "-", shop.ReviewsLowest: "+"}

const shownReviewSQL = `
SELECT r.id, r.product_id, coalesce(r.user_id, 0), coalesce(u.username, r.author), coalesce(u.avatar, ''), r.rating::float8, r.comment, r.created_at,
       EXISTS (SELECT FROM purchases b WHERE b.user_id = r.user_id AND b.product_id = r.product_id)
FROM reviews r LEFT JOIN users u ON u.id = r.user_id`

func scanReview(row pgx.CollectableRow) (r shop.ShownReview, err error) {
	return r, row.Scan(&r.ID, &r.ProductID, &r.UserID, &r.Author, &r.Avatar, &r.Rating, &r.Comment, &r.CreatedAt, &r.Verified)
}

// ProductReviews returns a page of the reviews of a product. It asks the primary when
// somebody is signed in, who may have written or bought a moment ago.
func (db *DB) ProductReviews(ctx context.Context, q shop.ReviewQuery) (page *shop.ReviewPage, err error) {
	from := db.read
	if q.Caller != 0 {
		from = func(ctx context.Context, fn func(context.Context, *pgxpool.Conn, bool) error) error {
			return db.write(ctx, func(conn *pgxpool.Conn) error { return fn(ctx, conn, false) })
		}
	}
	err = from(ctx, func(ctx context.Context, conn *pgxpool.Conn, replica bool) error {
		page = &shop.ReviewPage{}
		known := db.minimum.Load()
		var version int64
		var exists bool
		var counts []int32
		if err := conn.QueryRow(ctx, `
			SELECT (SELECT version FROM catalogue_version), EXISTS (SELECT FROM products WHERE id = $1),
			       coalesce(round(avg(rating), 1), 0)::float8, count(*),
			       ARRAY(SELECT count(o.id)::integer FROM generate_series(1, 5) n LEFT JOIN reviews o ON o.product_id = $1 AND ceil(o.rating) = n GROUP BY n ORDER BY n),
			       EXISTS (SELECT FROM purchases WHERE user_id = $2 AND product_id = $1)
			FROM reviews WHERE product_id = $1`, q.ProductID, q.Caller).
			Scan(&version, &exists, &page.Rating.Average, &page.Rating.Count, &counts, &page.CanReview); err != nil {
			return err
		}
		if err := db.fresh(version, known, replica); err != nil {
			return err
		}
		if !exists && replica {
			return errStale // the primary may know it
		}
		if !exists {
			return errProductNotFound
		}
		for i := range page.ByRating {
			page.ByRating[i] = int(counts[i])
		}
		return readReviews(ctx, conn, q, page)
	})
	if err != nil {
		return nil, err
	}
	return page, nil
}

// readReviews reads the reviews of the page, and the caller's own.
func readReviews(ctx context.Context, conn *pgxpool.Conn, q shop.ReviewQuery, page *shop.ReviewPage) error {
	after := shop.ReviewKey{Rating: math.Inf(-1), ID: math.MaxInt64}
	if q.After != nil {
		after = *q.After
	}
	// Rising by the signed rating, then falling by time and id.
	order := fmt.Sprintf("%sr.rating::float8", reviewOrders[q.Sort])
	rows, err := conn.Query(ctx, shownReviewSQL+`
		WHERE r.product_id = $1 AND ($2 OR `+order+` > $3 OR `+order+` = $3 AND (r.created_at, r.id) < ($4, $5))
		ORDER BY `+order+`, r.created_at DESC, r.id DESC LIMIT $6`,
		q.ProductID, q.After == nil, after.Rating, after.At, after.ID, q.Limit+1)
	if err != nil {
		return err
	}
	if page.Reviews, err = pgx.CollectRows(rows, scanReview); err != nil {
		return err
	}
	if len(page.Reviews) > q.Limit {
		page.Reviews = page.Reviews[:q.Limit]
		last := page.Reviews[q.Limit-1]
		sign := map[shop.ReviewSort]float64{shop.ReviewsHighest: -1, shop.ReviewsLowest: 1}[q.Sort]
		page.Next = &shop.ReviewKey{Rating: sign * last.Rating, At: last.CreatedAt, ID: last.ID}
	}
	if q.Caller == 0 {
		return nil
	}
	if rows, err = conn.Query(ctx, shownReviewSQL+" WHERE r.product_id = $1 AND r.user_id = $2", q.ProductID, q.Caller); err != nil {
		return err
	}
	mine, err := pgx.CollectExactlyOneRow(rows, scanReview)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	page.Mine = &mine
	return err
}
