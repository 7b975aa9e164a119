package shop

import (
	"context"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds of a question to the catalogue.
const (
	MaxQueryLength  = 100 // characters
	MaxQueryWords   = 8
	MaxCategories   = 50
	MaxPageSize     = 100
	DefaultPageSize = 24
	MaxPriceFilter  = 100_000_00 // cents
)

// Sort is an order of products.
type Sort string

// The orders of products. Equal ones follow by id.
const (
	SortRelevance Sort = "relevance" // the best match first; without a query the shelf's order
	SortShelf     Sort = "shelf"     // as the catalogue has them
	SortName      Sort = "name"      // A to Z
	SortPrice     Sort = "price"     // cheapest first
	SortPriceDesc Sort = "-price"    // dearest first
	SortRating    Sort = "rating"    // best rated first; few reviews count less than many
)

// Sorts are all orders.
var Sorts = []Sort{SortRelevance, SortShelf, SortName, SortPrice, SortPriceDesc, SortRating}

// ProductQuery asks for a page of products. Zero values ask for everything.
type ProductQuery struct {
	Text       string
	Categories []string // of one of these
	MinPrice   Cents
	MaxPrice   Cents // 0: no limit
	MinRating  int   // 0: no limit; products without a review have none
	InStock    bool
	Alcohol    *bool
	Sort       Sort
	Limit      int
	After      *ProductKey // continue after this one
}

// ProductKey is the place of a product in an order.
type ProductKey struct {
	Number int64  // of orders by a number
	Text   string // of SortName
	ID     int64
}

// Words takes the text apart into the words to look for: what lies between
// characters that are no letter or digit, at most MaxQueryWords.
func (q *ProductQuery) Words() []string {
	words := strings.FieldsFunc(q.Text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) })
	return words[:min(len(words), MaxQueryWords)]
}

// Validate checks the bounds and fills in what is left open.
func (q *ProductQuery) Validate() error {
	q.Text = strings.TrimSpace(q.Text)
	if q.Sort == "" {
		q.Sort = SortRelevance
	}
	if q.Limit == 0 {
		q.Limit = DefaultPageSize
	}
	switch {
	case utf8.RuneCountInString(q.Text) > MaxQueryLength || !Storable(q.Text):
		return Errorf(EINVALID, "q must be at most %d characters long", MaxQueryLength)
	case len(q.Categories) > MaxCategories:
		return Errorf(EINVALID, "category may be given at most %d times", MaxCategories)
	case q.MinPrice < 0 || q.MinPrice > MaxPriceFilter || q.MaxPrice < 0 || q.MaxPrice > MaxPriceFilter:
		return Errorf(EINVALID, "min_price_cents and max_price_cents must be whole numbers from 0 to %d", MaxPriceFilter)
	case q.MinRating < 0 || q.MinRating > MaxRating:
		return Errorf(EINVALID, "min_rating must be a whole number from %d to %d", MinRating, MaxRating)
	case q.Limit < 1 || q.Limit > MaxPageSize:
		return Errorf(EINVALID, "limit must be a whole number from 1 to %d", MaxPageSize)
	}
	for _, c := range q.Categories {
		if !Storable(c) || len(c) > 200 {
			return Errorf(EINVALID, "category holds characters that cannot be stored, or too many")
		}
	}
	if !slices.Contains(Sorts, q.Sort) {
		return Errorf(EINVALID, "sort must be one of relevance, shelf, name, price, -price and rating")
	}
	return nil
}

// ProductPage is the answer to a ProductQuery.
type ProductPage struct {
	Products  []Product   // without reviews
	Next      *ProductKey // nil at the end
	Total     int         // that satisfy the whole query
	Corrected bool        // nothing had the words as written; these come close
	Facets    Facets
}

// Facets say what each further filter would leave. The counts of a facet respect every
// filter of the query except that facet's own.
type Facets struct {
	Categories         []FacetCount
	MinPrice, MaxPrice Cents // 0, 0 without a product
	Ratings            []int // how many have at least 1, 2, 3, 4, 5
	InStock, Alcohol   int
}

// FacetCount is how many products have a value.
type FacetCount struct {
	Value string
	Count int
}

// Category is an aisle of the shop.
type Category struct {
	Name     string
	Count    int
	ImageURL string // of its first product
}

// SearchService finds products. Its answers may come from a read replica, but never
// from before a change of the catalogue that was made through the same service.
type SearchService interface {
	// SearchProducts answers a validated query.
	SearchProducts(ctx context.Context, q ProductQuery) (*ProductPage, error)
	// ProductByID returns one product without its reviews; ENOTFOUND.
	ProductByID(ctx context.Context, id int64) (*Product, error)
	// ProductsByID returns those that exist, in the order of the ids.
	ProductsByID(ctx context.Context, ids []int64) ([]Product, error)
	// Categories lists the aisles in the catalogue's order.
	Categories(ctx context.Context) ([]Category, error)
}
