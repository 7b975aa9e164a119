package shop_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	shop "grocery/backend"
)

func TestCentsAreExactInJSON(t *testing.T) {
	for cents, want := range map[shop.Cents]string{0: "0.00", 5: "0.05", 89: "0.89", 100: "1.00", 123456: "1234.56", -250: "-2.50"} {
		if got, err := json.Marshal(cents); err != nil || string(got) != want {
			t.Errorf("%d cents: %s, %v; want %s", cents, got, err, want)
		}
	}
}

func TestWhatAShopperReadsOfAnError(t *testing.T) {
	for _, tt := range []struct {
		name          string
		err           error
		code, message string
	}{
		{"no error says nothing", nil, "", ""},
		{"a shop error shows its message", shop.Errorf(shop.ENOTFOUND, "No %s", "pears"), shop.ENOTFOUND, "No pears"},
		{"a wrapped shop error shows the same", fmt.Errorf("in here: %w", shop.Errorf(shop.EINVALID, "bad")), shop.EINVALID, "bad"},
		{"any other error shows nothing of itself", errors.New("password=x"), shop.EINTERNAL, "Internal error."},
		{"a cause stays hidden", shop.Unavailable(errors.New("dial tcp 10.0.0.1")), shop.EUNAVAILABLE, "The shop is not available at the moment. Please try again."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if code, message := shop.ErrorCode(tt.err), shop.ErrorMessage(tt.err); code != tt.code || message != tt.message {
				t.Errorf("%s %q, want %s %q", code, message, tt.code, tt.message)
			}
		})
	}
}

func day(s string) time.Time {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		panic(err)
	}
	return t
}

func TestAgeIsReachedOnTheBirthday(t *testing.T) {
	for _, tt := range []struct {
		birth, now string
		want       bool
	}{
		{"2000-06-15", "2018-06-14", false},
		{"2000-06-15", "2018-06-15", true},
		{"2000-02-29", "2018-02-28", false},
		{"2000-02-29", "2018-03-01", true},
	} {
		if got := shop.ReachedAge(day(tt.birth), 18, day(tt.now)); got != tt.want {
			t.Errorf("born %s, 18 on %s: %v", tt.birth, tt.now, got)
		}
	}
}

func TestNewOrder(t *testing.T) {
	now := day("2026-01-01")
	apple := shop.BasketItem{Product: shop.Product{ID: 1, Name: "Apple", Price: 250}, Quantity: 2}
	wine := shop.BasketItem{Product: shop.Product{ID: 2, Name: "Wine", Price: 2000, IsAlcohol: true}, Quantity: 1}
	for _, tt := range []struct {
		name            string
		user            shop.User
		basket          []shop.BasketItem
		code            string
		delivery, total shop.Cents
	}{
		{"an empty basket is no order", shop.User{}, nil, shop.ECONFLICT, 0, 0},
		{"under 20 euros delivery costs 5", shop.User{}, []shop.BasketItem{apple}, "", 500, 1000},
		{"at 20 euros delivery is free", shop.User{AgeConfirmed: true}, []shop.BasketItem{wine}, "", 0, 2000},
		{"one cent under 20 euros pays for delivery", shop.User{}, []shop.BasketItem{{Product: shop.Product{Price: 1999}, Quantity: 1}}, "", 500, 2499},
		{"alcohol is refused while the age is unknown", shop.User{}, []shop.BasketItem{apple, wine}, shop.EFORBIDDEN, 0, 0},
		{"a young date of birth outweighs a statement", shop.User{AgeConfirmed: true, BirthDate: day("2010-01-01")}, []shop.BasketItem{wine}, shop.EFORBIDDEN, 0, 0},
		{"who is 18 today may buy alcohol", shop.User{BirthDate: day("2008-01-01")}, []shop.BasketItem{wine}, "", 0, 2000},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o, err := shop.NewOrder(&tt.user, &shop.Basket{Items: tt.basket}, now)
			if shop.ErrorCode(err) != tt.code {
				t.Fatalf("error %v, want code %q", err, tt.code)
			}
			if err == nil && (o.Delivery != tt.delivery || o.Total != tt.total || len(o.Items) != len(tt.basket)) {
				t.Errorf("delivery %s, total %s, %d items", o.Delivery, o.Total, len(o.Items))
			}
		})
	}
}

func TestRegistrationNamesTheFieldThatIsWrong(t *testing.T) {
	good := shop.Registration{Username: " Ann ", Email: "ann@example.com", Password: "secret"}
	for _, tt := range []struct {
		name   string
		change func(*shop.Registration)
		field  string
	}{
		{"a complete one is accepted", func(*shop.Registration) {}, ""},
		{"no name", func(r *shop.Registration) { r.Username = "  " }, "username"},
		{"a name of 51 characters", func(r *shop.Registration) { r.Username = strings.Repeat("ä", 51) }, "username"},
		{"a name of 50 characters is accepted", func(r *shop.Registration) { r.Username = strings.Repeat("ä", 50) }, ""},
		{"a name with a line break", func(r *shop.Registration) { r.Username = "a\nb" }, "username"},
		{"a name with NUL", func(r *shop.Registration) { r.Username = "a\x00b" }, "username"},
		{"no address", func(r *shop.Registration) { r.Email = "" }, "email"},
		{"an address without a domain", func(r *shop.Registration) { r.Email = "ann@" }, "email"},
		{"an address without a dot", func(r *shop.Registration) { r.Email = "ann@localhost" }, "email"},
		{"an address with a name before it", func(r *shop.Registration) { r.Email = "Ann <ann@example.com>" }, "email"},
		{"an address of 255 bytes", func(r *shop.Registration) { r.Email = strings.Repeat("a", 243) + "@example.com" }, "email"},
		{"a password of 5 characters", func(r *shop.Registration) { r.Password = "äääää" }, "password"},
		{"a password of 257 bytes", func(r *shop.Registration) { r.Password = strings.Repeat("x", 257) }, "password"},
		{"a birthday in the future", func(r *shop.Registration) { r.BirthDate = "2999-01-01" }, "birth_date"},
		{"a birthday that is no date", func(r *shop.Registration) { r.BirthDate = "01.02.1990" }, "birth_date"},
		{"a birthday is accepted", func(r *shop.Registration) { r.BirthDate = "1990-02-01" }, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := good
			tt.change(&r)
			err := r.Validate(day("2026-01-01"))
			if tt.field == "" && err != nil {
				t.Fatal(err)
			}
			if tt.field != "" && (shop.ErrorCode(err) != shop.EINVALID || !strings.HasPrefix(shop.ErrorMessage(err), tt.field)) {
				t.Errorf("error %v, want one that begins with %s", err, tt.field)
			}
		})
	}
}

func TestAddUp(t *testing.T) {
	type lines = []shop.BasketLine
	many := make(lines, shop.MaxBasketLines+1)
	for i := range many {
		many[i] = shop.BasketLine{ProductID: int64(i + 1), Quantity: 1}
	}
	for _, tt := range []struct {
		name     string
		in, want lines
		code     string
	}{
		{"nothing stays nothing", nil, nil, ""},
		{"lines of one product are added up", lines{{1, 2}, {2, 1}, {1, 3}}, lines{{1, 5}, {2, 1}}, ""},
		{"zero is refused", lines{{1, 0}}, nil, shop.EINVALID},
		{"a negative quantity is refused", lines{{1, -1}}, nil, shop.EINVALID},
		{"too many of one are refused", lines{{1, 1000}}, nil, shop.EINVALID},
		{"too many in sum are refused", lines{{1, 999}, {1, 1}}, nil, shop.EINVALID},
		{"too many products are refused", many, nil, shop.EINVALID},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := shop.AddUp(tt.in)
			if fmt.Sprint(got) != fmt.Sprint(tt.want) || shop.ErrorCode(err) != tt.code {
				t.Errorf("%v, %v", got, err)
			}
		})
	}
}
