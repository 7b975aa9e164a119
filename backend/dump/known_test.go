package dump_test

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"testing"

	"grocery/backend/dump"
)

// TestEveryTableAndColumnIsBackedUpOrLeftAlone fails when a migration adds what a
// backup would lose. Then give it a place in stageTables, stageOrder, tableDefs and, for
// keys and references, in check.go. A table that is of the database itself and not of
// the shop, or whose rows shall end with a restore, goes into leftAlone.
func TestEveryTableAndColumnIsBackedUpOrLeftAlone(t *testing.T) {
	missing, err := dump.Unknown(t.Context(), connect(t, shop(t)))
	if err != nil {
		t.Fatal(err)
	}
	if len(missing) > 0 {
		t.Errorf("backups lack %s", strings.Join(missing, ", "))
	}
}

func TestEveryTableThatIsBackedUpIsRead(t *testing.T) {
	if inOrder, all := slices.Sorted(slices.Values(dump.StageOrder)), slices.Sorted(maps.Keys(dump.StageTables)); !slices.Equal(inOrder, all) {
		t.Errorf("in order %v, with columns %v", inOrder, all)
	}
	for _, table := range dump.StageOrder {
		if !dump.Reads(table) {
			t.Errorf("a dump may not hold %s", table)
		}
	}
}

func TestWhatANewerShopMadeIsNotLost(t *testing.T) {
	for name, change := range map[string]string{"wishes": "CREATE TABLE wishes (id bigint)", "users.phone": "ALTER TABLE users ADD COLUMN phone text"} {
		t.Run(name, func(t *testing.T) {
			db := inUse(t)
			conn := connect(t, db)
			db.Exec(t, change)
			var b bytes.Buffer
			if _, err := dump.Write(t.Context(), conn, &b); err != nil {
				t.Errorf("what somebody made by hand stops a backup: %v", err)
			}
			db.Exec(t, "INSERT INTO schema_migrations (version, name) SELECT max(version) + 1, 'later' FROM schema_migrations")
			before := contents(t, db)
			_, writeErr := dump.Write(t.Context(), conn, &b)
			_, restoreErr := dump.Restore(t.Context(), conn, bytes.NewReader(oldShop()), dump.Options{})
			for _, err := range []error{writeErr, restoreErr} {
				if err == nil || !strings.Contains(err.Error(), name) {
					t.Errorf("error %v does not name %s", err, name)
				}
			}
			if contents(t, db) != before {
				t.Error("the data has changed")
			}
		})
	}
}
