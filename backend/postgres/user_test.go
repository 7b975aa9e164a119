package postgres_test

import (
	"errors"
	"testing"

	shop "grocery/backend"
)

func TestAPictureIsRemovedUnlessItIsTheAccountsAgain(t *testing.T) {
	_, db := migrated(t)
	u := newUser(t, db, "ann")
	stored := func() error { return nil }
	for _, name := range []string{"a.png", "b.png"} {
		if _, err := db.SetAvatar(t.Context(), u.ID, name, stored); err != nil {
			t.Fatal(err)
		}
	}
	away := shop.Unavailable(errors.New("the store is away"))
	if _, err := db.SetAvatar(t.Context(), u.ID, "c.png", func() error { return away }); !errors.Is(err, away) {
		t.Errorf("error %v", err)
	}
	for _, tt := range []struct {
		why     string
		id      int64
		name    string
		removed bool
	}{
		{"the one before", u.ID, "a.png", true},
		{"the one that could not be stored", u.ID, "c.png", true},
		{"the one it has", u.ID, "b.png", false},
		{"that of an account that is gone", u.ID + 1, "b.png", true},
	} {
		removed := false
		err := db.DropAvatar(t.Context(), tt.id, tt.name, func() error { removed = true; return nil })
		if err != nil || removed != tt.removed {
			t.Errorf("%s is removed: %v, %v", tt.why, removed, err)
		}
	}
}
