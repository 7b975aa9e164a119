package httpapi_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	shop "grocery/backend"
)

// signedUp is the answer of a sign-in.
type signedUp struct {
	AccessToken string `json:"access_token"`
	TokenType   string `json:"token_type"`
	ExpiresIn   int    `json:"expires_in"`
	User        struct {
		ID        int64     `json:"id"`
		Username  string    `json:"username"`
		Email     string    `json:"email"`
		AvatarURL string    `json:"avatar_url"`
		Age       string    `json:"age"`
		CreatedAt time.Time `json:"created_at"`
	} `json:"user"`
}

const carol = `{"username":"carol","email":"carol@example.com","password":"correct horse"}`

// session reads a sign-in's answer and its cookie.
func session(t *testing.T, resp *http.Response) (signedUp, *http.Cookie) {
	t.Helper()
	var in signedUp
	body := text(t, resp)
	if err := json.Unmarshal([]byte(body), &in); err != nil || in.AccessToken == "" {
		t.Fatalf("%d %s", resp.StatusCode, body)
	}
	return in, refreshCookie(t, resp)
}

func refreshCookie(t *testing.T, resp *http.Response) *http.Cookie {
	t.Helper()
	for _, c := range resp.Cookies() {
		if c.Name == "grocery_refresh" {
			return c
		}
	}
	t.Fatalf("%d: no cookie", resp.StatusCode)
	return nil
}

func (s *store) refresh(c *http.Cookie) *http.Response {
	return s.do("POST", "/api/v1/auth/refresh", "", "X-Requested-With", "fetch", "Cookie", c.Name+"="+c.Value)
}

func (s *store) me(token string) *http.Response {
	return s.do("GET", "/api/v1/me", "", "Authorization", "Bearer "+token)
}

// refused wants the end of a session: the status, the code and the cookie's removal.
func refused(t *testing.T, resp *http.Response) {
	t.Helper()
	if body := text(t, resp); resp.StatusCode != 401 || !strings.Contains(body, `"code":"session_ended"`) || !strings.Contains(body, `"msg":`) {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	if c := refreshCookie(t, resp); c.MaxAge >= 0 || c.Value != "" || c.Path != "/api/v1/auth" {
		t.Errorf("the cookie is not removed: %s", c)
	}
}

func status(t *testing.T, resp *http.Response, want int) string {
	t.Helper()
	body := text(t, resp)
	if resp.StatusCode != want {
		t.Errorf("status %d, want %d: %s", resp.StatusCode, want, body)
	}
	return body
}

func TestSignUp(t *testing.T) {
	const path = "/api/v1/auth/register"
	run(t, []scenario{
		{name: "an account and a session", method: "POST", path: path, guest: true, body: carol, status: 201,
			want: []string{`"access_token":"eyJ`, `"token_type":"Bearer"`, `"expires_in":900`, `"username":"carol"`, `"email":"carol@example.com"`, `"avatar_url":"/api/me/avatar/user_default.png"`, `"age":"unknown"`, `"is_adult":false`}, wantNot: []string{"horse", "hash"},
			after: func(t *testing.T, s *store) {
				if n := s.count(t, "refresh_tokens WHERE length(hash) = 32"); n != 1 {
					t.Errorf("%d refresh tokens", n)
				}
				if log := s.log.String(); !strings.Contains(log, `"event":"registered"`) || !strings.Contains(log, `"audit":true`) || strings.Contains(log, "horse") || strings.Contains(log, "carol@") {
					t.Errorf("log: %s", log)
				}
			}},
		{name: "with a date of birth", method: "POST", path: path, guest: true, body: strings.Replace(carol, `{`, `{"birth_date":"1990-05-01",`, 1), status: 201, want: []string{`"age":"adult"`, `"is_adult":true`}},
		{name: "of a child", method: "POST", path: path, guest: true, body: strings.Replace(carol, `{`, `{"birth_date":"`+time.Now().AddDate(-12, 0, 0).Format(time.DateOnly)+`",`, 1), status: 201, want: []string{`"age":"minor"`, `"is_adult":false`}},
		{name: "a name that is taken", method: "POST", path: path, guest: true, body: strings.Replace(carol, `"carol"`, `"ANN"`, 1), status: 409, want: []string{`"code":"username_taken"`, `"field":"username"`}},
		{name: "an address that is taken", method: "POST", path: path, guest: true, body: strings.Replace(carol, "carol@", "ANN@", 1), status: 409, want: []string{`"code":"email_taken"`, `"field":"email"`}},
		{name: "a short password", method: "POST", path: path, guest: true, body: strings.Replace(carol, "correct horse", "12345", 1), status: 400, want: []string{`"code":"invalid"`, `"field":"password"`}, wantNot: []string{"12345"}},
		{name: "a wrong address", method: "POST", path: path, guest: true, body: strings.Replace(carol, "carol@example.com", "carol", 1), status: 400, want: []string{`"field":"email"`}},
		{name: "no name", method: "POST", path: path, guest: true, body: strings.Replace(carol, `"carol"`, `" "`, 1), status: 400, want: []string{`"field":"username"`}},
		{name: "a birthday to come", method: "POST", path: path, guest: true, body: strings.Replace(carol, `{`, `{"birth_date":"2999-01-01",`, 1), status: 400, want: []string{`"field":"birth_date"`}},
		{name: "no JSON", method: "POST", path: path, guest: true, body: "x", status: 400, want: []string{`"code":"invalid"`}},
		{name: "a body of a megabyte", method: "POST", path: path, guest: true, body: `{"username":"` + strings.Repeat("x", 1<<20) + `"}`, status: 413, want: []string{`"code":"too_large"`}},
	})
}

func TestSignIn(t *testing.T) {
	s := newStore(t)
	status(t, s.do("POST", "/api/v1/auth/register", carol), 201)
	resp := s.do("POST", "/api/v1/auth/login", `{"email":"CAROL@example.com","password":"correct horse"}`, "X-Forwarded-Proto", "https")
	in, cookie := session(t, resp)
	if cookie.Path != "/api/v1/auth" || !cookie.HttpOnly || !cookie.Secure || cookie.SameSite != http.SameSiteStrictMode || cookie.MaxAge != 30*24*3600 {
		t.Errorf("cookie %s", cookie)
	}
	if resp.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("a token may be stored by caches: %q", resp.Header.Get("Cache-Control"))
	}
	if body := status(t, s.me(in.AccessToken), 200); !strings.Contains(body, `"username":"carol"`) {
		t.Error(body)
	}
	// The old API takes the token too.
	status(t, s.do("GET", "/api/me/info", "", "Authorization", "Bearer "+in.AccessToken), 200)

	plain := refreshCookie(t, s.do("POST", "/api/v1/auth/login", `{"email":"carol@example.com","password":"correct horse"}`))
	if plain.Secure {
		t.Error("over HTTP the browser would not keep a secure cookie")
	}
	for name, body := range map[string]string{
		"a wrong password":   `{"email":"carol@example.com","password":"wrong"}`,
		"an unknown account": `{"email":"nobody@example.com","password":"correct horse"}`,
	} {
		if got := status(t, s.do("POST", "/api/v1/auth/login", body), 401); !strings.Contains(got, `{"code":"login_refused","error":"Invalid username or password"}`) {
			t.Errorf("%s: %s", name, got)
		}
	}
	if got := status(t, s.do("POST", "/api/v1/auth/login", `{"email":"carol@example.com"}`), 400); !strings.Contains(got, `"field":"password"`) {
		t.Error(got)
	}
	s.advance(16 * time.Minute)
	if got := status(t, s.me(in.AccessToken), 401); !strings.Contains(got, `"code":"token_expired"`) || !strings.Contains(got, `"msg":"Token has expired"`) {
		t.Errorf("after a quarter of an hour: %s", got)
	}
	if log := s.log.String(); !strings.Contains(log, `"event":"sign_in_refused"`) || !strings.Contains(log, `"event":"signed_in"`) || strings.Contains(log, "carol@") || strings.Contains(log, cookie.Value) || strings.Contains(log, in.AccessToken) {
		t.Error("the audit log lacks a sign-in, or holds an address or a token")
	}
}

func TestGuessesAreThrottledInBothAPIsTogether(t *testing.T) {
	s := newStore(t)
	var last *http.Response
	for i := range 12 {
		path := []string{"/api/auth/login", "/api/v1/auth/login"}[i%2]
		last = s.do("POST", path, `{"email":"ann@example.com","password":"guess"}`)
	}
	if last.StatusCode != 429 || last.Header.Get("Retry-After") == "" || !strings.Contains(text(t, last), `"code":"too_many"`) {
		t.Errorf("the twelfth guess: %d", last.StatusCode)
	}
	if !strings.Contains(s.log.String(), `"event":"sign_in_throttled"`) {
		t.Error("the audit log does not show it")
	}
}

func TestRefresh(t *testing.T) {
	s := newStore(t)
	first, cookie := session(t, s.do("POST", "/api/v1/auth/register", carol))
	if got := status(t, s.do("POST", "/api/v1/auth/refresh", "", "Cookie", cookie.Name+"="+cookie.Value), 403); !strings.Contains(got, "requested_with_missing") {
		t.Errorf("without the header: %s", got)
	}
	s.advance(20 * time.Minute)
	status(t, s.me(first.AccessToken), 401)
	second, next := session(t, s.refresh(cookie))
	if next.Value == cookie.Value || next.MaxAge != 30*24*3600 || !next.HttpOnly {
		t.Errorf("cookie %s", next)
	}
	if second.User.Username != "carol" || second.ExpiresIn != 900 {
		t.Errorf("%+v", second)
	}
	status(t, s.me(second.AccessToken), 200)
	if n := s.count(t, "sessions"); n != 1 {
		t.Errorf("%d sessions", n)
	}
	// It goes on as long as it is used, and ends 30 days after its last use.
	for range 3 {
		s.advance(29 * 24 * time.Hour)
		_, next = session(t, s.refresh(next))
	}
	s.advance(30*24*time.Hour + time.Minute)
	refused(t, s.refresh(next))
}

func TestTokensThatAreNone(t *testing.T) {
	s := newStore(t)
	refused(t, s.do("POST", "/api/v1/auth/refresh", "", "X-Requested-With", "fetch"))
	for _, value := range []string{"", "null", "x", strings.Repeat("A", 43), strings.Repeat("%00", 20)} {
		refused(t, s.refresh(&http.Cookie{Name: "grocery_refresh", Value: value}))
	}
}

func TestATokenThatIsUsedAgainLaterEndsTheSession(t *testing.T) {
	s := newStore(t)
	_, stolen := session(t, s.do("POST", "/api/v1/auth/register", carol))
	_, other := session(t, s.do("POST", "/api/v1/auth/login", carol))
	_, mine := session(t, s.refresh(stolen))
	s.elapse(t, 31*time.Second)
	refused(t, s.refresh(stolen)) // the thief
	refused(t, s.refresh(mine))   // and everybody else of this session
	if _, again := session(t, s.refresh(other)); again.Value == "" {
		t.Error("another session of the account has ended too")
	}
	if log := s.log.String(); strings.Count(log, `"event":"refresh_reused"`) != 1 {
		t.Error("the audit log does not show the theft once")
	}
}

func TestATokenMayBeUsedAgainAtOnce(t *testing.T) {
	s := newStore(t)
	_, cookie := session(t, s.do("POST", "/api/v1/auth/register", carol))
	one, a := session(t, s.refresh(cookie))
	s.elapse(t, 10*time.Second)
	two, b := session(t, s.refresh(cookie)) // the answer got lost, or another tab
	if a.Value == b.Value {
		t.Error("two tabs have one token: the second use would look like theft")
	}
	for _, in := range []signedUp{one, two} {
		status(t, s.me(in.AccessToken), 200)
	}
	s.elapse(t, time.Hour)
	session(t, s.refresh(a)) // whichever the browser kept
}

// elapse makes the database believe that tokens were issued and used longer ago.
func (s *store) elapse(t *testing.T, d time.Duration) {
	t.Helper()
	s.pg.Exec(t, "UPDATE refresh_tokens SET issued_at = issued_at - $1::interval, used_at = used_at - $1::interval", d)
}

func TestOfTwoBranchesOfASessionOneLives(t *testing.T) {
	s := newStore(t)
	_, cookie := session(t, s.do("POST", "/api/v1/auth/register", carol))
	_, mine := session(t, s.refresh(cookie))
	_, theirs := session(t, s.refresh(cookie)) // a thief, within the grace
	_, mine = session(t, s.refresh(mine))      // the page is loaded again
	_, theirs = session(t, s.refresh(theirs))
	s.elapse(t, 20*time.Minute)
	_, next := session(t, s.refresh(theirs))
	s.elapse(t, 20*time.Minute)
	refused(t, s.refresh(mine))
	refused(t, s.refresh(next))
	if n := s.count(t, "sessions"); n != 0 || !strings.Contains(s.log.String(), `"event":"refresh_reused"`) {
		t.Errorf("%d sessions are left, or the audit log does not show the theft", n)
	}
}

func TestAnAnswerThatComesLateIsNoTheft(t *testing.T) {
	s := newStore(t)
	_, cookie := session(t, s.do("POST", "/api/v1/auth/register", carol))
	_, first := session(t, s.refresh(cookie))
	_, late := session(t, s.refresh(cookie)) // another tab's, which arrives after the next
	session(t, s.refresh(first))
	s.elapse(t, 20*time.Minute)
	_, next := session(t, s.refresh(late))
	session(t, s.refresh(next))
}

func TestTheGraceIsMeasuredByTheDatabase(t *testing.T) {
	s := newStore(t)
	_, cookie := session(t, s.do("POST", "/api/v1/auth/register", carol))
	_, kept := session(t, s.refresh(cookie))
	s.advance(10 * time.Minute) // another server, whose clock is wrong
	session(t, s.refresh(cookie))
	session(t, s.refresh(kept))
}

// ending ends all sessions of an account just before one is opened.
type ending struct {
	shop.SessionService
	now func() time.Time
}

func (e *ending) OpenSession(ctx context.Context, u *shop.User, token []byte, now time.Time) error {
	if err := e.CloseSessions(ctx, u.ID, e.now); err != nil {
		return err
	}
	return e.SessionService.OpenSession(ctx, u, token, now)
}

func TestASignOutEverywhereEndsASignInThatIsUnderWay(t *testing.T) {
	s := newStore(t)
	session(t, s.do("POST", "/api/v1/auth/register", carol))
	s.server.Sessions = &ending{s.db, s.now}
	resp := s.do("POST", "/api/v1/auth/login", carol)
	if got := status(t, resp, 401); !strings.Contains(got, `"code":"session_ended"`) || len(resp.Cookies()) > 0 {
		t.Errorf("%s %v", got, resp.Cookies())
	}
	if n := s.count(t, "sessions"); n != 0 {
		t.Errorf("%d sessions live on", n)
	}
}

func TestRefreshesAtOnceLeaveOneUsableSession(t *testing.T) {
	s := newStore(t)
	beside := storeOn(t, s.pg) // another server on the same database
	_, cookie := session(t, s.do("POST", "/api/v1/auth/register", carol))
	var wg sync.WaitGroup
	answers := make([]*http.Response, 20)
	for i := range answers {
		wg.Go(func() { answers[i] = []*store{s, beside}[i%2].refresh(cookie) })
	}
	wg.Wait()
	seen := map[string]bool{}
	var last *http.Cookie
	for _, resp := range answers {
		in, c := session(t, resp)
		status(t, s.me(in.AccessToken), 200)
		seen[c.Value], last = true, c
	}
	if len(seen) != 20 || s.count(t, "sessions") != 1 || s.count(t, "refresh_tokens WHERE used_at IS NOT NULL") != 1 {
		t.Errorf("%d tokens, %d sessions", len(seen), s.count(t, "sessions"))
	}
	_, next := session(t, s.refresh(last))
	session(t, beside.refresh(next))
}

func TestSignOut(t *testing.T) {
	s := newStore(t)
	_, here := session(t, s.do("POST", "/api/v1/auth/register", carol))
	_, there := session(t, s.do("POST", "/api/v1/auth/login", carol))
	resp := s.do("POST", "/api/v1/auth/logout", "", "Cookie", here.Name+"="+here.Value)
	status(t, resp, 204)
	if c := refreshCookie(t, resp); c.MaxAge >= 0 {
		t.Errorf("cookie %s", c)
	}
	refused(t, s.refresh(here))
	session(t, s.refresh(there))
	for _, cookie := range []string{"", "grocery_refresh=null", here.Name + "=" + here.Value} {
		status(t, s.do("POST", "/api/v1/auth/logout", "", "Cookie", cookie), 204)
	}
}

func TestSignOutEverywhere(t *testing.T) {
	s := newStore(t)
	beside := storeOn(t, s.pg)
	in, here := session(t, s.do("POST", "/api/v1/auth/register", carol))
	_, there := session(t, beside.do("POST", "/api/v1/auth/login", carol))
	var legacy struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(status(t, s.do("POST", "/api/auth/login", carol), 200)), &legacy); err != nil {
		t.Fatal(err)
	}
	bob := s.user(t, "bob")
	bobs := s.token(t, bob)

	status(t, s.do("POST", "/api/v1/auth/logout-everywhere", "", "Authorization", "Bearer "+in.AccessToken), 204)
	for _, server := range []*store{s, beside} {
		for name, token := range map[string]string{"v1": in.AccessToken, "legacy": legacy.AccessToken} {
			if got := status(t, server.me(token), 401); !strings.Contains(got, `"code":"token_revoked"`) {
				t.Errorf("%s token: %s", name, got)
			}
			if got := status(t, server.do("GET", "/api/me/basket", "", "Authorization", "Bearer "+token), 401); got != `{"msg":"Token has been revoked"}`+"\n" {
				t.Errorf("%s token, old API: %s", name, got)
			}
		}
		refused(t, server.refresh(here))
		refused(t, server.refresh(there))
	}
	status(t, s.me(bobs), 200) // nobody else's business
	// And in again, at once.
	again, _ := session(t, s.do("POST", "/api/v1/auth/login", carol))
	status(t, beside.me(again.AccessToken), 200)
	if !strings.Contains(s.log.String(), `"event":"signed_out_everywhere"`) {
		t.Error("the audit log does not show it")
	}
}

func TestTokensFromBeforeARestoreAreRefused(t *testing.T) {
	s := newStore(t)
	in, _ := session(t, s.do("POST", "/api/v1/auth/register", carol))
	s.pg.Exec(t, "INSERT INTO restores (id, source, sha256, format, rows) VALUES ('r1', 'test', '', 'plain', '{}')")
	if got := status(t, s.me(in.AccessToken), 401); !strings.Contains(got, "token_revoked") {
		t.Error(got)
	}
	again, _ := session(t, s.do("POST", "/api/v1/auth/login", carol))
	status(t, s.me(again.AccessToken), 200)
}

func TestRenewalsAreThrottledByClient(t *testing.T) {
	s := newStore(t)
	throttled := 0
	for range 130 {
		if s.refresh(&http.Cookie{Name: "grocery_refresh", Value: "x"}).StatusCode == 429 {
			throttled++
		}
	}
	if throttled == 0 {
		t.Error("130 renewals at once are let through")
	}
}

func TestSessionsWithoutADatabase(t *testing.T) {
	s := newStore(t)
	in, cookie := session(t, s.do("POST", "/api/v1/auth/register", carol))
	s.db.Close()
	for name, resp := range map[string]*http.Response{
		"refresh": s.refresh(cookie), "me": s.me(in.AccessToken), "login": s.do("POST", "/api/v1/auth/login", carol),
		"logout": s.do("POST", "/api/v1/auth/logout", "", "Cookie", cookie.Name+"="+cookie.Value),
	} {
		if got := status(t, resp, 503); !strings.Contains(got, `"code":"unavailable"`) || strings.Contains(got, "closed") {
			t.Errorf("%s: %s", name, got)
		}
		if len(resp.Cookies()) > 0 {
			t.Errorf("%s: an outage removes the cookie: the shopper is signed out by it", name)
		}
	}
}

func TestOtherSitesPagesNeitherPlantNorEndASession(t *testing.T) {
	s := newStore(t)
	in, cookie := session(t, s.do("POST", "/api/v1/auth/register", carol))
	token := "Bearer " + in.AccessToken
	const self = "http://example.com" // what httptest's requests ask for
	for name, tt := range map[string]struct {
		header  []string
		refused bool
	}{
		"a form of another site":                  {[]string{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example", "Content-Type", "text/plain"}, true},
		"a page of a neighbour":                   {[]string{"Sec-Fetch-Site", "same-site", "Origin", "https://blog.example.com"}, true},
		"another site's page in an older browser": {[]string{"Origin", "https://evil.example"}, true},
		"a page in a sandbox":                     {[]string{"Origin", "null"}, true},
		"the page of this host":                   {[]string{"Sec-Fetch-Site", "same-origin", "Origin", self}, false},
		"the page of this host, without HTTPS":    {[]string{"Origin", self}, false},
		"the page of an allowed host":             {[]string{"Sec-Fetch-Site", "cross-site", "Origin", origin}, false},
		"its page in an older browser":            {[]string{"Origin", origin}, false},
		"no browser":                              {nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			for _, path := range []string{"register", "login", "refresh", "logout", "logout-everywhere"} {
				resp := s.do("POST", "/api/v1/auth/"+path, "{}", append([]string{"X-Requested-With", "fetch"}, tt.header...)...)
				body := text(t, resp)
				if got := resp.StatusCode == 403; got != tt.refused || got && !strings.Contains(body, `{"code":"cross_origin","error":"`) {
					t.Errorf("%s: %d %s", path, resp.StatusCode, body)
				}
				if tt.refused && len(resp.Cookies()) > 0 {
					t.Errorf("%s: a cookie is set: %v", path, resp.Cookies())
				}
			}
			if !tt.refused {
				return
			}
			status(t, s.do("POST", "/api/v1/auth/login", carol, tt.header...), 403)
			status(t, s.do("POST", "/api/v1/auth/logout", "", append([]string{"Cookie", cookie.Name + "=" + cookie.Value}, tt.header...)...), 403)
			status(t, s.do("POST", "/api/v1/auth/logout-everywhere", "", append([]string{"Authorization", token}, tt.header...)...), 403)
			// The old API has no cookie, and its clients are served as ever.
			status(t, s.do("POST", "/api/auth/login", carol, tt.header...), 200)
		})
	}
	status(t, s.me(in.AccessToken), 200)
	session(t, s.refresh(cookie))
}
