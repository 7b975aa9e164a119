package dump

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// keys are what may occur once in a table; what is written in SQL is compared so.
var keys = []struct{ table, key, what string }{
	{"users", "id", "id"},
	{"users", "lower(email)", "e-mail address (upper and lower case count as the same)"},
	{"users", "lower(username)", "username (upper and lower case count as the same)"},
	{"products", "id", "id"},
	{"reviews", "id", "id"},
	{"reviews", "product_id, user_id", "product and user"},
	{"basket_items", "id", "id"},
	{"basket_items", "user_id, product_id", "user and product"},
	{"favourites", "user_id, product_id", "user and product"},
	{"purchases", "user_id, product_id", "user and product"},
	{"orders", "id", "id"},
	{"orders", "payment_reference", "payment reference"},
	{"orders", "user_id, idempotency_key", "user and idempotency key"},
	{"order_items", "order_id, position", "order and position"},
}

// references are columns that name a row of another table.
var references = []struct{ table, column, to string }{
	{"reviews", "product_id", "products"},
	{"reviews", "user_id", "users"},
	{"basket_items", "user_id", "users"},
	{"basket_items", "product_id", "products"},
	{"favourites", "user_id", "users"},
	{"favourites", "product_id", "products"},
	{"purchases", "user_id", "users"},
	{"purchases", "product_id", "products"},
	{"orders", "user_id", "users"},
	{"order_items", "order_id", "orders"},
	{"order_items", "product_id", "products"},
}

// checkIDs makes sure that no id occurs twice, so that rows can be told by it.
func (s *stage) checkIDs() error {
	for _, k := range keys {
		if k.key == "id" {
			if err := s.checkKey(k.table, k.key, k.what); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkKey refuses the first line that repeats a key.
func (s *stage) checkKey(table, key, what string) error {
	present := strings.ReplaceAll(key, ", ", " IS NOT NULL AND ") + " IS NOT NULL"
	var first, second int64
	err := s.conn.QueryRow(s.ctx, fmt.Sprintf(
		`SELECT min(line), max(line) FROM pg_temp.stage_%s WHERE %s GROUP BY %s HAVING count(*) > 1 ORDER BY 2 LIMIT 1`,
		table, present, key)).Scan(&first, &second)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("check the keys of %s: %w", table, err)
	}
	return &InvalidDumpError{Code: Duplicate, Line: second, Table: table, Reason: fmt.Sprintf("the same %s as in line %d", what, first)}
}

// check looks at the loaded rows as a whole: no key twice, no reference to nothing.
func (s *stage) check() (checks []Check, err error) {
	var rows int64
	for _, k := range keys {
		if err := s.checkKey(k.table, k.key, k.what); err != nil {
			return nil, err
		}
		rows += s.loaded[k.table]
	}
	checks = append(checks, Check{"every key occurs once", rows})
	rows = 0
	for _, r := range references {
		var line, id int64
		err := s.conn.QueryRow(s.ctx, fmt.Sprintf(
			`SELECT s.line, s.%[2]s FROM pg_temp.stage_%[1]s s
			 WHERE s.%[2]s IS NOT NULL AND NOT EXISTS (SELECT FROM pg_temp.stage_%[3]s t WHERE t.id = s.%[2]s)
			 ORDER BY s.line LIMIT 1`, r.table, r.column, r.to)).Scan(&line, &id)
		if err == nil {
			return nil, &InvalidDumpError{Code: Reference, Line: line, Table: r.table,
				Reason: fmt.Sprintf("%s is %d, and %s has no such row", r.column, id, r.to)}
		}
		if !errors.Is(err, pgx.ErrNoRows) {
			return nil, fmt.Errorf("check the references of %s: %w", r.table, err)
		}
		rows += s.loaded[r.table]
	}
	return append(checks, Check{"every reference leads to a row", rows}), nil
}

// settle puts right what the old shop let happen and ours does not have: several
// users of one name, lists with products that are gone, one product on two lines of a
// basket, reviews that know their author by name only.
func (s *stage) settle(ctx context.Context, n *notes) error {
	for _, step := range []struct{ code, text, sql string }{
		{"favourites_dropped", "favourites that named products which do not exist; they were left out",
			`DELETE FROM pg_temp.stage_favourites f WHERE NOT EXISTS (SELECT FROM pg_temp.stage_products p WHERE p.id = f.product_id)`},
		{"purchases_dropped", "purchases that named products which do not exist; they were left out",
			`DELETE FROM pg_temp.stage_purchases f WHERE NOT EXISTS (SELECT FROM pg_temp.stage_products p WHERE p.id = f.product_id)`},
		{"", "", `UPDATE pg_temp.stage_basket_items b SET quantity = d.quantity
			FROM (SELECT min(id) AS id, least(sum(quantity), 999) AS quantity
			      FROM pg_temp.stage_basket_items GROUP BY user_id, product_id HAVING count(*) > 1) d
			WHERE b.id = d.id`},
		{"basket_merged", "basket lines of one user and product; they were added up",
			`DELETE FROM pg_temp.stage_basket_items b USING (
				SELECT user_id, product_id, min(id) AS id FROM pg_temp.stage_basket_items GROUP BY 1, 2 HAVING count(*) > 1) d
			WHERE b.user_id = d.user_id AND b.product_id = d.product_id AND b.id > d.id`},
		{"reviews_linked", "reviews whose author's name is that of exactly one user; they are that user's now",
			`UPDATE pg_temp.stage_reviews r SET user_id = u.id
			FROM (SELECT min(id) AS id, min(username) AS username FROM pg_temp.stage_users GROUP BY lower(username) HAVING count(*) = 1) u,
			     (SELECT product_id, author, min(id) AS id FROM pg_temp.stage_reviews GROUP BY 1, 2) f
			WHERE u.username = r.author AND f.product_id = r.product_id AND f.author = r.author AND f.id = r.id`},
	} {
		tag, err := s.conn.Exec(ctx, step.sql)
		if err != nil {
			return fmt.Errorf("settle the old shop's data: %w", err)
		}
		if step.code != "" {
			n.addN(step.code, tag.RowsAffected(), 0, step.text)
		}
	}
	return s.renameUsers(ctx, n)
}

// maxRenames bounds how many names of users may be taken twice.
const maxRenames = 10_000

// renameUsers gives users whose name an earlier user has the name with a number.
func (s *stage) renameUsers(ctx context.Context, n *notes) error {
	type user struct {
		Line, ID int64
		Username string
	}
	rows, err := s.conn.Query(ctx, `SELECT line, id, username FROM (
		SELECT line, id, username, row_number() OVER (PARTITION BY lower(username) ORDER BY id, line) AS n FROM pg_temp.stage_users) u
		WHERE n > 1 ORDER BY id, line LIMIT $1`, maxRenames+1)
	if err != nil {
		return err
	}
	users, err := pgx.CollectRows(rows, pgx.RowToStructByPos[user])
	if err != nil || len(users) == 0 {
		return err
	}
	if len(users) > maxRenames {
		return &InvalidDumpError{Code: Duplicate, Table: "users", Line: users[maxRenames].Line,
			Reason: fmt.Sprintf("more than %d usernames are taken twice", maxRenames)}
	}
	if _, err := s.conn.Exec(ctx, "CREATE INDEX ON pg_temp.stage_users (lower(username))"); err != nil {
		return err
	}
	next := map[string]int{}
	for _, u := range users {
		base := strings.ToLower(u.Username)
		for renamed := false; !renamed; {
			next[base] = max(next[base], 1) + 1
			suffix := fmt.Sprintf("-%d", next[base])
			name := []rune(u.Username)
			name = append(name[:min(len(name), 50-len(suffix))], []rune(suffix)...)
			tag, err := s.conn.Exec(ctx, `UPDATE pg_temp.stage_users SET username = $3 WHERE line = $1 AND id = $2
				AND NOT EXISTS (SELECT FROM pg_temp.stage_users WHERE lower(username) = lower($3))`, u.Line, u.ID, string(name))
			if err != nil {
				return err
			}
			renamed = tag.RowsAffected() > 0
		}
		n.add("user_renamed", u.Line, "users whose name an earlier user has, whatever the case; a number was appended, they sign in by e-mail address as before")
	}
	return nil
}
