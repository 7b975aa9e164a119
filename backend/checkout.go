package shop

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Times of a payment by card.
const (
	// providerTimeout bounds how long a shopper waits for the provider. What is not
	// known by then is found out by the sweeper.
	providerTimeout = 10 * time.Second
	// storeTimeout bounds the writing down of the answer.
	storeTimeout = 5 * time.Second
	// PendingTime is how old an order is before the sweeper looks after its payment:
	// much longer than any request takes.
	PendingTime = 10 * time.Minute
	// GiveUpTime is how old an order is when the sweeper looks for the last time after
	// money that is promised or to be given back: the provider has forgotten it by then.
	GiveUpTime = 7 * 24 * time.Hour
	sweepBatch = 50
)

// Checkout places orders: it brings together what the shop stores and what a payment
// provider promises, which are no one transaction. It is built so that a crash between
// any two steps leaves an order that Sweep can bring to an end.
//
//	order opened (pending, goods held) -> authorized -> placed -> captured
//	                                   -> declined   -> cancelled, goods back
//	                                   -> no answer  -> left to Sweep
type Checkout struct {
	Orders   OrderService
	Payments PaymentProvider // nil: no cards
	Log      *slog.Logger
	// Ended, when not nil, is told of each order that its payment has brought to an end:
	// it is placed, or cancelled.
	Ended func(context.Context, *Order)
}

// Place orders the user's basket. Of a request that is repeated it returns the order
// made before and true; an order whose payment got stuck goes on then. EPAYMENT
// "card_declined" when the card is refused; the goods are back in the basket then. An
// order whose provider does not answer is returned pending.
func (c *Checkout) Place(ctx context.Context, userID int64, r *OrderRequest) (o *Order, replayed bool, err error) {
	if err := r.Validate(); err != nil {
		return nil, false, err
	}
	if r.Method == Card && c.Payments == nil {
		return nil, false, Errorf(EINVALID, "Cards are not accepted at the moment").With("field", "payment.method")
	}
	if o, replayed, err = c.Orders.OpenOrder(ctx, userID, r); err != nil {
		return nil, false, err
	}
	if o.Status == Pending {
		// From here on the shopper's going away must not stop us half way.
		ctx := context.WithoutCancel(ctx)
		if err := c.pay(ctx, o, r.CardToken); err != nil {
			c.Log.WarnContext(ctx, "payment is not settled yet", "order", o.ID, "error", err)
		}
		ctx, cancel := context.WithTimeout(ctx, storeTimeout)
		defer cancel()
		if o, err = c.Orders.Order(WithReadAfter(ctx, ""), userID, o.ID); err != nil {
			return nil, false, err
		}
	}
	if o.Status == Cancelled {
		return nil, replayed, errCard(o.Payment.Status)
	}
	return o, replayed, nil
}

// pay asks the provider and settles the order by the answer.
func (c *Checkout) pay(ctx context.Context, o *Order, token string) error {
	asking, cancel := context.WithTimeout(ctx, providerTimeout)
	defer cancel()
	a, err := c.Payments.Authorize(asking, o.Payment.Reference, o.Total, token)
	if err != nil {
		return fmt.Errorf("authorize: %w", err)
	}
	ctx, cancel = context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	return c.settle(ctx, o, a)
}

func errCard(s PaymentStatus) error {
	if s == PaymentDeclined {
		return Errorf(EPAYMENT, "Your card was declined. Please try another one.").Because("card_declined")
	}
	return Errorf(EPAYMENT, "The payment was not completed in time. Please try again.").Because("card_declined")
}

// settle brings an order to where its provider says it is.
func (c *Checkout) settle(ctx context.Context, o *Order, a *Authorization) error {
	switch {
	case o.Status == Pending && (a.State == Authorized || a.State == Captured):
		status, err := c.Orders.PlaceOrder(ctx, o.ID, a)
		switch {
		case err != nil:
			return err
		case status == Placed:
			c.ended(ctx, o, Placed, PaymentAuthorized)
			return c.capture(ctx, o)
		}
		// It was cancelled meanwhile, or a restore took it away.
		return c.void(ctx, o)
	case o.Status == Pending && a.State == Declined:
		_, err := c.cancel(ctx, o, PaymentDeclined)
		return err
	case o.Status == Pending && a.State == Voided:
		_, err := c.cancel(ctx, o, PaymentVoided)
		return err
	case o.Status == Pending: // never asked; make sure that it never will be
		cancelled, err := c.cancel(ctx, o, PaymentVoiding)
		if err != nil || !cancelled {
			return err
		}
		return c.void(ctx, o)
	case o.Status == Placed && o.Payment.Status == PaymentAuthorized:
		return c.capture(ctx, o)
	case o.Status == Cancelled && o.Payment.Status == PaymentVoiding:
		return c.void(ctx, o)
	}
	return nil
}

func (c *Checkout) cancel(ctx context.Context, o *Order, payment PaymentStatus) (bool, error) {
	cancelled, err := c.Orders.CancelOrder(ctx, o.ID, payment)
	if cancelled {
		c.ended(ctx, o, Cancelled, payment)
	}
	return cancelled, err
}

func (c *Checkout) ended(ctx context.Context, o *Order, status OrderStatus, payment PaymentStatus) {
	if c.Ended == nil {
		return
	}
	now := *o
	now.Status, now.Payment.Status = status, payment
	c.Ended(ctx, &now)
}

func (c *Checkout) capture(ctx context.Context, o *Order) error {
	asking, cancel := context.WithTimeout(ctx, providerTimeout)
	defer cancel()
	if err := c.Payments.Capture(asking, o.Payment.Reference); err != nil {
		return fmt.Errorf("capture: %w", err)
	}
	return c.Orders.SetPaymentStatus(ctx, o.ID, PaymentAuthorized, PaymentPaid)
}

func (c *Checkout) void(ctx context.Context, o *Order) error {
	asking, cancel := context.WithTimeout(ctx, providerTimeout)
	defer cancel()
	if err := c.Payments.Void(asking, o.Payment.Reference); err != nil {
		return fmt.Errorf("void: %w", err)
	}
	return c.Orders.SetPaymentStatus(ctx, o.ID, PaymentVoiding, PaymentVoided)
}

// Sweep brings payments to an end that are older than age and were left half way, by a
// crash or by a provider that did not answer. It returns how many it looked after. What
// it could not settle within GiveUpTime it gives up, and logs so: somebody has to look
// into it. Any number of servers may sweep.
func (c *Checkout) Sweep(ctx context.Context, age time.Duration) (int, error) {
	if c.Payments == nil {
		return 0, nil
	}
	orders, err := c.Orders.UnsettledOrders(ctx, age, sweepBatch)
	if err != nil {
		return 0, err
	}
	var errs error
	for _, o := range orders {
		a, err := c.lookup(ctx, o)
		if err == nil {
			err = c.settle(ctx, o, a)
		}
		if err != nil && o.Status != Pending && time.Since(o.CreatedAt) >= GiveUpTime {
			c.Log.ErrorContext(ctx, "payment given up", "order", o.ID, "payment", string(o.Payment.Status), "total_cents", int64(o.Total), "error", err)
			continue
		}
		if err != nil {
			errs = errors.Join(errs, fmt.Errorf("payment of order %d: %w", o.ID, err))
			continue
		}
		c.Log.InfoContext(ctx, "payment settled", "order", o.ID, "provider", a.State)
	}
	return len(orders), errs
}

func (c *Checkout) lookup(ctx context.Context, o *Order) (*Authorization, error) {
	asking, cancel := context.WithTimeout(ctx, providerTimeout)
	defer cancel()
	return c.Payments.Lookup(asking, o.Payment.Reference)
}
