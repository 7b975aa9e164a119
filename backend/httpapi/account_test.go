package httpapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	shop "grocery/backend"
	"grocery/backend/httpapi"
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
		{name: "a name with a character that does not show", method: "POST", path: path, guest: true, status: 400, body: body("an\u200bn", "x@example.com", "secret"), want: []string{"username holds characters"}, after: none},
		{name: "a name that is written backwards", method: "POST", path: path, guest: true, status: 400, body: body("\u202enna", "x@example.com", "secret"), want: []string{"username holds characters"}, after: none},
		{name: "a name of another script", method: "POST", path: path, guest: true, status: 201, body: body("Ἄννα 安娜", "x@example.com", "secret")},
		{name: "a password of 256 characters, each of four bytes", method: "POST", path: path, guest: true, status: 201, body: body("x", "x@example.com", strings.Repeat("😀", 256))},
		{name: "a password of 257 characters", method: "POST", path: path, guest: true, status: 400, body: body("x", "x@example.com", strings.Repeat("x", 257)), want: []string{"password must be at most 256 characters"}, after: none},
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
		{name: "a password of 256 characters, each of four bytes", method: "POST", path: path, guest: true, body: `{"email":"a@b.c","password":"` + strings.Repeat("😀", 256) + `"}`, status: 401, want: refused},
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

// nobody is a list of accounts without one, whose database does not mind that a client
// has gone.
type nobody struct{ shop.UserService }

func (nobody) UserByEmail(context.Context, string) (*shop.User, error) {
	return nil, shop.Errorf(shop.ENOTFOUND, "User not found")
}

// hurry sends requests from clients behind a balancer that wait for no password, and
// returns how many were not throttled.
func (s *store) hurry(t *testing.T, n int, path string, body, client func(i int) string) (through int) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for i := range n {
		req := httptest.NewRequestWithContext(ctx, "POST", path, strings.NewReader(body(i)))
		req.RemoteAddr = "10.0.1.5:4000"
		req.Header.Set("X-Forwarded-For", client(i))
		rec := httptest.NewRecorder()
		s.api.ServeHTTP(rec, req)
		if rec.Code == 503 { // not its turn
			through++
		} else if rec.Code != 429 || rec.Header().Get("Retry-After") == "" {
			t.Errorf("%s %d: %d %s", path, i, rec.Code, rec.Body)
		}
	}
	return through
}

func TestClientsAndAccountsAreThrottledAsAWhole(t *testing.T) {
	login := func(i int) string { return fmt.Sprintf(`{"email":"%d@example.com","password":"guess"}`, i) }
	one := func(int) string { return "198.51.100.7" }
	each := func(i int) string { return fmt.Sprintf("198.51.100.%d", i) }
	for _, tt := range []struct {
		name, path   string
		body, client func(int) string
		burst        int
	}{
		{"one client guesses at many accounts", "/api/v1/auth/login", login, one, 100},
		{"many clients guess at one account", "/api/v1/auth/login", func(int) string { return login(7) }, each, 100},
		{"many clients of the old API guess at one account", "/api/auth/login", func(int) string { return login(7) }, each, 100},
		{"one client opens many accounts", "/api/v1/auth/register", func(i int) string {
			return fmt.Sprintf(`{"username":"u%d","email":"%d@example.com","password":"secret"}`, i, i)
		}, one, 60},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newStore(t)
			s.server.Users = nobody{s.db}
			s.stop()
			if got := s.hurry(t, tt.burst+10, tt.path, tt.body, tt.client); got != tt.burst {
				t.Errorf("%d are let through, want %d", got, tt.burst)
			}
			s.advance(10 * time.Second)
			if got := s.hurry(t, 1, tt.path, tt.body, tt.client); got != 1 {
				t.Error("after ten seconds none is let through")
			}
		})
	}
}

func TestTheLeastTimeOfARefusedLoginIsAQuarterOfASecond(t *testing.T) {
	s := newStore(t)
	config := s.server.Config
	config.LoginFloor = 0
	server := httpapi.New(config)
	s.api = server
	start := time.Now()
	status(t, s.do("POST", "/api/v1/auth/login", `{"email":"nobody@example.com","password":"guess"}`), 401)
	if took := time.Since(start); took < 250*time.Millisecond || server.LoginFloor != 250*time.Millisecond {
		t.Errorf("it took %v, and at least %v are wanted", took, server.LoginFloor)
	}
}

func TestTheTokenOfTheOldLoginIsGoodForFourHours(t *testing.T) {
	s := newStore(t)
	status(t, s.do("POST", "/api/auth/register", carol), 201)
	var in struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(status(t, s.do("POST", "/api/auth/login", carol), 200)), &in); err != nil {
		t.Fatal(err)
	}
	info := func() *http.Response {
		return s.do("GET", "/api/me/info", "", "Authorization", "Bearer "+in.AccessToken)
	}
	s.advance(4*time.Hour - time.Minute)
	status(t, info(), 200)
	s.advance(2 * time.Minute)
	if got := status(t, info(), 401); got != `{"msg":"Token has expired"}`+"\n" {
		t.Error(got)
	}
}

func TestGuestsOfTheOldPageAreNoAttack(t *testing.T) {
	s := newStore(t)
	for i := range 1000 {
		if resp := s.do("GET", "/api/me/info", "", "Authorization", "Bearer null"); resp.StatusCode != 422 {
			t.Fatalf("request %d: %d", i, resp.StatusCode)
		}
	}
	if strings.Contains(s.log.String(), `"audit":true`) {
		t.Error("the audit log tells of them")
	}
}

func TestLoginsAtOnceWithAHashOfTheOldShopAllSucceed(t *testing.T) {
	s := newStore(t)
	id := s.user(t, "ann")
	s.pg.Exec(t, "UPDATE users SET password_hash = $2 WHERE id = $1", id, werkzeug)
	var wg sync.WaitGroup
	for i := range 10 {
		wg.Go(func() {
			path := []string{"/api/auth/login", "/api/v1/auth/login"}[i%2]
			if resp := s.do("POST", path, `{"email":"ann@example.com","password":"password123"}`); resp.StatusCode != 200 {
				t.Errorf("%s: %d", path, resp.StatusCode)
			}
		})
	}
	wg.Wait()
}

// swift is a list of accounts in which something changes just before a profile is written.
type swift struct {
	shop.UserService
	change func()
}

func (s swift) UpdateProfile(ctx context.Context, u *shop.User, c shop.ProfileChange) (*shop.User, error) {
	s.change()
	return s.UserService.UpdateProfile(ctx, u, c)
}

func TestAPasswordThatChangesMeanwhileIsAWrongOne(t *testing.T) {
	s := newStore(t)
	in, _ := session(t, s.do("POST", "/api/v1/auth/register", carol))
	s.server.Users = swift{s.db, func() { s.pg.Exec(t, "UPDATE users SET password_hash = '$argon2id$another'") }}
	resp := s.do("PATCH", "/api/v1/me", `{"email":"new@example.com","current_password":"correct horse"}`, "Authorization", "Bearer "+in.AccessToken)
	if got := status(t, resp, 403); !strings.Contains(got, `"code":"password_wrong"`) {
		t.Error(got)
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
	child := func(t *testing.T, s *store) {
		if err := s.db.ConfirmAge(t.Context(), 1, time.Date(2016, 5, 1, 0, 0, 0, 0, time.UTC)); err != nil {
			t.Fatal(err)
		}
	}
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
		{name: "another date of birth than the first", method: "POST", path: path, body: `{"birth_date":"1980-01-01"}`, status: 409, before: child,
			want: []string{`"code":"birth_date_stays"`, `"field":"birth_date"`, "cannot be changed"}, wantNot: []string{"2016"},
			after: func(t *testing.T, s *store) {
				if u, err := s.db.UserByID(t.Context(), 1); err != nil || u.BirthDate.Format(time.DateOnly) != "2016-05-01" {
					t.Errorf("born on %v, %v", u.BirthDate, err)
				}
			}},
		{name: "the same date of birth once more", method: "POST", path: path, body: `{"birth_date":"2016-05-01"}`, status: 200, before: child, want: []string{`"age":"minor"`}},
		{name: "a date of birth after a statement", method: "POST", path: path, body: `{"birth_date":"2016-05-01"}`, status: 200, want: []string{`"age":"minor"`},
			before: func(t *testing.T, s *store) {
				if err := s.db.ConfirmAge(t.Context(), 1, time.Time{}); err != nil {
					t.Fatal(err)
				}
			}},
		{name: "no date", method: "POST", path: path, body: `{"birth_date":"yesterday"}`, status: 400, want: []string{"birth_date"}},
		{name: "nothing", method: "POST", path: path, body: `{}`, status: 400, want: []string{"birth_date"}},
		{name: "a statement of no", method: "POST", path: path, body: `{"confirmed":false}`, status: 400, want: []string{"birth_date"}},
	})
}
