package postgres

import (
	"context"

	"github.com/jackc/pgx/v5/pgxpool"

	shop "grocery/backend"
)

var _ shop.FavouriteService = (*DB)(nil)

// Favourites returns the ids of the marked products, oldest mark first.
func (db *DB) Favourites(ctx context.Context, userID int64) ([]int64, error) {
	return db.ids(ctx, "SELECT product_id FROM favourites WHERE user_id = $1 ORDER BY created_at, product_id", userID)
}

// AddFavourite marks a product; marking twice is no error.
func (db *DB) AddFavourite(ctx context.Context, userID, productID int64) error {
	err := db.exec(ctx, "INSERT INTO favourites (user_id, product_id) VALUES ($1, $2) ON CONFLICT DO NOTHING", userID, productID)
	switch violated(err) {
	case "favourites_product_id_fkey":
		return errProductNotFound
	case "favourites_user_id_fkey":
		return errUserNotFound
	}
	return err
}

// RemoveFavourite takes the mark away.
func (db *DB) RemoveFavourite(ctx context.Context, userID, productID int64) error {
	return db.write(ctx, func(conn *pgxpool.Conn) error {
		tag, err := conn.Exec(ctx, "DELETE FROM favourites WHERE user_id = $1 AND product_id = $2", userID, productID)
		if err == nil && tag.RowsAffected() == 0 {
			return shop.Errorf(shop.ENOTFOUND, "Product not found in favorites")
		}
		return err
	})
}

var errProductNotFound = shop.Errorf(shop.ENOTFOUND, "Product not found")
