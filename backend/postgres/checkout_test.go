package postgres_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	shop "grocery/backend"
	"grocery/backend/payment"
	"grocery/backend/postgres"
	"grocery/internal/pgtest"
)

// crashing is an order service whose server dies at a step: from then on nothing of
// what it wants to store reaches the database.
type crashing struct {
	shop.OrderService
	at   string
	dead bool
	kill func()
}

var errDead = errors.New("the server is dead")

func (c *crashing) step(name string) error {
	if c.dead = c.dead || name == c.at; !c.dead {
		return nil
	}
	if c.kill != nil {
		c.kill()
	}
	return errDead
}

func (c *crashing) PlaceOrder(ctx context.Context, id int64, a *shop.Authorization) (shop.OrderStatus, error) {
	if err := c.step("place"); err != nil {
		return "", err
	}
	return c.OrderService.PlaceOrder(ctx, id, a)
}

func (c *crashing) CancelOrder(ctx context.Context, id int64, p shop.PaymentStatus) (bool, error) {
	if err := c.step("cancel"); err != nil {
		return false, err
	}
	return c.OrderService.CancelOrder(ctx, id, p)
}

func (c *crashing) SetPaymentStatus(ctx context.Context, id int64, from, to shop.PaymentStatus) error {
	if err := c.step("set " + string(to)); err != nil {
		return err
	}
	return c.OrderService.SetPaymentStatus(ctx, id, from, to)
}

// provider is the test provider with faults.
type provider struct {
	payment.Test
	fail   map[string]error
	before func(step string)
}

func (p *provider) step(name string) error {
	if p.before != nil {
		p.before(name)
	}
	return p.fail[name]
}

func (p *provider) Authorize(ctx context.Context, ref string, amount shop.Cents, token string) (*shop.Authorization, error) {
	if err := p.step("authorize"); err != nil {
		return nil, err
	}
	return p.Test.Authorize(ctx, ref, amount, token)
}

func (p *provider) Capture(ctx context.Context, ref string) error {
	if err := p.step("capture"); err != nil {
		return err
	}
	return p.Test.Capture(ctx, ref)
}

func (p *provider) Void(ctx context.Context, ref string) error {
	if err := p.step("void"); err != nil {
		return err
	}
	return p.Test.Void(ctx, ref)
}

func checkout(orders shop.OrderService, p shop.PaymentProvider) *shop.Checkout {
	return &shop.Checkout{Orders: orders, Payments: p, Log: slog.New(slog.DiscardHandler)}
}

func byCard(key, token string) *shop.OrderRequest {
	r := request(key)
	r.Method, r.CardToken = shop.Card, token
	return r
}

// fate is what has become of the one order, as one line.
func fate(t *testing.T, d *pgtest.Database) (s string) {
	t.Helper()
	d.QueryRow(t, `SELECT format('%s, payment %s, provider %s, stock %s, basket %s, owned %s', o.status, o.payment_status,
		coalesce((SELECT state FROM test_payments p WHERE p.reference = o.payment_reference), 'unknown'),
		(SELECT stock FROM products WHERE id = 1), (SELECT coalesce(sum(quantity), 0) FROM basket_items), (SELECT count(*) FROM purchases)) FROM orders o`, &s)
	return s
}

const (
	sold     = "placed, payment paid, provider captured, stock 8, basket 0, owned 1"
	refused  = "cancelled, payment declined, provider declined, stock 10, basket 2, owned 0"
	givenUp  = "cancelled, payment voided, provider voided, stock 10, basket 2, owned 0"
	halfWay  = "pending, payment pending, provider unknown, stock 8, basket 0, owned 0"
	promised = "pending, payment pending, provider authorized, stock 8, basket 0, owned 0"
)

// buyer returns a shop with one user who has two of product 1, of which there are ten.
func buyer(t *testing.T) (*pgtest.Database, *postgres.DB, *shop.User) {
	d, db := migrated(t)
	u := newUser(t, db, "ann")
	d.Exec(t, "UPDATE products SET stock = 10 WHERE id = 1")
	fill(t, db, u.ID, shop.BasketLine{ProductID: 1, Quantity: 2})
	return d, db, u
}

func TestCards(t *testing.T) {
	for _, tt := range []struct{ token, reason, fate, last4 string }{
		{payment.TokenOK, "", sold, "4242"},
		{payment.TokenSlow, "", sold, "3155"},
		{payment.TokenDeclined, "card_declined", refused, ""},
		{"4111111111111111", "card_declined", refused, ""},
	} {
		t.Run(tt.token, func(t *testing.T) {
			d, db, u := buyer(t)
			var waited time.Duration
			p := &payment.Test{Store: db, Wait: func(_ context.Context, d time.Duration) error { waited += d; return nil }}
			c := checkout(db, p)
			for try := range 2 { // the second is a repeat
				o, replayed, err := c.Place(t.Context(), u.ID, byCard("one-order", tt.token))
				if shop.ErrorReason(err) != tt.reason || replayed != (try == 1) {
					t.Fatalf("try %d: replayed %v, %v", try, replayed, err)
				}
				if err == nil && (o.Status != shop.Placed || o.Payment.Status != shop.PaymentPaid || o.Payment.Last4 != tt.last4) {
					t.Errorf("order %+v", o)
				}
				if got := fate(t, d); got != tt.fate {
					t.Errorf("try %d: %s, want %s", try, got, tt.fate)
				}
			}
			if (waited == payment.SlowTime) != (tt.token == payment.TokenSlow) {
				t.Errorf("waited %s", waited)
			}
		})
	}
}

func TestACrashAtAnyStepIsEndedBySweeping(t *testing.T) {
	away := errors.New("no answer")
	for _, tt := range []struct {
		name        string
		token       string
		crash       string           // the step of ours at which the server dies
		fail        map[string]error // steps of the provider's that fail
		after, ends string
	}{
		{"before the provider is asked", payment.TokenOK, "", map[string]error{"authorize": away}, halfWay, givenUp},
		{"after the provider has promised", payment.TokenOK, "place", nil, promised, sold},
		{"after the order was placed", payment.TokenOK, "", map[string]error{"capture": away}, "placed, payment authorized, provider authorized, stock 8, basket 0, owned 1", sold},
		{"after the money was taken", payment.TokenOK, "set paid", nil, "placed, payment authorized, provider captured, stock 8, basket 0, owned 1", sold},
		{"after the provider has refused", payment.TokenDeclined, "cancel", nil, "pending, payment pending, provider declined, stock 8, basket 0, owned 0", refused},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d, db, u := buyer(t)
			// The connections break too, as when the process is killed.
			kill := func() {
				d.Exec(t, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
			}
			victim := open(t, config(d))
			ready(t, victim)
			dying := checkout(&crashing{OrderService: victim, at: tt.crash, kill: kill}, &provider{Test: payment.Test{Store: victim}, fail: tt.fail})
			dying.Place(t.Context(), u.ID, byCard("one-order", tt.token)) // whatever it says: nobody is there to hear it
			victim.Close()
			ready(t, db)
			if got := fate(t, d); got != tt.after {
				t.Fatalf("after the crash: %s, want %s", got, tt.after)
			}
			c := checkout(db, &payment.Test{Store: db})
			if n, err := c.Sweep(t.Context(), shop.PendingTime); n != 0 || err != nil {
				t.Errorf("an order of a moment ago was swept: %d, %v", n, err)
			}
			d.Exec(t, "UPDATE orders SET created_at = now() - interval '11 minutes'")
			var wg sync.WaitGroup
			var mu sync.Mutex
			swept := 0
			for range 4 { // servers
				wg.Go(func() {
					n, err := c.Sweep(t.Context(), shop.PendingTime)
					if err != nil {
						t.Error(err)
					}
					mu.Lock()
					defer mu.Unlock()
					swept += n
				})
			}
			wg.Wait()
			if got := fate(t, d); got != tt.ends || swept != 1 {
				t.Errorf("after %d sweeps: %s, want %s", swept, got, tt.ends)
			}
		})
	}
}

func TestASweepThatIsCutOffIsTakenUpAgain(t *testing.T) {
	d, db, u := buyer(t)
	away := &provider{Test: payment.Test{Store: db}, fail: map[string]error{"authorize": errDead, "void": errDead}}
	o, _, err := checkout(db, away).Place(t.Context(), u.ID, byCard("one-order", payment.TokenOK))
	if err != nil || o.Status != shop.Pending || fate(t, d) != halfWay {
		t.Fatalf("%+v, %v", o, err)
	}
	d.Exec(t, "UPDATE orders SET created_at = now() - interval '11 minutes'")
	if _, err := checkout(db, away).Sweep(t.Context(), shop.PendingTime); err == nil {
		t.Error("a provider that does not answer is no error")
	}
	if got, want := fate(t, d), "cancelled, payment voiding, provider unknown, stock 10, basket 2, owned 0"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	c := checkout(db, &payment.Test{Store: db})
	if n, err := c.Sweep(t.Context(), shop.PendingTime); n != 0 || err != nil {
		t.Errorf("it was taken up again at once: %d, %v", n, err)
	}
	d.Exec(t, "UPDATE orders SET checked_at = now() - interval '2 minutes'")
	if n, err := c.Sweep(t.Context(), shop.PendingTime); n != 1 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if got := fate(t, d); got != givenUp {
		t.Errorf("%s, want %s", got, givenUp)
	}
}

func TestAnAnswerThatComesAfterTheSweeperTakesNoMoney(t *testing.T) {
	d, db, u := buyer(t)
	sweeper := checkout(db, &payment.Test{Store: db})
	late := &provider{Test: payment.Test{Store: db}}
	late.before = func(step string) {
		if step == "authorize" {
			d.Exec(t, "UPDATE orders SET created_at = now() - interval '11 minutes'")
			if _, err := sweeper.Sweep(t.Context(), shop.PendingTime); err != nil {
				t.Error(err)
			}
		}
	}
	_, _, err := checkout(db, late).Place(t.Context(), u.ID, byCard("one-order", payment.TokenOK))
	if shop.ErrorReason(err) != "card_declined" || fate(t, d) != givenUp {
		t.Errorf("%v; %s, want %s", err, fate(t, d), givenUp)
	}
}

func TestAnOrderCancelledWhileTheProviderPromisesGivesThePromiseUp(t *testing.T) {
	d, db, u := buyer(t)
	// Another server cancels between the promise and our writing it down.
	orders := &cancelling{OrderService: db}
	_, _, err := checkout(orders, &payment.Test{Store: db}).Place(t.Context(), u.ID, byCard("one-order", payment.TokenOK))
	if shop.ErrorReason(err) != "card_declined" || fate(t, d) != givenUp {
		t.Errorf("%v; %s, want %s", err, fate(t, d), givenUp)
	}
}

type cancelling struct{ shop.OrderService }

func (c *cancelling) PlaceOrder(ctx context.Context, id int64, a *shop.Authorization) (shop.OrderStatus, error) {
	if ok, err := c.CancelOrder(ctx, id, shop.PaymentVoiding); !ok || err != nil {
		return "", fmt.Errorf("cancel: %v, %w", ok, err)
	}
	return c.OrderService.PlaceOrder(ctx, id, a)
}

func TestARepeatBringsAnOrderThatGotStuckToItsEnd(t *testing.T) {
	d, db, u := buyer(t)
	p := &provider{Test: payment.Test{Store: db}, fail: map[string]error{"authorize": errDead}}
	c := checkout(db, p)
	if o, _, err := c.Place(t.Context(), u.ID, byCard("one-order", payment.TokenOK)); err != nil || o.Status != shop.Pending {
		t.Fatalf("%+v, %v", o, err)
	}
	p.fail = nil
	o, replayed, err := c.Place(t.Context(), u.ID, byCard("one-order", payment.TokenOK))
	if err != nil || !replayed || o.Status != shop.Placed || fate(t, d) != sold {
		t.Errorf("%+v, replayed %v, %v; %s", o, replayed, err, fate(t, d))
	}
}

func TestTwentyIdenticalCardPaymentsTakeTheMoneyOnce(t *testing.T) {
	d, db, u := buyer(t)
	c := checkout(db, &payment.Test{Store: db})
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if o, _, err := c.Place(t.Context(), u.ID, byCard("one-order", payment.TokenOK)); err != nil || o.Status != shop.Placed {
				t.Errorf("%+v, %v", o, err)
			}
		})
	}
	wg.Wait()
	var payments int
	d.QueryRow(t, "SELECT count(*) FROM test_payments", &payments)
	if payments != 1 || fate(t, d) != sold {
		t.Errorf("%d payments; %s", payments, fate(t, d))
	}
}

func TestAPendingOrderWhoseBuyerOrProductIsGoneIsEnded(t *testing.T) {
	for _, gone := range []string{"DELETE FROM users", "DELETE FROM products WHERE id = 1"} {
		t.Run(gone, func(t *testing.T) {
			d, db, u := buyer(t)
			p := &provider{Test: payment.Test{Store: db}, fail: map[string]error{"authorize": errDead}}
			if _, _, err := checkout(db, p).Place(t.Context(), u.ID, byCard("one-order", payment.TokenOK)); err != nil {
				t.Fatal(err)
			}
			d.Exec(t, gone)
			d.Exec(t, "UPDATE orders SET created_at = now() - interval '1 day'")
			if n, err := checkout(db, &payment.Test{Store: db}).Sweep(t.Context(), shop.PendingTime); n != 1 || err != nil {
				t.Errorf("%d, %v", n, err)
			}
			var status, paid string
			d.QueryRow(t, "SELECT status, payment_status FROM orders", &status, &paid)
			if status != "cancelled" || paid != "voided" {
				t.Errorf("%s, %s", status, paid)
			}
		})
	}
}

func TestGoodsThatComeBackJoinWhatWasPutInMeanwhile(t *testing.T) {
	d, db, u := buyer(t)
	p := &provider{Test: payment.Test{Store: db}, fail: map[string]error{"authorize": errDead}}
	if _, _, err := checkout(db, p).Place(t.Context(), u.ID, byCard("one-order", payment.TokenOK)); err != nil {
		t.Fatal(err)
	}
	fill(t, db, u.ID, shop.BasketLine{ProductID: 2, Quantity: 3}, shop.BasketLine{ProductID: 1, Quantity: 1})
	var id int64
	d.QueryRow(t, "SELECT id FROM orders", &id)
	for try := range 2 { // the second finds nothing to do
		if ok, err := db.CancelOrder(t.Context(), id, shop.PaymentDeclined); ok != (try == 0) || err != nil {
			t.Errorf("%v, %v", ok, err)
		}
	}
	b, err := db.Basket(t.Context(), u.ID)
	if err != nil || fmt.Sprint(b.Lines()) != "[{2 3} {1 2}]" || stock(t, d, 1) != 10 {
		t.Errorf("%v, %v; %d in stock", b.Lines(), err, stock(t, d, 1))
	}
}

func TestMoneyThatIsNotTakenForAWeekIsGivenUpAndLogged(t *testing.T) {
	d, db, u := buyer(t)
	silent := &provider{Test: payment.Test{Store: db}, fail: map[string]error{"capture": errDead}}
	if o, _, err := checkout(db, silent).Place(t.Context(), u.ID, byCard("one-order", payment.TokenOK)); err != nil || o.Status != shop.Placed {
		t.Fatalf("%+v, %v", o, err)
	}
	var log bytes.Buffer
	c := checkout(db, silent)
	c.Log = slog.New(slog.NewJSONHandler(&log, nil))
	sweep := func(age string) int {
		d.Exec(t, "UPDATE orders SET created_at = now() - $1::text::interval, checked_at = now() - interval '2 minutes'", age)
		n, _ := c.Sweep(t.Context(), shop.PendingTime)
		return n
	}
	if n := sweep("6 days 23 hours"); n != 1 || strings.Contains(log.String(), "given up") {
		t.Errorf("before the end of a week: %d, %s", n, log.String())
	}
	if n := sweep("7 days 1 minute"); n != 1 || strings.Count(log.String(), `"level":"ERROR","msg":"payment given up","order":1,"payment":"authorized"`) != 1 {
		t.Errorf("after a week: %d, %s", n, log.String())
	}
	if n := sweep("8 days"); n != 0 {
		t.Errorf("it was taken up again")
	}
}
