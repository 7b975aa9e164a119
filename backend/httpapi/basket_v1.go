package httpapi

import (
	"net/http"
	"strconv"
	"strings"

	shop "grocery/backend"
)

// basketV1 is a basket as /api/v1 shows it.
type basketV1 struct {
	Items           []basketItemV1 `json:"items"`
	SubtotalCents   int64          `json:"subtotal_cents"`
	DeliveryCents   int64          `json:"delivery_cents"`
	TotalCents      int64          `json:"total_cents"`
	FreeFromCents   int64          `json:"free_delivery_from_cents"`
	MissingForCents int64          `json:"missing_for_free_delivery_cents"`
	NeedsAdult      bool           `json:"needs_adult"`
	Version         int64          `json:"version"`
}

type basketItemV1 struct {
	Product   productV1 `json:"product"`
	Quantity  int       `json:"quantity"`
	LineCents int64     `json:"line_cents"`
	Available int       `json:"available"`
}

// mergedBasketV1 is a basket and the products that could not be put in.
type mergedBasketV1 struct {
	basketV1
	LeftOut []int64 `json:"left_out"`
}

func newBasketV1(b *shop.Basket) basketV1 {
	v := basketV1{
		Items: make([]basketItemV1, len(b.Items)), SubtotalCents: int64(b.Subtotal()), DeliveryCents: int64(b.Delivery()),
		TotalCents: int64(b.Total()), FreeFromCents: int64(shop.FreeDelivery),
		MissingForCents: int64(max(shop.FreeDelivery-b.Subtotal(), 0)), NeedsAdult: b.NeedsAdult(), Version: b.Version,
	}
	for i, it := range b.Items {
		v.Items[i] = basketItemV1{newProductV1(it.Product), it.Quantity, int64(it.Total()), it.Available()}
	}
	return v
}

func newMergedBasketV1(b *shop.Basket, leftOut []int64) mergedBasketV1 {
	if leftOut == nil {
		leftOut = []int64{}
	}
	return mergedBasketV1{newBasketV1(b), leftOut}
}

func basketETag(b *shop.Basket) string { return `"` + strconv.FormatInt(b.Version, 10) + `"` }

func writeBasket(w http.ResponseWriter, b *shop.Basket) {
	w.Header().Set("ETag", basketETag(b))
	writeJSON(w, http.StatusOK, newBasketV1(b))
}

// ifMatch returns the versions of the basket that the request is about, nil for any: the
// header is a list, RFC 9110 section 13.1.1.
func ifMatch(r *http.Request) (versions []int64, err error) {
	header := strings.TrimSpace(strings.Join(r.Header.Values("If-Match"), ","))
	if header == "" || header == "*" {
		return nil, nil
	}
	for tag := range strings.SplitSeq(header, ",") {
		// A proxy that compresses makes a tag a weak one; there is one form of a version.
		digits := strings.TrimPrefix(strings.TrimSpace(tag), "W/")
		version, err := strconv.ParseInt(strings.Trim(digits, `"`), 10, 64)
		if err != nil || version < 0 || digits != `"`+strconv.FormatInt(version, 10)+`"` {
			return nil, invalidField("If-Match", "The header If-Match must hold ETags of a basket")
		}
		versions = append(versions, version)
	}
	return versions, nil
}

// basketLines reads a list of products with quantities.
func basketLines(w http.ResponseWriter, r *http.Request) ([]shop.BasketLine, error) {
	var in struct {
		Items []struct {
			ProductID int64 `json:"product_id"`
			Quantity  int64 `json:"quantity"`
		} `json:"items"`
	}
	if err := decode(w, r, &in); err != nil {
		return nil, err
	}
	if in.Items == nil {
		return nil, invalidField("items", "items must be a list of products")
	}
	if len(in.Items) > shop.MaxBasketLines {
		return nil, invalidField("items", "a basket holds at most %d different products", shop.MaxBasketLines)
	}
	lines := make([]shop.BasketLine, len(in.Items))
	for i, it := range in.Items {
		if it.ProductID < 1 {
			return nil, invalidField("product_id", "product_id must be the id of a product")
		}
		q, err := basketQuantity(it.Quantity)
		if err != nil {
			return nil, err
		}
		lines[i] = shop.BasketLine{ProductID: it.ProductID, Quantity: q}
	}
	return lines, nil
}

func basketQuantity(n int64) (int, error) {
	if n < 1 || n > shop.MaxQuantity {
		return 0, invalidField("quantity", "quantity must be a whole number from 1 to %d", shop.MaxQuantity)
	}
	return int(n), nil
}

// quoteBasket tells what the goods in a guest's basket cost.
func (s *Server) quoteBasket(w http.ResponseWriter, r *http.Request) error {
	lines, err := basketLines(w, r)
	if err != nil {
		return err
	}
	b, unknown, err := s.Baskets.Quote(r.Context(), lines)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, newMergedBasketV1(b, unknown))
	return nil
}

// getBasketV1 sends the caller's basket.
func (s *Server) getBasketV1(w http.ResponseWriter, r *http.Request, userID int64) error {
	b, err := s.Baskets.Basket(r.Context(), userID)
	if err != nil {
		return err
	}
	writeBasket(w, b)
	return nil
}

// editBasket changes the caller's basket, if it is still the one that If-Match says.
func (s *Server) editBasket(r *http.Request, userID int64, edit shop.BasketEdit) (*shop.Basket, error) {
	var err error
	if edit.Versions, err = ifMatch(r); err != nil {
		return nil, err
	}
	b, err := s.Baskets.EditBasket(r.Context(), userID, edit)
	return b, s.withBasket(r, userID, err)
}

// withBasket adds to a refusal the basket as it is now, so that the page can show it.
func (s *Server) withBasket(r *http.Request, userID int64, err error) error {
	switch shop.ErrorReason(err) {
	case "basket_empty", "basket_changed", "total_changed", "out_of_stock", "card_declined":
	default:
		return err
	}
	// A replica may not know of the change that was in the way.
	b, other := s.Baskets.Basket(shop.WithReadAfter(r.Context(), ""), userID)
	if other != nil {
		return other
	}
	return withDetail(err, "basket", newBasketV1(b))
}

// clearBasket takes everything out of the caller's basket.
func (s *Server) clearBasket(w http.ResponseWriter, r *http.Request, userID int64) error {
	b, err := s.editBasket(r, userID, shop.BasketEdit{Lines: func([]shop.BasketLine) ([]shop.BasketLine, error) { return nil, nil }})
	if err != nil {
		return err
	}
	writeBasket(w, b)
	return nil
}

// putBasketItem has a quantity of a product in the caller's basket.
func (s *Server) putBasketItem(w http.ResponseWriter, r *http.Request, userID int64) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	var in struct {
		Quantity int64 `json:"quantity"`
	}
	if err := decode(w, r, &in); err != nil {
		return err
	}
	quantity, err := basketQuantity(in.Quantity)
	if err != nil {
		return err
	}
	b, err := s.editBasket(r, userID, shop.BasketEdit{
		Lines: func(have []shop.BasketLine) ([]shop.BasketLine, error) {
			return shop.SetQuantity(have, shop.BasketLine{ProductID: id, Quantity: quantity})
		},
		Unknown: func([]int64) error { return shop.Errorf(shop.ENOTFOUND, "Product not found") },
	})
	if err != nil {
		return err
	}
	writeBasket(w, b)
	return nil
}

// deleteBasketItem takes a product out of the caller's basket.
func (s *Server) deleteBasketItem(w http.ResponseWriter, r *http.Request, userID int64) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	b, err := s.editBasket(r, userID, shop.BasketEdit{Lines: func(have []shop.BasketLine) ([]shop.BasketLine, error) {
		rest, _ := shop.Without(have, id)
		return rest, nil
	}})
	if err != nil {
		return err
	}
	writeBasket(w, b)
	return nil
}

// mergeBasket puts a guest's basket into the caller's own.
func (s *Server) mergeBasket(w http.ResponseWriter, r *http.Request, userID int64) error {
	lines, err := basketLines(w, r)
	if err != nil {
		return err
	}
	b, leftOut, err := s.addToBasket(r, userID, lines)
	if err != nil {
		return err
	}
	ids := make([]int64, 0, len(leftOut))
	for _, l := range leftOut {
		ids = append(ids, l.productID)
	}
	w.Header().Set("ETag", basketETag(b))
	writeJSON(w, http.StatusOK, newMergedBasketV1(b, ids))
	return nil
}

// left is a product that could not be put into a basket.
type left struct {
	productID int64
	reason    string
}

// addToBasket puts lines into the caller's basket, as far as there is room and they are
// sold. Of a product in both the larger quantity stays.
func (s *Server) addToBasket(r *http.Request, userID int64, lines []shop.BasketLine) (*shop.Basket, []left, error) {
	var full, unknown []left
	b, err := s.editBasket(r, userID, shop.BasketEdit{
		Lines: func(have []shop.BasketLine) ([]shop.BasketLine, error) {
			full, unknown = nil, nil
			for _, l := range lines {
				more, err := shop.Union(have, []shop.BasketLine{l})
				if shop.ErrorReason(err) == "basket_full" {
					full = append(full, left{l.ProductID, "basket_full"})
					continue
				}
				if err != nil {
					return nil, err
				}
				have = more
			}
			return have, nil
		},
		Unknown: func(ids []int64) error {
			for _, id := range ids {
				unknown = append(unknown, left{id, "not_sold"})
			}
			return nil
		},
	})
	return b, append(unknown, full...), err
}
