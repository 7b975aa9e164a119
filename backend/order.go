package shop

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"regexp"
	"time"
)

// Delivery costs DeliveryFee unless the goods are worth FreeDelivery or more.
const (
	DeliveryFee  Cents = 500
	FreeDelivery Cents = 2000
)

// DeliveryFor returns what the delivery of goods of this worth costs.
func DeliveryFor(subtotal Cents) Cents {
	if subtotal < FreeDelivery {
		return DeliveryFee
	}
	return 0
}

// OrderStatus says what has become of an order.
type OrderStatus string

// The states of an order. A pending order holds its goods until its payment is
// authorised; then it is placed. A cancelled one has given them back.
const (
	Pending   OrderStatus = "pending"
	Placed    OrderStatus = "placed"
	Cancelled OrderStatus = "cancelled"
)

// Order is a purchase: quantities and prices as they were at that moment.
type Order struct {
	ID        int64
	UserID    int64 // 0 when the account is gone
	Status    OrderStatus
	Items     []OrderItem
	Subtotal  Cents
	Delivery  Cents
	Total     Cents
	Address   *Address // nil for orders of clients that gave none
	Payment   Payment
	CreatedAt time.Time
}

// Number returns what people call the order, such as G-2026-000123.
func (o *Order) Number() string { return fmt.Sprintf("G-%d-%06d", o.CreatedAt.UTC().Year(), o.ID) }

// OrderItem is one line of an order.
type OrderItem struct {
	ProductID int64 // 0 when the product is gone
	Name      string
	ImageURL  string
	Price     Cents // of one unit
	Quantity  int
}

// Total returns what the line costs.
func (i OrderItem) Total() Cents { return i.Price * Cents(i.Quantity) }

// NewOrder makes the order of what is in a basket, with its delivery. ECONFLICT
// "basket_empty" for an empty basket, EFORBIDDEN "age_required" when it holds alcohol
// and the user is not known to be of age at the time now.
func NewOrder(u *User, b *Basket, now time.Time) (*Order, error) {
	if len(b.Items) == 0 {
		return nil, Errorf(ECONFLICT, "Your basket is empty").Because("basket_empty")
	}
	if b.NeedsAdult() && !u.IsAdult(now) {
		return nil, Errorf(EFORBIDDEN, "Your basket holds alcohol, which we sell to people of %d or older only. Please confirm your age, or take it out of the basket.", AdultAge).Because("age_required")
	}
	o := &Order{
		UserID: u.ID, Status: Placed, Items: make([]OrderItem, len(b.Items)),
		Subtotal: b.Subtotal(), Delivery: b.Delivery(), Total: b.Total(),
		Payment: Payment{Method: CashOnDelivery, Status: PaymentDue},
	}
	for i, it := range b.Items {
		p := it.Product
		o.Items[i] = OrderItem{ProductID: p.ID, Name: p.Name, ImageURL: p.ImageURL, Price: p.Price, Quantity: it.Quantity}
	}
	return o, nil
}

// OrderRequest is what a shopper wants to be done with the basket. The zero value buys
// it for cash, as clients of the old shop do.
type OrderRequest struct {
	// Key, when not empty, marks repeats of one request.
	Key       string        `json:"-"`
	Address   *Address      `json:"address"`
	Method    PaymentMethod `json:"method"`
	CardToken string        `json:"card_token"` // for the provider, never stored
	// What the shopper saw, when not nil.
	BasketVersion *int64 `json:"basket_version"`
	ExpectedTotal *Cents `json:"expected_total"`
}

// maxCardToken is the length that a provider's token may have, in bytes.
const maxCardToken = 200

var keyForm = regexp.MustCompile(`^[A-Za-z0-9_-]{8,64}$`)

// Validate trims and checks the request.
func (r *OrderRequest) Validate() error {
	if !keyForm.MatchString(r.Key) {
		return Errorf(EINVALID, "The header Idempotency-Key must hold 8 to 64 letters, digits, - or _").With("field", "Idempotency-Key")
	}
	if r.Address == nil {
		return Errorf(EINVALID, "address is required").With("field", "address")
	}
	if err := r.Address.Validate(); err != nil {
		return err
	}
	switch r.Method {
	case CashOnDelivery:
		if r.CardToken != "" {
			return Errorf(EINVALID, "payment.card_token belongs to the payment by card").With("field", "payment.card_token")
		}
	case Card:
		if r.CardToken == "" || len(r.CardToken) > maxCardToken || !Storable(r.CardToken) {
			return Errorf(EINVALID, "payment.card_token is needed to pay by card").With("field", "payment.card_token")
		}
	default:
		return Errorf(EINVALID, "payment.method must be cash_on_delivery or card").With("field", "payment.method")
	}
	return nil
}

// Hash tells requests apart that use the same key.
func (r *OrderRequest) Hash() [sha256.Size]byte {
	b, err := json.Marshal(struct {
		*OrderRequest
		ExpectedTotal *int64 `json:"expected_total"`
	}{r, (*int64)(r.ExpectedTotal)})
	if err != nil { // a bug: texts, numbers and nothing else
		panic(err)
	}
	return sha256.Sum256(b)
}

// Refusals of an order request.
var (
	// ErrKeyReused says that a key was used for another request.
	ErrKeyReused = Errorf(EMISMATCH, "This order was sent with other contents before. Please try again.").Because("idempotency_mismatch")
	// ErrOrderNotFound says that the user has no such order.
	ErrOrderNotFound = Errorf(ENOTFOUND, "Order not found")
)

// FirstStock is how many there are of a product that nobody has counted yet. The
// database has the same default.
const FirstStock = 500

// Shortage is a product of which there is less than was ordered.
type Shortage struct {
	ProductID int64  `json:"product_id"`
	Name      string `json:"name"`
	Available int    `json:"available"`
}

// CheckStock returns ECONFLICT "out_of_stock" when there is less of a product than the
// basket holds.
func CheckStock(b *Basket) error {
	var short []Shortage
	for _, it := range b.Items {
		if it.Available() < it.Quantity {
			short = append(short, Shortage{it.Product.ID, it.Product.Name, it.Available()})
		}
	}
	switch {
	case short == nil:
		return nil
	case len(short) == 1 && short[0].Available == 0:
		return Errorf(ECONFLICT, "%s is out of stock", short[0].Name).Because("out_of_stock").With("items", short)
	case len(short) == 1:
		return Errorf(ECONFLICT, "Of %s only %d are left", short[0].Name, short[0].Available).Because("out_of_stock").With("items", short)
	}
	return Errorf(ECONFLICT, "Of %d products in your basket there are not enough left", len(short)).Because("out_of_stock").With("items", short)
}

// OrderService keeps the orders and what is in stock. Each method is one transaction.
type OrderService interface {
	// Purchase turns the user's basket into an order that is paid in cash, and
	// empties it, both or neither. Errors are those of OpenOrder.
	Purchase(ctx context.Context, userID int64) (*Order, error)
	// OpenOrder turns the user's basket into an order, takes the goods from the
	// stock and empties the basket: all of it or nothing. The order is placed when
	// it is paid in cash, pending otherwise. For a key that was used, it returns the
	// order made then and true, or ErrKeyReused. Errors are those of NewOrder and
	// CheckStock, and ECONFLICT "basket_changed" and "total_changed" when the
	// shopper saw something else.
	OpenOrder(ctx context.Context, userID int64, r *OrderRequest) (o *Order, replayed bool, err error)
	// PlaceOrder makes a pending order a placed one, with what its provider says.
	// An order that is not pending stays as it is. It returns what the order is now,
	// "" when there is none.
	PlaceOrder(ctx context.Context, id int64, a *Authorization) (OrderStatus, error)
	// CancelOrder cancels a pending order: its goods go back into stock and into the
	// basket. It returns false when the order was not pending.
	CancelOrder(ctx context.Context, id int64, payment PaymentStatus) (bool, error)
	// SetPaymentStatus moves a payment on; one that is not in the state from stays.
	SetPaymentStatus(ctx context.Context, id int64, from, to PaymentStatus) error
	// UnsettledOrders returns up to limit orders whose payment is still pending,
	// authorized or voiding after this time, and leaves them to the caller for a
	// minute: no other caller is given them meanwhile. One that is not pending is
	// returned for the last time when GiveUpTime is over.
	UnsettledOrders(ctx context.Context, age time.Duration, limit int) ([]*Order, error)

	// Order returns one of the user's orders, or ErrOrderNotFound.
	Order(ctx context.Context, userID, id int64) (*Order, error)
	// Orders returns up to limit of the user's orders, the newest first, and those
	// before the order of an id only, unless it is 0.
	Orders(ctx context.Context, userID, before int64, limit int) ([]*Order, error)
	// PurchasedProducts returns the ids of the products the user has ever
	// bought, in the order of the first purchase.
	PurchasedProducts(ctx context.Context, userID int64) ([]int64, error)
}
