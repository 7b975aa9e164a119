package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	shop "grocery/backend"
)

// orderV1 is an order as /api/v1 shows it.
type orderV1 struct {
	ID            int64            `json:"id"`
	Number        string           `json:"number"`
	Status        shop.OrderStatus `json:"status"`
	CreatedAt     time.Time        `json:"created_at"`
	Items         []orderItemV1    `json:"items"`
	SubtotalCents int64            `json:"subtotal_cents"`
	DeliveryCents int64            `json:"delivery_cents"`
	TotalCents    int64            `json:"total_cents"`
	Address       *shop.Address    `json:"address"`
	Payment       paymentV1        `json:"payment"`
}

type orderItemV1 struct {
	ProductID  *int64 `json:"product_id"`
	Name       string `json:"name"`
	ImageURL   string `json:"image_url"`
	PriceCents int64  `json:"price_cents"`
	Quantity   int    `json:"quantity"`
	LineCents  int64  `json:"line_cents"`
}

type paymentV1 struct {
	Method shop.PaymentMethod `json:"method"`
	Status shop.PaymentStatus `json:"status"`
	Last4  string             `json:"last4,omitempty"`
}

func newOrderV1(o *shop.Order) orderV1 {
	v := orderV1{
		ID: o.ID, Number: o.Number(), Status: o.Status, CreatedAt: o.CreatedAt.UTC(), Items: make([]orderItemV1, len(o.Items)),
		SubtotalCents: int64(o.Subtotal), DeliveryCents: int64(o.Delivery), TotalCents: int64(o.Total),
		Address: o.Address, Payment: paymentV1{o.Payment.Method, o.Payment.Status, o.Payment.Last4},
	}
	if v.Payment.Status == shop.PaymentVoiding { // that the provider does not know yet is no matter of the shopper's
		v.Payment.Status = shop.PaymentVoided
	}
	for i, it := range o.Items {
		v.Items[i] = orderItemV1{nullID(it.ProductID), it.Name, it.ImageURL, int64(it.Price), it.Quantity, int64(it.Total())}
	}
	return v
}

func nullID(id int64) *int64 {
	if id == 0 {
		return nil
	}
	return &id
}

// placeOrder orders what is in the caller's basket.
func (s *Server) placeOrder(w http.ResponseWriter, r *http.Request, userID int64) error {
	req, err := orderRequest(w, r)
	if err != nil {
		return err
	}
	checkout := *s.checkout
	checkout.Ended = func(_ context.Context, o *shop.Order) { s.auditOrder(r, o) }
	order, replayed, err := checkout.Place(r.Context(), userID, req)
	if replayed {
		w.Header().Set("Idempotency-Replayed", "true")
	}
	if err != nil {
		return s.withBasket(r, userID, err)
	}
	w.Header().Set("Location", fmt.Sprintf("/api/v1/orders/%d", order.ID))
	if replayed {
		writeJSON(w, http.StatusOK, newOrderV1(order))
		return nil
	}
	if order.Payment.Method != shop.Card || order.Status == shop.Pending { // others have ended
		s.auditOrder(r, order)
	}
	writeJSON(w, http.StatusCreated, newOrderV1(order))
	return nil
}

// orderRequest reads what the caller wants to be done with the basket.
func orderRequest(w http.ResponseWriter, r *http.Request) (*shop.OrderRequest, error) {
	var in struct {
		Address *shop.Address `json:"address"`
		Payment struct {
			Method    shop.PaymentMethod `json:"method"`
			CardToken string             `json:"card_token"`
		} `json:"payment"`
		BasketVersion *int64 `json:"basket_version"`
		ExpectedTotal *int64 `json:"expected_total_cents"`
	}
	if err := decode(w, r, &in); err != nil {
		return nil, err
	}
	return &shop.OrderRequest{
		Key: r.Header.Get("Idempotency-Key"), Address: in.Address, Method: in.Payment.Method, CardToken: in.Payment.CardToken,
		BasketVersion: in.BasketVersion, ExpectedTotal: (*shop.Cents)(in.ExpectedTotal),
	}, nil
}

// auditOrder notes an order in the audit log.
func (s *Server) auditOrder(r *http.Request, o *shop.Order) {
	s.audit(r, orderEvent(o), orderPairs(o)...)
}

func orderEvent(o *shop.Order) string { return "order_" + string(o.Status) }

func orderPairs(o *shop.Order) []any {
	return []any{"user", o.UserID, "order", o.ID, "total_cents", int64(o.Total), "payment", string(o.Payment.Method), "payment_status", string(o.Payment.Status)}
}

// Sweep brings to an end what shop.Checkout's Sweep does, and notes it in the audit log.
func (s *Server) Sweep(ctx context.Context, age time.Duration) (int, error) {
	checkout := *s.checkout
	checkout.Ended = func(ctx context.Context, o *shop.Order) { s.note(ctx, orderEvent(o), orderPairs(o)...) }
	return checkout.Sweep(ctx, age)
}

// defaultOrders is how many orders a page has unless the caller says.
const defaultOrders = 20

// getOrders sends a page of the caller's orders.
func (s *Server) getOrders(w http.ResponseWriter, r *http.Request, userID int64) error {
	limit := defaultOrders
	if v := r.URL.Query().Get("limit"); v != "" {
		var err error
		if limit, err = strconv.Atoi(v); err != nil || limit < 1 || limit > shop.MaxPageSize {
			return invalidField("limit", "limit must be a whole number from 1 to %d", shop.MaxPageSize)
		}
	}
	scope := fmt.Sprintf("orders of %d", userID)
	var before int64
	if c := r.URL.Query().Get("cursor"); c != "" {
		if err := readCursor(c, scope, &before); err != nil {
			return err
		}
	}
	orders, err := s.Orders.Orders(r.Context(), userID, before, limit+1)
	if err != nil {
		return err
	}
	var next any
	if len(orders) > limit {
		orders = orders[:limit]
		next = newCursor(scope, orders[limit-1].ID)
	}
	items := make([]orderV1, len(orders))
	for i, o := range orders {
		items[i] = newOrderV1(o)
	}
	writeJSON(w, http.StatusOK, map[string]any{"items": items, "next_cursor": next})
	return nil
}

// order returns the caller's order that the path names.
func (s *Server) order(r *http.Request, userID int64) (*shop.Order, error) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil || id < 1 {
		return nil, shop.Errorf(shop.EINVALID, "Invalid order ID")
	}
	return s.Orders.Order(r.Context(), userID, id)
}

// getOrder sends one of the caller's orders.
func (s *Server) getOrder(w http.ResponseWriter, r *http.Request, userID int64) error {
	o, err := s.order(r, userID)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, newOrderV1(o))
	return nil
}

// reorder puts the goods of one of the caller's orders into the basket once more, as
// far as they are sold and in stock, and tells what is missing.
func (s *Server) reorder(w http.ResponseWriter, r *http.Request, userID int64) error {
	o, err := s.order(r, userID)
	if err != nil {
		return err
	}
	type leftOutV1 struct {
		ProductID *int64 `json:"product_id"`
		Name      string `json:"name"`
		Reason    string `json:"reason"`
	}
	leftOut := []leftOutV1{}
	names := map[int64]string{}
	var wanted []shop.BasketLine
	for _, it := range o.Items {
		if it.ProductID == 0 {
			leftOut = append(leftOut, leftOutV1{nil, it.Name, "not_sold"})
			continue
		}
		names[it.ProductID] = it.Name
		// Orders of the old shop know no bounds.
		wanted = append(wanted, shop.BasketLine{ProductID: it.ProductID, Quantity: min(it.Quantity, shop.MaxQuantity)})
	}
	quote, _, err := s.Baskets.Quote(r.Context(), wanted)
	if err != nil {
		return err
	}
	var lines []shop.BasketLine
	for _, it := range quote.Items {
		if n := it.Available(); n > 0 {
			lines = append(lines, shop.BasketLine{ProductID: it.Product.ID, Quantity: n})
		} else {
			leftOut = append(leftOut, leftOutV1{nullID(it.Product.ID), it.Product.Name, "out_of_stock"})
		}
	}
	b, more, err := s.addToBasket(r, userID, lines)
	if err != nil {
		return err
	}
	for _, l := range more {
		leftOut = append(leftOut, leftOutV1{nullID(l.productID), names[l.productID], l.reason})
	}
	for _, it := range quote.Items {
		if n := it.Available(); n == 0 || n == it.Quantity {
			continue
		}
		if slices.ContainsFunc(b.Items, func(in shop.BasketItem) bool { return in.Product.ID == it.Product.ID && in.Quantity < it.Quantity }) {
			leftOut = append(leftOut, leftOutV1{nullID(it.Product.ID), it.Product.Name, "too_few"})
		}
	}
	w.Header().Set("ETag", basketETag(b))
	writeJSON(w, http.StatusOK, map[string]any{"basket": newBasketV1(b), "left_out": leftOut})
	return nil
}
