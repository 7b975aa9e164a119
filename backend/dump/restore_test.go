package dump_test

import (
	"testing"

	"grocery/backend/dump"
	"grocery/internal/pgtest"
)

func TestTheOldShopsDumpIsRestored(t *testing.T) {
	data := oldShop()
	if len(data) < 240_000 || len(data) > 300_000 {
		t.Errorf("the dump has %d bytes, unlike the old shop's 270 KB", len(data))
	}
	for name, db := range map[string]*pgtest.Database{"an empty database": pgtest.New(t), "a database in use": shop(t)} {
		t.Run("into "+name, func(t *testing.T) {
			report := restore(t, db, data)
			want := dump.Counts{"users": oldUsers, "products": oldProducts, "reviews": oldReviews, "basket_items": 3, "favourites": 3, "purchases": 2, "orders": 0, "order_items": 0}
			for table, n := range want {
				if report.Restored[table] != n {
					t.Errorf("%d rows of %s, want %d", report.Restored[table], table, n)
				}
			}
			t.Logf("%+v", report)
		})
	}
}
