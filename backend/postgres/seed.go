package postgres

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/csv"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/jackc/pgx/v5"

	shop "grocery/backend"
)

//go:embed catalogue.csv
var catalogueCSV []byte

// catalogueColumns is the header of catalogue.csv. A picture is the name of an image
// of the set @lobehub/fluent-emoji-3d without its ending; the page serves it.
var catalogueColumns = []string{"name", "category", "description", "pack", "price_cents", "is_alcohol", "picture"}

// SeedProducts returns the catalogue the shop begins with, without ids.
func SeedProducts() ([]shop.Product, error) {
	records, err := csv.NewReader(bytes.NewReader(catalogueCSV)).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("catalogue.csv: %w", err)
	}
	if len(records) == 0 || !slices.Equal(records[0], catalogueColumns) {
		return nil, fmt.Errorf("catalogue.csv: the first line must be the columns %q", catalogueColumns)
	}
	products := make([]shop.Product, 0, len(records)-1)
	for i, r := range records[1:] {
		cents, err1 := strconv.ParseInt(r[4], 10, 32)
		alcohol, err2 := strconv.ParseBool(r[5])
		if err := errors.Join(err1, err2); err != nil {
			return nil, fmt.Errorf("catalogue.csv: product %d (%s): %w", i+1, r[0], err)
		}
		products = append(products, shop.Product{
			Name: r[0], Category: r[1], Description: r[2], Pack: r[3],
			Price: shop.Cents(cents), IsAlcohol: alcohol, ImageURL: "/products/" + r[6] + ".webp",
		})
	}
	return products, nil
}

// loadCatalogue stores the first catalogue when there are no products, in one
// transaction, and returns how many were stored.
func loadCatalogue(ctx context.Context, conn *pgx.Conn) (loaded int64, err error) {
	err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		var filled bool
		if err := tx.QueryRow(ctx, "SELECT EXISTS (SELECT FROM products)").Scan(&filled); err != nil || filled {
			return err
		}
		products, err := SeedProducts()
		if err != nil {
			return err
		}
		columns := []string{"name", "category", "description", "pack", "price_cents", "image_url", "is_alcohol"}
		loaded, err = tx.CopyFrom(ctx, pgx.Identifier{"products"}, columns,
			pgx.CopyFromSlice(len(products), func(i int) ([]any, error) {
				p := products[i]
				return []any{p.Name, p.Category, p.Description, p.Pack, int32(p.Price), p.ImageURL, p.IsAlcohol}, nil
			}))
		return err
	})
	return loaded, err
}
