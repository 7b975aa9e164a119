package shop

import (
	"context"
	"slices"
)

// Bounds of a basket.
const (
	MaxQuantity    = 999 // units of one product
	MaxBasketLines = 500 // different products
)

// BasketLine asks for a quantity of a product.
type BasketLine struct {
	ProductID int64
	Quantity  int
}

// BasketItem is one line of a basket.
type BasketItem struct {
	ID       int64
	Quantity int
	Product  Product // as the catalogue has it now
}

// Total returns what the line costs.
func (b BasketItem) Total() Cents { return b.Product.Price * Cents(b.Quantity) }

// Available returns how many of the quantity can be bought now.
func (b BasketItem) Available() int { return max(min(b.Quantity, b.Product.Stock), 0) }

// Basket is what somebody is about to buy.
type Basket struct {
	// Version grows with every change of the lines; 0 for a basket that is not stored.
	Version int64
	Items   []BasketItem // in the order they were put in
}

// Subtotal returns what the goods cost. It cannot overflow: the bounds of a basket and
// of a price (31 bits) keep it under 2^50 cents.
func (b *Basket) Subtotal() Cents {
	var sum Cents
	for _, it := range b.Items {
		sum += it.Total()
	}
	return sum
}

// Delivery returns what the delivery costs: nothing for an empty basket.
func (b *Basket) Delivery() Cents {
	if len(b.Items) == 0 {
		return 0
	}
	return DeliveryFor(b.Subtotal())
}

// Total returns what the goods and their delivery cost.
func (b *Basket) Total() Cents { return b.Subtotal() + b.Delivery() }

// NeedsAdult reports whether there is alcohol in the basket.
func (b *Basket) NeedsAdult() bool {
	return slices.ContainsFunc(b.Items, func(it BasketItem) bool { return it.Product.IsAlcohol })
}

// Lines returns what was asked for.
func (b *Basket) Lines() []BasketLine {
	lines := make([]BasketLine, len(b.Items))
	for i, it := range b.Items {
		lines[i] = BasketLine{it.Product.ID, it.Quantity}
	}
	return lines
}

// The algebra of baskets. Lines keep their places; new ones go to the end. None of
// these functions changes what it is given.

// AddUp adds up lines of the same product and checks the bounds.
func AddUp(lines []BasketLine) ([]BasketLine, error) {
	return combine(nil, lines, func(a, b int) int { return a + b })
}

// Union puts the lines of b to those of a: of a product in both the larger quantity
// stays. It is idempotent, and but for the order commutative and associative.
func Union(a, b []BasketLine) ([]BasketLine, error) {
	return combine(a, b, func(a, b int) int { return max(a, b) })
}

// SetQuantity has one product in the basket with this quantity.
func SetQuantity(have []BasketLine, line BasketLine) ([]BasketLine, error) {
	return combine(have, []BasketLine{line}, func(_, b int) int { return b })
}

// Without takes a product out; found says whether it was in.
func Without(have []BasketLine, productID int64) (rest []BasketLine, found bool) {
	rest = slices.DeleteFunc(slices.Clone(have), func(l BasketLine) bool { return l.ProductID == productID })
	return rest, len(rest) < len(have)
}

func combine(a, b []BasketLine, quantity func(a, b int) int) ([]BasketLine, error) {
	all := make([]BasketLine, 0, min(len(a)+len(b), MaxBasketLines))
	at := make(map[int64]int, cap(all))
	for _, l := range slices.Concat(a, b) {
		if l.Quantity < 1 || l.Quantity > MaxQuantity {
			return nil, errQuantity()
		}
		i, ok := at[l.ProductID]
		if !ok {
			at[l.ProductID] = len(all)
			all = append(all, l)
			continue
		}
		if all[i].Quantity = quantity(all[i].Quantity, l.Quantity); all[i].Quantity > MaxQuantity {
			return nil, errQuantity()
		}
	}
	if len(all) > MaxBasketLines {
		return nil, Errorf(EINVALID, "a basket holds at most %d different products", MaxBasketLines).Because("basket_full")
	}
	return all, nil
}

func errQuantity() error {
	return Errorf(EINVALID, "quantity must be a whole number from 1 to %d", MaxQuantity)
}

// BasketEdit is a change of a stored basket.
type BasketEdit struct {
	// Versions, when not nil, are those the caller believes the basket to have one of.
	Versions []int64
	// Lines returns what the basket shall hold instead of have, or why not.
	Lines func(have []BasketLine) ([]BasketLine, error)
	// Unknown is told the products that do not exist; they are left out unless it
	// returns an error.
	Unknown func(productIDs []int64) error
}

// BasketService keeps one basket per user.
type BasketService interface {
	// Basket returns the user's basket.
	Basket(ctx context.Context, userID int64) (*Basket, error)
	// Quote returns what the lines would be as a basket, and the products that do
	// not exist. Lines of the same product are taken as by Union.
	Quote(ctx context.Context, lines []BasketLine) (b *Basket, unknown []int64, err error)
	// EditBasket changes the user's basket and returns it. Changes of one basket
	// happen one after the other. EPRECONDITION "basket_changed" when the basket has
	// another version than the caller believes; nothing is changed after an error.
	EditBasket(ctx context.Context, userID int64, edit BasketEdit) (*Basket, error)
	// ReplaceBasket stores the lines, added up, instead of what was there. EINVALID
	// for a product that does not exist; nothing is changed then.
	ReplaceBasket(ctx context.Context, userID int64, lines []BasketLine) error
	// RemoveFromBasket takes a product out; ENOTFOUND when it is not in.
	RemoveFromBasket(ctx context.Context, userID, productID int64) error
}

// ErrBasketChanged says that a basket is not the one the caller knows. Its code is
// EPRECONDITION where that was a condition of the request's, else ECONFLICT.
func ErrBasketChanged(code string) error {
	return Errorf(code, "Your basket has changed meanwhile. Please look at it again.").Because("basket_changed")
}

// FavouriteService keeps the products a user has marked.
type FavouriteService interface {
	// Favourites returns the ids of the marked products, oldest mark first.
	Favourites(ctx context.Context, userID int64) ([]int64, error)
	// AddFavourite marks a product; marking twice is no error. ENOTFOUND for an
	// unknown product.
	AddFavourite(ctx context.Context, userID, productID int64) error
	// RemoveFavourite takes the mark away; ENOTFOUND when there is none.
	RemoveFavourite(ctx context.Context, userID, productID int64) error
}
