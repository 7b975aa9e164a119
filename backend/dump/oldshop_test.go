package dump_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
)

// What the dump of oldShop holds.
const (
	oldProducts   = 318
	oldCategories = 11
	oldReviews    = 1235
	oldAuthors    = 52
	oldUsers      = 2
	oldHash       = "scrypt:32768:8:1$Zx81aB3cD4eF5gH6$" // and 128 hexadecimal digits
)

// oldShop writes a dump as users of the old shop have it, with all its oddities: a
// byte order mark, basket_items and its foreign keys before the tables they refer to,
// no column lists, ids that no sequence knows of, floats with seventeen digits. The
// words are invented here; the same dump comes out each time.
func oldShop() []byte {
	r := rand.New(rand.NewPCG(1, 2))
	var b bytes.Buffer
	b.WriteString("\ufeff-- The shop's data\r\n-- don't lose it; it's all we have\n\n")
	b.WriteString(`CREATE TABLE basket_items (
    id SERIAL PRIMARY KEY,
    product_id INTEGER NOT NULL REFERENCES products(id),
    quantity INTEGER NOT NULL,
    user_id INTEGER NOT NULL,
    FOREIGN KEY (user_id) REFERENCES users(id)
);
INSERT INTO basket_items VALUES(3,17,2,1);
INSERT INTO basket_items VALUES(4,5,1,2);
INSERT INTO basket_items VALUES(9,318,12,2);

CREATE TABLE users (
    id SERIAL PRIMARY KEY,
    username VARCHAR(50) NOT NULL,
    email VARCHAR(120) UNIQUE NOT NULL,
    password VARCHAR(255) NOT NULL,
    fav_products TEXT,
    purchased_products TEXT,
    avatar VARCHAR(255)
);
`)
	fmt.Fprintf(&b, "INSERT INTO users VALUES(1,'olga','olga@example.com','%s%s','12,3,7','17,3',NULL);\n", oldHash, strings.Repeat("0a1b", 32))
	fmt.Fprintf(&b, "INSERT INTO users VALUES(2,'Pat O''Neil','pat@example.com','%s%s','',NULL,'2_cat.png');\n", oldHash, strings.Repeat("c4d5", 32))
	b.WriteString(`
CREATE TABLE products (
    id SERIAL PRIMARY KEY,
    name VARCHAR(255) NOT NULL,
    description TEXT,
    price REAL NOT NULL, -- euros; "cents" would have been too easy
    category VARCHAR(255) NOT NULL,
    image_url VARCHAR(255),
    is_alcohol BOOLEAN DEFAULT FALSE
);
`)
	first := words("Sunny Old Fresh Crisp Golden Wild Mild Dark Red Green Alpine Coastal Rustic Honest Little Grand")
	second := words("Apple Bread Cheese Soup Noodle Pepper Tea Coffee Cocoa Butter Yoghurt Rice Bean Salt Biscuit Lemonade Beer Cider Tomato Plum")
	filler := words("taste morning kitchen garden slow gentle baked ripened farm village sweet hearty simple light family evening supper picnic keeps stored cool dry place")
	for id := 1; id <= oldProducts; id++ {
		n := id - 1
		fmt.Fprintf(&b, "INSERT INTO products VALUES(%d,'%s %s No. %d','%s',%s,'Category %c','/images/p%d.png',%s);\n",
			id, first[n%len(first)], second[n%len(second)], id, sentence(r, filler, 14), oldPrice(id),
			'A'+rune(n%oldCategories), id, strconv.FormatBool(n%oldCategories == 8))
	}
	b.WriteString(`
CREATE TABLE reviews (
    id SERIAL PRIMARY KEY,
    product_id INTEGER REFERENCES products(id),
    author VARCHAR(50),
    rating REAL NOT NULL,
    comment TEXT
);
`)
	for id := 1; id <= oldReviews; id++ {
		comment := "'" + sentence(r, filler, 19) + "'"
		if id%100 == 0 {
			comment = "'It''s fine; really -- \"great\"! \u00e4\u20ac\U0001f34e (no /* comment */)\nTwo lines.'"
		} else if id%333 == 0 {
			comment = "NULL"
		}
		fmt.Fprintf(&b, "INSERT INTO reviews VALUES(%d,%d,'%s',%s,%s);\n", id, 1+r.IntN(oldProducts), author(id%oldAuthors), []string{"5.0", "4.5", "4", "3.5", "1.0"}[r.IntN(5)], comment)
	}
	return b.Bytes()
}

// oldPrice returns the price of a product as the old shop's floats print, and
// oldCents what it means.
func oldPrice(id int) string {
	cents := oldCents(id)
	s := fmt.Sprintf("%d.%02d", cents/100, cents%100)
	switch id % 4 {
	case 0:
		return s + "00000000000000133"
	case 1:
		f, _ := strconv.ParseFloat(s, 32) // a REAL widened to a double
		return strconv.FormatFloat(f, 'g', 17, 64)
	}
	return s
}

func oldCents(id int) int { return 49 + (id*137)%2450 }

func author(n int) string { return fmt.Sprintf("Guest %c%d", 'A'+rune(n%26), n) }

func words(s string) []string { return strings.Fields(s) }

func sentence(r *rand.Rand, from []string, n int) string {
	var w []string
	for range n - 2 + r.IntN(5) {
		w = append(w, from[r.IntN(len(from))])
	}
	return strings.ToUpper(w[0][:1]) + strings.Join(w, " ")[1:] + "."
}
