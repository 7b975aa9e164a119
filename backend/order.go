package shop

import (
	"context"
	"time"
)

// Delivery costs DeliveryFee unless the goods are worth FreeDelivery or more.
const (
	DeliveryFee  Cents = 500
	FreeDelivery Cents = 2000
)

// Order is a purchase: quantities and prices as they were at that moment.
type Order struct {
	ID        int64
	UserID    int64
	Items     []OrderItem
	Subtotal  Cents
	Delivery  Cents
	Total     Cents
	CreatedAt time.Time
}

// OrderItem is one line of an order.
type OrderItem struct {
	ProductID int64
	Name      string
	Price     Cents // of one unit
	Quantity  int
}

// NewOrder makes the order of what is in a basket, with its delivery. EINVALID for
// an empty basket, EFORBIDDEN when it holds alcohol and the user is not known to be
// of age at the time now.
func NewOrder(u *User, basket []BasketItem, now time.Time) (*Order, error) {
	if len(basket) == 0 {
		return nil, Errorf(EINVALID, "Your basket is empty")
	}
	o := &Order{UserID: u.ID, Items: make([]OrderItem, 0, len(basket))}
	for _, b := range basket {
		if b.IsAlcohol && !u.IsAdult(now) {
			return nil, Errorf(EFORBIDDEN, "Your basket holds alcohol, which we sell to people of %d or older only. Please confirm your age, or take it out of the basket.", AdultAge)
		}
		o.Items = append(o.Items, OrderItem{ProductID: b.ProductID, Name: b.Name, Price: b.Price, Quantity: b.Quantity})
		o.Subtotal += b.Price * Cents(b.Quantity)
	}
	o.Delivery = DeliveryFor(o.Subtotal)
	o.Total = o.Subtotal + o.Delivery
	return o, nil
}

// DeliveryFor returns what the delivery of goods of this worth costs.
func DeliveryFor(subtotal Cents) Cents {
	if subtotal < FreeDelivery {
		return DeliveryFee
	}
	return 0
}

// OrderService sells.
type OrderService interface {
	// Purchase turns the user's basket into an order and empties it, both or
	// neither. Errors are those of NewOrder; the basket is kept then.
	Purchase(ctx context.Context, userID int64) (*Order, error)
	// PurchasedProducts returns the ids of the products the user has ever
	// bought, in the order of the first purchase.
	PurchasedProducts(ctx context.Context, userID int64) ([]int64, error)
}
