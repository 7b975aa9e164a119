package httpapi_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	shop "grocery/backend"
)

// withPassword gives ann a password.
func withPassword(password string) func(*testing.T, *store) {
	return func(t *testing.T, s *store) {
		t.Helper()
		hash, err := s.hash.Hash(t.Context(), password)
		if err != nil {
			t.Fatal(err)
		}
		s.pg.Exec(t, "UPDATE users SET password_hash = $1 WHERE username = 'ann'", hash)
	}
}

func TestMe(t *testing.T) {
	const path = "/api/v1/me"
	still := func(t *testing.T, s *store) {
		if u, err := s.db.UserByID(t.Context(), 1); err != nil || u.Username != "ann" || u.Email != "ann@example.com" {
			t.Errorf("%+v, %v", u, err)
		}
	}
	known := withPassword("correct horse")
	run(t, []scenario{
		{name: "the account", method: "GET", path: path, status: 200, want: []string{`{"id":1,"username":"ann","email":"ann@example.com","avatar_url":"/api/me/avatar/user_default.png","is_adult":false,"age":"unknown","created_at":"20`}, wantNot: []string{"hash"}},
		{name: "an account that is gone is a session that is gone", method: "GET", path: path, status: 401, want: []string{`"code":"token_revoked"`}, before: func(t *testing.T, s *store) { s.pg.Exec(t, "DELETE FROM users") }},

		{name: "another name", method: "PATCH", path: path, body: `{"username":" Anna "}`, status: 200, want: []string{`"username":"Anna"`}},
		{name: "one's own name in capitals", method: "PATCH", path: path, body: `{"username":"ANN"}`, status: 200, want: []string{`"username":"ANN"`}},
		{name: "a name with a character that does not show", method: "PATCH", path: path, body: `{"username":"an\u200dn"}`, status: 400, want: []string{`"field":"username"`}, after: still},
		{name: "a name of before there was that rule stays", method: "PATCH", path: path, before: func(t *testing.T, s *store) { s.pg.Exec(t, "UPDATE users SET username = U&'an\\200dn' WHERE id = 1") }, body: `{"username":"an\u200dn"}`, status: 200},
		{name: "another's name", method: "PATCH", path: path, body: `{"username":"Bob"}`, status: 409, want: []string{`"code":"username_taken"`}, after: still},
		{name: "no name", method: "PATCH", path: path, body: `{"username":""}`, status: 400, want: []string{`"field":"username"`}, after: still},
		{name: "nothing", method: "PATCH", path: path, body: `{}`, status: 400, want: []string{`"code":"invalid"`}, after: still},
		{name: "another's account in the request changes nothing of it", method: "PATCH", path: path, body: `{"id":2,"username":"x"}`, status: 200, want: []string{`"id":1`}},
		{name: "another address, with the password", method: "PATCH", path: path, before: known, body: `{"email":"new@example.com","current_password":"correct horse"}`, status: 200, want: []string{`"email":"new@example.com"`},
			after: func(t *testing.T, s *store) {
				if !strings.Contains(s.log.String(), `"event":"email_changed"`) {
					t.Error("the audit log does not show it")
				}
			}},
		{name: "another address without the password", method: "PATCH", path: path, before: known, body: `{"email":"new@example.com"}`, status: 400, want: []string{`"field":"current_password"`}, after: still},
		{name: "another address with a wrong password", method: "PATCH", path: path, before: known, body: `{"email":"new@example.com","current_password":"wrong"}`, status: 403, want: []string{`"code":"password_wrong"`}, after: still},
		{name: "another's address", method: "PATCH", path: path, before: known, body: `{"email":"BOB@example.com","current_password":"correct horse"}`, status: 409, want: []string{`"code":"email_taken"`}, after: still},
		{name: "what is no address", method: "PATCH", path: path, before: known, body: `{"email":"new","current_password":"correct horse"}`, status: 400, want: []string{`"field":"email"`}, after: still},
		{name: "the name goes with the address or stays", method: "PATCH", path: path, before: known, body: `{"username":"Anna","email":"BOB@example.com","current_password":"correct horse"}`, status: 409, after: still},

		{name: "a password too short", method: "POST", path: path + "/password", before: known, body: `{"current_password":"correct horse","new_password":"12345"}`, status: 400, want: []string{`"field":"new_password"`}, wantNot: []string{"12345"}},
		{name: "a password that would be costly to hash", method: "POST", path: path + "/password", before: known, body: `{"current_password":"correct horse","new_password":"` + strings.Repeat("x", 10_000) + `"}`, status: 400, want: []string{`"field":"new_password"`}},
		{name: "a wrong password", method: "POST", path: path + "/password", before: known, body: `{"current_password":"wrong","new_password":"battery staple"}`, status: 403, want: []string{`"code":"password_wrong"`}},
		{name: "a password that would be costly to check", method: "POST", path: path + "/password", before: known, body: `{"current_password":"` + strings.Repeat("x", 10_000) + `","new_password":"battery staple"}`, status: 403, want: []string{`"code":"password_wrong"`}},

		{name: "removal without the password", method: "DELETE", path: path, before: known, body: `{}`, status: 400, want: []string{`"field":"current_password"`}, after: still},
		{name: "removal with a wrong password", method: "DELETE", path: path, before: known, body: `{"current_password":"wrong"}`, status: 403, want: []string{`"code":"password_wrong"`}, after: still},

		{name: "the age is told", method: "POST", path: path + "/age", body: `{"birth_date":"1980-01-01"}`, status: 200, want: []string{`"age":"adult"`}, after: func(t *testing.T, s *store) {
			if log := s.log.String(); !strings.Contains(log, `"event":"age_stated"`) || strings.Contains(log, "1980-01-01") {
				t.Errorf("the audit log lacks it, or holds the birthday")
			}
		}},
		{name: "a date of birth to come", method: "POST", path: path + "/age", body: `{"birth_date":"2999-01-01"}`, status: 400, want: []string{`"field":"birth_date"`}},
	})
}

func TestANewPasswordEndsAllOtherSessions(t *testing.T) {
	s := newStore(t)
	in, here := session(t, s.do("POST", "/api/v1/auth/register", carol))
	other, there := session(t, s.do("POST", "/api/v1/auth/login", carol))
	resp := s.do("POST", "/api/v1/me/password", `{"current_password":"correct horse","new_password":"battery staple"}`, "Authorization", "Bearer "+in.AccessToken)
	next, cookie := session(t, resp)
	status(t, s.me(next.AccessToken), 200)
	for _, token := range []string{in.AccessToken, other.AccessToken} {
		status(t, s.me(token), 401)
	}
	refused(t, s.refresh(here))
	refused(t, s.refresh(there))
	session(t, s.refresh(cookie))
	status(t, s.do("POST", "/api/v1/auth/login", carol), 401)
	status(t, s.do("POST", "/api/v1/auth/login", strings.Replace(carol, "correct horse", "battery staple", 1)), 200)
	if log := s.log.String(); !strings.Contains(log, `"event":"password_changed"`) || strings.Contains(log, "battery") {
		t.Error("the audit log lacks the change, or holds the password")
	}
}

func TestOfTwoNewPasswordsAtOnceOneCounts(t *testing.T) {
	s := newStore(t)
	in, _ := session(t, s.do("POST", "/api/v1/auth/register", carol))
	var wg sync.WaitGroup
	answers := make([]*http.Response, 4)
	for i := range answers {
		wg.Go(func() {
			answers[i] = s.do("POST", "/api/v1/me/password", `{"current_password":"correct horse","new_password":"password `+string("abcd"[i])+`"}`, "Authorization", "Bearer "+in.AccessToken)
		})
	}
	wg.Wait()
	changed := 0
	for i, resp := range answers {
		if resp.StatusCode == 200 {
			changed++
			status(t, s.do("POST", "/api/v1/auth/login", `{"email":"carol@example.com","password":"password `+string("abcd"[i])+`"}`), 200)
		} else if resp.StatusCode != 403 && resp.StatusCode != 401 {
			t.Errorf("status %d", resp.StatusCode)
		}
	}
	if changed != 1 {
		t.Errorf("%d changes of one password", changed)
	}
}

func TestGuessingTheCurrentPasswordIsThrottled(t *testing.T) {
	s := newStore(t)
	in, _ := session(t, s.do("POST", "/api/v1/auth/register", carol))
	for i := range 12 {
		resp := s.do("DELETE", "/api/v1/me", `{"current_password":"guess"}`, "Authorization", "Bearer "+in.AccessToken)
		if want := map[bool]int{true: 403, false: 429}[i < 10]; resp.StatusCode != want {
			t.Errorf("guess %d: %d", i+1, resp.StatusCode)
		}
	}
}

func TestAnAccountIsRemovedAndItsOrdersStay(t *testing.T) {
	s := newStore(t)
	in, cookie := session(t, s.do("POST", "/api/v1/auth/register", carol))
	s.basket(t, in.User.ID, shop.BasketLine{ProductID: 2, Quantity: 1})
	if _, err := s.db.Purchase(t.Context(), in.User.ID); err != nil {
		t.Fatal(err)
	}
	s.pg.Exec(t, `UPDATE orders SET address = '{"name":"Carol"}', card_last4 = '4242'`)
	s.basket(t, in.User.ID, shop.BasketLine{ProductID: 1, Quantity: 1})
	resp := s.do("DELETE", "/api/v1/me", `{"current_password":"correct horse"}`, "Authorization", "Bearer "+in.AccessToken)
	status(t, resp, 204)
	if c := refreshCookie(t, resp); c.MaxAge >= 0 {
		t.Errorf("cookie %s", c)
	}
	status(t, s.me(in.AccessToken), 401)
	refused(t, s.refresh(cookie))
	status(t, s.do("POST", "/api/v1/auth/login", carol), 401)
	for table, want := range map[string]int{"users": 0, "sessions": 0, "refresh_tokens": 0, "basket_items": 0, "orders": 1, "orders WHERE user_id IS NULL AND address IS NULL AND card_last4 IS NULL": 1, "order_items": 1} {
		if n := s.count(t, table); n != want {
			t.Errorf("%s: %d, want %d", table, n, want)
		}
	}
	status(t, s.do("POST", "/api/v1/auth/register", carol), 201) // the name is free again
}

func TestAnAccountsRequestsAreBoundedAndBurstsAreNot(t *testing.T) {
	s := newStore(t)
	ann, bob := s.token(t, s.user(t, "ann")), s.token(t, s.user(t, "bob"))
	for i := range 300 { // far more than a page asks for
		if got := s.me(ann).StatusCode; got != 200 {
			t.Fatalf("request %d: %d", i, got)
		}
	}
	throttled := false
	for range 2000 {
		if s.me(ann).StatusCode == 429 {
			throttled = true
			break
		}
	}
	if !throttled {
		t.Error("2300 requests of one account at once are let through")
	}
	status(t, s.me(bob), 200)
	s.advance(10 * time.Second)
	status(t, s.me(ann), 200)
}
