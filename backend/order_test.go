package shop_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	shop "grocery/backend"
)

func home() *shop.Address {
	return &shop.Address{Name: "Ann", Street: "Long Lane 1", PostalCode: "10115", City: "Berlin", Country: "DE"}
}

func TestAddressNamesTheFieldThatIsWrong(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*shop.Address)
		field  string
	}{
		{"a complete one is accepted", func(*shop.Address) {}, ""},
		{"spaces around are taken away", func(a *shop.Address) { a.Name, a.Country = " Ann ", " DE" }, ""},
		{"a phone and a note are accepted", func(a *shop.Address) { a.Phone, a.Note = "+49 (30) 1234-5", "Ring twice.\nThank you" }, ""},
		{"letters of any script are accepted", func(a *shop.Address) { a.Name, a.City = "Ñandú Żółw", "Αθήνα" }, ""},
		{"a British postal code is accepted", func(a *shop.Address) { a.PostalCode, a.Country = "SW1A 1AA", "GB" }, ""},
		{"no name", func(a *shop.Address) { a.Name = "  " }, "name"},
		{"a name of 101 characters", func(a *shop.Address) { a.Name = strings.Repeat("ä", 101) }, "name"},
		{"a name of two lines", func(a *shop.Address) { a.Name = "a\nb" }, "name"},
		{"a name that turns the direction of writing", func(a *shop.Address) { a.Name = "a\u202eb" }, "name"},
		{"no street", func(a *shop.Address) { a.Street = "" }, "street"},
		{"a street with NUL", func(a *shop.Address) { a.Street = "a\x00" }, "street"},
		{"no city", func(a *shop.Address) { a.City = "" }, "city"},
		{"no postal code", func(a *shop.Address) { a.PostalCode = "" }, "postal_code"},
		{"a postal code of signs", func(a *shop.Address) { a.PostalCode = "--" }, "postal_code"},
		{"a postal code with markup", func(a *shop.Address) { a.PostalCode = "<b>" }, "postal_code"},
		{"no country", func(a *shop.Address) { a.Country = "" }, "country"},
		{"a country that is none", func(a *shop.Address) { a.Country = "XX" }, "country"},
		{"a country in small letters", func(a *shop.Address) { a.Country = "de" }, "country"},
		{"a country by its name", func(a *shop.Address) { a.Country = "Germany" }, "country"},
		{"a country between two codes", func(a *shop.Address) { a.Country = "D " + "A" }, "country"},
		{"a phone with letters", func(a *shop.Address) { a.Phone = "call me" }, "phone"},
		{"a note of 501 characters", func(a *shop.Address) { a.Note = strings.Repeat("x", 501) }, "note"},
		{"a note with an escape sequence", func(a *shop.Address) { a.Note = "\x1b[2J" }, "note"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := home()
			tt.change(a)
			err := a.Validate()
			if tt.field == "" {
				if err != nil || a.Name != strings.TrimSpace(a.Name) {
					t.Errorf("%+v, %v", a, err)
				}
				return
			}
			e, ok := err.(*shop.Error)
			if !ok || e.Code != shop.EINVALID || e.Details["field"] != "address."+tt.field || !strings.HasPrefix(e.Message, "address."+tt.field) {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestOrderRequestNamesTheFieldThatIsWrong(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*shop.OrderRequest)
		field  string
	}{
		{"cash is accepted", func(*shop.OrderRequest) {}, ""},
		{"a card is accepted", func(r *shop.OrderRequest) { r.Method, r.CardToken = shop.Card, "test_ok" }, ""},
		{"no key", func(r *shop.OrderRequest) { r.Key = "" }, "Idempotency-Key"},
		{"a key of 7 characters", func(r *shop.OrderRequest) { r.Key = "1234567" }, "Idempotency-Key"},
		{"a key of 65 characters", func(r *shop.OrderRequest) { r.Key = strings.Repeat("k", 65) }, "Idempotency-Key"},
		{"a key with a line break at its end", func(r *shop.OrderRequest) { r.Key = "12345678\n" }, "Idempotency-Key"},
		{"no address", func(r *shop.OrderRequest) { r.Address = nil }, "address"},
		{"no city", func(r *shop.OrderRequest) { r.Address.City = "" }, "address.city"},
		{"no method", func(r *shop.OrderRequest) { r.Method = "" }, "payment.method"},
		{"an unknown method", func(r *shop.OrderRequest) { r.Method = "barter" }, "payment.method"},
		{"a card without its token", func(r *shop.OrderRequest) { r.Method = shop.Card }, "payment.card_token"},
		{"a card with a token that is too long", func(r *shop.OrderRequest) { r.Method, r.CardToken = shop.Card, strings.Repeat("t", 201) }, "payment.card_token"},
		{"cash with a card's token", func(r *shop.OrderRequest) { r.CardToken = "test_ok" }, "payment.card_token"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := &shop.OrderRequest{Key: "key-1234", Address: home(), Method: shop.CashOnDelivery}
			tt.change(r)
			err := r.Validate()
			if tt.field == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if e, ok := err.(*shop.Error); !ok || e.Code != shop.EINVALID || e.Details["field"] != tt.field {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestAHashTellsRequestsApart(t *testing.T) {
	request := func() *shop.OrderRequest {
		return &shop.OrderRequest{Key: "key-1234", Address: home(), Method: shop.Card, CardToken: "test_ok", BasketVersion: new(int64(3)), ExpectedTotal: new(shop.Cents(100))}
	}
	first := request().Hash()
	if request().Hash() != first {
		t.Error("the same request has another hash")
	}
	other := request()
	other.Key = "another-key"
	if other.Hash() != first {
		t.Error("the key is part of the hash")
	}
	for name, change := range map[string]func(*shop.OrderRequest){
		"street":   func(r *shop.OrderRequest) { r.Address.Street = "Long Lane 2" },
		"note":     func(r *shop.OrderRequest) { r.Address.Note = "x" },
		"method":   func(r *shop.OrderRequest) { r.Method = shop.CashOnDelivery },
		"token":    func(r *shop.OrderRequest) { r.CardToken = "test_slow" },
		"version":  func(r *shop.OrderRequest) { r.BasketVersion = new(int64(4)) },
		"no total": func(r *shop.OrderRequest) { r.ExpectedTotal = nil },
		"a cent":   func(r *shop.OrderRequest) { r.ExpectedTotal = new(shop.Cents(101)) },
	} {
		r := request()
		if change(r); r.Hash() == first {
			t.Errorf("another %s has the same hash", name)
		}
	}
}

func TestTheNumberOfAnOrder(t *testing.T) {
	for want, o := range map[string]shop.Order{
		"G-2026-000123":  {ID: 123, CreatedAt: day("2026-05-01")},
		"G-2026-1234567": {ID: 1234567, CreatedAt: time.Date(2027, 1, 1, 0, 30, 0, 0, time.FixedZone("", 3600))},
	} {
		if got := o.Number(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// FuzzAddress: what is accepted can be stored, printed on one line a field, and is
// accepted again unchanged.
func FuzzAddress(f *testing.F) {
	for _, a := range []*shop.Address{home(), {}, {Name: "a\u202e", Country: "ZZ"}, {Note: "a\nb", Phone: "+1"}} {
		b, err := json.Marshal(a)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var a shop.Address
		if json.Unmarshal(data, &a) != nil || a.Validate() != nil {
			return
		}
		again := a
		if err := again.Validate(); err != nil || again != a {
			t.Errorf("%+v is not accepted as it was stored: %v", a, err)
		}
		for _, s := range []string{a.Name, a.Street, a.PostalCode, a.City, a.Country} {
			if s == "" || !shop.Storable(s) || strings.ContainsAny(s, "\n\r\x00\x1b") {
				t.Errorf("%q is accepted", s)
			}
		}
		b, err := json.Marshal(a)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(b, &again); err != nil || again != a {
			t.Errorf("%+v is read back as %+v, %v", a, again, err)
		}
	})
}
