package payment

import (
	"context"
	"fmt"
	"time"

	shop "grocery/backend"
)

// The card tokens that the test provider knows. Any other is declined.
const (
	TokenOK       = "test_ok"       // authorised at once
	TokenDeclined = "test_declined" // declined
	TokenSlow     = "test_slow"     // authorised after SlowTime
)

// SlowTime is how long the test provider takes for TokenSlow.
const SlowTime = 3 * time.Second

// Store keeps what the test provider has promised. It stands for the memory of a
// service outside of the shop, so it outlives the server and all servers share it.
type Store interface {
	// AddTestPayment stores an authorization unless its reference is known, and
	// returns what is stored.
	AddTestPayment(ctx context.Context, a shop.Authorization) (*shop.Authorization, error)
	// MoveTestPayment changes the state of a reference, if it is from, and returns
	// what is stored then, of state Unknown if nothing is.
	MoveTestPayment(ctx context.Context, reference string, from, to shop.AuthorizationState) (*shop.Authorization, error)
	// TestPayment returns what is stored, of state Unknown if nothing is.
	TestPayment(ctx context.Context, reference string) (*shop.Authorization, error)
}

// Test is a provider of cards for trying the shop out. NO MONEY IS TAKEN: it must never
// be on where goods are really delivered.
type Test struct {
	Store Store
	// Wait waits, for tests; nil means really.
	Wait func(ctx context.Context, d time.Duration) error
}

var _ shop.PaymentProvider = (*Test)(nil)

// Info says that this is a test.
func (t *Test) Info() shop.PaymentInfo {
	return shop.PaymentInfo{
		Name: "Card (test: no money is taken)", Test: true,
		Hint: "For trying out: use " + TokenOK + ", " + TokenDeclined + " or " + TokenSlow + " as the card.",
	}
}

// Authorize promises the amount or refuses it, by the token.
func (t *Test) Authorize(ctx context.Context, reference string, amount shop.Cents, token string) (*shop.Authorization, error) {
	a := shop.Authorization{Reference: reference, Amount: amount, State: shop.Authorized, Last4: "4242"}
	switch token {
	case TokenOK:
	case TokenSlow:
		a.Last4 = "3155"
		if err := t.wait(ctx, SlowTime); err != nil {
			return nil, fmt.Errorf("the test provider was not waited for: %w", err)
		}
	case TokenDeclined:
		a.State, a.Last4 = shop.Declined, "0002"
	default:
		a.State, a.Last4 = shop.Declined, ""
	}
	return t.Store.AddTestPayment(ctx, a)
}

func (t *Test) wait(ctx context.Context, d time.Duration) error {
	if t.Wait != nil {
		return t.Wait(ctx, d)
	}
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Capture takes the amount, which here means to remember that it was taken.
func (t *Test) Capture(ctx context.Context, reference string) error {
	a, err := t.Store.MoveTestPayment(ctx, reference, shop.Authorized, shop.Captured)
	if err == nil && a.State != shop.Captured {
		err = fmt.Errorf("the test provider cannot capture a payment that is %s", a.State)
	}
	return err
}

// Void gives up the amount, or makes sure that it will never be authorized.
func (t *Test) Void(ctx context.Context, reference string) error {
	if _, err := t.Store.AddTestPayment(ctx, shop.Authorization{Reference: reference, State: shop.Voided}); err != nil {
		return err
	}
	a, err := t.Store.MoveTestPayment(ctx, reference, shop.Authorized, shop.Voided)
	if err == nil && a.State == shop.Captured {
		err = fmt.Errorf("the test provider cannot void a payment that is %s", a.State)
	}
	return err
}

// Lookup returns what is known of a reference.
func (t *Test) Lookup(ctx context.Context, reference string) (*shop.Authorization, error) {
	return t.Store.TestPayment(ctx, reference)
}
