package shop_test

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"

	shop "grocery/backend"
)

type lines = []shop.BasketLine

// someLines returns a basket of up to 20 of 30 products.
func someLines(r *rand.Rand) lines {
	var b lines
	for _, id := range r.Perm(30)[:r.IntN(21)] {
		b = append(b, shop.BasketLine{ProductID: int64(id + 1), Quantity: 1 + r.IntN(shop.MaxQuantity)})
	}
	return b
}

// sorted forgets the order of the lines.
func sorted(b lines) lines {
	b = slices.Clone(b)
	slices.SortFunc(b, func(a, b shop.BasketLine) int { return cmp.Compare(a.ProductID, b.ProductID) })
	return b
}

func union(t *testing.T, a, b lines) lines {
	t.Helper()
	u, err := shop.Union(a, b)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestTheAlgebraOfBaskets(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		a, b, c := someLines(r), someLines(r), someLines(r)
		was := slices.Clone(a)
		ab := union(t, a, b)
		if !slices.Equal(union(t, ab, b), ab) || !slices.Equal(union(t, ab, a), ab) {
			t.Fatalf("merging again changes something: %v + %v", a, b)
		}
		if !slices.Equal(sorted(ab), sorted(union(t, b, a))) {
			t.Fatalf("the order of merging matters: %v + %v", a, b)
		}
		if !slices.Equal(sorted(union(t, ab, c)), sorted(union(t, a, union(t, b, c)))) {
			t.Fatalf("merging three depends on where one begins: %v + %v + %v", a, b, c)
		}
		if !slices.Equal(union(t, a, nil), a) || !slices.Equal(union(t, nil, a), a) {
			t.Fatalf("an empty basket changes something: %v", a)
		}
		if !slices.EqualFunc(ab[:len(a)], a, func(x, y shop.BasketLine) bool { return x.ProductID == y.ProductID && x.Quantity >= y.Quantity }) {
			t.Fatalf("lines that were there lost their place or became fewer: %v -> %v", a, ab)
		}
		line := shop.BasketLine{ProductID: 1 + r.Int64N(30), Quantity: 1 + r.IntN(shop.MaxQuantity)}
		set, err := shop.SetQuantity(a, line)
		if err != nil || !slices.Contains(set, line) {
			t.Fatalf("setting %v in %v: %v, %v", line, a, set, err)
		}
		if again, _ := shop.SetQuantity(set, line); !slices.Equal(again, set) {
			t.Fatalf("setting %v twice changes something", line)
		}
		rest, found := shop.Without(set, line.ProductID)
		if before, _ := shop.Without(a, line.ProductID); !found || !slices.Equal(rest, before) {
			t.Fatalf("taking out what was set does not lead back: %v", rest)
		}
		if !slices.Equal(a, was) {
			t.Fatal("an argument was changed")
		}
	}
}

func TestTotals(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 2000 {
		b := &shop.Basket{}
		want := shop.Cents(0)
		for range r.IntN(10) {
			it := shop.BasketItem{Quantity: 1 + r.IntN(5), Product: shop.Product{Price: shop.Cents(r.IntN(1000)), Stock: r.IntN(8)}}
			b.Items = append(b.Items, it)
			for range it.Quantity {
				want += it.Product.Price
			}
			if n := it.Available(); n > it.Quantity || n > it.Product.Stock || n < 0 || n < it.Quantity && n != it.Product.Stock {
				t.Fatalf("%d of %d available, %d in stock", n, it.Quantity, it.Product.Stock)
			}
		}
		if b.Subtotal() != want || b.Total() != b.Subtotal()+b.Delivery() {
			t.Fatalf("subtotal %s, want %s; total %s", b.Subtotal(), want, b.Total())
		}
		free := len(b.Items) == 0 || want >= shop.FreeDelivery
		if (b.Delivery() == 0) != free {
			t.Fatalf("delivery of goods for %s costs %s", want, b.Delivery())
		}
		o, err := shop.NewOrder(&shop.User{}, b, day("2026-01-01"))
		if len(b.Items) > 0 && (err != nil || o.Subtotal != b.Subtotal() || o.Delivery != b.Delivery() || o.Total != b.Total()) {
			t.Fatalf("the order costs something else than the basket: %+v, %v", o, err)
		}
	}
}

func TestTheDeliveryRuleAtItsBorder(t *testing.T) {
	for subtotal, want := range map[shop.Cents]shop.Cents{0: 500, 1: 500, 1999: 500, 2000: 0, 2001: 0} {
		if got := shop.DeliveryFor(subtotal); got != want {
			t.Errorf("goods for %s: delivery %s, want %s", subtotal, got, want)
		}
	}
}

// The largest basket that can be: a number that JavaScript too can hold.
func TestTheLargestTotalDoesNotOverflow(t *testing.T) {
	b := &shop.Basket{}
	for range shop.MaxBasketLines {
		b.Items = append(b.Items, shop.BasketItem{Quantity: shop.MaxQuantity, Product: shop.Product{Price: 1<<31 - 1}})
	}
	if got, want := int64(b.Total()), int64(shop.MaxBasketLines)*shop.MaxQuantity*(1<<31-1); got != want || got > 1<<53 {
		t.Errorf("total %d, want %d", got, want)
	}
}

func TestWhatIsShortIsNamed(t *testing.T) {
	item := func(id int64, quantity, stock int) shop.BasketItem {
		return shop.BasketItem{Quantity: quantity, Product: shop.Product{ID: id, Name: "Pear", Stock: stock}}
	}
	for _, tt := range []struct {
		name  string
		items []shop.BasketItem
		short []int64
	}{
		{"enough of everything", []shop.BasketItem{item(1, 2, 2), item(2, 1, 5)}, nil},
		{"none left", []shop.BasketItem{item(1, 2, 2), item(2, 1, 0)}, []int64{2}},
		{"too few of two", []shop.BasketItem{item(1, 2, 1), item(2, 3, 2), item(3, 1, 1)}, []int64{1, 2}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := shop.CheckStock(&shop.Basket{Items: tt.items})
			if tt.short == nil {
				if err != nil {
					t.Error(err)
				}
				return
			}
			e, ok := err.(*shop.Error)
			if !ok || e.Code != shop.ECONFLICT || e.Reason != "out_of_stock" {
				t.Fatalf("%v", err)
			}
			var ids []int64
			for _, s := range e.Details["items"].([]shop.Shortage) {
				ids = append(ids, s.ProductID)
			}
			if !slices.Equal(ids, tt.short) {
				t.Errorf("short of %v, want %v", ids, tt.short)
			}
		})
	}
}
