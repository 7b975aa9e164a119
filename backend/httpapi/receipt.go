package httpapi

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	shop "grocery/backend"
)

// receiptWidth is the width of a receipt in characters.
const receiptWidth = 64

// getReceipt sends the receipt of one of the caller's orders.
func (s *Server) getReceipt(w http.ResponseWriter, r *http.Request, userID int64) error {
	o, err := s.order(r, userID)
	if err != nil {
		return err
	}
	text := receipt(o)
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Content-Disposition", `inline; filename="`+o.Number()+`.txt"`)
	h.Set("Content-Length", strconv.Itoa(len(text)))
	h.Set("Cache-Control", "no-store")
	io.WriteString(w, text)
	return nil
}

// paymentWords say how far a payment is.
var paymentWords = map[shop.PaymentStatus]string{
	shop.PaymentDue: "to be paid on delivery", shop.PaymentPending: "being authorised", shop.PaymentAuthorized: "authorised",
	shop.PaymentPaid: "paid", shop.PaymentDeclined: "declined", shop.PaymentVoiding: "not taken", shop.PaymentVoided: "not taken",
}

// receipt returns an order as text for people.
func receipt(o *shop.Order) string {
	var b strings.Builder
	line := func(left, right string) {
		gap := max(receiptWidth-utf8.RuneCountInString(left)-utf8.RuneCountInString(right), 1)
		b.WriteString(left + strings.Repeat(" ", gap) + right + "\n")
	}
	rule := func() { b.WriteString(strings.Repeat("-", receiptWidth) + "\n") }
	euros := func(c shop.Cents) string { return c.String() + " EUR" }

	line("Grocery Shop", "Order "+o.Number())
	line(o.CreatedAt.UTC().Format("2 January 2006 15:04 UTC"), map[shop.OrderStatus]string{
		shop.Placed: "Receipt", shop.Pending: "NOT PAID YET", shop.Cancelled: "CANCELLED"}[o.Status])
	rule()
	for _, it := range o.Items {
		name := []rune(it.Name)
		if most := receiptWidth - 16; len(name) > most {
			name = append(name[:most-1], '…')
		}
		line(string(name), euros(it.Total()))
		if it.Quantity > 1 {
			fmt.Fprintf(&b, "  %d x %s\n", it.Quantity, euros(it.Price))
		}
	}
	rule()
	line("Goods", euros(o.Subtotal))
	line("Delivery", euros(o.Delivery))
	line("TOTAL", euros(o.Total))
	rule()
	method := "Cash on delivery"
	if o.Payment.Method == shop.Card {
		method = "Card"
		if o.Payment.Last4 != "" {
			method += " ending in " + o.Payment.Last4
		}
	}
	line("Payment: "+method, paymentWords[o.Payment.Status])
	if a := o.Address; a != nil {
		b.WriteString("Delivered to:\n")
		for _, s := range []string{a.Name, a.Street, a.PostalCode + " " + a.City, a.Country, a.Phone, strings.Join(strings.Fields(a.Note), " ")} {
			if s != "" {
				b.WriteString("  " + s + "\n")
			}
		}
	}
	return b.String()
}
