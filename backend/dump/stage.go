package dump

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// stageTables are the temporary tables that hold the rows of a dump while they are
// checked, with the columns after the line each row came from. They live in the
// session's temporary schema and end with it, however it ends. The columns have the
// names and types of the live tables.
var stageTables = map[string]string{
	"users":        "id bigint, username text, email text, password_hash text, avatar text, birth_date date, age_confirmed_at timestamptz, created_at timestamptz",
	"products":     "id bigint, name text, category text, description text, pack text, price_cents integer, image_url text, is_alcohol boolean, stock integer",
	"reviews":      "id bigint, product_id bigint, user_id bigint, author text, rating double precision, comment text, created_at timestamptz",
	"basket_items": "id bigint, user_id bigint, product_id bigint, quantity integer",
	"favourites":   "user_id bigint, product_id bigint, created_at timestamptz",
	"purchases":    "user_id bigint, product_id bigint, purchased_at timestamptz",
	"orders":       "id bigint, user_id bigint, subtotal_cents bigint, delivery_cents bigint, created_at timestamptz, status text, address jsonb, payment_method text, payment_status text, payment_reference text, card_last4 text, idempotency_key text, request_sha256 bytea",
	"order_items":  "order_id bigint, position integer, product_id bigint, name text, price_cents bigint, quantity integer, image_url text",
}

// stageColumns returns the names of a table's columns without the line.
func stageColumns(table string) []string {
	var names []string
	for column := range strings.SplitSeq(stageTables[table], ", ") {
		name, _, _ := strings.Cut(column, " ")
		names = append(names, name)
	}
	return names
}

// A batch goes to the database when it has this many rows or bytes of text.
const (
	batchRows  = 2000
	batchBytes = 1 << 20
)

// stage loads rows into the temporary tables.
type stage struct {
	ctx     context.Context
	conn    *pgx.Conn
	batches map[string]*batch
	loaded  Counts
}

type batch struct {
	rows  [][]any
	bytes int
}

// newStage creates the temporary tables.
func newStage(ctx context.Context, conn *pgx.Conn) (*stage, error) {
	s := &stage{ctx: ctx, conn: conn, batches: map[string]*batch{}, loaded: Counts{}}
	if err := s.drop(ctx); err != nil {
		return nil, err
	}
	for _, name := range stageOrder {
		s.batches[name] = &batch{}
		s.loaded[name] = 0
		if _, err := conn.Exec(ctx, "CREATE TEMPORARY TABLE stage_"+name+" (line bigint, "+stageTables[name]+")"); err != nil {
			return nil, fmt.Errorf("create the staging tables: %w", err)
		}
	}
	return s, nil
}

// drop removes the temporary tables, for a session that goes on.
func (s *stage) drop(ctx context.Context) error {
	var names []string
	for _, name := range stageOrder {
		names = append(names, "pg_temp.stage_"+name)
	}
	_, err := s.conn.Exec(ctx, "DROP TABLE IF EXISTS "+strings.Join(names, ", "))
	return err
}

// add is an emitFunc.
func (s *stage) add(table string, line int64, values ...any) error {
	b := s.batches[table]
	b.rows = append(b.rows, append([]any{line}, values...))
	for _, v := range values {
		if text, ok := v.(string); ok {
			b.bytes += len(text)
		}
	}
	if len(b.rows) < batchRows && b.bytes < batchBytes {
		return nil
	}
	return s.flush(table)
}

func (s *stage) flush(table string) error {
	b := s.batches[table]
	if len(b.rows) == 0 {
		return nil
	}
	n, err := s.conn.CopyFrom(s.ctx, pgx.Identifier{"pg_temp", "stage_" + table},
		append([]string{"line"}, stageColumns(table)...), pgx.CopyFromRows(b.rows))
	if err != nil {
		return fmt.Errorf("load %s into the staging tables: %w", table, err)
	}
	s.loaded[table] += n
	clear(b.rows) // the texts may be collected
	b.rows, b.bytes = b.rows[:0], 0
	return nil
}

// finish sends what is left and lets the planner know the sizes.
func (s *stage) finish() error {
	for _, name := range stageOrder {
		if err := s.flush(name); err != nil {
			return err
		}
	}
	for _, name := range stageOrder {
		if _, err := s.conn.Exec(s.ctx, "ANALYZE pg_temp.stage_"+name); err != nil {
			return err
		}
	}
	return nil
}

// count reads how many rows a temporary table has.
func (s *stage) count(table string) (n int64, err error) {
	err = s.conn.QueryRow(s.ctx, "SELECT count(*) FROM pg_temp.stage_"+table).Scan(&n)
	return n, err
}
