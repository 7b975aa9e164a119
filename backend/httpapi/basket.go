package httpapi

import (
	"net/http"

	shop "grocery/backend"
)

// getBasket sends the caller's basket.
func (s *Server) getBasket(w http.ResponseWriter, r *http.Request, userID int64) error {
	basket, err := s.Baskets.Basket(r.Context(), userID)
	if err != nil {
		return err
	}
	rows := make([]basketRow, len(basket.Items))
	for i, b := range basket.Items {
		rows[i] = basketRow{b.Product.ID, b.Quantity, b.Product.Name, b.Product.Price, b.Product.ImageURL}
	}
	writeJSON(w, http.StatusOK, rows)
	return nil
}

// replaceBasket stores the lines sent instead of the caller's basket.
func (s *Server) replaceBasket(w http.ResponseWriter, r *http.Request, userID int64) error {
	var rows []struct {
		ProductID number `json:"product_id"`
		Quantity  number `json:"quantity"`
	}
	if err := decodeUpTo(w, r, maxBasketBody, &rows); err != nil {
		return err
	}
	if rows == nil { // null is not an empty basket
		return shop.Errorf(shop.EINVALID, "The basket must be a list of products")
	}
	lines := make([]shop.BasketLine, len(rows))
	for i, row := range rows {
		if row.ProductID < 1 {
			return shop.Errorf(shop.EINVALID, "product_id must be the id of a product")
		}
		// Larger than int is out of bounds all the more.
		lines[i] = shop.BasketLine{ProductID: int64(row.ProductID), Quantity: int(min(row.Quantity, shop.MaxQuantity+1))}
	}
	if err := s.Baskets.ReplaceBasket(r.Context(), userID, lines); err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, message("Basket successfully updated."))
	return nil
}

// removeFromBasket takes one product out of the caller's basket.
func (s *Server) removeFromBasket(w http.ResponseWriter, r *http.Request, userID int64) error {
	id, err := decodeProductID(w, r)
	if err != nil {
		return err
	}
	if err := s.Baskets.RemoveFromBasket(r.Context(), userID, id); err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, message("Product removed from basket"))
	return nil
}

// purchase buys what is in the caller's basket here. The ids sent are checked for
// their form only: quantities and prices come from the server.
func (s *Server) purchase(w http.ResponseWriter, r *http.Request, userID int64) error {
	var in struct {
		PurchasedProducts []number `json:"purchased_products"`
	}
	err := decode(w, r, &in)
	if shop.ErrorCode(err) == shop.EINVALID || err == nil && in.PurchasedProducts == nil {
		return shop.Errorf(shop.EINVALID, "Invalid data format")
	}
	if err != nil {
		return err
	}
	order, err := s.Orders.Purchase(r.Context(), userID)
	if shop.ErrorReason(err) == "basket_empty" { // old clients know 400 only
		return shop.Errorf(shop.EINVALID, "%s", shop.ErrorMessage(err))
	}
	if err != nil {
		return err
	}
	s.auditOrder(r, order)
	writeJSON(w, http.StatusOK, message("Product purchased successfully and basket cleared"))
	return nil
}

// getPurchasedProducts sends the ids of what the caller has ever bought.
func (s *Server) getPurchasedProducts(w http.ResponseWriter, r *http.Request, userID int64) error {
	ids, err := s.Orders.PurchasedProducts(r.Context(), userID)
	if err != nil {
		return err
	}
	if ids == nil {
		ids = []int64{}
	}
	writeJSON(w, http.StatusOK, ids)
	return nil
}
