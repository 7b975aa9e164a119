package pgtest_test

import (
	"os"
	"testing"

	"grocery/internal/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

func TestEachTestHasADatabaseOfItsOwn(t *testing.T) {
	a, b := pgtest.New(t), pgtest.New(t)
	a.Exec(t, "CREATE TABLE things (n int)")
	var n int
	b.QueryRow(t, "SELECT count(*) FROM pg_tables WHERE tablename = 'things'", &n)
	if n != 0 {
		t.Error("a table of one database is seen in another")
	}
}

func TestAPreparedDatabaseIsPreparedOnce(t *testing.T) {
	prepared := 0
	for range 3 {
		db := pgtest.NewFrom(t, "once", func(db *pgtest.Database) error {
			prepared++
			db.Exec(t, "CREATE TABLE things AS SELECT 7 AS n")
			return nil
		})
		var n int
		db.QueryRow(t, "SELECT n FROM things", &n)
		if n != 7 {
			t.Errorf("n = %d", n)
		}
		db.Exec(t, "UPDATE things SET n = 8")
	}
	if prepared != 1 {
		t.Errorf("prepared %d times", prepared)
	}
}
