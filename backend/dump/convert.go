package dump

import (
	"net/mail"
	"regexp"
	"strconv"
	"strings"
	"time"

	shop "grocery/backend"
)

// Bounds of what has none in package shop.
const (
	maxName      = 300    // characters of a product's name, category or pack
	maxLongText  = 20_000 // characters of a description
	maxURL       = 2000
	maxHash      = 512
	maxFavourite = 10_000 // ids in one list
)

// emitFunc receives rows in the shop's shape for a table, with the columns of
// stageTables after the line.
type emitFunc func(table string, line int64, values ...any) error

// converter turns rows of either shop into rows of ours. What it has to change
// without changing the meaning, it notes.
type converter struct {
	now   time.Time
	emit  emitFunc
	notes *notes
}

// row converts one row of a dump.
func (c *converter) row(def *tableDef, columns []string, values []value, line int64) error {
	r := record{def: def, columns: columns, values: values, line: line}
	for i, v := range values {
		if v.ignored && columns[i] != "total_cents" {
			r.fail(columns[i], "is DEFAULT, so the dump does not hold the value")
		}
	}
	def.load(c, &r)
	return r.err
}

// put emits a row unless a fault was found.
func (c *converter) put(r *record, table string, values ...any) {
	if r.err == nil {
		r.err = c.emit(table, r.line, values...)
	}
}

var avatarName = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$`)

func (c *converter) user(r *record) {
	id := r.id("id")
	username := r.needed("username", shop.MaxUsernameLength)
	email := r.needed("email", shop.MaxEmailLength)
	if a, err := mail.ParseAddress(email); r.err == nil && (err != nil || a.Address != email) {
		r.fail("email", "is %s, not an e-mail address", shorten(email))
	}
	hashColumn := "password_hash"
	if r.has("password") {
		hashColumn = "password"
	}
	hash := r.needed(hashColumn, maxHash)
	switch {
	case strings.HasPrefix(hash, "scrypt:"), strings.HasPrefix(hash, "$argon2id$"):
	case strings.HasPrefix(hash, "pbkdf2:"), strings.HasPrefix(hash, "$2"), strings.HasPrefix(hash, "$argon2"):
		c.notes.add("password_unverifiable", r.line, "accounts whose password hash is of a kind that the shop cannot check; they cannot sign in")
	default:
		r.fail(hashColumn, "is no password hash (scrypt: or $argon2id$): a dump must not hold passwords that can be read")
	}
	avatar := r.text("avatar", maxName, "")
	if avatar == "" {
		avatar = shop.DefaultAvatar
	} else if !avatarName.MatchString(avatar) {
		avatar = shop.DefaultAvatar
		c.notes.add("avatar_replaced", r.line, "avatars whose file name the shop does not serve; the default picture stands in")
	}
	c.put(r, "users", id, username, email, hash, avatar,
		r.date("birth_date"), r.moment("age_confirmed_at"), r.momentOr("created_at", c.now))
	c.idList(r, "fav_products", "favourites", id)
	c.idList(r, "purchased_products", "purchases", id)
}

// idList turns a list such as 3,1,2 of the old shop into rows, in that order. The old
// shop let anything into these lists; what is no id was shown to nobody and is left
// out.
func (c *converter) idList(r *record, column, table string, userID int64) {
	s, _ := r.get(column)
	seen := map[int64]bool{}
	for part := range strings.SplitSeq(s, ",") {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		id, err := strconv.ParseInt(part, 10, 64)
		if err != nil || id < 1 || id > maxID {
			c.notes.add(column+"_dropped", r.line, "entries of "+column+" that are no product id; they were left out")
			continue
		}
		if seen[id] {
			continue
		}
		if seen[id] = true; len(seen) > maxFavourite {
			r.fail(column, "has more than %d entries", maxFavourite)
			return
		}
		c.put(r, table, userID, id, c.now.Add(time.Duration(len(seen))*time.Microsecond))
	}
}

func (c *converter) product(r *record) {
	var cents int64
	const most = 1<<31 - 1
	if r.has("price") {
		cents = r.decimal("price", 2, 0, most)
	} else {
		cents = r.integer("price_cents", 0, most)
	}
	stock := int32(shop.FirstStock) // dumps from before there was a stock
	if r.has("stock") {
		stock = int32(r.integer("stock", 0, most))
	}
	c.put(r, "products", r.id("id"), r.needed("name", maxName), r.needed("category", maxName),
		r.text("description", maxLongText, ""), r.text("pack", maxName, ""), int32(cents),
		r.text("image_url", maxURL, ""), r.boolean("is_alcohol"), stock)
}

func (c *converter) review(r *record) {
	tenths := r.decimal("rating", 1, shop.MinRating*10, shop.MaxRating*10)
	c.put(r, "reviews", r.id("id"), r.id("product_id"), r.optionalID("user_id"), r.text("author", maxName, ""),
		float64(tenths)/10, r.text("comment", shop.MaxCommentLength, ""), r.momentOr("created_at", c.now))
}

func (c *converter) basketItem(r *record) {
	quantity := r.integer("quantity", -1<<31, 1<<31-1)
	// The old shop took any quantity; such a line could not be bought.
	if r.err == nil && (quantity < 1 || quantity > 999) {
		c.notes.add("basket_dropped", r.line, "basket lines whose quantity is not from 1 to 999; they were left out")
		return
	}
	c.put(r, "basket_items", r.id("id"), r.id("user_id"), r.id("product_id"), int32(quantity))
}

func (c *converter) favourite(r *record) {
	c.put(r, "favourites", r.id("user_id"), r.id("product_id"), r.momentOr("created_at", c.now))
}

func (c *converter) purchase(r *record) {
	c.put(r, "purchases", r.id("user_id"), r.id("product_id"), r.momentOr("purchased_at", c.now))
}

func (c *converter) order(r *record) {
	// What orders of older shops lack was the same for all of them.
	status := r.oneOf("status", "placed", "pending", "cancelled")
	method := r.oneOf("payment_method", "cash_on_delivery", "card")
	payment := r.oneOf("payment_status", "due", "pending", "authorized", "paid", "declined", "voiding", "voided")
	if status == "pending" && payment != "pending" {
		r.fail("status", "is pending, and payment_status is %s", payment)
	}
	c.put(r, "orders", r.id("id"), r.optionalID("user_id"), r.integer("subtotal_cents", 0, maxID),
		r.integer("delivery_cents", 0, maxID), r.momentOr("created_at", c.now), status, r.address("address"), method, payment,
		r.matching("payment_reference", reference), r.matching("card_last4", last4), r.matching("idempotency_key", idempotencyKey),
		r.digest("request_sha256"))
}

var (
	reference      = regexp.MustCompile(`^[A-Za-z0-9_-]{1,100}$`)
	last4          = regexp.MustCompile(`^[0-9]{4}$`)
	idempotencyKey = regexp.MustCompile(`^[A-Za-z0-9_-]{8,64}$`)
)

func (c *converter) orderItem(r *record) {
	c.put(r, "order_items", r.id("order_id"), int32(r.integer("position", -1<<31, 1<<31-1)), r.optionalID("product_id"),
		r.text("name", maxName, ""), r.integer("price_cents", 0, maxID), int32(r.integer("quantity", 1, 1<<31-1)), r.text("image_url", maxURL, ""))
}
