package postgres_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	shop "grocery/backend"
	"grocery/backend/postgres"
)

func search(t testing.TB, db *postgres.DB, q shop.ProductQuery) *shop.ProductPage {
	t.Helper()
	if err := q.Validate(); err != nil {
		t.Fatal(err)
	}
	page, err := db.SearchProducts(t.Context(), q)
	if err != nil {
		t.Fatalf("%+v: %v", q, err)
	}
	return page
}

func names(products []shop.Product) []string {
	out := make([]string, len(products))
	for i, p := range products {
		out[i] = p.Name
	}
	return out
}

func TestSearchFindsGoodsAlsoWhenTheyAreMisspelt(t *testing.T) {
	_, db := migrated(t)
	for _, tt := range []struct {
		text, first string // the first product has this in its name; "" for none at all
		corrected   bool
	}{
		{"tomatoes", "Tomato", false},
		{"tomatos", "Tomato", false},
		{"tomat", "Tomato", false},
		{"jogurt", "Yoghurt", true},
		{"yogurt", "Yoghurt", true},
		{"joghurt", "Yoghurt", true},
		{"yog", "Yoghurt", false},
		{"MILK", "Milk", false},
		{"appels", "Apple", true},
		{"bananna", "Banana", true},
		{"crème caramel", "Crème Caramel", false},
		{"creme", "Crème Caramel", false},
		{"chocolade", "Chocolate", true},
		{"brocoli", "Broccoli", true},
		{"red apple", "Red Apple", false},
		{"potatos", "Potato", false},
		{"mozarella", "Mozzarella", true},
		{"spageti", "Spaghetti", true},
		{"bakery", "", false},
		{"qwxzk", "", false},
		{"\u2019'\\ :* & | ! ( <->", "Red Apples", false}, // nothing to look for: everything
		{"o\u2019tomato'", "", false},
		{"the", "", false},
	} {
		page := search(t, db, shop.ProductQuery{Text: tt.text})
		got := names(page.Products)
		switch {
		case tt.text == "bakery":
			if len(got) == 0 || page.Products[0].Category != "Bakery" && !strings.Contains(page.Products[0].Category, "Bak") {
				t.Errorf("a category's name finds %q", got)
			}
		case tt.first == "":
			if page.Corrected && len(got) == 0 {
				t.Errorf("%q: nothing is called a correction", tt.text)
			}
		case len(got) == 0 || !strings.Contains(got[0], tt.first) || page.Corrected != tt.corrected:
			t.Errorf("%q: corrected %v, %.6q; want %q first", tt.text, page.Corrected, got, tt.first)
		}
	}
	if got := search(t, db, shop.ProductQuery{Text: "qwxzk"}); got.Total != 0 || got.Corrected || got.Next != nil {
		t.Errorf("nonsense finds %+v", got)
	}
}

func TestEveryOrderCanBePagedThroughWithoutGapOrRepetition(t *testing.T) {
	d, db := migrated(t)
	d.Exec(t, `INSERT INTO reviews (product_id, author, rating) SELECT id, 'a' || n, 1 + (id + n) % 5 FROM products, generate_series(1, 3) n WHERE id % 3 = 0`)
	for _, sort := range shop.Sorts {
		for _, text := range []string{"", "milk", "chocolade"} {
			q := shop.ProductQuery{Text: text, Sort: sort, Limit: 7}
			var all []shop.Product
			total := 0
			for {
				page := search(t, db, q)
				total = page.Total
				all = append(all, page.Products...)
				if page.Next == nil {
					break
				}
				q.After = page.Next
			}
			seen := map[int64]bool{}
			for _, p := range all {
				if seen[p.ID] {
					t.Errorf("%s %q: product %d comes twice", sort, text, p.ID)
				}
				seen[p.ID] = true
			}
			if len(all) != total || total == 0 {
				t.Errorf("%s %q: %d products of %d", sort, text, len(all), total)
			}
			switch sort {
			case shop.SortPrice:
				if !slices.IsSortedFunc(all, func(a, b shop.Product) int { return int(a.Price - b.Price) }) {
					t.Errorf("%s is not in order", sort)
				}
			case shop.SortPriceDesc:
				if !slices.IsSortedFunc(all, func(a, b shop.Product) int { return int(b.Price - a.Price) }) {
					t.Errorf("%s is not in order", sort)
				}
			case shop.SortName:
				if len(all) > 1 && strings.ToLower(all[0].Name) > strings.ToLower(all[len(all)-1].Name) {
					t.Errorf("%s is not in order", sort)
				}
			case shop.SortRating:
				if text == "" && (all[0].Rating.Average < 4 || all[len(all)-1].Rating.Average > 2.5) {
					t.Errorf("%s begins with %v and ends with %v", sort, all[0].Rating, all[len(all)-1].Rating)
				}
			}
		}
	}
}

func TestFiltersAndFacetsAgree(t *testing.T) {
	d, db := migrated(t)
	d.Exec(t, `INSERT INTO reviews (product_id, author, rating) SELECT id, 'a', 1 + id % 5 FROM products WHERE id % 2 = 0`)
	d.Exec(t, `UPDATE products SET stock = 0 WHERE id % 7 = 0`)
	yes, no := true, false
	for name, q := range map[string]shop.ProductQuery{
		"all":          {},
		"a text":       {Text: "milk"},
		"a typo":       {Text: "chocolade"},
		"a category":   {Categories: []string{"Fruit"}},
		"categories":   {Categories: []string{"Fruit", "Dairy and Eggs"}},
		"a price":      {MinPrice: 100, MaxPrice: 300},
		"a rating":     {MinRating: 4},
		"stock":        {InStock: true},
		"alcohol":      {Alcohol: &yes},
		"no alcohol":   {Alcohol: &no},
		"all together": {Text: "c", Categories: []string{"Fruit", "Bakery", "Dairy and Eggs"}, MinPrice: 50, MaxPrice: 900, MinRating: 2, InStock: true, Alcohol: &no},
	} {
		t.Run(name, func(t *testing.T) {
			page := search(t, db, q)
			for _, p := range page.Products {
				if len(q.Categories) > 0 && !slices.Contains(q.Categories, p.Category) || p.Price < q.MinPrice || q.MaxPrice > 0 && p.Price > q.MaxPrice ||
					p.Rating.Average < float64(q.MinRating) || q.InStock && p.Stock == 0 || q.Alcohol != nil && p.IsAlcohol != *q.Alcohol {
					t.Errorf("%+v does not satisfy the filter", p)
				}
			}
			// A facet's count is what the query finds with that filter.
			for _, c := range page.Facets.Categories {
				one := q
				one.Categories = []string{c.Value}
				if got := search(t, db, one).Total; got != c.Count {
					t.Errorf("%s: %d products, the facet says %d", c.Value, got, c.Count)
				}
			}
			for i, n := range page.Facets.Ratings {
				one := q
				one.MinRating = i + 1
				if got := search(t, db, one).Total; got != n {
					t.Errorf("rating %d: %d products, the facet says %d", i+1, got, n)
				}
			}
			one := q
			one.InStock = true
			if got := search(t, db, one).Total; got != page.Facets.InStock {
				t.Errorf("in stock: %d products, the facet says %d", got, page.Facets.InStock)
			}
			one = q
			one.Alcohol = &yes
			if got := search(t, db, one).Total; got != page.Facets.Alcohol {
				t.Errorf("alcohol: %d products, the facet says %d", got, page.Facets.Alcohol)
			}
			one = q
			one.MinPrice, one.MaxPrice = page.Facets.MinPrice, page.Facets.MaxPrice
			wide := q
			wide.MinPrice, wide.MaxPrice = 0, 0
			if got, want := search(t, db, one).Total, search(t, db, wide).Total; got != want {
				t.Errorf("the range of prices holds %d products of %d", got, want)
			}
		})
	}
}

func TestAQuestionToTheCatalogueIsChecked(t *testing.T) {
	for _, q := range []shop.ProductQuery{
		{Text: strings.Repeat("a", 101)}, {Text: "\x00"}, {Categories: make([]string, 51)}, {MinPrice: -1}, {MaxPrice: 1 << 40},
		{MinRating: 6}, {MinRating: -1}, {Limit: 101}, {Limit: -1}, {Sort: "id; DROP TABLE users"},
	} {
		if err := q.Validate(); shop.ErrorCode(err) != shop.EINVALID {
			t.Errorf("%+v: %v", q, err)
		}
	}
	q := shop.ProductQuery{Text: strings.Repeat("word ", 15)}
	if err := q.Validate(); err != nil || len(q.Words()) != shop.MaxQueryWords {
		t.Errorf("%v %d", err, len(q.Words()))
	}
}

func BenchmarkSearch(b *testing.B) {
	_, db := migrated(b)
	for _, text := range []string{"", "milk", "chocolade"} {
		b.Run(fmt.Sprintf("%q", text), func(b *testing.B) {
			for b.Loop() {
				search(b, db, shop.ProductQuery{Text: text})
			}
		})
	}
}

// Modifier letters and accents are letters and marks of which search_fold leaves a quote or
// nothing.
func TestAWordOfAccentsAloneAsksForNothing(t *testing.T) {
	_, db := migrated(t)
	all, tomatoes := search(t, db, shop.ProductQuery{}), search(t, db, shop.ProductQuery{Text: "tomato"})
	for _, word := range []string{"\u02bc", "\u02b9", "\u02bb", "\u02bd", "\u02c8", "\u0301", "\u02bc\u0301", "\u02bc \u02bb"} {
		if got := search(t, db, shop.ProductQuery{Text: word}); got.Total != all.Total || got.Corrected {
			t.Errorf("%q finds %d of %d products", word, got.Total, all.Total)
		}
		for _, text := range []string{word + " tomato", "tomato " + word} {
			if got := search(t, db, shop.ProductQuery{Text: text}); !slices.Equal(names(got.Products), names(tomatoes.Products)) {
				t.Errorf("%q finds %q, want %q", text, names(got.Products), names(tomatoes.Products))
			}
		}
	}
}
