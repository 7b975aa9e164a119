package httpapi

import (
	"strconv"
	"strings"

	shop "grocery/backend"
)

// The JSON shapes that clients of the old shop rely on. Prices are numbers in euros,
// lists are never null. Fields marked "new" were not there; old clients ignore them.

type productJSON struct {
	ID          int64         `json:"id"`
	Name        string        `json:"name"`
	Description string        `json:"description"`
	Pack        string        `json:"pack"` // new
	Price       shop.Cents    `json:"price"`
	Category    string        `json:"category"`
	ImageURL    string        `json:"image_url"`
	IsAlcohol   bool          `json:"is_alcohol"`
	Reviews     []shop.Review `json:"reviews"`
}

func legacyProduct(p shop.Product) productJSON {
	reviews := p.Reviews
	if reviews == nil {
		reviews = []shop.Review{}
	}
	return productJSON{p.ID, p.Name, p.Description, p.Pack, p.Price, p.Category, p.ImageURL, p.IsAlcohol, reviews}
}

type infoJSON struct {
	Username          string          `json:"username"`
	Email             string          `json:"email"`
	Avatar            string          `json:"avatar"`
	Basket            []infoBasketRow `json:"basket"`
	FavProducts       string          `json:"fav_products"`
	PurchasedProducts string          `json:"purchased_products"`
	IsAdult           bool            `json:"is_adult"` // new
}

type infoBasketRow struct {
	ID        int64 `json:"id"`
	ProductID int64 `json:"product_id"`
	Quantity  int   `json:"quantity"`
	UserID    int64 `json:"user_id"`
}

type basketRow struct {
	ProductID int64      `json:"product_id"`
	Quantity  int        `json:"quantity"`
	Name      string     `json:"name"`
	Price     shop.Cents `json:"price"`
	ImageURL  string     `json:"image_url"`
}

type reviewerJSON struct {
	Username string `json:"username"`
	Avatar   string `json:"avatar"`
}

// avatarURL is relative and the same every time: old clients reload for ever when it
// changes.
func avatarURL(file string) string { return "/api/me/avatar/" + file }

// csv joins ids with commas.
func csv(ids []int64) string {
	parts := make([]string, len(ids))
	for i, id := range ids {
		parts[i] = strconv.FormatInt(id, 10)
	}
	return strings.Join(parts, ",")
}

func message(text string) map[string]string { return map[string]string{"message": text} }
