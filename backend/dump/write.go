package dump

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// Write writes all data of the shop as a dump that Restore reads, as of one moment,
// and returns how many rows of each table it holds. Shoppers notice nothing. psql
// loads it too, into empty tables of the same schema.
func Write(ctx context.Context, conn *pgx.Conn, w io.Writer) (Counts, error) {
	rows := Counts{}
	out := bufio.NewWriterSize(w, 64<<10)
	err := pgx.BeginTxFunc(ctx, conn, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SET LOCAL statement_timeout = 0; SET LOCAL datestyle = ISO; SET LOCAL timezone = 'UTC'"); err != nil {
			return err
		}
		if err := checkKnown(ctx, tx); err != nil {
			return err
		}
		// The COMMIT at the end tells a whole dump from the beginning of one.
		fmt.Fprintf(out, "-- The data of the shop, %s\n\nSET client_encoding = 'UTF8';\nSET standard_conforming_strings = on;\n\nBEGIN;\n",
			time.Now().UTC().Format(time.RFC3339))
		for _, table := range stageOrder {
			columns := strings.Join(stageColumns(table), ", ")
			fmt.Fprintf(out, "\nCOPY public.%s (%s) FROM stdin;\n", table, columns)
			tag, err := tx.Conn().PgConn().CopyTo(ctx, out, fmt.Sprintf("COPY (SELECT %s FROM %s ORDER BY 1, 2) TO STDOUT", columns, table))
			if err != nil {
				return fmt.Errorf("read %s: %w", table, err)
			}
			rows[table] = tag.RowsAffected()
			fmt.Fprint(out, "\\.\n")
		}
		fmt.Fprintln(out)
		for _, table := range sequences {
			fmt.Fprintf(out, "SELECT pg_catalog.setval(pg_catalog.pg_get_serial_sequence('public.%[1]s', 'id'), (SELECT max(id) FROM public.%[1]s));\n", table)
		}
		fmt.Fprint(out, "\nCOMMIT;\n")
		return out.Flush()
	})
	if err != nil {
		return nil, fmt.Errorf("write the dump: %w", err)
	}
	return rows, nil
}
