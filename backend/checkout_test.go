package shop_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	shop "grocery/backend"
)

// settling is an order service that has orders to settle and notes what becomes of them.
type settling struct {
	shop.OrderService
	orders []*shop.Order
	done   []string
}

func (s *settling) UnsettledOrders(context.Context, time.Duration, int) ([]*shop.Order, error) {
	return s.orders, nil
}

func (s *settling) PlaceOrder(context.Context, int64, *shop.Authorization) (shop.OrderStatus, error) {
	return shop.Placed, nil
}

func (s *settling) CancelOrder(context.Context, int64, shop.PaymentStatus) (bool, error) {
	return true, nil
}

func (s *settling) SetPaymentStatus(_ context.Context, id int64, _, to shop.PaymentStatus) error {
	s.done = append(s.done, fmt.Sprintf("%d %s", id, to))
	return nil
}

// hanging is a provider that never answers one kind of question about the reference "bad".
type hanging struct {
	shop.PaymentProvider
	at    string
	state shop.AuthorizationState
}

func (h *hanging) answer(ctx context.Context, step, reference string) error {
	if step == h.at && reference == "bad" {
		<-ctx.Done()
		return ctx.Err()
	}
	return nil
}

func (h *hanging) Lookup(ctx context.Context, reference string) (*shop.Authorization, error) {
	return &shop.Authorization{Reference: reference, State: h.state}, h.answer(ctx, "lookup", reference)
}

func (h *hanging) Capture(ctx context.Context, reference string) error {
	return h.answer(ctx, "capture", reference)
}

func (h *hanging) Void(ctx context.Context, reference string) error {
	return h.answer(ctx, "void", reference)
}

func TestAProviderThatHangsDoesNotStopTheSweeping(t *testing.T) {
	for _, tt := range []struct {
		at    string
		state shop.AuthorizationState
		done  string
	}{
		{"lookup", shop.Authorized, "[2 paid]"},
		{"capture", shop.Authorized, "[2 paid]"},
		{"void", shop.Unknown, "[2 voided]"},
	} {
		t.Run(tt.at, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				orders := &settling{}
				for i, reference := range []string{"bad", "good"} {
					orders.orders = append(orders.orders, &shop.Order{ID: int64(i + 1), Status: shop.Pending, CreatedAt: time.Now(), Payment: shop.Payment{Method: shop.Card, Status: shop.PaymentPending, Reference: reference}})
				}
				c := &shop.Checkout{Orders: orders, Payments: &hanging{at: tt.at, state: tt.state}, Log: slog.New(slog.DiscardHandler)}
				began := time.Now()
				n, err := c.Sweep(t.Context(), shop.PendingTime)
				if n != 2 || !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "order 1") {
					t.Errorf("%d, %v", n, err)
				}
				if took := time.Since(began); fmt.Sprint(orders.done) != tt.done || took > time.Minute {
					t.Errorf("after %v: %v, want %s", took, orders.done, tt.done)
				}
			})
		})
	}
}
