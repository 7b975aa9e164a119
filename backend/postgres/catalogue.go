package postgres

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	shop "grocery/backend"
)

var _ shop.CatalogueService = (*DB)(nil)

// CatalogueVersion returns the number that grows with every change of the catalogue.
func (db *DB) CatalogueVersion(ctx context.Context) (version int64, err error) {
	err = db.read(ctx, func(ctx context.Context, conn *pgxpool.Conn, replica bool) error {
		known := db.minimum.Load()
		if err := conn.QueryRow(ctx, "SELECT version FROM catalogue_version").Scan(&version); err != nil {
			return err
		}
		return db.fresh(version, known, replica)
	})
	return version, err
}

// CatalogueKnown returns the newest version that this server has written or seen of the
// primary.
func (db *DB) CatalogueKnown() int64 { return db.minimum.Load() }

// The whole catalogue in one statement, which is one snapshot. The version comes
// with every row; reviews come as JSON, with the author's present name.
const catalogueSQL = `
SELECT v.version, p.id, p.name, p.category, p.description, p.pack, p.price_cents, p.image_url, p.is_alcohol, r.reviews
FROM catalogue_version v
CROSS JOIN products p
LEFT JOIN (
    SELECT r.product_id, json_agg(json_build_object('id', r.id, 'product_id', r.product_id,
           'author', COALESCE(u.username, r.author), 'rating', r.rating, 'comment', r.comment) ORDER BY r.id) AS reviews
    FROM reviews r LEFT JOIN users u ON u.id = r.user_id
    GROUP BY r.product_id
) r ON r.product_id = p.id
ORDER BY p.id`

// Catalogue returns every product with its reviews as one snapshot.
func (db *DB) Catalogue(ctx context.Context) (c *shop.Catalogue, err error) {
	err = db.read(ctx, func(ctx context.Context, conn *pgxpool.Conn, replica bool) error {
		c = &shop.Catalogue{}
		known := db.minimum.Load()
		rows, err := conn.Query(ctx, catalogueSQL)
		if err != nil {
			return err
		}
		c.Products, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (shop.Product, error) {
			p, reviews := shop.Product{}, []byte(nil)
			err := row.Scan(&c.Version, &p.ID, &p.Name, &p.Category, &p.Description, &p.Pack, &p.Price, &p.ImageURL, &p.IsAlcohol, &reviews)
			if err == nil && reviews != nil {
				err = json.Unmarshal(reviews, &p.Reviews)
			}
			return p, err
		})
		if err != nil {
			return err
		}
		if len(c.Products) == 0 {
			return db.emptyCatalogue(ctx, conn, replica, c)
		}
		return db.fresh(c.Version, known, replica)
	})
	if err != nil {
		return nil, err
	}
	return c, nil
}

// emptyCatalogue believes the primary alone that there is no product.
func (db *DB) emptyCatalogue(ctx context.Context, conn *pgxpool.Conn, replica bool, c *shop.Catalogue) error {
	if replica {
		return errStale
	}
	if !db.migrated.Load() {
		return shop.Unavailable(errors.New("the catalogue is not loaded yet"))
	}
	return conn.QueryRow(ctx, "SELECT version FROM catalogue_version").Scan(&c.Version)
}

// fresh refuses what a replica says from before a change that this server knew of
// when it asked. What the primary says is true, also when it went back to an earlier
// state (a restore): what is known is corrected then.
func (db *DB) fresh(version, known int64, replica bool) error {
	if version >= known {
		return nil
	}
	if replica {
		return errStale
	}
	db.minimum.CompareAndSwap(known, version)
	return nil
}

// changed notes the catalogue's version at the end of a transaction that changed it,
// so that no later read of this server comes from before it.
func (db *DB) changed(version int64) {
	for {
		known := db.minimum.Load()
		if version <= known || db.minimum.CompareAndSwap(known, version) {
			return
		}
	}
}
