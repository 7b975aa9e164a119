package shop

import "context"

// PaymentMethod is how an order is paid.
type PaymentMethod string

// The payment methods.
const (
	CashOnDelivery PaymentMethod = "cash_on_delivery"
	Card           PaymentMethod = "card"
)

// PaymentStatus is how far the payment of an order is.
type PaymentStatus string

// The states of a payment. Cash is due until the end. A card's payment is pending, then
// authorized, then paid; or it is declined; or it is voiding and then voided, because
// the order was cancelled.
const (
	PaymentDue        PaymentStatus = "due"
	PaymentPending    PaymentStatus = "pending"
	PaymentAuthorized PaymentStatus = "authorized"
	PaymentPaid       PaymentStatus = "paid"
	PaymentDeclined   PaymentStatus = "declined"
	PaymentVoiding    PaymentStatus = "voiding"
	PaymentVoided     PaymentStatus = "voided"
)

// Payment is how an order is paid, and how far that is.
type Payment struct {
	Method    PaymentMethod
	Status    PaymentStatus
	Reference string // what a provider knows it by; empty for cash
	Last4     string // the end of the card's number; empty when not known
}

// AuthorizationState is what a provider knows of a payment.
type AuthorizationState string

// The states of an authorization. A declined or voided one stays so.
const (
	Unknown    AuthorizationState = "unknown" // the provider was never asked
	Authorized AuthorizationState = "authorized"
	Captured   AuthorizationState = "captured"
	Declined   AuthorizationState = "declined"
	Voided     AuthorizationState = "voided"
)

// Authorization is a provider's promise to pay, or its refusal.
type Authorization struct {
	Reference string
	Amount    Cents
	State     AuthorizationState
	Last4     string
}

// PaymentInfo is what shoppers are told of a provider.
type PaymentInfo struct {
	Name string
	Test bool   // no money is taken
	Hint string // may be empty
}

// PaymentProvider takes money from cards. A payment is known to it by a reference of
// the shop's choice, which is also the idempotency key: asking twice is asking once.
// Errors mean that the outcome is not known; a refusal is no error.
type PaymentProvider interface {
	// Info returns what shoppers are told.
	Info() PaymentInfo
	// Authorize asks for an amount. For a reference that is known it returns what
	// became of that, whatever amount and token are.
	Authorize(ctx context.Context, reference string, amount Cents, token string) (*Authorization, error)
	// Capture takes an authorized amount; one that was taken already stays so.
	Capture(ctx context.Context, reference string) error
	// Void gives up an amount that was not captured. Of an unknown reference it makes
	// sure that it will never be authorized.
	Void(ctx context.Context, reference string) error
	// Lookup returns what is known of a reference, of state Unknown if nothing is.
	Lookup(ctx context.Context, reference string) (*Authorization, error)
}
