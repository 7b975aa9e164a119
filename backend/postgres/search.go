package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	shop "grocery/backend"
)

var _ shop.SearchService = (*DB)(nil)

// sortKeys are the columns that products are ordered by, before their ids. All of
// them rise, so that the place after a product is one comparison.
var sortKeys = map[shop.Sort]string{
	shop.SortRelevance: "-round(f.score * 1000000)::bigint",
	shop.SortShelf:     "0::bigint",
	shop.SortName:      `search_fold(f.name) COLLATE "C"`,
	shop.SortPrice:     "f.price_cents::bigint",
	shop.SortPriceDesc: "-f.price_cents::bigint",
	// As if every product had five more reviews of middling kind.
	shop.SortRating: "-round(1000000 * (coalesce(f.average * f.reviews, 0) + 5 * 3.5) / (f.reviews + 5))::bigint",
}

// closeEnough is the least similarity of a word to a product's name or category, from
// 0 to 1, when nothing has the words as written.
const closeEnough = 0.55

// searchSQL finds, counts and pages in one statement, which is one snapshot. Words
// match the beginnings of words, in any of their forms; when no product has all of
// them, those that sound alike do. A word of which nothing is left without accents and
// quotes, such as a lone accent, asks for nothing.
const searchSQL = `
WITH asked AS MATERIALIZED (
    SELECT to_tsquery('pg_catalog.english', string_agg('''' || folded || ''':*', ' & ')) AS query,
           array_agg(search_sound(w)) AS sounds,
           search_fold((array_agg(w ORDER BY position DESC))[1]) AS last
    FROM unnest($1::text[]) WITH ORDINALITY u(w, position) CROSS JOIN LATERAL translate(search_fold(w), '''\', '') folded
    WHERE folded <> ''
),
exact AS MATERIALIZED (
    SELECT p.id,
           ts_rank('{0, 0.1, 0.3, 1}', search_document(p.name, p.category, p.description), asked.query)
             -- the last word of a name says what it is: whole milk is milk, milk chocolate is not
             + CASE WHEN starts_with(substring(search_fold(p.name) FROM '[^ ]+$'), left(asked.last, greatest(length(asked.last) - 2, 3))) THEN 0.3 ELSE 0 END
             - length(p.name) * 0.001 AS score
    FROM asked JOIN products p ON search_document(p.name, p.category, p.description) @@ asked.query
),
near AS (
    SELECT p.id, s.score - length(p.name) * 0.001 AS score, s.least
    FROM asked CROSS JOIN products p CROSS JOIN LATERAL (
        SELECT avg(search_likeness(w, search_sound(p.name))) AS score,
               min(search_likeness(w, search_sound(p.name || ' ' || p.category))) AS least
        FROM unnest(asked.sounds) w) s
    WHERE NOT EXISTS (SELECT FROM exact) AND s.least >= %[2]g
),
alike AS MATERIALIZED ( -- what is much less like it than the best is left out
    SELECT id, score FROM near WHERE least >= (SELECT max(least) FROM near) - 0.15
),
hit AS (
    SELECT id, score, false AS corrected FROM exact
    UNION ALL SELECT id, score, true FROM alike
    UNION ALL SELECT id, 0, false FROM products WHERE (SELECT query IS NULL FROM asked)
),
rated AS (SELECT product_id, count(*) AS reviews, round(avg(rating), 1) AS average FROM reviews GROUP BY product_id),
found AS MATERIALIZED (
    SELECT p.id, p.name, p.category, p.description, p.pack, p.price_cents, p.image_url, p.is_alcohol, p.stock,
           coalesce(r.reviews, 0) AS reviews, r.average, hit.score, hit.corrected,
           cardinality($2::text[]) = 0 OR p.category = ANY ($2) AS of_category,
           p.price_cents >= $3 AND ($4 = 0 OR p.price_cents <= $4) AS of_price,
           $5 = 0 OR coalesce(r.average, 0) >= $5 AS of_rating,
           NOT $6 OR p.stock > 0 AS of_stock,
           $7::boolean IS NULL OR p.is_alcohol = $7 AS of_alcohol
    FROM hit JOIN products p USING (id) LEFT JOIN rated r ON r.product_id = p.id
),
chosen AS (
    SELECT f.*, %[1]s AS key FROM found f WHERE of_category AND of_price AND of_rating AND of_stock AND of_alcohol
),
page AS (
    SELECT * FROM chosen WHERE $8::bigint IS NULL OR (key, id) > ($9, $8) ORDER BY key, id LIMIT $10
)
SELECT (SELECT version FROM catalogue_version),
       (SELECT count(*) FROM chosen),
       coalesce((SELECT bool_or(corrected) FROM found), false),
       (SELECT json_build_object(
           'MinPrice', coalesce(min(price_cents) FILTER (WHERE of_category AND of_rating AND of_stock AND of_alcohol), 0),
           'MaxPrice', coalesce(max(price_cents) FILTER (WHERE of_category AND of_rating AND of_stock AND of_alcohol), 0),
           'Ratings', (SELECT json_agg(n ORDER BY least) FROM (
               SELECT least, count(f.id) AS n FROM generate_series(1, 5) least
               LEFT JOIN found f ON f.average >= least AND of_category AND of_price AND of_stock AND of_alcohol GROUP BY least) t),
           'InStock', count(*) FILTER (WHERE stock > 0 AND of_category AND of_price AND of_rating AND of_alcohol),
           'Alcohol', count(*) FILTER (WHERE is_alcohol AND of_category AND of_price AND of_rating AND of_stock),
           'Categories', (SELECT coalesce(json_agg(json_build_object('Value', category, 'Count', n) ORDER BY first), '[]') FROM (
               SELECT category, count(*) AS n, min(id) AS first FROM found WHERE of_price AND of_rating AND of_stock AND of_alcohol GROUP BY category) t))
        FROM found),
       (SELECT coalesce(json_agg(page ORDER BY key, id), '[]') FROM page)`

// row is a product as JSON from the database.
type row struct {
	ID          int64
	Name        string
	Category    string
	Description string
	Pack        string
	PriceCents  int64  `json:"price_cents"`
	ImageURL    string `json:"image_url"`
	IsAlcohol   bool   `json:"is_alcohol"`
	Stock       int
	Reviews     int
	Average     float64
	Key         json.RawMessage
}

func (r row) product() shop.Product {
	return shop.Product{ID: r.ID, Name: r.Name, Category: r.Category, Description: r.Description, Pack: r.Pack,
		Price: shop.Cents(r.PriceCents), ImageURL: r.ImageURL, IsAlcohol: r.IsAlcohol, Stock: r.Stock,
		Rating: shop.Rating{Average: r.Average, Count: r.Reviews}}
}

// SearchProducts answers a validated query.
func (db *DB) SearchProducts(ctx context.Context, q shop.ProductQuery) (page *shop.ProductPage, err error) {
	sql := fmt.Sprintf(searchSQL, sortKeys[q.Sort], closeEnough)
	words := q.Words()
	if words == nil {
		words = []string{}
	}
	categories := q.Categories
	if categories == nil {
		categories = []string{}
	}
	var afterID *int64
	var after any = int64(0)
	if q.Sort == shop.SortName {
		after = ""
	}
	if q.After != nil {
		afterID, after = &q.After.ID, q.After.Number
		if q.Sort == shop.SortName {
			after = q.After.Text
		}
	}
	err = db.read(ctx, func(ctx context.Context, conn *pgxpool.Conn, replica bool) error {
		page = &shop.ProductPage{}
		known := db.minimum.Load()
		var version int64
		var facets, rows []byte
		if err := conn.QueryRow(ctx, sql, words, categories, int32(q.MinPrice), int32(q.MaxPrice), int32(q.MinRating), q.InStock, q.Alcohol,
			afterID, after, q.Limit+1).Scan(&version, &page.Total, &page.Corrected, &facets, &rows); err != nil {
			return err
		}
		var found []row
		if err := errors.Join(json.Unmarshal(facets, &page.Facets), json.Unmarshal(rows, &found)); err != nil {
			return err
		}
		if len(found) > q.Limit {
			found = found[:q.Limit]
			last := found[q.Limit-1]
			page.Next = &shop.ProductKey{ID: last.ID}
			to := any(&page.Next.Number)
			if q.Sort == shop.SortName {
				to = &page.Next.Text
			}
			if err := json.Unmarshal(last.Key, to); err != nil {
				return err
			}
		}
		for _, r := range found {
			page.Products = append(page.Products, r.product())
		}
		return db.fresh(version, known, replica)
	})
	if err != nil {
		return nil, err
	}
	return page, nil
}

// productSQL reads products with what their reviews amount to.
const productSQL = `
SELECT v.version, p.id, p.name, p.category, p.description, p.pack, p.price_cents, p.image_url, p.is_alcohol, p.stock,
       coalesce(r.average, 0)::float8, coalesce(r.reviews, 0)
FROM catalogue_version v
CROSS JOIN unnest($1::bigint[]) WITH ORDINALITY wanted(id, position)
JOIN products p ON p.id = wanted.id
CROSS JOIN LATERAL (SELECT count(*) AS reviews, round(avg(rating), 1) AS average FROM reviews WHERE product_id = p.id) r
ORDER BY wanted.position`

// ProductsByID returns those products that exist, in the order of the ids.
func (db *DB) ProductsByID(ctx context.Context, ids []int64) (products []shop.Product, err error) {
	err = db.read(ctx, func(ctx context.Context, conn *pgxpool.Conn, replica bool) error {
		known := db.minimum.Load()
		rows, err := conn.Query(ctx, productSQL, ids)
		if err != nil {
			return err
		}
		version := known
		products, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (p shop.Product, err error) {
			return p, row.Scan(&version, &p.ID, &p.Name, &p.Category, &p.Description, &p.Pack, &p.Price, &p.ImageURL, &p.IsAlcohol, &p.Stock, &p.Rating.Average, &p.Rating.Count)
		})
		if err != nil {
			return err
		}
		if len(products) < len(ids) && replica {
			return errStale // the primary may know it
		}
		return db.fresh(version, known, replica)
	})
	return products, err
}

// ProductByID returns one product.
func (db *DB) ProductByID(ctx context.Context, id int64) (*shop.Product, error) {
	products, err := db.ProductsByID(ctx, []int64{id})
	if err != nil {
		return nil, err
	}
	if len(products) == 0 {
		return nil, errProductNotFound
	}
	return &products[0], nil
}

// Categories lists the aisles in the order of their first products.
func (db *DB) Categories(ctx context.Context) (categories []shop.Category, err error) {
	err = db.read(ctx, func(ctx context.Context, conn *pgxpool.Conn, replica bool) error {
		known := db.minimum.Load()
		version := known
		rows, err := conn.Query(ctx, `
			SELECT v.version, p.category, count(*), (array_agg(p.image_url ORDER BY p.id))[1]
			FROM catalogue_version v CROSS JOIN products p GROUP BY v.version, p.category ORDER BY min(p.id)`)
		if err != nil {
			return err
		}
		categories, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (c shop.Category, err error) {
			return c, row.Scan(&version, &c.Name, &c.Count, &c.ImageURL)
		})
		if err != nil {
			return err
		}
		return db.fresh(version, known, replica)
	})
	return categories, err
}
