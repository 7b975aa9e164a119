package httpapi_test

import (
	"strings"
	"testing"
)

func TestReviews(t *testing.T) {
	owner := func(t *testing.T, s *store) { s.bought(t, 1, 1); s.bought(t, 2, 1) }
	reviewed := func(t *testing.T, s *store) {
		owner(t, s)
		s.pg.Exec(t, "INSERT INTO reviews (product_id, user_id, rating, comment) VALUES (1, 1, 3, 'mine'), (1, 2, 3, 'his')")
	}
	holds := func(want string) func(*testing.T, *store) {
		return func(t *testing.T, s *store) {
			t.Helper()
			var got string
			s.pg.QueryRow(t, "SELECT COALESCE(string_agg(format('%s:%s:%s', user_id, rating, comment), ' ' ORDER BY user_id), '') FROM reviews", &got)
			if got != want {
				t.Errorf("reviews %q, want %q", got, want)
			}
		}
	}
	const add, update, remove = "/api/products/1/add-review", "/api/products/1/update-review", "/api/products/1/remove-review"
	untouched := holds("1:3.0:mine 2:3.0:his")
	long := `{"rating":5,"comment":"` + strings.Repeat("ä", 501) + `"}`
	run(t, []scenario{
		{name: "who bought a product may review it", method: "POST", path: add, before: owner, body: `{"rating":5,"comment":" good "}`, status: 200, want: []string{`{"message":"Review added successfully"}`}, after: holds("1:5.0:good")},
		{name: "a comment of 500 characters is fine", method: "POST", path: add, before: owner, body: strings.Replace(long, "ä", "", 1), status: 200},
		{name: "a comment of 501 is not", method: "POST", path: add, before: owner, body: long, status: 400, want: []string{"comment"}, after: holds("")},
		{name: "a rating of 0", method: "POST", path: add, before: owner, body: `{"rating":0}`, status: 400, want: []string{"rating"}, after: holds("")},
		{name: "a rating of 6", method: "POST", path: add, before: owner, body: `{"rating":6}`, status: 400, want: []string{"rating"}, after: holds("")},
		{name: "no rating", method: "POST", path: add, before: owner, body: `{"comment":"x"}`, status: 400, want: []string{"rating"}, after: holds("")},
		{name: "a comment with NUL", method: "POST", path: add, before: owner, body: `{"rating":5,"comment":"a\u0000"}`, status: 400, want: []string{"comment"}, after: holds("")},
		{name: "who did not buy it may not", method: "POST", path: add, body: `{"rating":5}`, status: 403, want: []string{"bought"}, after: holds("")},
		{name: "a product that does not exist", method: "POST", path: "/api/products/99/add-review", body: `{"rating":5}`, status: 404, want: []string{"Product not found"}},
		{name: "a second review", method: "POST", path: add, before: reviewed, body: `{"rating":5}`, status: 409, want: []string{"already reviewed"}, after: untouched},
		{name: "the author is the caller, whoever is named", method: "POST", path: add, before: owner, body: `{"rating":1,"author":"bob","user_id":2}`, status: 200, after: holds("1:1.0:")},

		{name: "one's own review is changed", method: "PUT", path: update, before: reviewed, body: `{"author_name":"ann","rating":1,"comment":"changed"}`, status: 200, want: []string{`{"message":"Review updated successfully"}`}, after: holds("1:1.0:changed 2:3.0:his")},
		{name: "somebody else's review is not", method: "PUT", path: update, before: reviewed, body: `{"author_name":"bob","rating":1,"comment":"hacked"}`, status: 403, want: []string{`"error"`}, after: untouched},
		{name: "a review that is not there cannot be changed", method: "PUT", path: update, before: owner, body: `{"author_name":"ann","rating":1,"comment":""}`, status: 404, want: []string{"Review not found"}},
		{name: "a changed rating has bounds as well", method: "PUT", path: update, before: reviewed, body: `{"author_name":"ann","rating":10,"comment":""}`, status: 400, want: []string{"rating"}, after: untouched},

		{name: "one's own review is removed", method: "DELETE", path: remove, before: reviewed, body: `{"author_name":"ann"}`, status: 200, want: []string{`{"message":"Review deleted successfully"}`}, after: holds("2:3.0:his")},
		{name: "somebody else's is not", method: "DELETE", path: remove, before: reviewed, body: `{"author_name":"bob"}`, status: 403, want: []string{`"error"`}, after: untouched},
		{name: "without a body it is the caller's", method: "DELETE", path: remove, before: reviewed, status: 200, after: holds("2:3.0:his")},
		{name: "a review that is not there cannot be removed", method: "DELETE", path: remove, body: `{"author_name":"ann"}`, status: 404, want: []string{"Review not found"}},

		{name: "reviewers are listed by name and picture only", method: "GET", path: "/api/me/all-users", before: func(t *testing.T, s *store) {
			s.user(t, "carol")
			reviewed(t, s)
		}, status: 200, want: []string{`[{"username":"ann","avatar":"/api/me/avatar/user_default.png"},{"username":"bob","avatar":"/api/me/avatar/user_default.png"}]`}, wantNot: []string{"carol", "@"}},
		{name: "no reviewers are an empty list", method: "GET", path: "/api/me/all-users", status: 200, want: []string{"[]"}},
	})
}

func TestAvatarOfAnybodyIsAPicture(t *testing.T) {
	s := newStore(t)
	resp := s.do("GET", "/api/me/avatar/whatever.svg", "")
	if body := text(t, resp); resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "image/png" || !strings.HasPrefix(body, "\x89PNG") || resp.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%d %s, %d bytes", resp.StatusCode, resp.Header.Get("Content-Type"), len(body))
	}
}
