package dump

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"grocery/backend/postgres"
)

// leftAlone are tables of the database that are neither backed up nor replaced: what
// they hold is of the database itself, not of the shop. What belongs to users and shall
// end with a restore, such as sessions, may stand here when it is deleted with its user.
// The payments of the test provider stand for a service outside of the shop.
var leftAlone = []string{"schema_migrations", "catalogue_version", "restores", "sessions", "refresh_tokens", "test_payments"}

// passing are columns whose values mean nothing to another database: what this one
// counts and remembers of its clients.
var passing = []string{"users.basket_version", "users.tokens_since", "orders.checked_at"}

// querier is a connection or a transaction.
type querier interface {
	Query(context.Context, string, ...any) (pgx.Rows, error)
	QueryRow(context.Context, string, ...any) pgx.Row
}

// unknown returns the tables, and the columns as table.column, of the database that
// stageTables lacks, so that a backup would lose them. Columns that the database
// computes itself and passing ones do not count.
func unknown(ctx context.Context, db querier) ([]string, error) {
	rows, err := db.Query(ctx, `SELECT c.relname, array_agg(a.attname::text ORDER BY a.attnum)
		FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
		WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
		GROUP BY c.relname ORDER BY c.relname`)
	if err != nil {
		return nil, fmt.Errorf("list the tables: %w", err)
	}
	var missing, columns []string
	var table string
	_, err = pgx.ForEachRow(rows, []any{&table, &columns}, func() error {
		switch {
		case slices.Contains(leftAlone, table):
		case stageTables[table] == "":
			missing = append(missing, table)
		default:
			known := stageColumns(table)
			for _, c := range columns {
				if !slices.Contains(known, c) && !slices.Contains(passing, table+"."+c) {
					missing = append(missing, table+"."+c)
				}
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list the tables: %w", err)
	}
	return missing, nil
}

// checkKnown refuses a database that a newer version of the shop made, with tables or
// columns that this one would lose.
func checkKnown(ctx context.Context, db querier) error {
	newer, err := postgres.Newer(ctx, db)
	if err != nil || !newer {
		return err
	}
	missing, err := unknown(ctx, db)
	if err != nil || len(missing) == 0 {
		return err
	}
	return fmt.Errorf("the database was made by a newer version of the shop and holds what this one does not know (%s): deploy that version, then try again", strings.Join(missing, ", "))
}
