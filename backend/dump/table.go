package dump

import (
	"slices"
	"strings"
)

// tableDef is a table that a dump may hold, of the old shop or of ours.
type tableDef struct {
	name    string
	ignored bool       // known, and of no use: its rows are passed over
	columns []string   // all that are known
	needs   [][]string // of each, exactly one column has to be there
	old     []string   // columns that only the old shop has
	new     []string   // columns that only ours has
	load    func(*converter, *record)
}

func (d *tableDef) knows(column string) bool { return slices.Contains(d.columns, column) }

// tableDefs are the tables a dump may hold.
var tableDefs = map[string]*tableDef{}

func init() {
	for _, d := range []*tableDef{
		{
			name: "users", load: (*converter).user,
			columns: []string{"id", "username", "email", "password", "password_hash", "fav_products", "purchased_products",
				"avatar", "birth_date", "age_confirmed_at", "created_at", "tokens_since", "basket_version"},
			needs: [][]string{{"id"}, {"username"}, {"email"}, {"password", "password_hash"}},
			old:   []string{"password", "fav_products", "purchased_products"},
			new:   []string{"password_hash", "birth_date", "age_confirmed_at", "created_at", "tokens_since"},
		},
		{
			name: "products", load: (*converter).product,
			columns: []string{"id", "name", "description", "price", "price_cents", "category", "image_url", "is_alcohol", "pack", "stock"},
			needs:   [][]string{{"id"}, {"name"}, {"category"}, {"price", "price_cents"}},
			old:     []string{"price"},
			new:     []string{"price_cents", "pack", "stock"},
		},
		{
			name: "reviews", load: (*converter).review,
			columns: []string{"id", "product_id", "user_id", "author", "rating", "comment", "created_at"},
			needs:   [][]string{{"id"}, {"product_id"}, {"author"}, {"rating"}},
			new:     []string{"user_id", "created_at"},
		},
		{
			name: "basket_items", load: (*converter).basketItem,
			columns: []string{"id", "product_id", "quantity", "user_id"},
			needs:   [][]string{{"id"}, {"product_id"}, {"quantity"}, {"user_id"}},
		},
		{
			name: "favourites", load: (*converter).favourite,
			columns: []string{"user_id", "product_id", "created_at"},
			needs:   [][]string{{"user_id"}, {"product_id"}},
			new:     []string{"user_id"},
		},
		{
			name: "purchases", load: (*converter).purchase,
			columns: []string{"user_id", "product_id", "purchased_at"},
			needs:   [][]string{{"user_id"}, {"product_id"}},
			new:     []string{"user_id"},
		},
		{
			name: "orders", load: (*converter).order,
			columns: []string{"id", "user_id", "subtotal_cents", "delivery_cents", "total_cents", "created_at", "status", "address",
				"payment_method", "payment_status", "payment_reference", "card_last4", "idempotency_key", "request_sha256", "checked_at"},
			needs: [][]string{{"id"}, {"subtotal_cents"}, {"delivery_cents"}},
			new:   []string{"id"},
		},
		{
			name: "order_items", load: (*converter).orderItem,
			columns: []string{"order_id", "position", "product_id", "name", "price_cents", "quantity", "image_url"},
			needs:   [][]string{{"order_id"}, {"position"}, {"name"}, {"price_cents"}, {"quantity"}},
			new:     []string{"order_id"},
		},
		// A restore ends every session, and refuses every token from before it.
		{name: "sessions", ignored: true},
		{name: "refresh_tokens", ignored: true},
		{name: "schema_migrations", ignored: true},
		{name: "catalogue_version", ignored: true},
		{name: "restores", ignored: true},
		// It stands for what a provider of cards remembers: that is not undone.
		{name: "test_payments", ignored: true},
		{name: "alembic_version", ignored: true},
	} {
		tableDefs[d.name] = d
	}
}

// Shape is the shop that a dump comes from.
type Shape string

// The shapes of tables that are read.
const (
	OldShop Shape = "old_shop"
	NewShop Shape = "new_shop"
)

// tableSet is what a dump has shown of its tables so far.
type tableSet struct {
	created map[string][]string // columns as CREATE TABLE has them
	used    map[string][]string // columns of rows, by table
	shape   Shape
}

func newTableSet() *tableSet {
	return &tableSet{created: map[string][]string{}, used: map[string][]string{}}
}

// find returns the shop's table of that name.
func (s *tableSet) find(t token) (*tableDef, error) {
	if d := tableDefs[t.s]; d != nil {
		return d, nil
	}
	return nil, invalid(Table, t.line, "the shop has no table %s: dump the shop's tables only", t.describe())
}

// use notes that rows with these columns follow and checks the columns.
func (s *tableSet) use(d *tableDef, columns []string, line int64) error {
	if d.ignored || slices.Equal(s.used[d.name], columns) {
		return nil
	}
	for _, c := range columns {
		if !d.knows(c) {
			return invalid(Column, line, "the shop's table %s has no column %q", d.name, c)
		}
	}
	for _, alternatives := range d.needs {
		n := 0
		for _, c := range alternatives {
			if slices.Contains(columns, c) {
				n++
			}
		}
		if n != 1 {
			return invalid(Column, line, "the rows of %s need exactly one column %s", d.name, strings.Join(alternatives, " or "))
		}
	}
	for shape, marks := range map[Shape][]string{OldShop: d.old, NewShop: d.new} {
		for _, c := range marks {
			if !slices.Contains(columns, c) {
				continue
			}
			if s.shape != "" && s.shape != shape {
				return invalid(Column, line, "the column %s of %s belongs to another shop than the tables before: the dump mixes old and new", c, d.name)
			}
			s.shape = shape
		}
	}
	s.used[d.name] = columns
	return nil
}

// complete checks that the tables without which there is no shop are there.
func (s *tableSet) complete(rows map[string]int64) error {
	for _, name := range []string{"users", "products", "reviews", "basket_items"} {
		_, created := s.created[name]
		_, used := s.used[name]
		if !created && !used {
			return &InvalidDumpError{Code: Table, Table: name, Reason: "the dump lacks this table: dump the whole shop"}
		}
	}
	if rows["products"] == 0 {
		return &InvalidDumpError{Code: Table, Table: "products", Reason: "the dump holds no product: restoring it would leave an empty shop"}
	}
	return nil
}

// stageOrder are the tables that hold data, each after those it refers to.
var stageOrder = []string{"users", "products", "reviews", "basket_items", "favourites", "purchases", "orders", "order_items"}
