package httpapi

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	shop "grocery/backend"
)

type facetsV1 struct {
	Categories []valueCount `json:"categories"`
	Price      struct {
		MinCents int64 `json:"min_cents"`
		MaxCents int64 `json:"max_cents"`
	} `json:"price"`
	Ratings []ratingCount `json:"ratings"`
	InStock count         `json:"in_stock"`
	Alcohol count         `json:"alcohol"`
}

type valueCount struct {
	Value string `json:"value"`
	Count int    `json:"count"`
}

type ratingCount struct {
	Value int `json:"value"` // this or better
	Count int `json:"count"`
}

type count struct {
	Count int `json:"count"`
}

// searchProducts answers with a page of the products that are asked for.
func (s *Server) searchProducts(w http.ResponseWriter, r *http.Request) error {
	values := r.URL.Query()
	q, err := productQuery(values)
	if err != nil {
		return err
	}
	scope := cursorScope(values)
	if c := values.Get("cursor"); c != "" {
		q.After = &shop.ProductKey{}
		if err := readCursor(c, scope, q.After); err != nil {
			return err
		}
		if !shop.Storable(q.After.Text) {
			return errCursor
		}
	}
	page, err := s.Search.SearchProducts(r.Context(), q)
	if err != nil {
		return err
	}
	f := facetsV1{Categories: []valueCount{}, Ratings: []ratingCount{}, InStock: count{page.Facets.InStock}, Alcohol: count{page.Facets.Alcohol}}
	f.Price.MinCents, f.Price.MaxCents = int64(page.Facets.MinPrice), int64(page.Facets.MaxPrice)
	for _, c := range page.Facets.Categories {
		f.Categories = append(f.Categories, valueCount{c.Value, c.Count})
	}
	for i, n := range page.Facets.Ratings {
		f.Ratings = append(f.Ratings, ratingCount{i + 1, n})
	}
	var next any
	if page.Next != nil {
		next = newCursor(scope, page.Next)
	}
	w.Header().Set("Cache-Control", "no-cache")
	writeJSON(w, http.StatusOK, map[string]any{
		"items": newProductsV1(page.Products), "next_cursor": next, "total": page.Total, "corrected": page.Corrected, "facets": f,
	})
	return nil
}

// productQuery reads a query of GET /api/v1/products.
func productQuery(values url.Values) (q shop.ProductQuery, err error) {
	q.Text, q.Sort = values.Get("q"), shop.Sort(values.Get("sort"))
	for _, c := range values["category"] {
		if c != "" {
			q.Categories = append(q.Categories, c)
		}
	}
	number := func(name string, low, high int) (n int) {
		v := values.Get(name)
		if v == "" || err != nil {
			return 0
		}
		var bad error
		if n, bad = strconv.Atoi(v); bad != nil || n < low || n > high {
			err = shop.Errorf(shop.EINVALID, "%s must be a whole number from %d to %d", name, low, high)
		}
		return n
	}
	boolean := func(name string) *bool {
		v := values.Get(name)
		if v == "" || err != nil {
			return nil
		}
		if v != "true" && v != "false" {
			err = shop.Errorf(shop.EINVALID, "%s must be true or false", name)
		}
		return new(v == "true")
	}
	q.MinPrice = shop.Cents(number("min_price_cents", 0, shop.MaxPriceFilter))
	q.MaxPrice = shop.Cents(number("max_price_cents", 0, shop.MaxPriceFilter))
	q.MinRating = number("min_rating", shop.MinRating, shop.MaxRating)
	q.Limit = number("limit", 1, shop.MaxPageSize)
	q.Alcohol = boolean("alcohol")
	if inStock := boolean("in_stock"); inStock != nil {
		q.InStock = *inStock
	}
	if err != nil {
		return q, err
	}
	return q, q.Validate()
}

func newProductsV1(products []shop.Product) []productV1 {
	out := make([]productV1, len(products))
	for i, p := range products {
		out[i] = newProductV1(p)
	}
	return out
}

// cursorScope is what a cursor of the products is good for: the same question, in
// pages of any size.
func cursorScope(values url.Values) string {
	same := url.Values{}
	for name, v := range values {
		if name != "cursor" && name != "limit" {
			same[name] = v
		}
	}
	return "products?" + strings.ReplaceAll(same.Encode(), "+", "%20")
}

// getProductV1 sends one product.
func (s *Server) getProductV1(w http.ResponseWriter, r *http.Request) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	p, err := s.Search.ProductByID(r.Context(), id)
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-cache")
	writeJSON(w, http.StatusOK, newProductV1(*p))
	return nil
}

// getCategories sends the aisles.
func (s *Server) getCategories(w http.ResponseWriter, r *http.Request) error {
	categories, err := s.Search.Categories(r.Context())
	if err != nil {
		return err
	}
	type category struct {
		Name     string `json:"name"`
		Count    int    `json:"count"`
		ImageURL string `json:"image_url"`
	}
	items := make([]category, len(categories))
	for i, c := range categories {
		items[i] = category{c.Name, c.Count, c.ImageURL}
	}
	w.Header().Set("Cache-Control", "no-cache")
	writeJSON(w, http.StatusOK, map[string]any{"items": items})
	return nil
}
