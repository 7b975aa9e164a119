package httpapi

import (
	"net/http"

	shop "grocery/backend"
)

type paymentMethodV1 struct {
	ID   shop.PaymentMethod `json:"id"`
	Name string             `json:"name"`
	Test bool               `json:"test"`
	Hint string             `json:"hint"`
}

// getPaymentMethods tells how an order can be paid.
func (s *Server) getPaymentMethods(w http.ResponseWriter, _ *http.Request) error {
	items := []paymentMethodV1{{shop.CashOnDelivery, "Cash on delivery", false, "Pay when your groceries arrive."}}
	if s.Payments != nil {
		info := s.Payments.Info()
		items = append(items, paymentMethodV1{shop.Card, info.Name, info.Test, info.Hint})
	}
	writeJSON(w, http.StatusOK, map[string]any{"items": items})
	return nil
}
