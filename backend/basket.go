package shop

import "context"

// Bounds of a basket.
const (
	MaxQuantity    = 999 // units of one product
	MaxBasketLines = 500 // different products
)

// BasketItem is one line of a basket.
type BasketItem struct {
	ID        int64
	UserID    int64
	ProductID int64
	Quantity  int
	// What the catalogue says about the product now.
	Name      string
	Price     Cents
	ImageURL  string
	IsAlcohol bool
}

// BasketLine asks for a quantity of a product.
type BasketLine struct {
	ProductID int64
	Quantity  int
}

// MergeBasket adds up lines of the same product, keeps their order and checks the
// bounds.
func MergeBasket(lines []BasketLine) ([]BasketLine, error) {
	var merged []BasketLine
	at := make(map[int64]int, len(lines))
	for _, l := range lines {
		if l.Quantity < 1 || l.Quantity > MaxQuantity {
			return nil, Errorf(EINVALID, "quantity must be a whole number from 1 to %d", MaxQuantity)
		}
		i, ok := at[l.ProductID]
		if !ok {
			at[l.ProductID] = len(merged)
			merged = append(merged, l)
			continue
		}
		merged[i].Quantity += l.Quantity
		if merged[i].Quantity > MaxQuantity {
			return nil, Errorf(EINVALID, "quantity must be a whole number from 1 to %d", MaxQuantity)
		}
	}
	if len(merged) > MaxBasketLines {
		return nil, Errorf(EINVALID, "a basket holds at most %d different products", MaxBasketLines)
	}
	return merged, nil
}

// BasketService keeps one basket per user.
type BasketService interface {
	// Basket returns the user's basket in the order the lines were put in.
	Basket(ctx context.Context, userID int64) ([]BasketItem, error)
	// ReplaceBasket stores the lines instead of what was there. EINVALID for a
	// product that does not exist; nothing is changed then.
	ReplaceBasket(ctx context.Context, userID int64, lines []BasketLine) error
	// RemoveFromBasket takes a product out; ENOTFOUND when it is not in.
	RemoveFromBasket(ctx context.Context, userID, productID int64) error
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
