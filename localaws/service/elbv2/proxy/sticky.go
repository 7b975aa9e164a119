package proxy

import (
	"net/http"
	"time"
)

// The cookies of a balancer; see
// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/sticky-sessions.html.
const (
	targetCookie  = "AWSALB"
	corsCookie    = "AWSALBCORS"
	appCookie     = "AWSALBAPP-0"
	groupCookie   = "AWSALBTG"
	groupCORS     = "AWSALBTGCORS"
	cookieNoValue = "_remove_" // what AWS puts into an application cookie that means nothing
)

func cookie(r *http.Request, name string) string {
	if c, err := r.Cookie(name); err == nil {
		return c.Value
	}
	return ""
}

// sticky returns what the client's cookie says about the target.
func (g *Group) sticky(r *http.Request) string {
	switch {
	case g.Sticky.Duration <= 0:
		return ""
	case g.Sticky.AppCookie != "":
		return cookie(r, appCookie)
	}
	if v := cookie(r, targetCookie); v != "" {
		return v
	}
	return cookie(r, corsCookie)
}

// setCookies adds the balancer's cookies to a target's answer.
func (x *exchange) setCookies(r *http.Response, now time.Time) {
	add := func(name, value string, age time.Duration, cors bool) {
		c := http.Cookie{Name: name, Value: value, Path: "/", Expires: now.Add(age)}
		if cors {
			c.SameSite, c.Secure = http.SameSiteNoneMode, x.listener.Secure
		}
		r.Header.Add("Set-Cookie", c.String())
	}
	if x.sticky > 0 {
		v := mark("", x.group.ID)
		add(groupCookie, v, x.sticky, false)
		add(groupCORS, v, x.sticky, true)
	}
	s := x.group.Sticky
	if s.Duration <= 0 {
		return
	}
	v := mark(x.group.ID, x.to.ID)
	if s.AppCookie == "" {
		add(targetCookie, v, s.Duration, false)
		add(corsCookie, v, s.Duration, true)
		return
	}
	for _, c := range r.Cookies() {
		if c.Name == s.AppCookie {
			add(appCookie, v, s.Duration, false)
			return
		}
	}
	if cookie(r.Request, appCookie) == "" {
		add(appCookie, cookieNoValue, s.Duration, false)
	}
}
