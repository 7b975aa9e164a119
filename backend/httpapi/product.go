package httpapi

import shop "grocery/backend"

// productV1 is a product as /api/v1 shows it, wherever it stands: in the catalogue,
// in a basket, among the favourites.
type productV1 struct {
	ID          int64    `json:"id"`
	Name        string   `json:"name"`
	Description string   `json:"description"`
	Category    string   `json:"category"`
	Pack        string   `json:"pack"`
	PriceCents  int64    `json:"price_cents"`
	ImageURL    string   `json:"image_url"`
	IsAlcohol   bool     `json:"is_alcohol"`
	Stock       int      `json:"stock"`
	Rating      ratingV1 `json:"rating"`
}

type ratingV1 struct {
	Average *float64 `json:"average"` // null without a review
	Count   int      `json:"count"`
}

// maxShownStock is the largest stock that is told: more than anybody may order.
const maxShownStock = shop.MaxQuantity

func newProductV1(p shop.Product) productV1 {
	v := productV1{p.ID, p.Name, p.Description, p.Category, p.Pack, int64(p.Price), p.ImageURL, p.IsAlcohol, min(max(p.Stock, 0), maxShownStock), ratingV1{Count: p.Rating.Count}}
	if p.Rating.Count > 0 {
		v.Rating.Average = &p.Rating.Average
	}
	return v
}
