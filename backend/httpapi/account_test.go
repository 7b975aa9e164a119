package httpapi_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	shop "grocery/backend"
)

func TestRegister(t *testing.T) {
	body := func(name, email, password string) string {
		return fmt.Sprintf(`{"username":%q,"email":%q,"password":%q}`, name, email, password)
	}
	const path = "/api/auth/register"
	none := func(t *testing.T, s *store) {
		if n := s.count(t, "users"); n != 2 {
			t.Errorf("%d accounts, want the 2 that were there", n)
		}
	}
	run(t, []scenario{
		{
			name: "an account is opened", method: "POST", path: path, guest: true, status: 201,
			body: body("carol", "carol@example.com", "secret"), want: []string{`{"message":"User registered successfully"}`}, wantNot: []string{"secret"},
			after: func(t *testing.T, s *store) {
				u, err := s.db.UserByEmail(t.Context(), "carol@example.com")
				if err != nil || u.Username != "carol" || !strings.HasPrefix(u.PasswordHash, "$argon2id$") || u.IsAdult(time.Now()) {
					t.Errorf("%+v, %v", u, err)
				}
			},
		},
		{
			name: "a date of birth may come with it", method: "POST", path: path, guest: true, status: 201,
			body: `{"username":"carol","email":"carol@example.com","password":"secret","birth_date":"1990-05-01"}`,
			after: func(t *testing.T, s *store) {
				if u, err := s.db.UserByEmail(t.Context(), "carol@example.com"); err != nil || !u.IsAdult(time.Now()) {
					t.Errorf("%+v, %v", u, err)
				}
			},
		},
		{name: "a name that is taken", method: "POST", path: path, guest: true, status: 400, body: body("ann", "x@example.com", "secret"), want: []string{`{"error":"Username already exists"}`}, after: none},
		{name: "a name that is taken in capitals", method: "POST", path: path, guest: true, status: 400, body: body("ANN", "x@example.com", "secret"), want: []string{`{"error":"Username already exists"}`}, after: none},
		{name: "an address that is taken", method: "POST", path: path, guest: true, status: 400, body: body("x", "ann@example.com", "secret"), want: []string{`{"error":"Email already exists"}`}, after: none},
		{name: "a short password", method: "POST", path: path, guest: true, status: 400, body: body("x", "x@example.com", "12345"), want: []string{"password must be at least 6"}, wantNot: []string{"12345"}, after: none},
		{name: "a password that would be costly to hash", method: "POST", path: path, guest: true, status: 400, body: body("x", "x@example.com", strings.Repeat("x", 10_000)), want: []string{"password must be at most 256"}, after: none},
		{name: "no address", method: "POST", path: path, guest: true, status: 400, body: `{"username":"x","password":"secret"}`, want: []string{"email"}, after: none},
		{name: "a name with NUL", method: "POST", path: path, guest: true, status: 400, body: `{"username":"a\u0000b","email":"x@example.com","password":"secret"}`, want: []string{"username"}, after: none},
		{name: "a name that is a number", method: "POST", path: path, guest: true, status: 400, body: `{"username":7,"email":"x@example.com","password":"secret"}`, want: []string{"username has the wrong type"}, after: none},
		{name: "no JSON", method: "POST", path: path, guest: true, status: 400, body: `username=x`, want: []string{`"error"`}, after: none},
		{name: "no body", method: "POST", path: path, guest: true, status: 400, want: []string{`"error"`}, after: none},
		{name: "null", method: "POST", path: path, guest: true, status: 400, body: `null`, want: []string{`"error"`}, after: none},
		{name: "a body of a megabyte", method: "POST", path: path, guest: true, status: 413, body: `{"username":"` + strings.Repeat("x", 1<<20) + `"}`, want: []string{`"error"`}, after: none},
	})
}

func TestLogin(t *testing.T) {
	password := func(hash string) func(*testing.T, *store) {
		return func(t *testing.T, s *store) {
			if hash == "" {
				var err error
				if hash, err = s.hash.Hash(t.Context(), "correct horse"); err != nil {
					t.Fatal(err)
				}
			}
			s.pg.Exec(t, "UPDATE users SET password_hash = $1 WHERE id = 1", hash)
		}
	}
	const path, good = "/api/auth/login", `{"email":"ann@example.com","password":"correct horse"}`
	refused := []string{`{"error":"Invalid username or password"}`}
	run(t, []scenario{
		{name: "the right password gives a token", method: "POST", path: path, guest: true, body: good, before: password(""), status: 200, want: []string{`{"access_token":"eyJ`}},
		{name: "the case of the address does not matter", method: "POST", path: path, guest: true, body: strings.Replace(good, "ann@", "ANN@", 1), before: password(""), status: 200, want: []string{`access_token`}},
		{
			name: "a hash of the old shop is accepted and renewed", method: "POST", path: path, guest: true, status: 200, want: []string{`access_token`},
			body: `{"email":"ann@example.com","password":"password123"}`, before: password(werkzeug),
			after: func(t *testing.T, s *store) {
				if u, err := s.db.UserByID(t.Context(), 1); err != nil || !strings.HasPrefix(u.PasswordHash, "$argon2id$") {
					t.Errorf("hash %q, %v", u.PasswordHash, err)
				}
			},
		},
		{name: "a wrong password", method: "POST", path: path, guest: true, body: strings.Replace(good, "horse", "house", 1), before: password(""), status: 401, want: refused},
		{name: "an unknown account reads the same", method: "POST", path: path, guest: true, body: strings.Replace(good, "ann@", "zoe@", 1), before: password(""), status: 401, want: refused},
		{name: "no password", method: "POST", path: path, guest: true, body: `{"email":"ann@example.com"}`, status: 400, want: []string{"password is required"}},
		{name: "an address with NUL", method: "POST", path: path, guest: true, body: `{"email":"a\u0000b@example.com","password":"x"}`, status: 400, want: []string{"email"}},
		{name: "SQL instead of an address", method: "POST", path: path, guest: true, body: `{"email":"' OR 1=1 --","password":"x"}`, status: 401, want: refused},
		{name: "a password that would be costly to hash", method: "POST", path: path, guest: true, body: `{"email":"a@b.c","password":"` + strings.Repeat("x", 10_000) + `"}`, status: 400, want: []string{"at most 256"}},
		{name: "a list", method: "POST", path: path, guest: true, body: `[]`, status: 400, want: []string{`"error"`}},
	})
}

// A hash of the form the old shop's Werkzeug makes, for "password123".
const werkzeug = "scrypt:32768:8:1$abcdefgh12345678$" +
	"16edd706c503f9ed39bba173af81bbc9d8a9f8eaea957f4905a6456aaaf77e53" +
	"d7fb0fddaa369e1b3f0e8d0ea5b926677d85253557a71de2e661a7f3c2a40020"

func TestRefusedLoginsTakeTheSameTimeWhoeverIsAskedFor(t *testing.T) {
	s := newStore(t)
	id := s.user(t, "ann")
	hash, err := s.hash.Hash(t.Context(), "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	s.pg.Exec(t, "UPDATE users SET password_hash = $2 WHERE id = $1", id, hash)
	took := func(email string) time.Duration {
		start := time.Now()
		if resp := s.do("POST", "/api/auth/login", `{"email":"`+email+`","password":"wrong one"}`); resp.StatusCode != 401 {
			t.Fatal(text(t, resp))
		}
		s.advance(time.Minute) // so that the attempts do not count
		return time.Since(start)
	}
	// In turns, so that a busy machine slows both alike; the quickest is the least disturbed.
	known, unknown := time.Hour, time.Hour
	for range 8 {
		known = min(known, took("ann@example.com"))
		unknown = min(unknown, took("nobody@example.com"))
	}
	if ratio := float64(known) / float64(unknown); ratio < 0.6 || ratio > 1.7 {
		t.Errorf("a known account takes %v, an unknown one %v", known, unknown)
	}
}

func TestLoginIsThrottledByAccountAndClient(t *testing.T) {
	s := newStore(t)
	s.user(t, "ann")
	try := func(email, client string) (int, string) {
		resp := s.do("POST", "/api/auth/login", `{"email":"`+email+`","password":"guess"}`, "X-Forwarded-For", client)
		return resp.StatusCode, resp.Header.Get("Retry-After")
	}
	// httptest's peer is 192.0.2.1, a public address: what it forwards is not believed.
	refused := 0
	for range 15 {
		if code, _ := try("zoe@example.com", "198.51.100.1"); code == 429 {
			refused++
		}
	}
	if refused < 4 {
		t.Errorf("15 guesses, %d refused: an invented forwarding address is believed", refused)
	}
	if code, _ := try("other@example.com", ""); code != 401 {
		t.Errorf("another account of the same client: %d", code)
	}
	if code, after := try("ZOE@example.com", ""); code != 429 || after == "" {
		t.Errorf("the same account in capitals: %d, Retry-After %q", code, after)
	}
	s.advance(16 * time.Second)
	if code, _ := try("zoe@example.com", ""); code != 401 {
		t.Errorf("after a while: %d", code)
	}
}

func TestSuccessfulLoginsAndPageBurstsAreNotThrottled(t *testing.T) {
	s := newStore(t)
	id := s.user(t, "ann")
	hash, err := s.hash.Hash(t.Context(), "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	s.pg.Exec(t, "UPDATE users SET password_hash = $2 WHERE id = $1", id, hash)
	for i := range 25 {
		if resp := s.do("POST", "/api/auth/login", `{"email":"ann@example.com","password":"correct horse"}`); resp.StatusCode != 200 {
			t.Fatalf("login %d: %s", i, text(t, resp))
		}
	}
	for range 100 {
		if resp := s.do("GET", "/api/me/info", "", "Authorization", "Bearer "+s.token(t, id)); resp.StatusCode != 200 {
			t.Fatal(text(t, resp))
		}
	}
}

func TestAnOutageIsNoWrongPassword(t *testing.T) {
	s := newStore(t)
	s.db.Close()
	for range 15 { // never 429: these are no guesses
		resp := s.do("POST", "/api/auth/login", `{"email":"ann@example.com","password":"guess"}`)
		if body := text(t, resp); resp.StatusCode != 503 || strings.Contains(body, "closed") {
			t.Fatalf("%d %s", resp.StatusCode, body)
		}
	}
	if strings.Contains(s.log.String(), "guess") {
		t.Error("the log holds a password")
	}
}

func TestInfo(t *testing.T) {
	run(t, []scenario{
		{
			name: "a fresh account has empty lists, not null", method: "GET", path: "/api/me/info", status: 200,
			want:    []string{`{"username":"ann","email":"ann@example.com","avatar":"/api/me/avatar/user_default.png","basket":[],"fav_products":"","purchased_products":"","is_adult":false}`},
			wantNot: []string{"password"},
		},
		{
			name: "an account in use shows what is its own", method: "GET", path: "/api/me/info", status: 200,
			before: func(t *testing.T, s *store) {
				s.basket(t, 1, shop.BasketLine{ProductID: 2, Quantity: 3})
				s.basket(t, 2, shop.BasketLine{ProductID: 4, Quantity: 9})
				s.bought(t, 1, 1, 3)
				for _, p := range []int64{4, 2} {
					if err := s.db.AddFavourite(t.Context(), 1, p); err != nil {
						t.Fatal(err)
					}
				}
			},
			want:    []string{`"basket":[{"id":1,"product_id":2,"quantity":3,"user_id":1}],"fav_products":"4,2","purchased_products":"1,3"`},
			wantNot: []string{`"quantity":9`},
		},
		{
			name: "the name of an account in the request changes nothing", method: "GET", path: "/api/me/info?user_id=2&username=bob", status: 200,
			want: []string{`"username":"ann"`}, wantNot: []string{"bob"},
		},
	})
}

func TestAge(t *testing.T) {
	const path = "/api/v1/me/age"
	run(t, []scenario{
		{name: "a date of birth long ago", method: "POST", path: path, body: `{"birth_date":"1980-01-01"}`, status: 200, want: []string{`"is_adult":true`}},
		{name: "a date of birth of a child", method: "POST", path: path, body: `{"birth_date":"` + time.Now().AddDate(-17, 0, 0).Format(time.DateOnly) + `"}`, status: 200, want: []string{`"is_adult":false`}},
		{name: "a statement", method: "POST", path: path, body: `{"confirmed":true}`, status: 200, want: []string{`"is_adult":true`}},
		{
			name: "a statement does not outweigh a child's date of birth", method: "POST", path: path, body: `{"confirmed":true}`, status: 200, want: []string{`"is_adult":false`},
			before: func(t *testing.T, s *store) {
				if err := s.db.ConfirmAge(t.Context(), 1, time.Now().AddDate(-10, 0, 0)); err != nil {
					t.Fatal(err)
				}
			},
		},
		{name: "no date", method: "POST", path: path, body: `{"birth_date":"yesterday"}`, status: 400, want: []string{"birth_date"}},
		{name: "nothing", method: "POST", path: path, body: `{}`, status: 400, want: []string{"birth_date"}},
		{name: "a statement of no", method: "POST", path: path, body: `{"confirmed":false}`, status: 400, want: []string{"birth_date"}},
	})
}
